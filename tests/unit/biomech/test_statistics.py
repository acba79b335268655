"""Agreement and reliability against the published worked examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from app.biomech import statistics
from app.biomech.statistics import (
    bootstrap_interval,
    cohen_kappa,
    compute_mean_squares,
    icc_1_1,
    icc_1_k,
    icc_2_1,
    icc_2_1_interval,
    icc_2_k,
    icc_3_1,
    icc_3_k,
    limits_of_agreement,
    minimal_detectable_change,
    sem_from_icc,
    sem_from_repeats,
    summarise_errors,
    wilson_interval,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
"""Table 2 of Shrout & Fleiss 1979: six subjects, four judges."""


@pytest.mark.parametrize(
    ("icc", "published"),
    [
        (icc_1_1, 0.166),
        (icc_2_1, 0.290),
        (icc_3_1, 0.715),
        (icc_1_k, 0.443),
        (icc_2_k, 0.620),
        (icc_3_k, 0.909),
    ],
)
def test_icc_when_the_published_table_is_read_then_the_published_value(icc, published) -> None:
    assert icc(SHROUT_FLEISS) == pytest.approx(published, abs=0.0006)  # three digits are published


def test_icc_interval_when_the_published_table_is_read_then_the_known_interval() -> None:
    """0.019 to 0.761: what the usual packages print for this table."""
    interval = icc_2_1_interval(SHROUT_FLEISS)
    assert (interval.low, interval.high) == pytest.approx((0.019, 0.761), abs=0.001)
    assert interval.holds(icc_2_1(SHROUT_FLEISS))


def test_icc_when_all_agree_then_one_and_when_a_rater_is_off_then_only_agreement_suffers() -> None:
    perfect = np.column_stack([np.arange(6.0)] * 3)
    assert icc_2_1(perfect) == 1.0
    interval = icc_2_1_interval(perfect)
    assert (interval.low, interval.high) == (1.0, 1.0)
    shifted = perfect + np.array([0.0, 0.0, 3.0])
    assert icc_3_1(shifted) == pytest.approx(1.0)
    assert icc_2_1(shifted) < 0.7


def test_icc_when_nothing_varies_then_nan() -> None:
    assert np.isnan(icc_2_1(np.full((4, 2), 3.0)))


def test_mean_squares_when_a_subject_is_incomplete_then_it_is_left_out() -> None:
    holed = np.vstack([SHROUT_FLEISS, [1.0, np.nan, 2.0, 3.0]])
    assert compute_mean_squares(holed) == compute_mean_squares(SHROUT_FLEISS)


@pytest.mark.parametrize("table", [np.zeros((1, 3)), np.zeros((3, 1)), np.full((3, 3), np.nan), np.zeros(4)])
def test_mean_squares_when_the_table_is_too_small_then_refused(table) -> None:
    with pytest.raises(ValueError, match="two whole subjects by two raters"):
        compute_mean_squares(table)


def test_mdc_when_the_published_errors_are_put_in_then_the_published_differences() -> None:
    assert minimal_detectable_change(1.05) == pytest.approx(2.91, abs=0.005)
    assert minimal_detectable_change(2.72) == pytest.approx(7.54, abs=0.005)


def test_sem_when_read_from_repeats_then_the_noise_that_was_put_in() -> None:
    rng = np.random.default_rng(1)
    repeats = rng.normal(10.0, 5.0, size=(4000, 1)) + rng.normal(0.0, 2.0, size=(4000, 2))
    assert sem_from_repeats(repeats) == pytest.approx(2.0, rel=0.05)  # 4000 pairs: 1 % of spread
    sd = float(repeats[:, 0].std(ddof=1))
    assert sem_from_icc(sd=sd, icc=icc_2_1(repeats)) == pytest.approx(2.0, rel=0.05)


def test_limits_when_computed_then_mean_and_spread_with_their_intervals() -> None:
    errors = np.array([1.0, 3.0, 2.0, 4.0, np.nan])
    limits = limits_of_agreement(errors)
    sd = np.std([1.0, 3.0, 2.0, 4.0], ddof=1)
    assert (limits.n, limits.bias) == (4, 2.5)
    assert_allclose(
        [limits.lower, limits.upper], [2.5 - 1.96 * sd, 2.5 + 1.96 * sd], atol=1e-3
    )  # z written as 1.96
    assert limits.bias_interval.low < limits.bias < limits.bias_interval.high
    assert limits.upper_interval.holds(limits.upper)
    assert limits.lower_interval.holds(limits.lower)
    with pytest.raises(ValueError, match="at least two"):
        limits_of_agreement(np.array([1.0]))


def test_limits_interval_when_drawn_often_then_holds_the_true_limit_95_times_in_100() -> None:
    rng = np.random.default_rng(7)
    held = [
        limits_of_agreement(rng.normal(0.0, 1.0, size=30)).upper_interval.holds(1.96) for _ in range(1500)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)  # Bland & Altman's interval is approximate


def test_summary_when_nothing_is_known_then_nan_and_zero() -> None:
    summary = summarise_errors(np.array([np.nan]))
    assert summary.n == 0
    assert np.isnan([summary.bias, summary.sd, summary.mae, summary.rmse]).all()
    assert np.isnan(summarise_errors(np.array([1.0])).sd)


def test_bootstrap_when_clips_come_from_few_athletes_then_wider_than_from_many() -> None:
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(size=10), 8)
    few = bootstrap_interval(values, np.repeat(np.arange(10), 8), lambda x: float(x.mean()), n_draws=400)
    many = bootstrap_interval(values, np.arange(80), lambda x: float(x.mean()), n_draws=400)
    assert few.high - few.low > 2.0 * (many.high - many.low)
    assert few.holds(float(values.mean()))


@given(n=st.integers(1, 200), share=st.floats(0.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_wilson_when_any_share_then_inside_zero_to_one_and_holds_it(n, share) -> None:
    hits = round(share * n)
    interval = wilson_interval(hits, n)
    assert 0.0 <= interval.low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= interval.high <= 1.0


def test_wilson_when_nothing_was_tried_then_anything_is_possible() -> None:
    assert wilson_interval(0, 0) == statistics.Interval(low=0.0, high=1.0)


def test_kappa_when_computed_then_the_textbook_value() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: kappa 0.40 (Cohen's formula by hand)."""
    first = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    second = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx(0.40)
    assert np.isnan(cohen_kappa(np.ones(4), np.ones(4)))
