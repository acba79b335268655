"""Routes that take a body of limited size: a larger one is refused, in our own words, before it is read to the end.

Their POSTs may be repeated with an `Idempotency-Key`: the answer is noted here, and kept by whoever ends the transaction.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from app.http.idempotency import begin_repeatable, note_answer

MAX_BODY_BYTES = 64 * 1024
MAX_BATCH_BYTES = 1024 * 1024


class SmallBodyRoute(APIRoute):
    """Use as ``route_class`` of a router. The framework's own limit answers in plain text, outside our handlers."""

    max_bytes: ClassVar[int] = MAX_BODY_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the framework's handler behind the limit."""
        handler = super().get_route_handler()

        async def limited(request: Request) -> Response:
            declared = request.headers.get("content-length", "")
            if declared.isdecimal() and int(declared) > self.max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            counted = Request(request.scope, _counted(request.receive, max_bytes=self.max_bytes))
            repeatable = await begin_repeatable(counted)
            response = await handler(counted)
            note_answer(repeatable, response)
            return response

        return limited


class BatchBodyRoute(SmallBodyRoute):
    """The same for routes that take many things at once."""

    max_bytes = MAX_BATCH_BYTES


def _counted(receive: Receive, *, max_bytes: int) -> Receive:
    """Return the way in with a counter, for bodies that do not declare their length."""
    n_bytes = 0

    async def counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > max_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return counted
