"""A phone at a station: in by a code, on with the day's athletes and its own videos, and nothing else."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from app.domain.captures import CaptureState
from app.domain.errors import CsrfError, DomainError, NotSignedInError
from app.http.access import AccessRule, anybody
from app.http.identity import (
    authenticate_stay,
    check_same_origin,
    client_address,
    origin_of,
    station_cookie_name,
)
from app.http.parts import Parts
from app.http.problems import problem_of
from app.http.rate_limits import REQUESTS, SIGN_IN_BY_ADDRESS, UPLOADS
from app.http.uploads import FORM_OVERHEAD_BYTES, UploadForm, find_boundary, receive_upload
from app.services import captures, day_stations
from app.services.day_stations import ClipRequest, Stay
from app.services.door_links import STATION_PATH
from app.services.uploads import StagedUpload
from app.storage.blobs import StorageFullError
from app.storage.staging import StagedFile, too_large
from app.web.contexts.days import StationPage
from app.web.contexts.parts import Problem
from app.web.deps import OWN_FORM, PartsDep
from app.web.forms import (
    check_form,
    form_token,
    new_visitor,
    set_private_cookie,
    visitor_cookie_name,
)
from app.web.present_days import present_people, protocol_text
from app.web.present_forms import present_problem
from app.web.render import STATIC, page_response

Text = Annotated[str, Form(max_length=400)]


class StationRule(AccessRule):
    """The route is for phones that are at a station."""

    def __call__(self, request: Request, parts: PartsDep) -> Stay:
        """Return at which, or raise `NotSignedInError`; runs before any of the body is read."""
        return find_stay(request, parts)


def find_stay(request: Request, parts: PartsDep) -> Stay:
    """Return at which station the phone is; changes come from our own pages alone."""
    stay = authenticate_stay(request, parts)
    if request.method != "GET":
        check_same_origin(request.headers, settings=parts.settings)
    parts.rate_limiter.hit(REQUESTS, str(stay.principal.station_pass_id))
    return stay


StayDep = Annotated[Stay, Depends(find_stay)]

doors = APIRouter(dependencies=[Depends(anybody)])
router = APIRouter(dependencies=[Depends(StationRule())])


class ClipInput(BaseModel):
    """What the page's script says of a video before it comes."""

    model_config = ConfigDict(extra="forbid")

    athlete_id: UUID | None = None
    card: Annotated[str, Field(max_length=200)] | None = None
    bib: Annotated[str, Field(max_length=40)] | None = None
    captured_at: AwareDatetime | None = None
    filename: Annotated[str, Field(max_length=255)] = "video"
    size_bytes: Annotated[int, Field(gt=0)] | None = None
    client_ref: Annotated[str, Field(min_length=1, max_length=200)] | None = None


@doors.get(STATION_PATH)
def show_station(request: Request, parts: PartsDep, done: str = "") -> Response:
    """Show the station the phone is at, or ask for the code."""
    try:
        stay = authenticate_stay(request, parts)
    except NotSignedInError:
        return _door(request, parts)
    return _inside(request, parts, stay, done="The video is sent." if done == "sent" else None)


@doors.post(STATION_PATH, dependencies=[OWN_FORM])
def come_in(request: Request, parts: PartsDep, token: Text = "") -> Response:
    """Come to the station of a code, which is spent by it."""
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))
    try:
        with parts.uow_factory(None) as uow:
            entered = day_stations.enter(
                uow=uow,
                code=token,
                user_agent=request.headers.get("user-agent", ""),
                origin=origin_of(request),
            )
    except DomainError as error:
        return _door(request, parts, error=error)
    response = RedirectResponse(STATION_PATH, status_code=status.HTTP_303_SEE_OTHER)
    set_private_cookie(
        response,
        station_cookie_name(parts.settings),
        entered.token,
        settings=parts.settings,
        max_age_s=int(entered.lifetime_s),
    )
    return response


@doors.get(STATION_PATH + "/worker.js")
def send_worker() -> FileResponse:
    """Return the script that opens the page of a station without a network, which may do so at that address alone."""
    headers = {"Service-Worker-Allowed": STATION_PATH, "Cache-Control": "no-cache"}
    return FileResponse(STATIC / "js" / "station-worker.js", media_type="text/javascript", headers=headers)


@router.get(STATION_PATH + "/people")
def show_people(request: Request, parts: PartsDep, stay: StayDep) -> Response:
    """Return who is to be filmed and how far they are, the part of the page alone."""
    return page_response(_page(request, parts, stay), template="_station_list.html")


@router.post(STATION_PATH + "/captures")
def announce(body: ClipInput, parts: PartsDep, stay: StayDep) -> JSONResponse:
    """Announce a video; the answer says where its file goes, in pieces or whole."""
    parts.rate_limiter.hit(UPLOADS, str(stay.principal.organisation_id))
    request = ClipRequest(
        station_id=stay.station_id,
        taken_at=body.captured_at,
        **body.model_dump(exclude={"captured_at"}),
    )
    try:
        announced = _announce(parts, stay, request)
    except DomainError as error:
        problem = problem_of(error)
        told = {"code": problem.code, "message": problem.message, "how_to_fix": problem.how_to_fix}
        return JSONResponse(told, status_code=problem.status)
    waits = announced.state is CaptureState.AWAITING_UPLOAD
    return JSONResponse(
        {"id": str(announced.id), "url": f"/api/v1/uploads/{announced.id}" if waits else None},
        status_code=status.HTTP_201_CREATED,
    )


