"""Putting an analysis right by hand, and taking that back. The automatic one stays beside it.

Every function takes an entered `UnitOfWork` made for the principal. A correction is judged from the stored pose
track within the request; only picking another person, of whom there is no track, has the video read again.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from uuid import UUID

from app.biomech.corrections import (
    Correction,
    CorrectionError,
    CorrectionKind,
    Fields,
    MoveEvent,
    MoveKeypoint,
    apply,
    check_correction,
    fields_of,
    kind_of,
)
from app.biomech.types import MethodStamp, PoseTrack
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.corrections import NewCorrection, StoredCorrection
from app.db.repositories.recordings import RecordingRecord
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import (
    IdempotencyConflictError,
    InvalidInputError,
    NotFoundError,
    StaleStateError,
)
from app.domain.lifecycle import FINAL_STATES, TRANSITIONS, AnalysisOrigin, Trigger
from app.domain.versions import ANY, Expected
from app.services.checks import check_text
from app.services.comparison import Comparison, compare
from app.services.correction_views import (
    AnalysisDetail,
    CorrectionResult,
    analysis_detail,
)
from app.services.presenters import correction_view, no_recording
from app.services.read_models import CorrectionView
from app.services.reassess import (
    TrackGoneError,
    applicable,
    picked_athlete,
    read_track,
    rejudge,
    supersede,
    trial_context,
    value_of,
)
from app.services.recordings import analysis_job, recording_view
from app.storage.blobs import BlobStore

MAX_CORRECTIONS = 500
"""Of one recording, undone ones included: a guard against a program that runs away, not a limit anybody meets."""
REASON_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """An analysis that is to be put right, held for this transaction."""

    uow: UnitOfWork
    blobs: BlobStore
    principal: Principal
    record: RecordingRecord
    present: StoredAnalysis
    corrections: tuple[StoredCorrection, ...]
    method: MethodStamp

    @property
    def organisation_id(self) -> UUID:
        return self.principal.organisation_id

    @property
    def recording_id(self) -> UUID:
        return self.present.recording_id


def check_known(*, uow: UnitOfWork, principal: Principal, analysis_id: UUID) -> None:
    """Raise `NotFoundError` unless there is such an analysis here."""
    if not uow.analyses.is_known(organisation_id=principal.organisation_id, analysis_id=analysis_id):
        raise no_analysis()


def get_analysis(*, uow: UnitOfWork, principal: Principal, analysis_id: UUID) -> AnalysisDetail:
    """Return one analysis, present or superseded, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    stored = _find(uow, principal, analysis_id)
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=stored.recording_id)
    return _detail(uow, principal, stored)


def list_corrections(
    *, uow: UnitOfWork, principal: Principal, analysis_id: UUID
) -> tuple[CorrectionView, ...]:
    """List every correction of the recording in order, those that were undone included, as this analysis sees them."""
    principal.require(Permission.RESULTS_READ)
    stored = _find(uow, principal, analysis_id)
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=stored.recording_id)
    return _views(uow, principal, stored)


def compare_analyses(
    *, uow: UnitOfWork, principal: Principal, analysis_id: UUID, with_id: UUID | None = None
) -> Comparison:
    """Put an analysis beside another of the same recording; beside the automatic one unless another is named."""
    principal.require(Permission.RESULTS_READ)
    after = _find(uow, principal, analysis_id)
    if with_id is None:
        automatic = uow.analyses.find_automatic(organisation_id=principal.organisation_id, stored=after)
        before = automatic or after
    else:
        before = _find(uow, principal, with_id)
        if before.recording_id != after.recording_id:
            raise no_analysis()
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=after.recording_id)
    return compare(before=before, after=after)


