"""The workers' part of a re-analysis: judge every recording with the new version, then put the accepted ones in place.

Takes the `UnitOfWorkFactory`: many short transactions, none open while something is computed. One worker at a time
has a re-analysis, for a short slice; then it goes to the end of the bulk queue, so that nobody's upload waits
behind a whole team. A worker that dies loses its lease, and another goes on at the recording it had begun.
"""

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from app.biomech.types import MethodStamp
from app.db.repositories.analyses import AnalysisFiles, StoredAnalysis
from app.db.repositories.corrections import StoredCorrection
from app.db.repositories.reanalyses import ReanalysisClaim
from app.db.repositories.recordings import RecordingRecord
from app.db.repositories.webhooks import Telling
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.errors import StaleStateError
from app.domain.lifecycle import TRANSITIONS, AnalysisOrigin, Stage, Trigger
from app.domain.reanalysis import ItemState, ReanalysisState, ReanalysisStep, Route, SkipReason
from app.domain.webhooks import WebhookEvent
from app.jobs.names import REANALYSE
from app.jobs.queue import BULK, Job
from app.services.heartbeat import Heartbeat, LeaseLostError
from app.services.reanalysis_figures import figures_of
from app.services.reassess import (
    Rejudged,
    TrackGoneError,
    picked_athlete,
    read_track,
    rejudge,
    supersede,
    trial_context,
)
from app.services.video_reader import VideoReaderDiedError
from app.services.work_policy import ReaderFactory, WorkPolicy
from app.storage.blobs import BlobNotFoundError, BlobStore
from app.storage.staging import working_folder
from app.storage.tracks import track_to_bytes

SLICE_S = 2.0
"""How long one job works on before it lets others go first; a video that is read again takes as long as it takes."""


class SliceResult(StrEnum):
    """How one slice ended; for logs and metrics."""

    NOT_CLAIMED = "not_claimed"
    """Somebody else has it, nothing is to be done, this worker has another method, or it does not exist."""
    MORE = "more"
    """There is more to do; another job was sent for it."""
    FINISHED = "finished"
    LOST = "lost"
    """Cancelled, or the lease ran out and another worker took over; what it had not noted is not written."""


