"""One movement of a screening put together: views, repetitions, legs, and which numbers decide about one more trial."""

import numpy as np
import pytest

from app.biomech.asymmetry import AsymmetryVerdict
from app.biomech.change import published_mdc, published_sem
from app.biomech.definitions import METRICS
from app.biomech.metrics import LANDMARK_SIDE_SD_DEG
from app.biomech.pipeline import assess_trial
from app.biomech.screening import (
    MovementJudgement,
    TrialResult,
    aggregate_metrics,
    count_performances,
    judge_movement,
    merge_views,
)
from app.biomech.trials import TrialAdvice
from app.biomech.types import Assessed, Metric, Movement, Sex, Side, TrialContext
from tests.synth import drop_jump, video_of

DVJ, SLS = Movement.DROP_VERTICAL_JUMP, Movement.SINGLE_LEG_SQUAT


def metric(key: str = "fppa", value: float | None = 10.0, *, side: Side = Side.BOTH,
           event: str = "peak_knee_flexion", se: float | None = 2.0, repetition: int | None = None) -> Metric:  # fmt: skip
    return Metric(key=key, side=side, value=value, unit="deg", event=event, se=se, repetition=repetition)


def trial(number: int, *metrics: Metric) -> TrialResult:
    return TrialResult(number=number, metrics=metrics, risk_score=None)


def test_views_when_both_saw_a_number_then_the_surer_one_counts() -> None:
    frontal = (metric("contact_time", 0.36, se=0.02), metric("fppa", 12.0))
    sagittal = (metric("contact_time", 0.35, se=0.01), metric("jump_height", None, se=None))
    merged = merge_views([frontal, sagittal])
    assert {(item.key, item.value) for item in merged} == {("contact_time", 0.35), ("fppa", 12.0)}


def test_numbers_when_a_trial_lacks_one_then_the_mean_is_of_those_that_have_it() -> None:
    found = aggregate_metrics(
        [trial(1, metric(value=10.0)), trial(2, metric(value=None, se=None)), trial(3, metric(value=14.0))]
    )
    assert [(item.over_trials.mean, item.over_trials.n_trials) for item in found] == [(12.0, 2)]
    assert [value.number for value in found[0].values] == [1, 3]


def test_numbers_when_single_repetitions_stand_beside_then_only_the_trials_own_value_counts() -> None:
    one = trial(1, metric(value=10.0), metric(value=30.0, repetition=1), metric(value=-10.0, repetition=2))
    assert [item.over_trials.mean for item in aggregate_metrics([one])] == [10.0]


def test_numbers_when_the_registry_does_not_know_them_then_still_put_together() -> None:
    (found,) = aggregate_metrics([trial(1, metric("of_an_older_version", 3.0))])
    assert (found.over_trials.mean, found.over_trials.worst) == (3.0, None)


def test_performances_when_a_clip_holds_repetitions_then_each_counts() -> None:
    squat = trial(1, *(metric(side=Side.LEFT, repetition=number) for number in range(1, 6)))
    assert count_performances([squat], movement=SLS) == 5
    assert judge_movement([squat], movement=SLS).advice is TrialAdvice.ENOUGH


def test_performances_when_one_leg_was_seen_less_then_it_decides() -> None:
    legs = [trial(n, metric(side=Side.LEFT)) for n in range(1, 6)] + [trial(6, metric(side=Side.RIGHT))]
    assert count_performances(legs, movement=SLS) == 1
    assert count_performances(legs, movement=DVJ) == 5
    assert judge_movement(legs, movement=SLS).advice is TrialAdvice.TAKE_ONE_MORE_FEW


@pytest.mark.parametrize(
    ("side", "event", "disagree"),
    [
        (Side.BOTH, "peak_knee_flexion", True),
        (Side.LEFT, "peak_knee_flexion", False),
        (Side.BOTH, "peak", False),
    ],
)
def test_trials_when_a_number_scatters_then_only_headlines_ask_for_one_more(side, event, disagree) -> None:
    """A side beside the mean of both, and extremes, are noisier by nature and must not keep a team waiting."""
    steady = metric(value=10.0)
    trials = [
        trial(
            n,
            metric(value=value, side=side, event=event),
            *(() if side is Side.BOTH and disagree else (steady,)),
        )
        for n, value in enumerate((0.0, 10.0, 30.0), 1)
    ]
    judgement = judge_movement(trials, movement=DVJ)
    assert bool(judgement.disagreeing) is disagree
    assert (judgement.advice is TrialAdvice.TAKE_ONE_MORE_DISAGREE) is disagree


def test_sides_when_a_single_leg_movement_has_no_mean_of_both_then_yaw_stays_in_the_errors() -> None:
    legs = [trial(1, metric(side=Side.LEFT, value=20.0)), trial(2, metric(side=Side.RIGHT, value=4.0))]
    (side,) = judge_movement(legs, movement=SLS).sides
    assert (side.asymmetry.yaw_false, side.asymmetry.difference) == (0.0, 16.0)
    assert side.limb_symmetry is None


def test_published_errors_when_one_is_known_then_the_other_follows() -> None:
    assert published_mdc(METRICS["fppa"]) == 8.9
    assert published_sem(METRICS["knee_valgus_displacement"]) == pytest.approx(8.0 / 2.772, abs=0.001)
    assert published_sem(METRICS["contact_time"]) is None


def test_movement_when_no_trial_is_valid_then_empty_and_one_is_asked_for() -> None:
    judgement = judge_movement([], movement=DVJ)
    assert (judgement.metrics, judgement.sides, judgement.risk_score) == ((), (), None)
    assert judgement.advice is TrialAdvice.TAKE_ONE_MORE_FEW


