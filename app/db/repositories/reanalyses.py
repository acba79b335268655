"""Re-analyses of one organisation, and the only writer of how far they are."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, insert, select, text, update

from app.biomech.types import MethodStamp
from app.db.engine import TenantSession
from app.db.models import Athlete, Reanalysis, ReanalysisItem, Recording
from app.db.types import digest_of_key, from_now, new_id
from app.domain.access import Principal
from app.domain.errors import StaleStateError
from app.domain.reanalysis import WORKING, ItemState, ReanalysisState, ReanalysisStep, next_state


@dataclass(frozen=True, slots=True, kw_only=True)
class ReanalysisClaim:
    """One worker's hold on a re-analysis."""

    organisation_id: UUID
    reanalysis_id: UUID
    lease_token: UUID
    state: ReanalysisState
    method_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReanalysis:
    """A re-analysis nobody works on; found across organisations, so no more than ids."""

    organisation_id: UUID
    reanalysis_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """One recording of a re-analysis, with whose it is."""

    item: ReanalysisItem
    athlete_id: UUID | None
    athlete_name: str | None
    is_newest: bool
    """The athlete's newest recording among those of the re-analysis: the one whose band is looked at."""


_WANTED = {ReanalysisState.PREVIEWING: ItemState.PENDING, ReanalysisState.ACCEPTING: ItemState.PREVIEWED}

_ADD_ITEMS = text("""
WITH chosen AS (
    SELECT r.id, n.method_version, n.model_sha256
      FROM recording r
      JOIN LATERAL (
          SELECT a.method_version, a.model_sha256 FROM analysis a
           WHERE a.organisation_id = r.organisation_id AND a.recording_id = r.id
           ORDER BY a.run DESC LIMIT 1
      ) n ON true
     WHERE r.organisation_id = CAST(:organisation_id AS uuid)
       AND r.state IN ('analysed', 'rejected', 'failed')
       AND (CAST(:team_id AS uuid) IS NULL OR r.athlete_id IN (
               SELECT m.athlete_id FROM team_member m
                WHERE m.organisation_id = CAST(:organisation_id AS uuid) AND m.team_id = CAST(:team_id AS uuid)))
), added AS (
    INSERT INTO reanalysis_item (organisation_id, reanalysis_id, recording_id, state)
    SELECT CAST(:organisation_id AS uuid), CAST(:reanalysis_id AS uuid), id, 'pending' FROM chosen
     WHERE method_version <> :method_version
    RETURNING recording_id
)
SELECT (SELECT count(*) FROM chosen) - (SELECT count(*) FROM added) AS n_current
""")


