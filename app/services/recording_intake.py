"""Taking recordings in: the file first, then its rows, then the hint to the workers.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.repositories.recordings import NewRecording
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import (
    IdempotencyConflictError,
    StorageFullError,
)
from app.domain.lifecycle import RecordingState, Trigger
from app.domain.screenings import ScreeningContext
from app.services.checks import check_range, check_text
from app.services.consent_rules import obey_consent
from app.services.read_models import (
    ReceivedRecording,
)
from app.services.recording_fields import check_day, check_trial_number, check_whom, shown_filename
from app.services.recordings import analysis_job, recording_view
from app.services.trial_places import find_owner, find_place
from app.services.uploads import ProbedVideo, StagedUpload
from app.storage import blobs as stores
from app.storage.blobs import BlobStore


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
