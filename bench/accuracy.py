"""How far the measurement is from the truth: `python -m bench.accuracy --clips DIR`.

Each `NAME.mp4` with a `NAME.json` beside it (exact joint truth) is analysed by `plumbline analyse`, the
way a user would, or from a stored pose track with `--tracks`. Clips without that truth are analysed too
and listed with what was found.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.biomech.pipeline import assess_trial
from app.biomech.types import Assessed, MethodStamp, Sex, TrialContext, VideoInfo
from app.services.analysis_record import AnalysisRecord, analysis_document
from app.storage.tracks import track_from_bytes

SIDES = {"left": "l", "right": "r"}
Z90, Z95 = 1.6449, 1.9600
PEAK_TAIL = 0.20


@dataclass
class ClipResult:
    """What one clip showed, all errors as measured minus true."""

    name: str
    verdict: str
    findings: list[str]
    fps: float = float("nan")
    errors: dict[str, float] = field(default_factory=dict)
    intervals: list[tuple[str, float, float]] = field(default_factory=list)
    """(metric, error, standard error) wherever both are known."""
    note: str = ""


def analyse(clip: Path, truth: dict[str, Any] | None, tracks: Path | None) -> dict[str, Any]:
    """Return the analysis document with its series, by the command line or from a stored track."""
    body = (truth or {}).get("body", {})
    sex = (truth or {}).get("params", {}).get("body", {}).get("sex")
    stature_cm = body.get("stature", 0.0) * 100.0 or None
    if tracks is not None:
        return analyse_track(tracks / f"{clip.stem}.npz", stature_cm=stature_cm, sex=sex)
    command = [sys.executable, "-m", "app.cli", "analyse", str(clip), "--json", "--series"]
    command += ["--stature-cm", f"{stature_cm:.1f}"] if stature_cm else []
    command += ["--sex", sex] if sex else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode not in (0, 3):
        raise SystemExit(f"plumbline analyse {clip} ended with {done.returncode}:\n{done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def analyse_track(path: Path, *, stature_cm: float | None, sex: str | None) -> dict[str, Any]:
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
    context = TrialContext(stature_cm=stature_cm, sex=Sex(sex) if sex else Sex.UNSPECIFIED)
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


def true_events(truth: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Return the true times of a drop jump under the names of the analysis."""
    events = truth["events"]
    found = {
        ("step_off", "both"): events["release"]["time"],
        ("peak_knee_flexion", "both"): events["pelvis_lowest"]["time"],
    }
    for side, letter in (("left", "L"), ("right", "R")):
        found["initial_contact", side] = events[f"IC1_{letter}"]["time"]
        found["take_off", side] = events["take_off"]["time"]
        found["second_contact", side] = events[f"IC2_{letter}"]["time"]
    return found


@dataclass
class TruthSeries:
    """True series of a clip in the picture and in the athlete's own frontal plane."""

    time_s: np.ndarray
    image: dict[str, np.ndarray]
    frontal: dict[str, np.ndarray]
    ratio: np.ndarray
    lean: np.ndarray

    @classmethod
    def of(cls, truth: dict[str, Any]) -> "TruthSeries":
        """Read the series, adding the mean of both knees."""
        at = {name: np.array(points, dtype=float) for name, points in truth["joints2d"].items()}
        both = {}
        for kind in ("image", "frontal3d"):
            sides = {side: np.array(truth[f"fppa_{kind}_{k}"], dtype=float) for side, k in SIDES.items()}
            both[kind] = sides | {"both": 0.5 * (sides["left"] + sides["right"])}
        trunk = 0.5 * (at["shoulder_l"] + at["shoulder_r"] - at["hip_l"] - at["hip_r"])
        return cls(
            time_s=np.arange(truth["frames"]) / truth["fps"],
            image=both["image"],
            frontal=both["frontal3d"],
            ratio=np.abs(at["knee_l"] - at["knee_r"])[:, 0] / np.abs(at["ankle_l"] - at["ankle_r"])[:, 0],
            lean=np.degrees(np.arctan2(trunk[:, 0], -trunk[:, 1])),
        )


def compare(name: str, document: dict[str, Any], truth: dict[str, Any]) -> ClipResult:
    """Return the errors of one clip against its truth."""
    result = ClipResult(
        name=name,
        verdict=document["verdict"],
        findings=[finding["code"] for finding in document["findings"] if finding["severity"] != "info"],
        fps=float(truth["fps"]),
    )
    known = true_events(truth)
    for event in document["events"]:
        error = event["time_s"] - known[event["name"], event["side"]]
        result.errors[f"{event['name']}_{event['side']}_ms"] = error * 1000.0
        result.intervals.append((event["name"], error, event["sd_s"]))
    series = TruthSeries.of(truth)
    _compare_series(result, document.get("series"), series, known)
    _compare_metrics(result, document["metrics"], series, truth, known)
    return result


