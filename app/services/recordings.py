"""Recordings: taking them in, looking at them, trying them again.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from datetime import date
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext
from app.services.read_models import (
    BlobKind,
    OpenBlob,
    Page,
    ReceivedRecording,
    RecordingSummary,
    RecordingView,
)
from app.services.uploads import ProbedVideo, StagedUpload
from app.storage.blobs import BlobStore


def receive_recording(
    *,
    uow: UnitOfWork,
    blobs: BlobStore,
    principal: Principal,
    upload: StagedUpload,
    probed: ProbedVideo,
    athlete_id: UUID | None = None,
    movement: Movement = Movement.DROP_VERTICAL_JUMP,
    view: View = View.FRONTAL,
    box_height_cm: float | None = None,
    screened_on: date | None = None,
    context: ScreeningContext = ScreeningContext.BASELINE,
    idempotency_key: str | None = None,
) -> ReceivedRecording:
    """Keep a video and queue it for analysis.

    The file is durable before any row is written, so pass a unit of work that has done nothing yet; the
    job goes out when the caller leaves it. Without an athlete the recording waits in the inbox, analysed
    all the same. Raises `NotFoundError` (no such athlete), `InvalidInputError`, `StorageFullError` and
    `IdempotencyConflictError` (the same key was used for another request); then nothing is kept.
    """
    raise NotImplementedError


def get_recording(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> RecordingView:
    """Return a recording with its latest analysis, or raise `NotFoundError`."""
    raise NotImplementedError


def list_recordings(
    *,
    uow: UnitOfWork,
    principal: Principal,
    athlete_id: UUID | None = None,
    team_id: UUID | None = None,
    state: RecordingState | None = None,
    inbox: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[RecordingSummary]:
    """List recordings, newest first; `inbox` keeps only those that belong to nobody yet."""
    raise NotImplementedError


def requeue_recording(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> RecordingView:
    """Try a failed recording again, or analyse a finished one anew; earlier analyses stay.

    Raises `StaleStateError` when it is already queued or being processed.
    """
    raise NotImplementedError


def open_blob(
    *,
    uow: UnitOfWork,
    blobs: BlobStore,
    principal: Principal,
    recording_id: UUID,
    kind: BlobKind,
    frame: int | None = None,
) -> OpenBlob:
    """Open the original, the overlay or the still of one frame, of the latest analysis; or raise `NotFoundError`."""
    raise NotImplementedError
