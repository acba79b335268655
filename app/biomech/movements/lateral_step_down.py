"""The lateral step-down with its score out of six (method section 1.2)."""

from statistics import NormalDist

import numpy as np

from app.biomech.frontal import FrontalMeasurement, mean_of
from app.biomech.joints import Joint
from app.biomech.metrics import Value, slope_at, value_at
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.repeated import (
    READ_RATE_HZ,
    TRIAL,
    RepeatedMovement,
    assess_repeated,
    read_stance,
)
from app.biomech.movements.shared import Entry, Examined
from app.biomech.quality import make_finding
from app.biomech.repetitions import Repetition, Repetitions
from app.biomech.types import FloatArray, Movement, Outcome, Side, View

POINTS: dict[str, int] = {
    "step_down_arms": 1,
    "step_down_trunk": 1,
    "step_down_pelvis": 1,
    "step_down_knee_over_toe": 1,
    "step_down_knee_inside_foot": 1,
}
"""What each criterion adds to the score (method section 1.2). The knee gets one point medial to the second toe
and a second one medial to the inner border of the foot. The sixth point, an unsteady stance, is not visible from one camera at
the rates phones film with, and stays open."""
ARMS_LEGS = 0.25
"""Hands this far from the hips, leg lengths, have left the waist [P]."""
ARMS_SD_LEGS = 0.05
TRUNK_LIMIT_DEG = 10.0
"""Lean that a rater calls leaning [P]."""
PELVIS_LIMIT_DEG = 5.0
"""Tilt that a rater calls a loss of the horizontal [P]."""
FOOT_HALF_WIDTH_LEGS = 0.055
"""Half of a shoe, 4.5 cm [P]."""
KNEE_SD_LEGS = 0.02


def probability_above(value: Value, limit: float) -> float:
    """Return the probability that the true value is above a limit, NaN where it was not measured."""
    if not (np.isfinite(value.value) and value.se > 0.0):
        return float("nan")
    return NormalDist().cdf((value.value - limit) / value.se)


def _knee_over_toe(m: FrontalMeasurement, stance: Side) -> FloatArray:
    """Return how far the knee is medial to the toes, leg lengths, (T,).

    The toe landmark is near the second toe; the knee's landmark stands for the tibial tuberosity.
    """
    _, knee, _ = m.paths.leg(stance)
    toe = m.paths.smooth_px[:, Joint[f"{stance.name}_FOOT_INDEX"]]
    inwards = 1.0 if stance is Side.RIGHT else -1.0
    return np.asarray(inwards * (knee[:, 0] - toe[:, 0]) / m.paths.leg_px)


def _hands(m: FrontalMeasurement) -> FloatArray:
    """Return how far the hand that is further from its hip is from it, leg lengths, (T,)."""
    far = []
    for side in ("LEFT", "RIGHT"):
        hand = m.paths.smooth_px[:, Joint[f"{side}_WRIST"]] - m.paths.smooth_px[:, Joint[f"{side}_HIP"]]
        far.append(np.hypot(*hand.T) / m.paths.leg_px)
    return np.asarray(np.fmax(*far))


def judge(m: FrontalMeasurement, item: Repetition, stance: Side) -> dict[str, float]:
    """Return the probability of each visible error in one repetition, NaN where it was not measured."""
    trunk, pelvis = m.lean_at(item.lowest), m.pelvic_drop_at(stance, item.lowest)
    over = _knee_over_toe(m, stance)
    timing = slope_at(m.time_s, over, item.lowest.time_s) * item.lowest.sd_s
    yaw = np.tan(np.radians(m.yaw.size_deg)) * 0.1  # the knee is some 0.1 leg lengths ahead of the toes
    knee = Value(
        value=value_at(m.time_s, over, item.lowest.time_s),
        se=float(np.sqrt(KNEE_SD_LEGS**2 + timing**2 + yaw**2)),
    )
    inside = (m.time_s >= item.start.time_s) & (m.time_s <= item.stop.time_s)
    hands = _hands(m)
    reach = float(np.nanmax(hands[inside])) if np.isfinite(hands[inside]).any() else float("nan")
    return {
        "step_down_arms": probability_above(Value(value=reach, se=ARMS_SD_LEGS), ARMS_LEGS),
        "step_down_trunk": probability_above(Value(value=abs(trunk.value), se=trunk.se), TRUNK_LIMIT_DEG),
        "step_down_pelvis": probability_above(Value(value=abs(pelvis.value), se=pelvis.se), PELVIS_LIMIT_DEG),
        "step_down_knee_over_toe": probability_above(knee, 0.0),
        "step_down_knee_inside_foot": probability_above(knee, FOOT_HALF_WIDTH_LEGS),
    }


def _score(examined: Examined, found: Repetitions, stance: Side) -> list[Entry]:
    """Return each criterion's probability over the repetitions, and the expected points of the visible ones."""
    judged = [judge(examined.measurement, item, stance) for item in found.whole]
    entries: list[Entry] = []
    total, variance, seen = 0.0, 0.0, 0
    for key, points in POINTS.items():
        p = mean_of([Value(value=single[key], se=0.0) for single in judged])
        if p is None:
            entries.append((key, stance, TRIAL, None))
            continue
        spread = p.value * (1.0 - p.value)
        entries.append((key, stance, TRIAL, Value(value=p.value, se=float(np.sqrt(spread)))))
        total, variance, seen = total + points * p.value, variance + points**2 * spread, seen + points
    score = Value(value=total, se=float(np.sqrt(variance))) if seen == sum(POINTS.values()) else None
    examined.findings.append(make_finding("step_down_partly_visible", n=seen))
    return [*entries, ("step_down_unsteady", stance, TRIAL, None), ("step_down_score", stance, TRIAL, score)]


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of lateral step-downs; the standing leg is found."""
    kind = RepeatedMovement(
        movement=Movement.LATERAL_STEP_DOWN, on_one_leg=True, read=read_stance, whole=_score
    )
    return assess_repeated(trial, kind)


LATERAL_STEP_DOWN = MovementDefinition(
    movement=Movement.LATERAL_STEP_DOWN,
    name="Lateral step-down",
    protocol=(
        "Stand with one leg on a step of 15 to 20 cm, hands on the waist, the other foot beside the step. Bend the "
        "knee until the other heel touches the floor without weight, and come up again. Five times, then the other leg."
    ),
    phases=("standing on the step", "lowering", "heel tap", "rising"),
    valid_when=("The heel taps the floor without weight.", "The standing foot stays flat on the step."),
    metrics=(
        "fppa",
        "fppa_spread",
        "fppa_frontal",
        "fppa_rise",
        "fppa_rise_spread",
        "trunk_lean_to_stance",
        "trunk_lean_to_stance_spread",
        "pelvic_drop",
        "pelvic_drop_spread",
        "summated_trunk_knee_angle",
        "summated_trunk_knee_angle_spread",
        *POINTS,
        "step_down_unsteady",
        "step_down_score",
        "squat_depth",
        "squat_depth_spread",
        "descent_time",
        "repetitions",
    ),
    flagged_frames=("lowest_point", "peak_valgus"),
    views=(View.FRONTAL,),
    has_box=True,
    is_repeated=True,
    read_rate_hz=READ_RATE_HZ,
    assess=assess,
)