def correct(
    *,
    uow: UnitOfWork,
    blobs: BlobStore,
    principal: Principal,
    method: MethodStamp,
    analysis_id: UUID,
    correction: Correction,
    reason: str | None = None,
    expected: Expected = ANY,
    idempotency_key: str | None = None,
) -> CorrectionResult:
    """Record a correction and judge the recording anew with it.

    Raises `NotFoundError`, `InvalidInputError` (it makes no sense here), `StaleStateError` (the analysis was
    superseded, or the video is being read just now), `PreconditionFailedError` (another state
    of the analysis is expected) and `IdempotencyConflictError`.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    reason = None if reason is None else check_text(reason, field="reason", max_length=REASON_LENGTH)
    request_sha256 = _request_sha256(analysis_id, correction, reason)
    stored = _find(uow, principal, analysis_id)
    uow.recordings.hold(stored.recording_id)
    if idempotency_key is not None:
        earlier = uow.corrections.find_by_key(
            organisation_id=principal.organisation_id, idempotency_key=idempotency_key
        )
        if earlier is not None:
            return _replay(uow, principal, earlier, request_sha256=request_sha256)
    case = _open(uow, blobs, principal, method, analysis_id, expected=expected)
    if len(case.corrections) >= MAX_CORRECTIONS:
        raise InvalidInputError(
            f"There are already {MAX_CORRECTIONS} corrections of this recording.",
            how_to_fix="Film the trial again.",
        )
    made = _record_correction(
        case,
        correction,
        reason=reason,
        idempotency_key=idempotency_key,
        request_sha256=None if idempotency_key is None else request_sha256,
    )
    uow.audit.record(
        actor=principal,
        act=Act.CORRECTION_MADE,
        object_id=made,
        recording_id=str(case.recording_id),
        kind=kind_of(correction).value,
    )
    return _carry_out(case, correction_id=made)


def undo_correction(
    *,
    uow: UnitOfWork,
    blobs: BlobStore,
    principal: Principal,
    method: MethodStamp,
    analysis_id: UUID,
    correction_id: UUID,
    expected: Expected = ANY,
) -> CorrectionResult:
    """Take a correction back, whatever came after it, and judge the recording anew without it.

    Undone already: the same answer again, nothing new is made. Raises as `correct` does.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    stored = _find(uow, principal, analysis_id)
    uow.recordings.hold(stored.recording_id)
    known = uow.corrections.of_recording(
        organisation_id=principal.organisation_id, recording_id=stored.recording_id
    )
    undone = next((item for item in known if item.id == correction_id), None)
    if undone is None:
        raise NotFoundError(
            "There is no such correction.", how_to_fix="Choose one of those the analysis lists."
        )
    if undone.undone_at is not None:
        return _answer(
            uow, principal, correction_id=undone.id, recording_id=stored.recording_id, replayed=True
        )
    case = _open(uow, blobs, principal, method, analysis_id, expected=expected)
    uow.corrections.add_undo(correction_id, actor=principal)
    uow.audit.record(
        actor=principal,
        act=Act.CORRECTION_UNDONE,
        object_id=correction_id,
        recording_id=str(case.recording_id),
        kind=undone.kind.value,
    )
    return _carry_out(case, correction_id=correction_id)


def no_analysis() -> NotFoundError:
    """Return the answer to an id that is unknown here, or somebody else's: nobody can tell which."""
    return NotFoundError(
        "There is no such analysis.", how_to_fix="Choose one that a recording of yours lists."
    )


def _find(uow: UnitOfWork, principal: Principal, analysis_id: UUID) -> StoredAnalysis:
    stored = uow.analyses.find(organisation_id=principal.organisation_id, analysis_id=analysis_id)
    if stored is None:
        raise no_analysis()
    return stored


