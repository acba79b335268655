"""A real worker whose videos are "read" by a stand-in that takes as long as it is told: for tests of time and faults.

``python -m tests.support.slow_worker SECONDS READS_FILE [DRAWING_SECONDS]``; each read adds the attempt's process to
the file. With the third there is a track, of nobody, and it is drawn for so long.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.biomech.quality import make_finding
from app.biomech.types import MethodStamp, TrialContext, VideoInfo
from app.container import build_container
from app.domain.lifecycle import Stage
from app.logs import configure_logs
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReading
from app.settings import load_settings
from tests.factories import make_track
from workers.bootstrap import Runtime
from workers.celery_app import run_worker

METHOD = MethodStamp(version="test", model_sha256="0" * 64, code_version="test")
VIDEO = VideoInfo(
    width_px=720, height_px=1280, duration_s=2.9, n_frames=174, nominal_fps_hz=60.0, rotation_deg=0,
    codec="h264", sha256="0" * 64,
)  # fmt: skip


class SlowReader:
    """Sees nobody in any video, slowly."""

    def __init__(self, *, seconds: float, reads: Path, drawing_s: float | None = None) -> None:
        self._seconds = seconds
        self._reads = reads
        self._drawing_s = drawing_s

    def read(self, path: Path, *, context: TrialContext, on_progress: Progress) -> VideoReading:
        with self._reads.open("a") as reads:
            reads.write(f"{os.getpid()} {path.stat().st_size}\n")
        n_steps = max(1, int(self._seconds / 0.1))
        for step in range(n_steps):
            on_progress(Stage.POSE, step / n_steps)
            time.sleep(self._seconds / n_steps)
        if self._drawing_s is not None:
            return VideoReading(video=VIDEO, track=make_track(), findings=())
        return VideoReading(video=VIDEO, track=None, findings=(make_finding("no_person"),))

    def draw(self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress) -> Pictures:
        time.sleep(self._drawing_s or 0.0)
        overlay_file = directory / "overlay.mp4"
        overlay_file.write_bytes(b"a film")
        return Pictures(stills={}, overlay=overlay_file)

    def __enter__(self) -> "SlowReader":
        return self

    def __exit__(self, *exc: object) -> None:
        pass


def main(arguments: Sequence[str]) -> int:
    seconds, reads = float(arguments[0]), Path(arguments[1])
    drawing_s = float(arguments[2]) if len(arguments) > 2 else None
    settings = load_settings()
    configure_logs(level=settings.log_level, process="worker")
    runtime = Runtime(
        container=build_container(settings),
        reader_factory=lambda: SlowReader(seconds=seconds, reads=reads, drawing_s=drawing_s),
        drawer_factory=lambda: SlowReader(seconds=seconds, reads=reads, drawing_s=drawing_s),
        method=METHOD,
        close_readers=lambda: None,
    )
    try:
        return run_worker(runtime, with_clock=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
