"""A screening day and its stations put right."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response, status

from app.api.deps import ExpectedDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.screening_days import DayFields, DayOutput, StationFields, StationInput
from app.domain.access import Permission
from app.http.etags import set_etag
from app.http.small_bodies import SmallBodyRoute
from app.services import day_changes
from app.services.screening_days import DayView, StationPlan

WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE)), Depends(Requires(Permission.ROSTER_READ))]

router = APIRouter(tags=["screening days"], route_class=SmallBodyRoute)


@router.patch(
    "/screening-days/{day_id}",
    operation_id="edit_screening_day",
    summary="Change a screening day",
    dependencies=WRITE,
    responses=problems(400, 404, 409, 412, 413, 422),
)
def edit_screening_day(
    day_id: UUID,
    body: DayFields,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> DayOutput:
    """Change the fields that are sent. 409 for the team, date, occasion or movement once something was filmed."""
    day = day_changes.edit_day(
        uow=uow, principal=principal, day_id=day_id, change=body.change(), expected=expected
    )
    return _shown(day, response)


@router.delete(
    "/screening-days/{day_id}",
    operation_id="remove_screening_day",
    summary="Remove a screening day",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 409, 412),
)
def remove_screening_day(day_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """Remove a day on which nothing was filmed and at which no phone is; otherwise 409: close it."""
    day_changes.remove_day(uow=uow, principal=principal, day_id=day_id, expected=expected)


@router.post(
    "/screening-days/{day_id}/stations",
    operation_id="add_station",
    summary="Add a station to a day",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(400, 404, 412, 413, 422),
)
def add_station(
    day_id: UUID,
    body: StationInput,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> DayOutput:
    """Add a camera, also while the day is under way; the new station is the last of the answer."""
    plan = StationPlan(view=body.view, name=body.name)
    day = day_changes.add_station(uow=uow, principal=principal, day_id=day_id, plan=plan, expected=expected)
    return _shown(day, response)


@router.patch(
    "/screening-days/{day_id}/stations/{station_id}",
    operation_id="edit_station",
    summary="Change a station",
    dependencies=WRITE,
    responses=problems(400, 404, 409, 412, 413, 422),
)
def edit_station(
    day_id: UUID,
    station_id: UUID,
    body: StationFields,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> DayOutput:
    """Call it something else, or change its view while nothing was filmed there. The version is the day's."""
    day = day_changes.edit_station(
        uow=uow,
        principal=principal,
        day_id=day_id,
        station_id=station_id,
        name=body.name,
        view=body.view,
        expected=expected,
    )
    return _shown(day, response)


@router.delete(
    "/screening-days/{day_id}/stations/{station_id}",
    operation_id="remove_station",
    summary="Remove a station",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 409, 412, 422),
)
def remove_station(
    day_id: UUID, station_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep
) -> None:
    """Remove a station at which nothing was filmed and no phone is. The version is the day's; a day keeps one."""
    day_changes.remove_station(
        uow=uow, principal=principal, day_id=day_id, station_id=station_id, expected=expected
    )


def _shown(day: DayView, response: Response) -> DayOutput:
    set_etag(response, day.tag)
    return DayOutput.model_validate(day)
