"""Logs: one JSON object per line on standard error, UTC, only keys that can hold no name and no secret."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger", "process", "exception", "error",
        "request_id", "method", "route", "status", "duration_ms", "code",
        "organisation_id", "user_id", "api_key_id", "athlete_id", "team_id", "recording_id", "analysis_id",
        "screening_id", "trial_id", "job", "queue", "task_id", "attempt", "state", "stage", "trigger", "outcome",
        "n_requeued", "n_failed", "n_sent", "n_removed", "n_frames", "size_bytes", "free_bytes", "limit_bytes",
        "pid", "exit_code", "child", "delay_s", "elapsed_s", "signal", "host", "port", "version",
    }
)  # fmt: skip
"""Whatever is not listed is dropped: a name, a file name, an address or a secret never reaches a log by accident."""

Event = MutableMapping[str, Any]


def configure_logs(*, level: str, process: str, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers through one JSON renderer; call once per process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_details,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _process_name(process),
                keep_allowed_keys,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task", "celery.worker"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # The api logs each request itself, with the route's pattern instead of the address and its query.
    logging.getLogger("uvicorn.access").disabled = True


def keep_allowed_keys(_logger: object, _method: str, event: Event) -> Event:
    """Drop every key that is not on the list."""
    return {key: value for key, value in event.items() if key in ALLOWED_KEYS}


_DETAIL = re.compile(r"^(DETAIL|CONTEXT):.*$", re.MULTILINE)
"""How PostgreSQL goes on after its message: with the values of the row, which may be somebody's name."""


def _drop_details(_logger: object, _method: str, event: Event) -> Event:
    """Leave out of a traceback what the database says about a row's values."""
    if isinstance(trace := event.get("exception"), str):
        event["exception"] = _DETAIL.sub(r"\1: left out", trace)
    return event


def _process_name(name: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: Event) -> Event:
        event["process"] = name
        return event

    return add
