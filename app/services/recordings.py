"""Recordings: taking them in, looking at them, trying them again.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.models import Recording
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.recordings import NewRecording, RecordingRecord
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.consent import Withheld
from app.domain.errors import (
    IdempotencyConflictError,
    NotFoundError,
    StaleStateError,
    StorageFullError,
)
from app.domain.lifecycle import FINAL_STATES, TRANSITIONS, RecordingState, Trigger
from app.domain.screenings import ScreeningContext
from app.jobs.names import ANALYSE_RECORDING
from app.jobs.queue import INTERACTIVE, Job
from app.services.checks import check_range, check_text
from app.services.consent_rules import hides_faces, obey_consent
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
    ReceivedRecording,
    RecordingSummary,
    RecordingView,
)
from app.services.recording_fields import check_day, check_trial_number, check_whom, shown_filename
from app.services.trial_places import find_owner, find_place
from app.services.uploads import ProbedVideo, StagedUpload
from app.storage import blobs as stores
from app.storage.blobs import BlobNotFoundError, BlobStore

MEDIA_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "jpg": "image/jpeg"}
_READING = {
    BlobKind.ORIGINAL: Act.ORIGINAL_READ,
    BlobKind.OVERLAY: Act.OVERLAY_READ,
    BlobKind.STILL: Act.STILL_READ,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What an upload asks for, apart from the file."""

    athlete_id: UUID | None
    movement: Movement
    view: View
    box_height_cm: float | None
    screened_on: date | None
    context: ScreeningContext
    trial_id: UUID | None
    trial_number: int | None
    captured_at: datetime | None = None

    @property
    def day(self) -> date:
        return self.screened_on or datetime.now(UTC).date()

    def sha256(self, upload: StagedUpload) -> str:
        """Return what two requests share exactly when they ask for the same; today's date stays out of it."""
        parts = [
            upload.sha256,
            str(self.athlete_id),
            self.movement.value,
            self.view.value,
            self.box_height_cm,
            str(self.screened_on),
            self.context.value,
        ]
        if (self.trial_id, self.trial_number) != (None, None):
            parts += [str(self.trial_id), str(self.trial_number)]
        if self.captured_at is not None:
            parts.append(self.captured_at.astimezone(UTC).isoformat())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


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
    captured_at: datetime | None = None,
    context: ScreeningContext = ScreeningContext.BASELINE,
    trial_id: UUID | None = None,
    trial_number: int | None = None,
    idempotency_key: str | None = None,
    recording_id: UUID | None = None,
    only_once: bool = False,
) -> ReceivedRecording:
    """Keep a video and queue it for analysis.

    The file is durable before any row is written, so pass a unit of work that has done nothing yet; the
    job goes out when the caller leaves it. Without an athlete the recording waits in the inbox, analysed
    all the same. It joins the trial that is named by id, or by number within athlete, day, occasion and
    movement, as its other view; else it begins a new one. `recording_id` is that of its announcement. With `only_once` a
    file that came before for this athlete and movement is not kept again: the recording there is, is returned.

    Raises `NotFoundError` (no such athlete), `InvalidInputError`, `StorageFullError` and `IdempotencyConflictError` (the
    same key was used for another request); then nothing is kept.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    request = _Request(
        athlete_id=athlete_id,
        movement=movement,
        view=view,
        box_height_cm=check_range(box_height_cm, field="box_height_cm", low=1.0, high=150.0),
        screened_on=check_day(screened_on),
        context=context,
        trial_id=trial_id,
        trial_number=check_trial_number(trial_number),
        captured_at=captured_at,
    )
    if idempotency_key is not None:
        idempotency_key = check_text(idempotency_key, field="idempotency_key", max_length=255)
    check_whom(principal, athlete_id=athlete_id, trial_id=None)
    same_id = _find_same(uow, principal, request, upload) if only_once else None
    if same_id is not None and not _is_claimed(uow, principal, idempotency_key):
        same = recording_view(uow=uow, principal=principal, recording_id=same_id)
        return ReceivedRecording(recording=same, replayed=False, existing=True)
    recording_id = recording_id or new_id()
    key = f"{principal.organisation_id}/{recording_id}/original.{probed.extension}"
    _store(uow=uow, blobs=blobs, key=key, upload=upload)
    if idempotency_key is not None:
        earlier = uow.idempotency.claim(
            organisation_id=principal.organisation_id,
            key=idempotency_key,
            request_sha256=request.sha256(upload),
            recording_id=recording_id,
        )
        if earlier is not None:
            if earlier.recording_id is None or earlier.request_sha256 != request.sha256(upload):
                raise IdempotencyConflictError(
                    "This Idempotency-Key was already used for another request.",
                    how_to_fix="Use a new key for a new recording; repeat a request unchanged.",
                )
            blobs.delete(key)
            view_before = recording_view(uow=uow, principal=principal, recording_id=earlier.recording_id)
            return ReceivedRecording(recording=view_before, replayed=True)
    owner_id = _add_rows(
        uow=uow,
        principal=principal,
        request=request,
        recording_id=recording_id,
        key=key,
        upload=upload,
        probed=probed,
    )
    uow.audit.record(
        actor=principal, act=Act.RECORDING_RECEIVED, object_id=recording_id, sha256=upload.sha256
    )
    uow.defer(analysis_job(recording_id=recording_id, organisation_id=principal.organisation_id))
    # without the consent that is asked for, it waits: kept, and not looked at
    obey_consent(
        uow,
        organisation_id=principal.organisation_id,
        athlete_ids=() if owner_id is None else (owner_id,),
        inbox=owner_id is None,
    )
    received = recording_view(uow=uow, principal=principal, recording_id=recording_id)
    return ReceivedRecording(recording=received, replayed=False)


def _find_same(uow: UnitOfWork, principal: Principal, request: _Request, upload: StagedUpload) -> UUID | None:
    """Return what the file became when it came before, while nobody else can send it; in the inbox none is looked for."""
    athlete_id = request.athlete_id
    if athlete_id is None and request.trial_id is not None:
        athlete_id = find_owner(uow=uow, principal=principal, trial_id=request.trial_id)
    if athlete_id is None:
        return None
    organisation_id = principal.organisation_id
    uow.captures.hold_file(organisation_id=organisation_id, sha256=upload.sha256)
    return uow.captures.find_recording(
        organisation_id=organisation_id,
        sha256=upload.sha256,
        athlete_id=athlete_id,
        movement=request.movement,
    )


def _is_claimed(uow: UnitOfWork, principal: Principal, key: str | None) -> bool:
    """Say whether a request with this key was answered before: then its answer holds, whatever it was."""
    return key is not None and uow.idempotency.is_known(organisation_id=principal.organisation_id, key=key)


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


def _store(*, uow: UnitOfWork, blobs: BlobStore, key: str, upload: StagedUpload) -> None:
    """Make the file durable before the first row; if the rows are dropped, so is it."""
    try:
        blobs.put_file(key, upload.path)
    except stores.StorageFullError:
        raise StorageFullError(
            "There is no room left for the video; nothing was kept.",
            how_to_fix="Tell whoever runs this service, and send the video again later.",
        ) from None
    uow.on_drop(partial(blobs.delete, key))


def _add_rows(
    *,
    uow: UnitOfWork,
    principal: Principal,
    request: _Request,
    recording_id: UUID,
    key: str,
    upload: StagedUpload,
    probed: ProbedVideo,
) -> UUID | None:
    """Insert the recording, with its screening and trial when we know whose it is, queue it, and return whose it is."""
    place = find_place(
        uow=uow,
        principal=principal,
        trial_id=request.trial_id,
        trial_number=request.trial_number,
        athlete_id=request.athlete_id,
        screened_on=request.day,
        context=request.context,
        movement=request.movement,
        view=request.view,
    )
    new = NewRecording(
        id=recording_id,
        organisation_id=principal.organisation_id,
        athlete_id=None if place is None else place.athlete_id,
        trial_id=None if place is None else place.trial_id,
        screened_on=request.day if place is None else place.screened_on,
        context=request.context if place is None else place.context,
        movement=request.movement,
        view=request.view,
        box_height_cm=request.box_height_cm,
        filename=shown_filename(upload.filename),
        blob_key=key,
        size_bytes=upload.size_bytes,
        sha256=upload.sha256,
        container=probed.container,
        codec=probed.codec,
        width_px=probed.width_px,
        height_px=probed.height_px,
        duration_s=probed.duration_s,
        captured_at=request.captured_at,
    )
    uow.recordings.add(new, actor=principal)
    uow.recordings.enqueue(
        recording_id, from_state=RecordingState.RECEIVED, trigger=Trigger.ACCEPTED, actor=principal
    )
    return new.athlete_id


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
