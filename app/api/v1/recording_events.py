"""How a recording is getting on, as server-sent events."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response, status
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from app.api.deps import PartsDep, PrincipalDep, Requires
from app.api.presenters import present_progress
from app.api.responses import problems
from app.api.schemas.recordings import ProgressEvent
from app.domain.access import Permission
from app.domain.errors import TooManyRequestsError
from app.services import recordings

POLL_S = 0.1
"""How often each stream asks whether the recording has got on, while there are few."""
LOOK_S = 1.0
"""How often it looks in any case: others in the queue move, too."""
N_ASKED_PER_S = 100
"""What all streams of a process ask together, so that many wait longer instead of asking more."""
HEARTBEAT_S = 10.0
"""Proxies cut connections on which nothing comes."""
MAX_STREAM_S = 300.0
"""The browser comes back by itself and says what it saw last; so a stream never lives for ever."""
RECONNECT_MS = 1000

MAX_STREAMS = 200
"""Open at a time in one process."""

router = APIRouter(tags=["recordings"])


_EVENT = {
    "type": "object",
    "description": "One event of the stream.",
    "properties": {
        "id": {"type": "string"},
        "event": {"const": "progress"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": f"#/components/schemas/{ProgressEvent.__name__}"},
        },
        "retry": {"type": "integer", "description": "When to come back after a break, in ms."},
    },
}


@dataclass(slots=True)
class OpenStreams:
    """How many streams this process has open; touched on the event loop alone."""

    n_open: int = 0

    @property
    def pause_s(self) -> float:
        """How long each stream waits before it asks again."""
        return max(POLL_S, self.n_open / N_ASKED_PER_S)

    def check(self) -> None:
        """Raise `TooManyRequestsError` when there is no room for another."""
        if self.n_open >= MAX_STREAMS:
            raise TooManyRequestsError(
                "Too many people are watching at the moment.",
                how_to_fix="Ask for the recording itself every few seconds instead.",
                retry_after_s=30,
            )


@router.get(
    "/recordings/{recording_id}/events",
    operation_id="follow_recording",
    summary="Follow a recording until it is finished",
    dependencies=[Depends(Requires(Permission.RESULTS_READ))],
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events named `progress`, each with a `ProgressEvent` as JSON in `data` and an `id` to "
            "resume by; the last has `final: true`.",
            "content": {
                "text/event-stream": {
                    "schema": _EVENT,
                    "example": 'id: 4b1f0c2d9e7a\nevent: progress\ndata: {"state": "processing", "progress": 0.4}\n\n',
                }
            },
        },
        204: {"description": "You saw the last event; do not come back."},
        **problems(404, 422),
    },
)
async def follow_recording(
    recording_id: UUID,
    parts: PartsDep,
    principal: PrincipalDep,
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> Response:
    """Send state, stage and progress as they change. Send `Last-Event-ID` to hear only what is new."""

    def look() -> ProgressEvent:
        with parts.uow_factory(principal) as uow:
            return present_progress(
                recordings.get_recording(uow=uow, principal=principal, recording_id=recording_id)
            )

    def peek() -> object:
        with parts.uow_factory(principal) as uow:
            return recordings.find_step(uow=uow, principal=principal, recording_id=recording_id)

    streams: OpenStreams = request.app.state.open_streams
    streams.check()
    first = await run_in_threadpool(look)
    if first.final and _event_id(first) == last_event_id:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return StreamingResponse(
        _counted(_events(first, look=look, peek=peek, streams=streams, seen=last_event_id), streams),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _counted(events: AsyncIterator[str], streams: OpenStreams) -> AsyncIterator[str]:
    streams.n_open += 1
    try:
        async for event in events:
            yield event
    finally:
        streams.n_open -= 1


async def _events(
    latest: ProgressEvent,
    *,
    look: Callable[[], ProgressEvent],
    peek: Callable[[], object],
    streams: OpenStreams,
    seen: str | None,
) -> AsyncIterator[str]:
    """Yield an event for every change until the recording is finished or the time is up."""
    ends_at = time.monotonic() + MAX_STREAM_S
    spoke_at = time.monotonic()
    step: object = None
    yield f"retry: {RECONNECT_MS}\n\n"
    while True:
        looked_at = time.monotonic()
        if (event_id := _event_id(latest)) != seen:
            seen, spoke_at = event_id, looked_at
            yield f"id: {event_id}\nevent: progress\ndata: {latest.model_dump_json()}\n\n"
        if latest.final or looked_at >= ends_at:
            return
        if looked_at - spoke_at >= HEARTBEAT_S:
            spoke_at = looked_at
            yield ": still here\n\n"
        before, step = step, None
        while time.monotonic() - looked_at < LOOK_S:
            await asyncio.sleep(streams.pause_s)
            step = await run_in_threadpool(peek)
            if step != before:
                break
        latest = await run_in_threadpool(look)


def _event_id(event: ProgressEvent) -> str:
    """Return an id that is the same whenever the same is told, whichever process tells it."""
    return hashlib.sha256(event.model_dump_json().encode()).hexdigest()[:12]
