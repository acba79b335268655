"""A walk over every page, link by link, as each kind of member."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from urllib.parse import urldefrag, urlsplit
from uuid import UUID

import httpx
from fastapi import FastAPI
from starlette.routing import compile_path

from app.domain.access import Permission, Principal, Role
from app.http.identity import login_cookie_name
from app.http.rate_limits import Rate, RateLimiter
from app.services import accounts, members
from app.services.members import Place
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_routes import api_routes, rules
from tests.api.things import Things, make_member
from tests.factories import PASSWORD, QUICK_PASSWORDS

AS_MANY_OF_A_KIND = 2
"""Pages of one route looked at by one reader: the third differs from the second in its names only."""
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)")
EVERYWHERE = {"/", "/settings/security"}


class PatientLimiter(RateLimiter):
    """Counts nothing: a walk opens more pages in a minute than anybody should."""

    def hit(self, rate: Rate, subject: str) -> None:
        """Let it pass."""


class Offers(HTMLParser):
    """What a page offers: addresses that are opened, and addresses that forms are sent to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.opened: set[str] = set()
        self.sent: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get("formaction") or found.get("action")
        if tag == "form" and found.get("method") != "post":
            address = None if address is None else self._open(address)
        if address:
            self.sent.add(address)
        for name in ("href", "src", "hx-get", "poster"):
            if tag != "link" and (value := found.get(name)):
                self._open(value)

    def _open(self, address: str) -> None:
        if address.startswith("/") and not address.startswith(("/static/", "//")):
            self.opened.add(urldefrag(address).url)


@dataclass(slots=True, kw_only=True)
class Doors:
    """The routes of the application, and who may pass them."""

    app: FastAPI
    found: list[tuple[str, re.Pattern[str], frozenset[Permission], frozenset[Role]]] = field(
        default_factory=list
    )

    def __post_init__(self) -> None:
        for context in api_routes(self.app):
            declared = list(rules(context.dependant))
            for method in context.methods or ():
                self.found.append(
                    (
                        method,
                        compile_path(context.path or "")[0],
                        frozenset(rule.permission for rule in declared if rule.permission),
                        frozenset(rule.role for rule in declared if rule.role),
                    )
                )

    def is_open(self, method: str, address: str, principal: Principal) -> bool:
        """Say whether somebody may send this; an address without a route is open to nobody."""
        path = urlsplit(address).path
        for allowed, pattern, permissions, roles in self.found:
            if allowed == method and pattern.match(path):
                return all(principal.may(each) for each in permissions) and (
                    not roles or principal.role in roles
                )
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What somebody came across."""

    kinds: set[str]
    wrong: list[str]
    pages: dict[str, str]
    """Whole pages by their address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who looks at the pages."""

    name: str
    principal: Principal
    client: httpx.Client

    def walk(self, doors: Doors) -> Walk:
        """Open everything the pages offer, from the first on."""
        waiting, seen, of_kind = sorted(EVERYWHERE), set(EVERYWHERE), Counter[str]()
        wrong, pages = [], {}
        while waiting:
            address = waiting.pop(0)
            kind = IDS.sub("…", urlsplit(address).path)
            if of_kind[kind] >= AS_MANY_OF_A_KIND:
                continue
            of_kind[kind] += 1
            with self.client.stream("GET", address, headers=_asked_for(kind)) as answer:
                if answer.status_code >= 400:
                    wrong.append(f"{self.name}: GET {address} answers {answer.status_code}")
                if not answer.headers.get("Content-Type", "").startswith("text/html"):
                    continue
                html = answer.read().decode()
            offers = Offers(html)
            if "<main" in html:
                pages[urlsplit(str(answer.url))._replace(scheme="", netloc="").geturl()] = html
            wrong += [
                f"{self.name}: {address} offers a form that is sent to {action}"
                for action in sorted(offers.sent)
                if not doors.is_open("POST", action, self.principal)
            ]
            waiting += sorted(offers.opened - seen)
            seen |= offers.opened
        return Walk(kinds=set(of_kind), wrong=wrong, pages=pages)


def _asked_for(kind: str) -> dict[str, str]:
    """Return what a browser's script adds when it asks for a part of a page."""
    return {"HX-Request": "true"} if kind.endswith(("/progress", "/pictures", "/roster", "/board")) else {}


def make_busy_club(club: Club, parts: PartsForTests) -> Things:
    """A club in which something of everything happened, so that every page has something to offer."""
    made = Things(club=club, parts=parts)
    for name in (
        "recording_id",
        "day_id",
        "pass_id",
        "delivery_id",
        "export_id",
        "invitation_id",
        "api_key_id",
    ):
        made.id_of(name)
    made.post("/athletes", name="Nobody filmed her", team_ids=[made.id_of("team_id")])
    made.post("/teams", name="An empty team")
    return made


@contextmanager
def reading_as(
    role: Role,
    *,
    of: Things,
    address: str,
    teams: frozenset[UUID] | None = None,
    athletes: frozenset[UUID] = frozenset(),
) -> Iterator[Reader]:
    """Sign in somebody of this role, who sees only these teams or athletes."""
    owner = of.club.principal
    user = make_member(of.parts, of.club, Role.VIEWER if role is Role.ATHLETE else role)
    assert user.user_id is not None
    is_limited = teams is not None or bool(athletes)
    if is_limited:
        with of.parts.uow_factory(owner) as uow:
            place = Place(role=role, team_ids=teams, athlete_ids=athletes)
            members.change_member(uow=uow, principal=owner, user_id=user.user_id, place=place)
    with of.parts.uow_factory(None) as uow:
        found = uow.accounts.find_user(user.user_id)
        assert found is not None
        login = accounts.sign_in(uow=uow, email=found.email, password=PASSWORD, passwords=QUICK_PASSWORDS)
    cookies = {login_cookie_name(of.parts.settings): login.token}
    with httpx.Client(base_url=address, cookies=cookies, follow_redirects=True, timeout=30) as client:
        yield Reader(
            name=f"{'limited ' if is_limited else ''}{role.value}",
            principal=replace(user, role=role, limited_to=user.user_id if is_limited else None),
            client=client,
        )
