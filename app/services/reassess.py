"""Judging a recording anew from its stored pose track, without reading the video: after corrections, and for a new method.

Nothing is overwritten: the new analysis names the one it supersedes, and both stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from app.biomech.corrections import Correction, CorrectionKind, PickPerson, correction_of
from app.biomech.pipeline import assess_corrected
from app.biomech.types import (
    AthletePoint,
    Kinematics,
    MethodStamp,
    PoseTrack,
    Sex,
    TrialContext,
    Verdict,
)
from app.db.models import Athlete, Recording
from app.db.repositories.analyses import AnalysisFiles, Lineage, StoredAnalysis
from app.db.repositories.corrections import StoredCorrection
from app.db.repositories.recordings import RecordingRecord
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.domain.lifecycle import AnalysisOrigin
from app.services.analyse_video import analysis_record
from app.services.analysis_record import AnalysisRecord
from app.services.draw_pictures import pictures_job
from app.services.presenters import analysis_content
from app.services.work_policy import WorkPolicy
from app.storage.blobs import BlobNotFoundError, BlobStore
from app.storage.tracks import kinematics_to_bytes, track_from_bytes, track_to_bytes


class TrackGoneError(Exception):
    """There is no stored pose track to judge from: nobody was followed, or it is no longer kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudged:
    """What the method says about a stored track."""

    base: StoredAnalysis
    """The analysis whose track it is."""
    record: AnalysisRecord
    kinematics: Kinematics | None
    track: PoseTrack | None
    """As it was put right; None where it is still the one that was read."""
    applied: tuple[StoredCorrection, ...]


def trial_context(
    recording: Recording, athlete: Athlete | None, *, picked: StoredCorrection | None
) -> TrialContext:
    """Return what is known about a recording apart from its video, as of now."""
    at = None if picked is None else value_of(picked)
    return TrialContext(
        movement=recording.movement,
        view=recording.view,
        box_height_cm=recording.box_height_cm,
        stature_cm=None if athlete is None else athlete.stature_cm,
        sex=Sex.UNSPECIFIED if athlete is None else athlete.sex,
        athlete_at=AthletePoint(frame=at.frame, x_px=at.x_px, y_px=at.y_px)
        if isinstance(at, PickPerson)
        else None,
    )


def value_of(stored: StoredCorrection) -> Correction:
    """Return what a recorded correction says."""
    return correction_of(stored.kind, stored.after)


def picked_athlete(corrections: Sequence[StoredCorrection]) -> StoredCorrection | None:
    """Return the correction that last picked the athlete and stands, or None."""
    picks = [item for item in _standing(corrections) if item.kind is CorrectionKind.PICK_PERSON]
    return picks[-1] if picks else None


def applicable(
    corrections: Sequence[StoredCorrection], *, pick_id: UUID | None, model_sha256: str
) -> tuple[StoredCorrection, ...]:
    """Return the standing corrections that hold for a track, in their order.

    What was said about one person is not said about another. Exchanged sides are an error of one reading, so
    they hold only for the model that made it; where a joint is, or when a foot touches, is a matter of the video.
    """

    def holds(item: StoredCorrection) -> bool:
        match item.kind:
            case CorrectionKind.DROP_TRIAL:
                return True
            case CorrectionKind.PICK_PERSON:
                return item.id == pick_id
            case CorrectionKind.SWAP_SIDES:
                return item.pick_id == pick_id and item.model_sha256 == model_sha256
            case _:
                return item.pick_id == pick_id

    return tuple(item for item in _standing(corrections) if holds(item))


def _standing(corrections: Sequence[StoredCorrection]) -> list[StoredCorrection]:
    return [item for item in corrections if item.undone_at is None]


def read_track(*, blobs: BlobStore, base: StoredAnalysis) -> PoseTrack:
    """Return the track of an analysis as it was read from the video, or raise `TrackGoneError`."""
    key = base.files.source_track_key or base.files.track_key
    if key is None:
        raise TrackGoneError
    try:
        return track_from_bytes(blobs.get_bytes(key))
    except BlobNotFoundError:
        raise TrackGoneError from None


