"""Nobody sees another organisation's anything: every route with an id x everybody who could ask, made from the routes.

Whoever adds a route is in the matrix by that alone. It runs twice: as the service is, and with the organisation taken
out of every query, so that the database alone has to hold.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine, event, make_url, text

from app.api.openapi import build_document
from app.db.engine import make_engine
from app.db.provision import DatabaseUrls
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import PERMISSIONS, Permission, Principal, Role
from app.http.identity import login_cookie_name
from app.http.rate_limits import Rate, RateLimiter
from app.jobs.memory_queue import MemoryQueue
from app.main import create_app
from app.services import accounts, members
from app.services.members import Place
from app.web.forms import CSRF_FIELD, sign
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.support import PartsForTests, serving
from tests.api.test_routes import api_routes, rules
from tests.api.things import (
    BODIES,
    HEADERS,
    NAMES_OF_THEIR_OWN,
    OF_ONE_PERSON,
    OTHER_THINGS,
    QUERIES,
    Things,
    make_member,
)
from tests.factories import PASSWORD, QUICK_PASSWORDS

ROSTER_PARAMETERS = {
    "team_id",
    "athlete_id",
    "capture_id",
    "recording_id",
    "screening_id",
    "trial_id",
    "analysis_id",
    "day_id",
}
"""What limited members see only if it belongs to their teams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way to ask for one thing."""

    method: str
    path: str
    operation: str
    permissions: frozenset[Permission]
    roles: frozenset[Role]
    """The only roles the route is for, if any."""
    parameters: frozenset[str]
    body: dict[str, Any] | None

    @property
    def is_page(self) -> bool:
        return not self.path.startswith("/api/")

    @property
    def is_safe(self) -> bool:
        return self.method in {"GET", "HEAD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Somebody who asks."""

    name: str
    client: httpx.Client
    principal: Principal | None
    """None: nobody, as far as the service can tell."""
    is_login: bool
    csrf_token: str = ""


def every_route(app: FastAPI) -> list[Route]:
    """Return every route of the application that is not public, with a body it would take."""
    document = build_document()
    found = []
    for context in api_routes(app):
        assert isinstance(context.original_route, APIRoute)
        declared = list(rules(context.dependant))
        if any(rule.public for rule in declared):
            continue
        path = re.sub(r":\w+}", "}", context.path or "")
        for method in sorted(context.methods or ()):
            described = document["paths"].get(path, {}).get(method.lower(), {})
            operation = str(described.get("operationId", f"{method} {path}"))
            found.append(
                Route(
                    method=method,
                    path=path,
                    operation=operation,
                    permissions=frozenset(rule.permission for rule in declared if rule.permission),
                    roles=frozenset(rule.role for rule in declared if rule.role),
                    parameters=frozenset(re.findall(r"{(\w+)}", path)),
                    body=body_of(described, document),
                )
            )
    return sorted(found, key=lambda route: (route.path, route.method))


def body_of(described: dict[str, Any], document: dict[str, Any]) -> dict[str, Any] | None:
    """Make the smallest JSON body the description allows; None where it asks for none."""
    schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    made = None if schema is None else example_of(schema, document)
    return made if isinstance(made, dict) else None


def example_of(schema: dict[str, Any], document: dict[str, Any]) -> object:  # noqa: C901  # one line per kind of schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example_of(document["components"]["schemas"][name], document)
    if schema.get("examples"):
        return schema["examples"][0]
    if "default" in schema:
        return schema["default"]
    for choice in ("enum", "anyOf", "oneOf", "allOf"):
        if choice in schema:
            first = schema[choice][0]
            return first if choice == "enum" else example_of(first, document)
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            return {name: example_of(schema["properties"][name], document) for name in required}
        case "array":
            return [example_of(schema["items"], document) for _ in range(schema.get("minItems", 0))]
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return False
    return _text(schema)


def _text(schema: dict[str, Any]) -> str:
    by_format = {
        "uuid": str(uuid4()),
        "date": "2026-03-14",
        "date-time": "2026-03-14T16:05:00+01:00",
        "uri": "https://example.org/hook",
    }
    return by_format.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))


