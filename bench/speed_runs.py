"""The programs `bench.speed` runs; each in a fresh process, each prints one line of JSON.

``python -m bench.speed_runs ours|plain|decode|agreement CLIP``. Imports and the loading of the model are left out of
all times: the service keeps a warm process for every video, and a plain program could, too.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from app.pose.bundle import DEFAULT_MODEL

N_CORES = os.cpu_count() or 1


def run_ours(clip: Path) -> dict[str, Any]:
    """Analyse a clip as an idle worker does: sandboxed reader on all cores, judgement, then stills and overlay video."""
    from app.biomech.signals import load_scipy
    from app.biomech.types import TrialContext
    from app.container import method_stamp
    from app.domain.lifecycle import Stage
    from app.services.analyse_video import analyse_video, picture_order
    from app.services.video_reader import VideoReading
    from workers.sandbox import SandboxedReader, SandboxPool, SandboxSettings

    load_scipy()
    readings: list[VideoReading] = []
    seen_s: dict[Stage, float] = {}
    """When each stage was first heard of."""
    spent_s: list[float] = []
    """What parent and child had spent of the cores by then."""

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
        if stage not in seen_s:
            seen_s[stage] = time.perf_counter()
            spent_s.append(time.process_time() + cpu_of(reader.inner.pid))

    with (
        SandboxPool(SandboxSettings(n_threads=N_CORES)) as pool,
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
        judged_s = time.perf_counter()
        spent_s.append(time.process_time() + cpu_of(reader.inner.pid))
        child_mb = peak_of(reader.inner.pid)
        if result.track is not None:
            reader.draw(
                picture_order(result.record, track=result.track, kinematics=result.kinematics),
                directory=Path(folder),
                overlay=True,
                on_progress=note,
            )
        ended_s = time.perf_counter()
    started_s = seen_s[Stage.DECODE]  # said when the warm child takes the order
    video = readings[0].video
    return {
        "seconds": judged_s - started_s,
        "seconds_with_pictures": ended_s - started_s,
        "cpu_s": spent_s[-1] - spent_s[0],
        "network_s": readings[0].network_s,
        "child_mb": child_mb,
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
        started_s, spent_s = time.perf_counter(), time.process_time()
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
        "cpu_s": time.process_time() - spent_s,
        "n_frames": n_frames,
        "n_frames_with_a_person": n_found,
        "memory_mb": peak_mb(resource.RUSAGE_SELF),
    }


def run_decode(clip: Path) -> dict[str, Any]:
    """Decode every frame on all cores and look at none."""
    from app.media.frames import VideoFile

    started_s, spent_s = time.perf_counter(), time.process_time()
    n_frames = sum(1 for _ in VideoFile(clip, n_threads=N_CORES).frames())
    return {
        "seconds": time.perf_counter() - started_s,
        "cpu_s": time.process_time() - spent_s,
        "n_frames": n_frames,
    }


def run_agreement(clip: Path) -> dict[str, Any]:
    """Read a clip by the drop jump's plan and then every frame of it densely; say how far the results are apart."""
    import numpy as np

    from app.biomech.reading import ReadSpan, plan_landing
    from app.pose.litert_estimator import LiteRTEstimator
    from app.pose.tracking import ReadingRule

    everything = ReadSpan(start_s=-1.0, stop_s=1e6)
    estimator = LiteRTEstimator(n_threads=N_CORES)
    estimator.warm_up()
    sparse, followed = _read_and_judge(clip, estimator, ReadingRule(plan=plan_landing))
    dense, _ = _read_and_judge(clip, estimator, ReadingRule(plan=lambda _: (everything,)))
    events = {(event.name, event.side): event.time_s for event in sparse.events}
    angles = {(metric.side, metric.event): metric.value for metric in sparse.metrics if metric.key == "fppa"}
    step_s = float(np.median(np.diff(followed.time_s)))
    apart = [abs(events.get((e.name, e.side), np.inf) - e.time_s) / step_s for e in dense.events]
    peaks = [
        abs((angles.get((m.side, m.event)) or np.inf) - m.value)
        for m in dense.metrics
        if m.key == "fppa" and m.event == "peak" and m.value is not None
    ]
    return {
        "n_events": len(apart),
        "event_frames": max(apart, default=float("nan")),
        "peak_fppa_deg": max(peaks, default=float("nan")),
        "close_ratio": followed.close_s / max(followed.close_network_s / N_CORES, 1e-9),
    }


def _read_and_judge(clip: Path, estimator: Any, rule: Any) -> tuple[Any, Any]:
    from app.biomech.pipeline import assess_trial
    from app.biomech.types import TrialContext, VideoInfo
    from app.media.frames import VideoFile
    from app.pose.tracking import follow_athlete

    video = VideoFile(clip, n_threads=N_CORES)
    followed = follow_athlete(video, estimator, rule=rule, n_threads=N_CORES)
    if followed.track is None:
        raise SystemExit(f"nobody to follow in {clip.name}")
    facts = VideoInfo(
        width_px=video.size_px[0],
        height_px=video.size_px[1],
        duration_s=video.facts.duration_s,
        n_frames=len(video.time_s),
        nominal_fps_hz=video.facts.nominal_fps_hz,
        rotation_deg=0,
        codec=video.facts.codec,
        sha256="-",
    )
    return assess_trial(video=facts, track=followed.track, context=TrialContext()), followed


def cpu_of(pid: int) -> float:
    """Return what a running process has spent of the cores so far."""
    spent = psutil.Process(pid).cpu_times()
    return float(spent.user + spent.system)


def peak_of(pid: int) -> float:
    """Return the largest resident size of a running process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def peak_mb(whose: int) -> float:
    """Return the largest resident size so far; for children, that of the largest one."""
    return resource.getrusage(whose).ru_maxrss / 1024


if __name__ == "__main__":
    program = {
        "ours": run_ours,
        "plain": run_plain,
        "decode": run_decode,
        "agreement": run_agreement,
    }[sys.argv[1]]
    print(json.dumps(program(Path(sys.argv[2]))))
