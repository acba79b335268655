"""Screenings judged over their valid trials, histories, and one screening against another."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from app.biomech.asymmetry import AsymmetryVerdict
from app.biomech.change import ChangeVerdict, Obstacle
from app.biomech.norms import NoNorm, NoNormReason, NormResult, Position, TeamNorm
from app.biomech.quality import make_finding
from app.biomech.static import ValgusClass
from app.biomech.trials import TrialAdvice
from app.biomech.types import Movement, Sex, Side, Verdict
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.screenings import ScreeningContext
from app.services import athlete_history, screenings
from tests.factories import make_team
from tests.screenings import DAY, ScreeningMaker, landing_record, standing_record

LATER = DAY + timedelta(days=60)
LATEST = DAY + timedelta(days=120)


@pytest.fixture
def make(uow_factory, blobs, club, tmp_path):
    return ScreeningMaker(uow_factory=uow_factory, blobs=blobs, club=club, folder=tmp_path)


@pytest.fixture
def get(uow_factory, club):
    def run(screening_id, principal=club.principal):
        with uow_factory(principal) as uow:
            return screenings.get_screening(uow=uow, principal=principal, screening_id=screening_id)

    return run


@pytest.fixture
def history(uow_factory, club):
    def run(athlete_id, **how):
        with uow_factory(club.principal) as uow:
            return athlete_history.get_history(
                uow=uow, principal=club.principal, athlete_id=athlete_id, **how
            )

    return run


@pytest.fixture
def change(uow_factory, club):
    def run(athlete_id, before_id=None, after_id=None):
        with uow_factory(club.principal) as uow:
            return athlete_history.get_change(
                uow=uow,
                principal=club.principal,
                athlete_id=athlete_id,
                before_id=before_id,
                after_id=after_id,
            )

    return run


def metric_of(movement, key="fppa", side=Side.BOTH, event="peak_knee_flexion"):
    return next(item for item in movement.metrics if item.metric.place == (key, side, event))


def test_screening_when_three_trials_are_valid_then_judged_over_them(make, get):
    athlete = make.athlete()
    records = [landing_record(fppa=(v, v + 2.0), displacement=v) for v in (8.0, 10.0, 12.0)]
    found = get(make.landings(athlete, *records))
    (movement,) = found.movements
    judgement = movement.of.judgement
    assert (judgement.n_trials, judgement.n_recommended, judgement.advice) == (3, 3, TrialAdvice.ENOUGH)
    assert [trial.counts for trial in movement.of.trials] == [True] * 3
    over = metric_of(movement).metric.over_trials
    assert (over.mean, over.low, over.high, over.worst) == (11.0, 9.0, 13.0, 13.0)
    assert judgement.risk_score is not None
    assert judgement.risk_score.components[0].value == pytest.approx(10.0)
    assert found.age_years == 19
    assert movement.of.box_height_cm == 30.0


def test_screening_when_trials_are_unusable_or_waiting_then_listed_but_not_counted(make, get):
    athlete = make.athlete()
    dropped = replace(
        landing_record(verdict=Verdict.INVALID), findings=(make_finding("trial_dropped"),), risk_score=None
    )
    make.landings(athlete, landing_record(), landing_record(verdict=Verdict.INVALID), dropped)
    screening_id, _ = make.trial(athlete, None)
    (movement,) = get(screening_id).movements
    assert [trial.why_not for trial in movement.of.trials] == [None, "invalid", "left_out", "not_analysed"]
    assert movement.of.judgement.n_trials == 1
    assert movement.of.judgement.advice is TrialAdvice.TAKE_ONE_MORE_FEW


def test_screening_when_nothing_was_analysed_then_there_are_no_numbers(make, get):
    screening_id, _ = make.trial(make.athlete(), None)
    (movement,) = get(screening_id).movements
    assert (movement.metrics, movement.of.conditions, movement.static) == ((), None, None)


def test_screening_when_trials_disagree_then_one_more_is_asked_for(make, get):
    records = [landing_record(fppa=(v, v), displacement=v) for v in (5.0, 8.0, 28.0)]
    (movement,) = get(make.landings(make.athlete(), *records)).movements
    assert movement.of.judgement.advice is TrialAdvice.TAKE_ONE_MORE_DISAGREE
    assert ("fppa", Side.BOTH, "peak_knee_flexion") in movement.of.judgement.disagreeing


def test_screening_when_trials_were_measured_by_two_versions_then_only_the_newer_count(make, get):
    records = [landing_record(fppa=(20.0, 20.0)), landing_record(version="1.1.0", fppa=(10.0, 10.0))]
    (movement,) = get(make.landings(make.athlete(), *records)).movements
    assert [trial.why_not for trial in movement.of.trials] == ["other_method_version", None]
    assert movement.of.conditions.method_version == "1.1.0"
    assert metric_of(movement).metric.over_trials.mean == 10.0


def test_screening_when_boxes_differ_then_says_so(make, get):
    athlete = make.athlete()
    make.trial(athlete, landing_record(), box_height_cm=30.0)
    screening_id, _ = make.trial(athlete, landing_record(), box_height_cm=40.0)
    (movement,) = get(screening_id).movements
    assert movement.of.mixed_box_heights
    assert movement.of.box_height_cm is None


def test_sides_when_the_athlete_is_square_then_compared_and_else_not(make, get):
    square = get(make.landings(make.athlete(), landing_record(fppa=(4.0, 24.0))))
    turned = get(make.landings(make.athlete(), landing_record(fppa=(4.0, 24.0), side_se=9.0)))
    found, shut = (one.movements[0].of.judgement.sides[0].asymmetry for one in (square, turned))
    assert (found.verdict, found.larger) == (AsymmetryVerdict.ASYMMETRIC, Side.RIGHT)
    assert shut.verdict is AsymmetryVerdict.NOT_SQUARE
    assert shut.yaw_false > 8.0


@pytest.mark.parametrize(
    ("sex", "born", "expected"),
    [
        (Sex.FEMALE, date(2005, 1, 1), Position.TYPICAL),
        (Sex.MALE, date(2005, 1, 1), Position.ABOVE),
        (Sex.FEMALE, date(2010, 1, 1), NoNormReason.OTHER_AGE),
        (Sex.FEMALE, None, NoNormReason.AGE_UNKNOWN),
        (Sex.UNSPECIFIED, date(2005, 1, 1), NoNormReason.SEX_UNKNOWN),
    ],
)
def test_norm_when_nine_degrees_then_by_sex_and_age_or_none(make, get, sex, born, expected):
    screening_id = make.landings(make.athlete(sex=sex, born=born), landing_record(fppa=(9.0, 9.0)))
    norm = metric_of(get(screening_id).movements[0]).norm
    if isinstance(expected, Position):
        assert isinstance(norm, NormResult)
        assert norm.position is expected
    else:
        assert isinstance(norm, NoNorm)
        assert norm.reason is expected


def test_team_norm_when_twenty_women_are_in_the_team_then_percentile_and_n(make, get, uow_factory, club):
    team = make_team(uow_factory, club)
    women = [make.athlete(name=f"W{i}", team=team) for i in range(20)]
    man = make.athlete(name="M", team=team, sex=Sex.MALE)
    ids = [make.landings(one, landing_record(fppa=(float(i), float(i)))) for i, one in enumerate(women)]
    make.landings(man, landing_record(fppa=(50.0, 50.0)))
    make.landings(women[0], landing_record(fppa=(90.0, 90.0)), context=ScreeningContext.FATIGUED)
    found = metric_of(get(ids[15]).movements[0]).team_norm
    assert isinstance(found.result, TeamNorm)
    assert (found.team_name, found.result.n, found.result.percentile) == (team.name, 20, 77.5)
    assert found.result.median == 9.5
    make.landings(women[0], landing_record(version="2.0.0"), day=LATER)
    shrunk = metric_of(get(ids[15]).movements[0]).team_norm
    assert shrunk.result.n == 20  # an older result on this version still stands for her


def test_team_norm_when_the_team_is_small_or_there_is_none_then_says_so(make, get, uow_factory, club):
    alone, small = make.athlete(), make.athlete(team=make_team(uow_factory, club))
    for athlete, reason in ((alone, NoNormReason.NO_TEAM), (small, NoNormReason.TEAM_TOO_SMALL)):
        found = metric_of(get(make.landings(athlete, landing_record())).movements[0]).team_norm
        assert found.result.reason is reason


def test_alignment_when_there_is_a_standing_trial_then_fixed_is_told_from_dynamic_and_it_is_named(make, get):
    athlete = make.athlete()
    screening_id = make.landings(athlete, landing_record(fppa=(12.0, 12.0), displacement=4.0))
    _, recording_id = make.trial(athlete, standing_record(left=9.0, right=9.0), movement=Movement.STANDING)
    static = next(
        one.static for one in get(screening_id).movements if one.of.movement is Movement.DROP_VERTICAL_JUMP
    )
    assert static.source.recording_id == recording_id
    assert static.source.same_screening
    assert {found.side for found in static.judgements} == set(Side)
    assert {found.valgus_class for found in static.judgements} == {ValgusClass.FIXED}
    assert "not a training fault" in static.judgements[0].words


def test_alignment_when_standing_was_filmed_on_other_days_then_the_newest_before_within_a_year(make, get):
    athlete = make.athlete()
    standing = Movement.STANDING
    make.trial(
        athlete, standing_record(left=0.0, right=0.0), day=LATER - timedelta(days=366), movement=standing
    )
    make.trial(athlete, standing_record(left=0.0, right=0.0), day=LATEST, movement=standing)
    screening_id = make.landings(athlete, landing_record(fppa=(14.0, 14.0), displacement=12.0), day=LATER)
    assert get(screening_id).movements[0].static.source is None
    make.trial(
        athlete, standing_record(left=9.0, right=9.0), day=DAY - timedelta(days=100), movement=standing
    )
    make.trial(athlete, standing_record(left=-1.0, right=-1.0), day=DAY, movement=standing)
    make.trial(athlete, standing_record(left=9.0, right=9.0, version="0.9.0"), day=LATER - timedelta(days=1),
               movement=standing)  # fmt: skip
    static = get(screening_id).movements[0].static
    assert (static.source.screened_on, static.source.same_screening) == (DAY, False)
    assert static.judgements[0].valgus_class is ValgusClass.DYNAMIC


def test_alignment_when_yaw_shuts_the_gate_then_only_of_both_knees(make, get):
    athlete = make.athlete()
    screening_id = make.landings(athlete, landing_record(side_se=9.0))
    make.trial(athlete, standing_record(left=0.0, right=0.0), movement=Movement.STANDING)
    static = next(one.static for one in get(screening_id).movements if one.static is not None)
    assert [found.side for found in static.judgements] == [Side.BOTH]


def test_history_when_screenings_follow_then_in_order_and_breaks_are_marked(make, history):
    athlete = make.athlete()
    second = make.landings(athlete, landing_record(version="1.1.0"), day=LATER)
    first = make.landings(athlete, landing_record(), day=DAY)
    third = make.landings(athlete, landing_record(version="1.1.0"), day=LATEST)
    fourth = make.landings(
        athlete, landing_record(version="1.1.0"), day=LATEST, context=ScreeningContext.FATIGUED
    )
    items = history(athlete).items
    assert [item.id for item in items] == [first, second, third, fourth]
    assert [item.movements[0].breaks for item in items] == [
        (),
        (Obstacle.METHOD_VERSION,),
        (),
        (Obstacle.CONTEXT,),
    ]
    assert [item.movements[0].previous_screening_id for item in items] == [None, first, second, third]


def test_history_when_read_by_pages_then_the_marker_at_the_seam_is_there(make, history):
    athlete = make.athlete()
    make.landings(athlete, landing_record(), day=DAY)
    make.landings(athlete, landing_record(version="1.1.0"), day=LATER)
    first = history(athlete, limit=1)
    second = history(athlete, limit=1, cursor=first.next_cursor)
    assert second.items == history(athlete).items[1:]
    assert second.items[0].movements[0].breaks == (Obstacle.METHOD_VERSION,)
    assert second.next_cursor is None
    with pytest.raises(InvalidInputError):
        history(athlete, cursor="bm9uc2Vuc2U")


def test_change_when_the_knees_came_in_less_then_improved_by_more_than_the_published_error(make, change):
    athlete = make.athlete()
    first = make.landings(athlete, *[landing_record(fppa=(18.0, 18.0), displacement=16.0)] * 3, day=DAY)
    second = make.landings(athlete, *[landing_record(fppa=(7.0, 7.0), displacement=15.0)] * 3, day=LATER)
    found = change(athlete)
    assert (found.before.id, found.after.id) == (first, second)
    by_place = {(item.key, item.side): item.change for item in found.movements[0].metrics}
    assert by_place["fppa", Side.BOTH].verdict is ChangeVerdict.IMPROVED
    assert by_place["fppa", Side.BOTH].mdc95 == pytest.approx(8.9)
    assert by_place["knee_valgus_displacement", Side.BOTH].verdict is ChangeVerdict.WITHIN_ERROR
    assert found.movements[0].score.verdict is ChangeVerdict.WITHIN_ERROR
    assert change(athlete, first, second) == found


def test_change_when_the_method_changed_between_then_not_comparable_and_no_difference(make, change):
    athlete = make.athlete()
    first = make.landings(athlete, landing_record(fppa=(18.0, 18.0)), day=DAY)
    second = make.landings(athlete, landing_record(fppa=(7.0, 7.0), version="1.1.0"), day=LATER)
    (movement,) = change(athlete, first, second).movements
    assert movement.obstacles == (Obstacle.METHOD_VERSION,)
    assert movement.metrics
    for item in (*(item.change for item in movement.metrics), movement.score):
        assert (item.verdict, item.difference) == (ChangeVerdict.NOT_COMPARABLE, None)
        assert item.obstacles == (Obstacle.METHOD_VERSION,)


def test_change_when_the_last_one_cannot_be_compared_then_the_nearest_that_can_is_taken(make, change):
    athlete = make.athlete()
    first = make.landings(athlete, landing_record(), day=DAY)
    make.landings(athlete, landing_record(), day=LATER, context=ScreeningContext.FATIGUED)
    make.landings(athlete, landing_record(), day=LATEST)
    assert change(athlete).before.id == first


def test_change_when_there_is_one_screening_or_none_then_says_so(make, change):
    athlete = make.athlete()
    assert change(athlete).after is None
    make.landings(athlete, landing_record())
    found = change(athlete)
    assert found.before is None
    assert found.movements[0].score.obstacles == (Obstacle.NO_EARLIER_SCREENING,)


def test_change_when_the_movements_differ_then_each_is_not_measured_in_the_other(make, change):
    athlete = make.athlete()
    make.landings(athlete, landing_record(), day=DAY)
    make.trial(athlete, standing_record(left=0.0, right=0.0), day=LATER, movement=Movement.STANDING)
    assert [one.obstacles for one in change(athlete).movements] == [(Obstacle.NOT_MEASURED,)] * 2


def test_change_when_in_the_wrong_order_or_of_somebody_else_then_refused(make, change):
    athlete, other = make.athlete(), make.athlete()
    first = make.landings(athlete, landing_record(), day=DAY)
    second = make.landings(athlete, landing_record(), day=LATER)
    theirs = make.landings(other, landing_record(), day=DAY)
    for before, after in ((second, first), (first, first)):
        with pytest.raises(InvalidInputError, match="earlier one"):
            change(athlete, before, after)
    with pytest.raises(NotFoundError):
        change(athlete, theirs, second)


def test_everything_when_it_is_another_organisations_then_not_found(make, get, uow_factory, rival):
    athlete = make.athlete()
    screening_id = make.landings(athlete, landing_record())
    with pytest.raises(NotFoundError):
        get(screening_id, rival.principal)
    with pytest.raises(NotFoundError):
        get(uuid4())
    for read in (athlete_history.get_history, athlete_history.get_change):
        with pytest.raises(NotFoundError), uow_factory(rival.principal) as uow:
            read(uow=uow, principal=rival.principal, athlete_id=athlete)


@pytest.mark.parametrize(
    ("day", "born", "years"),
    [
        (date(2026, 3, 1), date(2008, 2, 29), 18),
        (date(2026, 2, 28), date(2008, 2, 29), 17),
        (DAY, None, None),
    ],
)
def test_age_when_the_birthday_is_near_then_whole_years(day, born, years):
    assert screenings.age_on(day, born) == years