@router.post(STATION_PATH + "/videos")
async def send_video(request: Request, parts: PartsDep, stay: StayDep) -> Response:
    """Take a whole form with its video, where there is no script."""
    try:
        await run_in_threadpool(_check_before_body, request, parts, stay)
        async with parts.staging.open(limit_bytes=parts.settings.max_upload_bytes) as writer:
            form = await receive_upload(
                request.stream(), content_type=request.headers.get("content-type"), writer=writer
            )
            check_form(request, form.fields, settings=parts.settings)
            staged = await writer.finish()
            await run_in_threadpool(_keep, parts, stay, form, staged)
    except CsrfError:
        raise
    except (DomainError, StorageFullError) as error:
        return await run_in_threadpool(_inside, request, parts, stay, error=error)
    return RedirectResponse(f"{STATION_PATH}?done=sent", status_code=status.HTTP_303_SEE_OTHER)


@router.post(STATION_PATH + "/leave", dependencies=[OWN_FORM])
def leave(parts: PartsDep, stay: StayDep) -> Response:
    """Leave the station; what was sent stays."""
    with parts.uow_factory(None) as uow:
        day_stations.leave(uow=uow, stay=stay)
    response = RedirectResponse(STATION_PATH, status_code=status.HTTP_303_SEE_OTHER)
    response.delete_cookie(station_cookie_name(parts.settings), path="/")
    return response


def _check_before_body(request: Request, parts: Parts, stay: Stay) -> None:
    """Refuse what can be refused without reading the body."""
    parts.rate_limiter.hit(UPLOADS, str(stay.principal.organisation_id))
    find_boundary(request.headers.get("content-type"))
    declared = request.headers.get("content-length", "")
    limit = parts.settings.max_upload_bytes
    if declared.isdecimal() and int(declared) > limit + FORM_OVERHEAD_BYTES:
        raise too_large(limit)


def _announce(parts: Parts, stay: Stay, request: ClipRequest) -> captures.CaptureView:
    principal = stay.principal
    with parts.uow_factory(principal) as uow:
        return day_stations.announce_clip(
            uow=uow,
            principal=principal,
            day_id=stay.day_id,
            request=request,
            max_bytes=parts.settings.max_upload_bytes,
            expires_s=parts.settings.upload_expires_s,
        ).capture


def _keep(parts: Parts, stay: Stay, form: UploadForm, staged: StagedFile) -> None:
    named = form.fields.get("athlete_id", "").strip()
    bib = form.fields.get("bib", "").strip()
    said: dict[str, Any] = {"bib": bib[:40] or None}
    if named:
        said = {"athlete_id": _id(named)}
    capture = _announce(parts, stay, ClipRequest(station_id=stay.station_id, filename=form.filename, **said))
    captures.finish_capture(
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        principal=stay.principal,
        capture_id=capture.id,
        upload=StagedUpload(
            path=staged.path, filename=form.filename, size_bytes=staged.size_bytes, sha256=staged.sha256
        ),
        prober=parts.prober,
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _door(request: Request, parts: Parts, *, error: DomainError | None = None) -> Response:
    settings = parts.settings
    token = form_token(request, settings)
    fresh = None if token else new_visitor(settings)
    page = StationPage(
        title="Come to a station",
        viewer=None,
        csrf_token=fresh[1] if fresh else token,
        is_inside=False,
        token="",
        problem=None if error is None else _problem(error),
        done=None,
        day_name="",
        station_id="",
        station_name="",
        guide="",
        is_open=False,
        people=(),
        max_upload_bytes=settings.max_upload_bytes,
    )
    response = page_response(page, status=200 if error is None else problem_of(error).status)
    if fresh:
        set_private_cookie(response, visitor_cookie_name(settings), fresh[0], settings=settings)
    return response


def _inside(
    request: Request,
    parts: Parts,
    stay: Stay,
    *,
    done: str | None = None,
    error: Exception | None = None,
) -> Response:
    page = _page(request, parts, stay, done=done, problem=None if error is None else _problem(error))
    return page_response(page, status=200 if error is None else problem_of(error).status)


def _page(
    request: Request,
    parts: Parts,
    stay: Stay,
    *,
    done: str | None = None,
    problem: Problem | None = None,
) -> StationPage:
    principal = stay.principal
    with parts.uow_factory(principal) as uow:
        shown = day_stations.show_station(uow=uow, stay=stay)
    day = shown.board.day
    return StationPage(
        title=shown.station.name,
        viewer=None,
        csrf_token=form_token(request, parts.settings),
        is_inside=True,
        token="",
        problem=problem,
        done=done,
        day_name=day.name,
        station_id=str(shown.station.id),
        station_name=shown.station.name,
        guide=protocol_text(day, views=(shown.station.view,)),
        is_open=day.closed_at is None,
        people=present_people(shown) if day.closed_at is None else (),
        max_upload_bytes=parts.settings.max_upload_bytes,
    )


def _problem(error: Exception) -> Problem:
    problem = problem_of(error)
    return present_problem(problem)
