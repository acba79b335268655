"""How fast and how large the pipeline is against a plain loop: `make bench`, or `python -m bench.speed CLIPS`.

Ours is what an idle worker does with a recording (`analyse_video` through the sandbox, all cores). The plain loop puts
every frame through MediaPipe's video mode with one person and keeps nothing. Both run on the same clips in the same
run, in turns, each time in a fresh process; the middle of the repeats counts. Decoding alone is timed as well, and the
result is held against that of reading every frame densely.
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

from bench.speed_clips import CLIPS, MEMORY_CLIP, made

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
PACKAGES = ("plumbline", "ai-edge-litert", "mediapipe", "av", "opencv-python-headless", "numpy", "scipy")
COLUMNS = (
    "clip",
    "frames",
    "ours s",
    "plain s",
    "faster",
    "less cpu",
    "runs",
    "floor s",
    "over floor",
    "pose ratio",
    "child MB",
    "FPPA deg",
    "events fr",
)
LEGEND = """\
ours, plain  seconds from a warm process to the result; faster: plain over ours
less cpu     the same for the time spent on all cores, which others at work on the machine hardly change
runs         network evaluations of ours; the plain loop makes one or two a frame
floor        decoding every frame, plus the networks' own time over the cores; over floor: ours over that
pose ratio   time of the close reading over its networks' own time divided by the cores
child MB     largest resident size of the process that reads the video
FPPA, events largest difference to reading every frame densely: degrees at the peak, frames of any event"""


def measure(clip: Path, *, n_repeats: int) -> dict[str, Any]:
    """Run the programs in turns on one clip."""
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "plain": [], "decode": []}
    for _ in range(n_repeats):
        for program, results in runs.items():
            results.append(run(program, clip))
    ours, plain, decode = (middle(results) for results in runs.values())
    floor_s = decode["seconds"] + ours["network_s"] / (os.cpu_count() or 1)
    return {
        "clip": clip.stem,
        "ours": ours,
        "plain": plain,
        "decode": decode,
        "agreement": run("agreement", clip),
        "times_faster": plain["seconds"] / ours["seconds"],
        "times_less_cpu": plain["cpu_s"] / ours["cpu_s"],
        "floor_s": floor_s,
        "over_floor": ours["seconds"] / floor_s,
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
        ours, agreement = clip["ours"], clip["agreement"]
        rows.append(
            (
                clip["clip"],
                f"{ours['n_frames']:.0f}",
                f"{ours['seconds']:.2f}",
                f"{clip['plain']['seconds']:.2f}",
                f"{clip['times_faster']:.1f}x",
                f"{clip['times_less_cpu']:.1f}x",
                f"{ours['n_network_runs']:.0f}",
                f"{clip['floor_s']:.2f}",
                f"{clip['over_floor']:.2f}",
                f"{agreement['close_ratio']:.2f}",
                f"{ours['child_mb']:.0f}",
                f"{agreement['peak_fppa_deg']:.2f}",
                f"{agreement['event_frames']:.2f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )  # fmt: skip


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "clips", type=Path, nargs="*", help="clips, or folders of clips; the samples when none are named"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program per clip")
    parser.add_argument("--json", type=Path, help="where to write the results; bench/results/ when not said")
    parser.add_argument(
        "--no-long", action="store_true", help="leave out the long clips, which are made first"
    )
    asked = parser.parse_args()
    named = asked.clips or [ROOT / "samples"]
    paths = [clip for path in named for clip in (sorted(path.glob("*.mp4")) if path.is_dir() else [path])]
    if not asked.clips and not asked.no_long:
        sys.stderr.write("making the long clips, when they are not there yet …\n")
        paths = [*map(made, CLIPS), *paths]
    described = machine()
    clips = []
    for path in paths:
        sys.stderr.write(f"{path.name} …\n")
        clips.append(measure(path, n_repeats=asked.repeat))
    memory = None if asked.clips or asked.no_long else run("ours", made(MEMORY_CLIP))
    measured_at = datetime.now(UTC)
    document = {
        "schema": "plumbline.bench.speed/3",
        "measured_at": measured_at.isoformat(timespec="seconds"),
        "machine": described,
        "n_repeats": asked.repeat,
        "clips": clips,
        "memory_clip": memory,
    }
    target = asked.json or RESULTS / f"speed-{measured_at:%Y%m%d-%H%M%S}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n")
    print(
        f"{described['processor']}, {described['n_cores']} cores; load before the run {described['load_before']}\n"
    )
    print(table(clips))
    print(f"\n{LEGEND}")
    if memory is not None:
        print(
            f"\n60 s of 4K ({MEMORY_CLIP.name}): {memory['seconds']:.1f} s, "
            f"{memory['n_network_runs']:.0f} network runs, child {memory['child_mb']:.0f} MB"
        )
    print(f"\nWritten to {target}")


if __name__ == "__main__":
    main()
