"""A page offers only what its reader may do: every link and form of every page, walked as each kind of member."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.domain.access import Role
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.things import Things
from tests.api.walk import Doors, PatientLimiter, make_busy_club, reading_as


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    return replace(parts, rate_limiter=PatientLimiter(None))


@pytest.fixture(scope="module")
def things(club: Club, parts: PartsForTests) -> Things:
    return make_busy_club(club, parts)


@pytest.mark.parametrize(
    ("role", "limit"),
    [
        (Role.OWNER, "everything"),
        (Role.CLINICIAN, "everything"),
        (Role.VIEWER, "everything"),
        (Role.TRAINER, "one team"),
        (Role.VIEWER, "one team"),
        (Role.TRAINER, "no team"),
    ],
)
def test_pages_when_walked_by_a_member_then_each_offers_only_what_they_may_do(
    app: FastAPI, things: Things, address: str, role: Role, limit: str
) -> None:
    team_id = UUID(things.id_of("team_id"))
    teams = {"everything": None, "one team": frozenset({team_id}), "no team": frozenset[UUID]()}[limit]
    with reading_as(role, of=things, address=address, teams=teams) as reader:
        walk = reader.walk(Doors(app=app))
    assert walk.wrong == []
    assert ("/recordings/…" in walk.kinds) == (limit != "no team")
    assert ("/inbox" in walk.kinds) == (role is not Role.VIEWER and limit == "everything")


def test_pages_when_walked_by_a_guardian_then_each_offers_only_what_they_may_do(
    app: FastAPI, things: Things, address: str
) -> None:
    athletes = frozenset({UUID(things.id_of("athlete_id"))})
    with reading_as(Role.ATHLETE, of=things, address=address, athletes=athletes) as reader:
        walk = reader.walk(Doors(app=app))
    assert walk.wrong == []
    assert any(kind.startswith("/own/") for kind in walk.kinds)


def test_pages_when_there_is_no_team_then_each_offers_only_what_one_may_do(
    app: FastAPI, make_club: Callable[[], Club], parts: PartsForTests, address: str
) -> None:
    empty = Things(club=make_club(), parts=parts)
    for role in (Role.OWNER, Role.VIEWER):
        with reading_as(role, of=empty, address=address) as reader:
            walk = reader.walk(Doors(app=app))
        assert walk.wrong == []
        assert ("/roster-imports" in walk.kinds) == (role is Role.OWNER)
