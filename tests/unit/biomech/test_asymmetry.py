"""Left against right, and when it may be said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.biomech.angles import compute_yaw_error_deg
from app.biomech.asymmetry import (
    AsymmetryVerdict,
    compare_sides,
    compute_limb_symmetry,
    false_angle_from_errors,
)
from app.biomech.metrics import Value
from app.biomech.types import Side

MDC = 8.9


def value(deg: float, *, own: float = 2.0, yaw: float = 0.0) -> Value:
    return Value(value=deg, se=float(np.hypot(own, yaw)))


def test_difference_when_yaw_is_five_degrees_then_a_false_17_degrees_is_not_called_one() -> None:
    """80 degrees of flexion and 5 of yaw put +8.8 on one knee and -8.8 on the other (method 3.2)."""
    false_deg = float(compute_yaw_error_deg(thigh_deg=np.array(50.0), shank_deg=np.array(30.0), yaw_deg=5.0))
    assert false_deg == pytest.approx(8.8, abs=0.05)
    found = compare_sides(value(8.8, yaw=false_deg), value(-8.8, yaw=false_deg), mdc=MDC, yaw_false=false_deg)
    assert found.verdict is AsymmetryVerdict.NOT_SQUARE
    assert found.larger is None
    assert found.limit == pytest.approx(np.sqrt(2.0) * MDC + 2.0 * false_deg)
    assert found.interval_95.holds(0.0)


def test_difference_when_larger_than_error_and_yaw_then_called_with_its_side() -> None:
    found = compare_sides(value(4.0), value(22.0), mdc=MDC, yaw_false=1.0)
    assert (found.verdict, found.larger, found.difference) == (AsymmetryVerdict.ASYMMETRIC, Side.RIGHT, -18.0)
    assert not found.interval_95.holds(0.0)


@pytest.mark.parametrize(
    ("yaw_false", "verdict"), [(2.9, AsymmetryVerdict.WITHIN_ERROR), (3.1, AsymmetryVerdict.NOT_SQUARE)]
)
def test_difference_when_small_then_the_gate_says_whether_that_means_anything(yaw_false, verdict) -> None:
    found = compare_sides(value(9.0, yaw=yaw_false), value(5.0, yaw=yaw_false), mdc=MDC, yaw_false=yaw_false)
    assert found.verdict is verdict


def test_error_when_yaw_goes_up_on_one_side_and_down_on_the_other_then_it_counts_twice() -> None:
    found = compare_sides(value(9.0, yaw=4.0), value(5.0, yaw=4.0), mdc=MDC, yaw_false=4.0)
    assert found.se == pytest.approx(np.sqrt(2.0 * 2.0**2 + 8.0**2))


def test_difference_when_the_clip_is_noisier_than_the_study_then_its_own_error_is_the_limit() -> None:
    found = compare_sides(value(30.0, own=8.0), value(12.0, own=8.0), mdc=MDC)
    assert found.mdc95 == pytest.approx(1.96 * np.sqrt(2.0) * 8.0, rel=1e-3)
    assert found.verdict is AsymmetryVerdict.WITHIN_ERROR


@given(left=st.floats(-30, 40), right=st.floats(-30, 40), yaw=st.floats(0.0, 20.0), own=st.floats(0.1, 8.0))
@settings(max_examples=150, deadline=None)
def test_difference_when_mirrored_then_the_verdict_stays_and_the_side_swaps(left, right, yaw, own) -> None:
    found = compare_sides(
        value(left, own=own, yaw=yaw), value(right, own=own, yaw=yaw), mdc=MDC, yaw_false=yaw
    )
    mirrored = compare_sides(
        value(right, own=own, yaw=yaw), value(left, own=own, yaw=yaw), mdc=MDC, yaw_false=yaw
    )
    assert mirrored.verdict is found.verdict
    assert mirrored.difference == -found.difference
    swapped = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, None: None}
    assert mirrored.larger is swapped[found.larger]
    assert (found.verdict is AsymmetryVerdict.ASYMMETRIC) is (abs(left - right) > found.limit)


def test_false_angle_when_read_back_from_stored_errors_then_the_one_put_in() -> None:
    landmark, yaw, rest = 1.5, 4.0, 2.2
    side = float(np.sqrt(rest**2 + landmark**2 + yaw**2))
    both = float(np.sqrt(rest**2 + landmark**2 / 2.0))
    assert false_angle_from_errors(
        left_se=side, right_se=side, both_se=both, side_se=landmark
    ) == pytest.approx(yaw)
    assert false_angle_from_errors(left_se=2.0, right_se=2.0, both_se=3.0, side_se=1.5) == 0.0


def test_index_when_computed_then_weaker_over_stronger_with_its_interval() -> None:
    found = compute_limb_symmetry(Value(value=0.20, se=0.01), Value(value=0.16, se=0.01))
    assert found is not None
    assert (found.percent, found.numerator) == (pytest.approx(80.0), Side.RIGHT)
    assert found.interval_95.low < 80.0 < found.interval_95.high


def test_index_when_a_leg_is_named_then_that_one_is_above_the_line() -> None:
    found = compute_limb_symmetry(Value(value=50.0, se=1.0), Value(value=40.0, se=1.0), involved=Side.LEFT)
    assert found is not None
    assert found.percent == pytest.approx(125.0)


def test_index_interval_when_drawn_often_then_holds_the_truth() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(2000):
        left, right = rng.normal(45.0, 3.0), rng.normal(50.0, 3.0)
        found = compute_limb_symmetry(
            Value(value=left, se=3.0), Value(value=right, se=3.0), involved=Side.LEFT
        )
        assert found is not None
        held += found.interval_95.holds(90.0)
    assert 0.93 <= held / 2000 <= 0.97


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((-1.0, 0.1), (5.0, 0.1)),
        ((0.0, 0.1), (5.0, 0.1)),
        ((1.0, 0.6), (5.0, 0.1)),
        ((1.0, float("nan")), (5.0, 0.1)),
    ],
)
def test_index_when_a_side_is_not_positive_or_hardly_known_then_none(left, right) -> None:
    assert compute_limb_symmetry(*(Value(value=v, se=se) for v, se in (left, right))) is None