def rejudge(
    *,
    base: StoredAnalysis,
    track: PoseTrack,
    context: TrialContext,
    corrections: Sequence[StoredCorrection],
    method: MethodStamp,
) -> Rejudged:
    """Judge a track, as it was read, with the corrections that hold for it. No database, no clock.

    The analysis is signed with the method's version and with the model that made the track.
    """
    video = base.content.video
    if video is None:
        raise TrackGoneError
    model_sha256 = base.content.method.model_sha256
    applied = applicable(corrections, pick_id=base.lineage.pick_id, model_sha256=model_sha256)
    outcome, corrected = assess_corrected(
        video=video, track=track, context=context, by_hand=[value_of(item) for item in applied]
    )
    stamp = MethodStamp(version=method.version, model_sha256=model_sha256, code_version=method.code_version)
    return Rejudged(
        base=base,
        record=analysis_record(outcome, video=video, method=stamp),
        kinematics=outcome.kinematics,
        track=corrected.track if corrected.moves_points else None,
        applied=applied,
    )


def supersede(
    *,
    uow: UnitOfWork,
    blobs: BlobStore,
    record: RecordingRecord,
    present: StoredAnalysis,
    rejudged: Rejudged,
    origin: AnalysisOrigin,
    actor: Principal | None,
) -> UUID:
    """Make this the recording's present analysis; the one before stays. Its pictures are drawn later.

    Raises `StaleStateError` when the recording does not rest where `record` and `present` say it does.
    """
    recording = record.recording
    organisation_id = recording.organisation_id
    dropped = any(item.kind is CorrectionKind.DROP_TRIAL for item in rejudged.applied)
    claim = uow.recordings.reassess(
        recording.id,
        from_state=recording.state,
        run=recording.run,
        usable=rejudged.record.verdict is not Verdict.INVALID,
        dropped=dropped,
        actor=actor,
    )
    analysis_id = new_id()
    files = _store(uow=uow, blobs=blobs, record=record, analysis_id=analysis_id, rejudged=rejudged)
    uow.analyses.add(
        organisation_id=organisation_id,
        analysis_id=analysis_id,
        claim=claim,
        input_sha256=recording.sha256,
        content=analysis_content(rejudged.record),
        files=files,
        lineage=Lineage(origin=origin, supersedes_id=present.id, pick_id=rejudged.base.lineage.pick_id),
    )
    uow.corrections.link(
        organisation_id=organisation_id,
        analysis_id=analysis_id,
        correction_ids=[item.id for item in rejudged.applied],
    )
    ids = {"organisation_id": organisation_id, "analysis_id": analysis_id}
    uow.pictures.order(**ids, max_attempts=WorkPolicy().max_attempts)
    uow.defer(pictures_job(**ids))
    return analysis_id


def _store(
    *, uow: UnitOfWork, blobs: BlobStore, record: RecordingRecord, analysis_id: UUID, rejudged: Rejudged
) -> AnalysisFiles:
    """Make the files durable; they are removed again when the transaction is dropped."""
    folder = f"{record.recording.organisation_id}/{record.recording.id}/{analysis_id}"

    def put(name: str, content: bytes) -> str:
        key = f"{folder}/{name}"
        uow.on_drop(partial(blobs.delete, key))
        blobs.put_bytes(key, content)
        return key

    as_read = rejudged.base.files.source_track_key or rejudged.base.files.track_key
    kinematics_key = None
    if rejudged.kinematics is not None:
        kinematics_key = put("kinematics.npz", kinematics_to_bytes(rejudged.kinematics))
    if rejudged.track is None:
        return AnalysisFiles(track_key=as_read, kinematics_key=kinematics_key)
    return AnalysisFiles(
        track_key=put("track.npz", track_to_bytes(rejudged.track)),
        source_track_key=as_read,
        kinematics_key=kinematics_key,
    )
