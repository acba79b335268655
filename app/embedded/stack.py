"""Starts the whole stack on one machine, keeps it running, and stops every part of it."""

import contextlib
import errno
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

from pydantic import SecretStr

from app.db.provision import DatabaseUrls, provision
from app.embedded import problems
from app.embedded.addresses import forget_addresses, write_addresses
from app.embedded.children import Child, Recipe, Roll, open_log, revive_all, stop_together
from app.embedded.paths import StackPaths, check_room, prepare_paths, take_lock
from app.embedded.postgres import EmbeddedPostgres, prepare_postgres
from app.embedded.problems import StackError, child_failed
from app.embedded.valkey import EmbeddedValkey, prepare_valkey
from app.settings import DEVELOPMENT_SECRET_KEY, ENV_PREFIX, Settings, load_settings

READY_TIMEOUT_S = 90.0
_POLL_S = 0.05
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]
"""Tells the person at the terminal one line."""


class StopRequested(BaseException):
    """Ctrl-C, or another signal that asks us to stop: like KeyboardInterrupt, a wish and not an error."""


@dataclass(slots=True)
class _Parts:
    """What was started, in the order in which it depends on each other."""

    data: list[Child]
    """PostgreSQL and Valkey, as far as they are ours."""
    ours: list[Child]
    """The api and the worker."""

    @property
    def all(self) -> list[Child]:
        return [*self.data, *self.ours]


