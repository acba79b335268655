"""How fast and how large the pipeline is against a plain loop: `make bench`, or `python -m bench.speed CLIPS`.

Ours is what a worker does with a recording (`analyse_video` through the sandbox). The plain loop puts every frame
through MediaPipe's video mode with one person and keeps nothing. Both run on the same clips in the same run, in
turns, each time in a fresh process; the middle of the repeats counts.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PACKAGES = ("plumbline", "mediapipe", "av", "opencv-python-headless", "numpy", "scipy")
COLUMNS = (
    "clip",
    "frames",
    "ours s",
    "fps",
    "runs",
    "MB",
    "+pictures s",
    "plain s",
    "fps",
    "MB",
    "time ratio",
    "MB ratio",
)


def measure(clip: Path, *, n_repeats: int) -> dict[str, Any]:
    """Run both programs in turns on one clip."""
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "plain": []}
    for _ in range(n_repeats):
        for program, results in runs.items():
            results.append(run(program, clip))
    ours, plain = (middle(runs[program]) for program in ("ours", "plain"))
    return {
        "clip": clip.name,
        "ours": ours | {"frames_per_second": ours["n_frames"] / ours["seconds"]},
        "plain": plain | {"frames_per_second": plain["n_frames"] / plain["seconds"]},
        "time_ratio": ours["seconds"] / plain["seconds"],
        "memory_ratio": ours["memory_mb"] / plain["memory_mb"],
    }


def run(program: str, clip: Path) -> dict[str, Any]:
    """Run one program in a fresh process and return what it printed."""
    command = [sys.executable, "-m", "bench.speed_runs", program, str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed


def middle(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each number; anything else as the first run said it."""
    return {
        name: statistics.median(result[name] for result in results)
        if isinstance(value, int | float)
        else value
        for name, value in results[0].items()
    }


def machine() -> dict[str, Any]:
    """Return what the numbers belong to: processor, system and versions, no name of the machine."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "processor": processor(),
        "n_cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: version(name) for name in PACKAGES},
    }


def processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def table(clips: list[dict[str, Any]]) -> str:
    """Return the results as a table of text."""
    rows = [COLUMNS]
    for clip in clips:
        ours, plain = clip["ours"], clip["plain"]
        rows.append(
            (
                clip["clip"],
                f"{ours['n_frames']:.0f}",
                f"{ours['seconds']:.2f}",
                f"{ours['frames_per_second']:.1f}",
                f"{ours['n_network_runs']:.0f}",
                f"{ours['memory_mb']:.0f}",
                f"{ours['seconds_with_pictures']:.2f}",
                f"{plain['seconds']:.2f}",
                f"{plain['frames_per_second']:.1f}",
                f"{plain['memory_mb']:.0f}",
                f"{clip['time_ratio']:.2f}",
                f"{clip['memory_ratio']:.2f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )  # fmt: skip


def totals(clips: list[dict[str, Any]]) -> dict[str, float]:
    """Return the ratio over all clips together, and the largest memory of each."""
    ours_s, plain_s = (sum(clip[program]["seconds"] for clip in clips) for program in ("ours", "plain"))
    ours_mb, plain_mb = (max(clip[program]["memory_mb"] for clip in clips) for program in ("ours", "plain"))
    return {
        "ours_seconds": ours_s,
        "plain_seconds": plain_s,
        "time_ratio": ours_s / plain_s,
        "ours_memory_mb": ours_mb,
        "plain_memory_mb": plain_mb,
        "memory_ratio": ours_mb / plain_mb,
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "clips", type=Path, nargs="*", help="clips, or folders of clips; the samples when none are named"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program per clip")
    parser.add_argument("--json", type=Path, help="where to write the results; bench/results/ when not said")
    asked = parser.parse_args()
    named = asked.clips or [ROOT / "samples"]
    paths = [clip for path in named for clip in (sorted(path.glob("*.mp4")) if path.is_dir() else [path])]
    described = machine()
    clips = []
    for path in paths:
        sys.stderr.write(f"{path.name} …\n")
        clips.append(measure(path, n_repeats=asked.repeat))
    measured_at = datetime.now(UTC)
    document = {
        "schema": "plumbline.bench.speed/1",
        "measured_at": measured_at.isoformat(timespec="seconds"),
        "machine": described,
        "n_repeats": asked.repeat,
        "clips": clips,
        "totals": totals(clips),
    }
    target = asked.json or RESULTS / f"speed-{measured_at:%Y%m%d-%H%M%S}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(
        f"{described['processor']}, {described['n_cores']} cores; load before the run {described['load_before']}\n"
    )
    print(table(clips))
    whole = document["totals"]
    print(
        f"\nAll clips: ours {whole['ours_seconds']:.1f} s, plain loop {whole['plain_seconds']:.1f} s, "
        f"ratio {whole['time_ratio']:.2f}; memory {whole['ours_memory_mb']:.0f} MB to {whole['plain_memory_mb']:.0f} MB, "
        f"ratio {whole['memory_ratio']:.2f}. Written to {target}"
    )


if __name__ == "__main__":
    main()
