"""The trials of one screening put together: mean, spread, worst, and whether one more is needed.

The error of a mean has two parts that are kept apart. What is drawn anew in every trial (jitter, the
instant, the athlete's own variation) shrinks with the number of trials; what all trials of a screening
share (landmark definition, camera, yaw, scale) does not, however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy

from app.biomech.types import Movement

RECOMMENDED_TRIALS = 3
"""Valid trials of a movement on both legs (method section 1.2)."""
RECOMMENDED_SINGLE_LEG = 5
"""Five-trial means reached ICC 0.75 for every variable of a single-leg drop jump (Ortiz 2007) [V]."""
SINGLE_LEG_MOVEMENTS = frozenset(
    {
        Movement.SINGLE_LEG_LANDING,
        Movement.SINGLE_LEG_SQUAT,
        Movement.LATERAL_STEP_DOWN,
        Movement.FORWARD_LUNGE,
        Movement.SIDE_STEP_CUT,
    }
)
ONE_IS_ENOUGH = frozenset({Movement.STANDING, Movement.RUNNING})
"""A calibration trial holds seconds of the same posture, a run many strides [P]."""
TRIALS_TO_SPARE = 2
"""Further trials asked for when the first disagree; after them the spread is the athlete's own [P]."""
DISAGREE_P = 0.05
"""Trials disagree when their spread would be this rare if error alone were behind it [P]."""
PRIOR_DEGREES = 2.0
"""Weight of the expected trial-to-trial spread beside the observed one, in degrees of freedom [P]: the
standard deviation of two or three numbers is hardly known."""

SHARED_VARIANCE: dict[str, float] = {
    "contact_time": 0.0,
    "flight_time": 0.0,
    "jump_height": 0.0,
    "reactive_strength_index": 0.0,
    "foot_contact_difference": 0.0,
}
"""Part of a metric's squared error that all trials share: instants are found anew in each trial. Every
other metric rests on landmarks, camera and yaw, which stay: there all of it is taken as shared [P]."""


class TrialAdvice(StrEnum):
    """Whether one more trial is worth the athlete's while."""

    ENOUGH = "enough"
    TAKE_ONE_MORE_FEW = "take_one_more_too_few"
    """Fewer than the protocol asks for."""
    TAKE_ONE_MORE_DISAGREE = "take_one_more_trials_disagree"
    """The trials differ by more than their error."""
    UNSTEADY = "unsteady"
    """They still differ after the spare trials: it is the athlete's own variation, and a finding in itself."""


ADVICE: dict[TrialAdvice, str] = {
    TrialAdvice.ENOUGH: "Enough valid trials, and they agree.",
    TrialAdvice.TAKE_ONE_MORE_FEW: "Take one more: fewer valid trials than the protocol asks for.",
    TrialAdvice.TAKE_ONE_MORE_DISAGREE: "Take one more: the trials differ by more than their error.",
    TrialAdvice.UNSTEADY: (
        "The trials keep differing by more than their error: the landings themselves vary. More trials will not"
        " settle it; look at the spread and at the worst one."
    ),
}
"""What is said to the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialValue:
    """One number of one valid trial."""

    number: int
    """Of the trial, from 1."""
    value: float
    se: float
    """Standard error, same unit, everything in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatedValue:
    """One metric over the valid trials of a screening, all in the metric's unit."""

    n_trials: int
    mean: float
    se: float
    """Standard error of the mean: `se_shared` and `se_trials` together."""
    se_shared: float
    """What all trials share; does not shrink with their number."""
    se_trials: float
    """What is drawn anew in each trial, over the square root of their number."""
    sd: float | None
    """Spread from trial to trial; None with one trial."""
    low: float
    high: float
    worst: float | None
    """None where neither direction is worse."""
    worst_trial: int | None
    disagree: bool
    """The trials differ by more than their error."""


def recommended_trials(movement: Movement) -> int:
    """Return how many valid trials the protocol asks for."""
    if movement in ONE_IS_ENOUGH:
        return 1
    return RECOMMENDED_SINGLE_LEG if movement in SINGLE_LEG_MOVEMENTS else RECOMMENDED_TRIALS


