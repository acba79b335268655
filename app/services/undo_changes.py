"""Taking an act on the roster back."""

from typing import Any
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.domain.audit import Act
from app.domain.changes import ChangeKind
from app.services.moves import undo_placement
from app.services.roster_changes import ChangeView, get_change, open_for_undo
from app.services.roster_imports import undo_import


def undo_change(*, uow: UnitOfWork, principal: Principal, change_id: UUID) -> ChangeView:
    """Put everything back as it was before an act; raise `StaleStateError` when that is no longer possible."""
    change = open_for_undo(uow=uow, principal=principal, change_id=change_id)
    counts: dict[str, Any] = {}
    if change.kind is ChangeKind.IMPORT:
        counts = undo_import(uow=uow, principal=principal, change=change)
    else:
        undo_placement(uow=uow, principal=principal, change=change)
    uow.changes.mark_undone(
        organisation_id=principal.organisation_id, change_id=change_id, detail={**change.detail, **counts}
    )
    uow.audit.record(
        actor=principal, act=Act.ROSTER_CHANGE_UNDONE, object_id=change_id, kind=change.kind.value, **counts
    )
    return get_change(uow=uow, principal=principal, change_id=change_id)
