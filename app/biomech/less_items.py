"""The seventeen items of the Landing Error Scoring System, each as a probability (method section 4).

An item is a question with a published answer ("less than 30 degrees?") put to a number that has an error:
``p_error = Phi((x - c) / SE)``. Where the published rule holds no number, ours is marked ``P``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.biomech.normal import normal_share_below
from app.biomech.types import Sex, Side, View

GREY_P = 0.20
"""An item whose probability is between this and one less this is grey: filmed better, it might turn over [P]."""
HIP_AT_CONTACT_DEG, TRUNK_AT_CONTACT_DEG, TOE_FIRST_LEGS = 10.0, 0.0, 1.2
"""[P]: thigh in line with the trunk; trunk upright or behind; 1 cm in percent of leg length."""
LEAN_DEG, WIDE, NARROW = 5.0, 1.1, 0.8
"""[P]: lateral trunk lean; ankles over shoulders."""
TOE_DEG, TOGETHER_MS = 30.0, 20.0
KNEE_AT_CONTACT_DEG, KNEE_TRAVEL_DEG = 30.0, 45.0
HIP_TRAVEL_DEG, TRUNK_TRAVEL_DEG = 10.0, 5.0
SOFT_DEG, SOFT_KNEE_DEG, STIFF_DEG = 120.0, 60.0, 70.0
"""Item 16: knee, hip and trunk displacement together, and of the knee alone, for soft; together for stiff [P]."""
COLLAPSE_DEG: dict[Sex, float] = {Sex.FEMALE: 13.0, Sex.MALE: 8.0, Sex.UNSPECIFIED: 13.0}
"""FPPA from which a knee over the toes counts as a collapse in item 17 [P; top of the normal range, V]."""


class LimbRule(StrEnum):
    """Whose error counts; papers differ, so it is stored with every score."""

    EITHER = "either"
    """An error of either leg (revised definitions, Mauntel)."""
    DOMINANT = "dominant"
    """The dominant leg alone (Padua 2009)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number and its standard error, in the metric's unit."""

    value: float
    se: float

    def below(self, limit: float) -> float:
        """Return the probability that the true value is below a limit."""
        return normal_share_below((limit - self.value) / max(self.se, 1e-9))

    def above(self, limit: float) -> float:
        """Return the probability that the true value is above a limit."""
        return 1.0 - self.below(limit)

    def outside(self, limit: float) -> float:
        """Return the probability that the true size is beyond a limit, on either side."""
        return self.above(limit) + self.below(-limit)


ReadingKey = tuple[str, Side, str]
"""Metric key, side and event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured of one trial."""

    readings: Mapping[ReadingKey, Reading]
    limb_rule: LimbRule = LimbRule.EITHER
    dominant: Side | None = None
    sex: Sex = Sex.UNSPECIFIED
    frame_ms: float = 0.0
    """Frame interval of the view from the front: a difference within one frame is none."""

    def both(self, key: str, event: str) -> Reading | None:
        """Return a number that belongs to no side."""
        return self.readings.get((key, Side.BOTH, event))

    def legs(self, key: str, event: str) -> dict[Side, Reading]:
        """Return a number of the legs that count and were seen."""
        sides: tuple[Side, ...] = (Side.LEFT, Side.RIGHT)
        if self.limb_rule is LimbRule.DOMINANT and self.dominant is not None:
            sides = (self.dominant,)
        return {side: found for side in sides if (found := self.readings.get((key, side, event))) is not None}


