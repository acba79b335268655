"""The roster, and the team at a glance."""

from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import create_engine, event, text

from app.biomech.quality import FINDINGS, make_finding
from app.biomech.score import BANDS
from app.biomech.types import Severity, Verdict
from app.domain.access import Role
from app.domain.attention import MARKED_FROM, SOME_FROM
from app.domain.errors import ForbiddenError, InvalidInputError, NotFoundError
from app.domain.lifecycle import RecordingState
from app.services import athletes, roster
from app.services.read_models import DashboardSort
from tests.factories import (
    REJECTED,
    finish_recording,
    make_athlete,
    make_record,
    make_recording,
    make_team,
)


@pytest.fixture
def team(uow_factory, club):
    return make_team(uow_factory, club)


@pytest.fixture
def film(uow_factory, blobs, club, tmp_path):
    """Record an athlete, and finish with this result."""

    def run(athlete, record=None, **more):
        recording_id = make_recording(
            uow_factory, blobs, club, folder=tmp_path, athlete=athlete, **more
        ).recording.id
        if record is not None:
            finish_recording(uow_factory, club, recording_id, record=record)
        return recording_id

    return run


@pytest.fixture
def dashboard(uow_factory, club, team):
    def run(principal=None, **more):
        who = principal or club.principal
        with uow_factory(who.organisation_id) as uow:
            return roster.team_dashboard(uow=uow, principal=who, team_id=team.id, **more)

    return run


@pytest.fixture
def full_team(uow_factory, club, team, film):
    """One athlete of every kind, by name."""
    kinds = {
        "anna marked": make_record(score=72.0),
        "Ben expected": make_record(score=12.0),
        "Cleo some": make_record(score=45.0),
        "Dina rejected": REJECTED,
        "Emil attention": make_record(
            score=12.0, verdict=Verdict.ATTENTION, findings=(make_finding("fps_low"),)
        ),
        "Finn waiting": None,
        "Gus unscored": make_record(score=None),
    }
    athletes = {}
    for name, record in kinds.items():
        athletes[name] = make_athlete(uow_factory, club, name=name, team=team)
        film(athletes[name], record)
    athletes["Hana never filmed"] = make_athlete(uow_factory, club, name="Hana never filmed", team=team)
    return athletes


def _names(dashboard):
    return [row.athlete.name for row in dashboard.rows]


def test_dashboard_when_the_team_is_empty_then_empty_and_counted(dashboard):
    board = dashboard()
    assert (board.rows, board.next_cursor, board.counts.n_athletes) == ((), None, 0)


def test_dashboard_when_athletes_are_of_every_kind_then_those_to_look_at_come_first(dashboard, full_team):
    board = dashboard()
    assert _names(board) == [
        "anna marked",
        "Dina rejected",
        "Cleo some",
        "Emil attention",
        "Ben expected",
        "Gus unscored",
        "Finn waiting",
        "Hana never filmed",
    ]
    assert [row.flagged for row in board.rows] == [True, True, *[False] * 6]


def test_dashboard_when_counted_then_the_whole_team_is(dashboard, full_team):
    counts = dashboard(limit=1).counts
    assert (
        counts.n_athletes,
        counts.n_screened,
        counts.n_flagged,
        counts.n_film_again,
        counts.n_in_progress,
        counts.n_not_filmed,
    ) == (8, 5, 2, 1, 1, 1)


def test_dashboard_when_a_row_is_read_then_it_has_the_result(dashboard, full_team):
    rows = {row.athlete.name: row for row in dashboard().rows}
    marked, waiting, never = rows["anna marked"], rows["Finn waiting"], rows["Hana never filmed"]
    assert (marked.score, marked.band_probability, marked.coverage, marked.scope) == (
        72.0,
        0.71,
        0.6,
        "frontal",
    )
    assert (marked.interval_90, marked.fppa_both_deg, marked.fppa_both_se_deg) == (
        (62.0, 82.0),
        14.0 / 3.0,
        5.2,
    )
    assert marked.result_recording_id == marked.recording_id
    assert rows["Emil attention"].finding_codes == ("fps_low",)
    assert (waiting.state, waiting.verdict, waiting.result_recording_id) == (
        RecordingState.QUEUED,
        None,
        None,
    )
    assert waiting.queue_position is not None
    assert (never.recording_id, never.state, never.recorded_at, never.verdict) == (None, None, None, None)


def test_dashboard_when_a_new_recording_waits_then_the_earlier_result_still_shows(
    dashboard, uow_factory, club, team, film
):
    athlete = make_athlete(uow_factory, club, team=team)
    done = film(athlete, make_record(score=72.0))
    waiting = film(athlete)
    (row,) = dashboard().rows
    assert (row.recording_id, row.state, row.result_recording_id, row.score) == (
        waiting,
        RecordingState.QUEUED,
        done,
        72.0,
    )


