"""One attempt at analysing one recording, and the sweep that makes sure every recording gets one.

Both take the `UnitOfWorkFactory`, not a unit of work: they use several short transactions, and none is
open while a video is being read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from app.biomech.types import MethodStamp
from app.db.unit_of_work import UnitOfWorkFactory
from app.services.video_reader import VideoReader
from app.storage.blobs import BlobStore

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


class AttemptResult(StrEnum):
    """How one attempt ended; for logs and metrics."""

    NOT_CLAIMED = "not_claimed"
    """Somebody else has it, it is finished, it is not due yet, or it does not exist."""
    ANALYSED = "analysed"
    REJECTED = "rejected"
    RETRY = "retry"
    GAVE_UP = "gave_up"
    LOST = "lost"
    """The lease ran out meanwhile and another attempt took over; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What one sweep did."""

    n_resent: int
    n_retried: int
    n_gave_up: int


def process_recording(
    *,
    recording_id: UUID,
    organisation_id: UUID,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    reader_factory: ReaderFactory,
    method: MethodStamp,
    staging_dir: Path,
    policy: WorkPolicy | None = None,
    overlay: bool = True,
) -> AttemptResult:
    """Claim a recording, analyse it with no transaction open, and record the result if the claim still holds.

    Never raises for a bad video (that is a result) nor for a reader that died (that is a retry). Any other
    error is written down as a retry, or as given up after the last attempt, and raised again for the log.
    """
    raise NotImplementedError


def sweep_recordings(
    *, uow_factory: UnitOfWorkFactory, policy: WorkPolicy | None = None, limit: int = 500
) -> SweepReport:
    """Send queued recordings again whose job got lost, and put back those whose attempt was lost."""
    raise NotImplementedError
