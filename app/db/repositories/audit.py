"""The audit trail of one organisation: told during the work, written at its end, in the same transaction.

::

    uow.audit.record(actor=principal, act=Act.TEAM_CREATED, object_id=team_id)

Nothing is sent to the database before the unit of work is left: a trail has room for one writer at a time (each
record names the one before), so the lock for it is the last one taken and is held for the commit alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from sqlalchemy import exists, insert, select, text

from app.db.engine import TenantSession
from app.db.models.audit import AuditEntry
from app.db.types import from_now
from app.domain.access import Principal
from app.domain.audit import Act, ActorKind, AuditRecord, Fact, detail_text

SAME_READING_S = 600.0
"""A player asks for a video in many pieces: what one person reads of one thing within this time is one act."""
_ROWS_AT_A_TIME = 1000
_NAME = text("SELECT set_config('app.org_id', :value, true)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An act waiting to be written."""

    organisation_id: UUID
    actor: Principal | None
    act: Act
    object_id: UUID | None
    detail: str
    is_reading: bool

    def values(self) -> dict[str, object]:
        origin = None if self.actor is None else self.actor.origin
        return {
            "organisation_id": self.organisation_id,
            "sequence": 0,  # the database gives the next one, and the time and the hashes
            "act": self.act.value,
            "actor_kind": _kind(self.actor),
            "actor_id": _actor_id(self.actor),
            "object_id": self.object_id,
            "detail": self.detail,
            "address": "" if origin is None else origin.address,
            "user_agent_sha256": "" if origin is None else origin.user_agent_sha256,
            "request_id": "" if origin is None else origin.request_id,
        }


class AuditRepository:
    """The audit trail of one organisation."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session; when it has no organisation, each record names its own."""
        self._session = session
        self._told: list[_Told] = []

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was told yet."""
        return not self._told

    @property
    def told(self) -> tuple[tuple[Act, UUID | None], ...]:
        """What was told so far: each act and its object."""
        return tuple((told.act, told.object_id) for told in self._told)

    @contextmanager
    def dropped_on_error(self) -> Iterator[None]:
        """Forget what is told inside when it ends with an error."""
        n_told = len(self._told)
        try:
            yield
        except BaseException:
            del self._told[n_told:]
            raise

    def record(
        self,
        *,
        actor: Principal | None,
        act: Act,
        object_id: UUID | None = None,
        organisation_id: UUID | None = None,
        **detail: Fact,
    ) -> None:
        """Tell what is being done; it is written when the unit of work is left cleanly, or not at all.

        `actor` None is the service itself. `detail` takes ids, counts, states and names of fields, never a value
        that belongs to a person: the trail outlives them.
        """
        self._tell(actor, act, object_id, organisation_id, detail, is_reading=False)

    def record_reading(self, *, actor: Principal, act: Act, object_id: UUID, **detail: Fact) -> None:
        """Tell what is being looked at; looking again within ten minutes is the same act."""
        self._tell(actor, act, object_id, None, detail, is_reading=True)

    def write(self) -> None:
        """Write what was told; called by the unit of work, last before the commit."""
        ordered = sorted(self._told, key=lambda told: told.organisation_id)
        self._told = []
        for organisation_id, acts in groupby(ordered, key=lambda told: told.organisation_id):
            rows = [told.values() for told in acts if not (told.is_reading and self._was_read(told))]
            if not rows:
                continue
            if self._session.organisation_id is None:
                # who is asking was found out in this very transaction
                self._session.execute(_NAME, {"value": str(organisation_id)})
            for row in rows:
                self._session.execute(insert(AuditEntry).values(row))

    def list_newest(
        self,
        *,
        organisation_id: UUID,
        before: int | None,
        act: str | None,
        object_id: UUID | None,
        limit: int,
    ) -> list[AuditRecord]:
        """Return records, newest first."""
        query = select(AuditEntry).where(AuditEntry.organisation_id == organisation_id)
        if before is not None:
            query = query.where(AuditEntry.sequence < before)
        if act is not None:
            query = query.where(AuditEntry.act == act)
        if object_id is not None:
            query = query.where(AuditEntry.object_id == object_id)
        rows = self._session.scalars(query.order_by(AuditEntry.sequence.desc()).limit(limit))
        return [_record(row) for row in rows]

    def walk(self, *, organisation_id: UUID) -> Iterator[AuditRecord]:
        """Yield the whole trail, oldest first."""
        ours = select(AuditEntry).where(AuditEntry.organisation_id == organisation_id)
        last = -1
        while True:
            query = ours.where(AuditEntry.sequence > last).order_by(AuditEntry.sequence)
            rows = self._session.scalars(query.limit(_ROWS_AT_A_TIME)).all()
            if not rows:
                return
            yield from map(_record, rows)
            last = rows[-1].sequence
            self._session.expunge_all()

    def _tell(
        self,
        actor: Principal | None,
        act: Act,
        object_id: UUID | None,
        organisation_id: UUID | None,
        detail: dict[str, Fact],
        *,
        is_reading: bool,
    ) -> None:
        named = {
            self._session.organisation_id,
            organisation_id,
            None if actor is None else actor.organisation_id,
        }
        owners = named - {None}
        owner = owners.pop() if len(owners) == 1 else None
        if owner is None:
            msg = f"{act}: a record belongs to exactly one organisation, the unit of work's"
            raise ValueError(msg)
        told = _Told(
            organisation_id=owner,
            actor=actor,
            act=act,
            object_id=object_id,
            detail=detail_text(detail),
            is_reading=is_reading,
        )
        self._told.append(told)

    def _was_read(self, told: _Told) -> bool:
        lately = exists().where(
            AuditEntry.organisation_id == told.organisation_id,
            AuditEntry.object_id == told.object_id,
            AuditEntry.act == told.act.value,
            AuditEntry.actor_id == _actor_id(told.actor),
            AuditEntry.created_at > from_now(-SAME_READING_S),
        )
        return bool(self._session.scalar(select(lately)))


def _kind(actor: Principal | None) -> ActorKind:
    if actor is None or _actor_id(actor) is None:
        return ActorKind.SERVICE
    if actor.user_id is not None:
        return ActorKind.USER
    return ActorKind.API_KEY if actor.api_key_id is not None else ActorKind.STATION


def _actor_id(actor: Principal | None) -> UUID | None:
    return None if actor is None else actor.user_id or actor.api_key_id or actor.station_pass_id


def _record(row: AuditEntry) -> AuditRecord:
    return AuditRecord(**{name: getattr(row, name) for name in AuditRecord.__slots__})
