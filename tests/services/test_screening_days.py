"""A screening day from its plan to the last recording: who may send what, how far everybody is, and nothing lost."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.biomech.types import View
from app.domain.access import Role
from app.domain.athletes import AthleteChange
from app.domain.audit import Act, ActorKind
from app.domain.captures import CaptureState
from app.domain.day_doubts import Doubt
from app.domain.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    StaleStateError,
)
from app.domain.lifecycle import RecordingState
from app.domain.screening_days import card_text
from app.services import (
    athletes,
    day_stations,
    inbox,
    inbox_assignments,
    recording_intake,
    recordings,
    screening_days,
)
from app.services.captures import finish_capture
from app.services.day_stations import ClipRequest
from app.services.inbox_assignments import Assignment, AssignStatus
from app.services.screening_days import DayPlan, StationPlan
from tests.factories import PROBED, REJECTED, finish_recording, make_athlete, make_team, stage_upload

MAX_BYTES = 1_000_000
FRONT = StationPlan(view=View.FRONTAL)
SIDE = StationPlan(view=View.SAGITTAL)


def trust(_path):
    """Take a file for a video, without a look at it."""
    return PROBED


@pytest.fixture
def film(uow_factory, blobs, club, tmp_path):
    """Announces and sends a video from a station of a day; as a phone there when given its stay."""

    def send(day, station=0, *, content=None, stay=None, **said):
        principal = club.principal if stay is None else stay.principal
        request = ClipRequest(station_id=day.stations[station].id, **said)
        with uow_factory(principal) as uow:
            announced = day_stations.announce_clip(
                uow=uow, principal=principal, day_id=day.id, request=request, max_bytes=MAX_BYTES
            )
        upload = stage_upload(tmp_path, uuid4().bytes if content is None else content)
        facts = {"uow_factory": uow_factory, "blobs": blobs, "upload": upload, "prober": trust}
        return finish_capture(principal=principal, capture_id=announced.capture.id, **facts)

    return send


@pytest.fixture
def plan(uow_factory, club):
    """Plans a day of a team today."""

    def make(team, *, principal=None, **protocol):
        asked = DayPlan(team_id=team.id, held_on=datetime.now(UTC).date(), **protocol)
        whose = principal or club.principal
        with uow_factory(whose) as uow:
            return screening_days.plan_day(uow=uow, principal=whose, plan=asked)

    return make


@pytest.fixture
def board(uow_factory, club):
    """Returns the counts of a day's athletes by name."""

    def read(day):
        with uow_factory(club.principal) as uow:
            found = screening_days.get_board(uow=uow, principal=club.principal, day_id=day.id)
        return {row.name: row.counts for row in found.rows}

    return read


@pytest.fixture
def enter(uow_factory, club):
    """Lets a phone come to a station."""

    def come(day, station=0):
        with uow_factory(club.principal) as uow:
            new = day_stations.make_pass(
                uow=uow, principal=club.principal, day_id=day.id, station_id=day.stations[station].id
            )
        with uow_factory(None) as uow:
            entered = day_stations.enter(uow=uow, code=new.code, user_agent="A phone")
        return new, entered

    return come


def wearing(uow_factory, club, team, *, name, bib):
    with uow_factory(club.principal) as uow:
        made = athletes.add_athlete(
            uow=uow, principal=club.principal, change=AthleteChange(name=name, bibs={team.id: bib})
        )
    return made.record.id


def test_day_when_planned_then_stations_are_named_and_views_are_those_of_all(uow_factory, club, plan):
    team = make_team(uow_factory, club)
    day = plan(team, stations=(FRONT, SIDE, replace(FRONT, name="By the door")), n_trials=2)
    assert (day.name, day.views) == ("U17", (View.FRONTAL, View.SAGITTAL))
    assert [station.name for station in day.stations] == ["Station 1", "Station 2", "By the door"]
    with uow_factory(club.principal) as uow:
        page = screening_days.list_days(uow=uow, principal=club.principal, team_id=team.id)
    assert page.items == (day,)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"n_trials": 0}, "n_trials"),
        ({"stations": ()}, "stations"),
        ({"box_height_cm": 0.1}, "box_height_cm"),
    ],
)
def test_day_when_its_protocol_makes_no_sense_then_refused(uow_factory, club, plan, wrong, field):
    team = make_team(uow_factory, club)
    with pytest.raises(InvalidInputError) as refused:
        plan(team, **wrong)
    assert refused.value.context["field"] == field


