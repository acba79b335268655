"""Fixtures everybody may use: a real PostgreSQL, a unit of work, a queue in memory and blobs on disk."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.db.engine import make_engine
from app.db.provision import DatabaseUrls
from app.db.unit_of_work import UnitOfWorkFactory
from app.jobs.memory_queue import MemoryQueue
from app.logs import configure_logs
from app.storage.local import LocalBlobStore
from tests.support import logbook, postgres
from tests.support.valkey import ValkeyServer


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.begin_run()
    logbook.begin()
    configure_logs(level="INFO", process="test", stream=logbook.stream())
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the tests' own requests


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a name or a secret got into a log, whichever test did it."""
    logbook.end()
    if hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    found = logbook.betrayals()
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        shown = "\n".join(("names or secrets in the logs:", *dict.fromkeys(found)))
        reporter.write_line(f"\n{shown}", red=True)
    else:
        reporter.write_line(f"\nno name and no secret in {logbook.n_lines()} lines of the logs")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.end_run()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL server, as a superuser: started once per run, or yours by PLUMBLINE_TEST_DATABASE_URL."""
    return postgres.server_url()


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[DatabaseUrls]:
    """A migrated database for this module: tests share it, so each makes an organisation of its own."""
    name, urls = postgres.make_database(postgres_url)
    yield urls
    postgres.drop(postgres_url, name)


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[DatabaseUrls]:
    """A migrated database for this test alone, for what looks across organisations."""
    name, urls = postgres.make_database(postgres_url)
    yield urls
    postgres.drop(postgres_url, name)


@pytest.fixture(scope="module")
def engine(database: DatabaseUrls) -> Iterator[Engine]:
    """Connections as the app's role."""
    made = make_engine(database.app_url, pool_size=10, max_overflow=20)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Valkey of this process alone, or yours by PLUMBLINE_TEST_REDIS_URL; tests use queue names of their own there."""
    if given := os.environ.get("PLUMBLINE_TEST_REDIS_URL"):
        yield given
        return
    server = ValkeyServer()
    server.start()
    yield server.url
    server.remove()


@pytest.fixture
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey for this test alone, to be killed and started again."""
    server = ValkeyServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def uow_factory(engine: Engine, queue: MemoryQueue) -> UnitOfWorkFactory:
    """Real units of work, with the queue in memory."""
    return UnitOfWorkFactory(engine=engine, queue=queue)


@pytest.fixture
def fresh_uow_factory(fresh_database: DatabaseUrls, queue: MemoryQueue) -> Iterator[UnitOfWorkFactory]:
    """Units of work on a database that nobody else uses, for what looks across organisations."""
    made = make_engine(fresh_database.app_url)
    yield UnitOfWorkFactory(engine=made, queue=queue)
    made.dispose()


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "blobs")
