"""The trials of a screening put together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from app.biomech.method import COMPONENTS
from app.biomech.score import ComponentInput, component_se, compute_risk_score
from app.biomech.screening import score_trials
from app.biomech.trials import (
    TrialAdvice,
    TrialValue,
    advise_trials,
    aggregate_trials,
    judge_item,
    recommended_trials,
)
from app.biomech.types import Movement, RiskScore, ScoreComponent, Side

DVJ = Movement.DROP_VERTICAL_JUMP


def trials(*values: float, se: float = 2.0) -> list[TrialValue]:
    return [TrialValue(number=number, value=value, se=se) for number, value in enumerate(values, 1)]


def test_mean_when_three_trials_then_mean_spread_and_worst() -> None:
    found = aggregate_trials(trials(10.0, 14.0, 12.0), worse=1, typical_sd=3.0)
    assert found is not None
    assert (found.n_trials, found.mean, found.low, found.high) == (3, 12.0, 10.0, 14.0)
    assert found.sd == pytest.approx(2.0)
    assert (found.worst, found.worst_trial) == (14.0, 2)
    assert not found.disagree


@pytest.mark.parametrize(
    ("worse", "target", "worst"), [(1, None, 14.0), (-1, None, -15.0), (0, 0.0, -15.0), (0, None, None)]
)
def test_worst_when_the_direction_differs_then_so_does_the_trial(worse, target, worst) -> None:
    found = aggregate_trials(trials(10.0, 14.0, -15.0), worse=worse, target=target)
    assert found is not None
    assert found.worst == worst


def test_mean_when_there_are_no_trials_then_none() -> None:
    assert aggregate_trials([]) is None


def test_error_when_trials_are_many_then_the_shared_part_stays() -> None:
    """Yaw and landmarks do not average out; jitter and timing do."""
    rng = np.random.default_rng(0)
    many = [TrialValue(number=i, value=float(v), se=2.0) for i, v in enumerate(rng.normal(10, 1, 400), 1)]
    found = aggregate_trials(many, shared_variance=0.75)
    assert found is not None
    assert found.se_shared == pytest.approx(np.sqrt(0.75) * 2.0)
    assert found.se_trials < 0.1
    assert found.se == pytest.approx(found.se_shared, abs=0.01)
    free = aggregate_trials(many, shared_variance=0.0)
    assert free is not None
    assert free.se < 0.1


def test_error_when_one_trial_alone_then_the_usual_spread_is_in_it() -> None:
    """A single landing cannot show how much the athlete varies."""
    found = aggregate_trials(trials(10.0), typical_sd=3.0)
    assert found is not None
    assert found.sd is None
    assert found.se == pytest.approx(np.hypot(2.0, 3.0))


def test_error_when_two_trials_happen_to_agree_then_the_mean_is_not_made_sure() -> None:
    found = aggregate_trials(trials(10.0, 10.0), typical_sd=3.0)
    assert found is not None
    assert found.se_trials > 1.5


def test_interval_when_drawn_often_then_holds_the_truth() -> None:
    """Shared and own errors drawn as they are described: the stated error covers 95 in 100."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(2000):
        shared = rng.normal(0.0, 2.0)
        values = 10.0 + shared + rng.normal(0.0, 3.0, size=3)
        found = aggregate_trials(
            [TrialValue(number=i, value=float(v), se=2.0) for i, v in enumerate(values, 1)], typical_sd=3.0
        )
        assert found is not None
        held += abs(found.mean - 10.0) <= 1.96 * found.se
    assert 0.93 <= held / 2000 <= 0.97


@pytest.mark.parametrize(("gap", "disagree"), [(6.0, False), (10.0, True)])
def test_trials_when_they_differ_by_more_than_their_error_then_they_disagree(gap, disagree) -> None:
    """Two trials with an error of 3 differ by more than 8.3 in one case in twenty."""
    found = aggregate_trials(trials(5.0, 5.0 + gap), typical_sd=3.0)
    assert found is not None
    assert found.disagree is disagree


def test_trials_when_no_usual_spread_is_known_then_their_own_errors_decide() -> None:
    near, far = (aggregate_trials(trials(5.0, 5.0 + gap, se=1.0)) for gap in (2.0, 4.0))
    assert near is not None
    assert far is not None
    assert (near.disagree, far.disagree) == (False, True)


