"""One trial judged over its recordings: full score, the LESS with a total, and what a wrong partner does."""

from dataclasses import replace

import pytest

from app.biomech.joined_trial import ViewOfTrial, join_trial
from app.biomech.method import COMPONENTS
from app.biomech.pipeline import assess_trial
from app.biomech.types import Assessed, Metric, PoseTrack, Sex, Side, TrialContext, View
from tests.synth import drop_jump, video_of
from tests.synth_sagittal import side_drop_jump

SIDE_KEYS = {
    "knee_flexion_displacement",
    "knee_flexion_at_contact",
    "hip_flexion_displacement",
    "trunk_flexion_displacement",
    "trunk_flexion_at_contact",
}


def view_of(track: PoseTrack, view: View) -> ViewOfTrial:
    outcome = assess_trial(
        video=video_of(track),
        track=track,
        context=TrialContext(view=view, stature_cm=171.0, sex=Sex.FEMALE),
    )
    assert isinstance(outcome, Assessed)
    return ViewOfTrial(
        view=view, events=outcome.events, metrics=outcome.metrics, risk_score=outcome.risk_score
    )


@pytest.fixture(scope="module")
def front() -> ViewOfTrial:
    return view_of(drop_jump(contact_s=0.45)[1], View.FRONTAL)


@pytest.fixture(scope="module")
def side() -> ViewOfTrial:
    return view_of(side_drop_jump(contact_s=0.45, stand_s=1.5)[1], View.SAGITTAL)


def find(metrics: tuple[Metric, ...], key: str) -> Metric:
    return next(metric for metric in metrics if metric.key == key)


def test_score_when_both_views_fit_then_it_is_full_and_each_part_keeps_its_own_error(
    front: ViewOfTrial, side: ViewOfTrial
) -> None:
    trial = join_trial([side, front], sex=Sex.FEMALE)
    assert trial.is_joined
    score, alone = trial.risk_score, front.risk_score
    assert score is not None
    assert alone is not None
    assert (score.scope, score.coverage) == ("full", pytest.approx(0.95))
    parts = {part.key: part for part in score.components}
    assert parts.keys() - {part.key for part in alone.components} == SIDE_KEYS
    for part in alone.components:
        assert parts[part.key].probability == pytest.approx(part.probability, abs=1e-6)
    flexion = find(side.metrics, "knee_flexion_displacement")
    assert parts["knee_flexion_displacement"].value == flexion.value
    assert parts["knee_flexion_displacement"].cutoff == COMPONENTS["knee_flexion_displacement"].cutoff


def test_less_when_both_views_fit_then_all_items_are_seen_and_there_is_a_total(
    front: ViewOfTrial, side: ViewOfTrial
) -> None:
    less = join_trial([front, side], sex=Sex.FEMALE).less
    assert (less.n_seen, less.is_total) == (17, True)
    # The figures: 22 deg at contact (1), feet 0.2 under shoulders 0.36 m (8); knees just inside the feet (5, 15).
    errors = {item.number for item in less.items[:15] if item.error}
    assert {1, 8, 5, 15} == errors


def test_times_when_both_views_measured_them_then_they_are_the_mean_by_error(
    front: ViewOfTrial, side: ViewOfTrial
) -> None:
    joined = find(join_trial([front, side]).metrics, "contact_time")
    ahead, beside = find(front.metrics, "contact_time"), find(side.metrics, "contact_time")
    assert joined.se is not None
    assert ahead.se is not None
    assert joined.se < ahead.se
    assert (
        min(ahead.value or 0, beside.value or 0)
        <= (joined.value or 0)
        <= max(ahead.value or 0, beside.value or 0)
    )


def test_join_when_the_side_shows_another_trial_then_front_alone_and_no_total(front: ViewOfTrial) -> None:
    other = view_of(side_drop_jump(contact_s=0.70)[1], View.SAGITTAL)
    trial = join_trial([front, other], sex=Sex.FEMALE)
    assert trial.join is not None
    assert not trial.is_joined
    assert trial.risk_score == front.risk_score
    assert (trial.less.total, trial.less.category, trial.less.items[16].seen) == (None, None, False)
    assert [sub.out_of for sub in trial.less.sub_scores] == [8, 9]
    assert "knee_flexion" not in {metric.key for metric in trial.metrics}


def test_one_view_when_it_is_all_there_is_then_nothing_is_joined(
    front: ViewOfTrial, side: ViewOfTrial
) -> None:
    from_front, from_side = join_trial([front]), join_trial([side])
    assert from_front.join is None
    assert from_side.join is None
    assert from_front.risk_score == front.risk_score
    assert from_side.risk_score is None
    assert find(from_side.metrics, "knee_flexion").value is not None
    assert (from_front.less.total, from_side.less.total) == (None, None)


def test_score_when_each_side_has_its_camera_then_symmetry_completes_it(
    front: ViewOfTrial, side: ViewOfTrial
) -> None:
    stiffer = view_of(side_drop_jump(contact_s=0.45, facing=1, knee_rise_deg=45.0)[1], View.SAGITTAL)
    score = join_trial([front, side, stiffer], sex=Sex.FEMALE).risk_score
    assert score is not None
    assert score.coverage == pytest.approx(1.0)
    parts = {part.key: part for part in score.components}
    symmetry = parts["knee_flexion_displacement_symmetry"]
    assert symmetry.value == pytest.approx(75.0, abs=1.5)  # 45 of 60 deg
    assert parts["knee_flexion_displacement"].side is Side.RIGHT  # the stiffer knee


def test_score_when_the_front_could_not_be_scored_then_the_side_makes_none(
    front: ViewOfTrial, side: ViewOfTrial
) -> None:
    assert join_trial([replace(front, risk_score=None), side]).risk_score is None