def ask(asker: Asker, route: Route, things: Things) -> httpx.Response:
    """Send the request for one of these things."""
    chosen = OTHER_THINGS.get(route.operation, {})
    ids = {name: things.id_of(chosen.get(name, name)) for name in route.parameters}
    address = route.path.format(**ids)
    headers = dict(HEADERS.get(route.operation, {}))
    sent: dict[str, Any] = {}
    if route.is_page and not route.is_safe:
        sent["data"] = {CSRF_FIELD: asker.csrf_token}
    elif route.operation in BODIES:
        sent["json"] = BODIES[route.operation](things)
    elif route.body is not None:
        sent["json"] = route.body
    query = QUERIES.get(route.operation)
    with asker.client.stream(route.method, address, params=query, headers=headers, **sent) as answer:
        if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            answer.read()  # events may go on for as long as something is under way
    return answer


def may(asker: Asker, route: Route) -> bool:
    principal = asker.principal
    if principal is None or (route.roles and principal.role not in route.roles):
        return False
    return all(principal.may(permission) for permission in route.permissions)


class PatientLimiter(RateLimiter):
    """Counts nothing: the matrix asks more in a minute, and with more wrong keys, than anybody should."""

    def hit(self, rate: Rate, subject: str) -> None:
        """Let it pass."""

    def check(self, rate: Rate, subject: str) -> None:
        """Let it pass."""


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    return replace(parts, rate_limiter=PatientLimiter(None))


@pytest.fixture(scope="module")
def theirs(make_club: Callable[[], Club], parts: PartsForTests) -> Things:
    return Things(club=make_club(), parts=parts)


@pytest.fixture(scope="module")
def doors(address: str) -> Iterator[Callable[..., Asker]]:
    with ExitStack() as stack:

        def open_door(
            name: str,
            principal: Principal | None,
            *,
            key: str = "",
            token: str = "",
            parts: PartsForTests | None = None,
            at: str = address,
        ) -> Asker:
            headers = {"Origin": at}
            if key:
                headers["Authorization"] = f"Bearer {key}"
            if token and parts is not None:
                headers["Cookie"] = f"{login_cookie_name(parts.settings)}={token}"
            client = stack.enter_context(httpx.Client(base_url=at, headers=headers, timeout=30))
            csrf_token = sign(f"login:{token}", parts.settings) if token and parts is not None else ""
            return Asker(
                name=name,
                client=client,
                principal=principal,
                is_login=not key,
                csrf_token=csrf_token,
            )

        yield open_door


def sign_in(parts: PartsForTests, principal: Principal) -> str:
    with parts.uow_factory(None) as uow:
        user = uow.accounts.find_user(principal.user_id) if principal.user_id else None
        assert user is not None
        return accounts.sign_in(uow=uow, email=user.email, password=PASSWORD, passwords=QUICK_PASSWORDS).token


@pytest.fixture(scope="module")
def members_of_theirs(theirs: Things, parts: PartsForTests, doors: Callable[..., Asker]) -> list[Asker]:
    """One of each role of the organisation whose things are asked for, and its key with every scope."""
    found = []
    for role in (Role.OWNER, Role.CLINICIAN, Role.TRAINER, Role.VIEWER):
        principal = make_member(parts, theirs.club, role)
        found.append(doors(role.value, principal, token=sign_in(parts, principal), parts=parts))
    holder = replace(
        theirs.club.principal, role=Role.INTEGRATION, scopes=PERMISSIONS[Role.INTEGRATION], user_id=None
    )
    key = make_key(parts, theirs.club.principal)
    return [*found, doors("key", holder, key=key)]


@pytest.fixture(scope="module")
def strangers(
    make_club: Callable[[], Club], parts: PartsForTests, doors: Callable[..., Asker]
) -> list[Asker]:
    """The owner and the key of another organisation."""
    return open_strangers(make_club(), parts, doors)


def open_strangers(
    club: Club, parts: PartsForTests, doors: Callable[..., Asker], **where: str
) -> list[Asker]:
    owner = make_member(parts, club, Role.OWNER)
    holder = replace(owner, role=Role.INTEGRATION, scopes=PERMISSIONS[Role.INTEGRATION], user_id=None)
    return [
        doors("another owner", owner, token=sign_in(parts, owner), parts=parts, **where),
        doors("another key", holder, key=make_key(parts, owner), **where),
    ]


