"""Finding somebody on the roster by a few letters."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.errors import InvalidInputError
from app.services import roster
from tests.factories import Club

Find = Callable[..., list[str]]
NAMES = {
    "Ada Berg": "H-12",
    "Béatrice Müller": "H-120",
    "Anna-Lena Berger": None,
    "Øyvind O'Brien": "2024/7",
    "Bo Adams": "ÄB_9",
}


@pytest.fixture
def find(uow_factory: UnitOfWorkFactory, club: Club) -> Find:
    with uow_factory(club.id) as uow:
        for name, external_id in NAMES.items():
            roster.create_athlete(uow=uow, principal=club.principal, name=name, external_id=external_id)

    def search(given: str, *, whose: Club = club) -> list[str]:
        with uow_factory(whose.id) as uow:
            page = roster.list_athletes(uow=uow, principal=whose.principal, search=given)
            return [athlete.name for athlete in page.items]

    return search


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("ber", ["Ada Berg", "Anna-Lena Berger"]),
        ("ADA", ["Ada Berg", "Bo Adams"]),
        ("ad ber", ["Ada Berg"]),
        ("berg a", ["Ada Berg", "Anna-Lena Berger"]),
        ("mull bea", ["Béatrice Müller"]),
        ("Müller", ["Béatrice Müller"]),
        ("oyv", ["Øyvind O'Brien"]),
        ("o'bri", ["Øyvind O'Brien"]),
        ("lena", ["Anna-Lena Berger"]),
        ("h-12", ["Ada Berg", "Béatrice Müller"]),
        ("H120", ["Béatrice Müller"]),
        ("ab9", ["Bo Adams"]),
        ("2024/7", ["Øyvind O'Brien"]),
        ("erg", []),
        ("---", []),
        ("%", []),
        ("zz", []),
    ],
)
def test_search_when_words_begin_so_then_found_by_name(find: Find, given: str, found: list[str]) -> None:
    assert find(given) == found


def test_search_when_a_name_or_number_changes_then_by_the_new_one_alone(
    find: Find, club: Club, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        connection.execute(
            text("UPDATE athlete SET name = 'Ada Sand', external_id = 'X1' WHERE name = 'Ada Berg'")
        )
        connection.execute(
            text(
                "INSERT INTO athlete_external_id (organisation_id, system, value, athlete_id, inherited)"
                " SELECT organisation_id, 'vald', 'vd-77', id, false FROM athlete WHERE name = 'Ada Sand'"
            )
        )
    assert find("sand") == find("x1") == find("vd 77") == find("vd77") == ["Ada Sand"]
    assert find("berg") == ["Anna-Lena Berger"]
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        connection.execute(text("DELETE FROM athlete_external_id WHERE system = 'vald'"))
    assert find("vd77") == []


def test_search_when_there_are_pages_then_each_once(
    uow_factory: UnitOfWorkFactory, club: Club, find: Find
) -> None:
    assert len(find("b")) == 5
    seen: list[str] = []
    cursor = None
    while True:
        with uow_factory(club.id) as uow:
            page = roster.list_athletes(uow=uow, principal=club.principal, search="b", cursor=cursor, limit=2)
        seen += [athlete.name for athlete in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == ["Ada Berg", "Anna-Lena Berger", "Béatrice Müller", "Bo Adams", "Øyvind O'Brien"]


def test_search_when_somebody_else_looks_then_nobody_of_ours(find: Find, rival: Club) -> None:
    assert find("berg", whose=rival) == []


@pytest.mark.parametrize("given", ["", "  ", "x" * 101, "a\x00b"])
def test_search_when_there_is_nothing_to_look_for_then_told_so(find: Find, given: str) -> None:
    with pytest.raises(InvalidInputError):
        find(given)
