"""Recordings: looking at them, trying them again; `recording_intake` takes them in.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

import hashlib
from dataclasses import replace
from functools import partial
from uuid import UUID

from app.db.models import Recording
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.recordings import RecordingRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.consent import Withheld
from app.domain.errors import (
    NotFoundError,
    StaleStateError,
)
from app.domain.lifecycle import FINAL_STATES, TRANSITIONS, RecordingState, Trigger
from app.jobs.names import ANALYSE_RECORDING
from app.jobs.queue import INTERACTIVE, Job
from app.services.consent_rules import hides_faces
from app.services.cursors import (
    check_limit,
    decode_cursor,
    encode_cursor,
    id_part,
    instant_part,
    split_page,
)
from app.services.presenters import analysis_view, athlete_summary, correction_view, no_recording
from app.services.read_models import (
    BlobKind,
    CorrectionView,
    OpenBlob,
    Page,
    RecordingSummary,
    RecordingView,
)
from app.storage.blobs import BlobNotFoundError, BlobStore

MEDIA_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "jpg": "image/jpeg"}
_READING = {
    BlobKind.ORIGINAL: Act.ORIGINAL_READ,
    BlobKind.OVERLAY: Act.OVERLAY_READ,
    BlobKind.STILL: Act.STILL_READ,
}


def get_recording(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> RecordingView:
    """Return a recording with its latest analysis, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    view = recording_view(uow=uow, principal=principal, recording_id=recording_id)
    if view.analysis is not None:
        uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=recording_id)
    return view


