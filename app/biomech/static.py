"""Fixed alignment or movement: the standing leg beside the landing leg (method section 3.4).

Knock knees are how a leg is built and show while standing; dynamic valgus happens in the movement. They
can be there together, and one does not follow from the other (41 athletes: static alignment predicted
none of the key landing peaks, StaticLEA [V]), so both are measured, and the difference is what training
can address.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy

from app.biomech.metrics import LANDMARK_CHANGE_SHARE, LANDMARK_COMMON_SD_DEG, LANDMARK_SIDE_SD_DEG, Value
from app.biomech.statistics import Z95, Interval
from app.biomech.types import Side

COHORT_STATIC_DEG = -1.3
"""FPPA of a healthy standing leg between joint centres: the hip-knee-ankle axis averages 1.3 degrees of
varus (Bellemans 2012) [M]."""
FIXED_FROM_DEG = 5.0
"""Standing angle beyond the cohort's mean from which the alignment counts as valgus [P]."""
DYNAMIC_FROM_DEG = 8.0
"""Minimal detectable change of the dynamic excess, until there are own data [P, method section 7.4]."""
DISPLACEMENT_FROM_DEG = 10.6
"""Knee valgus displacement that counts as dynamic (Holden 2017) [V]."""
EXCESS_SE_DEG = 4.0
"""Least standard error of the dynamic excess: the foot is set down anew in every trial [P, method 3.1]."""
CERTAIN_CLASS = 0.80
"""A class with less probability than this is called likely, not certain [P]; as for the bands."""


class ValgusClass(StrEnum):
    """Where the inward knee comes from."""

    FIXED = "fixed"
    DYNAMIC = "dynamic"
    COMBINED = "combined"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingAngles:
    """What a standing calibration trial says of the knees: FPPA in quiet standing, degrees, valgus positive."""

    fppa: dict[Side, Value]
    """Left, right and the mean of both, as far as measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingAngles:
    """What the landings of a screening say of one knee, or of the mean of both; degrees, valgus positive."""

    side: Side
    fppa: Value
    """At peak knee flexion."""
    displacement: Value | None
    """Knee valgus displacement; None where it was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticJudgement:
    """Fixed, dynamic, combined or neither, for one knee or the mean of both."""

    side: Side
    static_deg: float
    static_se_deg: float
    excess_deg: float
    """FPPA at peak knee flexion less the standing one: `fppa_dynamic_excess`."""
    excess_se_deg: float
    excess_interval_95: Interval
    valgus_class: ValgusClass
    probability: float
    """That the true values lie in this class, 0-1."""
    probabilities: dict[ValgusClass, float]
    words: str
    """What is said to the user."""


WORDS: dict[ValgusClass, str] = {
    ValgusClass.FIXED: (
        "The knee already points inward while standing, and the landing adds no more than measurement error."
        " This looks like the way the leg is built. It is not a training fault, and training is not expected"
        " to change it; a clinician can look at the standing alignment."
    ),
    ValgusClass.DYNAMIC: (
        "The knee does not point inward while standing and moves inward in the landing. This is a movement pattern, and"
        " movement patterns can be trained."
    ),
    ValgusClass.COMBINED: (
        "The knee points inward while standing, and the landing adds to it. The standing part looks like the"
        " way the leg is built and is not a training fault; the added part is movement and can be trained."
    ),
    ValgusClass.NEITHER: (
        "The knee does not point inward while standing, and the landing moves it inward by no more than"
        " measurement error."
    ),
}
LIKELY = "Measured close to a limit, so the other readings are possible too. "


def judge_static(
    standing: StandingAngles, landing: LandingAngles, *, cohort_deg: float = COHORT_STATIC_DEG
) -> StaticJudgement | None:
    """Return whether an inward knee is fixed, dynamic, both or neither.

    Parameters
    ----------
    standing
        From a standing trial of the same athlete.
    landing
        Mean over the valid landings of one screening.
    cohort_deg
        Mean standing FPPA of athletes like this one; the published mean without own data.

    Returns
    -------
    StaticJudgement or None
        None when the standing trial does not hold this side.

    Notes
    -----
    Fixed: standing angle at least `FIXED_FROM_DEG` beyond the cohort's. Dynamic: displacement at least
    `DISPLACEMENT_FROM_DEG`, or excess more than `DYNAMIC_FROM_DEG`. Combined: both. The class is that of
    the measured values; its probability is that of the true values lying in the same class.
    """
    static = standing.fppa.get(landing.side)
    if static is None:
        return None
    excess = landing.fppa.value - static.value
    excess_se = _excess_se(static, landing)
    limit = cohort_deg + FIXED_FROM_DEG
    displacement = landing.displacement
    is_fixed = static.value >= limit
    is_dynamic = excess > DYNAMIC_FROM_DEG or (
        displacement is not None and displacement.value >= DISPLACEMENT_FROM_DEG
    )
    probabilities = _class_probabilities(static, excess, excess_se, displacement, limit=limit)
    found = _class_of(is_fixed=is_fixed, is_dynamic=is_dynamic)
    certain = probabilities[found] >= CERTAIN_CLASS
    return StaticJudgement(
        side=landing.side,
        static_deg=static.value,
        static_se_deg=static.se,
        excess_deg=excess,
        excess_se_deg=excess_se,
        excess_interval_95=Interval(low=excess - Z95 * excess_se, high=excess + Z95 * excess_se),
        valgus_class=found,
        probability=probabilities[found],
        probabilities=probabilities,
        words=WORDS[found] if certain else LIKELY + WORDS[found],
    )


def _excess_se(static: Value, landing: LandingAngles) -> float:
    """Return the standard error of the excess: what both share of the landmark error leaves it."""
    n = 2.0 if landing.side is Side.BOTH else 1.0
    landmark = LANDMARK_COMMON_SD_DEG**2 + LANDMARK_SIDE_SD_DEG**2 / n
    rest = sum(max(value.se**2 - landmark, 0.0) for value in (static, landing.fppa))
    return float(max(EXCESS_SE_DEG, np.sqrt(rest + LANDMARK_CHANGE_SHARE**2 * landmark)))


def _class_of(*, is_fixed: bool, is_dynamic: bool) -> ValgusClass:
    if is_fixed:
        return ValgusClass.COMBINED if is_dynamic else ValgusClass.FIXED
    return ValgusClass.DYNAMIC if is_dynamic else ValgusClass.NEITHER


def _class_probabilities(
    static: Value, excess: float, excess_se: float, displacement: Value | None, *, limit: float
) -> dict[ValgusClass, float]:
    """Return the probability of each class; errors are taken as independent."""
    fixed = float(scipy.special.ndtr((static.value - limit) / max(static.se, 1e-9)))
    still = float(scipy.special.ndtr((DYNAMIC_FROM_DEG - excess) / excess_se))
    if displacement is not None:
        still *= float(
            scipy.special.ndtr((DISPLACEMENT_FROM_DEG - displacement.value) / max(displacement.se, 1e-9))
        )
    return {
        ValgusClass.FIXED: fixed * still,
        ValgusClass.DYNAMIC: (1.0 - fixed) * (1.0 - still),
        ValgusClass.COMBINED: fixed * (1.0 - still),
        ValgusClass.NEITHER: (1.0 - fixed) * still,
    }