def _stance(known: dict[tuple[str, str], float]) -> tuple[float, float]:
    contacts = [known["initial_contact", side] for side in SIDES]
    return min(contacts), known["take_off", "left"]


def _compare_series(result: ClipResult, found: dict[str, Any] | None, truth: TruthSeries, known: Any) -> None:
    """Add mean absolute error and bias of the series from first contact to take-off."""
    if not found:
        return
    time_s = np.array(found["time_s"], dtype=float)
    start, stop = _stance(known)
    stance = (time_s >= start) & (time_s <= stop)

    def difference(key: str, true: np.ndarray) -> np.ndarray:
        return (np.array(found[key], dtype=float) - np.interp(time_s, truth.time_s, true))[stance]

    sides = {side: difference(f"fppa_{side}_deg", truth.image[side]) for side in SIDES}
    sides["both"] = 0.5 * (sides["left"] + sides["right"])
    sides["ratio"] = difference("knee_ankle_separation_ratio", truth.ratio)
    sides["lean"] = difference("trunk_lean_deg", truth.lean)
    for key, error in sides.items():
        if np.isfinite(error).any():
            result.errors[f"{key}_mae"] = float(np.nanmean(np.abs(error)))
            result.errors[f"{key}_bias"] = float(np.nanmean(error))
            result.errors[f"{key}_missing"] = float(np.mean(~np.isfinite(error)))


def _compare_metrics(
    result: ClipResult, found: list[dict[str, Any]], truth: TruthSeries, clip: dict[str, Any], known: Any
) -> None:
    """Add the error of every metric, each against the truth at the true instant."""
    true = true_metrics(truth, clip, known)
    for metric in found:
        key = (metric["key"], metric["side"], metric["event"])
        if metric["value"] is None or key not in true:
            continue
        error = metric["value"] - true[key]
        result.errors["/".join(key)] = error
        result.intervals.append((metric["key"], error, metric["se"]))


def true_metrics(truth: TruthSeries, clip: dict[str, Any], known: Any) -> dict[tuple[str, str, str], float]:
    """Return the true value of every metric that the clip's truth holds, in the picture where it is an angle."""
    start, stop = _stance(known)
    lowest = known["peak_knee_flexion", "both"]
    end = lowest + PEAK_TAIL * (stop - start)
    window = (truth.time_s >= start) & (truth.time_s <= end)

    def at(series: np.ndarray, when: float) -> float:
        return float(np.interp(when, truth.time_s, series))

    found: dict[tuple[str, str, str], float] = {}
    for side in ("left", "right", "both"):
        series = truth.image[side]
        at_contact = float(
            np.mean([at(truth.image[s], known["initial_contact", s]) for s in SIDES if side in (s, "both")])
        )
        peak = float(np.max(series[window]))
        found["fppa", side, "initial_contact"] = at_contact
        found["fppa", side, "peak_knee_flexion"] = at(series, lowest)
        found["fppa", side, "peak"] = peak
        found["knee_valgus_displacement", side, "landing"] = peak - at_contact
    found["knee_ankle_separation_ratio", "both", "initial_contact"] = at(truth.ratio, start)
    found["knee_ankle_separation_ratio", "both", "peak_knee_flexion"] = at(truth.ratio, lowest)
    found["knee_ankle_separation_ratio", "both", "minimum"] = float(np.min(truth.ratio[window]))
    separation = np.array(clip["knee_separation"], dtype=float) * 100.0
    found["knee_separation", "both", "initial_contact"] = at(separation, start)
    found["knee_separation", "both", "peak_knee_flexion"] = at(separation, lowest)
    found["lateral_trunk_lean", "both", "initial_contact"] = at(truth.lean, start)
    found["lateral_trunk_lean", "both", "peak_knee_flexion"] = at(truth.lean, lowest)
    again = min(known["second_contact", side] for side in SIDES)
    found["contact_time", "both", "take_off"] = stop - start
    found["flight_time", "both", "second_contact"] = again - stop
    found["jump_height", "both", "second_contact"] = 9.81 * (again - stop) ** 2 / 8.0
    found["reactive_strength_index", "both", "second_contact"] = (
        9.81 * (again - stop) ** 2 / 8.0 / (stop - start)
    )
    return found


def describe(name: str, document: dict[str, Any]) -> ClipResult:
    """Return what was found in a clip without joint truth."""
    times = {m["key"]: m["value"] for m in document["metrics"] if m["key"] in ("contact_time", "flight_time")}
    note = ", ".join(f"{key} {value:.3f} s" for key, value in times.items() if value is not None)
    return ClipResult(
        name=name,
        verdict=document["verdict"],
        findings=[finding["code"] for finding in document["findings"] if finding["severity"] != "info"],
        note=note,
    )


