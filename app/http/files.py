"""A stored file as a response: whole, in part, or word that it has not changed."""

from urllib.parse import quote
from uuid import UUID

from fastapi import Request, Response, status
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.http.parts import Parts
from app.http.ranges import ByteRange, RangeNotSatisfiableError, find_range
from app.services import recordings
from app.services.read_models import BlobKind, OpenBlob


def send_blob(blob: OpenBlob, *, request: Request, disposition: str) -> Response:
    """Return the file, the part asked for, or word that it has not changed."""
    etag = f'"{blob.etag}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    if etag in _tags(request.headers.get("if-none-match")):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    asked = _asked_range(request, blob, etag=etag)
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


def send_recording(  # who asks for what, and how
    recording_id: UUID,
    kind: BlobKind,
    *,
    request: Request,
    parts: Parts,
    uow: UnitOfWork,
    principal: Principal,
    frame: int | None = None,
    disposition: str = "inline",
) -> Response:
    """Return a file of a recording, for whoever may watch it."""
    blob = recordings.open_blob(
        uow=uow,
        blobs=parts.blobs,
        principal=principal,
        recording_id=recording_id,
        kind=kind,
        frame=frame,
    )
    return send_blob(blob, request=request, disposition=disposition)


def _tags(header: str | None) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")} if header else set()


def _asked_range(request: Request, blob: OpenBlob, *, etag: str) -> ByteRange | None:
    try:
        return find_range(_range_header(request, etag=etag), size=blob.size_bytes)
    except RangeNotSatisfiableError as refusal:
        headers = {"Content-Range": f"bytes */{refusal.size}"}
        raise HTTPException(status.HTTP_416_RANGE_NOT_SATISFIABLE, headers=headers) from None


def _range_header(request: Request, *, etag: str) -> str | None:
    """Return the Range header, unless If-Range names another version: then the whole file is due."""
    if request.headers.get("if-range", etag) != etag:
        return None
    return request.headers.get("range")
