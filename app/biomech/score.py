"""The composite of a landing: how probably each part lies beyond its cut-off, weighted and added.

0 is as in good landings, 100 furthest from them. A movement screen: it says nothing about whether an
athlete will be hurt. Weights are ours, written down before any data; cut-offs carry their source
(method section 5.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from app.biomech.method import (
    BANDS,
    CERTAIN_BAND,
    COMPONENTS,
    MIN_TOTAL_COVERAGE,
    SEED,
    TOTAL_WEIGHT,
    ComponentDefinition,
)
from app.biomech.normal import normal_point
from app.biomech.types import FloatArray, RiskScore, ScoreComponent, Side

N_DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentInput:
    """What was measured for one component."""

    key: str
    side: Side
    value: float
    se: float | None = None
    """Of this clip; the larger of it and the definition's own error counts."""
    cutoff: float | None = None
    """Instead of the definition's, where it depends on the athlete's sex."""


def compute_risk_score(inputs: Sequence[ComponentInput]) -> RiskScore | None:
    """Return the composite of the components that were measured, None without any.

    ``p_i = Phi(direction * (x_i - cutoff_i) / SE_i)``; value ``100 * sum(w p) / sum(w)`` over what was
    measured. Band probability and 90 % interval come from `N_DRAWS` draws of every true value around
    its measurement, with a fixed seed, so the same input always gives the same bytes.

    Below `MIN_TOTAL_COVERAGE` of the full weight the scope is ``frontal``: value and band are those of
    the frontal sub-score alone and must be shown as such, never as a total.
    """
    if not inputs:
        return None
    definitions = [COMPONENTS[item.key] for item in inputs]
    cutoffs = np.array([_cutoff(item, d) for item, d in zip(inputs, definitions, strict=True)])
    errors = np.array([max(d.se, item.se or 0.0) for item, d in zip(inputs, definitions, strict=True)])
    values = np.array([item.value for item in inputs])
    directions = np.array([d.direction for d in definitions])
    weights = np.array([d.weight for d in definitions])
    probabilities = scipy.special.ndtr(directions * (values - cutoffs) / errors)
    share = weights / weights.sum()
    value = float(100.0 * share @ probabilities)
    draws = _draw(values=values, errors=errors, cutoffs=cutoffs, directions=directions, share=share)
    low, high = np.quantile(draws, [0.05, 0.95], method="nearest")
    coverage = float(weights.sum() / TOTAL_WEIGHT)
    return RiskScore(
        value=value,
        band=band_of(value),
        band_probability=float(np.mean(_band_index(draws) == _band_index(np.array([value]))[0])),
        interval_90=(float(low), float(high)),
        coverage=coverage,
        scope="full" if coverage >= MIN_TOTAL_COVERAGE else "frontal",
        components=tuple(
            ScoreComponent(
                key=item.key,
                side=item.side,
                value=item.value,
                unit=definition.unit,
                cutoff=float(cutoff),
                probability=float(probability),
                weight=definition.weight,
                mark=definition.mark,
            )
            for item, definition, cutoff, probability in zip(
                inputs, definitions, cutoffs, probabilities, strict=True
            )
        ),
    )


def _cutoff(item: ComponentInput, definition: ComponentDefinition) -> float:
    return definition.cutoff if item.cutoff is None else item.cutoff


def _draw(
    *, values: FloatArray, errors: FloatArray, cutoffs: FloatArray, directions: FloatArray, share: FloatArray
) -> FloatArray:
    """Return the composite of `N_DRAWS` possible truths, each component beyond its cut-off or not."""
    rng = np.random.default_rng(SEED)
    truths = values + errors * rng.standard_normal((N_DRAWS, values.size))
    beyond = directions * (truths - cutoffs) >= 0.0
    # Rounded so that a sum of weights that is exactly a band's edge does not depend on the order of adding.
    return np.round(100.0 * (beyond @ share), 9)


def _band_index(scores: FloatArray) -> FloatArray:
    return np.asarray(
        np.searchsorted([band.lower for band in BANDS], scores, side="right") - 1, dtype=np.float64
    )


def band_of(value: float) -> str:
    """Return the name of the band that a score falls in.

    Examples
    --------
    >>> band_of(29.9), band_of(30.0), band_of(60.0)
    ('within expected range', 'some deviations', 'marked deviations')
    """
    return BANDS[int(_band_index(np.array([value]))[0])].name


def describe_band(score: RiskScore) -> str:
    """Return the band in words for a page: borderline when it is not certain, and labelled when frontal only.

    Examples
    --------
    >>> describe_band(RiskScore(value=43.65, band="some deviations", band_probability=0.85, interval_90=(20, 66),
    ...                         coverage=1.0, scope="full", components=()))
    'some deviations'
    >>> describe_band(RiskScore(value=61.0, band="marked deviations", band_probability=0.6, interval_90=(20, 66),
    ...                         coverage=0.6, scope="frontal", components=()))
    'frontal screen: borderline some deviations / marked deviations'
    """
    label = score.band
    if score.band_probability < CERTAIN_BAND:
        label = "borderline " + " / ".join(_neighbours(score))
    return f"frontal screen: {label}" if score.scope == "frontal" else label


def _neighbours(score: RiskScore) -> tuple[str, str]:
    """Return the band and the one whose edge is nearer, in ascending order."""
    at = next(i for i, band in enumerate(BANDS) if band.name == score.band)
    upper = BANDS[at + 1].lower if at + 1 < len(BANDS) else float("inf")
    nearer_below = at > 0 and (score.value - BANDS[at].lower <= upper - score.value)
    first = at - 1 if nearer_below else min(at, len(BANDS) - 2)
    return BANDS[first].name, BANDS[first + 1].name


def component_se(part: ScoreComponent) -> float:
    """Return the standard error a component was judged with, from its probability.

    Examples
    --------
    >>> part = ScoreComponent(key="fppa", side=Side.BOTH, value=15.0, unit="deg", cutoff=13.0,
    ...                       probability=float(scipy.special.ndtr(2.0 / 6.0)), weight=10.0, mark="V")
    >>> round(component_se(part), 6)
    6.0
    """
    least = COMPONENTS[part.key].se
    z = normal_point(min(max(part.probability, 1e-15), 1.0 - 1e-15))
    if abs(z) < 1e-9:
        return least
    return max(least, abs((part.value - part.cutoff) / z))
