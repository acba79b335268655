"""The LESS: every item's rule, totals, sub-scores, trials put together, and the real-time form."""

import numpy as np
import pytest
from scipy import special

from app.biomech.less import MDC_ERRORS, LessScore, combine_less, evidence_of, score_less
from app.biomech.less_items import ITEMS, Evidence, LimbRule, Reading, ReadingKey, judge_stiffness
from app.biomech.less_rt import MAX_TOTAL, score_less_rt
from app.biomech.types import Metric, Sex, Side, View

IC, PKF, PEAK, LANDING = "initial_contact", "peak_knee_flexion", "peak", "landing"
L, R, B = Side.LEFT, Side.RIGHT, Side.BOTH
SURE = 0.001

CLEAN: dict[ReadingKey, float] = {
    ("knee_flexion", L, IC): 38.0,
    ("hip_flexion", L, IC): 35.0,
    ("trunk_flexion", B, IC): 15.0,
    ("heel_over_toe", L, IC): 6.0,
    ("knee_over_midfoot", L, IC): -2.0,
    ("knee_over_midfoot", R, IC): -2.0,
    ("lateral_trunk_lean", B, IC): 1.0,
    ("stance_width", B, IC): 0.95,
    ("toe_angle", L, LANDING): 5.0,
    ("toe_angle", R, LANDING): -5.0,
    ("foot_contact_difference", B, IC): 2.0,
    ("knee_flexion_displacement", L, LANDING): 70.0,
    ("hip_flexion_displacement", L, LANDING): 45.0,
    ("trunk_flexion_displacement", B, LANDING): 20.0,
    ("sagittal_displacement", L, LANDING): 135.0,
    ("knee_over_toe", L, PEAK): -3.0,
    ("knee_over_toe", R, PEAK): -3.0,
    ("fppa", L, PKF): 2.0,
    ("fppa", R, PKF): 2.0,
}
POOR: dict[ReadingKey, float] = {
    ("knee_flexion", L, IC): 15.0,
    ("hip_flexion", L, IC): 2.0,
    ("trunk_flexion", B, IC): -4.0,
    ("heel_over_toe", L, IC): -2.0,
    ("knee_over_midfoot", L, IC): 3.0,
    ("knee_over_midfoot", R, IC): 3.0,
    ("lateral_trunk_lean", B, IC): -9.0,
    ("stance_width", B, IC): 1.3,
    ("toe_angle", L, LANDING): 40.0,
    ("toe_angle", R, LANDING): 40.0,
    ("foot_contact_difference", B, IC): 60.0,
    ("knee_flexion_displacement", L, LANDING): 25.0,
    ("hip_flexion_displacement", L, LANDING): 4.0,
    ("trunk_flexion_displacement", B, LANDING): 1.0,
    ("sagittal_displacement", L, LANDING): 30.0,
    ("knee_over_toe", L, PEAK): 6.0,
    ("knee_over_toe", R, PEAK): 6.0,
    ("fppa", L, PKF): 25.0,
    ("fppa", R, PKF): 25.0,
}
SAGITTAL_KEYS = {
    "knee_flexion", "hip_flexion", "trunk_flexion", "heel_over_toe", "knee_flexion_displacement",
    "hip_flexion_displacement", "trunk_flexion_displacement", "sagittal_displacement",
}  # fmt: skip


def evidence(
    values: dict[ReadingKey, float], *, se: float = SURE, view: View | None = None, **more: object
) -> Evidence:
    kept = {
        key: Reading(value=value, se=se)
        for key, value in values.items()
        if view is None or (key[0] in SAGITTAL_KEYS) == (view is View.SAGITTAL)
    }
    return Evidence(readings=kept, sex=Sex.FEMALE, **more)  # type: ignore[arg-type]  # fields by name


def errors_of(score: LessScore) -> list[int | None]:
    return [item.error for item in score.items]


def test_total_when_the_landing_is_clean_then_it_is_zero_and_excellent() -> None:
    score = score_less(evidence(CLEAN))
    assert errors_of(score) == [0] * 17
    assert (score.total, score.category) == (0, "excellent")
    assert score.expected_total == pytest.approx(0.0, abs=1e-6)
    assert score.total_sd == pytest.approx(0.0, abs=1e-3)


def test_total_when_everything_is_wrong_then_it_is_seventeen_and_poor() -> None:
    score = score_less(evidence(POOR))
    assert errors_of(score) == [1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2]
    assert (score.total, score.category) == (17, "poor")
    assert score.expected_total == pytest.approx(17.0, abs=1e-6)
    assert score.p_five_or_more == pytest.approx(1.0)


