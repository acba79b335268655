"""Importing a roster file on pages: choose, look, answer, confirm, report, undo. Plain forms throughout."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import CsrfError, DomainError
from app.http.parts import Parts
from app.http.rate_limits import UPLOADS
from app.http.small_files import SmallFile, receive_small_file
from app.integrations.roster_files import MAX_FILE_BYTES
from app.services import athletes, recordings, roster_export, roster_imports, undo_changes
from app.services.roster_export import RosterFormat
from app.web.contexts.parts import Problem
from app.web.contexts.rosters import ImportStartPage
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import check_form, form_token
from app.web.present_imports import present_draft, present_report, read_answers
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.ROSTER_WRITE))])
links = APIRouter(dependencies=[Depends(PageRule(Permission.ROSTER_READ))])

CsrfToken = Annotated[str, Form(max_length=200)]


@router.get("/roster-imports")
def show_start(request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> Response:
    """Ask for the file."""
    return _start_page(request, parts, uow, principal)


@router.post("/roster-imports")
async def start(request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Read the file and go to what it would do, or say what is wrong with it."""
    await run_in_threadpool(parts.rate_limiter.hit, UPLOADS, str(principal.organisation_id))
    try:
        file = await receive_small_file(request, limit_bytes=MAX_FILE_BYTES)
        check_form(request, file.fields, settings=parts.settings)
        import_id = await run_in_threadpool(_start, parts, principal, file)
    except CsrfError:
        raise
    except DomainError as error:
        return await run_in_threadpool(_refuse, request, parts, principal, error)
    return _go(f"/roster-imports/{import_id}")


@router.get("/roster-imports/{import_id}")
def show_import(
    import_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Show the dry run, or the report once it is imported."""
    viewer, token = viewer_of(principal, uow=uow), form_token(request, parts.settings)
    report = roster_imports.find_report(uow=uow, principal=principal, import_id=import_id)
    if report is not None:
        return page_response(present_report(report, viewer=viewer, csrf_token=token))
    draft = roster_imports.get_draft(uow=uow, principal=principal, import_id=import_id)
    return page_response(present_draft(draft, viewer=viewer, csrf_token=token))


@router.post("/roster-imports/{import_id}")
async def answer(import_id: UUID, request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Keep the answers and show the dry run again."""
    form = await request.form(max_fields=2000)
    fields = [(name, str(value)) for name, value in form.multi_items()]
    check_form(request, dict(fields), settings=parts.settings)
    return await run_in_threadpool(_answer, request, parts, principal, import_id, fields)


@router.post("/roster-imports/{import_id}/confirm", dependencies=[OWN_FORM])
def confirm(import_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Import the file and show the report."""
    roster_imports.confirm_import(uow=uow, principal=principal, import_id=import_id)
    return _go(f"/roster-imports/{import_id}")


@router.post("/roster-changes/{change_id}/undo", dependencies=[OWN_FORM])
def undo(change_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Put everything back, and go to the start."""
    undo_changes.undo_change(uow=uow, principal=principal, change_id=change_id)
    return _go("/")


@router.get("/roster-export")
def export(uow: UowDep, principal: PrincipalDep) -> Response:
    """Send the roster as CSV."""
    file = roster_export.export_roster(uow=uow, principal=principal, file_format=RosterFormat.CSV)
    headers = {"Content-Disposition": f'attachment; filename="{file.filename}"'}
    return StreamingResponse(file.chunks, media_type=file.media_type, headers=headers)


@links.get("/athletes/by-external-id/{system}/{value:path}")
def follow_link(system: str, value: str, uow: UowDep, principal: PrincipalDep) -> Response:
    """Lead from another system to the person's latest recording, or to their team."""
    found = athletes.find_athlete_id(uow=uow, principal=principal, system=system, value=value)
    detail = athletes.get_athlete(uow=uow, principal=principal, athlete_id=found)
    if principal.may(Permission.RESULTS_READ):
        latest = recordings.list_recordings(uow=uow, principal=principal, athlete_id=found, limit=1).items
        if latest:
            return _go(f"/recordings/{latest[0].id}")
    return _go(f"/teams/{detail.teams[0].id}" if detail.teams else "/")


def _start(parts: Parts, principal: Principal, file: SmallFile) -> UUID:
    with parts.uow_factory(principal) as uow:
        return roster_imports.start_import(
            uow=uow, principal=principal, filename=file.filename, content=file.content
        )


def _answer(
    request: Request, parts: Parts, principal: Principal, import_id: UUID, fields: list[tuple[str, str]]
) -> Response:
    try:
        with parts.uow_factory(principal) as uow:
            changes: dict[str, Any] = read_answers(fields)
            roster_imports.answer_import(uow=uow, principal=principal, import_id=import_id, changes=changes)
    except DomainError as error:
        with parts.uow_factory(principal) as uow:
            page = present_draft(
                roster_imports.get_draft(uow=uow, principal=principal, import_id=import_id),
                viewer=viewer_of(principal, uow=uow),
                csrf_token=form_token(request, parts.settings),
                problem=Problem(message=error.message, how_to_fix=error.how_to_fix),
            )
        return page_response(page, status=status.HTTP_422_UNPROCESSABLE_CONTENT)
    return _go(f"/roster-imports/{import_id}")


def _refuse(request: Request, parts: Parts, principal: Principal, error: DomainError) -> Response:
    with parts.uow_factory(principal) as uow:
        problem = Problem(message=error.message, how_to_fix=error.how_to_fix)
        return _start_page(request, parts, uow, principal, problem=problem)


def _start_page(
    request: Request, parts: Parts, uow: UnitOfWork, principal: Principal, *, problem: Problem | None = None
) -> Response:
    page = ImportStartPage(
        title="Import a roster",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        problem=problem,
    )
    code = status.HTTP_200_OK if problem is None else status.HTTP_422_UNPROCESSABLE_CONTENT
    return page_response(page, status=code)


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=status.HTTP_303_SEE_OTHER)
