"""The file of an announced recording in pieces: tus 1.0.0, which resumes wherever the line, or this process, broke.

What is safe is told by the row of the capture, never by the length of the file: it is written after the disk has said so.
Whoever asks is known, and may, before any of a body is read.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.captures import CaptureInput, upload_url
from app.domain.access import Permission, Principal
from app.domain.captures import CaptureState
from app.domain.errors import InvalidInputError, UnreadableVideoError
from app.http import tus
from app.http.partial_uploads import PieceReceiver, locked, overflow
from app.http.parts import Parts
from app.http.rate_limits import UPLOADS
from app.http.small_bodies import SmallBodyRoute
from app.services import captures, roster
from app.services.captures import CaptureView
from app.services.uploads import StagedUpload
from app.storage.partials import PartialBusyError, PartialFile
from app.storage.staging import check_room, too_large

WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE))]
_TOLD_BY_CLIENTS = frozenset({"name", "type", "filetype", "relativePath"})
"""Metadata that upload widgets send by themselves."""

router = APIRouter(tags=["recordings"], dependencies=WRITE)
creation = APIRouter(route_class=SmallBodyRoute)


def check_version(request: Request, _principal: PrincipalDep) -> None:
    """Refuse another version of the protocol, once it is known who asks."""
    tus.check_version(request.headers)


def see_upload(capture_id: UUID, parts: PartsDep, principal: PrincipalDep) -> CaptureView:
    """Find whose file it is before any of the body is read."""
    with parts.uow_factory(principal) as uow:
        return captures.see_upload(uow=uow, principal=principal, capture_id=capture_id)


UploadDep = Annotated[CaptureView, Depends(see_upload)]
SPEAKS_TUS = [Depends(check_version)]


def _answers(status: int, what: str, *errors: int, **headers: str) -> dict[int | str, dict[str, Any]]:
    shown = {
        name.replace("_", "-").title(): {"description": text, "schema": {"type": "string"}}
        for name, text in {"tus_resumable": "Always 1.0.0.", **headers}.items()
    }
    return {status: {"description": what, "headers": shown}, **problems(*errors)}


def _header(name: str, text: str = "", *, required: bool = False, **schema: Any) -> dict[str, Any]:
    told = {"description": text} if text else {}
    return {"name": name, "in": "header", "required": required, **told, "schema": schema}


_TUS_RESUMABLE = _header(
    "Tus-Resumable", required=True, type="string", pattern=r"^1\.0\.0$", default=tus.VERSION
)


@router.options(
    "/uploads",
    operation_id="describe_uploads",
    summary="What the upload server can do (tus)",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_answers(204, "Said in the headers.", tus_extension="What it can do besides.", tus_max_size="In bytes."),
)  # fmt: skip
def describe_uploads(parts: PartsDep) -> Response:
    """Say which version, extensions, sizes and checksums there are."""
    return _told(parts)


@router.options(
    "/uploads/{capture_id}",
    operation_id="describe_upload",
    summary="What the upload server can do with this file (tus)",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_answers(204, "Said in the headers.", 404, 410),
)
def describe_upload(parts: PartsDep, _capture: UploadDep) -> Response:
    """Say the same of one file."""
    return _told(parts)


@creation.post(
    "/uploads",
    operation_id="create_upload",
    response_class=Response,
    summary="Announce a recording as tus does",
    status_code=HTTPStatus.CREATED,
    dependencies=SPEAKS_TUS,
    responses=_answers(
        201,
        "Its file is waited for at `Location`.",
        *(400, 404, 412, 413, 422, 507),
        location="Where to send it.",
        upload_expires="Until when it is waited for.",
    ),
    openapi_extra={
        "parameters": [
            _header("Upload-Length", required=True, type="integer", minimum=0),
            _header("Upload-Metadata", "The fields of a capture, each value in Base64.", type="string"),
            _TUS_RESUMABLE,
        ]
    },
)
def create_upload(request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> Response:
    """Take the fields of a capture from `Upload-Metadata`, and wait for its file."""
    parts.rate_limiter.hit(UPLOADS, str(principal.organisation_id))
    length = tus.read_length(request.headers)
    metadata = request.headers.get("upload-metadata")
    if length > parts.settings.max_upload_bytes:
        raise too_large(parts.settings.max_upload_bytes)
    check_room(parts.partials.directory, min_free_bytes=parts.settings.min_free_bytes)
    body = _announced(metadata, length=length)
    athlete_id = body.athlete_id
    if body.athlete_external_id is not None:
        athlete_id = roster.get_athlete_by_external_id(
            uow=uow, principal=principal, external_id=body.athlete_external_id
        ).id
    capture = captures.announce_capture(
        uow=uow,
        principal=principal,
        request=body.request(athlete_id=athlete_id, upload_metadata=metadata),
        max_bytes=parts.settings.max_upload_bytes,
        quotas=parts.settings.quotas,
        expires_s=parts.settings.upload_expires_s,
    ).capture
    headers = {"Location": upload_url(capture.id), "Upload-Expires": tus.http_date(capture.expires_at)}
    return Response(status_code=HTTPStatus.CREATED, headers=headers)


router.include_router(creation)


@router.head(
    "/uploads/{capture_id}",
    operation_id="get_upload_offset",
    summary="How much of the file is safe (tus)",
    dependencies=SPEAKS_TUS,
    responses=_answers(
        200, "Said in the headers.", 404, 410, 412, 422, 423, 460, 507, upload_offset="Go on from here."
    ),
    openapi_extra={"parameters": [_TUS_RESUMABLE]},
)
async def get_upload_offset(parts: PartsDep, principal: PrincipalDep, capture: UploadDep) -> Response:
    """Say where to go on. Whoever is sending still has lost us, and is stopped; a file that is whole is taken now."""
    if capture.state is CaptureState.RECEIVED:
        return Response(headers=_headers(capture, capture.received_bytes))
    async with _Held(parts, principal, capture) as held:
        await held.finish_if_whole()
    return Response(headers=_headers(held.capture, held.offset))


@router.patch(
    "/uploads/{capture_id}",
    operation_id="append_upload",
    summary="Send a piece of the file (tus)",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=SPEAKS_TUS,
    responses=_answers(
        204,
        "It is safe; with the last byte, the file is a recording.",
        *(400, 404, 408, 409, 410, 412, 413, 415, 422, 423, 460, 507),
        upload_offset="Go on from here.",
        upload_expires="Until when the rest is waited for.",
    ),
    openapi_extra={
        "parameters": [
            _TUS_RESUMABLE,
            _header("Upload-Offset", "Where this piece begins.", required=True, type="integer", minimum=0),
            _header(
                "Upload-Checksum",
                "`sha256` and its Base64, with a space between; `sha1`, `sha512` too.",
                type="string",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {tus.CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def append_upload(
    request: Request, parts: PartsDep, principal: PrincipalDep, capture: UploadDep
) -> Response:
    """Add the body to what is there. It has to begin at the offset that HEAD tells."""
    piece = tus.read_piece(request.headers)
    if capture.state is CaptureState.RECEIVED:
        _check_piece(piece, capture=capture, offset=capture.received_bytes)
        return Response(status_code=204, headers=_headers(capture, capture.received_bytes))
    async with _Held(parts, principal, capture) as held:
        room = _check_piece(piece, capture=held.capture, offset=held.offset)
        await held.receive(piece, room_bytes=room, request=request)
        await held.finish_if_whole()
    return Response(status_code=204, headers=_headers(held.capture, held.offset))


@router.delete(
    "/uploads/{capture_id}",
    operation_id="end_upload",
    summary="Call the upload off (tus)",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=SPEAKS_TUS,
    responses=_answers(204, "Nothing of it is kept.", 404, 409, 410, 412, 423),
    openapi_extra={"parameters": [_TUS_RESUMABLE]},
)
async def end_upload(parts: PartsDep, principal: PrincipalDep, capture: UploadDep) -> Response:
    """Remove what has come; 409 when the file is a recording already."""
    async with _Held(parts, principal, capture) as held:
        await run_in_threadpool(held.call_off)
    return Response(status_code=204)


class _Held:
    """One upload, held by one request: its row read anew, and the file cut back to what the row calls safe."""

    def __init__(self, parts: Parts, principal: Principal, capture: CaptureView) -> None:
        self._parts = parts
        self._principal = principal
        self._holding = parts.partials.hold(principal.organisation_id, capture.id)
        self._file: PartialFile
        self.capture = capture
        self.offset = 0

    async def __aenter__(self) -> "_Held":
        try:
            self._file = await self._holding.__aenter__()
        except PartialBusyError:
            raise locked() from None
        try:
            await run_in_threadpool(self._look_again)
        except BaseException:
            await self._holding.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._holding.__aexit__(None, None, None)

    async def receive(self, piece: tus.Piece, *, room_bytes: int, request: Request) -> None:
        """Add the body of the request."""
        self._file.cut(self.offset)
        receiver = PieceReceiver(self._file, room_bytes=room_bytes, tell=self._tell, checksum=piece.checksum)
        await receiver.receive(request.stream())

    async def finish_if_whole(self) -> None:
        """Make the recording when the last byte is there."""
        is_open = self.capture.state is CaptureState.AWAITING_UPLOAD
        if is_open and self.capture.size_bytes is not None and self.offset == self.capture.size_bytes:
            self.capture = await run_in_threadpool(self._finish)

    def call_off(self) -> None:
        """Cancel the capture and remove the file."""
        principal = self._principal
        with self._parts.uow_factory(principal) as uow:
            captures.cancel_capture(uow=uow, principal=principal, capture_id=self.capture.id)
        self._file.remove()

    def _look_again(self) -> None:
        """Read the row under the lock: another request may have gone on, finished or called it off meanwhile."""
        principal = self._principal
        with self._parts.uow_factory(principal) as uow:
            self.capture = captures.see_upload(uow=uow, principal=principal, capture_id=self.capture.id)
        if self.capture.state is CaptureState.RECEIVED:
            self.offset = self.capture.received_bytes
        else:
            self.offset = min(self.capture.received_bytes, self._file.size_bytes)

    def _tell(self, received_bytes: int) -> None:
        expires_at = captures.note_progress(
            uow_factory=self._parts.uow_factory,
            organisation_id=self._principal.organisation_id,
            capture_id=self.capture.id,
            received_bytes=received_bytes,
            expires_s=self._parts.settings.upload_expires_s,
        )
        self.offset = received_bytes
        self.capture = replace(self.capture, expires_at=expires_at)

    def _finish(self) -> CaptureView:
        self._file.cut(self.offset)
        sha256 = self._file.sha256()
        if self.capture.sha256 not in {None, sha256}:
            self._file.cut(0)
            self._tell(0)
            raise tus.ChecksumMismatchError(
                "The file that came is not the one that was announced; it begins anew.",
                how_to_fix="Send it again from the beginning.",
            )
        try:
            with self._file.copy_in(self._parts.staging.directory) as path:
                upload = StagedUpload(
                    path=path, filename=self.capture.filename, size_bytes=self.offset, sha256=sha256
                )
                finished = captures.finish_capture(
                    uow_factory=self._parts.uow_factory,
                    blobs=self._parts.blobs,
                    principal=self._principal,
                    capture_id=self.capture.id,
                    upload=upload,
                    prober=self._parts.prober,
                )
        except UnreadableVideoError:
            self._file.remove()
            raise
        self._file.remove()
        return finished


def _announced(metadata: str | None, *, length: int) -> CaptureInput:
    """Return what the metadata say, checked like the body of an announcement."""
    told = {
        name: value for name, value in tus.read_metadata(metadata).items() if name not in _TOLD_BY_CLIENTS
    }
    if length == 0:
        raise UnreadableVideoError(
            "The file is empty.", how_to_fix="Wait until the phone has saved it.", reason="empty_file"
        )
    try:
        return CaptureInput.model_validate(
            {name: value for name, value in told.items() if value} | {"size_bytes": length}
        )
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def _check_piece(piece: tus.Piece, *, capture: CaptureView, offset: int) -> int:
    """Return how much room the file has left, or refuse the piece before it is read."""
    if capture.size_bytes is None:
        raise tus.no_length() if capture.state is CaptureState.AWAITING_UPLOAD else _has_come()
    if piece.offset_bytes != offset:
        raise tus.OffsetMismatchError(
            f"The file goes on at {offset}.", how_to_fix="Ask for the offset with HEAD, and go on from there."
        )
    room = capture.size_bytes - offset
    if piece.length_bytes is not None and piece.length_bytes > room:
        raise overflow()
    return room


def _has_come() -> InvalidInputError:
    return InvalidInputError("The file has come whole.", how_to_fix="Follow its recording.")


def _headers(capture: CaptureView, offset: int) -> dict[str, str]:
    is_open = capture.state is CaptureState.AWAITING_UPLOAD
    return tus.file_headers(
        offset_bytes=offset,
        length_bytes=capture.size_bytes if is_open else capture.received_bytes,
        expires_at=capture.expires_at if is_open else None,
        metadata=capture.upload_metadata,
    )


def _told(parts: Parts) -> Response:
    headers = tus.server_headers(max_bytes=parts.settings.max_upload_bytes)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
