"""`Idempotency-Key`: what a POST is told apart by, and the answer it may be repeated with."""

import hashlib
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.services.idempotency import Answer

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
EXEMPT: Final = {
    "/api/v1/recordings": "its file is streamed to disk and known by its hash; it keeps the key beside the recording",
    "/api/v1/uploads/{capture_id}": "its file is streamed to disk; a capture takes its file once, however often it is sent",
    "/api/v1/uploads/{capture_id}/complete": "its file is fetched from the store; a capture takes its file once",
    "/api/v1/roster-imports": "its file is streamed; a dry run changes nothing, and one too many is dropped after a day",
}
"""Routes that do without, and why. A test holds every other POST to it."""
_ALSO = ("upload-length", "upload-metadata")
"""Headers that say what is asked for."""


class AnsweredBeforeError(Exception):
    """Not an error: the way out of a request that was answered before."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer."""
        super().__init__()
        self.answer = answer


@dataclass(slots=True)
class RepeatableRequest:
    """A POST with a key, on its way."""

    key: str
    request_sha256: str
    answer: Answer | None = None
    """What it is answered, once that is known; before its transaction ends."""


async def begin_repeatable(request: Request) -> RepeatableRequest | None:
    """Note key and fingerprint of a POST that has a key, for whoever opens the transaction; the body is read whole."""
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    digest = hashlib.sha256()
    for part in (request.url.path, request.url.query, *(request.headers.get(name, "") for name in _ALSO)):
        digest.update(part.encode() + b"\0")
    digest.update(await request.body())
    repeatable = RepeatableRequest(key=key, request_sha256=digest.hexdigest())
    request.state.repeatable = repeatable
    return repeatable


def repeatable_of(request: Request) -> RepeatableRequest | None:
    """Return what `begin_repeatable` noted."""
    found: RepeatableRequest | None = getattr(request.state, "repeatable", None)
    return found


def note_answer(repeatable: RepeatableRequest | None, response: Response) -> None:
    """Note the answer of a request that did what it was asked for."""
    body = getattr(response, "body", None)
    if repeatable is None or body is None or response.status_code >= 400:
        return
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    repeatable.answer = Answer(status=response.status_code, headers=headers, body=bytes(body).decode())


def repeat_answer(answer: Answer) -> Response:
    """Return the answer again."""
    return Response(
        answer.body or None, status_code=answer.status, headers={**answer.headers, REPLAYED: "true"}
    )
