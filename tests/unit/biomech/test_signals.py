"""Smoothing keeps what is slow, loses no time, and never invents what was not measured."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.biomech import signals


def net_gain(frequency_hz: float, *, cutoff_hz: float, rate_hz: float) -> float:
    """Return the amplitude of a smoothed sine over that of the sine, away from the ends."""
    t = np.arange(0.0, 8.0, 1.0 / rate_hz)
    smoothed = signals.smooth(t, np.sin(2 * np.pi * frequency_hz * t), cutoff_hz=cutoff_hz)
    middle = (t > 2.0) & (t < 6.0)
    return float(np.sqrt(2.0) * np.std(smoothed[middle]))


@pytest.mark.parametrize(
    ("cutoff_hz", "frequency_hz", "gain"),
    [
        (6, 2, 0.995),
        (6, 3, 0.975),
        (6, 5, 0.834),
        (6, 8, 0.433),
        (10, 5, 0.975),
        (12, 5, 0.988),
        (12, 8, 0.924),
    ],
)
def test_smooth_when_a_sine_goes_in_then_its_gain_is_that_of_the_method(
    cutoff_hz: float, frequency_hz: float, gain: float
) -> None:
    # 0.004: the published column is the analogue filter; at 1000 Hz the digital one is that close.
    assert net_gain(frequency_hz, cutoff_hz=cutoff_hz, rate_hz=1000.0) == pytest.approx(gain, abs=0.004)


@pytest.mark.parametrize("rate_hz", [30.0, 60.0, 240.0])
def test_smooth_when_the_sine_is_at_the_cutoff_then_it_is_3_db_down(rate_hz: float) -> None:
    assert net_gain(6.0, cutoff_hz=6.0, rate_hz=rate_hz) == pytest.approx(2**-0.5, abs=0.01)


def test_smooth_when_a_pulse_goes_in_then_its_peak_does_not_move() -> None:
    t = np.arange(121) / 60
    smoothed = signals.smooth(t, np.exp(-(((t - 1.0) / 0.08) ** 2)), cutoff_hz=8.0)
    assert int(np.argmax(smoothed)) == 60
    np.testing.assert_allclose(smoothed, smoothed[::-1], atol=1e-6)  # forwards and back: symmetric


def test_smooth_when_there_is_a_gap_then_both_parts_are_as_if_alone() -> None:
    t = np.arange(120) / 60
    values = np.sin(3 * t)
    values[50:70] = np.nan
    smoothed = signals.smooth(t, values, cutoff_hz=8.0)
    assert np.isnan(smoothed[50:70]).all()
    np.testing.assert_array_equal(smoothed[:50], signals.smooth(t[:50], values[:50], cutoff_hz=8.0))
    np.testing.assert_array_equal(smoothed[70:], signals.smooth(t[70:], values[70:], cutoff_hz=8.0))


def test_smooth_when_a_run_is_too_short_then_it_is_not_measured() -> None:
    values = np.array([np.nan, 1.0, 2.0, 3.0, np.nan, 1.0, 2.0, 3.0, 4.0])
    smoothed = signals.smooth(np.arange(9) / 60, values, cutoff_hz=8.0)
    assert np.isnan(smoothed[:5]).all()
    assert np.isfinite(smoothed[5:]).all()


def test_smooth_when_frames_come_unevenly_then_a_slow_movement_is_kept() -> None:
    t = np.cumsum(np.random.default_rng(1).uniform(0.012, 0.021, 200))
    values = np.sin(2 * np.pi * t)
    # 0.01: one Hz through an 8 Hz filter loses nothing; what is left is the resampling.
    np.testing.assert_allclose(signals.smooth(t, values, cutoff_hz=8.0)[10:-10], values[10:-10], atol=0.01)


def test_smooth_when_the_cutoff_is_at_the_nyquist_frequency_then_values_come_back() -> None:
    t, values = np.arange(30) / 24, np.random.default_rng(0).normal(size=30)
    np.testing.assert_array_equal(signals.smooth(t, values, cutoff_hz=12.0), values)


def test_fill_gaps_when_a_gap_is_short_it_is_filled_and_when_long_it_stays() -> None:
    t = np.arange(60) / 60
    values = np.column_stack([t**2, t])
    values[10:16] = np.nan  # 100 ms
    values[30:37] = np.nan  # 117 ms
    filled = signals.fill_gaps(t, values)
    np.testing.assert_allclose(filled[10:16, 0], t[10:16] ** 2, atol=1e-3)
    assert np.isnan(filled[30:37]).all()


def test_fill_gaps_when_a_gap_is_at_an_end_then_it_stays() -> None:
    values = np.array([np.nan, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(signals.fill_gaps(np.arange(4) / 60, values), values)
    lonely = np.array([np.nan, 1.0, np.nan])
    np.testing.assert_array_equal(signals.fill_gaps(np.arange(3) / 60, lonely), lonely)


@given(st.integers(min_value=3, max_value=55))
@settings(max_examples=20, deadline=None)
def test_drop_outliers_when_one_frame_jumps_then_only_that_frame_goes(at: int) -> None:
    t = np.arange(60) / 60
    steady = 1000.0 * t  # 17 px a frame: fast, but steady
    spiked = steady.copy()
    spiked[at] += 120.0
    cleaned = signals.drop_outliers(spiked, limit=25.0)
    assert np.flatnonzero(np.isnan(cleaned)).tolist() == [at]
    assert np.isfinite(signals.drop_outliers(steady, limit=25.0)).all()


def test_drop_outliers_when_the_clip_is_shorter_than_the_window_then_nothing_happens() -> None:
    np.testing.assert_array_equal(signals.drop_outliers(np.array([0.0, 99.0]), limit=1.0), [0.0, 99.0])


@pytest.mark.parametrize(("rate_hz", "low", "high"), [(30, 6, 8), (60, 8, 12), (120, 10, 12), (240, 12, 15)])
def test_cutoff_range_when_the_rate_rises_then_so_does_the_cutoff(
    rate_hz: float, low: float, high: float
) -> None:
    assert signals.cutoff_range_hz(rate_hz) == (low, high)


def test_choose_cutoff_when_the_movement_is_faster_then_it_is_higher() -> None:
    t = np.arange(0, 4, 1 / 60)
    noise = np.random.default_rng(2).normal(0, 0.3, (t.size, 4))
    slow, fast = (
        signals.choose_cutoff_hz(t, 100 * np.sin(2 * np.pi * f * t)[:, None] * np.ones(4) + noise)
        for f in (0.5, 5.0)
    )
    assert slow == pytest.approx(8.0)
    assert fast > slow


def test_choose_cutoff_when_nothing_can_be_analysed_then_the_lowest_of_the_range_is_used() -> None:
    t = np.arange(100) / 60
    assert signals.choose_cutoff_hz(t, np.full((100, 2), np.nan)) == 8.0


@pytest.mark.parametrize("rate_hz", [60.0, 240.0])
def test_residual_sd_when_noise_is_known_then_it_is_recovered(rate_hz: float) -> None:
    t = np.arange(0, 20, 1 / rate_hz)
    raw = (50 * np.sin(2 * np.pi * 0.7 * t) + np.random.default_rng(3).normal(0, 2.0, t.size))[:, None]
    smoothed = signals.smooth(t, raw, cutoff_hz=10.0)
    assert signals.residual_sd(raw, smoothed, cutoff_hz=10.0, rate_hz=rate_hz) == pytest.approx(2.0, rel=0.05)


def test_residual_sd_when_nothing_was_measured_then_it_is_nan() -> None:
    nothing = np.full((9, 2), np.nan)
    assert np.isnan(signals.residual_sd(nothing, nothing, cutoff_hz=8.0, rate_hz=60.0))


def test_longest_gap_when_samples_are_missing_then_it_is_the_time_between_their_neighbours() -> None:
    t = np.arange(10) / 10
    good = np.ones(10, dtype=bool)
    assert signals.longest_gap_s(t, good) == pytest.approx(0.0)
    good[4:7] = False
    assert signals.longest_gap_s(t, good) == pytest.approx(0.3)
    assert signals.longest_gap_s(t, np.zeros(10, dtype=bool)) == pytest.approx(0.9)


def test_median_rate_when_there_is_one_frame_then_it_is_nan() -> None:
    assert np.isnan(signals.median_rate_hz(np.array([0.0])))
