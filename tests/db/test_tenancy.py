"""What PostgreSQL alone keeps apart: raw SQL as the app's role, no repository in between."""

from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from app.biomech.quality import make_finding
from app.db.base import Base
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.quotas import Quotas
from app.jobs.memory_queue import MemoryQueue
from app.services.accounts import sign_in
from app.services.athlete_history import get_history
from app.services.quotas import set_quotas
from app.storage.local import LocalBlobStore
from tests.db.two_clubs import announce, film_at_a_station, let_people_in, merge_a_double, tell_others
from tests.factories import (
    PASSWORD,
    QUICK_PASSWORDS,
    finish_recording,
    make_athlete,
    make_club,
    make_record,
    make_recording,
    make_team,
    put_right_and_take_back,
    start_reanalysis,
)

TABLES = sorted(Base.metadata.tables)
ACCOUNT_TABLES = {
    "organisation",
    "membership",
    "login_session",
    "api_key",
    "user_account",
    "invitation",
    "password_reset",
    "access_token",
    "sign_in_policy",
    "sign_in_step",
    "passkey",
    "station_pass",
    "identity_provider",
    "provider_link",
}
"""Open while nobody is known yet; closed to others once an organisation is named."""
PERSONAL = {"user_account", "sign_in_step", "passkey"}
"""Of a person, not of an organisation: each has a rule and a test of its own."""
APPEND_ONLY = {
    "audit_entry",
    "recording_event",
    "analysis",
    "analysis_event",
    "metric",
    "finding",
    "flagged_frame",
    "assessment",
    "assessment_component",
    "correction",
    "correction_undo",
    "analysis_correction",
    "analysis_summary",
}
NEVER_CHANGED = {
    "idempotency_key",
    "athlete_tombstone",
    "roster_change_item",
    "team_limit",
    "athlete_link",
    "consent_text",
    "consent_decision",
    "access_token",
    "webhook_attempt",
    "provider_link",
}
"""Written and removed, never changed; a decision only follows its athlete when two are merged."""


@pytest.fixture(scope="module")
def clubs(engine, tmp_path_factory):
    """Two organisations with at least one row in every table."""
    uow_factory = UnitOfWorkFactory(engine=engine, queue=MemoryQueue())
    folder = tmp_path_factory.mktemp("tenancy")
    blobs = LocalBlobStore(folder / "blobs")
    made = []
    for _ in range(2):
        club = make_club(uow_factory)
        team = make_team(uow_factory, club)
        athlete = make_athlete(uow_factory, club, team=team)
        merge_a_double(uow_factory, club, into=athlete)
        received = make_recording(
            uow_factory, blobs, club, folder=folder, athlete=athlete, idempotency_key="key-1"
        )
        announce(uow_factory, club, athlete=athlete)
        with uow_factory(None) as uow:
            assert uow.recordings.take_turn() is not None
        film_at_a_station(uow_factory, club, team=team, athlete=athlete)
        with uow_factory(club.id) as uow:
            set_quotas(uow=uow, organisation_id=club.id, quotas=Quotas(open_uploads=5))
        finish_recording(
            uow_factory,
            club,
            received.recording.id,
            record=make_record(findings=(make_finding("fps_low"),)),
        )
        put_right_and_take_back(uow_factory, club, received.recording.id)
        start_reanalysis(uow_factory, club, team=team)
        with uow_factory(None) as uow:
            sign_in(uow=uow, email=club.email, password=PASSWORD, passwords=QUICK_PASSWORDS)
        let_people_in(uow_factory, club, team=team, athlete=athlete)
        with uow_factory(club.principal) as uow:
            get_history(uow=uow, principal=club.principal, athlete_id=athlete.id)
        tell_others(uow_factory, club, athlete=athlete)
        made.append(club)
    return made


def sql(template, **names):
    """Return a statement with names of ours filled in; values stay parameters."""
    return text(template.format(**names))


def _as(connection, organisation_id):
    connection.execute(
        text("SELECT set_config('app.org_id', :value, true)"),
        {"value": "" if organisation_id is None else str(organisation_id)},
    )


def _owners(connection, table):
    column = "id" if table == "organisation" else "organisation_id"
    return set(connection.scalars(sql("SELECT {column} FROM {table}", column=column, table=table)))


@pytest.mark.parametrize("table", sorted(set(TABLES) - PERSONAL))
def test_rows_when_read_by_an_organisation_then_they_are_its_own(engine, clubs, table):
    for club in clubs:
        with engine.begin() as connection:
            _as(connection, club.id)
            assert _owners(connection, table) == {club.id}


def test_users_when_read_by_an_organisation_then_they_are_its_members(engine, clubs):
    for club in clubs:
        with engine.begin() as connection:
            _as(connection, club.id)
            assert set(connection.scalars(text("SELECT email FROM user_account"))) == {
                club.email,
                f"guardian-{club.email}",
            }


