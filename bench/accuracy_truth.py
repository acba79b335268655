"""What is known to be true of a clip, and how far each reported number is from it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIDES = {"left": "l", "right": "r"}
PEAK_TAIL = 0.20
G = 9.81


@dataclass(frozen=True)
class Reading:
    """One reported number beside its truth."""

    movement: str
    key: str
    """Metric key, or ``event:NAME``."""
    side: str
    event: str
    unit: str
    value: float
    truth: float
    se: float | None

    @property
    def error(self) -> float:
        """Reported minus true."""
        return self.value - self.truth


@dataclass
class ClipResult:
    """What one clip showed."""

    name: str
    source: str
    """``video``, ``interpolated``, ``markers`` or ``figure``."""
    verdict: str
    findings: list[str]
    fps: float = float("nan")
    readings: list[Reading] = field(default_factory=list)
    series: dict[str, float] = field(default_factory=dict)
    """Mean absolute error and bias of curves over the contact, by name."""
    note: str = ""

    def error_of(self, key: str, side: str, event: str) -> float:
        """Return the error of one reading, NaN when it was not reported."""
        found = [r.error for r in self.readings if (r.key, r.side, r.event) == (key, side, event)]
        return found[0] if found else float("nan")

    def worst_ms(self, event: str) -> float:
        """Return the largest error of an event in milliseconds."""
        errors = [abs(r.error) * 1000.0 for r in self.readings if r.key == f"event:{event}"]
        return max(errors, default=float("nan"))


@dataclass(frozen=True)
class TrueClip:
    """The truth of a rendered clip, read from the JSON beside it."""

    time_s: Array
    movement: str
    is_sagittal: bool
    image: dict[str, Array]
    """FPPA in the picture, degrees, left, right and both."""
    frontal: dict[str, Array]
    """The same in the athlete's own frontal plane."""
    flexion: dict[str, Array]
    ratio: Array
    separation_cm: Array
    lean_deg: Array
    events: dict[tuple[str, str], float]
    """(event, side) -> true instant, for a drop jump."""

    @classmethod
    def of(cls, truth: dict[str, Any], *, name: str) -> "TrueClip":
        """Read the layout of the rendered clips."""
        at = {joint: np.array(points, dtype=float) for joint, points in truth["joints2d"].items()}
        trunk = 0.5 * (at["shoulder_l"] + at["shoulder_r"] - at["hip_l"] - at["hip_r"])
        return cls(
            time_s=np.arange(truth["frames"]) / truth["fps"],
            movement=str(truth.get("movement", "")),
            is_sagittal=name.startswith("sag_"),
            image=_both(truth, "fppa_image"),
            frontal=_both(truth, "fppa_frontal3d"),
            flexion=_both(truth, "knee_flexion_3d"),
            ratio=np.abs(at["knee_l"] - at["knee_r"])[:, 0] / np.abs(at["ankle_l"] - at["ankle_r"])[:, 0],
            separation_cm=np.array(truth["knee_separation"], dtype=float) * 100.0,
            lean_deg=np.degrees(np.arctan2(trunk[:, 0], -trunk[:, 1])),
            events=drop_jump_events(truth) if truth.get("movement") == "dvj" else {},
        )

    def at(self, series: Array, when_s: float) -> float:
        """Return a true series between frames."""
        return float(np.interp(when_s, self.time_s, series))

    @property
    def contact_s(self) -> tuple[float, float]:
        """True first contact and take-off of a drop jump."""
        return min(self.events["initial_contact", side] for side in SIDES), self.events["take_off", "left"]


def _both(truth: dict[str, Any], kind: str) -> dict[str, Array]:
    sides = {side: np.array(truth[f"{kind}_{letter}"], dtype=float) for side, letter in SIDES.items()}
    return sides | {"both": 0.5 * (sides["left"] + sides["right"])}


def drop_jump_events(truth: dict[str, Any]) -> dict[tuple[str, str], float]:
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
        found["peak_flexion", side] = events[f"peak_knee_flexion_{letter}"]["time"]
    return found


def compare(name: str, document: dict[str, Any], truth: dict[str, Any]) -> ClipResult:
    """Return the errors of one rendered clip."""
    true = TrueClip.of(truth, name=name)
    result = ClipResult(
        name=name,
        source="video",
        verdict=document["verdict"],
        findings=[finding["code"] for finding in document["findings"] if finding["severity"] != "info"],
        fps=float(truth["fps"]),
    )
    if true.events:
        result.readings += event_readings(document, true)
        result.series = series_errors(document.get("series"), true)
    result.readings += [r for metric in document["metrics"] if (r := _reading(metric, document, true))]
    return result


def event_readings(document: dict[str, Any], true: TrueClip) -> list[Reading]:
    """Return every event of a drop jump beside its true instant."""
    readings = []
    for event in document["events"]:
        key = (event["name"], event["side"])
        if true.is_sagittal and event["name"] == "peak_knee_flexion":
            known = true.events["peak_flexion", "left"]
        else:
            known = true.events.get(key, np.nan)
        if np.isfinite(known):
            readings.append(
                Reading("dvj", f"event:{event['name']}", event["side"], event["name"], "s",
                        event["time_s"], known, event["sd_s"])
            )  # fmt: skip
    return readings