@pytest.mark.parametrize(
    ("n", "disagree", "advice"),
    [
        (1, False, TrialAdvice.TAKE_ONE_MORE_FEW),
        (3, False, TrialAdvice.ENOUGH),
        (3, True, TrialAdvice.TAKE_ONE_MORE_DISAGREE),
        (4, True, TrialAdvice.TAKE_ONE_MORE_DISAGREE),
        (5, True, TrialAdvice.UNSTEADY),
    ],
)
def test_advice_when_trials_are_few_or_disagree_then_one_more_but_not_for_ever(n, disagree, advice) -> None:
    assert recommended_trials(DVJ) == 3
    assert recommended_trials(Movement.SINGLE_LEG_SQUAT) == 5
    assert recommended_trials(Movement.STANDING) == 1
    assert advise_trials(n_trials=n, movement=DVJ, disagree=disagree) is advice


@pytest.mark.parametrize(
    ("errors", "is_error"),
    [
        ([], None),
        ([True], None),
        ([False], None),
        ([True, True], True),
        ([False, False], False),
        ([True, False], None),
        ([True, False, True], True),
        ([True, False, False], False),
        ([True, True, False, False], False),
        ([True, True, True, False, False], False),
        ([True, True, True, True, False], True),
    ],
)
def test_item_when_seen_in_two_of_three_then_an_error(errors, is_error) -> None:
    assert judge_item(errors).is_error is is_error


@given(st.lists(st.booleans(), min_size=3, max_size=9))
@settings(max_examples=60, deadline=None)
def test_item_when_there_are_three_or_more_then_decided_and_the_order_does_not_matter(errors) -> None:
    found = judge_item(errors)
    assert found.is_error is not None
    assert found == judge_item(errors[::-1])


def part(key: str, value: float, *, side: Side = Side.BOTH, se: float | None = None) -> ScoreComponent:
    definition = COMPONENTS[key]
    error = max(definition.se, se or 0.0)
    return ScoreComponent(
        key=key,
        side=side,
        value=value,
        unit=definition.unit,
        cutoff=definition.cutoff,
        probability=float(special.ndtr(definition.direction * (value - definition.cutoff) / error)),
        weight=definition.weight,
        mark=definition.mark,
    )


def score(*parts: ScoreComponent) -> RiskScore:
    found = compute_risk_score(
        [ComponentInput(key=p.key, side=p.side, value=p.value, se=component_se(p)) for p in parts]
    )
    assert found is not None
    return found


def test_score_when_there_is_one_trial_then_it_is_the_score_of_the_trial() -> None:
    one = score(part("knee_valgus_displacement", 12.4), part("lateral_trunk_lean", 4.0, se=6.0))
    assert score_trials([one], sided={}) == one


def test_score_when_there_are_three_trials_then_it_is_that_of_the_mean_landing() -> None:
    found = score_trials([score(part("knee_valgus_displacement", v)) for v in (8.0, 11.0, 14.0)], sided={})
    assert found is not None
    assert found.components[0].value == pytest.approx(11.0)
    steady = score_trials([score(part("knee_valgus_displacement", 11.0))] * 3, sided={})
    assert steady is not None
    assert component_se(found.components[0]) > component_se(steady.components[0])


def test_score_when_trials_took_different_knees_then_one_knee_over_all_trials() -> None:
    key = "knee_valgus_displacement"
    sided = {(key, Side.LEFT): trials(12.0, 13.0), (key, Side.RIGHT): trials(11.0, 15.0)}
    found = score_trials(
        [score(part(key, 12.0, side=Side.LEFT)), score(part(key, 15.0, side=Side.RIGHT))], sided=sided
    )
    assert found is not None
    assert (found.components[0].side, found.components[0].value) == (Side.RIGHT, 13.0)


def test_score_when_yaw_shut_the_gate_in_one_trial_then_the_mean_of_both_knees() -> None:
    key = "knee_valgus_displacement"
    mixed = [score(part(key, 12.0, side=Side.LEFT)), score(part(key, 9.0, side=Side.BOTH))]
    found = score_trials(mixed, sided={(key, Side.BOTH): trials(8.0, 9.0)})
    assert found is not None
    assert (found.components[0].side, found.components[0].value) == (Side.BOTH, 8.5)
    assert score_trials(mixed, sided={}) is None  # never one knee for the other


def test_score_when_no_trial_has_one_then_none() -> None:
    assert score_trials([], sided={}) is None
