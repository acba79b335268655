"""Confined child processes that read videos: warmed up before a video arrives, used once, then killed.

A hostile video can hurt nothing but the child that reads it. A child starts with an empty environment, in its own
process group, with no open files of ours; it limits itself before it opens the video. One spare per slot waits
with the engine loaded, so that a fresh process costs a video no time.
"""

import contextlib
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
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
from workers.sandbox_protocol import (
    KINEMATICS_FILE,
    MAX_LINE_BYTES,
    MAX_OUTPUT_BYTES,
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
    ProtocolError,
    ReadDone,
    ReadOrder,
    Ready,
    Start,
    VideoSaid,
    decode_answer,
    encode,
    event_fields,
    flagged_fields,
    still_file,
)

_START_S = 60.0
"""Patience with a child that loads the engine; two seconds are usual."""
_READ_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How children are made and how long they may take."""

    engine: PoseEngine = PoseEngine.LITERT
    n_threads: int = 1
    """Cores one child may keep busy."""
    model: Path | None = None
    """Another pose landmarker bundle; none means the one in the package."""
    n_spares: int = 1
    """Children that wait warmed up; 0 when a single video is all there is, and each child starts when asked for."""
    timeout_s: float = 600.0
    """Wall-clock time for one order."""
    limits: Limits = field(default_factory=Limits)


class SandboxPool:
    """Hands out readers. Safe to use from several threads."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        """Start warming up the spares; returns at once."""
        self._settings = settings or SandboxSettings()
        _remove_orphaned_folders()
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._spares: queue.SimpleQueue[_Child | Exception] = queue.SimpleQueue()
        self._alive: set[_Child] = set()
        self._n_coming = 0
        """Children that wait or are being started, and that nobody has asked for."""
        self._lock = threading.Lock()
        self._is_closed = False
        # All children are started by this one thread: the kernel ends a child when the thread that started it
        # ends, and the threads that ask for readers come and go.
        self._starter = threading.Thread(target=self._keep_starting, name="sandbox-starter", daemon=True)
        self._starter.start()
        self._fill_up(self._settings.n_spares)

    def reader(self) -> "SandboxedReader":
        """Return a reader for one video; use it in a `with`. Raise `VideoReaderDiedError` when none can be started."""
        if self._is_closed:
            msg = "the pool is closed"
            raise VideoReaderDiedError(msg)
        with self._lock:
            self._n_coming -= 1
        self._fill_up(0)
        spare = self._spares.get()
        if isinstance(spare, Exception):
            msg = f"no child could be started: {spare}"
            raise VideoReaderDiedError(msg) from spare
        return SandboxedReader(
            spare, timeout_s=self._settings.timeout_s, on_read=self._replace, on_close=self._forget
        )

    def close(self) -> None:
        """Kill every child, also those at work."""
        with self._lock:
            self._is_closed = True
            children = list(self._alive)
        self._wanted.put(False)
        for child in children:
            child.kill()
        self._starter.join()
        for child in list(self._alive):
            child.kill()
        self._spares.put(VideoReaderDiedError("the pool is closed"))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill every child."""
        self.close()

    def _keep_starting(self) -> None:
        """Start one child per wish, until told to stop."""
        while self._wanted.get():
            try:
                child = _Child(self._settings)
            except OSError as error:
                self._spares.put(error)
                continue
            with self._lock:
                if self._is_closed:
                    child.kill()
                    return
                self._alive.add(child)
            self._spares.put(child)

    def _fill_up(self, n_children: int) -> None:
        """Have children started until so many wait."""
        with self._lock:
            for _ in range(self._n_coming, n_children):
                self._n_coming += 1
                self._wanted.put(True)

    def _replace(self) -> None:
        """Have the next child warmed up now that the video is read: it would have taken the cores from it."""
        self._fill_up(self._settings.n_spares)

    def _forget(self, child: "_Child") -> None:
        with self._lock:
            self._alive.discard(child)


_FOLDER_PREFIX = "plumbline-video-"


def _remove_orphaned_folders() -> None:
    """Remove what workers left behind that were killed before they could; the worker's process id is in the name."""
    if sys.platform != "linux":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


class _Child:
    """One process and its pipes, and a folder that only it writes to."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
        try:
            self._process = subprocess.Popen(  # our own interpreter and module
                [sys.executable, "-I", "-B", "-m", "workers.sandbox_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd=self.folder,
                close_fds=True,
                start_new_session=True,
            )
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._said = b""
        self._n_said = 0
        model = None if settings.model is None else str(settings.model.absolute())
        self.tell(
            encode(
                Start(
                    engine=settings.engine,
                    model=model,
                    n_threads=settings.n_threads,
                    limits=settings.limits,
                )
            )
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def tell(self, line: bytes) -> None:
        """Send one line; raise `VideoReaderDiedError` when nobody is there."""
        if self._process.stdin is None:
            raise VideoReaderDiedError
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise VideoReaderDiedError(self.end()) from error

    def answer(self, *, until_s: float) -> Answer:
        """Return the next message; raise `VideoReaderDiedError` on death, on nonsense, and when time is up."""
        while b"\n" not in self._said:
            if len(self._said) > MAX_LINE_BYTES or self._n_said > MAX_OUTPUT_BYTES:
                raise VideoReaderDiedError("the reader said too much")
            self._said += self._more(until_s=until_s)
        line, _, self._said = self._said.partition(b"\n")
        try:
            return decode_answer(line)
        except ProtocolError as error:
            raise VideoReaderDiedError(str(error)) from error

    def _more(self, *, until_s: float) -> bytes:
        pipe = self._process.stdout
        if pipe is None:
            raise VideoReaderDiedError
        try:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until_s - time.monotonic()))
            if not ready:
                raise VideoReaderDiedError("the reader took too long")
            said = os.read(pipe.fileno(), _READ_BYTES)
        except (ValueError, OSError) as error:
            raise VideoReaderDiedError("the reader was closed") from error
        if not said:
            raise VideoReaderDiedError(self.end())
        self._n_said += len(said)
        return said

    def end(self) -> str:
        """Say how the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1.0)
            return f"the reader was killed by signal {-code}" if code < 0 else f"the reader ended with {code}"
        return "the reader stopped answering"

    def kill(self) -> None:
        """Kill the whole process group and remove the folder. May be called twice."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class SandboxedReader:
    """A `VideoReader` whose work is done by one confined child."""

    def __init__(
        self,
        child: _Child,
        *,
        timeout_s: float,
        on_read: Callable[[], None],
        on_close: Callable[[_Child], None],
    ) -> None:
        """Take the child over."""
        self._child = child
        self._timeout_s = timeout_s
        self._on_read = on_read
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
        self._on_read()
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
        self._on_read()

    def _ask(self, line: bytes, *, on_progress: Progress) -> Answer:
        """Send an order and return the answer to it, passing progress on."""
        if not self._is_ready:
            if not isinstance(self._heard(time.monotonic() + _START_S), Ready):
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
