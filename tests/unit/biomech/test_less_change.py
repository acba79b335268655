"""What a LESS total is worth: beside published totals, and beside the one before."""

from dataclasses import replace

import pytest

from app.biomech.change import ChangeVerdict, Obstacle
from app.biomech.less import MDC_ERRORS, LessScore, category_of
from app.biomech.less_change import MDC95_ERRORS, compare_less, describe_less_change, find_less_norm
from app.biomech.less_items import LimbRule
from app.biomech.norms import NoNorm, NoNormReason, NormResult, Position
from app.biomech.types import Movement, Sex, Side


def scored(total: int | None, *, sd: float = 0.8, n_trials: int = 3) -> LessScore:
    """Return a score with this total; the items do not matter here."""
    return LessScore(
        items=(),
        total=total,
        expected_total=total,
        total_sd=None if total is None else sd,
        p_five_or_more=None,
        category=None if total is None else category_of(total),
        sub_scores=(),
        n_seen=17 if total is not None else 8,
        n_trials=n_trials,
        limb_rule=LimbRule.EITHER,
        dominant=None,
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict", "category_changed"),
    [
        (7, 4, ChangeVerdict.IMPROVED, True),
        (4, 7, ChangeVerdict.WORSE, True),
        (5, 4, ChangeVerdict.WITHIN_ERROR, False),
        (6, 4, ChangeVerdict.WITHIN_ERROR, False),
        (3, 3, ChangeVerdict.WITHIN_ERROR, False),
        (12, 9, ChangeVerdict.IMPROVED, False),
    ],
)
def test_change_when_totals_differ_then_three_errors_are_real_and_two_are_not(
    before: int, after: int, verdict: ChangeVerdict, category_changed: bool
) -> None:
    found = compare_less(scored(before), scored(after))
    assert found.change.verdict is verdict
    assert found.category_changed is category_changed
    assert found.change.mdc95 == pytest.approx(MDC95_ERRORS)
    assert MDC_ERRORS - 1 < MDC95_ERRORS < MDC_ERRORS


def test_change_when_a_clip_is_noisier_than_the_studies_then_three_errors_are_not_enough() -> None:
    found = compare_less(scored(7), scored(4, sd=1.6))
    assert found.change.verdict is ChangeVerdict.WITHIN_ERROR
    assert found.change.mdc95 is not None
    assert found.change.mdc95 > 3.5


def test_change_when_there_is_no_total_or_another_limb_rule_then_not_comparable() -> None:
    for before, after in ((None, scored(4)), (scored(None), scored(4)), (scored(4), scored(None))):
        assert compare_less(before, after).change.obstacles == (Obstacle.NOT_MEASURED,)
    other = replace(scored(9), limb_rule=LimbRule.DOMINANT, dominant=Side.LEFT)
    assert compare_less(other, scored(4)).change.obstacles == (Obstacle.SIDE_DEFINITION,)
    fatigued = compare_less(scored(9), scored(4), obstacles=(Obstacle.CONTEXT,))
    assert (fatigued.change.verdict, fatigued.category_changed) == (ChangeVerdict.NOT_COMPARABLE, False)


def test_words_when_the_category_moves_by_noise_then_it_is_said_to_be_no_change() -> None:
    assert describe_less_change(compare_less(scored(7), scored(4))) == (
        "Improved: -3.0 errors (95 % interval -5.9 to -0.1), more than measurement error (2.9 errors)."
        " The category went from poor to excellent."
    )
    noise = describe_less_change(compare_less(scored(5), scored(4)))
    assert noise.startswith("Within measurement error: -1.0 errors")
    assert noise.endswith("The category reads excellent instead of good, which is no real change either.")
    assert "category" not in describe_less_change(compare_less(scored(4), scored(3)))


def test_norm_when_the_task_sex_and_age_are_those_of_the_study_then_placed_among_them() -> None:
    found = find_less_norm(scored(8), movement=Movement.JUMP_LANDING, sex=Sex.FEMALE, age_years=20)
    assert isinstance(found, NormResult)
    assert (found.position, found.norm.mean, found.norm.n) == (Position.ABOVE, 5.34, 2753)
    assert found.percentile is not None
    assert found.percentile == pytest.approx(96.1, abs=0.1)
    # measurement, and what automatic scoring may differ from a rater's
    assert 0.5 < found.probability < 0.9


@pytest.mark.parametrize(
    ("total", "movement", "sex", "age_years", "reason"),
    [
        (None, Movement.JUMP_LANDING, Sex.FEMALE, 20, NoNormReason.NO_TOTAL),
        (5, Movement.DROP_VERTICAL_JUMP, Sex.FEMALE, 20, NoNormReason.OTHER_MOVEMENT),
        (5, Movement.JUMP_LANDING, Sex.UNSPECIFIED, 20, NoNormReason.SEX_UNKNOWN),
        (5, Movement.JUMP_LANDING, Sex.MALE, 13, NoNormReason.OTHER_AGE),
        (5, Movement.JUMP_LANDING, Sex.MALE, None, NoNormReason.AGE_UNKNOWN),
    ],
)
def test_norm_when_none_fits_then_it_says_why(
    total: int | None, movement: Movement, sex: Sex, age_years: int | None, reason: NoNormReason
) -> None:
    found = find_less_norm(scored(total), movement=movement, sex=sex, age_years=age_years)
    assert isinstance(found, NoNorm)
    assert found.reason is reason
