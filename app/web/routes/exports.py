"""Files of measurements for whoever may read results: asked for, followed, fetched."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Permission, Principal
from app.domain.errors import DomainError, InvalidInputError, NotFoundError, TooManyRequestsError
from app.domain.exports import OPEN, ExportFormat
from app.domain.metric_export import MetricExportFilter
from app.http.files import send_blob
from app.http.parts import Parts
from app.services import exports, roster
from app.web.contexts.exports import ExportsPage
from app.web.contexts.parts import Choice, Problem
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import form_token
from app.web.present_exports import format_choices, movement_choices, movement_of, present_export
from app.web.present_forms import present_problem
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.RESULTS_READ))])

HERE = "/exports"
MAX_SHOWN = 200
EXPORTS_SHOWN = 30
REFRESH_S = 5
_DONE: Final = {
    "asked": "The file is being made. You can leave this page.",
    "removed": "The file is removed.",
}
ShortField = Annotated[str, Form(max_length=100)]


@router.get(HERE)
def show_exports(
    request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "", team_id: str = ""
) -> Response:
    """Show the files there are, and the form for another."""
    return page_response(_page(request, parts, principal, done=_DONE.get(done), entered={"team_id": team_id}))


@router.get(HERE + "/list")
def show_list(request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Return the list alone, for a page that waits."""
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(HERE, status_code=status.HTTP_303_SEE_OTHER)
    return page_response(_page(request, parts, principal), template="_exports.html")


@router.post(HERE, dependencies=[OWN_FORM])
def ask_export(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    file_format: Annotated[ExportFormat, Form(alias="format")],
    team_id: ShortField = "",
    movement: ShortField = "",
    screened_from: ShortField = "",
    screened_to: ShortField = "",
) -> Response:
    """Have a file made."""
    entered = {
        "format": file_format.value, "team_id": team_id, "movement": movement,
        "screened_from": screened_from, "screened_to": screened_to,
    }  # fmt: skip
    try:
        wanted = MetricExportFilter(
            team_id=UUID(team_id) if team_id else None,
            movements=movement_of(movement),
            screened_from=_day(screened_from, field="screened_from"),
            screened_to=_day(screened_to, field="screened_to"),
        )
        with parts.uow_factory(principal) as uow:
            exports.ask_export(uow=uow, principal=principal, file_format=file_format, wanted=wanted)
    except (InvalidInputError, NotFoundError, TooManyRequestsError, ValueError) as error:
        page = _page(request, parts, principal, problem=_problem(error), entered=entered)
        return page_response(page, status=422)
    return RedirectResponse(f"{HERE}?done=asked", status_code=status.HTTP_303_SEE_OTHER)


@router.get(HERE + "/{export_id}/file")
def fetch_export(
    export_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Send the file."""
    blob = exports.open_export(uow=uow, blobs=parts.blobs, principal=principal, export_id=export_id)
    return send_blob(blob, request=request, disposition="attachment")


@router.post(HERE + "/{export_id}/remove", dependencies=[OWN_FORM])
def remove_export(export_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Remove the file, or call the work off."""
    with parts.uow_factory(principal) as uow:
        exports.remove_export(uow=uow, principal=principal, export_id=export_id)
    return RedirectResponse(f"{HERE}?done=removed", status_code=status.HTTP_303_SEE_OTHER)


def _day(text: str, *, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            "This is not a day.", how_to_fix="Write it like 2026-03-14.", field=field
        ) from None


def _problem(error: Exception) -> Problem:
    if isinstance(error, DomainError):
        return present_problem(error)
    return Problem(message="There is no such team", how_to_fix="Choose one from the list.")


def _page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    problem: Problem | None = None,
    done: str | None = None,
    entered: dict[str, str] | None = None,
) -> ExportsPage:
    given = entered or {}
    with parts.uow_factory(principal) as uow:
        found = exports.list_exports(uow=uow, principal=principal, limit=EXPORTS_SHOWN).items
        may_see_teams = principal.may(Permission.ROSTER_READ)
        teams = (
            roster.list_teams(uow=uow, principal=principal, limit=MAX_SHOWN).items if may_see_teams else ()
        )
        viewer = viewer_of(principal, uow=uow)
    names = {team.id: team.name for team in teams}
    chosen = given.get("team_id", "")
    is_live = any(each.state in OPEN for each in found)
    return ExportsPage(
        title="Exports",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        refresh_s=REFRESH_S if is_live else None,
        problem=problem,
        done=done,
        exports=tuple(present_export(each, teams=names) for each in found),
        is_live=is_live,
        formats=format_choices(given.get("format", ExportFormat.XLSX.value)),
        teams=(
            Choice(value="", label="All teams", chosen=not chosen),
            *(Choice(value=str(team.id), label=team.name, chosen=str(team.id) == chosen) for team in teams),
        ),
        movements=movement_choices(given.get("movement", "")),
        entered_from=given.get("screened_from", ""),
        entered_to=given.get("screened_to", ""),
    )