def measure(clip: Path, tracks: Path | None) -> ClipResult:
    """Return the result of one clip."""
    beside = clip.with_suffix(".json")
    truth = json.loads(beside.read_text()) if beside.exists() else None
    document = analyse(clip, truth, tracks)
    if truth is not None and truth.get("movement") == "dvj" and document["events"]:
        return compare(clip.stem, document, truth)
    return describe(clip.stem, document)


def _worst(result: ClipResult, prefix: str) -> float:
    values = [
        abs(error) for key, error in result.errors.items() if key.startswith(prefix) and key.endswith("_ms")
    ]
    return max(values, default=float("nan"))


COLUMNS = (
    ("IC ms", lambda r: _worst(r, "initial_contact")),
    ("TO ms", lambda r: _worst(r, "take_off")),
    ("PKF ms", lambda r: _worst(r, "peak_knee_flexion")),
    ("IC2 ms", lambda r: _worst(r, "second_contact")),
    ("IC fr", lambda r: _worst(r, "initial_contact") * r.fps / 1000.0),
    ("TO fr", lambda r: _worst(r, "take_off") * r.fps / 1000.0),
    ("MAE L", lambda r: r.errors.get("left_mae", np.nan)),
    ("MAE R", lambda r: r.errors.get("right_mae", np.nan)),
    ("MAE both", lambda r: r.errors.get("both_mae", np.nan)),
    ("bias L", lambda r: r.errors.get("left_bias", np.nan)),
    ("bias R", lambda r: r.errors.get("right_bias", np.nan)),
    ("peak both", lambda r: r.errors.get("fppa/both/peak", np.nan)),
    ("KVD both", lambda r: r.errors.get("knee_valgus_displacement/both/landing", np.nan)),
    ("KASR mae", lambda r: r.errors.get("ratio_mae", np.nan)),
    ("lean mae", lambda r: r.errors.get("lean_mae", np.nan)),
    ("ct ms", lambda r: 1000.0 * r.errors.get("contact_time/both/take_off", np.nan)),
    ("jh cm", lambda r: 100.0 * r.errors.get("jump_height/both/second_contact", np.nan)),
)


def coverage(results: Iterable[ClipResult]) -> dict[str, dict[str, float]]:
    """Return, per metric, how often the 90 and 95 % intervals held the truth."""
    gathered: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        for key, error, se in result.intervals:
            gathered.setdefault(key, []).append((abs(error), se))
    return {
        key: {
            "n": len(pairs),
            "within_90": float(np.mean([error <= Z90 * se for error, se in pairs])),
            "within_95": float(np.mean([error <= Z95 * se for error, se in pairs])),
        }
        for key, pairs in sorted(gathered.items())
    }


def print_table(results: list[ClipResult]) -> None:
    """Print what was measured, one line per clip."""
    width = max(len(result.name) for result in results)
    compared = [result for result in results if result.errors]
    if compared:
        print(f"{'clip':{width}s} {'verdict':9s} " + " ".join(f"{title:>9s}" for title, _ in COLUMNS))
    for result in compared:
        cells = " ".join(
            f"{value:9.2f}" if np.isfinite(value := get(result)) else f"{'-':>9s}" for _, get in COLUMNS
        )
        print(f"{result.name:{width}s} {result.verdict:9s} {cells}  {' '.join(result.findings)}")
    for result in (r for r in results if not r.errors):
        print(f"{result.name:{width}s} {result.verdict:9s} {' '.join(result.findings)}  {result.note}")
    if compared:
        print("\nshare of truths inside the stated interval (n, 90 %, 95 %)")
        for key, row in coverage(compared).items():
            print(f"  {key:30s} {row['n']:4.0f}  {row['within_90']:5.2f}  {row['within_95']:5.2f}")


def main() -> None:
    """Read the arguments, measure every clip, print the table and, when asked, write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, nargs="+", help="folders of clips")
    parser.add_argument(
        "--tracks", type=Path, help="folder of stored pose tracks NAME.npz, instead of a pose run"
    )
    parser.add_argument("--json", type=Path, help="write all errors to this file")
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    clips = sorted(p for d in chosen.clips for p in d.iterdir() if p.suffix.lower() in (".mp4", ".mov"))
    if not clips:
        raise SystemExit("no clips found")
    with ThreadPoolExecutor(chosen.jobs) as pool:
        results = list(pool.map(lambda clip: measure(clip, chosen.tracks), clips))
    print_table(results)
    if chosen.json:
        document = {"clips": [vars(result) for result in results], "coverage": coverage(results)}
        chosen.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
