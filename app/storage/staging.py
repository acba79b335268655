"""Uploads on their way in: streamed to a file while hashed and counted, never whole in memory.

Whoever works at a file or folder here holds a lock on it, which ends with the process: what nobody holds is left over.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from uuid import uuid4

from app.domain.errors import UploadTooLargeError
from app.storage.blobs import StorageFullError
from app.storage.disk import free_bytes, full_disk_as_storage_error, make_directory

_BUFFER_BYTES = 1024 * 1024
_HEAD_BYTES = 64
_CHECK_FREE_EVERY_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """An upload that arrived whole and lies durable on this disk, under a name of ours."""

    path: Path
    size_bytes: int
    sha256: str
    head: bytes
    """The first 64 bytes, enough to tell a container."""


class StagedWriter:
    """Takes the chunks of one upload; writing and hashing happen off the event loop."""

    def __init__(self, path: Path, *, limit_bytes: int, min_free_bytes: int) -> None:
        """Create the file."""
        self._path = path
        self._limit_bytes = limit_bytes
        self._min_free_bytes = min_free_bytes
        self._file: BinaryIO = path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._head = b""
        self.size_bytes = 0
        self._next_check_bytes = 0

    async def write(self, chunk: bytes) -> None:
        """Take one chunk; raise `UploadTooLargeError` at the limit and `StorageFullError` when the disk is full."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)
        self._buffer += chunk
        if len(self._buffer) >= _BUFFER_BYTES:
            await asyncio.to_thread(self._flush)

    async def finish(self) -> StagedFile:
        """Write what is left, make it durable, and say what arrived."""
        await asyncio.to_thread(self._finish)
        return StagedFile(
            path=self._path, size_bytes=self.size_bytes, sha256=self._hash.hexdigest(), head=self._head
        )

    def discard(self) -> None:
        """Remove the file unless somebody moved it away."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if len(self._head) < _HEAD_BYTES:
            self._head += bytes(self._buffer[: _HEAD_BYTES - len(self._head)])
        if self.size_bytes >= self._next_check_bytes:
            check_room(self._path.parent, min_free_bytes=self._min_free_bytes)
            self._next_check_bytes = self.size_bytes + _CHECK_FREE_EVERY_BYTES
        with full_disk_as_storage_error(self._path):
            view = memoryview(self._buffer)
            while view:
                view = view[self._file.write(view) :]
            view.release()
        self._hash.update(self._buffer)
        self._buffer = bytearray()

    def _finish(self) -> None:
        self._flush()
        with full_disk_as_storage_error(self._path):
            os.fsync(self._file.fileno())

    async def __aenter__(self) -> Self:
        """Return the writer."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind."""
        self.discard()


class StagingArea:
    """The folder uploads are received in; on the disk of the blobs when those are local, so that moving is free."""

    def __init__(self, directory: Path, *, min_free_bytes: int) -> None:
        """Use the folder, and create it when it is missing."""
        self.directory = directory
        self._min_free_bytes = min_free_bytes
        make_directory(directory)

    def open(self, *, limit_bytes: int) -> StagedWriter:
        """Begin an upload; use it in ``async with``, which removes the file unless it was moved into the store.

        Raise `StorageFullError` when the disk has no room to spare, before a byte is read.
        """
        check_room(self.directory, min_free_bytes=self._min_free_bytes)
        return StagedWriter(
            self.directory / uuid4().hex, limit_bytes=limit_bytes, min_free_bytes=self._min_free_bytes
        )

    def remove_abandoned(self, *, older_than_s: float) -> int:
        """Remove the files and working folders a killed process left behind; return how many.

        The age spares what was made this moment and is about to be locked.
        """
        oldest = time.time() - older_than_s
        return sum(_remove_unless_held(path) for path in self.directory.iterdir() if _mtime(path) <= oldest)


@asynccontextmanager
async def stage(
    area: StagingArea, chunks: AsyncIterator[bytes], *, limit_bytes: int
) -> AsyncIterator[StagedFile]:
    """Receive a whole body; the file is gone afterwards unless it was moved into the store."""
    async with area.open(limit_bytes=limit_bytes) as writer:
        async for chunk in chunks:
            await writer.write(chunk)
        yield await writer.finish()


@contextmanager
def working_folder(directory: Path, *, prefix: str) -> Iterator[Path]:
    """Make a folder to work in, and remove it with all that is in it."""
    with tempfile.TemporaryDirectory(dir=directory, prefix=prefix) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def check_room(directory: Path, *, min_free_bytes: int) -> None:
    """Raise `StorageFullError` when less than the reserve is free."""
    if free_bytes(directory) < min_free_bytes:
        msg = "the disk has no room to spare"
        raise StorageFullError(msg)


def too_large(limit_bytes: int) -> UploadTooLargeError:
    """Return the refusal of a file beyond the limit."""
    limit_mb = limit_bytes / 1024 / 1024
    return UploadTooLargeError(
        f"The video is larger than {limit_mb:.0f} MB.",
        how_to_fix="Trim it to the jump itself, a few seconds before and after, and upload it again.",
        limit_bytes=limit_bytes,
    )


def _remove_unless_held(path: Path) -> bool:
    """Remove a file or folder nobody works at; False where somebody does, or it went by itself."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