@pytest.fixture(scope="module")
def outsiders(theirs: Things, parts: PartsForTests, doors: Callable[..., Asker]) -> list[Asker]:
    """A key that was revoked, and nobody."""
    owner = theirs.club.principal
    with parts.uow_factory(owner) as uow:
        new = accounts.create_api_key(
            uow=uow, principal=owner, name="ended", scopes=PERMISSIONS[Role.INTEGRATION]
        )
        accounts.revoke_api_key(uow=uow, principal=owner, api_key_id=new.summary.id)
    return [doors("revoked key", None, key=new.key), doors("nobody", None)]


@pytest.fixture(scope="module")
def limited(theirs: Things, parts: PartsForTests, doors: Callable[..., Asker]) -> list[Asker]:
    """A trainer of another team and another athlete's guardian, of the same organisation."""
    team_id = theirs.post("/teams", name="Another team")["id"]
    athlete_id = theirs.post("/athletes", name="Another athlete")["id"]
    places = {
        "another team's trainer": {"role": Role.TRAINER, "team_ids": frozenset({team_id})},
        "another athlete's guardian": {"role": Role.ATHLETE, "athlete_ids": frozenset({athlete_id})},
    }
    found = []
    for name, place in places.items():
        user = make_member(parts, theirs.club, Role.VIEWER)
        owner = theirs.club.principal
        assert user.user_id is not None
        as_ids = {
            field: value if field == "role" else frozenset(_uuid(each) for each in value)
            for field, value in place.items()
        }
        with parts.uow_factory(owner) as uow:
            members.change_member(uow=uow, principal=owner, user_id=user.user_id, place=Place(**as_ids))
        principal = replace(user, role=place["role"], limited_to=user.user_id)
        found.append(doors(name, principal, token=sign_in(parts, principal), parts=parts))
    return found


def _uuid(text: object) -> Any:
    from uuid import UUID

    return UUID(str(text))


def test_matrix_when_generated_then_every_answer_is_the_one_the_permission_table_gives(
    app: FastAPI,
    theirs: Things,
    members_of_theirs: list[Asker],
    strangers: list[Asker],
    outsiders: list[Asker],
    limited: list[Asker],
    capsys: pytest.CaptureFixture[str],
) -> None:
    routes = [route for route in every_route(app) if route.parameters]
    assert len(routes) >= 25
    wrong: list[str] = []
    cells = 0
    for route in routes:
        # whoever may not comes first: whoever may can change things
        for asker in (*outsiders, *strangers, *limited, *members_of_theirs):
            if route.is_page and not asker.is_login:
                continue
            if asker in limited and not route.parameters & ROSTER_PARAMETERS:
                continue
            answer = ask(asker, route, theirs)
            cells += 1
            problem = judge(asker, route, answer, is_member=asker in members_of_theirs)
            if problem:
                wrong.append(f"{asker.name}: {route.method} {route.path}: {answer.status_code}, {problem}")
            if answer.status_code < 400 and not route.is_safe:
                theirs.forget({*route.parameters, *OTHER_THINGS.get(route.operation, {}).values()})
    with capsys.disabled():
        sys.stdout.write(
            f"\nmatrix: {len(routes)} routes with an id, {cells} answers checked, {len(wrong)} wrong\n"
        )
    assert wrong == []


def judge(asker: Asker, route: Route, answer: httpx.Response, *, is_member: bool) -> str:
    """Return what is wrong with an answer, or nothing."""
    status = answer.status_code
    if status >= 500:
        return "an error of ours"
    if asker.principal is None:
        sent_to_sign_in = status == 303 or "HX-Redirect" in answer.headers
        is_refused = sent_to_sign_in if route.is_page else status == 401
        return "" if is_refused else "expected to be asked to sign in"
    if not may(asker, route):
        return "" if status == 403 else "expected 403"
    if is_member and not route.parameters & OF_ONE_PERSON:
        return "expected to be let in" if status in {401, 403, 404} else ""
    if status == 404 or (route.operation in NAMES_OF_THEIR_OWN and answer.is_success):
        return ""
    refused = (
        "; add a body, headers or a query for it to tests/api/things.py" if status in {400, 415, 422} else ""
    )
    return f"expected 404{refused}: {answer.text[:200]}"


