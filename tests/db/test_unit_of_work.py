"""Rows and jobs go together: both or neither, and the row first."""

import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.unit_of_work import UnitOfWorkFactory
from app.jobs.queue import Job
from tests.factories import make_club

JOB = Job(name="plumbline.test", args=("1",))


class WatchingQueue:
    """Looks, at the moment a job is sent, how many teams everybody else can see."""

    def __init__(self, engine, organisation_id):
        self.engine, self.organisation_id = engine, organisation_id
        self.seen = []

    def send(self, job):
        with self.engine.begin() as connection:
            connection.execute(
                text("SELECT set_config('app.org_id', :value, true)"), {"value": str(self.organisation_id)}
            )
            self.seen.append(connection.scalar(text("SELECT count(*) FROM team")))


def test_leaving_cleanly_when_a_job_was_deferred_then_the_row_is_there_before_the_job(engine, uow_factory):
    club = make_club(uow_factory)
    queue = WatchingQueue(engine, club.id)
    with UnitOfWorkFactory(engine=engine, queue=queue)(club.id) as uow:
        uow.roster.add_team(organisation_id=club.id, name="U17")
        uow.defer(JOB)
        assert queue.seen == []
    assert queue.seen == [1]


def test_leaving_with_an_error_when_a_job_was_deferred_then_row_and_job_are_dropped(uow_factory, queue):
    club = make_club(uow_factory)
    undone = []

    def work():
        with uow_factory(club.id) as uow:
            uow.roster.add_team(organisation_id=club.id, name="U17")
            uow.defer(JOB)
            uow.on_drop(lambda: undone.append("file"))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        work()
    with uow_factory(club.id) as uow:
        assert uow.roster.list_teams(organisation_id=club.id, after=None, limit=10) == []
    assert queue.jobs == []
    assert undone == ["file"]


def test_leaving_cleanly_when_something_could_be_undone_then_it_is_kept(uow_factory):
    undone = []
    with uow_factory(None) as uow:
        uow.on_drop(lambda: undone.append("file"))
    assert undone == []


def test_leaving_with_an_error_when_undoing_fails_too_then_the_first_error_is_told(uow_factory, caplog):
    undone = []

    def broken() -> None:
        raise OSError("disk")

    def work():
        with uow_factory(None) as uow:
            uow.on_drop(lambda: undone.append("first"))
            uow.on_drop(broken)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        work()
    assert undone == ["first"]
    assert "could not undo" in caplog.text


def test_broker_when_down_then_the_row_is_kept_and_the_job_counted(uow_factory, queue, caplog):
    club = make_club(uow_factory)
    queue.available = False
    with caplog.at_level(logging.WARNING), uow_factory(club.id) as uow:
        uow.roster.add_team(organisation_id=club.id, name="U17")
        uow.defer(JOB)
    with uow_factory(club.id) as uow:
        assert len(uow.roster.list_teams(organisation_id=club.id, after=None, limit=10)) == 1
    assert uow_factory.n_unsent_jobs == 1
    assert "plumbline.test" in caplog.text


def test_organisation_when_the_connection_is_used_again_then_it_is_not_carried_over(engine, uow_factory):
    club = make_club(uow_factory)
    for _ in range(3):
        with uow_factory(club.id) as uow:
            uow.roster.list_teams(organisation_id=club.id, after=None, limit=1)
        with engine.begin() as connection:
            assert not connection.scalar(text("SELECT current_setting('app.org_id', true)"))


def test_statement_when_it_takes_too_long_then_the_database_ends_it(engine):
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "30s"
        connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
        with pytest.raises(DBAPIError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(5)"))