@pytest.mark.parametrize(("view", "out_of"), [(View.FRONTAL, 8), (View.SAGITTAL, 9)])
def test_one_view_when_alone_then_there_is_a_sub_score_and_never_a_total(view: View, out_of: int) -> None:
    score = score_less(evidence(POOR, view=view))
    assert (score.total, score.expected_total, score.category, score.p_five_or_more) == (None,) * 4
    assert [(sub.view, sub.out_of, sub.n_seen) for sub in score.sub_scores] == [(view, out_of, 8)]
    # Wide excludes narrow and toe-out toe-in, so six of eight is the most from the front.
    assert score.sub_scores[0].errors == (6 if view is View.FRONTAL else 9)
    for item in score.items:
        assert item.seen is (item.views == (view,))
        if not item.seen:
            assert (item.error, item.p_error, item.expected) == (None, None, None)
            assert item.note.startswith("Not seen")


@pytest.mark.parametrize(
    ("number", "key", "limit", "direction"),
    [
        (1, ("knee_flexion", L, IC), 30.0, -1),
        (2, ("hip_flexion", L, IC), 10.0, -1),
        (3, ("trunk_flexion", B, IC), 0.0, -1),
        (4, ("heel_over_toe", L, IC), 1.2, -1),
        (5, ("knee_over_midfoot", R, IC), 0.0, 1),
        (7, ("stance_width", B, IC), 1.1, 1),
        (8, ("stance_width", B, IC), 0.8, -1),
        (9, ("toe_angle", R, LANDING), -30.0, -1),
        (10, ("toe_angle", R, LANDING), 30.0, 1),
        (12, ("knee_flexion_displacement", L, LANDING), 45.0, -1),
        (13, ("hip_flexion_displacement", L, LANDING), 10.0, -1),
        (14, ("trunk_flexion_displacement", B, LANDING), 5.0, -1),
        (15, ("knee_over_toe", R, PEAK), 0.0, 1),
    ],
)
def test_item_when_its_number_has_an_error_then_the_probability_is_the_normal_one(
    number: int, key: ReadingKey, limit: float, direction: int
) -> None:
    for z in (-1.0, 0.0, 1.0):
        seen = evidence(CLEAN)
        readings = dict(seen.readings) | {key: Reading(value=limit + direction * z * 2.0, se=2.0)}
        item = score_less(Evidence(readings=readings, sex=Sex.FEMALE)).items[number - 1]
        assert item.p_error == pytest.approx(special.ndtr(z), abs=1e-6)
        assert item.error == int(z > 0)
        assert item.grey is (abs(z) < 0.9)


@pytest.mark.parametrize(
    ("number", "key", "limit"), [(6, "lateral_trunk_lean", 5.0), (11, "foot_contact_difference", 20.0)]
)
def test_item_when_it_is_without_direction_then_either_side_counts(
    number: int, key: str, limit: float
) -> None:
    for value in (limit, -limit):
        readings = dict(evidence(CLEAN).readings) | {(key, B, IC): Reading(value=value, se=1.0)}
        item = score_less(Evidence(readings=readings)).items[number - 1]
        assert item.p_error == pytest.approx(0.5, abs=1e-6)


def test_contact_symmetry_when_frames_are_coarse_then_a_frame_is_no_difference() -> None:
    values = CLEAN | {("foot_contact_difference", B, IC): 28.0}
    assert score_less(evidence(values)).items[10].error == 1
    assert score_less(evidence(values, frame_ms=33.3)).items[10].error == 0


def test_limb_rule_when_only_the_other_leg_errs_then_it_decides_and_is_stored() -> None:
    values = CLEAN | {("knee_over_toe", R, PEAK): 6.0}
    either = score_less(evidence(values))
    left = score_less(evidence(values, limb_rule=LimbRule.DOMINANT, dominant=L))
    assert (either.items[14].error, left.items[14].error) == (1, 0)
    assert (either.limb_rule, left.limb_rule, left.dominant) == (LimbRule.EITHER, LimbRule.DOMINANT, L)
    # The near leg was the left one: for a dominant right leg the side view shows nothing.
    right = score_less(evidence(values, limb_rule=LimbRule.DOMINANT, dominant=R))
    assert not right.items[0].seen
    assert right.total is None


def test_either_leg_when_both_are_doubtful_then_one_of_them_is_more_likely() -> None:
    readings = dict(evidence(CLEAN).readings)
    for side in (L, R):
        readings["knee_over_toe", side, PEAK] = Reading(value=0.0, se=1.0)
    assert score_less(Evidence(readings=readings)).items[14].p_error == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("knee", "total", "grade"),
    [(65.0, 130.0, 0), (50.0, 130.0, 1), (65.0, 100.0, 1), (40.0, 130.0, 2), (65.0, 60.0, 2)],
)
def test_stiffness_when_the_bend_is_given_then_soft_average_and_stiff_follow_the_rule(
    knee: float, total: float, grade: int
) -> None:
    values = CLEAN | {
        ("knee_flexion_displacement", L, LANDING): knee,
        ("sagittal_displacement", L, LANDING): total,
    }
    grades = judge_stiffness(evidence(values))
    assert grades is not None
    assert int(np.argmax(grades)) == grade
    assert sum(grades) == pytest.approx(1.0)


