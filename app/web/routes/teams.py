"""The team dashboard."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal, Role
from app.http.parts import Parts
from app.services import roster
from app.services.read_models import DashboardSort
from app.web.contexts.parts import Link
from app.web.contexts.teams import DashboardPage, NoTeamsPage
from app.web.deps import PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import form_token
from app.web.present_dashboard import DashboardRequest, present_dashboard
from app.web.render import page_response

start = APIRouter(dependencies=[Depends(PageRule(Permission.RESULTS_READ))])
router = APIRouter(
    dependencies=[Depends(PageRule(Permission.ROSTER_READ)), Depends(PageRule(Permission.RESULTS_READ))]
)

PAGE_SIZE = 100
MAX_TEAMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardQuery:
    """How the roster is sorted and where it continues: the state of the page, all of it in its address."""

    sort: DashboardSort
    descending: bool | None
    cursor: str | None


def read_board_query(
    sort: str = DashboardSort.ATTENTION.value,
    order: str = "",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> BoardQuery:
    """Read the address; what it does not understand, it leaves at the default."""
    known = {member.value: member for member in DashboardSort}
    return BoardQuery(
        sort=known.get(sort, DashboardSort.ATTENTION),
        descending={"asc": False, "desc": True}.get(order),
        cursor=cursor or None,
    )


BoardDep = Annotated[BoardQuery, Depends(read_board_query)]


@start.get("/")
def show_start(request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> Response:
    """Go to the first team; athletes and guardians go to their own results."""
    if principal.role is Role.ATHLETE:
        return RedirectResponse("/own", status_code=status.HTTP_303_SEE_OTHER)
    teams = roster.list_teams(uow=uow, principal=principal, archived=False, limit=1).items
    if teams:
        return RedirectResponse(f"/teams/{teams[0].id}", status_code=status.HTTP_303_SEE_OTHER)
    page = NoTeamsPage(
        title="No team yet",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        may_keep_roster=principal.may(Permission.ROSTER_WRITE),
    )
    return page_response(page)


@router.get("/teams/{team_id}")
def show_team(
    team_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep, query: BoardDep
) -> Response:
    """Show the roster with each athlete's latest result."""
    return page_response(_page(team_id, request, parts=parts, uow=uow, principal=principal, query=query))


@router.get("/teams/{team_id}/roster")
def show_roster(
    team_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep, query: BoardDep
) -> Response:
    """Return the live part of the page alone."""
    page = _page(team_id, request, parts=parts, uow=uow, principal=principal, query=query)
    return page_response(page, template="_roster.html")


def _page(
    team_id: UUID, request: Request, *, parts: Parts, uow: UnitOfWork, principal: Principal, query: BoardQuery
) -> DashboardPage:
    board = roster.team_dashboard(
        uow=uow,
        principal=principal,
        team_id=team_id,
        sort=query.sort,
        descending=query.descending,
        cursor=query.cursor,
        limit=PAGE_SIZE,
    )
    teams = roster.list_teams(uow=uow, principal=principal, archived=False, limit=MAX_TEAMS).items
    asked = DashboardRequest(
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        teams=tuple(
            Link(label=team.name, href=f"/teams/{team.id}", current=team.id == team_id) for team in teams
        ),
        may_upload=principal.may(Permission.RECORDINGS_WRITE),
        may_keep_roster=principal.may(Permission.ROSTER_WRITE),
        cursor=query.cursor,
    )
    return present_dashboard(board, asked=asked)