def test_dashboard_when_an_old_video_is_brought_in_later_then_the_newer_screening_counts(
    dashboard, uow_factory, club, team, film
):
    athlete = make_athlete(uow_factory, club, team=team)
    film(athlete, make_record(score=72.0), screened_on=date(2026, 5, 1))
    film(athlete, make_record(score=10.0), screened_on=date(2025, 5, 1))
    (row,) = dashboard().rows
    assert (row.score, row.screened_on) == (72.0, date(2026, 5, 1))


def test_dashboard_when_a_finding_is_only_worth_knowing_then_it_is_left_out(
    dashboard, uow_factory, club, team, film
):
    note = next(make_finding(code) for code, known in FINDINGS.items() if known.severity is Severity.INFO)
    film(make_athlete(uow_factory, club, team=team), make_record(findings=(note,)))
    assert dashboard().rows[0].finding_codes == ()


@pytest.mark.parametrize("sort", list(DashboardSort))
@pytest.mark.parametrize("descending", [False, True])
def test_dashboard_when_paged_then_the_same_order_as_in_one_go(dashboard, full_team, sort, descending):
    whole = _names(dashboard(sort=sort, descending=descending))
    assert sorted(whole) == sorted(full_team)
    found, cursor = [], None
    while True:
        board = dashboard(sort=sort, descending=descending, cursor=cursor, limit=3)
        found += _names(board)
        cursor = board.next_cursor
        if cursor is None:
            break
    assert found == whole


def test_dashboard_when_sorted_then_values_in_order_and_missing_ones_last(dashboard, full_team):
    by_name = _names(dashboard(sort=DashboardSort.NAME))
    assert by_name == sorted(full_team, key=str.lower)
    assert _names(dashboard(sort=DashboardSort.NAME, descending=True)) == by_name[::-1]
    scores = [row.score for row in dashboard(sort=DashboardSort.SCORE).rows]
    assert scores == [72.0, 45.0, 12.0, 12.0, None, None, None, None]
    rising = [row.score for row in dashboard(sort=DashboardSort.SCORE, descending=False).rows]
    assert rising == [12.0, 12.0, 45.0, 72.0, None, None, None, None]
    dates = [row.recorded_at for row in dashboard(sort=DashboardSort.DATE).rows]
    assert dates[-1] is None
    assert dates[:-1] == sorted(dates[:-1], reverse=True)
    verdicts = [row.verdict for row in dashboard(sort=DashboardSort.VERDICT).rows]
    assert verdicts[:2] == [Verdict.INVALID, Verdict.ATTENTION]
    assert verdicts[-2:] == [None, None]
    assert _names(dashboard(sort=DashboardSort.BAND))[:2] == ["anna marked", "Cleo some"]


def test_dashboard_when_the_cursor_is_of_another_order_then_said_plainly(dashboard, full_team):
    cursor = dashboard(sort=DashboardSort.SCORE, limit=2).next_cursor
    with pytest.raises(InvalidInputError, match="order"):
        dashboard(sort=DashboardSort.NAME, cursor=cursor)


def test_dashboard_when_there_are_many_recordings_then_still_two_queries(
    dashboard, engine, uow_factory, club, team, film
):
    for number in range(3):
        athlete = make_athlete(uow_factory, club, name=f"Athlete {number}", team=team)
        for score in (10.0, 20.0, 70.0):
            film(athlete, make_record(score=score))
    with captured(engine) as statements:
        assert [row.score for row in dashboard().rows] == [70.0] * 3
    reading = [statement for statement, _ in statements if "set_config" not in statement]
    assert len(reading) == 2  # the team, then the whole dashboard


def test_dashboard_when_asked_for_by_another_organisation_then_not_found(dashboard, rival):
    with pytest.raises(NotFoundError):
        dashboard(rival.principal)


def test_bands_when_compared_then_attention_begins_where_the_method_says():
    assert [band.lower for band in BANDS][1:] == [SOME_FROM, MARKED_FROM]


def test_athlete_when_made_in_teams_then_found_there(uow_factory, club, team):
    athlete = make_athlete(uow_factory, club, team=team)
    with uow_factory(club.id) as uow:
        detail = athletes.get_athlete(uow=uow, principal=club.principal, athlete_id=athlete.id)
        listed = roster.get_team(uow=uow, principal=club.principal, team_id=team.id)
    assert (detail.record.id, detail.record.name, detail.record.stature_cm) == (athlete.id, "Ada Berg", 171.0)
    assert [(found.id, found.name) for found in detail.teams] == [(listed.id, listed.name)]
    assert listed.n_athletes == 1


