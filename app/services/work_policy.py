"""How patiently work is tried, and who reads the videos: shared by the analysis and the pictures after it."""

from collections.abc import Callable
from dataclasses import dataclass

from app.services.video_reader import VideoReader
from app.storage.blobs import BlobStore

READER_DIED = "reader_died"
LEASE_EXPIRED = "lease_expired"
INTERNAL_ERROR = "internal_error"

ReaderFactory = Callable[[], VideoReader]
"""Hands out a fresh reader for one video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPolicy:
    """How long and how often a recording is tried. All times are counted by the database's clock."""

    lease_s: float = 60.0
    """An attempt that has not been heard of for this long is lost."""
    max_attempts: int = 3
    retry_delays_s: tuple[float, ...] = (2.0, 30.0)
    """Wait after the first, second ... failed attempt; the last one repeats."""
    resend_after_s: float = 30.0
    """A queued recording whose job was sent longer ago than this gets another."""
    heartbeat_s: float = 1.0
    """How often progress is written and the lease renewed."""

    def retry_delay_s(self, attempt: int) -> float:
        """Return how long to wait after this many attempts."""
        return self.retry_delays_s[min(attempt, len(self.retry_delays_s)) - 1]


def remove_blobs(blobs: BlobStore, keys: list[str]) -> None:
    """Remove files that no row names."""
    for key in keys:
        blobs.delete(key)
