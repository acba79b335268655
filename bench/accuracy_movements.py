"""How far squats, single-leg squats and standing trials are from the truth, in the layout of the rendered clips.

`measure_movement` takes one clip's analysis document (made for `movement_of` its truth) and gives what
`bench.accuracy` gathers for drop jumps: errors as measured minus true by ``key/side/event``, and each with its
standard error. Angles are compared with the truth in the picture; the knee in its own frontal plane with 3-D.

    python -m bench.accuracy_movements --clips DIR --tracks DIR
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.biomech.pipeline import assess_trial
from app.biomech.types import Movement, Outcome, PoseSource, PoseTrack, TrialContext, VideoInfo

MOVEMENTS = {
    "squat": Movement.BILATERAL_SQUAT,
    "sls": Movement.SINGLE_LEG_SQUAT,
    "static": Movement.STANDING,
}
"""By the truth's own word for the movement."""
LETTERS = {"left": "l", "right": "r"}
Key = tuple[str, str, str, int | None]


@dataclass
class MovementResult:
    """What one clip showed."""

    name: str
    movement: str
    verdict: str
    findings: list[str]
    n_found: int
    """Repetitions found, and how many there are."""
    n_true: int
    errors: dict[str, float] = field(default_factory=dict)
    """Measured minus true; ``key/side/event`` or ``key/side/event/repetition``."""
    intervals: list[tuple[str, float, float]] = field(default_factory=list)
    """(metric, error, standard error)."""


def movement_of(truth: dict[str, Any]) -> Movement | None:
    """Return the movement a clip's truth holds, None when it is none of these."""
    return MOVEMENTS.get(str(truth.get("movement")))


def _series(truth: dict[str, Any], name: str, side: str) -> np.ndarray:
    if side == "both":
        return np.mean([_series(truth, name, one) for one in LETTERS], axis=0)
    return np.array(truth[f"{name}_{LETTERS[side]}"], dtype=float)


def true_values(truth: dict[str, Any], stance: str) -> dict[Key, float]:
    """Return the true values by key, side, event and repetition; the stance is a side or ``both``."""
    time_s = np.array(truth["time"], dtype=float)
    found: dict[Key, float] = {}
    sides = ("left", "right", "both") if stance == "both" else (stance,)
    if truth["movement"] == "static":
        for side in sides:
            found["fppa", side, "standing", None] = float(np.median(_series(truth, "fppa_image", side)))
            found["fppa_frontal", side, "standing", None] = float(
                np.median(_series(truth, "fppa_frontal3d", side))
            )
        ratio = np.array(truth["knee_separation"]) / np.array(truth["ankle_separation"])
        found["knee_ankle_separation_ratio", "both", "standing", None] = float(np.median(ratio))
        found["lateral_trunk_lean", "both", "standing", None] = float(np.median(truth["trunk_lean_lateral"]))
        return found
    for number, at_s in enumerate(true_lowest_s(truth), start=1):

        def at(series: np.ndarray, at_s: float = at_s) -> float:
            return float(np.interp(at_s, time_s, series))

        for side in sides:
            found["fppa", side, "lowest_point", number] = at(_series(truth, "fppa_image", side))
            found["fppa_frontal", side, "lowest_point", number] = at(_series(truth, "fppa_frontal3d", side))
        lean = at(np.array(truth["trunk_lean_lateral"], dtype=float))
        if stance == "both":
            ratio = np.array(truth["knee_separation"]) / np.array(truth["ankle_separation"])
            found["knee_ankle_separation_ratio", "both", "lowest_point", number] = at(ratio)
            found["knee_separation", "both", "lowest_point", number] = 100.0 * at(
                np.array(truth["knee_separation"], dtype=float)
            )
            found["lateral_trunk_lean", "both", "lowest_point", number] = lean
        else:
            found["trunk_lean_to_stance", stance, "lowest_point", number] = abs(lean)
            drop = abs(at(np.array(truth["pelvic_obliquity"], dtype=float)))
            found["pelvic_drop", stance, "lowest_point", number] = drop
    return found


def true_lowest_s(truth: dict[str, Any]) -> list[float]:
    """Return the true instants of the lowest points."""
    named = [event["time"] for name, event in truth["events"].items() if name.startswith("bottom")]
    return sorted(float(at_s) for at_s in named)


