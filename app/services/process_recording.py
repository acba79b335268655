"""One attempt at analysing one recording, and the sweep that makes sure every recording gets one.

Both take the `UnitOfWorkFactory`, not a unit of work: they use several short transactions, and none is
open while a video is being read.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from app.biomech.types import MethodStamp, TrialContext, Verdict
from app.db.repositories.analyses import AnalysisFiles, Lineage
from app.db.repositories.corrections import StoredCorrection
from app.db.repositories.pictures import PicturesClaim
from app.db.repositories.recordings import Claim, Turn
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.errors import StaleStateError
from app.domain.lifecycle import Stage, Trigger
from app.services.analyse_video import AnalysedVideo, analyse_video, picture_order
from app.services.consent_rules import hides_faces
from app.services.draw_pictures import Drawing, flagged_frames, pictures_job, try_drawing
from app.services.heartbeat import Heartbeat, LeaseLostError
from app.services.judged_movements import judge_ahead
from app.services.presenters import analysis_content
from app.services.reassess import applicable, picked_athlete, trial_context, value_of
from app.services.recordings import analysis_job
from app.services.video_reader import Pictures, Progress, VideoReader, VideoReaderDiedError
from app.services.work_policy import (
    INTERNAL_ERROR,
    LEASE_EXPIRED,
    READER_DIED,
    ReaderFactory,
    WorkPolicy,
    remove_blobs,
)
from app.storage.blobs import BlobStore
from app.storage.staging import working_folder
from app.storage.tracks import kinematics_to_bytes, track_to_bytes


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A claimed recording and all that is needed to work on it."""

    claim: Claim
    organisation_id: UUID
    blob_key: str
    sha256: str
    context: TrialContext
    corrections: tuple[StoredCorrection, ...]
    pick_id: UUID | None
    superseded_id: UUID | None
    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    policy: WorkPolicy


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
    overlay: bool | None = True,
) -> AttemptResult:
    """Claim a recording, analyse it with no transaction open, and record the result if the claim still holds.

    The pictures come last, by the same reader, when the result can already be read; whatever becomes of them, the
    attempt ended well. With `overlay` None they are ordered instead, for a worker to draw.
    Never raises for a bad video (that is a result) nor for a reader that died (that is a retry). Any other
    error is written down as a retry, or as given up after the last attempt, and raised again for the log.
    """
    rules = policy or WorkPolicy()
    with uow_factory(organisation_id) as uow:
        turn = Turn(organisation_id=organisation_id, recording_id=recording_id)
        attempt = _claim(uow, turn, uow_factory=uow_factory, blobs=blobs, policy=rules)
    if attempt is None:
        return AttemptResult.NOT_CLAIMED
    return _make(
        attempt, reader_factory=reader_factory, method=method, staging_dir=staging_dir, overlay=overlay
    )


def process_next(
    *,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    reader_factory: ReaderFactory,
    method: MethodStamp,
    staging_dir: Path,
    policy: WorkPolicy | None = None,
) -> tuple[AttemptResult, Turn | None]:
    """Analyse whoever's recording it is the turn of, and return whose it was; None when nothing is due.

    Its pictures are ordered, not drawn: another recording may be waiting for its result.

    There are as many messages as recordings that wait, so it does not matter whose message is followed by whose turn.
    """
    rules = policy or WorkPolicy()
    with uow_factory(None) as uow:
        turn = uow.recordings.take_turn()
        if turn is None:
            return AttemptResult.NOT_CLAIMED, None
        uow.enter(turn.organisation_id)
        attempt = _claim(uow, turn, uow_factory=uow_factory, blobs=blobs, policy=rules)
    if attempt is None:
        return AttemptResult.NOT_CLAIMED, turn
    made = _make(attempt, reader_factory=reader_factory, method=method, staging_dir=staging_dir, overlay=None)
    return made, turn


def _make(
    attempt: _Attempt,
    *,
    reader_factory: ReaderFactory,
    method: MethodStamp,
    staging_dir: Path,
    overlay: bool | None,
) -> AttemptResult:
    try:
        return _analyse(
            attempt, reader_factory=reader_factory, method=method, staging_dir=staging_dir, overlay=overlay
        )
    except (LeaseLostError, StaleStateError):
        return AttemptResult.LOST
    except VideoReaderDiedError:
        return _fail(attempt, detail=READER_DIED)
    except Exception:
        _fail(attempt, detail=INTERNAL_ERROR)
        raise


def _claim(
    uow: UnitOfWork,
    turn: Turn,
    *,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    policy: WorkPolicy,
) -> _Attempt | None:
    """Take the recording, in the first transaction, and read what is known about it."""
    organisation_id, recording_id = turn.organisation_id, turn.recording_id
    claim = uow.recordings.claim(recording_id, lease_s=policy.lease_s, max_attempts=policy.max_attempts)
    ids = {"organisation_id": organisation_id, "recording_id": recording_id}
    record = uow.recordings.find(**ids)
    corrections = uow.corrections.of_recording(**ids)
    superseded_id = uow.analyses.latest_id(**ids)
    if claim is None or record is None:
        return None
    recording, picked = record.recording, picked_athlete(corrections)
    return _Attempt(
        claim=claim,
        organisation_id=organisation_id,
        blob_key=recording.blob_key,
        sha256=recording.sha256,
        context=trial_context(recording, record.athlete, picked=picked),
        corrections=tuple(corrections),
        pick_id=None if picked is None else picked.id,
        superseded_id=superseded_id,
        uow_factory=uow_factory,
        blobs=blobs,
        policy=policy,
    )


