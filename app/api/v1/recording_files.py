"""The files of a recording: the original, the overlay video, stills. Whole or in part."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status
from fastapi.responses import StreamingResponse

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.domain.access import Permission
from app.http.ranges import ByteRange, find_range
from app.services import recordings
from app.services.read_models import BlobKind, OpenBlob

VIDEOS = [Depends(Requires(Permission.VIDEOS_READ))]
MAX_FRAME = 1_000_000

router = APIRouter(tags=["recordings"])


def _binary(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route that sends a file documents."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": "The whole file.", "content": content},
        206: {"description": "The part asked for by `Range`.", "content": content},
        304: {"description": "Unchanged since the `ETag` sent in `If-None-Match`."},
        **problems(404, 416),
    }


@router.get(
    "/recordings/{recording_id}/original",
    operation_id="get_original",
    summary="The video as it was uploaded",
    dependencies=VIDEOS,
    response_class=StreamingResponse,
    responses=_binary("video/mp4"),
)
def get_original(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the uploaded video; `Range` is honoured."""
    blob = recordings.open_blob(
        uow=uow, blobs=parts.blobs, principal=principal, recording_id=recording_id, kind=BlobKind.ORIGINAL
    )
    return send_blob(blob, request=request, disposition="attachment")


@router.get(
    "/recordings/{recording_id}/overlay",
    operation_id="get_overlay",
    summary="The video with the skeleton drawn in",
    dependencies=VIDEOS,
    response_class=StreamingResponse,
    responses=_binary("video/mp4"),
)
def get_overlay(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the overlay video of the latest analysis; `Range` is honoured."""
    blob = recordings.open_blob(
        uow=uow, blobs=parts.blobs, principal=principal, recording_id=recording_id, kind=BlobKind.OVERLAY
    )
    return send_blob(blob, request=request, disposition="inline")


@router.get(
    "/recordings/{recording_id}/stills/{frame}",
    operation_id="get_still",
    summary="A still picture of a flagged frame",
    dependencies=VIDEOS,
    response_class=StreamingResponse,
    responses=_binary("image/jpeg"),
)
def get_still(
    recording_id: UUID,
    frame: Annotated[int, Path(ge=0, le=MAX_FRAME)],
    request: Request,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
) -> Response:
    """Return the picture of a flagged frame of the latest analysis."""
    blob = recordings.open_blob(
        uow=uow,
        blobs=parts.blobs,
        principal=principal,
        recording_id=recording_id,
        kind=BlobKind.STILL,
        frame=frame,
    )
    return send_blob(blob, request=request, disposition="inline")


def send_blob(blob: OpenBlob, *, request: Request, disposition: str) -> Response:
    """Return the file, the part asked for, or word that it has not changed."""
    etag = f'"{blob.etag}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    if etag in _tags(request.headers.get("if-none-match")):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    asked = find_range(_range_header(request, etag=etag), size=blob.size_bytes)
    part = asked or ByteRange(start=0, end=blob.size_bytes)
    headers["Content-Length"] = str(part.end - part.start)
    headers["Content-Disposition"] = f"{disposition}; filename*=UTF-8''{quote(blob.filename, safe='')}"
    if asked is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{blob.size_bytes}"
    return StreamingResponse(
        blob.iter_range(start=part.start, end=part.end),
        status_code=status.HTTP_200_OK if asked is None else status.HTTP_206_PARTIAL_CONTENT,
        media_type=blob.media_type,
        headers=headers,
    )


def _tags(header: str | None) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")} if header else set()


def _range_header(request: Request, *, etag: str) -> str | None:
    """Return the Range header, unless If-Range names another version: then the whole file is due."""
    if request.headers.get("if-range", etag) != etag:
        return None
    return request.headers.get("range")