def measure_movement(name: str, document: dict[str, Any], truth: dict[str, Any]) -> MovementResult:
    """Return the errors of one clip's analysis document."""
    lowest = [event for event in document["events"] if event["name"] == "lowest_point"]
    stance = lowest[0]["side"] if lowest else "both"
    known_s = true_lowest_s(truth)
    result = MovementResult(
        name=name,
        movement=str(truth["movement"]),
        verdict=document["verdict"],
        findings=[finding["code"] for finding in document["findings"] if finding["severity"] != "info"],
        n_found=len(lowest),
        n_true=len(known_s),
    )
    for event, at_s in zip(lowest, known_s, strict=False):
        result.errors[f"lowest_point_ms/{event['side']}/{event['repetition']}"] = 1000.0 * (
            event["time_s"] - at_s
        )
        result.intervals.append(("lowest_point", event["time_s"] - at_s, event["sd_s"]))
    if len(lowest) != len(known_s):
        return result
    true = true_values(truth, stance)
    for metric in document["metrics"]:
        key = (metric["key"], metric["side"], metric["event"], metric["repetition"])
        if metric["value"] is None or key not in true:
            continue
        error = metric["value"] - true[key]
        result.errors["/".join(str(part) for part in key if part is not None)] = error
        result.intervals.append((metric["key"], error, metric["se"]))
    return result


def as_document(outcome: Outcome) -> dict[str, Any]:
    """Return the parts of an outcome that are compared, in the shape of the analysis document."""
    return {
        "verdict": outcome.verdict.value,
        "findings": [{"code": f.code, "severity": f.severity.value} for f in outcome.findings],
        "events": [
            {
                "name": e.name.value,
                "side": e.side.value,
                "time_s": e.time_s,
                "sd_s": e.sd_s,
                "repetition": e.repetition,
            }
            for e in outcome.events
        ],
        "metrics": [
            {
                "key": m.key,
                "side": m.side.value,
                "event": m.event,
                "value": m.value,
                "se": m.se,
                "repetition": m.repetition,
            }
            for m in outcome.metrics
        ],
    }


def load_track(path: Path) -> tuple[PoseTrack, VideoInfo]:
    """Return a stored pose track and the description of a file that would give it."""
    stored = np.load(path, allow_pickle=False)
    width, height = (int(v) for v in stored["image_size_px"])
    track = PoseTrack(
        time_s=stored["time_s"],
        xy_px=stored["xy_px"],
        confidence=stored["confidence"],
        world_m=stored.get("world_m"),
        image_size_px=(width, height),
        source=PoseSource(estimator="mediapipe", model=path.stem, model_sha256="-"),
        n_people=stored["n_people"],
        bystander_ratio=float(np.ravel(stored.get("bystander_ratio", 0.0))[0]),
    )
    video = VideoInfo(
        width_px=width,
        height_px=height,
        duration_s=float(track.time_s[-1] - track.time_s[0]),
        n_frames=track.time_s.size,
        nominal_fps_hz=float(1.0 / np.median(np.diff(track.time_s))),
        rotation_deg=0,
        codec="track",
        sha256="-",
    )
    return track, video


def measure_tracks(clips: Path, tracks: Path) -> Iterator[MovementResult]:
    """Yield the result of every clip of these movements that has a truth and a stored track."""
    for beside in sorted(clips.glob("*.json")):
        truth = json.loads(beside.read_text())
        movement, stored = movement_of(truth), tracks / f"{beside.stem}.npz"
        if movement is None or not stored.exists():
            continue
        track, video = load_track(stored)
        stature_cm = 100.0 * truth["body"]["stature"]
        context = TrialContext(movement=movement, stature_cm=stature_cm)
        outcome = assess_trial(video=video, track=track, context=context)
        yield measure_movement(beside.stem, as_document(outcome), truth)


def main() -> None:
    """Print every error beside its standard error, one line per value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    chosen = parser.parse_args()
    for result in measure_tracks(chosen.clips, chosen.tracks):
        print(
            f"{result.name}: {result.verdict}, {result.n_found} of {result.n_true} repetitions {result.findings}"
        )
        for key, error in result.errors.items():
            print(f"  {key:55s} {error:8.2f}")
        inside = [abs(error) <= 1.96 * se for _, error, se in result.intervals]
        print(f"  95 % intervals that hold the truth: {np.mean(inside):.2f} of {len(inside)}")


if __name__ == "__main__":
    main()