class _Skip(Exception):  # noqa: N818  # not an error
    """The recording keeps the analysis it has."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A claimed re-analysis and all that is needed to work on it."""

    claim: ReanalysisClaim
    method: MethodStamp
    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    reader_factory: ReaderFactory
    staging_dir: Path
    policy: WorkPolicy

    @property
    def organisation_id(self) -> UUID:
        return self.claim.organisation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One recording as it stands now."""

    record: RecordingRecord
    present: StoredAnalysis
    corrections: tuple[StoredCorrection, ...]


def run_reanalysis(
    *,
    reanalysis_id: UUID,
    organisation_id: UUID,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    reader_factory: ReaderFactory,
    method: MethodStamp,
    staging_dir: Path,
    policy: WorkPolicy | None = None,
    slice_s: float = SLICE_S,
) -> SliceResult:
    """Work on a re-analysis for a short while. A worker of another version than was asked for leaves it alone."""
    rules = policy or WorkPolicy()
    with uow_factory(organisation_id) as uow:
        found = uow.reanalyses.find(organisation_id=organisation_id, reanalysis_id=reanalysis_id)
        claim = (
            None
            if found is None or found.method_version != method.version
            else uow.reanalyses.claim(
                organisation_id=organisation_id, reanalysis_id=reanalysis_id, lease_s=rules.lease_s
            )
        )
    if claim is None:
        return SliceResult.NOT_CLAIMED
    run = _Run(
        claim=claim,
        method=method,
        uow_factory=uow_factory,
        blobs=blobs,
        reader_factory=reader_factory,
        staging_dir=staging_dir,
        policy=rules,
    )
    try:
        return _work(run, slice_s=slice_s)
    except (StaleStateError, LeaseLostError):
        return SliceResult.LOST


def reanalysis_job(*, reanalysis_id: UUID, organisation_id: UUID) -> Job:
    """Return the hint to the workers that a re-analysis waits."""
    return Job(name=REANALYSE, args=(str(reanalysis_id), str(organisation_id)), queue=BULK)


def sweep_reanalyses(
    *, uow_factory: UnitOfWorkFactory, policy: WorkPolicy | None = None, limit: int = 100
) -> int:
    """Send a job for re-analyses nobody works on; return how many. Any number of sweepers may run at once."""
    rules = policy or WorkPolicy()
    with uow_factory(None) as uow:
        due = uow.reanalyses.find_due(resend_after_s=rules.resend_after_s, limit=limit)
    n_sent = 0
    for item in due:
        with uow_factory(item.organisation_id) as uow:
            if uow.reanalyses.note_sent(item.reanalysis_id, resend_after_s=rules.resend_after_s):
                uow.defer(
                    reanalysis_job(reanalysis_id=item.reanalysis_id, organisation_id=item.organisation_id)
                )
                n_sent += 1
    return n_sent


def _work(run: _Run, *, slice_s: float) -> SliceResult:
    deadline_s = time.monotonic() + slice_s
    while True:
        with run.uow_factory(run.organisation_id) as uow:
            taken = uow.reanalyses.take(run.claim, lease_s=run.policy.lease_s)
            if taken is None:
                previewing = run.claim.state is ReanalysisState.PREVIEWING
                uow.reanalyses.release(
                    run.claim, step=ReanalysisStep.PREVIEWED if previewing else ReanalysisStep.ACCEPTED
                )
                uow.webhooks.tell(
                    Telling(
                        event=WebhookEvent.REANALYSIS_READY if previewing else WebhookEvent.REANALYSIS_DONE,
                        content={"reanalysis_id": run.claim.reanalysis_id},
                    )
                )
                return SliceResult.FINISHED
        _do(run, recording_id=taken[0], attempt=taken[1])
        if time.monotonic() >= deadline_s:
            with run.uow_factory(run.organisation_id) as uow:
                uow.reanalyses.release(run.claim, step=None)
                uow.defer(
                    reanalysis_job(reanalysis_id=run.claim.reanalysis_id, organisation_id=run.organisation_id)
                )
            return SliceResult.MORE


def _do(run: _Run, *, recording_id: UUID, attempt: int) -> None:
    """Preview or accept one recording; a reader that dies leaves it to another attempt."""
    try:
        if attempt > run.policy.max_attempts:
            raise _Skip(SkipReason.GAVE_UP)
        if run.claim.state is ReanalysisState.PREVIEWING:
            _preview(run, recording_id)
        else:
            _accept(run, recording_id)
    except _Skip as skip:
        with run.uow_factory(run.organisation_id) as uow:
            uow.reanalyses.finish_item(run.claim, recording_id, state=ItemState.SKIPPED, reason=skip.reason)
    except VideoReaderDiedError:
        pass  # taken again; its attempts are counted


def _preview(run: _Run, recording_id: UUID) -> None:
    """Judge a recording with the new version and note the figures; nothing of the recording is changed."""
    with run.uow_factory(run.organisation_id) as uow:
        subject = _look(uow, run, recording_id)
    route = _route(run, subject)
    track_key: str | None = None
    if route is Route.VIDEO:
        track_key = _read_again(run, subject)
    rejudged = _rejudge(run, subject, track_key=track_key)
    with run.uow_factory(run.organisation_id) as uow:
        if track_key is not None:
            uow.on_drop(partial(run.blobs.delete, track_key))
        uow.reanalyses.finish_item(
            run.claim,
            recording_id,
            state=ItemState.PREVIEWED,
            route=route,
            track_key=track_key,
            before=figures_of(
                verdict=subject.present.content.verdict,
                score=subject.present.content.risk_score,
                metrics=subject.present.content.metrics,
            ),
            after=figures_of(
                verdict=rejudged.record.verdict,
                score=rejudged.record.risk_score,
                metrics=rejudged.record.metrics,
            ),
        )


def _accept(run: _Run, recording_id: UUID) -> None:
    """Judge it once more, with whatever was corrected since, and make that its present analysis: all or nothing."""
    with run.uow_factory(run.organisation_id) as uow:
        subject = _look(uow, run, recording_id)
        track_key = uow.reanalyses.find_item(run.claim, recording_id).track_key
    rejudged = _rejudge(run, subject, track_key=track_key)
    with run.uow_factory(run.organisation_id) as uow:
        uow.recordings.hold(recording_id)
        now = _look(uow, run, recording_id)
        if now.present.id != subject.present.id:
            return  # corrected just now: taken again, and its attempts are counted
        analysis_id = supersede(
            uow=uow,
            blobs=run.blobs,
            record=now.record,
            present=now.present,
            rejudged=rejudged,
            origin=AnalysisOrigin.REANALYSIS,
            actor=None,
        )
        uow.reanalyses.finish_item(run.claim, recording_id, state=ItemState.ACCEPTED, analysis_id=analysis_id)


def _look(uow: UnitOfWork, run: _Run, recording_id: UUID) -> _Subject:
    """Return the recording as it stands, or skip it."""
    ids = {"organisation_id": run.organisation_id, "recording_id": recording_id}
    record, present = uow.recordings.find(**ids), uow.analyses.latest(**ids)
    if record is None or present is None or (record.recording.state, Trigger.REASSESSED) not in TRANSITIONS:
        raise _Skip(SkipReason.BEING_READ)
    if present.content.method.version == run.method.version:
        raise _Skip(SkipReason.ALREADY_CURRENT)
    return _Subject(record=record, present=present, corrections=tuple(uow.corrections.of_recording(**ids)))


def _route(run: _Run, subject: _Subject) -> Route:
    """Return what to judge it from: the stored track where its model is the present one and it is still there."""
    content, files = subject.present.content, subject.present.files
    if content.video is None:
        raise _Skip(SkipReason.NOT_A_VIDEO)
    if content.method.model_sha256 != run.method.model_sha256:
        return Route.VIDEO
    if files.track_key is None:
        raise _Skip(SkipReason.NOBODY_FOLLOWED)
    try:
        read_track(blobs=run.blobs, base=subject.present)
    except TrackGoneError:
        return Route.VIDEO
    return Route.TRACK


def _read_again(run: _Run, subject: _Subject) -> str:
    """Read the video with the present model and keep the track; return where it lies."""
    recording = subject.record.recording
    context = trial_context(recording, subject.record.athlete, picked=picked_athlete(subject.corrections))
    with (
        working_folder(run.staging_dir, prefix="reanalysis-") as folder,
        Heartbeat(renew=partial(_renew, run), every_s=run.policy.heartbeat_s) as beat,
        run.reader_factory() as reader,
    ):
        try:
            path = run.blobs.local_copy(recording.blob_key, folder)
        except BlobNotFoundError:
            raise _Skip(SkipReason.VIDEO_GONE) from None
        reading = reader.read(path, context=context, on_progress=beat.report)
    if reading.track is None:
        raise _Skip(SkipReason.NOBODY_FOLLOWED)
    key = f"{run.organisation_id}/{recording.id}/reanalysis-{run.claim.reanalysis_id}-{run.claim.lease_token}.npz"
    run.blobs.put_bytes(key, track_to_bytes(reading.track))
    return key


def _renew(run: _Run, stage: Stage, progress: float) -> bool:  # noqa: ARG001  # the row shows no progress
    try:
        with run.uow_factory(run.organisation_id) as uow:
            uow.reanalyses.renew(run.claim, lease_s=run.policy.lease_s)
    except StaleStateError:
        return False
    return True


def _rejudge(run: _Run, subject: _Subject, *, track_key: str | None) -> Rejudged:
    """Judge from the track that was read again, if one was, else from the stored one."""
    base = subject.present
    if track_key is not None:
        content = replace(base.content, method=run.method)
        picked = picked_athlete(subject.corrections)
        base = replace(
            base,
            content=content,
            files=AnalysisFiles(track_key=track_key),
            lineage=replace(base.lineage, pick_id=None if picked is None else picked.id),
        )
    try:
        return rejudge(
            base=base,
            track=read_track(blobs=run.blobs, base=base),
            context=trial_context(
                subject.record.recording,
                subject.record.athlete,
                picked=picked_athlete(subject.corrections),
            ),
            corrections=subject.corrections,
            method=run.method,
        )
    except TrackGoneError:
        raise _Skip(SkipReason.VIDEO_GONE) from None
