"""The score of a screening: that of the mean landing over its valid trials, never the mean of scores."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special

from app.biomech.method import COMPONENTS
from app.biomech.score import ComponentInput, compute_risk_score
from app.biomech.trials import TrialValue, aggregate_trials
from app.biomech.types import RiskScore, ScoreComponent, Side

SIDED_BY = "knee_valgus_displacement"
"""The component whose larger side is the knee that enters the score."""

SideValues = Mapping[tuple[str, Side], Sequence[TrialValue]]
"""By component key and side: the trials' values of that metric, at the component's instant."""


def score_trials(trials: Sequence[RiskScore], *, sided: SideValues) -> RiskScore | None:
    """Return the score of a screening, None when no trial has one.

    Each component enters with the mean of the trials that measured it. Its error is that of one trial
    (algorithm and day-to-day change, which more trials on one day do not lessen) and the spread of the
    trials over the square root of their number.

    Parameters
    ----------
    trials
        Scores of the valid trials, one method version.
    sided
        Values per side of the components that exist per side, for trials that took different knees: then
        the mean of both knees counts if any trial took it (yaw did not allow a side there), else the knee
        with the larger displacement over all trials.
    """
    parts: dict[str, list[ScoreComponent]] = {}
    for score in trials:
        for part in score.components:
            parts.setdefault(part.key, []).append(part)
    knee = _knee(parts.get(SIDED_BY, []), sided)
    inputs = [_input(found, sided, knee) for found in parts.values()]
    return compute_risk_score([item for item in inputs if item is not None])


def _knee(parts: Sequence[ScoreComponent], sided: SideValues) -> Side:
    """Return the knee that enters the score when trials took different ones."""
    sides = {part.side for part in parts}
    if len(sides) == 1:
        return sides.pop()
    if Side.BOTH in sides or not sides:
        return Side.BOTH
    means = {side: _mean(sided.get((SIDED_BY, side), ())) for side in (Side.LEFT, Side.RIGHT)}
    return Side.LEFT if means[Side.LEFT] >= means[Side.RIGHT] else Side.RIGHT


def _mean(values: Sequence[TrialValue]) -> float:
    return float(np.mean([item.value for item in values])) if values else float("-inf")


def _input(parts: Sequence[ScoreComponent], sided: SideValues, knee: Side) -> ComponentInput | None:
    """Return one component over the trials; None when the knee that counts was not measured in any."""
    side = parts[0].side
    values = [
        TrialValue(number=at, value=part.value, se=component_se(part)) for at, part in enumerate(parts, 1)
    ]
    if any(part.side is not side for part in parts):
        side = knee
        values = list(sided.get((parts[0].key, knee), ()))
    found = aggregate_trials(values)
    if found is None:
        return None
    return ComponentInput(key=parts[0].key, side=side, value=found.mean, se=found.se, cutoff=parts[0].cutoff)


def component_se(part: ScoreComponent) -> float:
    """Return the standard error a component was judged with, from its probability.

    Examples
    --------
    >>> part = ScoreComponent(key="fppa", side=Side.BOTH, value=15.0, unit="deg", cutoff=13.0,
    ...                       probability=float(special.ndtr(2.0 / 6.0)), weight=10.0, mark="V")
    >>> round(component_se(part), 6)
    6.0
    """
    least = COMPONENTS[part.key].se
    z = float(special.ndtri(np.clip(part.probability, 1e-15, 1.0 - 1e-15)))
    if abs(z) < 1e-9:
        return least
    return max(least, abs((part.value - part.cutoff) / z))
