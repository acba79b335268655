"""What a disk needs so that a file survives a power cut, and what happens when it is full."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.storage.blobs import StorageFullError

FULL = {errno.ENOSPC, errno.EDQUOT}
"""What the system says when a disk has no room."""


def sync_directory(directory: Path) -> None:
    """Make a rename or a new name in this directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Create a directory and its parents, each durable in its own parent."""
    missing = [directory, *directory.parents]
    for part in reversed(missing[: next(i for i, path in enumerate(missing) if path.is_dir())]):
        part.mkdir(mode=0o700, exist_ok=True)
        sync_directory(part.parent)


def free_bytes(directory: Path) -> int:
    """Return the room an ordinary process has left on the disk that holds the directory."""
    return shutil.disk_usage(directory).free


@contextmanager
def full_disk_as_storage_error(partial: Path) -> Iterator[None]:
    """Remove the partial file on any error; turn "no space left" into `StorageFullError`."""
    try:
        yield
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno in FULL:
            raise StorageFullError(error.errno, "no room left on the disk") from error
        raise
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
