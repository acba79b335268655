"""Putting right whose a result is, and taking it back."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.api.deps import CursorQuery, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.athletes import (
    MoveRecordingInput,
    MoveScreeningInput,
    RosterChangeOutput,
    RosterChangePage,
)
from app.domain.access import Permission
from app.http.small_bodies import SmallBodyRoute
from app.services import moves, roster_changes, undo_changes

READ = [Depends(Requires(Permission.ROSTER_READ))]
WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]

router = APIRouter(tags=["roster"], route_class=SmallBodyRoute)


@router.post(
    "/recordings/{recording_id}/move",
    operation_id="move_recording",
    summary="Give a recording to the right athlete",
    dependencies=WRITE,
    responses=problems(400, 404, 409, 413, 422),
)
def move_recording(
    recording_id: UUID, body: MoveRecordingInput, uow: UowDep, principal: PrincipalDep
) -> RosterChangeOutput:
    """Move a recording into the athlete's screening of its day and context; can be undone for thirty days."""
    change = moves.move_recording(
        uow=uow, principal=principal, recording_id=recording_id, athlete_id=body.athlete_id
    )
    return RosterChangeOutput.model_validate(change)


@router.post(
    "/screenings/{screening_id}/move",
    operation_id="move_screening",
    summary="Give a whole screening to the right athlete",
    dependencies=WRITE,
    responses=problems(400, 404, 409, 413, 422),
)
def move_screening(
    screening_id: UUID, body: MoveScreeningInput, uow: UowDep, principal: PrincipalDep
) -> RosterChangeOutput:
    """Move every trial and recording of a screening; can be undone for thirty days."""
    change = moves.move_screening(
        uow=uow, principal=principal, screening_id=screening_id, athlete_id=body.athlete_id
    )
    return RosterChangeOutput.model_validate(change)


@router.get(
    "/roster-changes",
    operation_id="list_roster_changes",
    summary="Imports, merges and moves",
    dependencies=READ,
    responses=problems(404, 422),
)
def list_roster_changes(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> RosterChangePage:
    """List what can be undone, newest first, and what was."""
    page = roster_changes.list_changes(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return RosterChangePage(
        items=[RosterChangeOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/roster-changes/{change_id}",
    operation_id="get_roster_change",
    summary="One import, merge or move",
    dependencies=READ,
    responses=problems(404),
)
def get_roster_change(change_id: UUID, uow: UowDep, principal: PrincipalDep) -> RosterChangeOutput:
    """Return one act on the roster."""
    change = roster_changes.get_change(uow=uow, principal=principal, change_id=change_id)
    return RosterChangeOutput.model_validate(change)


@router.post(
    "/roster-changes/{change_id}/undo",
    operation_id="undo_roster_change",
    summary="Undo an import, merge or move",
    dependencies=WRITE,
    responses=problems(404, 409),
)
def undo_roster_change(change_id: UUID, uow: UowDep, principal: PrincipalDep) -> RosterChangeOutput:
    """Put everything back as it was before; 409 when it has changed again since."""
    change = undo_changes.undo_change(uow=uow, principal=principal, change_id=change_id)
    return RosterChangeOutput.model_validate(change)
