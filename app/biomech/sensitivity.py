"""How much the order of athletes by score depends on the weights, which are ours."""

from dataclasses import dataclass

import numpy as np
import scipy

from app.biomech.method import SEED
from app.biomech.types import FloatArray

WEIGHT_RANGE = (0.7, 1.3)
"""Every weight is multiplied by a number drawn evenly from here (method section 5.5)."""
N_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSensitivity:
    """Rank correlation (Spearman) of the scores under other weights with those under ours."""

    n_athletes: int
    n_draws: int
    mean: float
    low_5: float
    """Only one draw in twenty orders the athletes less alike."""
    least: float
    largest_shift: float
    """Largest change of any athlete's score in any draw, points of 100."""


def vary_weights(
    probabilities: FloatArray, weights: FloatArray, *, n_draws: int = N_DRAWS, seed: int = SEED
) -> WeightSensitivity:
    """Return how the order of a group holds when the weights are other than ours.

    Parameters
    ----------
    probabilities : FloatArray, shape (N, C)
        Of each athlete's components to lie beyond their cut-offs; NaN where not measured, which takes
        the component's weight out of that athlete's score.
    weights : FloatArray, shape (C,)
        The method's.

    Raises
    ------
    ValueError
        With fewer than three athletes: there is no order to speak of.
    """
    if probabilities.shape[0] < 3:
        msg = f"an order needs at least three athletes, got {probabilities.shape[0]}"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    factors = rng.uniform(*WEIGHT_RANGE, size=(n_draws, weights.size))
    ours, theirs = _scores(probabilities, weights[None]), _scores(probabilities, weights * factors)
    correlations = _rank_correlations(ours, theirs)
    return WeightSensitivity(
        n_athletes=probabilities.shape[0],
        n_draws=n_draws,
        mean=float(correlations.mean()),
        low_5=float(np.quantile(correlations, 0.05)),
        least=float(correlations.min()),
        largest_shift=float(np.max(np.abs(theirs - ours))),
    )


def _scores(probabilities: FloatArray, weights: FloatArray) -> FloatArray:
    """Return each athlete's score under each set of weights (D, C), shape (D, N), 0-100."""
    known = np.isfinite(probabilities)
    return np.asarray(100.0 * (weights @ np.where(known, probabilities, 0.0).T) / (weights @ known.T))


def _rank_correlations(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return Spearman's correlation of each row of `theirs` with the one row of `ours`."""
    ranks = [scipy.stats.rankdata(scores, axis=1) for scores in (ours, theirs)]
    one, many = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    return np.asarray((many @ one[0]) / np.sqrt(np.sum(many**2, axis=1) * np.sum(one**2)))
