"""Confined child processes that read videos: made for one video each, used once, then killed.

A hostile video can hurt nothing but the child that reads it. A child starts with an empty environment, in its own
process group, with no open files of ours; it limits itself before it opens the video. It is a copy of a process
that has the engine loaded, so that a fresh process costs a video no time.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from app.biomech.quality import make_finding
from app.biomech.types import PoseTrack, QualityFinding, TrialContext, VideoInfo
from app.domain.lifecycle import Stage
from app.pose.bundle import PoseEngine
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReaderDiedError, VideoReading
from app.storage.tracks import UnreadableTrackError, kinematics_to_bytes, track_from_bytes, track_to_bytes
from workers.nursery import START_S, Child, Nursery
from workers.sandbox_protocol import (
    KINEMATICS_FILE,
    OVERLAY_FILE,
    TRACK_FILE,
    Answer,
    DrawDone,
    DrawOrder,
    Failed,
    FindingSaid,
    Limits,
    PointSaid,
    ProgressSaid,
    ReadDone,
    ReadOrder,
    Ready,
    Start,
    VideoSaid,
    encode,
    event_fields,
    flagged_fields,
    still_file,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How children are made and how long they may take."""

    engine: PoseEngine = PoseEngine.LITERT
    n_threads: int = 1
    """Cores one child may keep busy."""
    model: Path | None = None
    """Another pose landmarker bundle; none means the one in the package."""
    timeout_s: float = 600.0
    """Wall-clock time for one order."""
    limits: Limits = field(default_factory=Limits)


class SandboxPool:
    """Hands out readers. Safe to use from several threads."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        """Begin to load what readers need; returns at once."""
        self._settings = settings or SandboxSettings()
        model = self._settings.model
        self._nursery = Nursery(
            Start(
                engine=self._settings.engine,
                model=None if model is None else str(model.absolute()),
                n_threads=self._settings.n_threads,
                limits=self._settings.limits,
            )
        )
        self._alive: set[Child] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def reader(self, *, nice: int = 0) -> "SandboxedReader":
        """Return a reader for one video; use it in a `with`. Raise `VideoReaderDiedError` when none can be started."""
        child = self._nursery.child(nice=nice)
        with self._lock:
            self._alive.add(child)
            is_closed = self._is_closed
        if is_closed:
            child.kill()
            msg = "the pool is closed"
            raise VideoReaderDiedError(msg)
        return SandboxedReader(child, timeout_s=self._settings.timeout_s, on_close=self._forget)

    def close(self) -> None:
        """Kill every child, also those at work."""
        with self._lock:
            self._is_closed = True
            children = list(self._alive)
        for child in children:
            child.kill()
        self._nursery.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill every child."""
        self.close()

    def _forget(self, child: Child) -> None:
        with self._lock:
            self._alive.discard(child)


class SandboxedReader:
    """A `VideoReader` whose work is done by one confined child."""

    def __init__(
        self,
        child: Child,
        *,
        timeout_s: float,
        on_close: Callable[[Child], None],
    ) -> None:
        """Take the child over."""
        self._child = child
        self._timeout_s = timeout_s
        self._on_close = on_close
        self._is_ready = False

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def read(self, path: Path, *, context: TrialContext, on_progress: Progress) -> VideoReading:
        """Find the athlete in every frame that matters."""
        at = context.athlete_at  # all else about the trial makes no difference to how it is read
        said = None if at is None else PointSaid(frame=at.frame, x_px=at.x_px, y_px=at.y_px)
        order = ReadOrder(path=str(path.absolute()), movement=context.movement.value, athlete_at=said)
        answer = self._ask(encode(order), on_progress=on_progress)
        if not isinstance(answer, ReadDone):
            raise VideoReaderDiedError("the reader answered something else")
        return VideoReading(
            video=_video(answer.video),
            track=self._track() if answer.has_track else None,
            findings=tuple(_finding(said) for said in answer.findings),
            n_network_runs=answer.n_network_runs,
            network_s=answer.network_s,
        )

    def draw(self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress) -> Pictures:
        """Draw stills and overlay; the files are moved to `directory`."""
        if order.kinematics is not None:
            (self._child.folder / KINEMATICS_FILE).write_bytes(kinematics_to_bytes(order.kinematics))
        if order.video is not None:
            (self._child.folder / TRACK_FILE).write_bytes(track_to_bytes(order.track))
        request = DrawOrder(
            path=None if order.video is None else str(order.video.absolute()),
            events=[event_fields(event) for event in order.events],
            flagged_frames=[flagged_fields(flagged) for flagged in order.flagged_frames],
            with_kinematics=order.kinematics is not None,
            overlay=overlay,
            blur_faces=order.blur_faces,
        )
        answer = self._ask(encode(request), on_progress=on_progress)
        if not isinstance(answer, DrawDone):
            raise VideoReaderDiedError("the reader answered something else")
        return Pictures(
            stills={frame: self._fetch(still_file(frame), directory) for frame in answer.stills},
            overlay=self._fetch(OVERLAY_FILE, directory) if answer.has_overlay else None,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Kill the child."""
        self._child.kill()
        self._on_close(self._child)

    def _ask(self, line: bytes, *, on_progress: Progress) -> Answer:
        """Send an order and return the answer to it, passing progress on."""
        if not self._is_ready:
            if not isinstance(self._heard(time.monotonic() + START_S), Ready):
                raise VideoReaderDiedError("the reader did not get ready")
            self._is_ready = True
        self._child.tell(line)
        until_s = time.monotonic() + self._timeout_s
        while isinstance(answer := self._heard(until_s), ProgressSaid):
            on_progress(Stage(answer.stage), answer.share)
        return answer

    def _heard(self, until_s: float) -> Answer:
        answer = self._child.answer(until_s=until_s)
        if isinstance(answer, Failed):
            raise VideoReaderDiedError(f"the reader failed: {answer.reason}")
        return answer

    def _track(self) -> PoseTrack:
        try:
            return track_from_bytes(self._own_file(TRACK_FILE).read_bytes())
        except (UnreadableTrackError, OSError) as error:
            raise VideoReaderDiedError(f"the reader's track cannot be read: {error}") from error

    def _fetch(self, name: str, directory: Path) -> Path:
        target = directory / name
        shutil.move(self._own_file(name), target)
        return target

    def _own_file(self, name: str) -> Path:
        """Return a file the child made: a plain file in its own folder, nothing it points to elsewhere."""
        path = self._child.folder / name
        if path.is_symlink() or not path.is_file():
            raise VideoReaderDiedError(f"the reader did not make {name}")
        return path


def _video(said: VideoSaid | None) -> VideoInfo | None:
    try:
        return None if said is None else said.info()
    except ValueError as error:
        msg = f"the reader told an impossible video: {error}"
        raise VideoReaderDiedError(msg) from error


def _finding(said: FindingSaid) -> QualityFinding:
    facts = {name: value for name, value in said.facts.items() if name not in {"code", "frame", "severity"}}
    try:
        return make_finding(said.code, frame=None, severity=None, **facts)
    except ValueError as error:
        msg = f"the reader told impossible facts: {error}"
        raise VideoReaderDiedError(msg) from error
