"""One team changed, archived or removed, and who is in it."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response, status

from app.api.deps import ExpectedDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.athletes import AthleteDetailOutput
from app.api.schemas.roster import PlaceInput, TeamFields, TeamOutput
from app.domain.access import Permission
from app.domain.athletes import UNSET
from app.domain.versions import numbered_tag
from app.http.etags import set_etag
from app.http.small_bodies import SmallBodyRoute
from app.services import teams

WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]

router = APIRouter(tags=["roster"], route_class=SmallBodyRoute)


@router.patch(
    "/teams/{team_id}",
    operation_id="edit_team",
    summary="Change a team, or archive it",
    dependencies=WRITE,
    responses=problems(400, 404, 412, 413, 422),
)
def edit_team(
    team_id: UUID,
    body: TeamFields,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> TeamOutput:
    """Change the fields that are sent; an archived team is offered no more and keeps everything it has."""
    team = teams.edit_team(
        uow=uow, principal=principal, team_id=team_id, change=body.change(), expected=expected
    )
    set_etag(response, team.tag)
    return TeamOutput.model_validate(team)


@router.delete(
    "/teams/{team_id}",
    operation_id="remove_team",
    summary="Remove a team",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 409, 412),
)
def remove_team(team_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """Remove a team; its athletes stay on the roster with every recording and result.

    409 while a member, key or webhook is limited to it, or a screening day or re-analysis was made of it: archive it.
    """
    teams.remove_team(uow=uow, principal=principal, team_id=team_id, expected=expected)


@router.put(
    "/teams/{team_id}/athletes/{athlete_id}",
    operation_id="add_athlete_to_team",
    summary="Put a person into a team",
    dependencies=WRITE,
    responses=problems(400, 404, 412, 413, 422),
)
def add_athlete_to_team(
    team_id: UUID,
    athlete_id: UUID,
    body: PlaceInput,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> AthleteDetailOutput:
    """Put a person into a team, or give another bib there; other teams stay. The version is the person's."""
    detail = teams.join_team(
        uow=uow,
        principal=principal,
        team_id=team_id,
        athlete_id=athlete_id,
        bib=body.bib if "bib" in body.model_fields_set else UNSET,
        expected=expected,
    )
    set_etag(response, numbered_tag(detail.record.version))
    return AthleteDetailOutput.of(detail)


@router.delete(
    "/teams/{team_id}/athletes/{athlete_id}",
    operation_id="remove_athlete_from_team",
    summary="Take a person out of a team",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 412),
)
def remove_athlete_from_team(
    team_id: UUID, athlete_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep
) -> None:
    """Take a person out of a team; they stay on the roster. The version is the person's."""
    teams.leave_team(uow=uow, principal=principal, team_id=team_id, athlete_id=athlete_id, expected=expected)