def test_day_when_asked_by_others_then_not_found_and_viewers_only_look(uow_factory, club, rival, plan):
    day = plan(make_team(uow_factory, club))
    with uow_factory(rival.principal) as uow, pytest.raises(NotFoundError):
        screening_days.get_board(uow=uow, principal=rival.principal, day_id=day.id)
    viewer = club.as_role(Role.VIEWER)
    with uow_factory(viewer) as uow:
        screening_days.get_board(uow=uow, principal=viewer, day_id=day.id)
        with pytest.raises(ForbiddenError):
            screening_days.close_day(uow=uow, principal=viewer, day_id=day.id)
        with pytest.raises(ForbiddenError):
            inbox.list_day_inbox(uow=uow, principal=viewer, day_id=day.id)


def test_board_when_trials_come_then_done_waiting_and_to_repeat(uow_factory, club, plan, film, board):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    day = plan(team)
    done, lost, waiting = (film(day, athlete_id=ada.id).recording_id for _ in range(3))
    finish_recording(uow_factory, club, done)
    finish_recording(uow_factory, club, lost, record=REJECTED)
    (count,) = board(day)["Ada Berg"]
    assert (count.n_done, count.n_waiting, count.n_to_repeat, count.n_lacking) == (1, 1, 1, 1)
    for _ in range(2):
        film(day, athlete_id=ada.id)
    (count,) = board(day)["Ada Berg"]
    assert (count.n_waiting, count.n_to_repeat, count.n_lacking, count.n_over) == (3, 0, 0, 1)
    assert waiting is not None


def test_board_when_a_recording_came_another_way_then_it_counts(
    uow_factory, club, plan, board, blobs, tmp_path
):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    day = plan(team)
    with uow_factory(club.principal) as uow:
        recording_intake.receive_recording(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            upload=stage_upload(tmp_path),
            probed=PROBED,
            athlete_id=ada.id,
        )
    assert board(day)["Ada Berg"][0].n_waiting == 1


def test_clips_when_two_cameras_film_then_they_join_in_trials(uow_factory, club, plan, film):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    day = plan(team, stations=(FRONT, SIDE))
    front = [film(day, 0, athlete_id=ada.id).recording for _ in range(2)]
    side = [film(day, 1, athlete_id=ada.id).recording for _ in range(2)]
    assert [each.trial_id for each in front] == [each.trial_id for each in side]
    assert len({each.trial_id for each in front}) == 2


def test_clip_when_named_by_card_bib_or_not_at_all_then_as_said(uow_factory, club, rival, plan, film):
    team = make_team(uow_factory, club)
    ada = wearing(uow_factory, club, team, name="Ada Berg", bib="7")
    day = plan(team)
    assert film(day, card=card_text(ada)).athlete_id == ada
    assert film(day, bib=" 7 ").athlete_id == ada
    unnamed = film(day, bib="99")
    assert (unnamed.athlete_id, unnamed.recording.athlete) == (None, None)
    stranger = make_athlete(uow_factory, rival).id
    for said in ({"card": "PLUMBLINE:nothing"}, {"card": card_text(stranger)}, {"athlete_id": stranger}):
        with pytest.raises(InvalidInputError):
            film(day, **said)


