"""The inbox: recordings that need somebody, with best guesses; given out one by one or in bulk, and taken back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.deps import CursorQuery, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.captures import CaptureProblem
from app.api.schemas.inbox import (
    AssignedList,
    AssignedOutput,
    AssignmentsInput,
    GuessOutput,
    InboxItemOutput,
    InboxPage,
    ReasonOutput,
    UndoInput,
    UndoneList,
    UndoneOutput,
)
from app.api.schemas.recordings import recording_url
from app.api.schemas.screening_days import StationOutput
from app.domain.access import Permission
from app.domain.errors import DomainError
from app.domain.guess_words import DOUBT_WORDS, REASON_WORDS
from app.http.small_bodies import SmallBodyRoute
from app.services import inbox, inbox_assignments
from app.services.inbox import GuessView, InboxItem

WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]
_SAME = (
    "recording_id", "doubt", "state", "athlete_id", "athlete_name", "movement", "view", "filename", "duration_s",
    "created_at", "bib", "is_likely",
)  # fmt: skip

router = APIRouter(tags=["screening days"], route_class=SmallBodyRoute)


@router.get(
    "/inbox",
    operation_id="list_inbox",
    summary="Recordings that need somebody",
    dependencies=WRITE,
    responses=problems(404, 422),
)
def list_inbox(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    screening_day_id: Annotated[
        UUID | None,
        Query(description="Of this day, all at once, in the order they were filmed; doubtful ones, too."),
    ] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> InboxPage:
    """List recordings without an athlete, newest first, each with its best guesses and what speaks for them."""
    if screening_day_id is not None:
        items = inbox.list_day_inbox(uow=uow, principal=principal, day_id=screening_day_id)
        return InboxPage(items=[_present(item) for item in items], next_cursor=None)
    page = inbox.list_inbox(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return InboxPage(items=[_present(item) for item in page.items], next_cursor=page.next_cursor)


@router.post(
    "/inbox/assignments",
    operation_id="assign_recordings",
    summary="Give recordings to athletes",
    dependencies=WRITE,
    responses=problems(400, 413, 422),
)
def assign_recordings(body: AssignmentsInput, uow: UowDep, principal: PrincipalDep) -> AssignedList:
    """Move recordings as `POST /recordings/{id}/move` does, many at once; each answers for itself."""
    done = inbox_assignments.assign_recordings(uow=uow, principal=principal, assignments=body.assignments())
    return AssignedList(
        items=[
            AssignedOutput(
                recording_id=each.recording_id,
                status=each.status,
                change_id=each.change_id,
                problem=_problem(each.problem),
            )
            for each in done
        ]
    )


@router.post(
    "/inbox/undo",
    operation_id="undo_assignments",
    summary="Take assignments back",
    dependencies=WRITE,
    responses=problems(400, 413, 422),
)
def undo_assignments(body: UndoInput, uow: UowDep, principal: PrincipalDep) -> UndoneList:
    """Put recordings back where they were; each answers for itself."""
    done = inbox_assignments.undo_assignments(uow=uow, principal=principal, change_ids=body.change_ids)
    return UndoneList(
        items=[
            UndoneOutput(
                change_id=each.change_id, is_undone=each.problem is None, problem=_problem(each.problem)
            )
            for each in done
        ]
    )


def _present(item: InboxItem) -> InboxItemOutput:
    url = recording_url(item.recording_id)
    return InboxItemOutput(
        **{name: getattr(item, name) for name in _SAME},
        doubt_text=DOUBT_WORDS[item.doubt],
        captured_at=item.taken_at,
        screening_day_id=item.day_id,
        station=None if item.station is None else StationOutput.model_validate(item.station),
        still=None if item.still_frame is None else f"{url}/stills/{item.still_frame}",
        original=f"{url}/original" if item.may_be_watched else None,
        guesses=[_present_guess(guess) for guess in item.guesses],
    )


def _present_guess(guess: GuessView) -> GuessOutput:
    return GuessOutput(
        athlete_id=guess.athlete_id,
        name=guess.name,
        bib=guess.bib,
        n_lacking=guess.n_lacking,
        score=guess.score,
        reasons=[ReasonOutput(code=each, text=REASON_WORDS[each]) for each in guess.reasons],
    )


def _problem(error: DomainError | None) -> CaptureProblem | None:
    if error is None:
        return None
    return CaptureProblem(code=error.code, message=error.message, how_to_fix=error.how_to_fix)
