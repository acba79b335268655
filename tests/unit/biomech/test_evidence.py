"""What a positive screen would mean, and how much our weights matter."""

import numpy as np
import pytest
from scipy import special

from app.biomech.evidence import BASE_RATES, SCREENING_TESTS
from app.biomech.method import COMPONENTS
from app.biomech.sensitivity import vary_weights

PUBLISHED_TABLE = [
    ("knee_abduction_moment", (1.7, 2.8, 8.2, 24), (2.89, 0.30)),
    ("less_5", (1.4, 2.4, 6.9, 21), (2.39, 0.22)),
    ("auc_06", (0.9, 1.4, 4.2, 14), (1.43, 0.77)),
    ("knee_valgus_displacement", (2.9, 4.8, 13, 36), (5.0, 0.29)),
]
"""Method section 5.3."""


@pytest.mark.parametrize(("key", "values", "ratios"), PUBLISHED_TABLE)
def test_predictive_value_when_computed_then_as_in_the_methods_table(key, values, ratios) -> None:
    test = next(test for test in SCREENING_TESTS if test.key == key)
    for base_rate, percent in zip(BASE_RATES, values, strict=True):
        digits = 0 if percent >= 10 else 1
        assert round(100.0 * test.predictive_value(base_rate), digits) == percent
    found = (test.likelihood_ratio_positive, test.likelihood_ratio_negative)
    assert found == pytest.approx(ratios, abs=0.006)


def make_group(n: int = 120, *, seed: int = 0) -> np.ndarray:
    """Probabilities of a plausible team: values spread around the cut-offs, one bad habit shared by parts."""
    rng = np.random.default_rng(seed)
    habit = rng.normal(size=(n, 1))
    return np.asarray(special.ndtr(0.7 * habit + 0.7 * rng.normal(size=(n, len(COMPONENTS))) - 0.3))


def test_weights_when_varied_by_thirty_per_cent_then_the_order_of_athletes_hardly_moves() -> None:
    weights = np.array([component.weight for component in COMPONENTS.values()])
    found = vary_weights(make_group(), weights)
    assert (found.n_athletes, found.n_draws) == (120, 1000)
    assert found.mean > 0.98
    assert found.low_5 > 0.97
    assert found.least <= found.low_5 <= found.mean <= 1.0
    assert found.largest_shift < 15.0
    assert vary_weights(make_group(), weights) == found


def test_weights_when_parts_are_missing_then_the_rest_is_counted() -> None:
    group = make_group(n=30)
    group[:, 0] = np.nan
    group[3, 4] = np.nan
    weights = np.array([component.weight for component in COMPONENTS.values()])
    assert vary_weights(group, weights, n_draws=50).mean > 0.95


def test_weights_when_one_part_is_all_there_is_then_weights_change_nothing() -> None:
    found = vary_weights(make_group(n=10)[:, :1], np.array([20.0]), n_draws=20)
    assert (found.least, found.largest_shift) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-9))


def test_weights_when_there_are_two_athletes_then_refused() -> None:
    with pytest.raises(ValueError, match="at least three"):
        vary_weights(make_group(n=2), np.ones(len(COMPONENTS)))