def test_day_when_closed_then_what_was_announced_still_comes(uow_factory, club, plan, film, blobs, tmp_path):
    team = make_team(uow_factory, club)
    day = plan(team)
    principal = club.principal
    with uow_factory(principal) as uow:
        request = ClipRequest(station_id=day.stations[0].id)
        announced = day_stations.announce_clip(
            uow=uow, principal=principal, day_id=day.id, request=request, max_bytes=MAX_BYTES
        )
        screening_days.close_day(uow=uow, principal=principal, day_id=day.id)
    with pytest.raises(StaleStateError, match="closed"):
        film(day)
    kept = finish_capture(
        uow_factory=uow_factory,
        blobs=blobs,
        principal=principal,
        capture_id=announced.capture.id,
        upload=stage_upload(tmp_path),
        prober=trust,
    )
    assert kept.state is CaptureState.RECEIVED
    with uow_factory(principal) as uow:
        screening_days.close_day(uow=uow, principal=principal, day_id=day.id, closed=False)
    assert film(day).state is CaptureState.RECEIVED


def test_code_when_used_then_one_phone_is_in_and_nobody_else_comes(uow_factory, club, plan, enter):
    day = plan(make_team(uow_factory, club))
    new, entered = enter(day)
    for code in (new.code, new.code.lower().replace("-", " "), "22222-22222"):
        with uow_factory(None) as uow, pytest.raises(InvalidCredentialsError):
            day_stations.enter(uow=uow, code=code)
    with uow_factory(None) as uow:
        stay = day_stations.resolve_stay(uow=uow, token=entered.token)
    assert (stay.day_id, stay.station_id) == (day.id, day.stations[0].id)
    with uow_factory(club.principal) as uow:
        (shown,) = day_stations.list_passes(uow=uow, principal=club.principal, day_id=day.id)
        assert (shown.id, shown.user_agent) == (new.station_pass.id, "A phone")
        day_stations.revoke_pass(uow=uow, principal=club.principal, day_id=day.id, pass_id=shown.id)
    with uow_factory(None) as uow, pytest.raises(NotSignedInError):
        day_stations.resolve_stay(uow=uow, token=entered.token)


def test_code_when_two_phones_use_it_at_once_then_one_gets_in(uow_factory, club, plan):
    day = plan(make_team(uow_factory, club))
    with uow_factory(club.principal) as uow:
        new = day_stations.make_pass(
            uow=uow, principal=club.principal, day_id=day.id, station_id=day.stations[0].id
        )
    both = threading.Barrier(2)

    def come(_):
        both.wait()
        try:
            with uow_factory(None) as uow:
                return day_stations.enter(uow=uow, code=new.code)
        except InvalidCredentialsError:
            return None

    with ThreadPoolExecutor(2) as pool:
        assert sum(each is not None for each in pool.map(come, range(2))) == 1


def test_phone_when_it_sends_then_the_trail_names_it_and_it_does_nothing_else(
    uow_factory, club, plan, enter, film, blobs, tmp_path
):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    day, elsewhere = plan(team, stations=(FRONT, FRONT)), plan(team)
    _, entered = enter(day)
    stay = entered.stay
    sent = film(day, stay=stay, athlete_id=ada.id)
    assert sent.recording.athlete.id == ada.id
    with uow_factory(club.id) as uow:
        told = {
            (each.act, each.actor_kind, each.actor_id) for each in uow.audit.walk(organisation_id=club.id)
        }
    pass_id = stay.principal.station_pass_id
    for act in (Act.STATION_ENTERED, Act.CAPTURE_ANNOUNCED, Act.RECORDING_RECEIVED):
        assert (act.value, ActorKind.STATION, pass_id) in told
    with uow_factory(stay.principal) as uow:
        for forbidden in (
            lambda: recordings.list_recordings(uow=uow, principal=stay.principal),
            lambda: athletes.get_athlete(uow=uow, principal=stay.principal, athlete_id=ada.id),
            lambda: inbox.list_inbox(uow=uow, principal=stay.principal),
            lambda: screening_days.get_board(uow=uow, principal=stay.principal, day_id=day.id),
        ):
            with pytest.raises(ForbiddenError):
                forbidden()
    foreign = film(day, 1).id, film(elsewhere).id
    for capture_id in foreign:
        with uow_factory(stay.principal) as uow, pytest.raises(NotFoundError):
            day_stations.check_own_clip(uow=uow, stay=stay, capture_id=capture_id)


