"""What a LESS total is worth beside published totals and beside the one before.

Totals alone are compared, never sub-scores of one view: half of the items would stand for all of them. A change below
three errors is what two sessions of an unchanged athlete show. A new category is a change only together with a total
that changed by more than that, as one error can be the whole way from one category to the next.
"""

from dataclasses import dataclass

from app.biomech.change import (
    Better,
    Change,
    ChangeVerdict,
    Direction,
    Obstacle,
    Reading,
    compare_readings,
    describe_change,
)
from app.biomech.less import LessScore
from app.biomech.metrics import Value
from app.biomech.norms import LESS_TOTAL, NoNorm, NoNormReason, NormResult, find_norm, no_norm
from app.biomech.types import Movement, Sex

MDC95_ERRORS = 2.9
"""2.77 times a standard error between sessions of 1.01-1.11 (Everard; SLESS) [D]: three whole errors exceed it."""
MDC_SOURCE = "SEM between sessions 1.01-1.11 errors (Everard; SLESS) [V], MDC95 = 2.77 SEM [D]"
UNIT = "errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class LessChange:
    """One total against an earlier one."""

    change: Change
    """Of the total, errors; its readings hold the errors of measurement."""
    category_before: str | None
    category_after: str | None

    @property
    def category_changed(self) -> bool:
        """Whether the athlete is in another category, by more than measurement error."""
        real = self.change.verdict in (ChangeVerdict.IMPROVED, ChangeVerdict.WORSE)
        return real and self.category_before != self.category_after


def compare_less(
    before: LessScore | None, after: LessScore | None, *, obstacles: tuple[Obstacle, ...] = ()
) -> LessChange:
    """Return what became of the total; not comparable without a total on both occasions, by one limb rule.

    Parameters
    ----------
    before, after
        By the rule of two trials in three, or of a single trial; None where nothing was scored.
    obstacles
        From `change.find_obstacles`.
    """
    if before is not None and after is not None and _limb(before) != _limb(after):
        obstacles = (*obstacles, Obstacle.SIDE_DEFINITION)
    change = compare_readings(
        _reading(before),
        _reading(after),
        direction=Direction(better=Better.LOWER, target=0.0),
        mdc=MDC95_ERRORS,
        mdc_source=MDC_SOURCE,
        obstacles=obstacles,
    )
    return LessChange(
        change=change,
        category_before=None if before is None else before.category,
        category_after=None if after is None else after.category,
    )


def _limb(score: LessScore) -> tuple[str, str | None]:
    return score.limb_rule.value, None if score.dominant is None else score.dominant.value


def _reading(score: LessScore | None) -> Reading | None:
    if score is None or score.total is None or score.total_sd is None:
        return None
    return Reading(value=float(score.total), se=score.total_sd, n_trials=score.n_trials)


def describe_less_change(found: LessChange) -> str:
    """Return a change of the LESS in words, with what became of the category."""
    words = describe_change(found.change, unit=UNIT)
    before, after = found.category_before, found.category_after
    if before is None or after is None or before == after:
        return words
    if found.category_changed:
        return f"{words} The category went from {before} to {after}."
    return f"{words} The category reads {after} instead of {before}, which is no real change either."


def find_less_norm(
    score: LessScore | None, *, movement: Movement, sex: Sex, age_years: float | None
) -> NormResult | NoNorm:
    """Return where a total lies against published ones of this sex and age, or why there is none."""
    if score is None or score.total is None or score.total_sd is None:
        return no_norm(NoNormReason.NO_TOTAL)
    return find_norm(
        Value(value=float(score.total), se=score.total_sd),
        key=LESS_TOTAL,
        event="landing",
        movement=movement,
        sex=sex,
        age_years=age_years,
    )