IC, PKF, PEAK, LANDING = "initial_contact", "peak_knee_flexion", "peak", "landing"
Grades = tuple[float, ...]
"""Probability of 0, 1 (and 2) errors; adds up to one."""
Judge = Callable[[Evidence], Grades | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDefinition:
    """One item of the LESS."""

    number: int
    name: str
    error_when: str
    views: tuple[View, ...]
    mark: str
    """Of the rule as a number: ``V`` published and read, ``M`` from memory of the paper, ``P`` ours."""
    judge: Judge
    """Returns None when the item was not seen."""
    worst: int = 1


def _yes(p: float | None) -> Grades | None:
    return None if p is None else (1.0 - p, p)


def _any_leg(legs: Mapping[Side, Reading], test: Callable[[Reading], float]) -> float | None:
    """Return the probability that at least one leg shows it, None when no leg was seen."""
    return None if not legs else float(1.0 - np.prod([1.0 - test(reading) for reading in legs.values()]))


def _of_legs(key: str, event: str, test: Callable[[Reading], float]) -> Judge:
    return lambda seen: _yes(_any_leg(seen.legs(key, event), test))


def _of_both(key: str, event: str, test: Callable[[Reading], float]) -> Judge:
    def judge(seen: Evidence) -> Grades | None:
        reading = seen.both(key, event)
        return _yes(None if reading is None else test(reading))

    return judge


def _from_the_others(_seen: Evidence) -> Grades | None:
    return None


def _contact_symmetry(seen: Evidence) -> Grades | None:
    reading = seen.both("foot_contact_difference", IC)
    return _yes(None if reading is None else reading.outside(max(TOGETHER_MS, seen.frame_ms)))


def _knee_travel(seen: Evidence) -> Reading | None:
    """Return the smaller knee displacement of the legs that were seen."""
    legs = seen.legs("knee_flexion_displacement", LANDING)
    return min(legs.values(), key=lambda reading: reading.value, default=None)


def judge_stiffness(seen: Evidence) -> Grades | None:
    """Return the probabilities of a soft, an average and a stiff landing (item 16).

    Soft: knee, hip and trunk together bend by 120 deg and the knee by 60; stiff: together less than 70, or
    the knee less than 45 (method section 4.3, [P]). The sum holds the knee's displacement, so the two
    errors are correlated by their ratio.
    """
    knee = _knee_travel(seen)
    totals = seen.legs("sagittal_displacement", LANDING)
    total = min(totals.values(), key=lambda reading: reading.value, default=None)
    if knee is None or total is None:
        return None
    soft = _both_above(knee, total, knee_limit=SOFT_KNEE_DEG, total_limit=SOFT_DEG)
    not_stiff = _both_above(knee, total, knee_limit=KNEE_TRAVEL_DEG, total_limit=STIFF_DEG)
    return soft, max(not_stiff - soft, 0.0), 1.0 - not_stiff


def _both_above(knee: Reading, total: Reading, *, knee_limit: float, total_limit: float) -> float:
    """Return the probability that the knee's displacement and the sum are both above their limits."""
    share = min(knee.se / max(total.se, 1e-9), 0.999)
    left = total.se * np.sqrt(1.0 - share**2)
    start = float(np.clip((knee_limit - knee.value) / max(knee.se, 1e-9), -8.0, 8.0))
    z = np.linspace(start, 8.0, 801)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    over = (total.value + share * total.se * z - total_limit) / max(left, 1e-9)
    chance = np.array([normal_share_below(each) for each in over])
    return float(np.clip(np.trapezoid(density * chance, z), 0.0, 1.0))


def judge_impression(grades: Mapping[int, Grades], seen: Evidence) -> Grades | None:
    """Return the probabilities of an excellent, an average and a poor overall impression (item 17).

    Poor: a stiff landing, or a knee over the toes that also is medial at contact with a large FPPA.
    Excellent: soft, and at most two errors in items 1 to 15. [M for the words, P for the numbers.]
    None unless all of items 1 to 16 were seen.
    """
    if any(number not in grades for number in range(1, 17)):
        return None
    knees = seen.legs("fppa", PKF)
    large = _any_leg(knees, lambda reading: reading.above(COLLAPSE_DEG[seen.sex])) or 0.0
    collapse = min(grades[15][1], grades[5][1], large)  # three looks at one thing, not three chances
    poor = 1.0 - (1.0 - grades[16][2]) * (1.0 - collapse)
    few = float(np.sum(count_distribution([grades[number] for number in range(1, 16)])[:3]))
    excellent = min(grades[16][0] * few, 1.0 - poor)
    return excellent, 1.0 - poor - excellent, poor


def count_distribution(items: list[Grades]) -> np.ndarray:
    """Return the probability of each total of errors, items taken as independent.

    Examples
    --------
    >>> count_distribution([(0.5, 0.5), (0.5, 0.5)]).tolist()
    [0.25, 0.5, 0.25]
    """
    total = np.ones(1)
    for grades in items:
        total = np.convolve(total, grades)
    return total


FRONT, SIDE, BOTH_VIEWS = (View.FRONTAL,), (View.SAGITTAL,), (View.FRONTAL, View.SAGITTAL)

ITEMS: tuple[ItemDefinition, ...] = (
    ItemDefinition(
        number=1, name="Knee flexion at contact", error_when="less than 30 deg", views=SIDE, mark="V",
        judge=_of_legs("knee_flexion", IC, lambda r: r.below(KNEE_AT_CONTACT_DEG)),
    ),
    ItemDefinition(
        number=2, name="Hip flexion at contact", error_when="thigh in line with the trunk (less than 10 deg)",
        views=SIDE, mark="P", judge=_of_legs("hip_flexion", IC, lambda r: r.below(HIP_AT_CONTACT_DEG)),
    ),
    ItemDefinition(
        number=3, name="Trunk flexion at contact", error_when="trunk upright or leaning back (0 deg or less)",
        views=SIDE, mark="P", judge=_of_both("trunk_flexion", IC, lambda r: r.below(TRUNK_AT_CONTACT_DEG)),
    ),
    ItemDefinition(
        number=4, name="Ankle plantarflexion at contact", error_when="heel first or flat (toes not 1 cm lower)",
        views=SIDE, mark="P", judge=_of_legs("heel_over_toe", IC, lambda r: r.below(TOE_FIRST_LEGS)),
    ),
    ItemDefinition(
        number=5, name="Medial knee position at contact", error_when="knee medial of the middle of the foot",
        views=FRONT, mark="V", judge=_of_legs("knee_over_midfoot", IC, lambda r: r.above(0.0)),
    ),
    ItemDefinition(
        number=6, name="Lateral trunk flexion at contact", error_when="trunk leans to a side (over 5 deg)",
        views=FRONT, mark="P", judge=_of_both("lateral_trunk_lean", IC, lambda r: r.outside(LEAN_DEG)),
    ),
    ItemDefinition(
        number=7, name="Stance width, wide", error_when="feet wider apart than the shoulders (over 1.1)",
        views=FRONT, mark="P", judge=_of_both("stance_width", IC, lambda r: r.above(WIDE)),
    ),
    ItemDefinition(
        number=8, name="Stance width, narrow", error_when="feet closer together than the shoulders (under 0.8)",
        views=FRONT, mark="P", judge=_of_both("stance_width", IC, lambda r: r.below(NARROW)),
    ),
    ItemDefinition(
        number=9, name="Foot position, toe-in", error_when="turned in by more than 30 deg", views=FRONT, mark="M",
        judge=_of_legs("toe_angle", LANDING, lambda r: r.below(-TOE_DEG)),
    ),
    ItemDefinition(
        number=10, name="Foot position, toe-out", error_when="turned out by more than 30 deg", views=FRONT, mark="M",
        judge=_of_legs("toe_angle", LANDING, lambda r: r.above(TOE_DEG)),
    ),
    ItemDefinition(
        number=11, name="Symmetric foot contact", error_when="one foot first (more than 20 ms and one frame)",
        views=FRONT, mark="P", judge=_contact_symmetry,
    ),
    ItemDefinition(
        number=12, name="Knee flexion displacement", error_when="less than 45 deg", views=SIDE, mark="M",
        judge=_of_legs("knee_flexion_displacement", LANDING, lambda r: r.below(KNEE_TRAVEL_DEG)),
    ),
    ItemDefinition(
        number=13, name="Hip flexion displacement", error_when="thigh does not bend more on the trunk (under 10 deg)",
        views=SIDE, mark="P", judge=_of_legs("hip_flexion_displacement", LANDING, lambda r: r.below(HIP_TRAVEL_DEG)),
    ),
    ItemDefinition(
        number=14, name="Trunk flexion displacement", error_when="trunk does not bend more (under 5 deg)",
        views=SIDE, mark="P", judge=_of_both("trunk_flexion_displacement", LANDING, lambda r: r.below(TRUNK_TRAVEL_DEG)),
    ),
    ItemDefinition(
        number=15, name="Knee valgus displacement", error_when="knee over the great toe or medial of it",
        views=FRONT, mark="M", judge=_of_legs("knee_over_toe", PEAK, lambda r: r.above(0.0)),
    ),
    ItemDefinition(
        number=16, name="Joint displacement", error_when="average 1, stiff 2", views=SIDE, mark="P",
        judge=judge_stiffness, worst=2,
    ),
    ItemDefinition(
        number=17, name="Overall impression", error_when="average 1, poor 2", views=BOTH_VIEWS, mark="P",
        judge=_from_the_others, worst=2,
    ),
)  # fmt: skip
"""Item 17 is judged from the others (`judge_impression`)."""
