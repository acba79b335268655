"""What the services need from whoever reads a video: a pose track, and pictures of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.biomech.types import (
    Event,
    FlaggedFrame,
    Kinematics,
    PoseTrack,
    QualityFinding,
    TrialContext,
    VideoInfo,
)
from app.domain.lifecycle import Stage

Progress = Callable[[Stage, float], None]
"""Called with the stage and the share of the whole work done so far, 0-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoReading:
    """What was read from a video."""

    video: VideoInfo | None
    """None when the file could not be opened as a video at all."""
    track: PoseTrack | None
    """None when there is no athlete to follow; the findings say why."""
    findings: tuple[QualityFinding, ...] = ()
    n_network_runs: int = 0
    network_s: float = 0.0
    """Time spent in the networks, all threads together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOrder:
    """What to draw once the recording is judged."""

    track: PoseTrack
    events: Sequence[Event]
    flagged_frames: Sequence[FlaggedFrame]
    kinematics: Kinematics | None
    video: Path | None = None
    """The file, for a reader that has not read it; None means the one it has just read."""
    blur_faces: bool = False
    """Whether heads are hidden, of the athlete and of everybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Files that were drawn, in the directory given to `draw`."""

    stills: dict[int, Path]
    """JPEG by frame."""
    overlay: Path | None
    """H.264 yuv420p mp4, faststart, no audio and no metadata of the source."""


class VideoReader(Protocol):
    """Reads one video; used once, inside a `with`."""

    def read(self, path: Path, *, context: TrialContext, on_progress: Progress) -> VideoReading:
        """Find the athlete in every frame that matters; raise `VideoReaderDiedError` when the reader was killed."""
        ...

    def draw(self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress) -> Pictures:
        """Draw stills of the flagged frames and, when asked, the overlay video; the athlete is not looked for again."""
        ...

    def __enter__(self) -> "VideoReader": ...
    def __exit__(self, *exc: object) -> None: ...


class VideoReaderDiedError(Exception):
    """The process that read the video crashed, ran out of its limits or was killed; worth another attempt."""