def _open(
    uow: UnitOfWork,
    blobs: BlobStore,
    principal: Principal,
    method: MethodStamp,
    analysis_id: UUID,
    *,
    expected: Expected,
) -> _Case:
    """Return the case, or refuse it: superseded, being read, or not as the caller saw it."""
    stored = _find(uow, principal, analysis_id)
    ids = {"organisation_id": principal.organisation_id, "recording_id": stored.recording_id}
    record = uow.recordings.find(**ids)
    present = uow.analyses.latest(**ids)
    if record is None or present is None:
        raise no_recording()
    etag = str(stored.id) if present.id == stored.id else f"{stored.id}-superseded"
    expected.check(etag, what="The analysis")
    if present.id != stored.id:
        raise StaleStateError(
            "This analysis was superseded meanwhile.",
            how_to_fix="Look at the recording's present analysis, and correct that one.",
        )
    if (record.recording.state, Trigger.REASSESSED) not in TRANSITIONS:
        raise StaleStateError(
            "The video is being read just now, or is no longer kept.",
            how_to_fix="Wait for the result, then correct that one.",
        )
    return _Case(
        uow=uow,
        blobs=blobs,
        principal=principal,
        record=record,
        present=present,
        corrections=tuple(uow.corrections.of_recording(**ids)),
        method=method,
    )


def _record_correction(
    case: _Case,
    correction: Correction,
    *,
    reason: str | None,
    idempotency_key: str | None,
    request_sha256: str | None,
) -> UUID:
    """Check the correction against the track and write it down, with what was there before."""
    track = _track_or_none(case)
    content = case.present.content
    if content.video is None:
        raise InvalidInputError(
            "The file could not be read as a video, so there is nothing to put right in it.",
            how_to_fix="Send the video again.",
        )
    try:
        check_correction(correction, video=content.video, track=track, events=content.events)
    except CorrectionError as error:
        raise InvalidInputError(str(error), how_to_fix=error.how_to_fix, field=error.field) from None
    correction_id = new_id()
    case.uow.corrections.add(
        NewCorrection(
            id=correction_id,
            recording_id=case.recording_id,
            analysis_id=case.present.id,
            pick_id=case.present.lineage.pick_id,
            kind=kind_of(correction),
            before=_before(case, correction, track=track),
            after=fields_of(correction),
            reason=reason,
            idempotency_key=idempotency_key,
            request_sha256=request_sha256,
        ),
        actor=case.principal,
    )
    return correction_id


def _track_or_none(case: _Case) -> PoseTrack | None:
    """Return the present track as it was read, None when nobody was followed."""
    if case.present.files.track_key is None:
        return None
    try:
        return read_track(blobs=case.blobs, base=case.present)
    except TrackGoneError:
        raise _track_gone() from None


def _before(case: _Case, correction: Correction, *, track: PoseTrack | None) -> Fields:
    """Return what the present analysis has in place of the correction."""
    if isinstance(correction, MoveEvent):
        for event in case.present.content.events:
            if (event.name, event.side, event.repetition) == correction.key:
                return {"time_s": event.time_s, "sd_s": event.sd_s, "source": event.source.value}
    if isinstance(correction, MoveKeypoint) and track is not None:
        held = applicable(
            case.corrections,
            pick_id=case.present.lineage.pick_id,
            model_sha256=case.present.content.method.model_sha256,
        )
        now = apply(track, [value_of(item) for item in held]).track
        x_px, y_px = (float(value) for value in now.xy_px[correction.frame, correction.joint])
        seen = x_px == x_px  # NaN: the point was not seen
        return {"x_px": x_px, "y_px": y_px} if seen else {"x_px": None, "y_px": None}
    return {}


