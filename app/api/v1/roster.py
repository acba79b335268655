"""Teams and athletes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status

from app.api.deps import CursorQuery, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.roster import (
    AthleteOutput,
    AthletePage,
    TeamDashboardOutput,
    TeamInput,
    TeamOutput,
    TeamPage,
)
from app.domain.access import Permission
from app.http.etags import set_etag
from app.http.small_bodies import SmallBodyRoute
from app.services import roster
from app.services.read_models import DashboardSort

READ = [Depends(Requires(Permission.ROSTER_READ))]
WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]

router = APIRouter(tags=["roster"], route_class=SmallBodyRoute)


@router.post(
    "/teams",
    operation_id="create_team",
    summary="Make a team",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(400, 413, 422),
)
def create_team(body: TeamInput, uow: UowDep, principal: PrincipalDep, response: Response) -> TeamOutput:
    """Make a team; its name must be free in your organisation."""
    team = roster.create_team(
        uow=uow, principal=principal, name=body.name, sport=body.sport, season=body.season
    )
    response.headers["Location"] = f"/api/v1/teams/{team.id}"
    return TeamOutput.model_validate(team)


@router.get(
    "/teams",
    operation_id="list_teams",
    summary="List teams",
    dependencies=READ,
    responses=problems(422),
)
def list_teams(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    archived: Annotated[
        bool | None, Query(description="Only those that are archived (true), or only the others (false).")
    ] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> TeamPage:
    """List the teams by name."""
    page = roster.list_teams(uow=uow, principal=principal, archived=archived, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return TeamPage(
        items=[TeamOutput.model_validate(team) for team in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/teams/{team_id}",
    operation_id="get_team",
    summary="One team",
    dependencies=READ,
    responses=problems(404),
)
def get_team(team_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response) -> TeamOutput:
    """Return one team."""
    team = roster.get_team(uow=uow, principal=principal, team_id=team_id)
    set_etag(response, team.tag)
    return TeamOutput.model_validate(team)


@router.get(
    "/teams/{team_id}/athletes",
    operation_id="get_team_dashboard",
    summary="A team at a glance",
    dependencies=[*READ, Depends(Requires(Permission.RESULTS_READ))],
    responses=problems(404, 422),
)
def get_team_dashboard(
    team_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    sort: DashboardSort = DashboardSort.ATTENTION,
    descending: Annotated[bool | None, Query(description="Without it, the order one expects.")] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> TeamDashboardOutput:
    """Return every athlete of a team with the latest recording and result; who needs a look comes first."""
    dashboard = roster.team_dashboard(
        uow=uow,
        principal=principal,
        team_id=team_id,
        sort=sort,
        descending=descending,
        cursor=cursor,
        limit=limit,
    )
    add_next_link(request, response, dashboard.next_cursor)
    return TeamDashboardOutput.model_validate(dashboard)


@router.get(
    "/athletes",
    operation_id="list_athletes",
    summary="List people",
    dependencies=READ,
    responses=problems(404, 422),
)
def list_athletes(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    team_id: Annotated[UUID | None, Query(description="Only people in this team.")] = None,
    active: Annotated[
        bool | None, Query(description="Only those who left (false), or only the others.")
    ] = None,
    search: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="Only people with, for each word of it, a word of their name or external ids that begins so;"
            " case and accents do not count.",
        ),
    ] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> AthletePage:
    """List the roster by name."""
    page = roster.list_athletes(
        uow=uow,
        principal=principal,
        team_id=team_id,
        active=active,
        search=search,
        cursor=cursor,
        limit=limit,
    )
    add_next_link(request, response, page.next_cursor)
    return AthletePage(
        items=[AthleteOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )
