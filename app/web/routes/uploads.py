"""The upload form: a plain multipart form, streamed to disk; with JavaScript, the file comes by tus instead."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.biomech.types import Movement, View
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import CsrfError, DomainError, NotFoundError
from app.http.parts import Parts
from app.http.problems import problem_of
from app.http.rate_limits import UPLOADS
from app.http.uploads import FILE_FIELD, FORM_OVERHEAD_BYTES, UploadForm, find_boundary, receive_upload
from app.services import recording_intake, roster
from app.services.athletes import get_athlete
from app.services.quotas import check_quotas
from app.services.read_models import AthleteSummary, TeamSummary
from app.services.uploads import StagedUpload
from app.storage.blobs import StorageFullError
from app.storage.staging import StagedFile, too_large
from app.web.contexts.parts import Link, Problem
from app.web.deps import PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import check_form, form_token
from app.web.present_forms import UploadEntries, UploadRequest, present_problem, present_upload
from app.web.render import page_response
from app.web.upload_fields import FormFieldsError, UploadFields, find_id, read_fields

UPLOAD_RULE = PageRule(Permission.RECORDINGS_WRITE)

router = APIRouter(dependencies=[Depends(UPLOAD_RULE)])

_PAGE = 200
_MAX_LISTED = 400
"""More names than that nobody looks through: by team, or by typing, they are found sooner."""


@router.get("/recordings/new")
def show_form(
    request: Request, parts: PartsDep, principal: PrincipalDep, athlete: str = "", team: str = ""
) -> Response:
    """Show the empty form, the athlete chosen when the address names one, or those of one team to choose from."""
    return _form(request, parts, principal, entries=UploadEntries(athlete_id=athlete, team_id=team))


@router.post("/recordings")
async def upload(request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Keep the video and go to its page; or show the form again with what was entered and what is wrong."""
    entered: dict[str, str] = {}
    try:
        await run_in_threadpool(_check_before_body, request, parts, principal)
        async with parts.staging.open(limit_bytes=parts.settings.max_upload_bytes) as writer:
            form = await receive_upload(
                request.stream(),
                content_type=request.headers.get("content-type"),
                writer=writer,
                fields=entered,
            )
            check_form(request, form.fields, settings=parts.settings)
            fields = _read(form, has_file=writer.size_bytes > 0)
            staged = await writer.finish()
            target = await run_in_threadpool(
                _keep, parts, principal, staged=staged, filename=form.filename, fields=fields
            )
    except CsrfError:
        raise
    except (DomainError, StorageFullError) as error:
        return await run_in_threadpool(_refuse, request, parts, principal, error=error, entered=entered)
    return RedirectResponse(target, status_code=status.HTTP_303_SEE_OTHER)


def _check_before_body(request: Request, parts: Parts, principal: Principal) -> None:
    """Refuse what can be refused without reading the body."""
    parts.rate_limiter.hit(UPLOADS, str(principal.organisation_id))
    find_boundary(request.headers.get("content-type"))
    declared = request.headers.get("content-length", "")
    limit = parts.settings.max_upload_bytes
    if declared.isdecimal() and int(declared) > limit + FORM_OVERHEAD_BYTES:
        raise too_large(limit)
    with parts.uow_factory(principal) as uow:
        check_quotas(
            uow=uow,
            principal=principal,
            defaults=parts.settings.quotas,
            size_bytes=int(declared) if declared.isdecimal() else 0,
        )


def _read(form: UploadForm, *, has_file: bool) -> UploadFields:
    """Return the fields; a form sent without a file names that together with whatever else is wrong."""
    missing = {} if has_file else {FILE_FIELD: "Choose the video."}
    try:
        fields = read_fields(form.fields)
    except FormFieldsError as errors:
        raise FormFieldsError({**errors.by_field, **missing}) from None
    if missing:
        raise FormFieldsError(missing)
    return fields


