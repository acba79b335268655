"""Every page that each kind of member comes across, in a browser: whole on a phone, large enough, usable by all."""

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser

from app.domain.access import Role
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.things import Things
from tests.api.walk import Doors, PatientLimiter, Walk, make_busy_club, reading_as
from tests.chromium import require_chromium
from tests.web.looks import CUT_OFF, SMALL_TARGETS, find_violations
from tests.web.preview import PHONE, chromium

pytestmark = pytest.mark.browser
SHAPE = re.compile(r"<(?:[a-z]\w*)(?: class=\"[^\"]*\")?")


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    return replace(parts, rate_limiter=PatientLimiter(None))


@pytest.fixture(scope="module")
def things(club: Club, parts: PartsForTests) -> Things:
    return make_busy_club(club, parts)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(require_chromium()) as started:
        yield started


def shape_of(html: str) -> frozenset[str]:
    """Return what a page is made of; two pages of one shape look alike to a browser."""
    return frozenset(SHAPE.findall(html[html.index("<main") :]))


def new_pages(walk: Walk, seen: set[frozenset[str]]) -> list[str]:
    """Return the addresses of pages made of something that no page before was made of."""
    found = []
    for address, html in walk.pages.items():
        shape = shape_of(html)
        if not any(shape <= other for other in seen):
            seen.add(shape)
            found.append(address)
    return found


def test_pages_when_walked_in_a_browser_then_whole_large_enough_and_usable_by_all(
    app: FastAPI, things: Things, address: str, browser: Browser
) -> None:
    seen: set[frozenset[str]] = set()
    wrong: dict[str, object] = {}
    athletes = frozenset({UUID(things.id_of("athlete_id"))})
    for role in (Role.OWNER, Role.TRAINER, Role.VIEWER, Role.ATHLETE):
        only = athletes if role is Role.ATHLETE else frozenset[UUID]()
        with reading_as(role, of=things, address=address, athletes=only) as reader:
            walk = reader.walk(Doors(app=app))
            context = browser.new_context(viewport={"width": PHONE, "height": 844}, reduced_motion="reduce")
            context.add_cookies(
                [
                    {"name": name, "value": value, "url": address}
                    for name, value in reader.client.cookies.items()
                ]
            )
            tab = context.new_page()
            for page in new_pages(walk, seen):
                tab.goto(f"{address}{page}", wait_until="load")
                found = {
                    "cut off": tab.evaluate(CUT_OFF),
                    "too small": tab.evaluate(SMALL_TARGETS),
                    **find_violations(tab),
                }
                wrong |= {f"{role.value} {page}: {what}": where for what, where in found.items() if where}
            context.close()
        assert walk.wrong == []
        assert walk.pages
    assert wrong == {}
    assert len(seen) >= 18
