"""Files that come in pieces: kept across processes, held by one request at a time, safe to the last byte told of."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

from app.storage.blobs import StorageFullError
from app.storage.disk import FULL, make_directory, sync_directory
from app.storage.staging import check_room, working_folder

_ASK_EVERY_S = 0.05
_SUFFIX = ".part"
_WANTED = ".wanted"


class PartialBusyError(Exception):
    """Somebody else holds the file and does not let go."""


class PartialFile:
    """A file that is being received, held by whoever has this object."""

    def __init__(self, path: Path, descriptor: int, *, min_free_bytes: int) -> None:
        """Use an opened and locked file."""
        self._path = path
        self._descriptor = descriptor
        self._min_free_bytes = min_free_bytes

    @property
    def size_bytes(self) -> int:
        """So much lies on the disk, safe or not."""
        return os.fstat(self._descriptor).st_size

    @property
    def is_wanted(self) -> bool:
        """Whether another request asks to go on with this file: whoever sends it has lost us, and begun anew."""
        return _wanted(self._path).exists()

    def cut(self, size_bytes: int) -> None:
        """Forget what lies behind: it was never told of."""
        os.ftruncate(self._descriptor, min(size_bytes, self.size_bytes))
        os.lseek(self._descriptor, 0, os.SEEK_END)

    def write(self, content: bytes | bytearray) -> None:
        """Add bytes, all or none; they are safe after `sync`. Raise `StorageFullError` when there is no room."""
        check_room(self._path.parent, min_free_bytes=self._min_free_bytes)
        before_bytes = self.size_bytes
        try:
            with memoryview(content) as view:
                written = 0
                while written < len(view):
                    written += os.write(self._descriptor, view[written:])
        except OSError as error:
            self.cut(before_bytes)
            if error.errno in FULL:
                raise StorageFullError(error.errno, "no room left on the disk") from error
            raise

    def sync(self) -> None:
        """Return when everything written survives a power cut."""
        os.fsync(self._descriptor)

    def sha256(self) -> str:
        """Return the hash of the whole file, 64 hexadecimal digits."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def copy_in(self, directory: Path) -> Iterator[Path]:
        """Give the file a second name in a directory of the same disk, for whoever moves it away; ours stays."""
        with working_folder(directory, prefix="whole-") as folder:
            path = folder / "file"
            try:
                os.link(self._path, path)
            except OSError:  # a disk that knows no second names
                shutil.copyfile(self._path, path)
            yield path

    def remove(self) -> None:
        """Remove the file; what is written afterwards goes nowhere."""
        self._path.unlink(missing_ok=True)


class PartialFiles:
    """The folder of files that come in pieces, one folder per organisation."""

    def __init__(self, directory: Path, *, min_free_bytes: int, wait_s: float = 5.0) -> None:
        """Use the folder, and create it when it is missing; `wait_s` is how long a busy file is waited for."""
        self.directory = directory
        self._min_free_bytes = min_free_bytes
        self._wait_s = wait_s
        make_directory(directory)

    @asynccontextmanager
    async def hold(self, organisation_id: UUID, capture_id: UUID) -> AsyncIterator[PartialFile]:
        """Hold the file, made when there is none; a holder that still waits for bytes is asked to let go.

        Raise `PartialBusyError` when it does not in time. A process that dies lets go by that.
        """
        path = self.directory / str(organisation_id) / f"{capture_id}{_SUFFIX}"
        until_s = time.monotonic() + self._wait_s
        while (descriptor := await asyncio.to_thread(_take, path)) is None:
            if time.monotonic() > until_s:
                raise PartialBusyError
            await asyncio.to_thread(_wanted(path).touch)
            await asyncio.sleep(_ASK_EVERY_S)
        try:
            _wanted(path).unlink(missing_ok=True)
            yield PartialFile(path, descriptor, min_free_bytes=self._min_free_bytes)
        finally:
            os.close(descriptor)

    @contextmanager
    def hold_now(self, organisation_id: UUID, capture_id: UUID) -> Iterator[PartialFile | None]:
        """Hold a file that is there and that nobody else holds; None otherwise, and nobody is asked to let go."""
        path = self.directory / str(organisation_id) / f"{capture_id}{_SUFFIX}"
        descriptor = _take(path) if path.exists() else None
        if descriptor is None:
            yield None
            return
        try:
            yield PartialFile(path, descriptor, min_free_bytes=self._min_free_bytes)
        finally:
            os.close(descriptor)

    def list_all(self) -> list[tuple[UUID, UUID]]:
        """Return organisation and capture of every file here."""
        return [
            (UUID(path.parent.name), UUID(path.name.removesuffix(_SUFFIX)))
            for path in sorted(self.directory.glob(f"*/*{_SUFFIX}"))
        ]

    def remove(self, organisation_id: UUID, capture_id: UUID, *, wait_s: float = 0.0) -> bool:
        """Remove a file that nobody holds; say whether one was removed.

        A holder that still waits for bytes is asked to let go, for so long.
        """
        path = self.directory / str(organisation_id) / f"{capture_id}{_SUFFIX}"
        if not path.exists():
            return False
        until_s = time.monotonic() + wait_s
        while (descriptor := _take(path)) is None and time.monotonic() < until_s:
            _wanted(path).touch()
            time.sleep(_ASK_EVERY_S)
        if descriptor is None:
            return False
        path.unlink(missing_ok=True)
        _wanted(path).unlink(missing_ok=True)
        os.close(descriptor)
        return True


def _wanted(path: Path) -> Path:
    return path.with_suffix(_WANTED)


def _take(path: Path) -> int | None:
    """Open and lock the file, made when there is none; None while somebody else holds it."""
    is_new = not path.exists()
    if is_new:
        make_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_same(path, descriptor):  # removed between opening and locking
            os.close(descriptor)
            return _take(path)
        os.lseek(descriptor, 0, os.SEEK_END)
        if is_new:
            sync_directory(path.parent)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
