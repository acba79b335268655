"""Roster files: sent, tried dry, answered, imported; and the roster as a file."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from app.api.deps import ExpectedDep, PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.roster_imports import ImportAnswers, ImportDraftOutput, ImportReportOutput
from app.domain.access import Permission, Principal
from app.http.etags import set_etag
from app.http.parts import Parts
from app.http.rate_limits import UPLOADS
from app.http.small_bodies import BatchBodyRoute
from app.http.small_files import SmallFile, receive_small_file
from app.http.uploads import FILE_FIELD
from app.integrations.roster_files import MAX_FILE_BYTES, XLSX_TYPE
from app.services import roster_export, roster_imports
from app.services.roster_export import RosterFormat

READ = [Depends(Requires(Permission.ROSTER_READ))]
WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]

router = APIRouter(tags=["roster"])
answers = APIRouter(route_class=BatchBodyRoute)

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        FILE_FIELD: {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV or XLSX, up to 8 MB and 20,000 rows; the first row names the columns.",
                        }
                    },
                    "required": [FILE_FIELD],
                }
            }
        },
    }
}


def check_rate(parts: PartsDep, principal: PrincipalDep) -> None:
    """Count the file as an upload, before any of it is read."""
    parts.rate_limiter.hit(UPLOADS, str(principal.organisation_id))


@router.post(
    "/roster-imports",
    operation_id="start_roster_import",
    summary="Send a roster file",
    status_code=status.HTTP_201_CREATED,
    dependencies=[*WRITE, Depends(check_rate)],
    responses=problems(400, 408, 413, 415, 422),
    openapi_extra=_FORM,
)
async def start_roster_import(
    request: Request, response: Response, parts: PartsDep, principal: PrincipalDep
) -> ImportDraftOutput:
    """Read a file and say what importing it would do; nothing on the roster changes yet."""
    file = await receive_small_file(request, limit_bytes=MAX_FILE_BYTES)
    draft = await run_in_threadpool(_start, parts, principal, file)
    response.headers["Location"] = f"/api/v1/roster-imports/{draft.id}"
    return draft


def _start(parts: Parts, principal: Principal, file: SmallFile) -> ImportDraftOutput:
    with parts.uow_factory(principal) as uow:
        started = roster_imports.start_import(
            uow=uow, principal=principal, filename=file.filename, content=file.content
        )
        return ImportDraftOutput.of(roster_imports.get_draft(uow=uow, principal=principal, import_id=started))


@answers.get(
    "/roster-imports/{import_id}",
    operation_id="get_roster_import",
    summary="The dry run of a roster file",
    dependencies=WRITE,
    responses=problems(404, 409),
)
def get_roster_import(
    import_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response
) -> ImportDraftOutput:
    """Say what importing the file would do to each row now, and what is still to be answered."""
    draft = roster_imports.get_draft(uow=uow, principal=principal, import_id=import_id)
    set_etag(response, draft.tag)
    return ImportDraftOutput.of(draft)


@answers.patch(
    "/roster-imports/{import_id}",
    operation_id="answer_roster_import",
    summary="Answer what is asked about a roster file",
    dependencies=WRITE,
    responses=problems(400, 404, 409, 413, 422),
)
def answer_roster_import(
    import_id: UUID,
    body: ImportAnswers,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> ImportDraftOutput:
    """Keep the answers and try again dry."""
    draft = roster_imports.answer_import(
        uow=uow, principal=principal, import_id=import_id, changes=body.changes(), expected=expected
    )
    set_etag(response, draft.tag)
    return ImportDraftOutput.of(draft)


@answers.post(
    "/roster-imports/{import_id}/confirm",
    operation_id="confirm_roster_import",
    summary="Import a roster file",
    dependencies=WRITE,
    responses=problems(404, 409),
)
def confirm_roster_import(
    import_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep
) -> ImportReportOutput:
    """Write what the dry run says, all in one step; 409 while something is still to be answered."""
    return ImportReportOutput.of(
        roster_imports.confirm_import(uow=uow, principal=principal, import_id=import_id, expected=expected)
    )


@answers.get(
    "/roster-imports/{import_id}/report",
    operation_id="get_roster_import_report",
    summary="What became of a roster file",
    dependencies=READ,
    responses=problems(404),
)
def get_roster_import_report(import_id: UUID, uow: UowDep, principal: PrincipalDep) -> ImportReportOutput:
    """Return what became of each row."""
    return ImportReportOutput.of(roster_imports.get_report(uow=uow, principal=principal, import_id=import_id))


@answers.delete(
    "/roster-imports/{import_id}",
    operation_id="drop_roster_import",
    summary="Forget a roster file",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 409),
)
def drop_roster_import(import_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """Forget a file that shall not be imported; after a day that happens by itself."""
    roster_imports.drop_import(uow=uow, principal=principal, import_id=import_id, expected=expected)


@answers.get(
    "/roster-export",
    operation_id="export_roster",
    summary="The roster as a file",
    dependencies=WRITE,
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "CSV or XLSX, as importing takes it.",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problems(404, 422),
    },
)
def export_roster(
    uow: UowDep,
    principal: PrincipalDep,
    file_format: Annotated[RosterFormat, Query(alias="format")] = RosterFormat.CSV,
    team_id: Annotated[UUID | None, Query(description="Only people in this team.")] = None,
    active: Annotated[
        bool | None, Query(description="Only those who left (false), or only the others.")
    ] = None,
) -> Response:
    """Return the roster with everything on it, in the shape that importing takes."""
    file = roster_export.export_roster(
        uow=uow, principal=principal, file_format=file_format, team_id=team_id, active=active
    )
    headers = {"Content-Disposition": f'attachment; filename="{file.filename}"'}
    return StreamingResponse(file.chunks, media_type=file.media_type, headers=headers)


router.include_router(answers)