def test_steps_of_a_sign_in_when_an_organisation_is_named_then_there_are_none(engine, clubs):
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sign_in_step")) > 0
        _as(connection, clubs[0].id)
        assert connection.scalar(text("SELECT count(*) FROM sign_in_step")) == 0


def test_passkeys_when_an_organisation_is_named_then_those_of_its_members_and_none_can_be_added(
    engine, clubs
):
    for club in clubs:
        with engine.connect() as connection:
            _as(connection, club.id)
            assert list(connection.scalars(text("SELECT user_id FROM passkey"))) == [club.principal.user_id]
            with pytest.raises(DBAPIError, match="row-level security"):
                connection.execute(text("UPDATE passkey SET name = 'x'"))


@pytest.mark.parametrize("table", sorted(set(TABLES) - ACCOUNT_TABLES))
def test_rows_when_no_organisation_is_named_then_there_are_none(engine, clubs, table):
    with engine.begin() as connection:
        assert connection.scalar(sql("SELECT count(*) FROM {table}", table=table)) == 0


@pytest.mark.parametrize("table", sorted(set(TABLES) - PERSONAL - {"organisation"}))
def test_row_when_inserted_for_another_organisation_then_refused(engine, clubs, table):
    mine, theirs = clubs
    columns = [
        column.name
        for column in Base.metadata.tables[table].columns
        if column.name != "organisation_id" and column.computed is None
    ]
    generated = table in {"recording_event", "roster_change_item"}
    names = ", ".join(name for name in columns if not (generated and name == "id"))
    with engine.connect() as connection:
        _as(connection, mine.id)
        with pytest.raises(DBAPIError, match="row-level security"):
            connection.execute(
                sql(
                    "INSERT INTO {table} (organisation_id, {names}) SELECT :theirs, {names} FROM {table}",
                    names=names,
                    table=table,
                ),
                {"theirs": theirs.id},
            )


@pytest.mark.parametrize(
    "table", sorted(set(TABLES) - APPEND_ONLY - NEVER_CHANGED - PERSONAL - {"organisation"})
)
def test_rows_when_changed_by_another_organisation_then_none_is_touched(engine, clubs, table):
    mine, theirs = clubs
    with engine.connect() as connection:
        _as(connection, mine.id)
        changed = connection.execute(
            sql(
                "UPDATE {table} SET organisation_id = organisation_id WHERE organisation_id = :theirs",
                table=table,
            ),
            {"theirs": theirs.id},
        )
        assert changed.rowcount == 0


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_rows_that_are_history_when_changed_then_refused(engine, clubs, table):
    with engine.connect() as connection:
        _as(connection, clubs[0].id)
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(sql("UPDATE {table} SET organisation_id = organisation_id", table=table))


@pytest.mark.parametrize("table", ["recording_event", "audit_entry"])
def test_audit_when_deleted_then_refused(engine, clubs, table):
    with engine.connect() as connection:
        _as(connection, clubs[0].id)
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(sql("DELETE FROM {table}", table=table))


@pytest.mark.parametrize(
    ("table", "column", "parent"),
    [
        ("team_member", "athlete_id", "athlete"),
        ("screening", "athlete_id", "athlete"),
        ("recording", "athlete_id", "athlete"),
    ],
)
def test_reference_when_it_points_to_another_organisation_then_refused(engine, clubs, table, column, parent):
    """Foreign keys are checked past row-level security; the organisation in the key stands in for it."""
    mine, theirs = clubs
    with engine.begin() as connection:
        _as(connection, theirs.id)
        foreign_id = connection.scalar(sql("SELECT id FROM {parent}", parent=parent))
    with engine.connect() as connection:
        _as(connection, mine.id)
        with pytest.raises(DBAPIError, match="foreign key"):
            connection.execute(
                sql("UPDATE {table} SET {column} = :foreign_id", column=column, table=table),
                {"foreign_id": foreign_id},
            )


def test_tables_when_listed_then_every_one_forces_row_level_security(database):
    owner = create_engine(database.owner_url)
    try:
        with owner.connect() as connection:
            forced = connection.execute(
                text(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                    " AND relrowsecurity AND relforcerowsecurity"
                )
            ).scalars()
            assert set(forced) == set(TABLES)
    finally:
        owner.dispose()


def test_owner_when_it_looks_without_an_organisation_then_it_sees_no_athlete(database, clubs):
    owner = create_engine(database.owner_url)
    try:
        with owner.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM athlete")) == 0
    finally:
        owner.dispose()


