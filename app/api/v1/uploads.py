"""The file of an announced recording: one address, several ways to send it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, status
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from app.api.deps import PartsDep, PrincipalDep, Requires
from app.api.present_captures import present_capture
from app.api.responses import problems
from app.api.schemas.captures import CaptureOutput, PartList, PartOutput
from app.domain.access import Permission, Principal
from app.domain.errors import InvalidInputError, UnreadableVideoError
from app.http.parts import Parts
from app.http.uploads import (
    FILE_FIELD,
    FORM_OVERHEAD_BYTES,
    MalformedUploadError,
    find_boundary,
    receive_body,
    receive_upload,
)
from app.services import captures, direct_uploads
from app.services.captures import CaptureView
from app.services.uploads import StagedUpload
from app.storage.staging import StagedFile, too_large

WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE))]

router = APIRouter(tags=["recordings"])


def expect_file(capture_id: UUID, request: Request, parts: PartsDep, principal: PrincipalDep) -> CaptureView:
    """Find whose file it is, and refuse what can be refused, before any of the body is read."""
    with parts.uow_factory(principal) as uow:
        capture = captures.expect_file(uow=uow, principal=principal, capture_id=capture_id)
    overhead = FORM_OVERHEAD_BYTES if request.method == "POST" else 0
    declared = request.headers.get("content-length", "")
    limit = _limit(capture, parts)
    if declared.isdecimal() and int(declared) > limit + overhead:
        if capture.size_bytes is not None:
            raise InvalidInputError(
                f"The file has more than the {limit} bytes that were announced.",
                how_to_fix="Send the file that was announced, or announce this one.",
                field="size_bytes",
            )
        raise too_large(limit)
    return capture


ExpectedDep = Annotated[CaptureView, Depends(expect_file)]


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


_FILE = {"type": "string", "format": "binary", "description": "The video: MP4, MOV or WebM."}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file is kept and is a recording now."},
    **problems(400, 404, 408, 409, 410, 413, 415, 422, 507),
}


@router.put(
    "/uploads/{capture_id}",
    operation_id="put_upload",
    summary="Send the whole file",
    dependencies=WRITE,
    responses=_ANSWERS,
    openapi_extra=_body("application/octet-stream", _FILE),
)
async def put_upload(
    request: Request, parts: PartsDep, principal: PrincipalDep, capture: ExpectedDep
) -> CaptureOutput:
    """Keep the body as the file of the capture."""
    if "content-range" in request.headers:
        raise MalformedUploadError(
            "A PUT takes the whole file.", how_to_fix="Send all of it, or send it in pieces by tus."
        )
    async with parts.staging.open(limit_bytes=_limit(capture, parts)) as writer:
        await receive_body(request.stream(), writer=writer)
        staged = await writer.finish()
        return await run_in_threadpool(_finish, parts, principal, capture=capture, staged=staged)


@router.post(
    "/uploads/{capture_id}",
    operation_id="post_upload",
    summary="Send the whole file in a form",
    status_code=status.HTTP_200_OK,
    dependencies=WRITE,
    responses=_ANSWERS,
    openapi_extra=_body(
        "multipart/form-data",
        {"type": "object", "properties": {FILE_FIELD: _FILE}, "required": [FILE_FIELD]},
    ),
)
async def post_upload(
    request: Request, parts: PartsDep, principal: PrincipalDep, capture: ExpectedDep
) -> CaptureOutput:
    """Keep the form's file as the file of the capture."""
    content_type = request.headers.get("content-type")
    find_boundary(content_type)
    async with parts.staging.open(limit_bytes=_limit(capture, parts)) as writer:
        form = await receive_upload(request.stream(), content_type=content_type, writer=writer)
        if form.fields:
            raise InvalidInputError(
                "What is known of the recording was told when it was announced.",
                how_to_fix=f"Send the field “{FILE_FIELD}” alone.",
                field=next(iter(form.fields))[:40],
            )
        staged = await writer.finish()
        return await run_in_threadpool(_finish, parts, principal, capture=capture, staged=staged)


@router.get(
    "/uploads/{capture_id}/parts",
    operation_id="list_upload_parts",
    summary="Where to send the file past us",
    dependencies=WRITE,
    responses=problems(404, 409, 410, 422),
)
def list_upload_parts(parts: PartsDep, principal: PrincipalDep, capture: ExpectedDep) -> PartList:
    """Return a signed address for each part, and which have come; where the store is S3."""
    found = direct_uploads.list_parts(blobs=parts.blobs, principal=principal, capture=capture)
    return PartList(items=[PartOutput.model_validate(part) for part in found])


@router.post(
    "/uploads/{capture_id}/complete",
    operation_id="complete_upload",
    summary="Make one file of the parts",
    status_code=status.HTTP_200_OK,
    dependencies=WRITE,
    responses=_ANSWERS,
)
async def complete_upload(parts: PartsDep, principal: PrincipalDep, capture: ExpectedDep) -> CaptureOutput:
    """Take the parts as the file of the capture; 422 names those that are missing."""
    chunks = await run_in_threadpool(
        direct_uploads.read_file, blobs=parts.blobs, principal=principal, capture=capture
    )
    async with parts.staging.open(limit_bytes=_limit(capture, parts)) as writer:
        async for chunk in iterate_in_threadpool(chunks):
            await writer.write(chunk)
        staged = await writer.finish()
        return await run_in_threadpool(_finish_parts, parts, principal, capture=capture, staged=staged)


def _finish_parts(
    parts: Parts, principal: Principal, *, capture: CaptureView, staged: StagedFile
) -> CaptureOutput:
    """Make the recording; the parts go when it is there, and when it never will be."""
    ids = {"organisation_id": principal.organisation_id, "capture_id": capture.id}
    try:
        finished = _finish(parts, principal, capture=capture, staged=staged)
    except UnreadableVideoError:
        direct_uploads.remove_parts(blobs=parts.blobs, **ids)
        raise
    direct_uploads.remove_parts(blobs=parts.blobs, **ids)
    return finished


def _limit(capture: CaptureView, parts: Parts) -> int:
    return min(capture.size_bytes or parts.settings.max_upload_bytes, parts.settings.max_upload_bytes)


def _finish(parts: Parts, principal: Principal, *, capture: CaptureView, staged: StagedFile) -> CaptureOutput:
    finished = captures.finish_capture(
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        principal=principal,
        capture_id=capture.id,
        upload=StagedUpload(
            path=staged.path, filename=capture.filename, size_bytes=staged.size_bytes, sha256=staged.sha256
        ),
        prober=parts.prober,
    )
    return present_capture(finished)