def find_step(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> tuple[object, ...] | None:
    """Return what is another when a recording has got on: much less work than to look at it whole."""
    principal.require(Permission.RESULTS_READ)
    return uow.recordings.find_step(organisation_id=principal.organisation_id, recording_id=recording_id)


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
    principal.require(Permission.RESULTS_READ)
    before = None if cursor is None else decode_cursor(cursor, instant_part, id_part)
    rows = uow.recordings.list_newest(
        organisation_id=principal.organisation_id,
        athlete_id=athlete_id,
        team_id=team_id,
        state=state,
        inbox=inbox,
        before=None if before is None else (before[0], before[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    last = page[-1].recording if more else None
    return Page(
        items=tuple(_summary(record) for record in page),
        next_cursor=None if last is None else encode_cursor(last.created_at, last.id),
    )


def requeue_recording(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> RecordingView:
    """Try a failed recording again, or analyse a finished one anew; earlier analyses stay.

    Raises `StaleStateError` when it is already queued or being processed.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    recording = _find(uow=uow, principal=principal, recording_id=recording_id).recording
    state = recording.state
    if recording.original_deleted_at is not None or recording.withheld >= Withheld.FROM_EVERYBODY:
        raise StaleStateError(
            "The video is no longer kept, or there is no consent to analyse it.",
            how_to_fix="Its numbers stay as they are; film again for new ones.",
        )
    trigger = Trigger.REQUEUED if (state, Trigger.REQUEUED) in TRANSITIONS else Trigger.REANALYSE
    if (state, trigger) not in TRANSITIONS:
        raise StaleStateError(
            "The recording is waiting or being processed already, or is no longer kept.",
            how_to_fix="Wait for its result.",
        )
    uow.recordings.enqueue(recording_id, from_state=state, trigger=trigger, actor=principal)
    uow.audit.record(
        actor=principal, act=Act.RECORDING_REQUEUED, object_id=recording_id, from_state=state.value
    )
    uow.defer(analysis_job(recording_id=recording_id, organisation_id=principal.organisation_id))
    return recording_view(uow=uow, principal=principal, recording_id=recording_id)


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
    principal.require(Permission.VIDEOS_READ)
    recording = _find(uow=uow, principal=principal, recording_id=recording_id).recording
    hidden = hides_faces(uow, organisation_id=principal.organisation_id, athlete_id=recording.athlete_id)
    if kind is BlobKind.ORIGINAL:
        key = recording.blob_key if _may_see_original(principal, recording, hides_face=hidden) else None
    else:
        stored = uow.analyses.latest(organisation_id=principal.organisation_id, recording_id=recording_id)
        key = (
            None
            if stored is None
            else _picture_key(_shown(stored, hides_face=hidden), kind=kind, frame=frame)
        )
    if key is None:
        raise _no_file()
    try:
        size_bytes = blobs.size(key)
    except BlobNotFoundError:
        raise _no_file() from None
    uow.audit.record_reading(actor=principal, act=_READING[kind], object_id=recording_id)
    extension = key.rpartition(".")[2]
    return OpenBlob(
        size_bytes=size_bytes,
        media_type=MEDIA_TYPES.get(extension, "application/octet-stream"),
        etag=hashlib.sha256(key.encode()).hexdigest()[:32],
        filename=f"{recording_id}-{kind.value}{'' if frame is None else f'-{frame}'}.{extension}",
        read=partial(blobs.iter_range, key),
    )


def _may_see_original(principal: Principal, recording: Recording, *, hides_face: bool) -> bool:
    """Say whether somebody may see the video as it was uploaded; where faces are hidden, no coach may."""
    seen = Withheld.NOT if principal.is_coach else Withheld.FROM_COACHES
    return recording.withheld <= seen and not (hides_face and principal.is_coach)


def _shown(stored: StoredAnalysis, *, hides_face: bool) -> StoredAnalysis:
    """Return an analysis without pictures that show a face which is to be hidden: they are being drawn anew."""
    pictures = stored.pictures
    if pictures is None or pictures.blurred or not hides_face:
        return stored
    return replace(stored, pictures=replace(pictures, overlay_key=None, still_keys={}))


def analysis_job(*, recording_id: UUID, organisation_id: UUID) -> Job:
    """Return the hint to the workers that a recording waits, and somebody for it."""
    return Job(name=ANALYSE_RECORDING, args=(str(recording_id), str(organisation_id)), queue=INTERACTIVE)


def _find(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> RecordingRecord:
    record = uow.recordings.find(organisation_id=principal.organisation_id, recording_id=recording_id)
    if record is None:
        raise no_recording()
    return record


def _picture_key(stored: StoredAnalysis, *, kind: BlobKind, frame: int | None) -> str | None:
    if stored.pictures is None:
        return None
    if kind is BlobKind.OVERLAY:
        return stored.pictures.overlay_key
    return None if frame is None else stored.pictures.still_keys.get(frame)


def _no_file() -> NotFoundError:
    return NotFoundError(
        "There is no such file.", how_to_fix="Look at the recording: it says which pictures it has."
    )


def recording_view(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> RecordingView:
    """Return a recording whole; for services that have already asked who may see it."""
    record = _find(uow=uow, principal=principal, recording_id=recording_id)
    recording = record.recording
    stored = uow.analyses.latest(organisation_id=principal.organisation_id, recording_id=recording_id)
    hidden = hides_faces(uow, organisation_id=principal.organisation_id, athlete_id=recording.athlete_id)
    analysis = None if stored is None else analysis_view(_shown(stored, hides_face=hidden))
    return RecordingView(
        id=recording.id,
        state=recording.state,
        stage=recording.stage,
        progress=recording.progress,
        attempt=recording.attempt,
        max_attempts=recording.max_attempts,
        queue_position=uow.recordings.queue_position(recording_id),
        athlete=None if record.athlete is None else athlete_summary(record.athlete),
        screening_id=record.screening_id,
        trial_id=recording.trial_id,
        screened_on=recording.screened_on,
        context=recording.context,
        movement=recording.movement,
        view=recording.view,
        box_height_cm=recording.box_height_cm,
        filename=recording.filename,
        size_bytes=recording.size_bytes,
        sha256=recording.sha256,
        captured_at=recording.captured_at,
        created_at=recording.created_at,
        updated_at=recording.updated_at,
        analysis=analysis,
        findings=() if analysis is None else analysis.record.findings,
        failure=recording.failure_code,
        corrections=_corrections(uow=uow, record=record, stored=stored),
        dropped=recording.dropped_at is not None,
        has_original=recording.original_deleted_at is None
        and _may_see_original(principal, recording, hides_face=hidden),
    )


def _corrections(
    *, uow: UnitOfWork, record: RecordingRecord, stored: StoredAnalysis | None
) -> tuple[CorrectionView, ...]:
    """Return the corrections that stand, in order."""
    if stored is None:
        return ()
    organisation_id, recording = record.recording.organisation_id, record.recording
    standing = [
        item
        for item in uow.corrections.of_recording(organisation_id=organisation_id, recording_id=recording.id)
        if item.undone_at is None
    ]
    held = uow.corrections.held_by(organisation_id=organisation_id, analysis_id=stored.id) if standing else []
    is_working = recording.state not in FINAL_STATES
    return tuple(correction_view(item, held=held, is_working=is_working) for item in standing)


def _summary(record: RecordingRecord) -> RecordingSummary:
    recording = record.recording
    return RecordingSummary(
        id=recording.id,
        state=recording.state,
        stage=recording.stage,
        progress=recording.progress,
        athlete=None if record.athlete is None else athlete_summary(record.athlete),
        movement=recording.movement,
        view=recording.view,
        filename=recording.filename,
        screened_on=recording.screened_on,
        captured_at=recording.captured_at,
        created_at=recording.created_at,
        updated_at=recording.updated_at,
        verdict=record.verdict,
        score=record.score,
        band=record.band,
        band_probability=record.band_probability,
    )
