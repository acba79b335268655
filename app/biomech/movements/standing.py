"""Quiet standing: the calibration trial that gives each side's static alignment, lengths, scale, roll and yaw."""

import numpy as np

from app.biomech import metrics as measures
from app.biomech import signals
from app.biomech.events import Instant
from app.biomech.frontal import FrontalMeasurement
from app.biomech.kinematics import SIDES
from app.biomech.metrics import Value
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.shared import (
    Entry,
    conclude,
    examine,
    make_event,
    make_metrics,
    recognise_or_refuse,
    refuse,
)
from app.biomech.quality import make_finding
from app.biomech.types import BoolArray, EventName, FloatArray, Movement, Outcome, Rejected, Side, View

STANDING = "standing"
MIN_STILL_S = 1.0
"""Less is no quiet standing [P]; the protocol asks for three seconds."""
STILL_LEGS_S = 0.10
"""Speed of hips and ankles below which the athlete stands still, leg lengths per second [P]."""
POSTURE_SD_DEG = 1.5
"""A standing body is itself not plumb [P]."""
SWAY_SD_DEG = 0.5
EDGE_SD_S = 0.05
READ_RATE_HZ = 30.0
"""Nothing moves: more frames say nothing more [P]."""


def assess(trial: Trial) -> Outcome:
    """Return the static alignment over the longest stretch of quiet standing."""
    seen = recognise_or_refuse(trial, Movement.STANDING)
    if isinstance(seen, Rejected):
        return seen
    still = find_still(trial)
    t = trial.paths.time_s
    if still is None:
        return refuse(trial, make_finding("not_standing_still"))
    window = (t >= still[0]) & (t <= still[1])
    examined = examine(trial, window=window, still=window)
    m = examined.measurement
    values = make_metrics(_frontal(m, window), withheld=not examined.measurable)
    values += make_metrics(_lengths(m, window), withheld=False)
    instants = [Instant(time_s=at_s, sd_s=EDGE_SD_S) for at_s in still]
    names = (EventName.STANDING_START, EventName.STANDING_STOP)
    events = [
        make_event(examined, name, Side.BOTH, instant) for name, instant in zip(names, instants, strict=True)
    ]
    middle_s = 0.5 * (still[0] + still[1])
    return conclude(examined, events=events, metrics=values, flagged=[(middle_s, STANDING, Side.BOTH)])


def find_still(trial: Trial) -> tuple[float, float] | None:
    """Return start and end of the longest stretch without movement, None when it is too short."""
    paths = trial.paths
    if not np.isfinite(paths.leg_px):
        return None
    points = [paths.middle("HIP"), paths.middle("SHOULDER"), *(paths.leg(side)[2] for side in SIDES)]
    slowed = [signals.smooth(paths.time_s, point, cutoff_hz=2.0) / paths.leg_px for point in points]
    speeds = [np.hypot(*np.gradient(path, paths.time_s, axis=0).T) for path in slowed]
    with np.errstate(invalid="ignore"):
        quiet = np.all(np.stack(speeds) < STILL_LEGS_S, axis=0)
    runs = signals.contiguous_runs(np.asarray(quiet))
    if not runs:
        return None
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    begin_s, end_s = float(paths.time_s[start]), float(paths.time_s[stop - 1])
    return (begin_s, end_s) if end_s - begin_s >= MIN_STILL_S else None


def _frontal(m: FrontalMeasurement, window: BoolArray) -> list[Entry]:
    """Return the static angles: medians over the stretch, so that neither sway nor a lone frame counts."""
    at_s = float(np.median(m.time_s[window]))
    entries: list[Entry] = []
    for side in (Side.LEFT, Side.RIGHT, Side.BOTH):
        sides = SIDES if side is Side.BOTH else (side,)
        own = (m.errors.fppa_se(dict.fromkeys(sides, at_s)), m.model_sd_deg, SWAY_SD_DEG)
        se = float(np.sqrt(np.sum(np.square(own))))
        entries.append(("fppa", side, STANDING, _median(m.fppa(side)[window], se=se)))
        own_se = float(np.hypot(m.frontal_at(side, Instant(time_s=at_s, sd_s=0.0)).se, SWAY_SD_DEG))
        entries.append(("fppa_frontal", side, STANDING, _median(m.frontal(side)[window], se=own_se)))
    ratio = m.kinematics.series["knee_ankle_separation_ratio"][window]
    lean = m.kinematics.series["trunk_lean_deg"][window]
    plumb = _plumb_deg(m)[window]
    apart = m.knee_separation_at(Instant(time_s=at_s, sd_s=0.0))
    roll_se = float(np.hypot(POSTURE_SD_DEG, measures.TRUNK_LANDMARK_SD_DEG))
    return [
        *entries,
        ("knee_ankle_separation_ratio", Side.BOTH, STANDING, _median(ratio, se=m.errors.ratio_se(at_s))),
        ("knee_separation", Side.BOTH, STANDING, apart),
        ("lateral_trunk_lean", Side.BOTH, STANDING, _median(lean, se=m.errors.lean_se())),
        ("camera_roll", Side.BOTH, STANDING, _median(plumb, se=roll_se)),
    ]


def _plumb_deg(m: FrontalMeasurement) -> FloatArray:
    """Return the lean of the whole body, mid-ankle to mid-shoulder, positive to the right of the picture."""
    body = m.paths.middle("SHOULDER") - m.paths.middle("ANKLE")
    return np.asarray(np.degrees(np.arctan2(body[:, 0], -body[:, 1])))


def _lengths(m: FrontalMeasurement, window: BoolArray) -> list[Entry]:
    """Return segment lengths, scale and yaw."""
    entries: list[Entry] = []
    per_point_px = m.errors.separation_se_px()
    for side in SIDES:
        hip, knee, ankle = (path[window] for path in m.paths.leg(side))
        thigh, shank = np.hypot(*(knee - hip).T), np.hypot(*(ankle - knee).T)
        entries.append(("thigh_length", side, STANDING, _median(thigh, se=per_point_px)))
        entries.append(("shank_length", side, STANDING, _median(shank, se=per_point_px)))
    scale = m.scale
    known = None if scale is None else Value(value=scale.cm_per_px, se=scale.relative_sd * scale.cm_per_px)
    yaw = Value(value=m.yaw.yaw_deg, se=m.yaw.sd_deg)
    return [*entries, ("scale", Side.BOTH, STANDING, known), ("yaw", Side.BOTH, STANDING, yaw)]


def _median(values: FloatArray, *, se: float) -> Value | None:
    known = values[np.isfinite(values)]
    return Value(value=float(np.median(known)), se=se) if known.size else None


STANDING_TRIAL = MovementDefinition(
    movement=Movement.STANDING,
    name="Standing still",
    protocol=(
        "Stand still for three seconds on the landing spot: feet hip-width apart, second toes forward, arms across "
        "the chest or away from the hips, facing the camera."
    ),
    phases=("quiet standing",),
    valid_when=(
        "Both feet stand flat and hip-width apart.",
        "Knees straight, nothing moves for three seconds.",
    ),
    metrics=(
        "fppa",
        "fppa_frontal",
        "knee_ankle_separation_ratio",
        "knee_separation",
        "lateral_trunk_lean",
        "camera_roll",
        "thigh_length",
        "shank_length",
        "scale",
        "yaw",
    ),
    flagged_frames=(STANDING,),
    views=(View.FRONTAL, View.SAGITTAL),
    read_rate_hz=READ_RATE_HZ,
    assess=assess,
)