def _carry_out(case: _Case, *, correction_id: UUID) -> CorrectionResult:
    """Judge anew with what stands now, or have the video read again when there is no track of the athlete."""
    ids = {"organisation_id": case.organisation_id, "recording_id": case.recording_id}
    standing = case.uow.corrections.of_recording(**ids)
    picked = picked_athlete(standing)
    base = case.uow.analyses.find_tracked(**ids, pick_id=None if picked is None else picked.id)
    if base is None:
        state = case.record.recording.state
        case.uow.recordings.enqueue(
            case.recording_id, from_state=state, trigger=Trigger.REANALYSE, actor=case.principal
        )
        case.uow.defer(analysis_job(recording_id=case.recording_id, organisation_id=case.organisation_id))
        return _answer(case.uow, case.principal, correction_id=correction_id, recording_id=case.recording_id)
    started_s = time.perf_counter()
    try:
        rejudged = rejudge(
            base=base,
            track=read_track(blobs=case.blobs, base=base),
            context=trial_context(case.record.recording, case.record.athlete, picked=picked),
            corrections=standing,
            method=case.method,
        )
    except TrackGoneError:
        raise _track_gone() from None
    supersede(
        uow=case.uow,
        blobs=case.blobs,
        record=case.record,
        present=case.present,
        rejudged=rejudged,
        origin=AnalysisOrigin.CORRECTION,
        actor=case.principal,
    )
    return _answer(
        case.uow,
        case.principal,
        correction_id=correction_id,
        recording_id=case.recording_id,
        superseded=case.present,
        elapsed_ms=1000.0 * (time.perf_counter() - started_s),
    )


def _answer(
    uow: UnitOfWork,
    principal: Principal,
    *,
    correction_id: UUID,
    recording_id: UUID,
    superseded: StoredAnalysis | None = None,
    elapsed_ms: float | None = None,
    replayed: bool = False,
) -> CorrectionResult:
    recording = recording_view(uow=uow, principal=principal, recording_id=recording_id)
    present = uow.analyses.latest(organisation_id=principal.organisation_id, recording_id=recording_id)
    if present is None:
        raise no_analysis()
    views = _views(uow, principal, present)
    is_final = recording.state in FINAL_STATES
    return CorrectionResult(
        correction=next(view for view in views if view.id == correction_id),
        analysis=_detail(uow, principal, present) if is_final else None,
        comparison=None if superseded is None else compare(before=superseded, after=present),
        recording=recording,
        recomputed_in_ms=elapsed_ms,
        replayed=replayed,
    )


def _detail(uow: UnitOfWork, principal: Principal, stored: StoredAnalysis) -> AnalysisDetail:
    organisation_id = principal.organisation_id
    present = uow.analyses.latest(organisation_id=organisation_id, recording_id=stored.recording_id)
    automatic = uow.analyses.find_automatic(organisation_id=organisation_id, stored=stored)
    held = uow.corrections.held_by(organisation_id=organisation_id, analysis_id=stored.id)
    views = {view.id: view for view in _views(uow, principal, stored)} if held else {}
    return analysis_detail(
        stored,
        automatic_id=None if automatic is None else automatic.id,
        present_id=stored.id if present is None else present.id,
        corrections=tuple(views[item] for item in held),
    )


def _views(uow: UnitOfWork, principal: Principal, stored: StoredAnalysis) -> tuple[CorrectionView, ...]:
    ids = {"organisation_id": principal.organisation_id, "recording_id": stored.recording_id}
    record = uow.recordings.find(**ids)
    is_working = record is not None and record.recording.state not in FINAL_STATES
    held = uow.corrections.held_by(organisation_id=principal.organisation_id, analysis_id=stored.id)
    return tuple(
        correction_view(item, held=held, is_working=is_working and item.kind is CorrectionKind.PICK_PERSON)
        for item in uow.corrections.of_recording(**ids)
    )


def _replay(
    uow: UnitOfWork, principal: Principal, earlier: StoredCorrection, *, request_sha256: str
) -> CorrectionResult:
    if earlier.request_sha256 != request_sha256:
        raise IdempotencyConflictError(
            "This Idempotency-Key was already used for another correction.",
            how_to_fix="Use a new key for a new correction; repeat a request unchanged.",
        )
    return _answer(uow, principal, correction_id=earlier.id, recording_id=earlier.recording_id, replayed=True)


def _request_sha256(analysis_id: UUID, correction: Correction, reason: str | None) -> str:
    parts = [str(analysis_id), kind_of(correction).value, fields_of(correction), reason]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _track_gone() -> InvalidInputError:
    return InvalidInputError(
        "The pose track of this recording is no longer kept, so it cannot be judged anew.",
        how_to_fix="Have the recording analysed again first.",
    )