def test_stiffness_when_errors_are_large_then_it_agrees_with_draws() -> None:
    knee, total = Reading(value=56.0, se=5.0), Reading(value=112.0, se=12.0)
    seen = Evidence(
        readings={
            ("knee_flexion_displacement", L, LANDING): knee,
            ("sagittal_displacement", L, LANDING): total,
        }
    )
    grades = judge_stiffness(seen)
    assert grades is not None
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2, 200_000))
    knees = knee.value + knee.se * z[0]
    totals = total.value + knee.se * z[0] + np.sqrt(total.se**2 - knee.se**2) * z[1]
    soft, stiff = np.mean((totals >= 120) & (knees >= 60)), np.mean((totals < 70) | (knees < 45))
    np.testing.assert_allclose(grades, (soft, 1 - soft - stiff, stiff), atol=0.004)  # 200 000 draws


def test_total_when_errors_are_large_then_expectation_and_spread_are_those_of_its_items() -> None:
    score = score_less(evidence(CLEAN | {("trunk_flexion", B, IC): 3.0}, se=3.0))
    assert score.total is not None
    assert score.expected_total == pytest.approx(sum(item.expected or 0.0 for item in score.items))
    assert 0.5 < (score.total_sd or 0.0) < 2.5
    assert (score.sem, score.mdc) == (1.1, MDC_ERRORS)


def test_trials_when_two_of_three_show_an_error_then_it_counts() -> None:
    bad = score_less(evidence(CLEAN | {("knee_flexion", L, IC): 15.0}))
    good = score_less(evidence(CLEAN))
    two, one = combine_less([bad, bad, good]), combine_less([bad, good, good])
    assert two is not None
    assert one is not None
    assert (two.total, one.total) == (1, 0)
    assert (two.n_trials, combine_less([])) == (3, None)
    alone = combine_less([bad])
    assert alone is not None
    assert alone.total == bad.total


def test_trials_when_stiffness_differs_then_the_middle_grade_counts() -> None:
    grades = [
        score_less(evidence(CLEAN | {("sagittal_displacement", L, LANDING): total}))
        for total in (60.0, 100.0, 135.0)
    ]
    combined = combine_less(grades)
    assert combined is not None
    assert [trial.items[15].error for trial in grades] == [2, 1, 0]
    assert combined.items[15].error == 1
    assert sum(combined.items[15].grades) == pytest.approx(1.0)


def test_trials_when_limb_rules_differ_then_they_are_not_put_together() -> None:
    with pytest.raises(ValueError, match="limb rules"):
        combine_less(
            [
                score_less(evidence(CLEAN)),
                score_less(evidence(CLEAN, limb_rule=LimbRule.DOMINANT, dominant=L)),
            ]
        )


def test_evidence_when_a_number_was_withheld_then_its_item_is_not_seen() -> None:
    metrics = [
        Metric(key="knee_flexion", side=L, value=None, unit="deg", event=IC, se=None),
        Metric(key="trunk_flexion", side=B, value=-9.0, unit="deg", event=IC, se=3.0),
    ]
    score = score_less(evidence_of(metrics))
    assert not score.items[0].seen
    assert score.items[2].error == 1


def test_items_when_listed_then_views_marks_and_worst_grades_add_up() -> None:
    assert [item.number for item in ITEMS] == list(range(1, 18))
    assert sum(item.worst for item in ITEMS) == 19
    assert {item.mark for item in ITEMS} == {"V", "M", "P"}


def test_real_time_form_when_clean_or_poor_then_it_reaches_its_ends() -> None:
    clean, poor = score_less_rt([evidence(CLEAN)] * 2), score_less_rt([evidence(POOR)] * 2)
    assert clean is not None
    assert poor is not None
    assert (clean.total, poor.total) == (0, MAX_TOTAL)
    assert sum(item.worst for item in poor.items) == MAX_TOTAL
    split = score_less_rt([evidence(POOR, view=View.FRONTAL), evidence(POOR, view=View.SAGITTAL)])
    assert split is not None
    # Two trials seen from the front and two from the side, as a rater does it: the overall grade needs both at once.
    assert [item.score for item in split.items[:9]] == [1, 1, 1, 2, 1, 1, 2, 2, 2]
    assert score_less_rt([]) is None