def _analyse(
    attempt: _Attempt,
    *,
    reader_factory: ReaderFactory,
    method: MethodStamp,
    staging_dir: Path,
    overlay: bool | None,
) -> AttemptResult:
    """Work without a transaction, record, then draw; the folder and all in it are gone afterwards.

    With `overlay` None nothing is drawn here: the pictures are ordered.
    """
    analysis_id = new_id()
    applied = applicable(attempt.corrections, pick_id=attempt.pick_id, model_sha256=method.model_sha256)
    with working_folder(staging_dir, prefix="attempt-") as folder, ExitStack() as stack:
        with Heartbeat(renew=partial(_renew, attempt), every_s=attempt.policy.heartbeat_s) as beat:
            reader = stack.enter_context(reader_factory())
            analysed = analyse_video(
                path=attempt.blobs.local_copy(attempt.blob_key, folder),
                context=attempt.context,
                reader=reader,
                method=method,
                on_progress=beat.report,
                by_hand=[value_of(item) for item in applied],
            )
            stored: list[str] = []
            try:
                files = _store_files(attempt, analysis_id=analysis_id, analysed=analysed, stored=stored)
                beat.check()
            except BaseException:
                remove_blobs(attempt.blobs, stored)
                raise
        result, drawing = _record(
            attempt,
            analysis_id=analysis_id,
            analysed=analysed,
            files=files,
            stored=stored,
            applied=applied,
            draws=overlay is not None,
        )
        judge_ahead(
            uow_factory=attempt.uow_factory,
            organisation_id=attempt.organisation_id,
            recording_id=attempt.claim.recording_id,
        )
        if drawing is not None and overlay is not None:
            draw = partial(
                _draw,
                analysed=analysed,
                reader=reader,
                folder=folder,
                overlay=overlay,
                blur_faces=drawing.blur_faces,
            )
            try_drawing(drawing, draw)
        return result


def _draw(
    on_progress: Progress,
    *,
    analysed: AnalysedVideo,
    reader: VideoReader,
    folder: Path,
    overlay: bool,
    blur_faces: bool,
) -> Pictures:
    """Let the reader draw the video it has just read."""
    if analysed.track is None:
        return Pictures(stills={}, overlay=None)
    order = picture_order(
        analysed.record, track=analysed.track, kinematics=analysed.kinematics, blur_faces=blur_faces
    )
    return reader.draw(order, directory=folder, overlay=overlay, on_progress=on_progress)


def _renew(attempt: _Attempt, stage: Stage, progress: float) -> bool:
    with attempt.uow_factory(attempt.organisation_id) as uow:
        return uow.recordings.heartbeat(
            attempt.claim, lease_s=attempt.policy.lease_s, stage=stage, progress=progress
        )


def _store_files(
    attempt: _Attempt, *, analysis_id: UUID, analysed: AnalysedVideo, stored: list[str]
) -> AnalysisFiles:
    """Make every file durable before the rows that name it; `stored` learns each key."""
    folder = f"{attempt.organisation_id}/{attempt.claim.recording_id}/{analysis_id}"

    def key(name: str) -> str:
        stored.append(f"{folder}/{name}")
        return stored[-1]

    track_key = source_track_key = kinematics_key = None
    if analysed.track is not None:
        track_key = key("track.npz")
        attempt.blobs.put_bytes(track_key, track_to_bytes(analysed.track))
    if analysed.corrected is not None:
        source_track_key, track_key = track_key, key("track-corrected.npz")
        attempt.blobs.put_bytes(track_key, track_to_bytes(analysed.corrected))
    if analysed.kinematics is not None:
        kinematics_key = key("kinematics.npz")
        attempt.blobs.put_bytes(kinematics_key, kinematics_to_bytes(analysed.kinematics))
    return AnalysisFiles(
        track_key=track_key, source_track_key=source_track_key, kinematics_key=kinematics_key
    )