def knees(
    *, image: tuple[float, float], plane: tuple[float, float], event: str, plane_se: float
) -> list[Metric]:
    """The picture's knee angles (left, right) and those of the athlete's own plane, with their means."""
    found = []
    for key, angles, se in (("fppa", image, 2.1), ("fppa_frontal", plane, plane_se)):
        values = (*angles, 0.5 * sum(angles))
        found += [
            metric(key, value, side=side, event=event, se=2.0 if side is Side.BOTH else se)
            for side, value in zip((Side.LEFT, Side.RIGHT, Side.BOTH), values, strict=True)
        ]
    return found


def test_yaw_when_taken_out_then_half_of_what_it_moves_the_knees_apart_shuts_the_gate() -> None:
    """An athlete turned 8 degrees: 20 and -7 in the picture, 10 and 10 in the athlete's own plane."""
    turned = knees(image=(20.0, -7.0), plane=(10.0, 10.0), event="peak_knee_flexion", plane_se=2.4)
    turned += knees(image=(3.0, -4.0), plane=(0.0, 1.0), event="initial_contact", plane_se=2.1)
    turned += [
        metric("knee_valgus_displacement", value, side=side, event="landing")
        for side, value in ((Side.LEFT, 17.0), (Side.RIGHT, -3.0), (Side.BOTH, 7.0))
    ]
    turned += [
        metric("hip_adduction", value, side=side) for side, value in ((Side.LEFT, 9.0), (Side.RIGHT, -8.0))
    ]
    sides = {(s.key, s.event): s.asymmetry for s in judge_movement([trial(1, *turned)], movement=DVJ).sides}
    spread = float(np.sqrt(2.4**2 - 2.0**2 - 0.5 * LANDMARK_SIDE_SD_DEG**2))
    knee = sides["fppa", "peak_knee_flexion"]
    assert knee.yaw_false == pytest.approx(13.5 + spread)
    assert knee.verdict is AsymmetryVerdict.NOT_SQUARE
    assert sides["knee_valgus_displacement", "landing"].yaw_false == pytest.approx(13.5 - 4.0 + spread)
    assert sides["hip_adduction", "peak_knee_flexion"].yaw_false == pytest.approx(13.5 + spread)
    plane = sides["fppa_frontal", "peak_knee_flexion"]
    assert plane.yaw_false == pytest.approx(spread)
    assert plane.verdict is AsymmetryVerdict.WITHIN_ERROR
    judgement = judge_movement([trial(1, *turned)], movement=DVJ)
    left, both = (
        next(m for m in judgement.metrics if m.place == ("fppa", side, "peak_knee_flexion"))
        for side in (Side.LEFT, Side.BOTH)
    )
    assert judgement.value_of(left).se == pytest.approx(np.hypot(left.over_trials.se, 13.5 + spread))
    assert judgement.value_of(both) == both.mean


def test_yaw_when_the_athlete_is_square_then_a_real_difference_is_seen_in_picture_and_plane() -> None:
    square = knees(image=(24.0, 4.0), plane=(25.0, 5.0), event="peak_knee_flexion", plane_se=2.2)
    sides = judge_movement([trial(1, *square)], movement=DVJ).sides
    assert {side.asymmetry.verdict for side in sides} == {AsymmetryVerdict.ASYMMETRIC}
    assert {side.asymmetry.larger for side in sides} == {Side.LEFT}


def landings(*, yaw_deg: float, rise_deg: tuple[float, float]) -> MovementJudgement:
    """Two drop jumps of the stick figure, turned by so much, judged together."""
    trials = []
    for number in (1, 2):
        _, track = drop_jump(
            yaw_deg=yaw_deg, rise_deg=rise_deg, world=True, noise_m=0.004, seed=number, phase=0.3 * number
        )
        outcome = assess_trial(video=video_of(track), track=track, context=TrialContext(sex=Sex.FEMALE))
        assert isinstance(outcome, Assessed)
        trials.append(TrialResult(number=number, metrics=outcome.metrics, risk_score=outcome.risk_score))
    return judge_movement(trials, movement=DVJ)


@pytest.mark.parametrize("yaw_deg", [0.0, 5.0, 10.0])
def test_gate_when_a_symmetric_athlete_turns_then_no_side_is_ever_called_and_the_mean_stays(
    yaw_deg: float,
) -> None:
    judgement = landings(yaw_deg=yaw_deg, rise_deg=(12.0, 12.0))
    assert judgement.sides
    assert all(side.asymmetry.verdict is not AsymmetryVerdict.ASYMMETRIC for side in judgement.sides)
    both = next(m for m in judgement.metrics if m.place == ("fppa", Side.BOTH, "peak_knee_flexion"))
    assert abs(both.over_trials.mean - 14.0) <= 1.96 * both.over_trials.se
    assert not judgement.disagreeing


@pytest.mark.parametrize(("yaw_deg", "key"), [(0.0, "fppa"), (0.0, "fppa_frontal"), (8.0, "fppa_frontal")])
def test_gate_when_one_knee_really_goes_further_in_then_it_is_named(yaw_deg: float, key: str) -> None:
    sides = landings(yaw_deg=yaw_deg, rise_deg=(26.0, 2.0)).sides
    knee = next(side.asymmetry for side in sides if (side.key, side.event) == (key, "peak_knee_flexion"))
    assert (knee.verdict, knee.larger) == (AsymmetryVerdict.ASYMMETRIC, Side.LEFT)