class Stack:
    """PostgreSQL, Valkey, one api process and one worker with its clock, as children of this process.

    Whatever `PLUMBLINE_DATABASE_URL` and `PLUMBLINE_REDIS_URL` name is used instead of a server of our own.
    """

    def __init__(self, settings: Settings, *, say: Say) -> None:
        """Start nothing yet."""
        self._given = settings
        self._say = say
        self._parts = _Parts(data=[], ours=[])
        self._paths: StackPaths | None = None
        self._lock: TextIO | None = None
        self._roll: Roll | None = None
        self._urls: DatabaseUrls | None = None
        self._valkey: EmbeddedValkey | None = None
        self.settings = settings
        """The settings with every address filled in; complete once the stack runs."""

    def start(self) -> None:
        """Start every part and return when all of them answer; raise `StackError` when one cannot."""
        given = self._given
        self._paths = paths = prepare_paths(given.data_dir)
        self._lock = take_lock(paths, address=given.base_url)
        check_room(paths)
        check_port(given.host, given.port)
        self._roll = Roll(paths.roll)
        if self._roll.end_leftovers():
            self._say("Ended what an earlier run had left behind")
        self._start_data(paths)
        environment = self._environment(paths)
        self._migrate(paths, environment)
        self._start_ours(paths, environment)

    def watch(self) -> None:
        """Start again whatever dies, for as long as it dies, until a signal asks us to stop.

        What ran once can run again: a full disk is cleared, a process that held what a killed server left ends. To
        give up would end the parts that still work, and nobody may be there to start them.
        """
        while True:
            if revive_all(self._parts.all, say=self._say):
                with contextlib.suppress(OSError):  # a full disk; the kernel ends our children with us anyway
                    self._note()
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop the api and the worker, then what they stand on."""
        stop_together(self._parts.ours)
        stop_together(self._parts.data)
        self._note()
        if self._paths is not None and self._lock is not None:
            forget_addresses(self._paths.data_dir)
            shutil.rmtree(self._paths.run, ignore_errors=True)
            self._lock.close()

    def kill(self) -> None:
        """End every child at once; what they were doing is picked up at the next start."""
        for child in self._parts.all:
            child.kill()
        self._note()

    def _start_data(self, paths: StackPaths) -> None:
        """Start our own PostgreSQL and Valkey where no address was given, side by side."""
        started_at_s = time.monotonic()
        postgres: EmbeddedPostgres | None = None
        if self._given.database_url is None:
            if not paths.postgres.exists():
                self._say("Making a database, once …")
            postgres = prepare_postgres(paths)
            self._start(postgres.recipe, among=self._parts.data)
        if self._given.redis_url is None:
            self._valkey = prepare_valkey(paths)
            self._start(self._valkey.recipe, among=self._parts.data)
        if postgres is not None:
            self._wait(self._parts.data[0], postgres.is_ready)
            self._urls = provision(postgres.admin_url)
        if self._valkey is not None:
            self._wait_for_valkey(self._valkey)
        if self._parts.data:
            names = " and ".join(child.recipe.name for child in self._parts.data)
            self._say(f"{names} ready after {time.monotonic() - started_at_s:.1f} s")

    def _wait_for_valkey(self, valkey: EmbeddedValkey) -> None:
        child = self._parts.data[-1]
        try:
            self._wait(child, valkey.is_ready)
        except StackError:
            if not valkey.set_broken_files_aside():
                raise
            self._say(
                "The kept messages could not be read; the queue starts empty, the database fills it again"
            )
            child.start()
            self._note()
            self._wait(child, valkey.is_ready)

    def _environment(self, paths: StackPaths) -> dict[str, str]:
        """Return what the children find in their environment: our settings, each address filled in."""
        chosen: dict[str, object] = {
            name: getattr(self._given, name) for name in self._given.model_fields_set
        }
        chosen |= {"data_dir": paths.data_dir, "host": self._given.host, "port": self._given.port}
        if self._given.secret_key.get_secret_value() == DEVELOPMENT_SECRET_KEY:
            chosen["secret_key"] = _kept_secret(paths)
        if self._urls is not None:
            chosen |= {"database_url": self._urls.app_url, "database_owner_url": self._urls.owner_url}
        if self._valkey is not None:
            chosen["redis_url"] = self._valkey.url
        self.settings = load_settings(**chosen)
        write_addresses(paths, self.settings)
        return {
            **os.environ,
            **{f"{ENV_PREFIX}{name.upper()}": _text(value) for name, value in chosen.items()},
        }

    def _migrate(self, paths: StackPaths, environment: dict[str, str]) -> None:
        """Bring the tables up to date; with a database of the user's own, when the owner's address is known."""
        if self.settings.database_owner_url is None:
            return
        log = paths.logs / "migrate.log"
        with open_log(log) as output:
            command = _plumbline("migrate")
            result = subprocess.run(  # noqa: S603  # our own command, no shell
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        if result.returncode != 0:
            raise child_failed("Bringing the tables up to date", log=log, exit_code=result.returncode)

    def _start_ours(self, paths: StackPaths, environment: dict[str, str]) -> None:
        started_at_s = time.monotonic()
        environment = {
            key: value for key, value in environment.items() if key != "PLUMBLINE_DATABASE_OWNER_URL"
        }
        ready_file, work = paths.run / "worker-ready", paths.run / "work"
        ready_file.unlink(missing_ok=True)
        shutil.rmtree(work, ignore_errors=True)  # what the readers of a killed worker left
        work.mkdir(mode=0o700)
        worker = self._start(
            Recipe(
                name="The worker",
                argv=_plumbline("worker", "--beat", "--ready-file", str(ready_file)),
                env={**environment, "TMPDIR": str(work)},
                log=paths.logs / "worker.log",
            ),
            among=self._parts.ours,
        )
        api = self._start(
            Recipe(name="The api", argv=_plumbline("api"), env=environment, log=paths.logs / "api.log"),
            among=self._parts.ours,
        )
        self._wait(api, lambda: api_answers(self._given.host, self._given.port))
        self._wait(worker, ready_file.exists)
        self._say(f"The api and a worker ready after {time.monotonic() - started_at_s:.1f} s")

    def _start(self, recipe: Recipe, *, among: list[Child]) -> Child:
        child = Child(recipe)
        among.append(child)
        child.start()
        self._note()
        return child

    def _wait(self, child: Child, is_ready: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not is_ready():
            if not child.running or time.monotonic() > deadline_s:
                raise child_failed(child.recipe.name, log=child.recipe.log, exit_code=child.exit_code)
            time.sleep(_POLL_S)

    def _note(self) -> None:
        if self._roll is not None:
            self._roll.write(self._parts.all)


def run_stack(settings: Settings, *, say: Say, on_ready: Callable[[Stack], None]) -> None:
    """Run the stack until a signal asks us to stop; a second one while stopping ends everything at once.

    Call it in the main thread: signals arrive there, and a child dies with the thread that started it.
    """
    stack = Stack(settings, say=say)
    before = {number: signal.signal(number, _ask_to_stop) for number in _STOP_SIGNALS}
    try:
        stack.start()
        on_ready(stack)
        stack.watch()
    except StopRequested:
        say("Stopping …")
    finally:
        try:
            stack.stop()
        except StopRequested:
            for number in before:
                signal.signal(number, signal.SIG_IGN)
            stack.kill()
        for number, handler in before.items():
            signal.signal(number, handler)


def check_port(host: str, port: int) -> None:
    """Say plainly, before anything is started, when we cannot listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise problems.port_taken(host, port) from None
            raise problems.port_not_allowed(host, port, (error.strerror or str(error)).lower()) from None


def api_answers(host: str, port: int) -> bool:
    """Whether the api answers."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # asked for, not listened on
    connection = http.client.HTTPConnection(target, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _ask_to_stop(_number: int, _frame: FrameType | None) -> None:
    raise StopRequested


def _plumbline(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-m", "app.cli", *arguments)


def _kept_secret(paths: StackPaths) -> str:
    """Return this machine's own secret, made on the first start."""
    if not paths.secret.exists():
        partial = paths.secret.with_suffix(".new")
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_urlsafe(48))
        partial.replace(paths.secret)
    return paths.secret.read_text().strip()


def _text(value: object) -> str:
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)
