"""Taking a video in: one request, streamed to disk while hashed and counted, answered before it is analysed."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app.api.deps import PartsDep, PrincipalDep, Requires
from app.api.presenters import present_receipt
from app.api.responses import problems
from app.api.schemas.recordings import RecordingInput, RecordingReceipt, recording_url
from app.domain.access import Permission, Principal
from app.http.parts import Parts
from app.http.rate_limits import UPLOADS
from app.http.uploads import FILE_FIELD, FORM_OVERHEAD_BYTES, UploadForm, find_boundary, receive_upload
from app.services import recording_intake, roster
from app.services.quotas import check_quotas
from app.services.read_models import ReceivedRecording
from app.services.uploads import StagedUpload
from app.storage.staging import StagedFile, too_large

router = APIRouter(tags=["recordings"])


def _request_body() -> dict[str, Any]:
    """Return the documentation of the form, which the framework does not parse."""
    schema = RecordingInput.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    schema["properties"] = {
        FILE_FIELD: {"type": "string", "format": "binary", "description": "The video: MP4, MOV or WebM."},
        **schema["properties"],
    }
    schema["required"] = [FILE_FIELD]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def check_before_body(request: Request, parts: PartsDep, principal: PrincipalDep) -> None:
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


@router.post(
    "/recordings",
    operation_id="upload_recording",
    summary="Upload a video",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[Depends(Requires(Permission.RECORDINGS_WRITE)), Depends(check_before_body)],
    responses={
        200: {
            "model": RecordingReceipt,
            "description": "This file had come before for this athlete and movement: the recording it became then."
            " Nothing new is kept.",
            "headers": {
                "Location": {"description": "Where to follow it.", "schema": {"type": "string"}},
                "Deduplicated": {"description": "`true`.", "schema": {"type": "string"}},
            },
        },
        202: {
            "description": "The video is kept and will be analysed.",
            "headers": {
                "Location": {"description": "Where to follow it.", "schema": {"type": "string"}},
                "Idempotent-Replayed": {
                    "description": "`true` when this key had already made the recording.",
                    "schema": {"type": "string"},
                },
            },
        },
        **problems(400, 404, 408, 413, 415, 422, 507),
    },
    openapi_extra=_request_body(),
)
async def upload_recording(
    request: Request,
    response: Response,
    parts: PartsDep,
    principal: PrincipalDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Any unique text: sent again with the same request, it never makes a second recording.",
        ),
    ] = None,
) -> RecordingReceipt:
    """Keep a video and queue it for analysis. Follow the address in `Location`.

    The same file for the same athlete and movement is taken once: the recording there is, is returned (200).
    """
    async with parts.staging.open(limit_bytes=parts.settings.max_upload_bytes) as writer:
        form = await receive_upload(
            request.stream(), content_type=request.headers.get("content-type"), writer=writer
        )
        fields = parse_fields(form)
        staged = await writer.finish()
        received = await run_in_threadpool(
            keep_recording,
            parts,
            principal=principal,
            staged=staged,
            filename=form.filename,
            fields=fields,
            idempotency_key=idempotency_key,
        )
    response.headers["Location"] = recording_url(received.recording.id)
    if received.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if received.existing:
        response.status_code = status.HTTP_200_OK
        response.headers["Deduplicated"] = "true"
    return present_receipt(received.recording)


def parse_fields(form: UploadForm) -> RecordingInput:
    """Return the form's fields, checked; an empty field counts as left out, as browsers send those."""
    filled = {name: value for name, value in form.fields.items() if value != ""}
    try:
        return RecordingInput.model_validate(filled)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def keep_recording(
    parts: Parts,
    *,
    principal: Principal,
    staged: StagedFile,
    filename: str,
    fields: RecordingInput,
    idempotency_key: str | None,
) -> ReceivedRecording:
    """Take the quick look at the file, then keep it and its rows in one transaction."""
    athlete_id = _find_athlete_id(parts, principal=principal, fields=fields)
    probed = parts.prober(staged.path)
    with parts.uow_factory(principal) as uow:
        return recording_intake.receive_recording(
            uow=uow,
            blobs=parts.blobs,
            principal=principal,
            upload=StagedUpload(
                path=staged.path, filename=filename, size_bytes=staged.size_bytes, sha256=staged.sha256
            ),
            probed=probed,
            athlete_id=athlete_id,
            movement=fields.movement,
            view=fields.view,
            box_height_cm=fields.box_height_cm,
            screened_on=fields.screened_on,
            captured_at=fields.captured_at,
            context=fields.context,
            trial_id=fields.trial_id,
            trial_number=fields.trial_number,
            idempotency_key=idempotency_key,
            only_once=True,
        )


def _find_athlete_id(parts: Parts, *, principal: Principal, fields: RecordingInput) -> UUID | None:
    """Return whom the video shows; a number that nobody has is refused before the file is looked at."""
    if fields.athlete_external_id is None:
        return fields.athlete_id
    with parts.uow_factory(principal) as uow:
        athlete = roster.get_athlete_by_external_id(
            uow=uow, principal=principal, external_id=fields.athlete_external_id
        )
    return athlete.id