def test_app_role_when_looked_up_then_it_cannot_get_past_row_level_security(engine):
    with engine.begin() as connection:
        role = connection.execute(
            text(
                "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            )
        ).one()
        assert tuple(role) == (False, False, False, False)
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")) == 0


def test_functions_when_they_look_across_organisations_then_they_tell_ids_and_counts_alone(engine, clubs):
    with engine.begin() as connection:
        returned = connection.execute(
            text(
                "SELECT proname, pg_get_function_result(oid) FROM pg_proc"
                " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            )
        ).all()
    assert dict(tuple(row) for row in returned) == {
        "due_recordings": "TABLE(organisation_id uuid, recording_id uuid, lease_expired boolean)",
        "organisation_usage": "record",
        "take_turn": "TABLE(organisation_id uuid, recording_id uuid)",
        "due_pictures": "TABLE(organisation_id uuid, analysis_id uuid)",
        "due_reanalyses": "TABLE(organisation_id uuid, reanalysis_id uuid)",
        "due_webhooks": "TABLE(organisation_id uuid)",
        "due_exports": "TABLE(organisation_id uuid, export_id uuid)",
        "queue_position": "bigint",
        "due_mail": "TABLE(organisation_id uuid, mail_id uuid)",
        "n_memberships": "bigint",
        "queue_depth": "record",
    }


def test_organisation_id_when_it_is_not_an_id_then_the_query_fails_closed(engine, clubs):
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('app.org_id', 'x OR true', true)"))
        with pytest.raises(DBAPIError, match="invalid input syntax"):
            connection.execute(text("SELECT * FROM athlete"))


def test_position_when_asked_for_anothers_recording_then_there_is_none(engine, clubs):
    with engine.begin() as connection:
        _as(connection, clubs[0].id)
        assert connection.scalar(text("SELECT queue_position(:id)"), {"id": uuid4()}) is None


REFERENCES = {
    "athlete_id", "screening_id", "trial_id", "recording_id", "analysis_id", "assessment_id", "team_id", "correction_id"
}  # fmt: skip
"""Columns by which a row belongs to somebody on the roster."""
UNLIMITED = {
    "idempotency_key": "repeats an answer to the request that already got it, and nothing else",
    "team_limit": "holds the limits themselves",
    "athlete_link": "holds the limits themselves",
}
"""Tables that limited members may see whole; add to it with the reason."""


def test_tables_when_rows_belong_to_an_athlete_then_limited_members_are_kept_from_others(engine):
    belonging = {
        table.name for table in Base.metadata.sorted_tables if REFERENCES & set(table.columns.keys())
    } | {"athlete", "team"}
    with engine.begin() as connection:
        limited = set(
            connection.scalars(text("SELECT tablename FROM pg_policies WHERE policyname = 'limited'"))
        )
    missing = belonging - limited - UNLIMITED.keys()
    assert missing == set(), (
        "in the migration of each: from migrations.policies import limit; limit(table, 'athlete_id', 'athlete')"
    )


def _n_seen(engine, club, subject_id, table):
    with engine.begin() as connection:
        _as(connection, club.id)
        connection.execute(text("SELECT set_config('app.limited_to', :id, true)"), {"id": str(subject_id)})
        return connection.scalar(sql("SELECT count(*) FROM {table}", table=table))


@pytest.mark.parametrize("table", sorted(set(TABLES) - ACCOUNT_TABLES - UNLIMITED.keys() - {"audit_entry"}))
def test_rows_when_read_by_limited_members_then_only_those_of_their_teams_or_links(engine, clubs, table):
    club = clubs[0]
    with engine.begin() as connection:
        _as(connection, club.id)
        trainer = connection.scalar(text("SELECT subject_id FROM team_limit"))
        guardian = connection.scalar(text("SELECT subject_id FROM athlete_link"))
    if REFERENCES & set(Base.metadata.tables[table].columns.keys()) or table in {"athlete", "team"}:
        assert _n_seen(engine, club, trainer, table) > 0
        assert (_n_seen(engine, club, guardian, table) > 0) == (
            table not in {"team", "team_member", "reanalysis", "screening_day"}
        )
        assert _n_seen(engine, club, uuid4(), table) == 0


OF_TEAMS = {"team", "team_member", "reanalysis", "screening_day", "day_station", "station_pass"}
"""Tables whose rows are limited by the team they belong to."""


@pytest.mark.parametrize("table", sorted(set(TABLES) - ACCOUNT_TABLES - OF_TEAMS))
def test_limits_when_a_table_is_read_then_whom_somebody_sees_is_not_planned_into_the_query(engine, table):
    with engine.begin() as connection:
        _as(connection, uuid4())
        plan = list(connection.scalars(sql("EXPLAIN SELECT * FROM {table}", table=table)))
    assert table == "team_limit" or not any("team_limit" in line for line in plan)
    assert len(plan) < 60, (
        "limit() of migrations/policies.py keeps a policy's own policies out of every query"
    )
