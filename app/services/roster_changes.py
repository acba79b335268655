"""Acts on the roster that can be taken back: written down with what was before, listed, opened for an undo.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from app.db.models import RosterChange
from app.db.repositories.changes import ChangeItem
from app.db.repositories.webhooks import Telling
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.changes import UNDO_FOR, ChangeKind
from app.domain.errors import NotFoundError, StaleStateError
from app.domain.webhooks import WebhookEvent
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, instant_part, split_page
from app.services.read_models import Page

_ACTS: Final = {
    ChangeKind.IMPORT: Act.ROSTER_IMPORTED,
    ChangeKind.MERGE: Act.ATHLETES_MERGED,
    ChangeKind.MOVE_RECORDING: Act.RECORDING_MOVED,
    ChangeKind.MOVE_SCREENING: Act.SCREENING_MOVED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """An act on the roster, and whether it can still be undone."""

    id: UUID
    kind: ChangeKind
    created_at: datetime
    undone_at: datetime | None
    undo_until: datetime
    athlete_ids: tuple[UUID, ...]
    recording_ids: tuple[UUID, ...]
    n_reanalysed: int
    """Recordings analysed anew, because their athlete now has another sex or stature."""
    n_undone: int | None
    """Of an import that was undone: people who are as they were before."""
    n_kept: int | None
    """Of an import that was undone: people left as they are, because they changed or were filmed since."""


def get_change(*, uow: UnitOfWork, principal: Principal, change_id: UUID) -> ChangeView:
    """Return an act on the roster, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    return _view(uow, _find_change(uow, principal, change_id))


def list_changes(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[ChangeView]:
    """List acts on the roster, newest first."""
    principal.require(Permission.ROSTER_READ)
    before = None if cursor is None else decode_cursor(cursor, instant_part, id_part)
    rows = uow.changes.list_newest(
        organisation_id=principal.organisation_id,
        before=None if before is None else (before[0], before[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_view(uow, row) for row in page),
        next_cursor=encode_cursor(page[-1].created_at, page[-1].id) if more else None,
    )


def open_for_undo(*, uow: UnitOfWork, principal: Principal, change_id: UUID) -> RosterChange:
    """Return an act that can be undone, held; raise `StaleStateError` when it was already, or is too old."""
    principal.require(Permission.ROSTER_WRITE)
    uow.athletes.lock_roster(organisation_id=principal.organisation_id)
    change = _find_change(uow, principal, change_id, lock=True)
    if change.undone_at is not None:
        raise StaleStateError("This was undone already.", how_to_fix="There is nothing left to do.")
    if datetime.now(UTC) > change.created_at + UNDO_FOR:
        raise StaleStateError(
            f"This is more than {UNDO_FOR.days} days ago.", how_to_fix="Change the records by hand."
        )
    return change


def note(
    uow: UnitOfWork,
    principal: Principal,
    kind: ChangeKind,
    *,
    items: Collection[ChangeItem],
    detail: dict[str, Any],
    **facts: Any,
) -> ChangeView:  # fmt: skip
    """Write an act down, for the undo and for the audit trail."""
    change_id = uow.changes.add(actor=principal, kind=kind, detail=detail, items=items)
    uow.audit.record(actor=principal, act=_ACTS[kind], object_id=change_id, **facts)
    uow.webhooks.tell(*_tellings(kind, change_id, items=items, detail=detail))
    return _view(uow, _find_change(uow, principal, change_id))


def _tellings(
    kind: ChangeKind, change_id: UUID, *, items: Collection[ChangeItem], detail: dict[str, Any]
) -> Iterator[Telling]:
    """Yield what other systems are told of moves and merges: whose things are whose now."""
    if kind is ChangeKind.MERGE:
        kept = next((item.athlete_id for item in items if item.after is not None), None)
        gone = (item.athlete_id for item in items if item.after is None)
        for athlete_id in gone:
            content = {"merged_into_id": kept, "change_id": change_id}
            yield Telling(event=WebhookEvent.ATHLETE_MERGED, athlete_id=athlete_id, content=content)
    elif kind is not ChangeKind.IMPORT:
        for row in detail["after"]["recording"]:
            yield Telling(
                event=WebhookEvent.RECORDING_MOVED,
                recording_id=UUID(row["id"]),
                content={"change_id": change_id},
            )


def _find_change(
    uow: UnitOfWork, principal: Principal, change_id: UUID, *, lock: bool = False
) -> RosterChange:
    found = uow.changes.find(organisation_id=principal.organisation_id, change_id=change_id, lock=lock)
    if found is None:
        raise NotFoundError(
            "There is no such change of the roster.", how_to_fix="Look at the list of changes."
        )
    return found


def _view(uow: UnitOfWork, change: RosterChange) -> ChangeView:
    found = uow.changes.athlete_ids(organisation_id=change.organisation_id, change_ids=(change.id,))
    moved = change.detail.get("after", {}).get("recording", [])
    return ChangeView(
        id=change.id,
        kind=change.kind,
        created_at=change.created_at,
        undone_at=change.undone_at,
        undo_until=change.created_at + UNDO_FOR,
        athlete_ids=tuple(found.get(change.id, ())),
        recording_ids=tuple(UUID(row["id"]) for row in moved),
        n_reanalysed=change.detail.get("n_reanalysed", 0),
        n_undone=change.detail.get("n_undone"),
        n_kept=change.detail.get("n_kept"),
    )
