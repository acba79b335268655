"""What the service logged in a whole run of tests, in this process and in those it started, and what must not be in it.

Every secret that is made while testing is noted (tokens of sessions, invitations and links, keys), beside the names,
addresses and passwords that the tests use. When the run ends, none of them may stand in any log.
"""

import os
import re
import secrets
from collections.abc import Callable
from functools import wraps
from io import TextIOWrapper
from pathlib import Path
from uuid import uuid4

RUN_DIR = "PLUMBLINE_TEST_RUN_DIR"
"""Names the folder of the run; set by its first process, inherited by the others."""
WORDS = (
    "@example.org", "zqcanary", "Canary", "Ada Berg", "Alex Doe", "Kim Doe", "Bea Cole", "Kim Owner", "Gil Guardian",
    "a long enough password", "four plain words here", "another four plain words",
)  # fmt: skip
"""Names, the addresses of everybody, and passwords: what the tests call people and let them in with."""
_RUN = re.compile(r"[A-Za-z0-9_-]{16,}")
_LEAST = 16
"""Shorter ones are no secrets, and would be found by chance."""

_made: set[str] = set()
_started: list[Path] = []
_stream: TextIOWrapper | None = None


def begin() -> None:
    """Note every secret that is made in this process from now on."""
    for name in ("token_urlsafe", "token_hex"):
        setattr(secrets, name, _noting(getattr(secrets, name)))


def _noting(make: Callable[..., str]) -> Callable[..., str]:
    @wraps(make)
    def noting(*arguments: int) -> str:
        made = make(*arguments)
        if len(made) >= _LEAST:
            _made.add(made)
        return made

    return noting


def stream() -> TextIOWrapper:
    """Return where this process's service writes its log."""
    global _stream
    if _stream is None:
        _stream = (_folder() / f"{uuid4().hex}.log").open("w", encoding="utf-8")
    return _stream


def watch(log: Path) -> Path:
    """Look into the log of a process that is being started, or into a folder of logs, when this process ends."""
    _started.append(log)
    return log


def keep(log: Path) -> None:
    """Keep what a process logged, or every log in a folder, before it is removed."""
    for each in log.rglob("*.log") if log.is_dir() else [log]:
        if each.exists():
            add(each.read_text(errors="replace"))


def add(logged: str) -> None:
    """Keep what a process logged."""
    (_folder() / f"{uuid4().hex}.log").write_text(logged)


def end() -> None:
    """Leave what this process has for whoever looks at the end of the run."""
    for log in _started:
        keep(log)
    if _stream is not None:
        _stream.flush()
    (_folder() / f"{uuid4().hex}.secrets").write_text("\n".join(sorted(_made)))


def betrayals() -> list[str]:
    """Return what was found in the logs of the run, as ``what: line``, and nothing of a secret itself."""
    folder = _folder()
    made = {line for path in folder.glob("*.secrets") for line in path.read_text().splitlines()}
    return [
        found
        for path in sorted(folder.glob("*.log"))
        for line in path.read_text(errors="replace").splitlines()
        for found in find_betrayals(line, made=made)
    ]


def n_lines() -> int:
    """Return how much was logged."""
    return sum(path.read_bytes().count(b"\n") for path in _folder().glob("*.log"))


def find_betrayals(line: str, *, made: set[str]) -> list[str]:
    """Return what of a person's, or which kind of secret, stands in a line."""
    found = [f"{word!r}: {line[:300]}" for word in WORDS if word in line]
    lengths = {len(secret) for secret in made}
    for run in _RUN.findall(line):
        parts = {run[at : at + length] for length in lengths for at in range(len(run) - length + 1)}
        found += [f"a secret: {line.replace(secret, '***')[:300]}" for secret in parts & made]
    return found


def _folder() -> Path:
    folder = Path(os.environ[RUN_DIR]) / "logbook"
    folder.mkdir(exist_ok=True)
    return folder
