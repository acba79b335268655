"""From a video file to an analysis: what the worker and `plumbline analyse` both do. No database, no clock."""

from dataclasses import dataclass
from pathlib import Path

from app.biomech.pipeline import assess_trial
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
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReader, VideoReading


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysedVideo:
    """A result with everything it was made from."""

    record: AnalysisRecord
    track: PoseTrack | None
    kinematics: Kinematics | None
    pictures: Pictures | None
    """None unless a folder was given and there was an athlete to draw."""


def analyse_video(
    *,
    path: Path,
    context: TrialContext,
    reader: VideoReader,
    method: MethodStamp,
    on_progress: Progress,
    pictures_dir: Path | None,
    overlay: bool,
) -> AnalysedVideo:
    """Read a video with an entered reader, judge it, and draw what is worth looking at.

    A video that cannot be used is a result with findings. Raises `VideoReaderDiedError` when the reader did.
    """
    reading = reader.read(path, context=context, on_progress=on_progress)
    outcome = _judge(reading, context=context)
    record = _record(outcome, video=reading.video, method=method)
    pictures = None
    if pictures_dir is not None and reading.track is not None:
        order = PictureOrder(
            track=reading.track,
            events=outcome.events,
            flagged_frames=outcome.flagged_frames,
            kinematics=outcome.kinematics if record.shows_knee_angle else None,
        )
        pictures = reader.draw(order, directory=pictures_dir, overlay=overlay, on_progress=on_progress)
    return AnalysedVideo(
        record=record,
        track=reading.track,
        kinematics=outcome.kinematics,
        pictures=pictures,
    )


def silent(stage: Stage, progress: float) -> None:
    """Tell nobody how far the work is."""


def _judge(reading: VideoReading, *, context: TrialContext) -> Outcome:
    if reading.video is None or reading.track is None:
        return Rejected(findings=sort_findings(reading.findings))
    return assess_trial(video=reading.video, track=reading.track, context=context, findings=reading.findings)


def _record(outcome: Outcome, *, video: VideoInfo | None, method: MethodStamp) -> AnalysisRecord:
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