def _keep(
    parts: Parts, principal: Principal, *, staged: StagedFile, filename: str, fields: UploadFields
) -> str:
    """Take the quick look at the file, keep it and its rows in one transaction, and return its page's address."""
    probed = parts.prober(staged.path)
    with parts.uow_factory(principal) as uow:
        received = recording_intake.receive_recording(
            uow=uow,
            blobs=parts.blobs,
            principal=principal,
            upload=StagedUpload(
                path=staged.path, filename=filename, size_bytes=staged.size_bytes, sha256=staged.sha256
            ),
            probed=probed,
            athlete_id=fields.athlete_id,
            movement=fields.movement,
            view=fields.view,
            box_height_cm=fields.box_height_cm,
            trial_number=fields.trial_number,
            only_once=True,
        )
    return f"/recordings/{received.recording.id}{'?again=1' if received.existing else ''}"


def _refuse(
    request: Request, parts: Parts, principal: Principal, *, error: Exception, entered: dict[str, str]
) -> Response:
    """Show the form again; only the file has to be chosen anew, which browsers insist on."""
    by_field = dict(error.by_field) if isinstance(error, FormFieldsError) else {}
    problem = problem_of(error)
    entries = UploadEntries(
        athlete_id=entered.get("athlete_id", ""),
        movement=entered.get("movement") or Movement.DROP_VERTICAL_JUMP.value,
        view=entered.get("view") or View.FRONTAL.value,
        box_height_cm=entered.get("box_height_cm", ""),
        trial_number=entered.get("trial_number", ""),
    )
    shown = present_problem(problem)
    response = _form(
        request,
        parts,
        principal,
        entries=entries,
        problem=shown,
        by_field=by_field,
        status_code=problem.status,
    )
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response


def _form(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    entries: UploadEntries,
    problem: Problem | None = None,
    by_field: dict[str, str] | None = None,
    status_code: int = status.HTTP_200_OK,
) -> Response:
    with parts.uow_factory(principal) as uow:
        viewer = viewer_of(principal, uow=uow)
        teams = _teams(uow, principal)
        team_id = next((team.id for team in teams if str(team.id) == entries.team_id), None)
        listed, is_cut = _athletes(uow, principal, team_id=team_id)
        athletes = _with_chosen(uow, principal, listed, entries.athlete_id)
    asked = UploadRequest(
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        max_upload_bytes=parts.settings.max_upload_bytes,
        max_duration_s=parts.settings.max_duration_s,
        cancel=Link(label="Team", href="/"),
        problem=problem,
        field_errors=by_field or {},
        may_use_inbox=principal.limited_to is None,
        teams=teams,
        is_cut=is_cut,
    )
    page = present_upload(athletes, entries=entries, asked=asked)
    return page_response(page, status=status_code)


def _teams(uow: UnitOfWork, principal: Principal) -> tuple[TeamSummary, ...]:
    """Return the teams, page by page."""
    found: list[TeamSummary] = []
    cursor: str | None = None
    while True:
        page = roster.list_teams(uow=uow, principal=principal, cursor=cursor, limit=_PAGE)
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= _MAX_LISTED:
            return tuple(found)


def _athletes(
    uow: UnitOfWork, principal: Principal, *, team_id: UUID | None
) -> tuple[tuple[AthleteSummary, ...], bool]:
    """Return who may be filmed now, of one team or of all, page by page; and whether there are more than are listed."""
    found: list[AthleteSummary] = []
    cursor: str | None = None
    while True:
        page = roster.list_athletes(
            uow=uow, principal=principal, team_id=team_id, active=True, cursor=cursor, limit=_PAGE
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= _MAX_LISTED:
            return tuple(found), cursor is not None


def _with_chosen(
    uow: UnitOfWork, principal: Principal, listed: tuple[AthleteSummary, ...], chosen: str
) -> tuple[AthleteSummary, ...]:
    """Return the list with whoever is chosen already, should they stand further down than it goes."""
    athlete_id = find_id(chosen)
    if athlete_id is None or any(athlete.id == athlete_id for athlete in listed):
        return listed
    try:
        record = get_athlete(uow=uow, principal=principal, athlete_id=athlete_id).record
    except NotFoundError:
        return listed
    return (AthleteSummary(**{n: getattr(record, n) for n in AthleteSummary.__dataclass_fields__}), *listed)
