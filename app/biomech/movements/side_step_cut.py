"""The side-step cut: flagged frames and the items of the CMAS a frontal camera shows (method section 1.2).

No knee angle: the body turns through the cut, and a turned body shows a false one (method section 3.2).
"""

from dataclasses import replace

import numpy as np

from app.biomech import strides
from app.biomech.events import Instant
from app.biomech.frontal import FrontalMeasurement, towards
from app.biomech.metrics import Value, value_at
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.lateral_step_down import probability_above
from app.biomech.movements.shared import (
    Entry,
    Examined,
    conclude,
    examine,
    make_event,
    make_metrics,
    recognise_or_refuse,
    refuse,
)
from app.biomech.quality import make_finding
from app.biomech.recognition import sideways_speed
from app.biomech.strides import Stance
from app.biomech.types import EventName, Kinematics, Movement, Outcome, Rejected, Side, View

PLANT = EventName.PLANT.value
WIDE_LEGS = 0.42
"""Way from the middle of the hips to the planted foot that is wide: 0.35 m [M: Dos'Santos 2019] over 0.84 m."""
WIDE_SD_LEGS = 0.03
TRUNK_LIMIT_DEG = 5.0
"""Lean over the planted leg that counts [P]."""
NOT_VISIBLE = (
    "cut_penultimate_braking",
    "cut_hip_rotation",
    "cut_foot_position",
    "cut_knee_valgus_at_contact",
    "cut_trunk_upright",
    "cut_knee_flexion",
    "cut_knee_valgus_motion",
)
"""Items of the score that one camera in front does not show, or not surely."""
AROUND_S = 0.6


def assess(trial: Trial) -> Outcome:
    """Return the flagged frames and visible items of one recording of a cut."""
    seen = recognise_or_refuse(trial, Movement.SIDE_STEP_CUT)
    if isinstance(seen, Rejected):
        return seen
    if strides.seen_from_behind(trial.paths):
        return refuse(trial, make_finding("facing_away"))
    plant = find_plant(trial)
    if plant is None:
        return refuse(trial, make_finding("no_plant_found"))
    t = trial.paths.time_s
    window = (t >= plant.strike.time_s - 0.1) & (t <= plant.toe_off.time_s)
    before = (t >= plant.strike.time_s - AROUND_S) & (t < plant.strike.time_s)
    examined = examine(trial, window=window, still=before)
    examined = replace(
        examined,
        measurement=replace(
            examined.measurement, kinematics=_without_knee_angle(examined.measurement.kinematics)
        ),
    )
    examined.findings.append(make_finding("cut_is_qualitative"))
    events = [
        make_event(examined, name, plant.side, instant)
        for name, instant in (
            (EventName.PLANT, plant.strike),
            (EventName.MID_STANCE, plant.middle),
            (EventName.TOE_OFF, plant.toe_off),
        )
    ]
    flagged = [
        (plant.strike.time_s, PLANT, plant.side),
        (plant.middle.time_s, EventName.MID_STANCE.value, plant.side),
    ]
    metrics = make_metrics(_items(examined, plant), withheld=not examined.measurable)
    return conclude(examined, events=events, metrics=metrics, flagged=flagged)


def find_plant(trial: Trial) -> Stance | None:
    """Return the stance that changes the direction: of the outer foot, where the hips are pushed aside most."""
    speed = sideways_speed(trial.paths)
    t = trial.paths.time_s
    push = np.gradient(speed, t)
    if not np.isfinite(push).any():
        return None
    at = int(np.nanargmax(np.abs(push)))
    # Pushed to the right of the picture is to the athlete's left: the right foot is the outer one.
    outer = Side.RIGHT if push[at] > 0 else Side.LEFT
    own = [stance for stance in strides.find_stances(trial.paths) if stance.side is outer]
    near = [stance for stance in own if abs(stance.middle.time_s - t[at]) <= 0.35]
    return min(near, key=lambda stance: abs(stance.middle.time_s - t[at]), default=None)


def _without_knee_angle(kinematics: Kinematics) -> Kinematics:
    nothing = np.full(kinematics.time_s.shape, np.nan)
    series = {
        name: nothing.copy() if name.startswith(("fppa", "knee")) else values.copy()
        for name, values in kinematics.series.items()
    }
    return replace(kinematics, series=series)


def _items(examined: Examined, plant: Stance) -> list[Entry]:
    """Return the items as probabilities of the error; those that cannot be seen without a number."""
    m = examined.measurement
    lean = towards(plant.side, m.lean_at(plant.middle))
    width = plant_width(m, plant.side, plant.strike)
    items = {
        "cut_wide_plant": probability_above(width, WIDE_LEGS),
        "cut_trunk_lean": probability_above(Value(value=lean.value, se=lean.se), TRUNK_LIMIT_DEG),
    }
    seen: list[Entry] = [
        (key, plant.side, PLANT, Value(value=p, se=float(np.sqrt(p * (1.0 - p))))) for key, p in items.items()
    ]
    unseen: list[Entry] = [(key, plant.side, PLANT, None) for key in NOT_VISIBLE]
    return [
        *seen,
        ("plant_width", plant.side, PLANT, Value(value=100.0 * width.value, se=100.0 * width.se)),
        ("trunk_lean_to_stance", plant.side, PLANT, lean),
        *unseen,
    ]


def plant_width(m: FrontalMeasurement, side: Side, at: Instant) -> Value:
    """Return how far outside the middle of the hips a foot is set, leg lengths of that moment."""
    outwards = 1.0 if side is Side.LEFT else -1.0
    hip, ankle = m.paths.middle("HIP"), m.paths.leg(side)[2]
    height = value_at(m.time_s, np.hypot(*(ankle - hip).T), at.time_s)
    # The athlete comes nearer: the leg of that moment, foreshortened or not, is the nearest scale.
    leg = max(height, 0.5 * m.paths.leg_px)
    apart = value_at(m.time_s, outwards * (ankle[:, 0] - hip[:, 0]), at.time_s)
    return Value(value=apart / leg, se=WIDE_SD_LEGS)


SIDE_STEP_CUT = MovementDefinition(
    movement=Movement.SIDE_STEP_CUT,
    name="Side-step cut",
    protocol=(
        "Run towards the camera for about five metres, plant one foot on the mark and cut to the other side at 45 to "
        "90 degrees, as fast as in a match. Three to each side."
    ),
    phases=("approach", "penultimate step", "plant", "push off to the side"),
    valid_when=(
        "The planted foot meets the mark.",
        "The approach is straight towards the camera and at full effort.",
    ),
    metrics=("cut_wide_plant", "cut_trunk_lean", "plant_width", "trunk_lean_to_stance", *NOT_VISIBLE),
    flagged_frames=(PLANT, EventName.MID_STANCE.value),
    views=(View.FRONTAL,),
    assess=assess,
)
