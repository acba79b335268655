"""The one-machine stack, started as a user starts it."""

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from app.embedded.addresses import with_running_stack
from app.settings import Settings, load_settings
from tests.support.processes import family, free_port, gone, run, start, wait_until

PARTS = {"postgres", "valkey-server", "api", "worker"}
START_TIMEOUT_S = 120.0


class RunningStack:
    """`plumbline up` on a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.log = data_dir.parent / f"up-{self.port}.log"
        self.process = start("up", log=self.log, data_dir=data_dir, port=self.port)

    def wait(self) -> float:
        return wait_until(self.is_serving, timeout_s=START_TIMEOUT_S, what=self.log.read_text)

    def is_serving(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.log.read_text())
        return "Plumbline is at" in self.log.read_text() and self.answers()

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def settings(self) -> Settings:
        return with_running_stack(load_settings(data_dir=self.data_dir))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


@pytest.fixture
def run_stack(tmp_path: Path) -> Iterator[Callable[[Path], RunningStack]]:
    stacks: list[RunningStack] = []

    def run(data_dir: Path) -> RunningStack:
        stacks.append(RunningStack(data_dir))
        return stacks[-1]

    yield run
    for stack in stacks:
        if stack.process.poll() is None:
            stack.process.kill()
        stack.process.wait()


def _run_up(**settings: object) -> subprocess.CompletedProcess[str]:
    return run("up", **settings)


def _write_marker(settings: Settings) -> None:
    with _owner(settings) as connection:
        connection.execute("CREATE TABLE marker (word text)")
        connection.execute("INSERT INTO marker VALUES ('kept')")


def _read_marker(settings: Settings) -> str:
    with _owner(settings) as connection:
        row = connection.execute("SELECT word FROM marker").fetchone()
    assert row is not None
    return str(row[0])


def _owner(settings: Settings) -> psycopg.Connection:
    url = make_url(settings.require_owner_url())
    return psycopg.connect(host=str(url.query["host"]), user=url.username, dbname=url.database)


def test_up_when_started_then_every_part_runs_and_ctrl_c_leaves_none(
    run_stack: Callable[[Path], RunningStack], tmp_path: Path
) -> None:
    # longer than a socket's path may be, with a space and a letter beyond ASCII
    stack = run_stack(tmp_path / ("a long folder é " + "x" * 90) / "data")
    stack.wait()
    assert family(stack.process.pid).keys() == PARTS
    children = stack.children()
    second = _run_up(data_dir=stack.data_dir, port=free_port())
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert f":{stack.port}" in second.stderr
    sockets = Path(str(make_url(stack.settings().require_database_url()).query["host"])).parent
    assert sockets.is_dir()
    assert stack.stop() == 0
    assert gone(children)
    assert not sockets.exists()


def test_up_when_the_supervisor_is_killed_then_no_child_stays_and_the_data_is_there_at_the_next_start(
    run_stack: Callable[[Path], RunningStack], tmp_path: Path
) -> None:
    first = run_stack(tmp_path / "data")
    first.wait()
    _write_marker(first.settings())
    children = first.children()
    first.process.kill()
    first.process.wait()
    wait_until(lambda: gone(children), timeout_s=30, what="children left behind")
    second = run_stack(tmp_path / "data")
    second.wait()
    assert _read_marker(second.settings()) == "kept"
    assert second.stop() == 0


def test_up_when_a_part_is_killed_then_it_is_started_again(
    run_stack: Callable[[Path], RunningStack], tmp_path: Path
) -> None:
    stack = run_stack(tmp_path / "data")
    stack.wait()
    for name in sorted(PARTS):
        killed = family(stack.process.pid)[name]
        killed.kill()

        def is_back(name: str = name, killed: psutil.Process = killed) -> bool:
            found = family(stack.process.pid).get(name)
            return found is not None and found.pid != killed.pid

        wait_until(is_back, timeout_s=60, what=f"{name} started again")
    # one that began while the database was away waits up to ten seconds before it begins again, more than once
    wait_until(stack.answers, timeout_s=120, what="the api answers again")
    assert stack.stop() == 0


def test_up_when_the_port_is_taken_then_says_so_and_how_to_choose_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = _run_up(data_dir=tmp_path / "data", port=port)
    assert result.returncode == 1
    assert f"Port {port}" in result.stderr
    assert f"PLUMBLINE_PORT={port + 1}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_up_when_the_data_folder_cannot_be_made_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = _run_up(data_dir=tmp_path / "file" / "data", port=free_port())
    assert result.returncode == 1
    assert "cannot write to its data folder" in result.stderr
    assert "PLUMBLINE_DATA_DIR" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_up_when_the_data_folder_is_read_only_then_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    result = _run_up(data_dir=folder, port=free_port())
    assert result.returncode == 1
    assert "permission denied" in result.stderr


def test_up_when_the_database_is_not_ours_to_start_then_says_so_and_leaves_it_alone(tmp_path: Path) -> None:
    pgdata = tmp_path / "data" / "postgres"
    pgdata.mkdir(parents=True)
    (pgdata / "PG_VERSION").write_text("12\n")
    result = _run_up(data_dir=tmp_path / "data", port=free_port())
    assert result.returncode == 1
    # root starts PostgreSQL as a user of its own, so a folder of root's was not made by it
    assert ("belongs to the user root" if os.geteuid() == 0 else "PostgreSQL 12") in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in pgdata.iterdir()) == ["PG_VERSION"]


def test_command_when_a_setting_is_wrong_then_says_which_without_a_trace(tmp_path: Path) -> None:
    result = _run_up(data_dir=tmp_path, port="many")
    assert result.returncode == 1
    assert "PLUMBLINE_PORT" in result.stderr
    assert "Traceback" not in result.stderr
