"""From a video file to an analysis and its pictures: what the worker and `plumbline analyse` both do. No database, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.biomech.corrections import Correction
from app.biomech.pipeline import assess_corrected
from app.biomech.quality import sort_findings
from app.biomech.types import (
    Assessed,
    Kinematics,
    MethodStamp,
    Outcome,
    PoseTrack,
    Rejected,
    TrialContext,
    VideoInfo,
)
from app.domain.lifecycle import Stage
from app.services.analysis_record import AnalysisRecord
from app.services.video_reader import PictureOrder, Progress, VideoReader, VideoReading


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysedVideo:
    """A result with everything it was made from."""

    record: AnalysisRecord
    track: PoseTrack | None
    """None when there was no athlete to follow, and so nothing to draw."""
    kinematics: Kinematics | None
    corrected: PoseTrack | None = None
    """As people put it right; None where the track is still the one that was read."""


def analyse_video(
    *,
    path: Path,
    context: TrialContext,
    reader: VideoReader,
    method: MethodStamp,
    on_progress: Progress,
    by_hand: Sequence[Correction] = (),
) -> AnalysedVideo:
    """Read a video with an entered reader and judge it; the pictures follow when the numbers are kept.

    Corrections in `by_hand` are applied to what was read. A video that cannot be used is a result with findings. Raises `VideoReaderDiedError` when the reader did.
    """
    reading = reader.read(path, context=context, on_progress=on_progress)
    outcome, corrected = _judge(reading, context=context, by_hand=by_hand)
    return AnalysedVideo(
        record=analysis_record(outcome, video=reading.video, method=method),
        track=reading.track,
        kinematics=outcome.kinematics,
        corrected=corrected,
    )


def picture_order(
    record: AnalysisRecord,
    *,
    track: PoseTrack,
    kinematics: Kinematics | None,
    video: Path | None = None,
    blur_faces: bool = False,
) -> PictureOrder:
    """Return what is worth drawing of an analysis; `video` is for a reader that has not read it."""
    return PictureOrder(
        track=track,
        events=record.events,
        flagged_frames=record.flagged_frames,
        kinematics=kinematics if record.shows_knee_angle else None,
        video=video,
        blur_faces=blur_faces,
    )


def silent(stage: Stage, progress: float) -> None:
    """Tell nobody how far the work is."""


def _judge(
    reading: VideoReading, *, context: TrialContext, by_hand: Sequence[Correction]
) -> tuple[Outcome, PoseTrack | None]:
    if reading.video is None or reading.track is None:
        return Rejected(findings=sort_findings(reading.findings)), None
    outcome, corrected = assess_corrected(
        video=reading.video,
        track=reading.track,
        context=context,
        findings=reading.findings,
        by_hand=by_hand,
    )
    return outcome, corrected.track if corrected.moves_points else None


def analysis_record(outcome: Outcome, *, video: VideoInfo | None, method: MethodStamp) -> AnalysisRecord:
    """Return a judgement with what it was made of and by."""
    return AnalysisRecord(
        verdict=outcome.verdict,
        findings=outcome.findings,
        video=video,
        method=method,
        events=outcome.events,
        metrics=outcome.metrics,
        risk_score=outcome.risk_score if isinstance(outcome, Assessed) else None,
        flagged_frames=outcome.flagged_frames,
    )