@pytest.fixture(scope="module")
def stripped(database: DatabaseUrls) -> Iterator[tuple[Engine, list[str]]]:
    """Connections on which no query names its organisation any more; and the queries that did."""
    engine = make_engine(database.app_url)
    rewritten: list[str] = []

    def strip(
        _connection: object, _cursor: object, statement: str, parameters: object, *_more: object
    ) -> tuple[str, object]:
        without, count = re.subn(
            r"((?:\w+\.)?organisation_id = %\(\w+\)s(?:::\w+)?)", r"(\1 OR true)", statement
        )
        if count:
            rewritten.append(statement)
        return without, parameters

    event.listen(engine, "before_cursor_execute", strip, retval=True)
    yield engine, rewritten
    engine.dispose()


@pytest.fixture(scope="module")
def careless(parts: PartsForTests, stripped: tuple[Engine, list[str]]) -> Iterator[str]:
    """The service with every repository forgetting whose data it is asked for."""
    factory = UnitOfWorkFactory(engine=stripped[0], queue=MemoryQueue())
    app = create_app(replace(parts, uow_factory=factory))
    with serving(app) as found:
        yield found


def test_matrix_when_the_repositories_forget_the_organisation_then_the_database_alone_holds(
    app: FastAPI,
    theirs: Things,
    make_club: Callable[[], Club],
    parts: PartsForTests,
    careless: str,
    stripped: tuple[Engine, list[str]],
    doors: Callable[..., Asker],
    capsys: pytest.CaptureFixture[str],
) -> None:
    askers = open_strangers(make_club(), parts, doors, at=careless)
    cells, wrong = find_leaks(app, askers, theirs)
    with capsys.disabled():
        sys.stdout.write(
            f"\ndatabase alone: {cells} answers, {len(stripped[1])} queries without their organisation\n"
        )
    assert wrong == []
    assert len(stripped[1]) > cells / 2


@pytest.fixture(scope="module")
def unguarded(postgres_url: str, database: DatabaseUrls, parts: PartsForTests) -> Iterator[str]:
    """The service on a database that keeps nobody apart: a superuser is past row-level security."""
    url = make_url(postgres_url).set(database=make_url(database.app_url).database)
    engine = make_engine(url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
    factory = UnitOfWorkFactory(engine=engine, queue=MemoryQueue())
    with serving(create_app(replace(parts, uow_factory=factory))) as found:
        yield found
    engine.dispose()


def test_matrix_when_the_database_forgets_the_organisation_then_the_repositories_alone_hold(
    app: FastAPI,
    theirs: Things,
    make_club: Callable[[], Club],
    parts: PartsForTests,
    unguarded: str,
    doors: Callable[..., Asker],
    capsys: pytest.CaptureFixture[str],
) -> None:
    askers = open_strangers(make_club(), parts, doors, at=unguarded)
    cells, wrong = find_leaks(app, askers, theirs)
    with capsys.disabled():
        sys.stdout.write(f"\nrepositories alone: {cells} answers without row-level security\n")
    assert wrong == []


def find_leaks(app: FastAPI, askers: list[Asker], theirs: Things) -> tuple[int, list[str]]:
    """Ask for everything there is to read and all of theirs as strangers; return how much, and what was told."""
    wrong: list[str] = []
    cells = 0
    for route in every_route(app):
        for asker in askers:
            if not may(asker, route) or (route.is_page and not asker.is_login):
                continue
            if not route.parameters and not route.is_safe:
                continue
            answer = ask(asker, route, theirs)
            cells += 1
            content = answer.text if answer.is_stream_consumed else ""
            told = [each for each in theirs.all_ids if each in content and each not in str(answer.url)]
            if (
                told
                or answer.status_code >= 500
                or (
                    "value" not in route.parameters  # a name that they have given to somebody of their own
                    and route.parameters
                    and judge(asker, route, answer, is_member=False)
                )
            ):
                wrong.append(f"{asker.name}: {route.method} {route.path}: {answer.status_code} {told}")
    return cells, wrong


def test_matrix_when_the_filter_is_stripped_then_it_really_is(
    theirs: Things, careless: str, stripped: tuple[Engine, list[str]]
) -> None:
    """The counterpart: queries do run without their organisation, and our own things are still found."""
    before = len(stripped[1])
    with client_with_key(careless, theirs.club.api_key) as client:
        assert client.get(f"/api/v1/teams/{theirs.id_of('team_id')}").status_code == 200
    assert any("team" in statement for statement in stripped[1][before:])
