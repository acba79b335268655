"""Whether a worker stays as small as it began: `make bench-memory`, or `python -m bench.speed_memory`.

One process hands out readers and judges, as a worker does, one small clip after the other. Its own resident size and
the largest of each child are noted; a child reads one video, so that what grows could only be the process that stays.
"""

import argparse
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from app.biomech.signals import load_scipy
from app.biomech.types import TrialContext
from app.container import method_stamp
from app.services.analyse_video import analyse_video, picture_order, silent
from bench.speed import RESULTS, machine
from bench.speed_clips import LongClip, made
from bench.speed_runs import N_CORES, peak_of
from workers.sandbox import SandboxPool, SandboxSettings

CLIP = LongClip("jump_360p_30_3s", 360, 640, 30, 219 / 60, 0.0, {"crf": "23"})
WARM = 20
"""Clips after which everything is loaded and every buffer has been made."""
DRAWN_EVERY = 10
"""Stills and overlay are drawn for one clip in so many."""


def measure(n_clips: int, *, limit_s: float) -> dict[str, Any]:
    """Analyse so many clips, or as many as the time allows."""
    clip, method, own = made(CLIP), method_stamp(None), psutil.Process()
    load_scipy()
    resident_mb: list[float] = []
    child_mb: list[float] = []
    ends_s = time.monotonic() + limit_s
    with SandboxPool(SandboxSettings(n_threads=N_CORES)) as pool:
        while len(resident_mb) < n_clips and time.monotonic() < ends_s:
            with pool.reader() as reader, tempfile.TemporaryDirectory() as folder:
                analysed = analyse_video(
                    path=clip, context=TrialContext(), reader=reader, method=method, on_progress=silent
                )
                if analysed.track is not None and len(resident_mb) % DRAWN_EVERY == 0:
                    order = picture_order(
                        analysed.record, track=analysed.track, kinematics=analysed.kinematics
                    )
                    reader.draw(order, directory=Path(folder), overlay=True, on_progress=silent)
                child_mb.append(peak_of(reader.pid))
            resident_mb.append(own.memory_info().rss / 2**20)
    warm, last = resident_mb[WARM:], resident_mb[-WARM:]
    return {
        "n_clips": len(resident_mb),
        "worker_mb_after_warm_up": statistics.median(warm[:WARM]),
        "worker_mb_at_the_end": statistics.median(last),
        "child_mb_median": statistics.median(child_mb),
        "child_mb_largest": max(child_mb),
        "worker_mb": [round(value, 1) for value in resident_mb],
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=200, help="clips to analyse")
    parser.add_argument("--limit-s", type=float, default=1800.0, help="stop when it takes longer")
    parser.add_argument("--json", type=Path, help="where to write the results; bench/results/ when not said")
    asked = parser.parse_args()
    if asked.clips < 3 * WARM:
        parser.error(f"at least {3 * WARM} clips")
    described, result = machine(), measure(asked.clips, limit_s=asked.limit_s)
    measured_at = datetime.now(UTC)
    document = {
        "schema": "plumbline.bench.memory/1",
        "measured_at": measured_at.isoformat(timespec="seconds"),
        "machine": described,
        **result,
    }
    target = asked.json or RESULTS / f"memory-{measured_at:%Y%m%d-%H%M%S}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{result['n_clips']} clips, one after the other")
    print(f"the worker after {WARM} clips    {result['worker_mb_after_warm_up']:7.1f} MB")
    print(f"the worker at the end       {result['worker_mb_at_the_end']:7.1f} MB")
    print(f"a reader, median            {result['child_mb_median']:7.1f} MB")
    print(f"a reader, largest           {result['child_mb_largest']:7.1f} MB\n\nWritten to {target}")


if __name__ == "__main__":
    main()
