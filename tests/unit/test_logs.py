import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from app.logs import configure_logs
from tests.support import logbook


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level, configured = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    configure_logs(level="INFO", process="test", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def test_log_line_when_written_then_json_in_utc_with_the_bound_request_id(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("app").info("request", status=200)
    line = json.loads(stream.getvalue())
    assert line["event"] == "request"
    assert line["request_id"] == "r-1"
    assert line["process"] == "test"
    assert line["timestamp"].endswith("Z")


def test_log_line_when_given_a_name_or_a_secret_then_neither_is_written(stream: io.StringIO) -> None:
    structlog.get_logger("app").info("upload", athlete="Ida Example", password="hunter2", filename="ida.mp4")
    assert json.loads(stream.getvalue()).keys() <= {"event", "level", "logger", "process", "timestamp"}


def test_log_line_when_written_by_a_library_then_it_has_the_same_shape(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("slow %s", "thing")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("slow thing", "warning", "some.library")


def test_log_line_when_the_database_refuses_a_row_then_it_does_not_say_whose(
    stream: io.StringIO, engine: Engine
) -> None:
    names = {"id": uuid4(), "name": "Ida Example", "mail": "ida@example.net"}
    statement = text(
        "INSERT INTO user_account (id, email, display_name, password_hash) VALUES (:id, :mail, :name, 'x')"
    )
    for _ in range(2):
        try:
            with engine.begin() as connection:
                connection.execute(statement, names)
        except IntegrityError:
            structlog.get_logger("app").exception("failed")
    line = json.loads(stream.getvalue())
    assert "UniqueViolation" in line["exception"]
    assert "pk_user_account" in line["exception"]
    assert not any(str(value) in stream.getvalue() for value in names.values())


def test_logbook_when_a_name_or_a_secret_stands_in_a_line_then_found_and_not_repeated() -> None:
    made = {"0123456789abcdef", "Zk" * 20}
    assert logbook.find_betrayals("request status=200 route=/api/v1/athletes", made=made) == []
    assert len(logbook.find_betrayals("hello Ada Berg", made=made)) == 1
    (found,) = logbook.find_betrayals(f"key pl_live_0123_{'Zk' * 20} refused", made=made)
    assert "Zk" not in found


LEAKY = """
import logging
import secrets

import structlog
from tests.support import logbook, processes


def test_leaks(tmp_path):
    logging.getLogger("mail.log").info("RCPT TO: ada@example.org")
    structlog.get_logger("app").warning("a letter to Bea Cole")
    logging.getLogger("some.library").warning("key %s", secrets.token_urlsafe(32))
    logbook.add("plumbline create-user you@example.org\\n")
    folder = tmp_path / "logs"
    folder.mkdir()
    logbook.watch(folder)
    (folder / "postgres.log").write_text("ERROR:  Key (name)=(Ada Berg) already exists")
"""


def test_run_when_something_leaks_anywhere_then_it_fails_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    root = Path(__file__).parent.parent.parent
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider"),
            *("-c", root / "pyproject.toml", "--rootdir", tmp_path, tmp_path),
        ],
        cwd=root,
        env={**os.environ, "PLUMBLINE_TEST_DATABASE_URL": "postgresql://nobody:there@localhost/x"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 passed" in run.stdout
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    found = run.stdout.partition("names or secrets in the logs:")[2].split("\n\n")[0].split("\n")[1:]
    kinds = sorted(line.partition(":")[0] for line in found if line)
    # among them the line of a logger that is called like that of the tests' mail server
    assert kinds == ["'@example.org'", "'@example.org'", "'Ada Berg'", "'Bea Cole'", "a secret"]


def test_log_line_when_an_exception_is_logged_then_its_trace_is_one_field(stream: io.StringIO) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger("app").exception("failed")
    assert "ValueError: boom" in json.loads(stream.getvalue())["exception"]
