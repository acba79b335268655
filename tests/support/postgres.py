"""One PostgreSQL per test run, shared by all of pytest-xdist's workers, and databases made from a migrated template."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from sqlalchemy import make_url

from app.db.migrate import upgrade
from app.db.provision import DatabaseUrls, drop_database, provision
from app.embedded.children import Child, stop_together
from app.embedded.paths import prepare_paths
from app.embedded.postgres import prepare_postgres
from tests.support import logbook
from tests.support.logbook import RUN_DIR
from tests.support.processes import wait_until

OWN_SERVER = "PLUMBLINE_TEST_DATABASE_URL"


_CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
"""A test server need not survive a power cut, but has many guests."""


@dataclass(slots=True)
class _Run:
    """What the first process holds for all others."""

    folder: Path
    server: Child | None = None


_run: _Run | None = None


def begin_run() -> None:
    """Choose the run's folder and start its server; called in the first process, before any worker starts."""
    global _run
    folder = Path(tempfile.mkdtemp(prefix="plumbline-test-"))
    os.environ[RUN_DIR] = str(folder)
    _run = _Run(folder)
    if OWN_SERVER not in os.environ:
        _run.server = _start(folder)


def _start(folder: Path) -> Child:
    """Start the same PostgreSQL as the one-machine stack; it ends with this process, whatever happens."""
    postgres = prepare_postgres(prepare_paths(folder))
    logbook.watch(postgres.log)
    careless = [part for setting in _CARELESS for part in ("-c", setting)]
    server = Child(replace(postgres.recipe, argv=(*postgres.recipe.argv, *careless)))
    server.start()
    wait_until(postgres.is_ready, timeout_s=30, what="PostgreSQL answers")
    (folder / "server_url").write_text(postgres.admin_url)
    return server


def end_run() -> None:
    """Stop the server if one was started, drop what was made on a server of yours, and remove the folder."""
    if _run is None:
        return
    if (template := _run.folder / "template").exists() and OWN_SERVER in os.environ:
        drop_database(_admin_url(os.environ[OWN_SERVER]), template.read_text())
    if _run.server is not None:
        stop_together([_run.server])
    os.environ.pop(RUN_DIR, None)
    shutil.rmtree(_run.folder, ignore_errors=True)


def server_url() -> str:
    """Return the server's address as a superuser: the run's own, or yours."""
    if given := os.environ.get(OWN_SERVER):
        return _admin_url(given)
    return (Path(os.environ[RUN_DIR]) / "server_url").read_text()


def drop(admin_url: str, name: str) -> None:
    """Remove a database from a server of yours; our own goes as a whole at the end, which is quicker."""
    if OWN_SERVER in os.environ:
        drop_database(admin_url, name)


def make_database(admin_url: str) -> tuple[str, DatabaseUrls]:
    """Copy the template, made on first need, and return the copy's name and addresses."""
    name = f"test_{uuid4().hex}"
    with _locked(Path(os.environ[RUN_DIR])):
        template = _template(admin_url)
        return name, provision(admin_url, database=name, template=template, password=_password(admin_url))


def make_empty_database(admin_url: str) -> tuple[str, DatabaseUrls]:
    """Return a database without any schema."""
    name = f"test_{uuid4().hex}"
    with _locked(Path(os.environ[RUN_DIR])):
        return name, provision(admin_url, database=name, password=_password(admin_url))


def _template(admin_url: str) -> str:
    note = Path(os.environ[RUN_DIR]) / "template"
    if not note.exists():
        name = f"template_{uuid4().hex}"
        upgrade(provision(admin_url, database=name, password=_password(admin_url)).owner_url)
        note.write_text(name)
    return note.read_text()


def _password(admin_url: str) -> str | None:
    """A server of yours that asks you for a password asks our roles, too."""
    return make_url(admin_url).password or None


def _admin_url(url: str) -> str:
    """Return the address for SQLAlchemy and psycopg 3, whichever way it was written."""
    parsed = make_url(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url))
    return parsed.render_as_string(hide_password=False)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