def test_phone_when_its_clock_is_wrong_then_the_order_is_that_of_arrival(uow_factory, club, plan, film):
    team = make_team(uow_factory, club)
    day = plan(team)
    film(day, taken_at=datetime(2001, 1, 1, tzinfo=UTC))
    film(day, taken_at=datetime.now(UTC) + timedelta(days=1))
    with uow_factory(club.principal) as uow:
        items = inbox.list_day_inbox(uow=uow, principal=club.principal, day_id=day.id)
    assert all(abs(item.taken_at - item.created_at) < timedelta(minutes=1) for item in items)


def test_inbox_when_recordings_wait_then_those_of_a_day_and_others_with_guesses(
    uow_factory, club, plan, film, blobs, tmp_path
):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    make_athlete(uow_factory, club, name="Bea Cole")
    day = plan(team)
    of_day = film(day, bib="12").recording_id
    with uow_factory(club.principal) as uow:
        alone = recording_intake.receive_recording(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            upload=stage_upload(tmp_path, filename="bea_cole_2.mp4"),
            probed=PROBED,
        ).recording.id
        first = inbox.list_inbox(uow=uow, principal=club.principal, limit=1)
        second = inbox.list_inbox(uow=uow, principal=club.principal, cursor=first.next_cursor, limit=1)
        assert inbox.count_inbox(uow=uow, principal=club.principal) == 2
    (without_day,), (with_day,) = first.items, second.items
    assert (without_day.recording_id, with_day.recording_id) == (alone, of_day)
    assert [guess.name for guess in without_day.guesses] == ["Bea Cole"]
    assert (with_day.day_id, with_day.bib, with_day.station.name) == (day.id, "12", "Station 1")
    assert (with_day.doubt, with_day.guesses[0].athlete_id) == (Doubt.NOBODY, ada.id)
    assert second.next_cursor is None


def test_assignments_when_some_cannot_be_moved_then_the_others_are_and_undo_takes_them_back(
    uow_factory, club, plan, film, board
):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    day = plan(team)
    free, busy, hers = (
        film(day).recording_id,
        film(day).recording_id,
        film(day, athlete_id=ada.id).recording_id,
    )
    with uow_factory(club.id) as uow:
        uow.recordings.claim(busy, lease_s=60.0, max_attempts=3)
    wanted = [Assignment(recording_id=each, athlete_id=ada.id) for each in (free, busy, hers, uuid4())]
    with uow_factory(club.principal) as uow:
        done = inbox_assignments.assign_recordings(uow=uow, principal=club.principal, assignments=wanted)
    failed = AssignStatus.FAILED
    assert [each.status for each in done] == [AssignStatus.MOVED, failed, AssignStatus.KEPT, failed]
    assert [each.problem.code for each in done if each.problem] == ["stale_state", "not_found"]
    assert board(day)["Ada Berg"][0].n_waiting == 2
    with uow_factory(club.principal) as uow:
        undone = inbox_assignments.undo_assignments(
            uow=uow, principal=club.principal, change_ids=[done[0].change_id, done[0].change_id]
        )
    assert [each.problem is None for each in undone] == [True, False]
    assert board(day)["Ada Berg"][0].n_waiting == 1


def test_assignments_when_none_can_be_made_then_nothing_is_changed_and_no_error_of_ours(
    uow_factory, club, plan, film
):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    busy = film(plan(team)).recording_id
    with uow_factory(club.id) as uow:
        uow.recordings.claim(busy, lease_s=60.0, max_attempts=3)
    with uow_factory(club.principal) as uow:
        (failed,) = inbox_assignments.assign_recordings(
            uow=uow,
            principal=club.principal,
            assignments=[Assignment(recording_id=busy, athlete_id=ada.id)],
        )
    assert failed.status is AssignStatus.FAILED
    with uow_factory(club.principal) as uow:
        view = recordings.get_recording(uow=uow, principal=club.principal, recording_id=busy)
    assert (view.athlete, view.state) == (None, RecordingState.PROCESSING)


