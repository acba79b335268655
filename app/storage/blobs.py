"""Where files are kept. Keys never hold a name a user gave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class BlobNotFoundError(KeyError):
    """No blob under this key."""


class StorageFullError(OSError):
    """No room left; the partial blob was removed."""


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
