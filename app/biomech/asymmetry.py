"""Left against right, with an error bar of its own and a gate for the athlete's yaw.

Body yaw puts a false angle on one knee and takes it from the other (8.8 degrees each for 5 degrees of
yaw, method section 3.2), so a difference of frontal angles is called one only when it exceeds its
minimal detectable change plus twice that false angle.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.biomech.metrics import Value
from app.biomech.statistics import Z95, Interval
from app.biomech.types import Side

SIDE_GATE_DEG = 3.0
"""Largest false angle by yaw with which a side value is shown [P, method section 3.2]."""
MAX_RELATIVE_SE = 0.5
"""A limb symmetry index of numbers known worse than this is not formed [P]."""


class AsymmetryVerdict(StrEnum):
    """What a difference between the sides is worth."""

    ASYMMETRIC = "asymmetric"
    """Larger than its error and than what yaw can feign."""
    WITHIN_ERROR = "within_error"
    NOT_SQUARE = "not_interpretable_not_square"
    """The athlete is not square to the camera: the difference could be yaw alone, or be hidden by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asymmetry:
    """A difference between the sides, in the metric's unit."""

    difference: float
    """Left less right."""
    se: float
    """Standard error of the difference, yaw twice in it, as it goes up on one side and down on the other."""
    interval_95: Interval
    mdc95: float
    """Least difference between the sides that is more than noise: sqrt(2) times that of one side."""
    yaw_false: float
    """False angle that yaw, known or not, can put on one side."""
    limit: float
    """What the difference has to exceed: ``mdc95 + 2 * yaw_false``."""
    verdict: AsymmetryVerdict
    larger: Side | None
    """The side with the larger value, where the difference counts."""


def compare_sides(
    left: Value,
    right: Value,
    *,
    mdc: float | None,
    yaw_false: float = 0.0,
    yaw_in_errors: float | None = None,
) -> Asymmetry:
    """Return the difference between the sides and what it is worth.

    Parameters
    ----------
    left, right
        Same metric, instant and trials.
    mdc
        Minimal detectable change of one side between sessions, same unit; None: from the errors alone.
    yaw_false
        False angle that yaw can put on one side at that instant (`ErrorModel.yaw_deg`); 0 for numbers
        that yaw does not touch.
    yaw_in_errors
        How much of it the errors of the sides hold already, which is taken out of them before it is
        counted twice; None: all of it.

    Examples
    --------
    >>> compare_sides(Value(value=20.0, se=2.0), Value(value=5.0, se=2.0), mdc=8.0).verdict.value
    'asymmetric'
    >>> compare_sides(Value(value=20.0, se=2.0), Value(value=5.0, se=2.0), mdc=8.0, yaw_false=8.8).verdict.value
    'not_interpretable_not_square'
    >>> compare_sides(Value(value=9.0, se=2.0), Value(value=5.0, se=2.0), mdc=8.0).verdict.value
    'within_error'
    """
    difference = left.value - right.value
    held = yaw_false if yaw_in_errors is None else yaw_in_errors
    own = max(left.se**2 - held**2, 0.0) + max(right.se**2 - held**2, 0.0)
    se = float(np.sqrt(own + (2.0 * yaw_false) ** 2))
    mdc95 = max(np.sqrt(2.0) * mdc if mdc is not None else 0.0, Z95 * float(np.sqrt(own)))
    limit = float(mdc95 + 2.0 * yaw_false)
    if abs(difference) > limit:
        verdict = AsymmetryVerdict.ASYMMETRIC
    elif yaw_false > SIDE_GATE_DEG:
        verdict = AsymmetryVerdict.NOT_SQUARE
    else:
        verdict = AsymmetryVerdict.WITHIN_ERROR
    flagged = verdict is AsymmetryVerdict.ASYMMETRIC
    return Asymmetry(
        difference=difference,
        se=se,
        interval_95=Interval(low=difference - Z95 * se, high=difference + Z95 * se),
        mdc95=float(mdc95),
        yaw_false=yaw_false,
        limit=limit,
        verdict=verdict,
        larger=(Side.LEFT if difference > 0.0 else Side.RIGHT) if flagged else None,
    )


def false_angle_from_errors(*, left_se: float, right_se: float, both_se: float, side_se: float) -> float:
    """Return the false angle by yaw that stands in the errors of stored side values.

    The mean of both knees is free of yaw, each knee is not; what the error of a knee holds beyond that
    of the mean and the landmark error of its own (`side_se`, which the mean halves) is yaw.

    Examples
    --------
    >>> round(false_angle_from_errors(left_se=5.0, right_se=5.0, both_se=2.0, side_se=1.5), 2)
    4.46
    """
    excess = max(left_se, right_se) ** 2 - both_se**2 - 0.5 * side_se**2
    return float(np.sqrt(max(0.0, excess)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimbSymmetry:
    """One side in per cent of the other."""

    percent: float
    interval_95: Interval
    numerator: Side
    """The side above the line: the weaker, or the involved one."""


def compute_limb_symmetry(left: Value, right: Value, *, involved: Side | None = None) -> LimbSymmetry | None:
    """Return the limb symmetry index: 100 times the weaker over the stronger side.

    Only for quantities on a ratio scale of which more is better (flexion, jump height on one leg, hop,
    strength); never for a signed angle. With `involved`, that side over the other, which may exceed 100.

    Returns
    -------
    LimbSymmetry or None
        None when a side is not positive, or not known well enough to divide by.

    Examples
    --------
    >>> index = compute_limb_symmetry(Value(value=45.0, se=2.0), Value(value=50.0, se=2.0))
    >>> round(index.percent), index.numerator.value, round(index.interval_95.low), round(index.interval_95.high)
    (90, 'left', 80, 101)
    """
    if not (left.value > 0.0 and right.value > 0.0):
        return None
    relative = np.array([left.se / left.value, right.se / right.value])
    if not np.all(relative <= MAX_RELATIVE_SE):
        return None
    numerator = involved or (Side.LEFT if left.value <= right.value else Side.RIGHT)
    above, below = (left, right) if numerator is Side.LEFT else (right, left)
    percent = 100.0 * above.value / below.value
    factor = float(np.exp(Z95 * np.sqrt(np.sum(relative**2))))
    return LimbSymmetry(
        percent=percent,
        interval_95=Interval(low=percent / factor, high=percent * factor),
        numerator=numerator,
    )
