"""What another organisation cannot reach by filters, bodies and lists; ids in addresses are in `test_matrix`."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.api.openapi import build_document
from app.domain.access import Role
from app.http.identity import login_cookie_name
from app.services import accounts
from tests.api.conftest import PASSWORD, Club
from tests.api.support import PartsForTests
from tests.api.test_matrix import example_of
from tests.api.test_uploads import upload
from tests.api.things import BODIES, Things


@pytest.fixture(scope="module")
def theirs(make_club: Callable[[], Club], parts: PartsForTests) -> Things:
    things = Things(club=make_club(), parts=parts)
    things.id_of("recording_id")
    return things


@pytest.mark.parametrize("name", ["team_id", "athlete_id"])
def test_filters_when_they_name_another_organisations_then_nothing_shows(
    club: Club, theirs: Things, name: str
) -> None:
    answer = club.client.get("/api/v1/recordings", params={name: theirs.id_of(name)})
    assert answer.status_code == 404 or answer.json()["items"] == []


def test_athlete_when_put_in_another_organisations_team_then_404(club: Club, theirs: Things) -> None:
    answer = club.client.post("/api/v1/athletes", json={"name": "X", "team_ids": [theirs.id_of("team_id")]})
    assert answer.status_code == 404


def test_lists_when_read_then_only_our_own(make_club: Callable[[], Club], theirs: Things) -> None:
    fresh = make_club()
    for path in ("teams", "athletes", "recordings"):
        assert fresh.client.get(f"/api/v1/{path}").json()["items"] == []
        assert len(theirs.club.client.get(f"/api/v1/{path}").json()["items"]) == 1


def test_viewer_when_changing_anything_then_403(theirs: Things, parts: PartsForTests, address: str) -> None:
    with parts.uow_factory(None) as uow:
        accounts.create_user(
            uow=uow,
            organisation_id=theirs.club.organisation_id,
            email=f"viewer-{theirs.club.email}",
            display_name="Viewer",
            password="a long enough password",
            role=Role.VIEWER,
        )
        signed_in = accounts.sign_in(
            uow=uow, email=f"viewer-{theirs.club.email}", password="a long enough password"
        )
    headers = {"Origin": address, "Cookie": f"plumbline={signed_in.token}"}
    with httpx.Client(base_url=address, headers=headers) as client:
        assert client.get("/api/v1/teams").status_code == 200
        assert client.post("/api/v1/teams", json={"name": "Mine"}).status_code == 403
        assert upload(client).status_code == 403


THINGS = {
    "athlete_ids": "athlete_id",
    "change_ids": "change_id",
    "from": "screening_id",
    "id": "athlete_id",
    "object_id": "athlete_id",
    "screening_day_id": "day_id",
    "team_ids": "team_id",
    "to": "screening_id",
    "with": "analysis_id",
}
"""Name of a field or parameter -> what it names, where that is called otherwise."""
SENT: dict[str, Callable[[Things], dict[str, object]]] = {
    "announce_capture": lambda things: {"athlete_id": things.id_of("athlete_id")},
    "change_member": lambda _things: {"role": "trainer"},
    "create_invitation": lambda _things: {"email": "new@example.org", "role": "trainer"},
}
"""Operation id -> a body into which an id of one more thing is put."""
FOR_ATHLETES = {("change_member", "athlete_ids"), ("create_invitation", "athlete_ids")}
AMONG_THOSE_KNOWN = {
    ("announce_day_capture", "athlete_id"),
    ("create_api_key", "team_ids"),
    ("create_webhook", "team_ids"),
    ("edit_webhook", "team_ids"),
}
"""Where the answer for a thing nobody has is 422: it is to be one of a list that whoever asks has been shown."""


def ids_beside_the_address() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return every parameter and field of a JSON body that takes an id: method, path, operation, way to it."""
    document = build_document()
    found = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            found += [
                (method, path, name, (parameter["name"],))
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "query" and list(ways(parameter["schema"], document))
            ]
            found += [(method, path, name, ("body", *way)) for way in ways(body_schema(operation), document)]
    return found


def body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("schema", {})


def ways(schema: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the way to each id in a schema; `*` is any entry of a list."""
    schema = resolved(schema, document)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from ways(choice, document)
    if schema.get("format") == "uuid":
        yield ()
    if "items" in schema:
        yield from (("*", *way) for way in ways(schema["items"], document))
    for name, below in schema.get("properties", {}).items():
        yield from ((name, *way) for way in ways(below, document))


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def put(value: str, way: tuple[str, ...], schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """Return the smallest body that holds the value there."""
    if not way:
        return value
    schema = resolved(schema, document)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        if way in list(ways(choice, document)):
            return put(value, way, choice, document)
    if way[0] == "*":
        return [put(value, way[1:], schema["items"], document)]
    body = example_of(schema, document)
    assert isinstance(body, dict)
    return body | {way[0]: put(value, way[1:], schema["properties"][way[0]], document)}


@pytest.fixture(scope="module")
def ours(make_club: Callable[[], Club], parts: PartsForTests) -> Things:
    return Things(club=make_club(), parts=parts)


@pytest.fixture(scope="module")
def owner(ours: Things, parts: PartsForTests, address: str) -> Iterator[httpx.Client]:
    with parts.uow_factory(None) as uow:
        signed_in = accounts.sign_in(uow=uow, email=ours.club.email, password=PASSWORD)
    headers = {"Origin": address, "Cookie": f"{login_cookie_name(parts.settings)}={signed_in.token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "operation", "way"),
    ids_beside_the_address(),
    ids=lambda value: value if isinstance(value, str) and "/" not in value else "",
)
def test_ids_beside_the_address_when_they_are_anothers_then_as_if_there_were_no_such_thing(
    owner: httpx.Client,
    ours: Things,
    theirs: Things,
    method: str,
    path: str,
    operation: str,
    way: tuple[str, ...],
) -> None:
    document = build_document()
    schema = body_schema(document["paths"][path][method])
    name = next(part for part in reversed(way) if part != "*")
    address = path.format(**{part: ours.id_of(part) for part in re.findall(r"{(\w+)}", path)})

    def ask(value: str) -> tuple[int, str]:
        sent: dict[str, Any] = {"params": {name: value}}
        if way[0] == "body":
            body = put(value, way[1:], schema, document)
            fixed = (SENT.get(operation) or BODIES.get(operation) or (lambda _things: {}))(ours)
            role = {"role": "athlete"} if (operation, name) in FOR_ATHLETES else {}
            sent = {"json": body | fixed | role | {way[1]: body[way[1]]}}
            if way[1] == "teams":
                sent["json"].pop("team_ids", None)  # the older way to say the same
        answer = owner.request(method, address, **sent)
        text = answer.text.replace(value, "ID")
        assert not [each for each in theirs.all_ids if each in text]
        return answer.status_code, re.sub(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)

    status, text = ask(theirs.id_of(THINGS.get(name, name)))
    assert (status, text) == ask(str(uuid4()))
    assert "Canary" not in text
    told = status == 404 or (status == 422) == ((operation, name) in AMONG_THOSE_KNOWN)
    assert told, f"{status}: {text}: add a body for {operation} to SENT"