def test_day_when_180_come_from_two_stations_and_every_tenth_is_wrong_then_all_end_where_they_belong(
    uow_factory, club, plan, enter, film
):
    """Sixty athletes, three trials each; both phones send at once; then an hour of desk work in a loop."""
    team = make_team(uow_factory, club)
    bibs = [str(number) for number in range(1, 61)]
    people = [wearing(uow_factory, club, team, name=f"Athlete {bib}", bib=bib) for bib in bibs]
    day = plan(team, stations=(FRONT, FRONT))
    stays = [enter(day, station)[1].stay for station in range(2)]
    filmed = said_wrongly(people, random.Random(7))  # noqa: S311  # a day that can be had again
    truth = dict(run_stations(day, stays, filmed, film))
    assert len(truth) == 180
    n_accepted, n_chosen = desk_work(uow_factory, club, day, truth)
    with uow_factory(club.principal) as uow:
        whose = {
            each: recordings.get_recording(uow=uow, principal=club.principal, recording_id=each).athlete
            for each in truth
        }
        rows = screening_days.get_board(uow=uow, principal=club.principal, day_id=day.id).rows
    assert {each: None if who is None else who.id for each, who in whose.items()} == truth
    assert all(row.n_lacking == 0 and row.counts[0].n_over == 0 for row in rows)
    assert n_accepted >= 12
    assert n_chosen <= 4


def said_wrongly(people, chance):
    """Return what each of two stations films: whom, whom it says, and how long after the first; a tenth of it is wrong."""
    rows = []
    for station in range(2):
        now_s = 7.0 * station
        for who in people[station::2]:
            now_s += chance.uniform(30, 60)
            for _ in range(3):
                now_s += chance.uniform(12, 25)
                rows.append([station, who, who, now_s])
    for row in chance.sample(rows, 18):
        before = [
            other[1] for other in rows if other[0] == row[0] and other[3] < row[3] and other[1] != row[1]
        ]
        row[2] = chance.choice([None, None, chance.choice(people), before[-1] if before else None])
    return [[row for row in rows if row[0] == station] for station in range(2)]


def run_stations(day, stays, filmed, film):
    """Send each station's videos in order, both stations at once; yield each recording and whose it really is."""
    start = datetime.now(UTC) - timedelta(hours=4)

    def run(station):
        return [
            (
                film(
                    day,
                    station,
                    stay=stays[station],
                    athlete_id=said,
                    taken_at=start + timedelta(seconds=after_s),
                ).recording_id,
                who,
            )
            for _, who, said, after_s in filmed[station]
        ]

    with ThreadPoolExecutor(2) as pool:
        for sent in pool.map(run, range(2)):
            yield from sent


def desk_work(uow_factory, club, day, truth: dict[UUID, UUID]) -> tuple[int, int]:
    """Accept what is likely, in bulk, until nothing is; look at the video of what is left. Count both."""
    n_accepted = n_chosen = 0
    for _ in range(60):
        with uow_factory(club.principal) as uow:
            items = inbox.list_day_inbox(uow=uow, principal=club.principal, day_id=day.id)
        likely = [item for item in items if item.is_likely]
        chosen = [
            Assignment(recording_id=item.recording_id, athlete_id=item.guesses[0].athlete_id)
            for item in likely
        ]
        n_accepted += len(chosen)
        if not chosen:
            if not items:
                break
            chosen = [Assignment(recording_id=items[0].recording_id, athlete_id=truth[items[0].recording_id])]
            n_chosen += items[0].athlete_id != truth[items[0].recording_id]
        with uow_factory(club.principal) as uow:
            done = inbox_assignments.assign_recordings(uow=uow, principal=club.principal, assignments=chosen)
        assert all(each.status is not AssignStatus.FAILED for each in done)
    return n_accepted, n_chosen