class ReanalysisRepository:
    """Re-analyses of one organisation, and the only writer of how far they are."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def hold(self, *, organisation_id: UUID) -> None:
        """Let no other re-analysis of the organisation be started until this transaction ends."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('reanalysis:' || :id, 0))"),
            {"id": str(organisation_id)},
        )

    def add(
        self, *, team_id: UUID | None, method: MethodStamp, idempotency_key: str | None, actor: Principal
    ) -> UUID:
        """Insert a re-analysis of every recording that is of another version; the caller holds the organisation.

        Raises `StaleStateError` when one is open already.
        """
        organisation_id = actor.organisation_id
        is_open = exists().where(
            Reanalysis.organisation_id == organisation_id,
            Reanalysis.state.in_([*WORKING, ReanalysisState.READY]),
        )
        if self._session.scalar(select(is_open)):
            raise StaleStateError(
                "Another re-analysis is still open.", how_to_fix="Accept it or cancel it first."
            )
        reanalysis_id = new_id()
        self._session.execute(
            insert(Reanalysis).values(
                id=reanalysis_id,
                organisation_id=organisation_id,
                team_id=team_id,
                method_version=method.version,
                model_sha256=method.model_sha256,
                code_version=method.code_version,
                state=ReanalysisState.PREVIEWING,
                n_current=0,
                sent_at=func.now(),
                actor_user_id=actor.user_id,
                actor_api_key_id=actor.api_key_id,
                idempotency_key=None if idempotency_key is None else digest_of_key(idempotency_key),
            )
        )
        n_current = self._session.execute(
            _ADD_ITEMS,
            {
                "organisation_id": str(organisation_id),
                "reanalysis_id": str(reanalysis_id),
                "team_id": None if team_id is None else str(team_id),
                "method_version": method.version,
            },
        ).scalar_one()
        self._session.execute(
            update(Reanalysis).where(Reanalysis.id == reanalysis_id).values(n_current=n_current)
        )
        return reanalysis_id

    def find(self, *, organisation_id: UUID, reanalysis_id: UUID) -> Reanalysis | None:
        """Return a re-analysis, or None."""
        return self._session.scalar(
            select(Reanalysis)
            .where(Reanalysis.organisation_id == organisation_id, Reanalysis.id == reanalysis_id)
            .execution_options(populate_existing=True)
        )

    def find_by_key(self, *, organisation_id: UUID, idempotency_key: str) -> Reanalysis | None:
        """Return the re-analysis that was made with this key, or None."""
        return self._session.scalar(
            select(Reanalysis).where(
                Reanalysis.organisation_id == organisation_id,
                Reanalysis.idempotency_key == digest_of_key(idempotency_key),
            )
        )

    def list_newest(self, *, organisation_id: UUID, before: UUID | None, limit: int) -> list[Reanalysis]:
        """Return re-analyses, newest first."""
        query = select(Reanalysis).where(Reanalysis.organisation_id == organisation_id)
        if before is not None:
            query = query.where(Reanalysis.id < before)
        return [*self._session.scalars(query.order_by(Reanalysis.id.desc()).limit(limit))]

    def items(self, *, organisation_id: UUID, reanalysis_id: UUID) -> list[ItemRecord]:
        """Return every recording of a re-analysis."""
        newest = (
            func.row_number().over(
                partition_by=Recording.athlete_id,
                order_by=(Recording.screened_on.desc(), Recording.created_at.desc(), Recording.id.desc()),
            )
            == 1
        )
        query = (
            select(ReanalysisItem, Athlete.id, Athlete.name, newest.label("is_newest"))
            .join(
                Recording,
                (Recording.organisation_id == ReanalysisItem.organisation_id)
                & (Recording.id == ReanalysisItem.recording_id),
            )
            .outerjoin(
                Athlete,
                (Athlete.organisation_id == Recording.organisation_id) & (Athlete.id == Recording.athlete_id),
            )
            .where(
                ReanalysisItem.organisation_id == organisation_id,
                ReanalysisItem.reanalysis_id == reanalysis_id,
            )
            .order_by(ReanalysisItem.recording_id)
            .execution_options(populate_existing=True)
        )
        return [
            ItemRecord(item=row[0], athlete_id=row[1], athlete_name=row[2], is_newest=row[3])
            for row in self._session.execute(query)
        ]

    def step(self, reanalysis_id: UUID, *, state: ReanalysisState, step: ReanalysisStep) -> None:
        """Take one step of its life for a person; raise `StaleStateError` when it is not (or no longer) there."""
        to_state = next_state(state, step)
        if to_state is None or not self._write(
            Reanalysis.id == reanalysis_id,
            Reanalysis.state == state,
            state=to_state,
            lease_token=None,
            lease_until=None,
            sent_at=func.now(),
        ):
            raise StaleStateError(
                "The re-analysis is not at that point.", how_to_fix="Look at it again: it says how far it is."
            )

    def claim(self, *, organisation_id: UUID, reanalysis_id: UUID, lease_s: float) -> ReanalysisClaim | None:
        """Begin to work on a re-analysis, or return None: held by somebody, nothing to do, unknown."""
        token = new_id()
        row = self._session.execute(
            update(Reanalysis)
            .where(
                Reanalysis.organisation_id == organisation_id,
                Reanalysis.id == reanalysis_id,
                Reanalysis.state.in_(WORKING),
                Reanalysis.lease_until.is_(None) | (Reanalysis.lease_until < func.now()),
            )
            .values(lease_token=token, lease_until=from_now(lease_s), updated_at=func.now())
            .returning(Reanalysis.state, Reanalysis.method_version)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if row is None:
            return None
        return ReanalysisClaim(
            organisation_id=organisation_id,
            reanalysis_id=reanalysis_id,
            lease_token=token,
            state=row.state,
            method_version=row.method_version,
        )

    def take(self, claim: ReanalysisClaim, *, lease_s: float) -> tuple[UUID, int] | None:
        """Begin an attempt at the next recording; return it and which attempt it is, None when all are done.

        Raises `StaleStateError` when the re-analysis is no longer ours.
        """
        self.renew(claim, lease_s=lease_s)
        following = (
            select(ReanalysisItem.recording_id)
            .where(*_items_of(claim), ReanalysisItem.state == _WANTED[claim.state])
            .order_by(ReanalysisItem.attempt, ReanalysisItem.recording_id)
            .limit(1)
        )
        row = self._session.execute(
            update(ReanalysisItem)
            .where(*_items_of(claim), ReanalysisItem.recording_id == following.scalar_subquery())
            .values(attempt=ReanalysisItem.attempt + 1)
            .returning(ReanalysisItem.recording_id, ReanalysisItem.attempt)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        return None if row is None else (row.recording_id, row.attempt)

    def find_item(self, claim: ReanalysisClaim, recording_id: UUID) -> ReanalysisItem:
        """Return one recording of it."""
        return self._session.scalars(
            select(ReanalysisItem).where(*_items_of(claim), ReanalysisItem.recording_id == recording_id)
        ).one()

    def finish_item(
        self, claim: ReanalysisClaim, recording_id: UUID, *, state: ItemState, **values: Any
    ) -> None:
        """Note what became of a recording; raise `StaleStateError` when the re-analysis is no longer ours."""
        self._hold(claim)
        self._session.execute(
            update(ReanalysisItem)
            .where(*_items_of(claim), ReanalysisItem.recording_id == recording_id)
            .values(state=state, attempt=0, **values)
            .execution_options(synchronize_session=False)
        )

    def renew(self, claim: ReanalysisClaim, *, lease_s: float) -> None:
        """Renew the lease; raise `StaleStateError` when the re-analysis is no longer ours."""
        if not self._write(*_held(claim), lease_until=from_now(lease_s)):
            raise _lost()

    def release(self, claim: ReanalysisClaim, *, step: ReanalysisStep | None) -> None:
        """Let go, with the step that the work has come to, if any; the caller defers the job for the rest."""
        to_state = None if step is None else next_state(claim.state, step)
        values: dict[str, Any] = {} if to_state is None else {"state": to_state}
        if not self._write(*_held(claim), lease_token=None, lease_until=None, sent_at=func.now(), **values):
            raise _lost()

    def find_due(self, *, resend_after_s: float, limit: int) -> list[DueReanalysis]:
        """Return re-analyses that need the sweeper, of every organisation."""
        rows = self._session.execute(
            text(
                "SELECT organisation_id, reanalysis_id"
                " FROM due_reanalyses(CAST(:resend_after_s AS float8), :max_rows)"
            ),
            {"resend_after_s": resend_after_s, "max_rows": limit},
        )
        return [
            DueReanalysis(organisation_id=row.organisation_id, reanalysis_id=row.reanalysis_id)
            for row in rows
        ]

    def note_sent(self, reanalysis_id: UUID, *, resend_after_s: float) -> bool:
        """Note that a job is sent; False when another sweeper has just done so or nothing waits any more."""
        return self._write(
            Reanalysis.id == reanalysis_id,
            Reanalysis.state.in_(WORKING),
            Reanalysis.sent_at.is_(None) | (Reanalysis.sent_at < from_now(-resend_after_s)),
            sent_at=func.now(),
        )

    def _hold(self, claim: ReanalysisClaim) -> None:
        """Keep the row until the transaction ends, so that nobody cancels it in between."""
        found = self._session.scalar(select(Reanalysis.id).where(*_held(claim)).with_for_update())
        if found is None:
            raise _lost()

    def _write(self, *conditions: ColumnElement[bool], **values: Any) -> bool:
        found = self._session.scalar(
            update(Reanalysis)
            .where(self._session.own(Reanalysis), *conditions)
            .values(updated_at=func.now(), **values)
            .returning(Reanalysis.id)
            .execution_options(synchronize_session=False)
        )
        return found is not None


def _held(claim: ReanalysisClaim) -> tuple[ColumnElement[bool], ...]:
    return (
        Reanalysis.organisation_id == claim.organisation_id,
        Reanalysis.id == claim.reanalysis_id,
        Reanalysis.lease_token == claim.lease_token,
    )


def _items_of(claim: ReanalysisClaim) -> tuple[ColumnElement[bool], ...]:
    return (
        ReanalysisItem.organisation_id == claim.organisation_id,
        ReanalysisItem.reanalysis_id == claim.reanalysis_id,
    )


def _lost() -> StaleStateError:
    return StaleStateError(
        "The re-analysis was cancelled, or another worker has taken it over.",
        how_to_fix="Look at it again: it says how far it is.",
    )
