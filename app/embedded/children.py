"""Child processes that are started, watched, started again, stopped, and never left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.embedded.problems import keeps_stopping

_LAUNCH = Path(__file__).with_name("launch.py")
MAX_LOG_BYTES = 20 * 2**20
HEALTHY_AFTER_S = 30.0
MAX_DELAY_S = 10.0
SAID_AFTER_QUICK_DEATHS = 5
"""A part that died as often in a row is said to keep stopping, with the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to start one child, and how to stop it."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    user: tuple[int, int] | None = None
    """uid and gid to become; only root can."""
    max_delay_s: float = MAX_DELAY_S
    """The longest pause before it is started again."""
    mend: Callable[[], object] | None = None
    """Done before it is started again: puts right what may have kept it from running."""


@dataclass(slots=True)
class Child:
    """One child and its history. Start it from the main thread: it dies with the thread that started it."""

    recipe: Recipe
    process: subprocess.Popen[bytes] | None = None
    started_at_s: float = 0.0
    n_quick_deaths: int = 0
    restart_at_s: float | None = field(default=None)

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the last process ended, if it did."""
        return None if self.process is None else self.process.poll()

    def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        recipe = self.recipe
        uid, gid = recipe.user or (-1, -1)
        launcher = (sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(recipe.stop_signal)))
        with open_log(recipe.log) as log:
            self.process = subprocess.Popen(  # noqa: S603  # a program of this package, no shell
                (*launcher, str(uid), str(gid), *recipe.argv),
                env=recipe.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            )  # fmt: skip
        self.started_at_s = time.monotonic()
        self.restart_at_s = None

    def revive(self) -> bool:
        """Start the program again if it died and its delay is over; say whether that was done now."""
        if self.running:
            if self.n_quick_deaths and time.monotonic() - self.started_at_s > HEALTHY_AFTER_S:
                self.n_quick_deaths = 0
            return False
        now_s = time.monotonic()
        if self.restart_at_s is None:
            self.restart_at_s = now_s + min(self.recipe.max_delay_s, 0.1 * 3 ** min(10, self.n_quick_deaths))
            self.n_quick_deaths += 1
        if now_s < self.restart_at_s:
            return False
        try:
            if self.recipe.mend is not None:
                self.recipe.mend()
            self.start()
        except OSError:  # no process or no log to be had just now
            self.restart_at_s = now_s + self.recipe.max_delay_s
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child if it is alive."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End the child and whatever it started in its session."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def revive_all(children: Sequence[Child], *, say: Callable[[str], None]) -> bool:
    """Start again whichever died and has had its pause, and tell so; return whether any was."""
    any_started = False
    for child in children:
        exit_code, recipe = child.exit_code, child.recipe
        if not child.revive():
            continue
        any_started = True
        say(f"{recipe.name} stopped (exit code {exit_code}); started it again")
        if child.n_quick_deaths == SAID_AFTER_QUICK_DEATHS:
            say(keeps_stopping(recipe.name, log=recipe.log, every_s=recipe.max_delay_s))
    return any_started


def stop_together(children: Sequence[Child]) -> None:
    """Ask every child to stop, wait, and end those that do not."""
    for child in children:
        child.signal(child.recipe.stop_signal)
    asked_at_s = time.monotonic()
    for child in children:
        if child.process is None:
            continue
        left_s = child.recipe.stop_timeout_s - (time.monotonic() - asked_at_s)
        try:
            child.process.wait(timeout=max(0.05, left_s))
        except subprocess.TimeoutExpired:
            child.kill()


class Roll:
    """The list of our children on disk, so that the next start finds what a killed supervisor left behind."""

    def __init__(self, path: Path) -> None:
        """Keep the list in this file."""
        self._path = path

    def write(self, children: Sequence[Child]) -> None:
        """Write down who is alive, each with the instant it started, because process numbers are reused."""
        alive = [child.process.pid for child in children if child.process is not None and child.running]
        entries = {str(pid): ticks for pid in alive if (ticks := start_ticks(pid)) is not None}
        partial = self._path.with_suffix(".new")
        partial.write_text(json.dumps(entries))
        partial.replace(self._path)

    def end_leftovers(self, *, grace_s: float = 8.0) -> int:
        """End every process on the list that is still alive; return how many there were."""
        leftovers = {pid: ticks for pid, ticks in self._read().items() if start_ticks(pid) == ticks}
        n_leftovers = len(leftovers)
        for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
            for pid in leftovers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline_s = time.monotonic() + wait_s
            while leftovers and time.monotonic() < deadline_s:
                leftovers = {pid: ticks for pid, ticks in leftovers.items() if start_ticks(pid) == ticks}
                time.sleep(0.05 if leftovers else 0)
        self._path.unlink(missing_ok=True)
        return n_leftovers

    def _read(self) -> dict[int, int]:
        try:
            return {int(pid): int(ticks) for pid, ticks in json.loads(self._path.read_text()).items()}
        except (OSError, ValueError, AttributeError):
            return {}


def start_ticks(pid: int) -> int | None:
    """Return when a live process started, in ticks since boot; None when there is none or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def open_log(path: Path) -> BinaryIO:
    """Open a log to append to; one that has grown large is set aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
