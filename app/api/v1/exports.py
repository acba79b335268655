"""Exports made in the background, for files that take longer than one should wait for an answer."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi.responses import StreamingResponse

from app.api.deps import CursorQuery, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.exports import ExportInput, ExportOutput, ExportPage, export_url
from app.domain.access import Permission
from app.domain.exports import OPEN
from app.http.files import send_blob
from app.http.small_bodies import SmallBodyRoute
from app.services import exports
from app.services.exports import ExportView

ASK_AGAIN_S = 3
_CONTENT = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
READ = [Depends(Requires(Permission.RESULTS_READ))]

router = APIRouter(tags=["exports"], route_class=SmallBodyRoute)


@router.post(
    "/exports",
    operation_id="create_export",
    summary="Have a file made",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=READ,
    responses=problems(400, 404, 413, 422),
)
def create_export(
    body: ExportInput, uow: UowDep, principal: PrincipalDep, response: Response
) -> ExportOutput:
    """Have a file made of the measurements this key or login may see; follow it at `Location`."""
    view = exports.ask_export(uow=uow, principal=principal, file_format=body.format, wanted=body.wanted())
    response.headers["Location"] = export_url(view.id)
    return _output(view, response)


@router.get(
    "/exports",
    operation_id="list_exports",
    summary="List exports",
    dependencies=READ,
    responses=problems(422),
)
def list_exports(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> ExportPage:
    """List the exports this key or login may have, newest first: its own, and those that hold nothing it may not see."""
    page = exports.list_exports(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return ExportPage(items=[ExportOutput.of(item) for item in page.items], next_cursor=page.next_cursor)


@router.get(
    "/exports/{export_id}",
    operation_id="get_export",
    summary="How far an export is",
    dependencies=READ,
    responses=problems(404),
)
def get_export(export_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response) -> ExportOutput:
    """Return an export and how far it is. `Retry-After` is set while it is being made."""
    return _output(exports.get_export(uow=uow, principal=principal, export_id=export_id), response)


@router.get(
    "/exports/{export_id}/file",
    operation_id="get_export_file",
    summary="Fetch the file",
    dependencies=READ,
    response_class=StreamingResponse,
    responses={
        200: {"description": "The whole file.", "content": _CONTENT},
        206: {"description": "The part asked for by `Range`.", "content": _CONTENT},
        304: {"description": "Unchanged since the `ETag` sent in `If-None-Match`."},
        **problems(404, 409, 416),
    },
)
def get_export_file(
    export_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep, request: Request
) -> Response:
    """Send the file, whole or in part; 409 while it is not ready, and when it is not there any more."""
    blob = exports.open_export(uow=uow, blobs=parts.blobs, principal=principal, export_id=export_id)
    return send_blob(blob, request=request, disposition="attachment")


@router.delete(
    "/exports/{export_id}",
    operation_id="remove_export",
    summary="Remove the file",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=READ,
    responses=problems(404),
)
def remove_export(export_id: UUID, uow: UowDep, principal: PrincipalDep) -> None:
    """Remove the file before its time, or call the work off."""
    exports.remove_export(uow=uow, principal=principal, export_id=export_id)


def _output(view: ExportView, response: Response) -> ExportOutput:
    if view.state in OPEN:
        response.headers["Retry-After"] = str(ASK_AGAIN_S)
    return ExportOutput.of(view)
