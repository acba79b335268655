"""Where files are kept. Keys never hold a name a user gave."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

CHUNK_BYTES = 256 * 1024
"""How much is read at a time when a blob is streamed."""
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class BlobNotFoundError(KeyError):
    """No blob under this key."""


class InvalidBlobKeyError(ValueError):
    """The key could lead out of the store, or holds what no key of ours holds."""


class StorageFullError(OSError):
    """No room left; the partial blob was removed."""


def check_key(key: str) -> str:
    """Return the key, or raise `InvalidBlobKeyError`: segments of letters, digits, ``.``, ``_`` and ``-``, no ``..``."""
    if len(key) > 512 or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        msg = f"not a blob key: {key!r}"
        raise InvalidBlobKeyError(msg)
    return key


class BlobStore(Protocol):
    """Write-once files under keys such as ``{organisation}/{recording}/original.mp4``."""

    def put_file(self, key: str, path: Path) -> None:
        """Move or copy a finished local file in; durable when this returns. An existing key is replaced."""
        ...

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store a small blob; durable when this returns."""
        ...

    def get_bytes(self, key: str) -> bytes:
        """Return the whole blob; for small ones."""
        ...

    def size(self, key: str) -> int:
        """Return the length in bytes."""
        ...

    def iter_range(self, key: str, *, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes start to end, the end exclusive."""
        ...

    def local_copy(self, key: str, directory: Path) -> Path:
        """Return a path that can be opened: the blob itself where that is safe, otherwise a copy in `directory`."""
        ...

    def delete(self, key: str) -> None:
        """Remove the blob; a missing one is no error."""
        ...

    def delete_all(self, prefix: str) -> int:
        """Remove every blob in this folder, whatever it is called, and return how many there were."""
        ...

    def find_keys(self, prefix: str) -> list[str]:
        """Return the keys of every blob in this folder, in order."""
        ...


@runtime_checkable
class DirectUploads(Protocol):
    """A store that takes files from clients directly."""

    def sign_put(self, key: str, *, size_bytes: int, expires_s: float) -> str:
        """Return an address to which whoever has it may PUT this blob, of exactly this size, for so long."""
        ...

    def last_change(self, prefix: str) -> datetime | None:
        """Return when the latest blob of this folder came; None when there is none."""
        ...

    def end_unfinished(self, prefix: str, *, older_than_s: float) -> int:
        """End uploads in parts below the prefix that nobody finished; return how many. Raises `OSError`."""
        ...
