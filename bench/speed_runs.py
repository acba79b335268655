"""The two programs `bench.speed` compares; each runs in a fresh process and prints one line of JSON.

``python -m bench.speed_runs ours|plain CLIP``. Imports and the loading of the model are left out of both times:
the service keeps a warm process for every video, and a plain program could, too.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.pose.bundle import DEFAULT_MODEL


def run_ours(clip: Path) -> dict[str, Any]:
    """Analyse a clip as a worker does: sandboxed reader, judgement, stills and overlay video."""
    from app.biomech.types import TrialContext
    from app.container import method_stamp
    from app.domain.lifecycle import Stage
    from app.services.analyse_video import analyse_video, picture_order
    from app.services.video_reader import VideoReading
    from workers.sandbox import SandboxedReader, SandboxPool

    readings: list[VideoReading] = []
    seen_s: dict[Stage, float] = {}
    """When each stage was first heard of."""

    class WatchedReader:
        """The reader of the worker, with what it read kept for counting."""

        def __init__(self, inner: SandboxedReader) -> None:
            self.inner = inner
            self.draw = inner.draw

        def read(self, *args: Any, **options: Any) -> VideoReading:
            readings.append(self.inner.read(*args, **options))
            return readings[0]

        def __enter__(self) -> "WatchedReader":
            self.inner.__enter__()
            return self

        def __exit__(self, *exc: object) -> None:
            self.inner.__exit__(*exc)

    def note(stage: Stage, _share: float) -> None:
        seen_s.setdefault(stage, time.perf_counter())

    with (
        SandboxPool() as pool,
        tempfile.TemporaryDirectory() as folder,
        WatchedReader(pool.reader()) as reader,
    ):
        result = analyse_video(
            path=clip,
            context=TrialContext(),
            reader=reader,
            method=method_stamp(None),
            on_progress=note,
        )
        if result.track is not None:
            reader.draw(
                picture_order(result.record, track=result.track, kinematics=result.kinematics),
                directory=Path(folder),
                overlay=True,
                on_progress=note,
            )
        ended_s = time.perf_counter()
    started_s = seen_s[Stage.DECODE]  # said when the warm child takes the order
    pictures_s = ended_s - seen_s.get(Stage.PICTURES, ended_s)
    video = readings[0].video
    return {
        "seconds": ended_s - started_s - pictures_s,
        "seconds_with_pictures": ended_s - started_s,
        "n_frames": 0 if video is None else video.n_frames,
        "n_network_runs": readings[0].n_network_runs,
        "memory_mb": (peak_mb(resource.RUSAGE_SELF) + peak_mb(resource.RUSAGE_CHILDREN)),
        "verdict": result.record.verdict.value,
    }


def run_plain(clip: Path) -> dict[str, Any]:
    """Do what every tutorial does: each frame of the clip through MediaPipe's video mode, one person."""
    import cv2
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(DEFAULT_MODEL)),
        running_mode=vision.RunningMode.VIDEO,
        num_poses=1,
    )
    n_frames = n_found = 0
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        started_s = time.perf_counter()
        capture = cv2.VideoCapture(str(clip))
        fps_hz = capture.get(cv2.CAP_PROP_FPS) or 30.0
        while True:
            there, picture = capture.read()
            if not there:
                break
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            found = landmarker.detect_for_video(image, round(1000 * n_frames / fps_hz))
            n_frames += 1
            n_found += bool(found.pose_landmarks)
        ended_s = time.perf_counter()
    return {
        "seconds": ended_s - started_s,
        "n_frames": n_frames,
        "n_frames_with_a_person": n_found,
        "memory_mb": peak_mb(resource.RUSAGE_SELF),
    }


def peak_mb(whose: int) -> float:
    """Return the largest resident size so far; for children, that of the largest one."""
    return resource.getrusage(whose).ru_maxrss / 1024


if __name__ == "__main__":
    program = {"ours": run_ours, "plain": run_plain}[sys.argv[1]]
    print(json.dumps(program(Path(sys.argv[2]))))
