"""A multipart form with one file, read as it arrives: the file goes straight to the staging area, once.

Starlette's own form parser writes a file to a temporary place first, from where it would be copied; this one
pushes the network's chunks through python-multipart's parser and hands file bytes on at once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.domain.errors import DomainError, InvalidInputError

FILE_FIELD = "file"
MAX_FIELDS = 32
MAX_FIELD_BYTES = 8 * 1024
MAX_FILENAME_CHARS = 200
FORM_OVERHEAD_BYTES = 1024 * 1024
"""What fields, part headers and boundaries may add to the file in one request."""
IDLE_TIMEOUT_S = 60.0
"""A client that sends nothing for this long is gone."""


class MalformedUploadError(DomainError):
    """The request's body is not the multipart form it claims to be."""

    code = "malformed_request"


class UnsupportedBodyError(DomainError):
    """The request's body is of another type than this route takes."""

    code = "unsupported_media_type"


class UploadStalledError(DomainError):
    """The client stopped sending."""

    code = "upload_stalled"


class FileWriter(Protocol):
    """Where the file's bytes go; refuses what is too much."""

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """What the form held besides the file's bytes."""

    fields: dict[str, str]
    filename: str
    """The name the user's file had, without folders and control characters; for display alone."""


@dataclass(slots=True)
class _Part:
    """A part of the form while it is read."""

    headers: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    text: bytearray = field(default_factory=bytearray)

    @property
    def is_file(self) -> bool:
        return self.filename is not None


class _FormReader:
    """Collects what the push parser calls back with; file bytes wait in `pending` until they are taken."""

    def __init__(self, boundary: bytes, *, fields: dict[str, str]) -> None:
        self.fields = fields
        self.filename: str | None = None
        self.finished = False
        self._pending: list[bytes] = []
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_header_name,
                "on_header_value": self._add_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_content,
                "on_part_data": self._add_content,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Parse the next bytes of the body; yield those that belong to the file."""
        try:
            self._parser.write(chunk)
        except (MultipartParseError, FormParserError):
            raise _malformed() from None
        pending, self._pending = self._pending, []
        yield from pending

    def _begin_part(self) -> None:
        self._part = _Part()

    def _add_header_name(self, block: bytes, start: int, end: int) -> None:
        self._header_name += block[start:end]

    def _add_header_value(self, block: bytes, start: int, end: int) -> None:
        self._header_value += block[start:end]

    def _end_header(self) -> None:
        # the value stays bytes: the library reads them as Latin-1, and a name in any other script would not fit
        self._part.headers[_text(self._header_name).lower()] = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _begin_content(self) -> None:
        disposition, options = parse_options_header(self._part.headers.get("content-disposition"))
        if disposition != b"form-data" or b"name" not in options:
            raise _malformed()
        self._part.name = _text(options[b"name"])
        if b"filename" in options:
            self._part.filename = clean_filename(_text(options[b"filename"]))
        self._check_part()

    def _check_part(self) -> None:
        name = self._part.name
        if self._part.is_file != (name == FILE_FIELD):
            raise InvalidInputError(
                f"The video must come as a file in the form field “{FILE_FIELD}”, and nothing else as a file.",
                how_to_fix=f"Send it as multipart/form-data, for example: curl -F {FILE_FIELD}=@jump.mp4",
                field=name,
            )
        if self._part.is_file and self.filename is not None:
            raise InvalidInputError(
                "There are two files in this request.",
                how_to_fix="Send one request per video.",
                field=FILE_FIELD,
            )
        if name in self.fields:
            raise InvalidInputError(
                f"The field “{name[:40]}” was sent twice.",
                how_to_fix="Send each field once.",
                field=name[:40],
            )
        if self._part.is_file:
            self.filename = self._part.filename
        elif len(self.fields) >= MAX_FIELDS:
            raise InvalidInputError(
                "There are too many fields in this form.", how_to_fix="Send the documented ones."
            )

    def _add_content(self, block: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._pending.append(block[start:end])
            return
        self._part.text += block[start:end]
        if len(self._part.text) > MAX_FIELD_BYTES:
            raise InvalidInputError(
                f"The field “{self._part.name[:40]}” is too long.",
                how_to_fix=f"Send at most {MAX_FIELD_BYTES} bytes.",
                field=self._part.name[:40],
            )

    def _end_part(self) -> None:
        if self._part.is_file:
            return
        try:
            self.fields[self._part.name] = self._part.text.decode()
        except UnicodeDecodeError:
            raise _malformed() from None

    def _end(self) -> None:
        self.finished = True


async def receive_upload(
    chunks: AsyncIterator[bytes],
    *,
    content_type: str | None,
    writer: FileWriter,
    fields: dict[str, str] | None = None,
    idle_timeout_s: float = IDLE_TIMEOUT_S,
) -> UploadForm:
    """Read the whole form, writing the file's bytes as they come; raise a `DomainError` that says what is wrong.

    A dict given as `fields` is filled as they arrive, so that a page can show them again after a refusal.
    """
    reader = _FormReader(find_boundary(content_type), fields={} if fields is None else fields)
    async for chunk in _not_stalled(chunks, idle_timeout_s=idle_timeout_s):
        for part in reader.feed(chunk):
            await writer.write(part)
    if not reader.finished:
        raise _malformed()
    if reader.filename is None:
        raise InvalidInputError(
            "There is no file in this request.",
            how_to_fix=f"Add the file in the form field “{FILE_FIELD}”, for example: curl -F {FILE_FIELD}=@jump.mp4",
            field=FILE_FIELD,
        )
    return UploadForm(fields=reader.fields, filename=reader.filename)


async def receive_body(
    chunks: AsyncIterator[bytes], *, writer: FileWriter, idle_timeout_s: float = IDLE_TIMEOUT_S
) -> None:
    """Write a body that is nothing but the file, as it comes; raise `UploadStalledError` when nothing does."""
    async for chunk in _not_stalled(chunks, idle_timeout_s=idle_timeout_s):
        await writer.write(chunk)


def find_boundary(content_type: str | None) -> bytes:
    """Return the boundary named by the Content-Type header."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedBodyError(
            "The video must be sent as multipart/form-data.",
            how_to_fix=f"Send a form, for example: curl -F {FILE_FIELD}=@jump.mp4",
        )
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 70:
        raise _malformed()
    return boundary


def clean_filename(name: str) -> str:
    """Return a name fit for display: no folders, no control or direction marks, not too long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(character for character in last if character.isprintable()).strip()
    return visible[-MAX_FILENAME_CHARS:] or "video"


async def _not_stalled(chunks: AsyncIterator[bytes], *, idle_timeout_s: float) -> AsyncIterator[bytes]:
    """Pass the chunks on; give up on a client that sends nothing for too long."""
    while True:
        try:
            async with asyncio.timeout(idle_timeout_s):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise upload_stalled() from None
        if chunk is None:
            return
        yield chunk


def upload_stalled() -> UploadStalledError:
    """Return the word to a client that sends no more."""
    return UploadStalledError(
        "The upload stopped before it was complete.", how_to_fix="Check the connection and send it again."
    )


def _text(raw: bytes | bytearray) -> str:
    return bytes(raw).decode("utf-8", errors="replace")


def _malformed() -> MalformedUploadError:
    return MalformedUploadError(
        "The form in this request is damaged or incomplete.",
        how_to_fix=f"Send it again as multipart/form-data, for example: curl -F {FILE_FIELD}=@jump.mp4",
    )
