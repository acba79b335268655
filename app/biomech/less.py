"""The Landing Error Scoring System: seventeen items, their total, and what a total may say.

Higher is worse; 17 is the most that can be reached, as wide and narrow, toe-in and toe-out exclude each
other. A total needs both views. From one view there is a sub-score, never a total, and an item that no
camera could see is "not seen", never 0. A movement screen: it does not tell who will be hurt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.biomech.less_items import (
    GREY_P,
    ITEMS,
    Evidence,
    Grades,
    ItemDefinition,
    LimbRule,
    Reading,
    ReadingKey,
    count_distribution,
    judge_impression,
)
from app.biomech.types import Metric, Sex, Side, View

SEM_ERRORS = 1.1
"""Between sessions, 1.01-1.11 (Everard; SLESS) [V]."""
MDC_ERRORS = 3
"""A smaller change is not real: 2.77 times the SEM is 2.9 [D]."""
CATEGORIES: tuple[tuple[float, str], ...] = ((4.0, "excellent"), (5.0, "good"), (6.0, "moderate"))
"""Up to and including; above the last it is poor [M: Padua 2009]."""
POOR = "poor"
SCREENING_CUT = 5
"""The cut of Padua 2015 [V]: a share above it is shown, with its uncertain predictive value."""
MAX_TOTAL = 17
RULE_TRIALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LessItem:
    """One item of one trial, or of several by the rule of two in three."""

    number: int
    name: str
    error_when: str
    views: tuple[View, ...]
    mark: str
    seen: bool
    error: int | None
    """0 or 1, in items 16 and 17 up to 2; None when it was not seen."""
    p_error: float | None
    """Probability that there is an error at all, 0-1."""
    expected: float | None
    """Mean number of errors, 0-1 or 0-2."""
    grey: bool
    """The error is so near its limit that it may be the other way round."""
    grades: Grades
    """Probability of 0, 1 (and 2) errors; empty when it was not seen."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubScore:
    """What one view shows of the LESS; never a total."""

    view: View
    errors: int
    out_of: int
    """8 from the front, 9 from the side."""
    n_seen: int
    """Items that were seen, of 8."""
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LessScore:
    """The LESS of one trial, or of several."""

    items: tuple[LessItem, ...]
    total: int | None
    """None unless all seventeen items were seen."""
    expected_total: float | None
    """Sum of the items' expected errors."""
    total_sd: float | None
    """Of the expected total, items taken as independent; measurement alone."""
    p_five_or_more: float | None
    category: str | None
    sub_scores: tuple[SubScore, ...]
    n_seen: int
    n_trials: int
    limb_rule: LimbRule
    dominant: Side | None
    sem: float = SEM_ERRORS
    mdc: int = MDC_ERRORS

    @property
    def is_total(self) -> bool:
        """Whether there is a total."""
        return self.total is not None


def gather_readings(*analyses: Sequence[Metric]) -> dict[ReadingKey, Reading]:
    """Return what the metrics of one trial's recordings say; numbers that were withheld are left out."""
    return {
        (metric.key, metric.side, metric.event): Reading(value=metric.value, se=metric.se)
        for metrics in analyses
        for metric in metrics
        if metric.value is not None and metric.se is not None and metric.repetition is None
    }


def score_less(seen: Evidence, *, one_trial: bool = True) -> LessScore:
    """Return the LESS of one trial from what was measured of it, by whichever cameras.

    A hard error is one that is more probable than not; of items 16 and 17 the most probable grade counts.

    Parameters
    ----------
    seen
        What was measured.
    one_trial
        False when the two views do not show the same trial: then each has its sub-score, and there is
        neither an overall impression nor a total.
    """
    grades: dict[int, Grades] = {}
    for definition in ITEMS[:-1]:
        found = definition.judge(seen)
        if found is not None:
            grades[definition.number] = found
    impression = judge_impression(grades, seen) if one_trial else None
    if impression is not None:
        grades[ITEMS[-1].number] = impression
    return _score(grades, notes=_notes(seen), limb_rule=seen.limb_rule, dominant=seen.dominant, n_trials=1)


def combine_less(trials: Sequence[LessScore]) -> LessScore | None:
    """Return the LESS of several trials: an error counts when it is there in two of three (Mauntel 2017).

    With one trial that trial counts; with any other number it takes two thirds of those that showed the
    item, rounded up. Items 16 and 17 take the median. None without a trial. Trials of different limb
    rules cannot be put together.
    """
    if not trials:
        return None
    if len({(trial.limb_rule, trial.dominant) for trial in trials}) > 1:
        msg = "trials were scored by different limb rules"
        raise ValueError(msg)
    grades: dict[int, Grades] = {}
    for at, definition in enumerate(ITEMS):
        known = [trial.items[at].grades for trial in trials if trial.items[at].seen]
        if known:
            grades[definition.number] = _by_rule(known)
    first = trials[0]
    notes = {item.number: item.note for item in first.items if item.note and item.seen}
    return _score(
        grades, notes=notes, limb_rule=first.limb_rule, dominant=first.dominant, n_trials=len(trials)
    )