def aggregate_trials(
    values: Sequence[TrialValue],
    *,
    shared_variance: float = 1.0,
    typical_sd: float | None = None,
    worse: int = 0,
    target: float | None = None,
) -> AggregatedValue | None:
    """Return one metric over the valid trials, None without any.

    Parameters
    ----------
    values
        Of the valid trials, at most one per trial.
    shared_variance
        Part of each squared error that all trials share, 0-1.
    typical_sd
        Trial-to-trial spread to expect before any is seen, in the unit of the values: the published
        standard error of measurement. None: the trials' own errors.
    worse
        +1 when larger is worse, -1 when smaller is, 0 when neither is.
    target
        Where given with ``worse=0``: further from it is worse.

    Notes
    -----
    ``SE^2 = shared^2 + s^2 / n``. `s` is the spread of the trials, drawn towards the expected one with
    `PRIOR_DEGREES` degrees of freedom, so that two trials that happen to agree do not make a sure mean.
    """
    if not values:
        return None
    x = np.array([item.value for item in values])
    squared = np.array([item.se for item in values]) ** 2
    n = x.size
    own = float(np.mean((1.0 - shared_variance) * squared))
    expected = max(typical_sd**2 if typical_sd is not None else 0.0, own)
    observed = float(x.var(ddof=1)) if n > 1 else 0.0
    spread = ((n - 1) * observed + PRIOR_DEGREES * expected) / (n - 1 + PRIOR_DEGREES)
    shared, trials = float(np.mean(shared_variance * squared)), spread / n
    ranks = worse * x if target is None else np.abs(x - target)
    worst = int(np.argmax(ranks)) if worse or target is not None else None
    return AggregatedValue(
        n_trials=n,
        mean=float(x.mean()),
        se=float(np.sqrt(shared + trials)),
        se_shared=float(np.sqrt(shared)),
        se_trials=float(np.sqrt(trials)),
        sd=float(np.sqrt(observed)) if n > 1 else None,
        low=float(x.min()),
        high=float(x.max()),
        worst=None if worst is None else float(x[worst]),
        worst_trial=None if worst is None else values[worst].number,
        disagree=_disagree(x, max(expected, float(squared.mean()) if typical_sd is None else 0.0)),
    )


def _disagree(x: np.ndarray, variance: float) -> bool:
    """Say whether the spread of the trials would be rare with this variance alone (chi-square)."""
    if x.size < 2 or variance <= 0.0:
        return False
    return bool(scipy.special.chdtrc(x.size - 1, np.sum((x - x.mean()) ** 2) / variance) < DISAGREE_P)


def advise_trials(*, n_trials: int, movement: Movement, disagree: bool) -> TrialAdvice:
    """Return whether one more trial should be taken.

    Examples
    --------
    >>> advise_trials(n_trials=2, movement=Movement.DROP_VERTICAL_JUMP, disagree=False)
    <TrialAdvice.TAKE_ONE_MORE_FEW: 'take_one_more_too_few'>
    >>> advise_trials(n_trials=3, movement=Movement.DROP_VERTICAL_JUMP, disagree=True)
    <TrialAdvice.TAKE_ONE_MORE_DISAGREE: 'take_one_more_trials_disagree'>
    """
    recommended = recommended_trials(movement)
    if n_trials < recommended:
        return TrialAdvice.TAKE_ONE_MORE_FEW
    if not disagree:
        return TrialAdvice.ENOUGH
    spare = n_trials < recommended + TRIALS_TO_SPARE
    return TrialAdvice.TAKE_ONE_MORE_DISAGREE if spare else TrialAdvice.UNSTEADY


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOverTrials:
    """A yes-or-no item over the trials of a screening."""

    n_errors: int
    n_trials: int
    is_error: bool | None
    """None while another trial could still decide it."""


def judge_item(errors: Sequence[bool]) -> ItemOverTrials:
    """Return an item over the trials: an error when two thirds of at least three show it, rounded up.

    That is "in two of three trials or more" (Mauntel 2017) [V]. With fewer than three trials it stays
    open unless those that are missing could not change it.

    Examples
    --------
    >>> judge_item([True, False, True]).is_error, judge_item([True, False]).is_error, judge_item([False, False]).is_error
    (True, None, False)
    """
    n, n_errors = len(errors), sum(errors)
    missing = max(0, RECOMMENDED_TRIALS - n)
    needed = -(-2 * (n + missing) // 3)
    is_open = n_errors < needed <= n_errors + missing and missing > 0
    return ItemOverTrials(n_errors=n_errors, n_trials=n, is_error=None if is_open else n_errors >= needed)
