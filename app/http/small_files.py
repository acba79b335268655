"""A small file in a multipart form, read whole into memory up to a limit."""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.exceptions import HTTPException

from app.domain.errors import InvalidInputError
from app.http.uploads import FILE_FIELD, FORM_OVERHEAD_BYTES, find_boundary, receive_upload


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallFile:
    """What the form held."""

    fields: dict[str, str]
    filename: str
    content: bytes


class _Memory:
    """Takes the file's bytes; refuses what is too much."""

    def __init__(self, limit_bytes: int) -> None:
        self.content = bytearray()
        self._limit_bytes = limit_bytes

    async def write(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) > self._limit_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


async def receive_small_file(request: Request, *, limit_bytes: int) -> SmallFile:
    """Read the form; answer 413 as soon as it is too much, raise `InvalidInputError` without a file."""
    content_type = request.headers.get("content-type")
    find_boundary(content_type)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes + FORM_OVERHEAD_BYTES:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    memory = _Memory(limit_bytes)
    fields: dict[str, str] = {}
    form = await receive_upload(request.stream(), content_type=content_type, writer=memory, fields=fields)
    if not memory.content:
        raise InvalidInputError("The file is missing.", how_to_fix="Choose the file.", field=FILE_FIELD)
    return SmallFile(fields=form.fields, filename=form.filename, content=bytes(memory.content))