def _reading(metric: dict[str, Any], document: dict[str, Any], true: TrueClip) -> Reading | None:
    if metric["value"] is None:
        return None
    known = drop_jump_truth(metric, true) if true.events else instant_truth(metric, document["events"], true)
    if known is None or not np.isfinite(known):
        return None
    movement = ("sag " if true.is_sagittal else "") + true.movement
    return Reading(
        movement, metric["key"], metric["side"], metric["event"], metric["unit"],
        metric["value"], known, metric["se"],
    )  # fmt: skip


def _series(key: str, side: str, true: TrueClip) -> Array | None:
    known: dict[str, Array | None] = {
        "fppa": true.image[side],
        "fppa_frontal": true.frontal[side],
        "knee_ankle_separation_ratio": true.ratio,
        "knee_separation": true.separation_cm,
        "lateral_trunk_lean": true.lean_deg,
        "knee_flexion": true.flexion[side],
    }
    return known.get(key)


def drop_jump_truth(metric: dict[str, Any], true: TrueClip) -> float | None:
    """Return what a metric of a drop jump should be, each at the true instant."""
    key, side, event = metric["key"], metric["side"], metric["event"]
    start, stop = true.contact_s
    lowest = true.events["peak_knee_flexion", "both"]
    window = (true.time_s >= start) & (true.time_s <= lowest + PEAK_TAIL * (stop - start))
    times = _true_times(true)
    if key in times:
        return times[key]
    if key in ("knee_valgus_displacement", "knee_flexion_displacement"):
        series = true.image[side] if key == "knee_valgus_displacement" else true.flexion[side]
        return float(np.max(series[window])) - _at_contact(series, side, true)
    series_or_none = _series(key, side, true)
    if series_or_none is None:
        return None
    if event == "initial_contact":
        return _at_contact(series_or_none, side, true) if key != "fppa" else _fppa_at_contact(side, true)
    if event == "peak_knee_flexion":
        return true.at(series_or_none, true.events["peak_flexion", "left"] if true.is_sagittal else lowest)
    if event == "peak" and key in ("fppa", "fppa_frontal"):
        return float(np.max(series_or_none[window]))
    return float(np.min(series_or_none[window])) if event == "minimum" else None


def _at_contact(series: Array, side: str, true: TrueClip) -> float:
    when = true.events["initial_contact", side] if side in SIDES else true.contact_s[0]
    return true.at(series, when)


def _fppa_at_contact(side: str, true: TrueClip) -> float:
    sides = [s for s in SIDES if side in (s, "both")]
    return float(np.mean([_at_contact(true.image[s], s, true) for s in sides]))


def _true_times(true: TrueClip) -> dict[str, float]:
    start, stop = true.contact_s
    flight = min(true.events["second_contact", side] for side in SIDES) - stop
    height = G * flight**2 / 8.0
    return {
        "contact_time": stop - start,
        "flight_time": flight,
        "jump_height": height,
        "reactive_strength_index": height / (stop - start),
    }


def instant_truth(metric: dict[str, Any], events: list[dict[str, Any]], true: TrueClip) -> float | None:
    """Return the true value of a metric read at an instant, at the instant at which it was read."""
    series = _series(metric["key"], metric["side"], true)
    if series is None:
        return None
    if metric["event"] == "standing":
        return float(np.median(series))
    repetition = metric.get("repetition")
    at = [e["time_s"] for e in events if e["name"] == metric["event"] and e.get("repetition") == repetition]
    return true.at(series, at[0]) if at and repetition is not None else None


def series_errors(found: dict[str, Any] | None, true: TrueClip) -> dict[str, float]:
    """Return mean absolute error and bias of the curves from first contact to take-off."""
    if not found or true.is_sagittal:
        return {}
    time_s = np.array(found["time_s"], dtype=float)
    start, stop = true.contact_s
    stance = (time_s >= start) & (time_s <= stop)

    def difference(key: str, series: Array) -> Array:
        return (np.array(found[key], dtype=float) - np.interp(time_s, true.time_s, series))[stance]

    curves = {side: difference(f"fppa_{side}_deg", true.image[side]) for side in SIDES}
    curves["both"] = 0.5 * (curves["left"] + curves["right"])
    curves |= {
        f"frontal_{side}": difference(f"fppa_frontal_{side}_deg", true.frontal[side]) for side in SIDES
    }
    curves["ratio"] = difference("knee_ankle_separation_ratio", true.ratio)
    curves["lean"] = difference("trunk_lean_deg", true.lean_deg)
    errors: dict[str, float] = {}
    for key, curve in curves.items():
        if np.isfinite(curve).any():
            errors[f"{key}_mae"] = float(np.nanmean(np.abs(curve)))
            errors[f"{key}_bias"] = float(np.nanmean(curve))
    return errors