def _by_rule(known: Sequence[Grades]) -> Grades:
    """Return the grades that an item gets from several trials."""
    if len(known) == 1:
        return known[0]
    need = int(np.ceil(2 * len(known) / RULE_TRIALS))
    reached = []
    for grade in range(1, len(known[0])):
        chance = [float(sum(grades[grade:])) for grades in known]
        reached.append(float(np.sum(count_distribution([(1.0 - p, p) for p in chance])[need:])))
    return (1.0 - reached[0], *(a - b for a, b in zip(reached, [*reached[1:], 0.0], strict=True)))


def _score(
    grades: Mapping[int, Grades],
    *,
    notes: Mapping[int, str],
    limb_rule: LimbRule,
    dominant: Side | None,
    n_trials: int,
) -> LessScore:
    items = tuple(_item(definition, grades.get(definition.number), notes) for definition in ITEMS)
    seen = [item for item in items if item.seen]
    total = expected = sd = five = None
    if len(seen) == len(items):
        total = sum(item.error or 0 for item in items)
        expected = sum(item.expected or 0.0 for item in items)
        sd = float(np.sqrt(sum(_variance(item.grades) for item in items)))
        five = float(np.sum(count_distribution([item.grades for item in items])[SCREENING_CUT:]))
    return LessScore(
        items=items,
        total=total,
        expected_total=expected,
        total_sd=sd,
        p_five_or_more=five,
        category=None if total is None else category_of(total),
        sub_scores=tuple(sub for view in View if (sub := _sub_score(items, view)) is not None),
        n_seen=len(seen),
        n_trials=n_trials,
        limb_rule=limb_rule,
        dominant=dominant,
    )


def _item(definition: ItemDefinition, grades: Grades | None, notes: Mapping[int, str]) -> LessItem:
    known = grades is not None
    probable = grades or ()
    p_error = float(sum(probable[1:])) if known else None
    return LessItem(
        number=definition.number,
        name=definition.name,
        error_when=definition.error_when,
        views=definition.views,
        mark=definition.mark,
        seen=known,
        error=_hard(probable) if known else None,
        p_error=p_error,
        expected=float(sum(grade * p for grade, p in enumerate(probable))) if known else None,
        grey=known and max(probable) < 1.0 - GREY_P,
        grades=tuple(float(p) for p in probable),
        note=notes.get(definition.number, "") if known else _not_seen(definition),
    )


def _hard(grades: Grades) -> int:
    """Return the most probable grade; of two that are equally so, the lower."""
    return int(np.argmax(np.round(grades, 12)))


def _not_seen(definition: ItemDefinition) -> str:
    if len(definition.views) > 1:
        return "Not seen: it needs every other item, from both views."
    where = "front" if definition.views == (View.FRONTAL,) else "side"
    return f"Not seen: it needs the view from the {where}."


def _notes(seen: Evidence) -> dict[int, str]:
    """Return what to know about single items of this trial."""
    near = {side for key, side, _ in seen.readings if key == "knee_flexion" and side is not Side.BOTH}
    notes: dict[int, str] = {}
    if len(near) == 1:
        whose = next(iter(near)).value
        notes = dict.fromkeys((1, 2, 4, 12, 13, 16), f"Of the {whose} leg, the near one.")
    notes[11] = "By time alone; whether both feet land on the same part is not judged."
    notes[9] = notes[10] = "Coarse from the front."
    return notes


def _variance(grades: Grades) -> float:
    mean = sum(grade * p for grade, p in enumerate(grades))
    return float(sum(p * (grade - mean) ** 2 for grade, p in enumerate(grades)))


def _sub_score(items: Sequence[LessItem], view: View) -> SubScore | None:
    """Return what one view shows, None when it shows nothing."""
    own = [(item, definition) for item, definition in zip(items, ITEMS, strict=True) if item.views == (view,)]
    known = [item for item, _ in own if item.seen]
    if not known:
        return None
    return SubScore(
        view=view,
        errors=sum(item.error or 0 for item in known),
        out_of=sum(definition.worst for _, definition in own),
        n_seen=len(known),
        expected=sum(item.expected or 0.0 for item in known),
    )


def category_of(total: float) -> str:
    """Return the category of a total [M: Padua 2009].

    Examples
    --------
    >>> [category_of(n) for n in (4, 5, 6, 7)]
    ['excellent', 'good', 'moderate', 'poor']
    """
    return next((name for upper, name in CATEGORIES if total <= upper), POOR)


def evidence_of(
    *analyses: Sequence[Metric],
    sex: Sex = Sex.UNSPECIFIED,
    frame_ms: float = 0.0,
    limb_rule: LimbRule = LimbRule.EITHER,
    dominant: Side | None = None,
) -> Evidence:
    """Return the evidence that the metrics of one trial's recordings hold."""
    return Evidence(
        readings=gather_readings(*analyses),
        sex=sex,
        frame_ms=frame_ms,
        limb_rule=limb_rule,
        dominant=dominant,
    )
