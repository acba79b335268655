"""The ten-item, real-time form of the LESS (LESS-RT) from recorded trials.

A rater watches two landings from the front and two from the side. Here the same ten questions are put to
the measured numbers; five belong to each view. Item scales from memory of Padua 2011 [M]; the numbers
between the grades are ours [P]. Inter-rater ICC 0.72-0.81, SEM 0.69-0.79 [V: LESSRT].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.biomech.less_items import (
    IC,
    LANDING,
    NARROW,
    PEAK,
    TOE_DEG,
    TOE_FIRST_LEGS,
    TOGETHER_MS,
    WIDE,
    Evidence,
    Grades,
    Reading,
    judge_stiffness,
)
from app.biomech.types import View

MAX_TOTAL = 15
VALGUS_LARGE_LEGS = 5.0
"""A knee this far medial of the great toe, 4 cm in percent of leg length, is inside the foot: large [P]."""
KNEE_GRADES_DEG = (60.0, 45.0)
TRUNK_GRADES_DEG = (15.0, 5.0)
"""Displacement from which an item has no error, and below which it has two [P]."""
LEAN_DEG = 5.0
SEM_POINTS = 0.79


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTimeItem:
    """One item."""

    number: int
    name: str
    view: View
    worst: int
    score: int | None
    """None when it was not seen."""
    expected: float | None
    grades: Grades


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTimeScore:
    """The LESS-RT of one trial, or of several."""

    items: tuple[RealTimeItem, ...]
    total: int | None
    """0-15; None unless all ten items were seen."""
    expected_total: float | None
    n_seen: int
    sem: float = SEM_POINTS


def score_less_rt(trials: Sequence[Evidence]) -> RealTimeScore | None:
    """Return the LESS-RT over one or more trials; each item is the mean chance over those that showed it.

    None without a trial.
    """
    if not trials:
        return None
    judged = [_judge(seen) for seen in trials]
    items = []
    for number, (name, view, worst) in enumerate(_ITEMS, 1):
        known = [grades for trial in judged if (grades := trial.get(number)) is not None]
        mean = tuple(float(p) for p in np.mean(known, axis=0)) if known else ()
        items.append(
            RealTimeItem(
                number=number,
                name=name,
                view=view,
                worst=worst,
                score=int(np.argmax(np.round(mean, 12))) if known else None,
                expected=float(sum(grade * p for grade, p in enumerate(mean))) if known else None,
                grades=mean,
            )
        )
    seen_all = all(item.score is not None for item in items)
    return RealTimeScore(
        items=tuple(items),
        total=sum(item.score or 0 for item in items) if seen_all else None,
        expected_total=sum(item.expected or 0.0 for item in items) if seen_all else None,
        n_seen=sum(item.score is not None for item in items),
    )


_ITEMS: tuple[tuple[str, View, int], ...] = (
    ("Stance width", View.FRONTAL, 1),
    ("Maximum foot rotation", View.FRONTAL, 1),
    ("Initial foot contact", View.FRONTAL, 1),
    ("Maximum knee valgus", View.FRONTAL, 2),
    ("Lateral trunk flexion", View.FRONTAL, 1),
    ("Foot strike", View.SAGITTAL, 1),
    ("Knee flexion displacement", View.SAGITTAL, 2),
    ("Trunk flexion displacement", View.SAGITTAL, 2),
    ("Joint displacement in the sagittal plane", View.SAGITTAL, 2),
    ("Overall impression", View.SAGITTAL, 2),
)


def _judge(seen: Evidence) -> Mapping[int, Grades | None]:
    """Return the grades of each item of one trial, None where it was not seen."""
    width = seen.both("stance_width", IC)
    together = seen.both("foot_contact_difference", IC)
    lean = seen.both("lateral_trunk_lean", IC)
    trunk = seen.both("trunk_flexion_displacement", LANDING)
    toes, strikes = seen.legs("toe_angle", LANDING), seen.legs("heel_over_toe", IC)
    knees, valgus = seen.legs("knee_flexion_displacement", LANDING), seen.legs("knee_over_toe", PEAK)
    stiff = judge_stiffness(seen)
    grades: dict[int, Grades | None] = {
        1: None if width is None else _yes(width.above(WIDE) + width.below(NARROW)),
        2: _yes(max(reading.outside(TOE_DEG) for reading in toes.values())) if toes else None,
        3: None if together is None else _yes(together.outside(max(TOGETHER_MS, seen.frame_ms))),
        4: _worst_of([_rising(r, (0.0, VALGUS_LARGE_LEGS)) for r in valgus.values()]),
        5: None if lean is None else _yes(lean.outside(LEAN_DEG)),
        6: _worst_of([_yes(r.below(TOE_FIRST_LEGS)) for r in strikes.values()]),
        7: _worst_of([_falling(r, KNEE_GRADES_DEG) for r in knees.values()]),
        8: None if trunk is None else _falling(trunk, TRUNK_GRADES_DEG),
        9: stiff,
    }
    return grades | {10: _overall(grades)}


def _overall(grades: Mapping[int, Grades | None]) -> Grades | None:
    """Return the overall impression: poor when stiff or with large valgus, excellent when soft and clean [P]."""
    valgus, stiff = grades[4], grades[9]
    others = [grades[number] for number in (1, 2, 3, 5, 6)]
    if valgus is None or stiff is None or any(item is None for item in others):
        return None
    poor = 1.0 - (1.0 - stiff[2]) * (1.0 - valgus[2])
    clean = float(np.prod([item[0] for item in others if item is not None]))
    excellent = min(stiff[0] * valgus[0] * clean, 1.0 - poor)
    return excellent, 1.0 - poor - excellent, poor


def _yes(p: float) -> Grades:
    return 1.0 - min(p, 1.0), min(p, 1.0)


def _rising(reading: Reading, limits: tuple[float, float]) -> Grades:
    """Return the grades of a number that is worse the larger it is."""
    low, high = reading.above(limits[0]), reading.above(limits[1])
    return 1.0 - low, low - high, high


def _falling(reading: Reading, limits: tuple[float, float]) -> Grades:
    """Return the grades of a number that is worse the smaller it is."""
    low, high = reading.below(limits[0]), reading.below(limits[1])
    return 1.0 - low, low - high, high


def _worst_of(legs: Sequence[Grades]) -> Grades | None:
    """Return the grades of the leg with the larger expected error, None when no leg was seen."""
    return max(legs, key=lambda g: sum(grade * p for grade, p in enumerate(g)), default=None)
