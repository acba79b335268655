"""Starting our own commands, waiting for things, and looking for processes that were left behind."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.support import logbook


def plumbline(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-m", "app.cli", *arguments)


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with these settings and no others of ours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PLUMBLINE_")}
    return {**kept, **{f"PLUMBLINE_{name.upper()}": str(value) for name, value in settings.items()}}


def start(*arguments: str, log: Path, **settings: object) -> subprocess.Popen[bytes]:
    """Start one of our commands, its output in a file."""
    if isinstance(folder := settings.get("data_dir"), Path):
        logbook.watch(folder / "logs")
    with logbook.watch(log).open("ab") as output:
        return subprocess.Popen(
            plumbline(*arguments), env=environment(**settings), stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def run(
    *arguments: str, typed: str = "", timeout_s: float = 90, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end; what it printed is its answer, the rest of what it said is its log."""
    done = subprocess.run(
        plumbline(*arguments), env=environment(**settings), input=typed, capture_output=True, text=True,
        timeout=timeout_s, check=False,
    )  # fmt: skip
    logbook.add(done.stderr)
    return done


def wait_until(
    holds: Callable[[], bool], *, timeout_s: float, what: str | Callable[[], str], every_s: float = 0.05
) -> float:
    """Wait until something holds; return after how many seconds it did, fail with words when it never does."""
    started_s = time.monotonic()
    while not holds():
        if time.monotonic() - started_s > timeout_s:
            words = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_s:g} s: {words}")
        time.sleep(every_s)
    return time.monotonic() - started_s


def family(pid: int) -> dict[str, psutil.Process]:
    """The process's descendants by the name of what they run; the launcher has become it by then."""
    found: dict[str, psutil.Process] = {}
    for process in psutil.Process(pid).children(recursive=True):
        words: list[str] = []
        with contextlib.suppress(psutil.Error):  # it may end while we look
            words = [process.name(), *(Path(word).name for word in process.cmdline())]
        for name in ("postgres", "valkey-server", "api", "worker"):
            if name in words and name not in found:
                found[name] = process
    return found


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of these is alive any more."""
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
