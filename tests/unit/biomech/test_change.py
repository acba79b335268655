"""Real change or noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from app.biomech.change import (
    LARGER_ERRORS,
    OBSTACLES,
    OWN_ERRORS,
    SCORE_SOURCE,
    Better,
    Change,
    ChangeVerdict,
    Conditions,
    Direction,
    Obstacle,
    Reading,
    compare_readings,
    compare_scores,
    describe_change,
    find_obstacles,
    repeat_error,
)
from app.biomech.score import ComponentInput, compute_risk_score
from app.biomech.types import Movement, RiskScore, Side, View

LOWER = Direction(better=Better.LOWER, target=0.0)
FPPA_MDC = 8.9
BASE = Conditions(
    movement=Movement.DROP_VERTICAL_JUMP,
    views=frozenset({View.FRONTAL}),
    box_height_cm=30.0,
    context="baseline",
    method_version="1.0.0",
    model_sha256="a" * 64,
)


def reading(value: float, *, se: float = 2.0) -> Reading:
    return Reading(value=value, se=se, n_trials=3)


def compare(before: float, after: float, *, se: float = 2.0, direction: Direction = LOWER) -> Change:
    return compare_readings(
        reading(before, se=se), reading(after, se=se), direction=direction, mdc=FPPA_MDC, mdc_source="Munro"
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (20.0, 10.0, ChangeVerdict.IMPROVED),
        (10.0, 20.0, ChangeVerdict.WORSE),
        (15.0, 10.0, ChangeVerdict.WITHIN_ERROR),
        (10.0, 10.0 + FPPA_MDC - 0.01, ChangeVerdict.WITHIN_ERROR),
        (10.0, 10.0 + FPPA_MDC + 0.01, ChangeVerdict.WORSE),
    ],
)
def test_change_when_it_exceeds_the_published_mdc_then_real_and_else_noise(before, after, verdict) -> None:
    found = compare(before, after)
    assert found.verdict is verdict
    assert found.mdc95 == pytest.approx(FPPA_MDC)
    assert found.mdc_source == "Munro"
    assert found.difference == pytest.approx(after - before)


def test_change_when_a_clip_is_noisier_than_the_study_then_its_own_error_counts() -> None:
    found = compare(25.0, 12.0, se=6.0)
    assert found.verdict is ChangeVerdict.WITHIN_ERROR
    assert found.mdc95 == pytest.approx(1.96 * np.sqrt(2.0) * 6.0, rel=1e-3)
    assert found.mdc_source == LARGER_ERRORS


def test_change_when_nobody_published_an_error_then_says_that_day_to_day_change_is_missing() -> None:
    found = compare_readings(
        reading(0.30, se=0.01), reading(0.35, se=0.01), direction=Direction(better=Better.HIGHER), mdc=None
    )
    assert found.verdict is ChangeVerdict.IMPROVED
    assert found.mdc_source == OWN_ERRORS


@given(
    before=st.floats(-30, 40),
    after=st.floats(-30, 40),
    se=st.floats(0.1, 10.0),
    better=st.sampled_from(Better),
)
@settings(max_examples=200, deadline=None)
def test_change_when_any_then_one_verdict_the_interval_agrees_and_turning_it_round_turns_the_verdict(
    before, after, se, better
) -> None:
    direction = Direction(better=better, target=0.0 if better is Better.NEARER else None)
    found, turned = (
        compare(*pair, se=se, direction=direction) for pair in ((before, after), (after, before))
    )
    assert found.interval_95 is not None
    real = not found.interval_95.holds(0.0)
    if better in (Better.LOWER, Better.HIGHER):
        assert (found.verdict in (ChangeVerdict.IMPROVED, ChangeVerdict.WORSE)) is real
    if not real:
        assert found.verdict is ChangeVerdict.WITHIN_ERROR
    opposite = {ChangeVerdict.IMPROVED: ChangeVerdict.WORSE, ChangeVerdict.WORSE: ChangeVerdict.IMPROVED}
    assert turned.verdict is opposite.get(found.verdict, found.verdict)
    assert (found.obstacles == ()) is (found.verdict is not ChangeVerdict.NOT_COMPARABLE)


def test_change_when_an_unchanged_athlete_is_measured_twice_then_called_real_one_time_in_twenty() -> None:
    rng = np.random.default_rng(4)
    sem = FPPA_MDC / (1.96 * np.sqrt(2.0))
    pairs = 12.0 + rng.normal(0.0, sem, size=(4000, 2))
    called = [compare(*pair).verdict is not ChangeVerdict.WITHIN_ERROR for pair in pairs]
    assert np.mean(called) == pytest.approx(0.05, abs=0.012)  # 4000 draws: standard error 0.0034


def test_probability_when_computed_then_phi_of_the_gain_over_its_error() -> None:
    found = compare(15.0, 10.0)
    assert found.probability_improved == pytest.approx(special.ndtr(5.0 * 1.959964 / FPPA_MDC))
    assert compare(12.0, 12.0).probability_improved == pytest.approx(0.5)
    assert compare(10.0, 15.0).probability_improved == pytest.approx(
        1.0 - special.ndtr(5.0 * 1.959964 / FPPA_MDC)
    )


def test_change_when_a_straight_knee_bows_outwards_then_not_called_better() -> None:
    found = compare(1.0, -12.0)
    assert (found.verdict, found.obstacles) == (
        ChangeVerdict.NOT_COMPARABLE,
        (Obstacle.NO_BETTER_DIRECTION,),
    )
    assert compare(12.0, -12.0).verdict is ChangeVerdict.IMPROVED


def test_change_when_neither_way_is_better_then_says_so_only_if_it_is_more_than_noise() -> None:
    neutral = Direction(better=Better.NEITHER)
    assert compare(10.0, 12.0, direction=neutral).verdict is ChangeVerdict.WITHIN_ERROR
    found = compare(10.0, 30.0, direction=neutral)
    assert found.obstacles == (Obstacle.NO_BETTER_DIRECTION,)
    assert found.probability_improved is None
    assert "neither way is better" in describe_change(found, unit="s")


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"method_version": "1.1.0"}, Obstacle.METHOD_VERSION),
        ({"model_sha256": "b" * 64}, Obstacle.POSE_MODEL),
        ({"views": frozenset({View.FRONTAL, View.SAGITTAL})}, Obstacle.VIEW),
        ({"box_height_cm": 40.0}, Obstacle.BOX_HEIGHT),
        ({"box_height_cm": None}, Obstacle.BOX_HEIGHT),
        ({"box_height_cm": float("nan")}, Obstacle.BOX_HEIGHT),
        ({"context": "fatigued"}, Obstacle.CONTEXT),
    ],
)
def test_conditions_when_one_differs_then_not_comparable_with_that_reason(change, obstacle) -> None:
    other = Conditions(**{name: change.get(name, getattr(BASE, name)) for name in Conditions.__slots__})
    obstacles = find_obstacles(BASE, other)
    assert obstacles == (obstacle,)
    found = compare_readings(reading(20.0), reading(5.0), direction=LOWER, mdc=8.0, obstacles=obstacles)
    assert found.verdict is ChangeVerdict.NOT_COMPARABLE
    assert found.difference is None
    assert describe_change(found, unit="deg") == OBSTACLES[obstacle]


@pytest.mark.parametrize("box", [None, 31.0])
def test_conditions_when_boxes_are_alike_or_both_unknown_then_comparable(box) -> None:
    first = Conditions(
        **{n: getattr(BASE, n) for n in Conditions.__slots__} | {"box_height_cm": box and 30.0}
    )
    other = Conditions(**{n: getattr(BASE, n) for n in Conditions.__slots__} | {"box_height_cm": box})
    assert find_obstacles(first, other) == ()


def test_change_when_a_number_is_missing_then_not_comparable() -> None:
    found = compare_readings(None, reading(5.0), direction=LOWER, mdc=8.0)
    assert found.obstacles == (Obstacle.NOT_MEASURED,)


def score(displacement: float, *, side: Side = Side.BOTH, more: tuple[ComponentInput, ...] = ()) -> RiskScore:
    found = compute_risk_score(
        [ComponentInput(key="knee_valgus_displacement", side=side, value=displacement), *more]
    )
    assert found is not None
    return found


def test_score_when_remeasured_then_wanders_as_much_as_its_repeat_error_says() -> None:
    """An oracle by brute force: one part, its value drawn again with the error between sessions (8 deg MDC)."""
    rng = np.random.default_rng(5)
    sem = 8.0 / (1.96 * np.sqrt(2.0))
    draws = special.ndtr((11.0 + rng.normal(0.0, sem, size=40_000) - 10.6) / 4.0)
    assert repeat_error(score(11.0)) == pytest.approx(100.0 * draws.std(), rel=0.02)


def test_score_when_the_clip_was_noisy_then_it_wanders_by_its_whole_error() -> None:
    assert repeat_error(score(10.7)) < 25.0
    noisy = compute_risk_score(
        [ComponentInput(key="knee_valgus_displacement", side=Side.BOTH, value=10.7, se=9.0)]
    )
    assert noisy is not None
    assert repeat_error(noisy) == pytest.approx(28.87, abs=0.05)  # uniform: 100 / sqrt(12)


def test_score_when_frontal_parts_go_together_then_more_error_than_if_they_did_not() -> None:
    lean = ComponentInput(key="lateral_trunk_lean", side=Side.BOTH, value=5.0)
    fppa = ComponentInput(key="fppa", side=Side.BOTH, value=13.0)
    one, two = repeat_error(score(10.6)), repeat_error(score(10.6, more=(fppa,)))
    assert 0.9 * one < two < one
    apart = np.hypot(2.0 / 3.0 * one, 1.0 / 3.0 * 28.87)
    assert repeat_error(score(10.6, more=(lean,))) == pytest.approx(apart, abs=0.01)


def test_scores_when_compared_then_verdict_by_the_error_of_the_score() -> None:
    found = compare_scores(score(22.0), score(2.0), n_trials=(3, 3))
    assert found.verdict is ChangeVerdict.IMPROVED
    assert found.mdc_source == SCORE_SOURCE
    assert compare_scores(score(12.0), score(9.0), n_trials=(3, 3)).verdict is ChangeVerdict.WITHIN_ERROR


def test_scores_when_of_other_knees_or_parts_then_not_comparable() -> None:
    lean = ComponentInput(key="lateral_trunk_lean", side=Side.BOTH, value=5.0)
    for other, obstacle in (
        (score(10.0, side=Side.LEFT), Obstacle.SIDE_DEFINITION),
        (score(10.0, more=(lean,)), Obstacle.SCORE_PARTS),
    ):
        assert compare_scores(score(20.0), other, n_trials=(3, 3)).obstacles == (obstacle,)
    assert compare_scores(None, score(9.0), n_trials=(0, 3)).obstacles == (Obstacle.NOT_MEASURED,)


def test_words_when_said_then_number_unit_interval_and_error_are_in_them() -> None:
    assert describe_change(compare(15.0, 10.0), unit="deg") == (
        "Within measurement error: -5.0 deg (95 % interval -13.9 to +3.9);"
        " only more than 8.9 deg would be a real change."
    )
    ratio = compare_readings(
        reading(0.70, se=0.02),
        reading(0.95, se=0.02),
        direction=Direction(better=Better.HIGHER, target=1.0),
        mdc=0.15,
    )
    assert describe_change(ratio, unit="1") == (
        "Improved: +0.25 (95 % interval +0.10 to +0.40), more than measurement error (0.15)."
    )


def test_obstacles_when_listed_then_each_has_words() -> None:
    assert set(OBSTACLES) == set(Obstacle)
