"""The squat on one leg (method section 1.2)."""

from statistics import NormalDist

import numpy as np

from app.biomech.frontal import mean_of
from app.biomech.metrics import Value
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.repeated import (
    LOWEST,
    READ_RATE_HZ,
    RepeatedMovement,
    assess_repeated,
    read_stance,
    summated,
)
from app.biomech.movements.shared import Entry, Examined
from app.biomech.repetitions import Repetitions
from app.biomech.types import Movement, Outcome, Side, View

SUMMATED_ANCHOR_DEG = 28.4
"""Trunk and knee angle together that separates grades (Park 2024, smartphone, n = 91) [V]."""
KNEE_ANCHOR_DEG = 11.34
"""The same for the knee alone [V]; both with 76.9 % accuracy there, on another pose model's landmarks."""


def probability_beyond(value: Value | None, anchor: float) -> Value | None:
    """Return the probability that the true value lies beyond an anchor, with that of a yes-no answer as error.

    Examples
    --------
    >>> found = probability_beyond(Value(value=28.4, se=4.0), 28.4)
    >>> (found.value, found.se) if found else None
    (0.5, 0.5)
    """
    if value is None or not np.isfinite(value.value) or not value.se > 0.0:
        return None
    p = NormalDist().cdf((value.value - anchor) / value.se)
    return Value(value=p, se=float(np.sqrt(p * (1.0 - p))))


def _beyond_anchors(examined: Examined, found: Repetitions, stance: Side) -> list[Entry]:
    """Return how probably the mean repetition lies beyond the published anchors."""
    m = examined.measurement
    both = mean_of([summated(m, stance, item.lowest) for item in found.whole])
    knee = mean_of([m.fppa_at(stance, item.lowest) for item in found.whole])
    return [
        ("summated_angle_beyond_anchor", stance, LOWEST, probability_beyond(both, SUMMATED_ANCHOR_DEG)),
        ("knee_angle_beyond_anchor", stance, LOWEST, probability_beyond(knee, KNEE_ANCHOR_DEG)),
    ]


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of squats on one leg; the standing leg is found."""
    kind = RepeatedMovement(
        movement=Movement.SINGLE_LEG_SQUAT, on_one_leg=True, read=read_stance, whole=_beyond_anchors
    )
    return assess_repeated(trial, kind)


SINGLE_LEG_SQUAT = MovementDefinition(
    movement=Movement.SINGLE_LEG_SQUAT,
    name="Squat on one leg",
    protocol=(
        "Stand on one leg, arms crossed or hands on the hips, the other foot off the floor behind you. Squat five "
        "times to about 60 degrees of knee bend, two seconds down and two up. Film each leg by itself."
    ),
    phases=("standing on one leg", "descent", "lowest point", "ascent"),
    valid_when=(
        "The free foot does not touch the floor.",
        "The standing foot stays where it is.",
        "Every repetition goes to about the same depth.",
    ),
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
        "summated_angle_beyond_anchor",
        "knee_angle_beyond_anchor",
        "squat_depth",
        "squat_depth_spread",
        "descent_time",
        "repetitions",
    ),
    flagged_frames=("lowest_point", "peak_valgus"),
    views=(View.FRONTAL, View.SAGITTAL),
    is_repeated=True,
    read_rate_hz=READ_RATE_HZ,
    assess=assess,
)
