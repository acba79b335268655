"""How far the measurement is from the truth: `python -m bench.accuracy --clips DIR`.

Each `NAME.mp4` with a `NAME.json` beside it (exact joint truth) is analysed by `plumbline analyse`, the way a user
would, or from a stored pose track with `--tracks`. Clips without that truth are analysed too and listed with what was
found. A folder with marker recordings (`*.trc`) is seen through virtual cameras. Stick figures are measured always, and
the instants of the samples' jumps at 120 and 240 Hz, with frames drawn between theirs, unless stored tracks are used.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from app.biomech.pipeline import assess_trial
from app.biomech.types import Assessed, MethodStamp, Movement, Sex, TrialContext, VideoInfo, View
from app.services.analysis_record import AnalysisRecord, analysis_document
from app.storage.tracks import track_from_bytes
from bench import accuracy_interpolated, accuracy_mocap
from bench.accuracy_figures import figures
from bench.accuracy_tables import interval_rows, print_clips, print_summary, summarise
from bench.accuracy_truth import ClipResult, compare
from bench.speed_clips import SAMPLE

MOVEMENTS = {
    "dvj": Movement.DROP_VERTICAL_JUMP,
    "squat": Movement.BILATERAL_SQUAT,
    "sls": Movement.SINGLE_LEG_SQUAT,
    "static": Movement.STANDING,
}
"""As the rendered clips name them."""


def analyse(clip: Path, truth: dict[str, Any] | None, tracks: Path | None) -> dict[str, Any]:
    """Return the analysis document with its series, by the command line or from a stored track."""
    body = (truth or {}).get("body", {})
    stature_cm = body.get("stature", 0.0) * 100.0 or None
    context = TrialContext(
        movement=MOVEMENTS.get((truth or {}).get("movement", ""), Movement.DROP_VERTICAL_JUMP),
        view=View.SAGITTAL if clip.stem.startswith("sag_") else View.FRONTAL,
        stature_cm=stature_cm,
        sex=Sex((truth or {}).get("params", {}).get("body", {}).get("sex") or "unspecified"),
    )
    if tracks is not None:
        return analyse_track(tracks / f"{clip.stem}.npz", context)
    command = [sys.executable, "-m", "app.cli", "analyse", str(clip), "--json", "--series"]
    command += [
        "--movement",
        context.movement.value,
        "--view",
        context.view.value,
        "--sex",
        context.sex.value,
    ]
    command += ["--stature-cm", f"{stature_cm:.1f}"] if stature_cm else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode not in (0, 3):
        raise SystemExit(f"plumbline analyse {clip} ended with {done.returncode}:\n{done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def analyse_track(path: Path, context: TrialContext) -> dict[str, Any]:
    """Return the analysis document of a stored pose track."""
    track = track_from_bytes(path.read_bytes())
    width, height = track.image_size_px
    n = track.time_s.size
    video = VideoInfo(
        width_px=width,
        height_px=height,
        duration_s=float(track.time_s[-1] - track.time_s[0]),
        n_frames=n,
        nominal_fps_hz=float(1.0 / np.median(np.diff(track.time_s))),
        rotation_deg=0,
        codec="track",
        sha256="-",
    )
    outcome = assess_trial(video=video, track=track, context=context)
    record = AnalysisRecord(
        verdict=outcome.verdict,
        findings=outcome.findings,
        video=video,
        method=MethodStamp(version="-", model_sha256="-", code_version="-"),
        events=outcome.events,
        metrics=outcome.metrics,
        risk_score=outcome.risk_score if isinstance(outcome, Assessed) else None,
        flagged_frames=outcome.flagged_frames,
    )
    return analysis_document(record, kinematics=outcome.kinematics)


def describe(name: str, document: dict[str, Any]) -> ClipResult:
    """Return what was found in a clip without joint truth."""
    times = {m["key"]: m["value"] for m in document["metrics"] if m["key"] in ("contact_time", "flight_time")}
    note = ", ".join(f"{key} {value:.3f} s" for key, value in times.items() if value is not None)
    return ClipResult(
        name=name,
        source="video",
        verdict=document["verdict"],
        findings=[finding["code"] for finding in document["findings"] if finding["severity"] != "info"],
        note=note,
    )


def measure(clip: Path, tracks: Path | None) -> ClipResult:
    """Return the result of one clip."""
    beside = clip.with_suffix(".json")
    truth = json.loads(beside.read_text()) if beside.exists() else None
    document = analyse(clip, truth, tracks)
    return describe(clip.stem, document) if truth is None else compare(clip.stem, document, truth)


def interpolated(clip: Path, truth: dict[str, Any], fps_hz: int) -> ClipResult:
    """Return the instants of a jump with frames drawn between its own."""
    document = analyse(accuracy_interpolated.made(clip, truth, fps_hz=fps_hz), truth, None)
    return accuracy_interpolated.instants_only(compare(clip.stem, document, truth), fps_hz=fps_hz)


def main() -> None:
    """Read the arguments, measure everything, print the tables and, when asked, write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--clips", type=Path, required=True, nargs="+", help="folders of clips or marker recordings"
    )
    parser.add_argument(
        "--tracks", type=Path, help="folder of stored pose tracks NAME.npz, instead of a pose run"
    )
    parser.add_argument(
        "--no-interpolated",
        action="store_true",
        help="leave out the samples at 120 and 240 Hz, which take some minutes to draw the first time",
    )
    parser.add_argument("--json", type=Path, help="write all errors to this file")
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    clips = sorted(p for d in chosen.clips for p in d.iterdir() if p.suffix.lower() in (".mp4", ".mov"))
    with ThreadPoolExecutor(chosen.jobs) as pool:
        results = list(pool.map(lambda clip: measure(clip, chosen.tracks), clips))
        if chosen.tracks is None and not chosen.no_interpolated:
            faster = [
                (clip, truth, fps_hz)
                for clip, truth in accuracy_interpolated.jumps(SAMPLE.parent)
                for fps_hz in accuracy_interpolated.RATES_HZ
            ]
            results += pool.map(lambda one: interpolated(*one), faster)
    results += [result for folder in chosen.clips for result in accuracy_mocap.measure(folder)]
    if not results:
        raise SystemExit("no clips and no marker recordings found")
    results += figures()
    print_clips(results)
    print_summary(results)
    if chosen.json:
        document = {
            "clips": [
                vars(result) | {"readings": [vars(reading) for reading in result.readings]}
                for result in results
            ],
            "summary": summarise(results),
            "intervals": interval_rows(results),
        }
        chosen.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
