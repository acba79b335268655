"""Blobs as files in a folder: written aside, made durable, then renamed into place."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from app.storage.blobs import CHUNK_BYTES, BlobNotFoundError, check_key
from app.storage.disk import full_disk_as_storage_error, make_directory, sync_directory

STAGING = ".staging"
"""No key can name it: a key's segment never starts with a dot."""


class LocalBlobStore:
    """Files under one folder; a reader sees a whole blob or none."""

    def __init__(self, root: Path) -> None:
        """Use the folder, and create it when it is missing."""
        self._root = root
        self._staging = root / STAGING
        make_directory(self._staging)

    def put_file(self, key: str, path: Path) -> None:
        """Move the file in; copied first when it lies on another disk."""
        target = self._path(key)
        with path.open("rb") as source:
            os.fsync(source.fileno())
        try:
            self._place(path, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy_in(path, target)
            path.unlink()

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store a small blob."""
        target = self._path(key)
        partial = self._partial()
        with full_disk_as_storage_error(partial):
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._place(partial, target)

    def get_bytes(self, key: str) -> bytes:
        """Return the whole blob."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise BlobNotFoundError(key) from None

    def size(self, key: str) -> int:
        """Return the length in bytes."""
        return self._existing(key).stat().st_size

    def iter_range(self, key: str, *, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes start to end; a missing blob is an error at once, not at the first read."""
        return _read(self._existing(key), start=start, end=end)

    def local_copy(self, key: str, directory: Path) -> Path:
        """Return the blob's own path: it is never changed in place."""
        del directory
        return self._existing(key)

    def delete(self, key: str) -> None:
        """Remove the blob and the folders it leaves empty."""
        path = self._path(key)
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == self._root:
                return
            try:
                parent.rmdir()
            except OSError:  # not empty, or never there
                continue

    def delete_all(self, prefix: str) -> int:
        """Remove every blob in the folder, and the folder."""
        keys = self.find_keys(prefix)
        for key in keys:
            self.delete(key)
        return len(keys)

    def find_keys(self, prefix: str) -> list[str]:
        """Return the keys of every blob in the folder."""
        files = (path for path in self._path(prefix).rglob("*") if path.is_file())
        return sorted(path.relative_to(self._root).as_posix() for path in files)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _existing(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise BlobNotFoundError(key)
        return path

    def _partial(self) -> Path:
        return self._staging / uuid4().hex

    def _place(self, source: Path, target: Path) -> None:
        make_directory(target.parent)
        source.replace(target)
        sync_directory(target.parent)

    def _copy_in(self, source: Path, target: Path) -> None:
        partial = self._partial()
        with full_disk_as_storage_error(partial):
            with source.open("rb") as reading, partial.open("wb") as writing:
                shutil.copyfileobj(reading, writing, CHUNK_BYTES)
                writing.flush()
                os.fsync(writing.fileno())
            self._place(partial, target)


def _read(path: Path, *, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
