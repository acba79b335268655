"""A piece of a file as it comes: written, made safe every second or so, and told of only then."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from app.http.tus import HASHES, Checksum, ChecksumMismatchError, UploadLockedError, UploadOverflowError
from app.http.uploads import IDLE_TIMEOUT_S, upload_stalled
from app.storage.partials import PartialFile

BUFFER_BYTES = 1024 * 1024
SAFE_EVERY_BYTES = 2 * 1024 * 1024
SAFE_EVERY_S = 1.0
"""A process that is killed costs its client no more than so much, sent again."""
_LOOK_EVERY_S = 0.5

Tell = Callable[[int], None]
"""Takes the size of the file that is safe now; called off the event loop."""


class PieceReceiver:
    """Takes the body of one PATCH into a held file."""

    def __init__(
        self,
        file: PartialFile,
        *,
        room_bytes: int,
        tell: Tell,
        checksum: Checksum | None = None,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        """Begin at the end of the file; at most `room_bytes` belong to it."""
        self._file = file
        self._room_bytes = room_bytes
        self._tell = tell
        self._checksum = checksum
        self._hash: Any = None if checksum is None else HASHES[checksum.algorithm]()
        self._idle_timeout_s = idle_timeout_s
        self._buffer = bytearray()
        self._unsafe_bytes = 0
        self._safe_at_s = time.monotonic()

    async def receive(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the body to its end; all of it is safe, and told of, when this returns.

        Whatever breaks the body off, what came before is kept; unless the piece has a checksum, and then nothing of it.
        """
        try:
            async for chunk in self._while_ours(chunks):
                await self._take(chunk)
        except BaseException:
            if self._hash is None:
                await asyncio.shield(asyncio.to_thread(self._make_safe))
            raise
        if self._checksum is not None:
            await asyncio.to_thread(self._flush)
            if not hmac.compare_digest(self._hash.digest(), self._checksum.digest):
                raise ChecksumMismatchError(
                    "This piece was damaged on its way; nothing of it was kept.",
                    how_to_fix="Send it again from the same offset.",
                )
        await asyncio.to_thread(self._make_safe)

    async def _take(self, chunk: bytes) -> None:
        self._room_bytes -= len(chunk)
        if self._room_bytes < 0:
            raise overflow()
        if self._hash is not None:
            self._hash.update(chunk)
        self._buffer += chunk
        if len(self._buffer) >= BUFFER_BYTES:
            await asyncio.to_thread(self._flush)
        late = time.monotonic() - self._safe_at_s >= SAFE_EVERY_S
        if self._hash is None and (late or self._unsafe_bytes >= SAFE_EVERY_BYTES):
            await asyncio.to_thread(self._make_safe)

    def _flush(self) -> None:
        self._file.write(self._buffer)
        self._unsafe_bytes += len(self._buffer)
        self._buffer = bytearray()

    def _make_safe(self) -> None:
        self._flush()
        self._file.sync()
        self._tell(self._file.size_bytes)
        self._unsafe_bytes, self._safe_at_s = 0, time.monotonic()

    async def _while_ours(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass the chunks on; stop when nothing comes for too long, or when another request wants the file."""
        heard_at_s = time.monotonic()
        while True:
            coming = asyncio.ensure_future(anext(chunks, None))
            try:
                while not (await asyncio.wait({coming}, timeout=_LOOK_EVERY_S))[0]:
                    self._check_ours()
                    if self._hash is None and (self._buffer or self._unsafe_bytes):
                        await asyncio.to_thread(self._make_safe)
                    if time.monotonic() - heard_at_s > self._idle_timeout_s:
                        raise upload_stalled()
            finally:
                if not coming.done():
                    coming.cancel()
                    with suppress(asyncio.CancelledError):
                        await coming
            chunk = coming.result()
            if chunk is None:
                return
            heard_at_s = time.monotonic()
            self._check_ours()
            yield chunk

    def _check_ours(self) -> None:
        if self._file.is_wanted:
            raise locked()


def overflow() -> UploadOverflowError:
    """Return the refusal of more than was announced."""
    return UploadOverflowError(
        "The piece goes beyond the end of the file that was announced.",
        how_to_fix="Ask for the offset with HEAD and send what is missing.",
    )


def locked() -> UploadLockedError:
    """Return the refusal of a second request for one file."""
    return UploadLockedError(
        "Another request is at work on this upload.",
        how_to_fix="Wait a moment, ask for the offset with HEAD, and go on from there.",
        retry_after_s=1,
    )