def _record(
    attempt: _Attempt,
    *,
    analysis_id: UUID,
    analysed: AnalysedVideo,
    files: AnalysisFiles,
    stored: list[str],
    applied: tuple[StoredCorrection, ...],
    draws: bool,
) -> tuple[AttemptResult, Drawing | None]:
    """Write the result and the step of its life in one transaction while the claim is ours, and hold or order its pictures."""
    record = analysed.record
    usable = record.verdict is not Verdict.INVALID
    with attempt.uow_factory(attempt.organisation_id) as uow:
        uow.on_drop(partial(remove_blobs, attempt.blobs, stored))
        uow.recordings.finish(attempt.claim, trigger=Trigger.ASSESSED if usable else Trigger.UNUSABLE)
        uow.analyses.add(
            organisation_id=attempt.organisation_id,
            analysis_id=analysis_id,
            claim=attempt.claim,
            input_sha256=attempt.sha256 if record.video is None else record.video.sha256,
            content=analysis_content(record),
            files=files,
            lineage=Lineage(supersedes_id=attempt.superseded_id, pick_id=attempt.pick_id),
        )
        uow.corrections.link(
            organisation_id=attempt.organisation_id,
            analysis_id=analysis_id,
            correction_ids=[item.id for item in applied],
        )
        claim = _order_pictures(uow, attempt, analysis_id=analysis_id, analysed=analysed, draws=draws)
        found = uow.recordings.find(
            organisation_id=attempt.organisation_id, recording_id=attempt.claim.recording_id
        )
        blur_faces = found is not None and hides_faces(
            uow, organisation_id=attempt.organisation_id, athlete_id=found.recording.athlete_id
        )
    result = AttemptResult.ANALYSED if usable else AttemptResult.REJECTED
    return result, None if claim is None else Drawing(
        claim=claim,
        recording_id=attempt.claim.recording_id,
        frames=flagged_frames(record.flagged_frames),
        uow_factory=attempt.uow_factory,
        blobs=attempt.blobs,
        policy=attempt.policy,
        blur_faces=blur_faces,
    )


def _order_pictures(
    uow: UnitOfWork, attempt: _Attempt, *, analysis_id: UUID, analysed: AnalysedVideo, draws: bool
) -> PicturesClaim | None:
    """Hold the pictures for the reader at hand, if it draws; what was put right it has not seen, so that is drawn afresh."""
    if analysed.track is None:
        return None
    ids = {"organisation_id": attempt.organisation_id, "analysis_id": analysis_id}
    if not draws or analysed.corrected is not None:
        uow.pictures.order(**ids, max_attempts=attempt.policy.max_attempts)
        uow.defer(pictures_job(**ids))
        return None
    return uow.pictures.begin(**ids, lease_s=attempt.policy.lease_s, max_attempts=attempt.policy.max_attempts)


def _fail(attempt: _Attempt, *, detail: str) -> AttemptResult:
    """End the attempt without a result, unless somebody else has taken over already."""
    claim, policy = attempt.claim, attempt.policy
    try:
        with attempt.uow_factory(attempt.organisation_id) as uow:
            if claim.attempt >= policy.max_attempts:
                uow.recordings.give_up(claim, detail=detail)
                return AttemptResult.GAVE_UP
            uow.recordings.retry(claim, delay_s=policy.retry_delay_s(claim.attempt), detail=detail)
            return AttemptResult.RETRY
    except StaleStateError:
        return AttemptResult.LOST


def sweep_recordings(
    *, uow_factory: UnitOfWorkFactory, policy: WorkPolicy | None = None, limit: int = 500
) -> SweepReport:
    """Send queued recordings again whose job got lost, and put back those whose attempt was lost.

    Any number of sweepers may run at once: each step is taken by one of them.
    """
    rules = policy or WorkPolicy()
    with uow_factory(None) as uow:
        due = uow.recordings.find_due(resend_after_s=rules.resend_after_s, limit=limit)
    counts: dict[_Swept, int] = dict.fromkeys(_Swept, 0)
    for item in due:
        step = _put_back if item.lease_expired else _resend
        swept = step(uow_factory, rules, recording_id=item.recording_id, organisation_id=item.organisation_id)
        if swept is not None:
            counts[swept] += 1
    return SweepReport(
        n_resent=counts[_Swept.RESENT], n_retried=counts[_Swept.RETRIED], n_gave_up=counts[_Swept.GAVE_UP]
    )


class _Swept(StrEnum):
    RESENT = "resent"
    RETRIED = "retried"
    GAVE_UP = "gave_up"


def _resend(
    uow_factory: UnitOfWorkFactory, policy: WorkPolicy, *, recording_id: UUID, organisation_id: UUID
) -> _Swept | None:
    with uow_factory(organisation_id) as uow:
        if not uow.recordings.note_sent(recording_id, resend_after_s=policy.resend_after_s):
            return None
        uow.defer(analysis_job(recording_id=recording_id, organisation_id=organisation_id))
    return _Swept.RESENT


def _put_back(
    uow_factory: UnitOfWorkFactory, policy: WorkPolicy, *, recording_id: UUID, organisation_id: UUID
) -> _Swept | None:
    """Retry at once: the lease was the wait."""
    with uow_factory(organisation_id) as uow:
        expired = uow.recordings.find_expired(recording_id)
        if expired is None:
            return None
        claim, max_attempts = expired
        if claim.attempt >= max_attempts:
            uow.recordings.give_up(claim, detail=LEASE_EXPIRED)
            return _Swept.GAVE_UP
        uow.recordings.retry(claim, delay_s=0.0, detail=LEASE_EXPIRED)
        uow.recordings.note_sent(recording_id, resend_after_s=policy.resend_after_s)
        uow.defer(analysis_job(recording_id=recording_id, organisation_id=organisation_id))
    return _Swept.RETRIED
