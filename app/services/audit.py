"""Reading the audit trail, and finding out whether somebody changed it.

`list_audit` takes an entered `UnitOfWork` made for the principal.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act, ActorKind, AuditRecord, BrokenLink, ChainCheck, Fact
from app.services.cursors import check_limit, decode_cursor, encode_cursor, number_part, split_page
from app.services.read_models import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One line of the trail as an owner reads it."""

    sequence: int
    created_at: datetime
    act: str
    actor_kind: ActorKind
    actor_id: UUID | None
    actor_name: str | None
    """As the user or key is called today; None when there is none such any more."""
    object_id: UUID | None
    detail: dict[str, Fact]
    address: str
    request_id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailReport:
    """What became of walking one organisation's trail."""

    organisation_id: UUID
    n_records: int
    """Records that hold, from the first on."""
    head: str
    """Hash of the last that holds: noted elsewhere, it also proves that nothing was cut off the end."""
    broken: BrokenLink | None
    broken_at: int | None
    """Sequence number of the first record that does not hold."""
    found: frozenset[str]
    """Heads noted before that are in it."""


def list_audit(
    *,
    uow: UnitOfWork,
    principal: Principal,
    act: str | None = None,
    object_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AuditView]:
    """List what was done in the organisation, newest first; reading it leaves a line, too."""
    principal.require(Permission.AUDIT_READ)
    organisation_id = principal.organisation_id
    rows = uow.audit.list_newest(
        organisation_id=organisation_id,
        before=None if cursor is None else decode_cursor(cursor, number_part)[0],
        act=act,
        object_id=object_id,
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    names = uow.accounts.names_of({row.actor_id for row in page if row.actor_id is not None})
    uow.audit.record_reading(actor=principal, act=Act.AUDIT_READ, object_id=organisation_id)
    return Page(
        items=tuple(_view(row, names=names) for row in page),
        next_cursor=encode_cursor(page[-1].sequence) if more else None,
    )


def verify_trails(
    open_uow: Callable[[UUID | None], UnitOfWork],
    *,
    organisation_id: UUID | None = None,
    noted: frozenset[str] = frozenset(),
) -> list[TrailReport]:
    """Walk the trail of every organisation, or of one, from its first record to the last that holds.

    A head that was noted before and is in none of them was cut off, with whatever stood before or behind it.
    """
    if organisation_id is not None:
        ids = [organisation_id]
    else:
        with open_uow(None) as uow:
            ids = uow.accounts.list_organisation_ids()
    return [_verify(open_uow, organisation_id=each, noted=noted) for each in ids]


def _verify(
    open_uow: Callable[[UUID | None], UnitOfWork], *, organisation_id: UUID, noted: frozenset[str]
) -> TrailReport:
    check = ChainCheck(noted=noted)
    broken, broken_at = None, None
    with open_uow(organisation_id) as uow:
        for record in uow.audit.walk(organisation_id=organisation_id):
            broken = check.accept(record)
            if broken is not None:
                broken_at = record.sequence
                break
    return TrailReport(
        organisation_id=organisation_id,
        n_records=check.n_records,
        head=check.head,
        broken=broken,
        broken_at=broken_at,
        found=check.found,
    )


def _view(row: AuditRecord, *, names: dict[UUID, str]) -> AuditView:
    return AuditView(
        sequence=row.sequence,
        created_at=row.created_at,
        act=row.act,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_name=None if row.actor_id is None else names.get(row.actor_id),
        object_id=row.object_id,
        detail=json.loads(row.detail),
        address=row.address,
        request_id=row.request_id,
        hash=row.hash,
    )
