import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(level="INFO", process="test", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
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


def test_log_line_when_an_exception_is_logged_then_its_trace_is_one_field(stream: io.StringIO) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger("app").exception("failed")
    assert "ValueError: boom" in json.loads(stream.getvalue())["exception"]
