"""Screening days: planned from a team, stations opened for phones, recordings announced, a board of progress."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status

from app.api.deps import CursorQuery, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.present_captures import present_capture
from app.api.responses import problems
from app.api.schemas.captures import CaptureOutput, capture_url
from app.api.schemas.screening_days import (
    BoardOutput,
    DayCaptureInput,
    DayInput,
    DayOutput,
    DayPage,
    NewPassOutput,
    PassList,
    PassOutput,
)
from app.domain.access import Permission
from app.http.etags import set_etag
from app.http.rate_limits import UPLOADS
from app.http.small_bodies import SmallBodyRoute
from app.services import day_stations, screening_days
from app.services.door_links import station_link

READ = [Depends(Requires(Permission.ROSTER_READ))]
WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE))]

router = APIRouter(tags=["screening days"], route_class=SmallBodyRoute)


@router.post(
    "/screening-days",
    operation_id="plan_screening_day",
    summary="Plan a screening day",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(400, 404, 413, 422),
)
def plan_screening_day(body: DayInput, uow: UowDep, principal: PrincipalDep) -> DayOutput:
    """Make a day from a team: how everybody is filmed, and at how many stations."""
    return DayOutput.model_validate(screening_days.plan_day(uow=uow, principal=principal, plan=body.plan()))


@router.get(
    "/screening-days",
    operation_id="list_screening_days",
    summary="List screening days",
    dependencies=READ,
    responses=problems(404, 422),
)
def list_screening_days(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    team_id: Annotated[UUID | None, Query(description="Only this team's.")] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> DayPage:
    """List screening days, latest first."""
    page = screening_days.list_days(uow=uow, principal=principal, team_id=team_id, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return DayPage(
        items=[DayOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/screening-days/{day_id}",
    operation_id="get_screening_day",
    summary="One screening day",
    dependencies=READ,
    responses=problems(404),
)
def get_screening_day(day_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response) -> DayOutput:
    """Return a screening day with its protocol and stations."""
    day = screening_days.get_day(uow=uow, principal=principal, day_id=day_id)
    set_etag(response, day.tag)
    return DayOutput.model_validate(day)


@router.get(
    "/screening-days/{day_id}/board",
    operation_id="get_screening_day_board",
    summary="How far everybody is",
    dependencies=READ,
    responses=problems(404),
)
def get_screening_day_board(day_id: UUID, uow: UowDep, principal: PrincipalDep) -> BoardOutput:
    """Return each athlete's trials: done, waiting, to repeat, lacking; and what their QR card holds."""
    return BoardOutput.model_validate(screening_days.get_board(uow=uow, principal=principal, day_id=day_id))


@router.post(
    "/screening-days/{day_id}/close",
    operation_id="close_screening_day",
    summary="Take nothing new for a day",
    dependencies=WRITE,
    responses=problems(404),
)
def close_screening_day(day_id: UUID, uow: UowDep, principal: PrincipalDep) -> DayOutput:
    """Take no new announcements for a day; what was announced may still come."""
    return DayOutput.model_validate(screening_days.close_day(uow=uow, principal=principal, day_id=day_id))


@router.post(
    "/screening-days/{day_id}/reopen",
    operation_id="reopen_screening_day",
    summary="Open a day again",
    dependencies=WRITE,
    responses=problems(404),
)
def reopen_screening_day(day_id: UUID, uow: UowDep, principal: PrincipalDep) -> DayOutput:
    """Take recordings for a closed day again."""
    return DayOutput.model_validate(
        screening_days.close_day(uow=uow, principal=principal, day_id=day_id, closed=False)
    )


@router.post(
    "/screening-days/{day_id}/stations/{station_id}/passes",
    operation_id="open_station",
    summary="Let a phone come to a station",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(404, 409),
)
def open_station(
    day_id: UUID, station_id: UUID, uow: UowDep, principal: PrincipalDep, parts: PartsDep
) -> NewPassOutput:
    """Make a join code: it lets one phone's browser in, once, to send videos of this day and nothing else."""
    new = day_stations.make_pass(uow=uow, principal=principal, day_id=day_id, station_id=station_id)
    shown = PassOutput.model_validate(new.station_pass).model_dump()
    return NewPassOutput(**shown, code=new.code, link=station_link(parts.settings.base_url, new.code))


@router.get(
    "/screening-days/{day_id}/passes",
    operation_id="list_station_passes",
    summary="Phones at the stations",
    dependencies=WRITE,
    responses=problems(404),
)
def list_station_passes(day_id: UUID, uow: UowDep, principal: PrincipalDep) -> PassList:
    """List the phones at a day's stations, and the codes that still open."""
    passes = day_stations.list_passes(uow=uow, principal=principal, day_id=day_id)
    return PassList(items=[PassOutput.model_validate(each) for each in passes])


@router.delete(
    "/screening-days/{day_id}/passes/{pass_id}",
    operation_id="revoke_station_pass",
    summary="Send a phone away",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404),
)
def revoke_station_pass(day_id: UUID, pass_id: UUID, uow: UowDep, principal: PrincipalDep) -> None:
    """End a phone's stay or a code at once; what it sent stays."""
    day_stations.revoke_pass(uow=uow, principal=principal, day_id=day_id, pass_id=pass_id)


@router.post(
    "/screening-days/{day_id}/captures",
    operation_id="announce_day_capture",
    summary="Announce a recording of the day",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses={
        200: {"model": CaptureOutput, "description": "The same file again: what there is already."},
        **problems(400, 404, 409, 413, 422),
    },
)
def announce_day_capture(
    day_id: UUID,
    body: DayCaptureInput,
    uow: UowDep,
    principal: PrincipalDep,
    parts: PartsDep,
    response: Response,
) -> CaptureOutput:
    """Announce a video of a station, of somebody of the team or of nobody yet; the answer says where to send it."""
    parts.rate_limiter.hit(UPLOADS, str(principal.organisation_id))
    announced = day_stations.announce_clip(
        uow=uow,
        principal=principal,
        day_id=day_id,
        request=body.request(),
        max_bytes=parts.settings.max_upload_bytes,
        expires_s=parts.settings.upload_expires_s,
    )
    response.headers["Location"] = capture_url(announced.capture.id)
    if announced.existing:
        response.status_code = status.HTTP_200_OK
    return present_capture(announced.capture)
