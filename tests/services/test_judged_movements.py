"""A screening is judged once and read from then on; whatever changes it, the reader sees what is true now."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from app.biomech.types import Movement, Sex, Side
from app.services import athlete_history, judged_movements, screenings
from app.services.judged_movements import judge_ahead
from app.services.moves import move_recording, move_screening
from app.services.recordings import requeue_recording
from tests.factories import finish_recording
from tests.screenings import DAY, ScreeningMaker, landing_record

LATER = DAY + timedelta(days=60)


@pytest.fixture
def make(uow_factory, blobs, club, tmp_path):
    return ScreeningMaker(uow_factory=uow_factory, blobs=blobs, club=club, folder=tmp_path)


@pytest.fixture
def ask(engine, club):
    """Ask the database itself, as the organisation."""

    def run(statement, **values):
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
            result = connection.execute(text(statement), values)
            return result.all() if result.returns_rows else result.rowcount

    return run


@pytest.fixture
def kept(ask):
    """Return what is kept, by screening."""

    def run() -> dict[UUID, tuple[bytes, str]]:
        found = ask("SELECT screening_id, inputs_sha256, content FROM screening_judgement")
        return {row.screening_id: (row.inputs_sha256, row.content) for row in found}

    return run


@pytest.fixture
def history(uow_factory, club):
    def run(athlete_id):
        with uow_factory(club.principal) as uow:
            found = athlete_history.get_history(uow=uow, principal=club.principal, athlete_id=athlete_id)
        return found.items

    return run


def knees(entry):
    """The mean knee angle of each movement of a screening."""
    return [
        metric.mean.value
        for item in entry.movements
        for metric in item.of.judgement.metrics
        if (metric.key, metric.side) == ("fppa", Side.BOTH)
    ]


def test_history_when_read_again_then_the_same_and_nothing_is_judged(make, history, kept, ask):
    athlete = make.athlete()
    first = make.landings(athlete, *[landing_record(fppa=(v, v + 1.0)) for v in (8.0, 9.0, 12.0)])
    make.trial(athlete, None, day=LATER)
    before = history(athlete)
    assert set(kept()) == {entry.id for entry in before}
    assert history(athlete) == before
    # That it is read and not worked out again shows where what is kept says something else.
    _, content = kept()[first]
    ask(
        "UPDATE screening_judgement SET content = :content WHERE screening_id = :id",
        content=content.replace('"n_trials":3', '"n_trials":4'),
        id=first,
    )
    assert history(athlete)[0].movements[0].of.judgement.n_trials == 4


def test_history_when_boxes_differ_then_kept_and_read_like_any_other(make, history):
    athlete = make.athlete()
    make.trial(athlete, landing_record(), box_height_cm=30.0)
    make.trial(athlete, landing_record(), box_height_cm=40.0)
    first, again = (history(athlete)[0].movements[0].of for _ in range(2))
    assert first.mixed_box_heights
    assert again.mixed_box_heights
    assert first.judgement == again.judgement


def test_screening_when_analysed_again_or_joined_by_a_trial_then_judged_anew(
    make, history, kept, uow_factory, club
):
    athlete = make.athlete()
    screening_id, recording_id = make.trial(athlete, landing_record(fppa=(10.0, 10.0)))
    assert knees(history(athlete)[0]) == [10.0]
    with uow_factory(club.principal) as uow:
        requeue_recording(uow=uow, principal=club.principal, recording_id=recording_id)
    finish_recording(uow_factory, club, recording_id, record=landing_record(fppa=(20.0, 20.0)))
    assert knees(history(athlete)[0]) == [20.0]
    make.trial(athlete, landing_record(fppa=(30.0, 30.0)))
    assert knees(history(athlete)[0]) == [25.0]
    with uow_factory(club.principal) as uow:
        found = screenings.get_screening(uow=uow, principal=club.principal, screening_id=screening_id)
    assert found.movements[0].of == history(athlete)[0].movements[0].of
    assert len(kept()) == 1


def test_screening_when_a_recording_moves_to_somebody_else_then_neither_keeps_the_others_numbers(
    make, history, kept, uow_factory, club
):
    mine, theirs = make.athlete(), make.athlete(name="Bea Cole")
    make.trial(mine, landing_record(fppa=(10.0, 10.0)))
    _, moved = make.trial(mine, landing_record(fppa=(30.0, 30.0)))
    assert knees(history(mine)[0]) == [20.0]
    with uow_factory(club.principal) as uow:
        move_recording(uow=uow, principal=club.principal, recording_id=moved, athlete_id=theirs)
    assert kept() == {}
    assert (knees(history(mine)[0]), knees(history(theirs)[0])) == ([10.0], [30.0])


def test_screening_when_it_moves_into_another_then_both_are_judged_anew(
    make, history, kept, uow_factory, club
):
    mine, theirs = make.athlete(), make.athlete(name="Bea Cole")
    given = make.landings(mine, landing_record(fppa=(10.0, 10.0)))
    make.landings(theirs, landing_record(fppa=(30.0, 30.0)))
    assert (len(history(mine)), len(history(theirs))) == (1, 1)
    with uow_factory(club.principal) as uow:
        move_screening(uow=uow, principal=club.principal, screening_id=given, athlete_id=theirs)
    assert given not in kept()
    assert history(mine) == ()
    assert knees(history(theirs)[0]) == [20.0]


@pytest.mark.parametrize("level", [1, 2])
def test_screening_when_results_are_withheld_then_nothing_is_kept_until_they_may_be_seen(
    make, history, kept, ask, level
):
    athlete = make.athlete()
    make.trial(athlete, landing_record(fppa=(10.0, 10.0)))
    _, withheld = make.trial(athlete, landing_record(fppa=(30.0, 30.0)))
    assert knees(history(athlete)[0]) == [20.0]
    ask("UPDATE recording SET withheld = :level WHERE id = :id", level=level, id=withheld)
    assert kept() == {}
    assert knees(history(athlete)[0]) == [20.0 if level == 1 else 10.0]
    assert kept() == {}
    ask("UPDATE recording SET withheld = 0 WHERE id = :id", id=withheld)
    assert knees(history(athlete)[0]) == [20.0]
    assert len(kept()) == 1


@pytest.mark.parametrize(
    "statement", ["DELETE FROM analysis WHERE recording_id = :id", "DELETE FROM recording WHERE id = :id"]
)
def test_screening_when_results_are_removed_then_what_was_judged_of_them_goes_too(
    make, history, kept, ask, statement
):
    athlete = make.athlete()
    _, recording_id = make.trial(athlete, landing_record())
    history(athlete)
    assert len(kept()) == 1
    assert ask(statement, id=recording_id) == 1
    assert kept() == {}


def test_screening_when_the_method_is_another_then_judged_anew(make, history, kept, monkeypatch):
    athlete = make.athlete()
    make.landings(athlete, landing_record())
    history(athlete)
    (before,) = kept().values()
    monkeypatch.setattr(judged_movements, "METHOD_VERSION", "99.0.0")
    history(athlete)
    (after,) = kept().values()
    assert before[0] != after[0]


def test_screening_when_its_recording_was_just_analysed_then_judged_ahead(make, kept, uow_factory, club):
    screening_id, recording_id = make.trial(make.athlete(sex=Sex.FEMALE), landing_record())
    assert kept() == {}
    judge_ahead(uow_factory=uow_factory, organisation_id=club.id, recording_id=recording_id)
    assert set(kept()) == {screening_id}
    assert Movement.DROP_VERTICAL_JUMP.value in kept()[screening_id][1]
