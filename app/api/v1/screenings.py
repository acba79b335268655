"""Screenings judged over their valid trials, an athlete's history, and one screening against another."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.deps import CursorQuery, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.present_screenings import present_change, present_entry, present_screening, present_summary
from app.api.responses import problems
from app.api.schemas.base import CalendarDate
from app.api.schemas.screenings import HistoryPage, ScreeningChangeOutput, ScreeningOutput, ScreeningPage
from app.db.repositories.screenings import ScreeningFilter
from app.domain.access import Permission
from app.domain.screenings import ScreeningContext
from app.http.small_bodies import SmallBodyRoute
from app.services import athlete_history, screenings

READ = [Depends(Requires(Permission.RESULTS_READ))]

router = APIRouter(tags=["screenings"], route_class=SmallBodyRoute)


@router.get(
    "/screenings",
    operation_id="list_screenings",
    summary="Screenings of everybody",
    dependencies=READ,
    responses=problems(404, 422),
)
def list_screenings(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    team_id: Annotated[UUID | None, Query(description="Only of athletes who are in this team now.")] = None,
    athlete_id: Annotated[UUID | None, Query(description="Only of this athlete.")] = None,
    context: Annotated[ScreeningContext | None, Query(description="Only of this occasion.")] = None,
    screened_from: Annotated[CalendarDate | None, Query(description="The first day.")] = None,
    screened_to: Annotated[CalendarDate | None, Query(description="The last day.")] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> ScreeningPage:
    """List screenings, the newest day first, each movement with its score over the valid trials."""
    page = screenings.list_screenings(
        uow=uow,
        principal=principal,
        wanted=ScreeningFilter(
            athlete_id=athlete_id,
            team_id=team_id,
            context=context,
            screened_from=screened_from,
            screened_to=screened_to,
        ),
        cursor=cursor,
        limit=limit,
    )
    add_next_link(request, response, page.next_cursor)
    return ScreeningPage(items=[present_summary(item) for item in page.items], next_cursor=page.next_cursor)


@router.get(
    "/screenings/{screening_id}",
    operation_id="get_screening",
    summary="One screening, judged over its valid trials",
    dependencies=READ,
    responses=problems(404),
)
def get_screening(screening_id: UUID, uow: UowDep, principal: PrincipalDep) -> ScreeningOutput:
    """Return trials, numbers over the valid ones, sides, alignment, references and score of a screening."""
    return present_screening(
        screenings.get_screening(uow=uow, principal=principal, screening_id=screening_id)
    )


@router.get(
    "/athletes/{athlete_id}/history",
    operation_id="get_history",
    summary="An athlete's screenings in order",
    dependencies=READ,
    responses=problems(404, 422),
)
def get_history(
    athlete_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> HistoryPage:
    """List an athlete's screenings, oldest first, with a marker wherever the series is broken."""
    page = athlete_history.get_history(
        uow=uow, principal=principal, athlete_id=athlete_id, cursor=cursor, limit=limit
    )
    add_next_link(request, response, page.next_cursor)
    return HistoryPage(items=[present_entry(entry) for entry in page.items], next_cursor=page.next_cursor)


@router.get(
    "/athletes/{athlete_id}/change",
    operation_id="get_change",
    summary="Real change or noise",
    dependencies=READ,
    responses=problems(404, 422),
)
def get_change(
    athlete_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    before_id: Annotated[
        UUID | None,
        Query(alias="from", description="The earlier screening; without it, the nearest comparable one."),
    ] = None,
    after_id: Annotated[
        UUID | None, Query(alias="to", description="The later screening; without it, the newest.")
    ] = None,
) -> ScreeningChangeOutput:
    """Set one screening of an athlete against an earlier one: improved, worse, within error or not comparable."""
    return present_change(
        athlete_history.get_change(
            uow=uow, principal=principal, athlete_id=athlete_id, before_id=before_id, after_id=after_id
        )
    )
