"""tus 1.0.0 as words: headers read and written, refusals with the status the protocol wants. No file, no database.

Core, creation, expiration, checksum, termination. https://tus.io/protocols/resumable-upload
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import DomainError, InvalidInputError
from app.http.uploads import MalformedUploadError, UnsupportedBodyError

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,expiration,checksum,termination"
CONTENT_TYPE: Final = "application/offset+octet-stream"
PATHS: Final = "/api/v1/uploads"
HASHES: Final[Mapping[str, Callable[[], Any]]] = {
    "sha1": lambda: hashlib.sha1(
        usedforsecurity=False
    ),  # the protocol asks for it; against accidents, not attacks
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}
_METHODS = frozenset({"OPTIONS", "HEAD", "PATCH", "DELETE", "POST", "PUT"})
_MAX_DIGITS = 15


class UnsupportedVersionError(DomainError):
    """The client speaks another version of tus."""

    code = "unsupported_tus_version"


class OffsetMismatchError(DomainError):
    """The piece does not begin where the file ends."""

    code = "offset_mismatch"


class ChecksumMismatchError(DomainError):
    """What came is not what was sent."""

    code = "checksum_mismatch"


class UploadLockedError(DomainError):
    """Another request is at work on this upload."""

    code = "upload_locked"


class UploadOverflowError(DomainError):
    """More came than was announced."""

    code = "upload_overflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What a piece must hash to."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What the headers of a PATCH say about its body."""

    offset_bytes: int
    length_bytes: int | None
    """None: as long as it comes."""
    checksum: Checksum | None


def check_version(headers: Headers) -> None:
    """Refuse a request of another version, before anything is done for it."""
    if headers.get("tus-resumable") != VERSION:
        raise UnsupportedVersionError(
            f"This service speaks tus {VERSION}.", how_to_fix=f"Send the header Tus-Resumable: {VERSION}."
        )


def read_piece(headers: Headers) -> Piece:
    """Return what a PATCH is about to send."""
    if headers.get("content-type") != CONTENT_TYPE:
        raise UnsupportedBodyError(
            "A piece of a file is of another type.", how_to_fix=f"Send Content-Type: {CONTENT_TYPE}."
        )
    declared = headers.get("content-length")
    return Piece(
        offset_bytes=_count(headers, "upload-offset"),
        length_bytes=None if declared is None else _count(headers, "content-length"),
        checksum=_checksum(headers.get("upload-checksum")),
    )


def read_length(headers: Headers) -> int:
    """Return the size of the file that is to be sent."""
    return _count(headers, "upload-length")


def read_metadata(value: str | None) -> dict[str, str]:
    """Return the pairs of an `Upload-Metadata` header: keys in the clear, values in Base64, comma between pairs."""
    found: dict[str, str] = {}
    for pair in (value or "").split(","):
        key, _, encoded = pair.strip().partition(" ")
        if not key:
            continue
        if key in found:
            raise _bad("upload-metadata")
        try:
            found[key] = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _bad("upload-metadata") from None
    return found


def file_headers(
    *, offset_bytes: int, length_bytes: int | None, expires_at: datetime | None, metadata: str | None = None
) -> dict[str, str]:
    """Return what a client is told of a file."""
    headers = {"Upload-Offset": str(offset_bytes), "Cache-Control": "no-store"}
    if length_bytes is not None:
        headers["Upload-Length"] = str(length_bytes)
    if expires_at is not None:
        headers["Upload-Expires"] = http_date(expires_at)
    if metadata:
        headers["Upload-Metadata"] = metadata
    return headers


def server_headers(*, max_bytes: int) -> dict[str, str]:
    """Return what a client is told of this server."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(max_bytes),
        "Tus-Checksum-Algorithm": ",".join(HASHES),
    }


def http_date(instant: datetime) -> str:
    """Return a time as headers spell it; `instant` is in UTC."""
    return format_datetime(instant, usegmt=True)


class TusMiddleware:
    """Around every request below `PATHS`: the method a client cannot send otherwise, and the version in each answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await self._app(scope, receive, send)
            return
        instead = Headers(scope=scope).get("x-http-method-override", "").upper()
        if instead in _METHODS:
            scope["method"] = instead

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Tus-Resumable", VERSION)
                if message["status"] == 412:
                    headers.setdefault("Tus-Version", VERSION)
            await send(message)

        await self._app(scope, receive, answer)


def _count(headers: Headers, name: str) -> int:
    value = headers.get(name, "")
    if not (value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS):
        raise _bad(name)
    return int(value)


def _checksum(value: str | None) -> Checksum | None:
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in HASHES:
        raise MalformedUploadError(
            "This checksum is of a kind that is not known here.",
            how_to_fix=f"Use one of {', '.join(HASHES)}.",
        )
    try:
        return Checksum(algorithm=algorithm, digest=base64.b64decode(encoded.strip(), validate=True))
    except binascii.Error:
        raise _bad("upload-checksum") from None


def _bad(header: str) -> MalformedUploadError:
    name = "-".join(word.capitalize() for word in header.split("-"))
    return MalformedUploadError(
        f"The header {name} is missing or not as the tus protocol has it.",
        how_to_fix=f"Send {name} as described at https://tus.io/protocols/resumable-upload.",
    )


def no_length() -> InvalidInputError:
    """Return the refusal of a file whose size was not announced."""
    return InvalidInputError(
        "How large the file is was not announced, so that it cannot come in pieces.",
        how_to_fix="Announce it with its size_bytes, or send it whole by PUT.",
        field="size_bytes",
    )