def test_athlete_when_seen_by_another_organisation_then_not_found(uow_factory, club, rival, team):
    athlete = make_athlete(uow_factory, club, team=team)
    with uow_factory(rival.id) as uow:
        assert roster.list_athletes(uow=uow, principal=rival.principal).items == ()
        assert roster.list_teams(uow=uow, principal=rival.principal).items == ()
        assert roster.list_athletes(uow=uow, principal=rival.principal, team_id=team.id).items == ()
    with pytest.raises(NotFoundError), uow_factory(rival.id) as uow:
        athletes.get_athlete(uow=uow, principal=rival.principal, athlete_id=athlete.id)
    with pytest.raises(NotFoundError), uow_factory(rival.id) as uow:
        roster.get_team(uow=uow, principal=rival.principal, team_id=team.id)
    with pytest.raises(NotFoundError), uow_factory(rival.id) as uow:
        roster.create_athlete(uow=uow, principal=rival.principal, name="Spy", team_ids=(team.id,))


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a\x00b"}, {"name": "x" * 201}, {"stature_cm": 3.0}, {"external_id": " "}],
)
def test_athlete_when_a_value_is_bad_then_said_which(uow_factory, club, change):
    with pytest.raises(InvalidInputError) as caught, uow_factory(club.id) as uow:
        roster.create_athlete(uow=uow, principal=club.principal, **({"name": "Ada"} | change))
    assert caught.value.context["field"] == next(iter(change))


def test_athlete_when_the_external_id_is_taken_then_said_so(uow_factory, club, rival):
    def make(who):
        with uow_factory(who.id) as uow:
            roster.create_athlete(uow=uow, principal=who.principal, name="Ada", external_id="7")

    make(club)
    make(rival)
    with pytest.raises(InvalidInputError, match="external id"):
        make(club)


def test_team_when_the_name_is_taken_then_said_so(uow_factory, club, team):
    with pytest.raises(InvalidInputError, match="already a team"):
        make_team(uow_factory, club, name=team.name)


def test_lists_when_paged_then_each_once_by_name_whatever_the_case(uow_factory, club):
    names = ["anna", "Anna", "Élise", "zoe", "Bo", "bo", "Ada"]
    for name in names:
        make_athlete(uow_factory, club, name=name)

    def page(cursor, limit):
        with uow_factory(club.id) as uow:
            return roster.list_athletes(uow=uow, principal=club.principal, cursor=cursor, limit=limit)

    whole = [athlete.id for athlete in page(None, 50).items]
    found, cursor = [], None
    while True:
        got = page(cursor, 2)
        found += [athlete.id for athlete in got.items]
        cursor = got.next_cursor
        if cursor is None:
            break
    assert found == whole
    assert len(set(found)) == len(names)


def test_roster_when_the_role_may_only_read_then_writing_is_forbidden(uow_factory, club):
    viewer = club.as_role(Role.VIEWER)
    with pytest.raises(ForbiddenError), uow_factory(club.id) as uow:
        roster.create_team(uow=uow, principal=viewer, name="U19")
    with pytest.raises(ForbiddenError), uow_factory(club.id) as uow:
        roster.create_athlete(uow=uow, principal=viewer, name="Ada")


def test_dashboard_when_the_history_is_long_then_little_of_it_is_read(
    dashboard, engine, database, uow_factory, club, team, film
):
    """Two look-ups per athlete, never a walk through everybody's recordings."""
    n_athletes, n_earlier = 20, 100
    for number in range(n_athletes):
        film(make_athlete(uow_factory, club, name=f"Athlete {number}", team=team), make_record())
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :value, true)"), {"value": str(club.id)})
        connection.execute(text(MORE_RECORDINGS), {"n": n_earlier})
        connection.execute(text(MORE_ANALYSES))
    owner = create_engine(database.owner_url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("ANALYZE"))
    owner.dispose()
    with captured(engine) as statements:
        assert len(dashboard().rows) == n_athletes
    statement, parameters = next(item for item in statements if "WITH member" in item[0])
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :value, true)"), {"value": str(club.id)})
        (plan,) = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
        ).scalar()
    assert rows_read(plan["Plan"], "recording") <= 6 * n_athletes
    assert rows_read(plan["Plan"], "analysis") <= 6 * n_athletes


MORE_RECORDINGS = """
INSERT INTO recording (id, organisation_id, athlete_id, screened_on, context, movement, view, state, progress,
                       filename, blob_key, size_bytes, sha256, container, codec, width_px, height_px, duration_s,
                       created_at, updated_at)
SELECT gen_random_uuid(), organisation_id, athlete_id, screened_on - earlier, context, movement, view, state, 1,
       filename, blob_key, size_bytes, sha256, container, codec, width_px, height_px, duration_s,
       created_at - earlier * interval '1 day', updated_at
  FROM recording, generate_series(1, :n) AS earlier"""

MORE_ANALYSES = """
INSERT INTO analysis (id, organisation_id, recording_id, run, lease_token, verdict, method_version, model_sha256,
                      code_version, input_sha256)
SELECT gen_random_uuid(), r.organisation_id, r.id, 1, gen_random_uuid(), 'valid', '1', 'a', '1', 'b'
  FROM recording r WHERE NOT EXISTS (SELECT 1 FROM analysis n WHERE n.recording_id = r.id)"""


@contextmanager
def captured(engine):
    """Collect the statements that are run, with their parameters."""
    statements = []

    def note(connection, cursor, statement, parameters, *more):
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def rows_read(node, table):
    """Return how many rows of a table a plan looked at, those it threw away included."""
    here = 0
    if node.get("Relation Name") == table:
        looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        here = looked_at * node["Actual Loops"]
    return here + sum(rows_read(part, table) for part in node.get("Plans", ()))
