"""Children that die, and are started again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded.children import SAID_AFTER_QUICK_DEATHS, Child, Recipe, revive_all
from tests.support.processes import wait_until

N_DEATHS = 8
DIES_AT_FIRST = f"""
echo "FATAL: what a killed server held is still in use" >&2
echo x >> deaths
test $(wc -l < deaths) -gt {N_DEATHS} && exec sleep 60
exit 3
"""


@pytest.fixture
def children(tmp_path: Path) -> Iterator[list[Child]]:
    """One that dies more often than anybody's patience lasts before it can live, and one that lives."""
    programs = {"PostgreSQL": f"cd {tmp_path}; {DIES_AT_FIRST}", "The api": "exec sleep 60"}
    started = [
        Child(
            Recipe(
                name=name,
                argv=("/bin/sh", "-c", program),
                env={},
                log=tmp_path / f"{name}.log",
                max_delay_s=0.1,
                mend=(tmp_path / "mended").touch,
            )
        )
        for name, program in programs.items()
    ]
    for child in started:
        child.start()
    yield started
    for child in started:
        child.kill()


def test_revive_all_when_a_part_cannot_live_for_a_while_then_it_is_tried_until_it_can_and_others_stay(
    children: list[Child], tmp_path: Path
) -> None:
    dying, living = children
    said: list[str] = []
    pid = living.process.pid if living.process else 0

    def has_been_started_often() -> bool:
        revive_all(children, say=said.append)
        return (tmp_path / "deaths").read_text().count("x") > N_DEATHS if said else False

    wait_until(has_been_started_often, timeout_s=30, what="started again", every_s=0.02)
    assert said.count("PostgreSQL stopped (exit code 3); started it again") == N_DEATHS
    assert dying.running
    assert (tmp_path / "mended").exists()
    assert living.running
    assert living.process is not None
    assert living.process.pid == pid
    hints = [line for line in said if "keeps stopping" in line]
    assert len(hints) == 1
    assert "what a killed server held is still in use" in hints[0]
    assert "tried again every 0.1 s" in hints[0]
    assert said.index(hints[0]) == SAID_AFTER_QUICK_DEATHS


def test_revive_when_nothing_can_be_started_just_now_then_tried_again_later(
    children: list[Child], tmp_path: Path
) -> None:
    living = children[1]
    log = living.recipe.log
    living.kill()
    log.unlink()
    log.mkdir()  # as good as a full disk: no log can be opened
    ends_s = time.monotonic() + 0.5
    while time.monotonic() < ends_s:
        assert not living.revive()
        time.sleep(0.02)
    log.rmdir()
    wait_until(living.revive, timeout_s=30, what="started again", every_s=0.02)
    assert living.running
