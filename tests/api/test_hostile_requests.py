"""What no honest client sends is answered with a problem that says what is wrong, never with a 5xx or a closed line."""

import base64
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from app.http.rate_limits import REQUESTS
from app.services import accounts
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem

JSON = {"Content-Type": "application/json"}
LISTS = (
    "/athletes",
    "/analyses",
    "/athletes/tombstones",
    "/audit",
    "/captures",
    "/exports",
    "/inbox",
    "/recordings",
    "/roster-changes",
    "/screening-days",
    "/teams",
    "/webhooks",
)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid_input"),
        (b"[]", 422, "invalid_input"),
        (b"null", 422, "invalid_input"),
        (b"NaN", 422, "invalid_input"),
        (b'{"name": "x"', 400, "malformed_request"),
        (b'{"name": "\xff\xfe"}', 400, "malformed_request"),
        (b"\x00" * 50, 400, "malformed_request"),
        (b"[" * 20_000 + b"]" * 20_000, 400, "malformed_request"),
        (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, 400, "malformed_request"),
        (b'{"name": "a\\u0000b"}', 422, "invalid_input"),
        (b'{"name": "a\\ud800b"}', 422, "invalid_input"),
        (b'{"name": {"name": "x"}}', 422, "invalid_input"),
        (b'{"name": ' + b"9" * 5_000 + b"}", 400, "malformed_request"),
        (b'{"name": "' + b"x" * 70_000 + b'"}', 413, "request_too_large"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_body_when_damaged_then_a_clear_problem(club: Club, body: bytes, status: int, code: str) -> None:
    answer = club.client.post("/api/v1/teams", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    check_problem(answer, code=code)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "multipart/form-data", "x" * 200, ""]
)
def test_body_when_of_another_type_then_refused_with_what_is_wanted(club: Club, media_type: str) -> None:
    answer = club.client.post(
        "/api/v1/teams", content=b'{"name": "A team"}', headers={"Content-Type": media_type}
    )
    assert answer.status_code in {415, 422}, answer.text
    check_problem(answer, code=answer.json()["code"])


@pytest.mark.parametrize(
    "cursor", ["-1", "0", "%00", "%F0%9F%8F%83", "a" * 3_000, "eyJ4IjoxfQ", "../../x", "%ff"]
)
@pytest.mark.parametrize("path", LISTS)
def test_cursor_when_made_up_then_refused(club: Club, path: str, cursor: str) -> None:
    answer = club.client.get(f"/api/v1{path}?cursor={cursor}")
    assert answer.status_code == 422, answer.text
    check_problem(answer, code="invalid_input")


@pytest.mark.parametrize("number", ["1e999", "1e300", str(10**30), str(2**31), "true", "NaN", '"1"'])
def test_cursor_when_its_number_is_none_the_database_could_hold_then_refused(club: Club, number: str) -> None:
    cursor = base64.urlsafe_b64encode(f"[{number}]".encode()).decode()
    answer = club.client.get("/api/v1/audit", params={"cursor": cursor})
    assert answer.status_code == 422, answer.text
    check_problem(answer, code="invalid_input")


@pytest.mark.parametrize(
    "query",
    [
        "/analyses?modified_from=99999-01-01T00:00:00Z",
        "/analyses?modified_from=0000-00-00",
        "/analyses?modified_from=%00",
        "/exports/metrics.csv?screened_from=99999-01-01",
        "/exports/metrics.csv?screened_from=2026-02-30",
        "/athletes?limit=99999999999999999999999999",
        "/athletes?limit=-1",
        "/athletes?search=%00",
        "/athletes?team_id=1%27%20OR%201=1",
    ],
)
def test_query_when_impossible_then_refused(club: Club, query: str) -> None:
    answer = club.client.get(f"/api/v1{query}")
    assert answer.status_code == 422, answer.text
    check_problem(answer, code="invalid_input")


@pytest.mark.parametrize(
    "fields",
    [
        {"date_of_birth": "99999-01-01"},
        {"date_of_birth": "2026-13-01"},
        {"stature_cm": 1e308},
        {"stature_cm": -1},
        {"external_ids": {"vald": "x" * 10_000}},
        {"external_ids": {str(n): "x" for n in range(2_000)}},
        {"team_ids": ["not an id"]},
        {"email": "a\nb@example.org"},
    ],
    ids=lambda fields: repr(fields)[:32],
)
def test_athlete_when_impossible_then_refused(club: Club, fields: dict[str, object]) -> None:
    answer = club.client.post("/api/v1/athletes", json={"name": "Alex Doe", **fields})
    assert answer.status_code == 422, answer.text
    check_problem(answer, code="invalid_input")


@pytest.mark.parametrize(
    "name", ["🏃🏽‍♀️ Zoë", "山田 花子", "محمد", "O'Brien; DROP TABLE athletes", "=1+1", "<b>x</b>"]
)
def test_name_when_unusual_then_kept_as_it_is_and_found(club: Club, name: str) -> None:
    made = club.client.post("/api/v1/athletes", json={"name": name})
    assert made.status_code == 201, made.text
    assert club.client.get(f"/api/v1/athletes/{made.json()['id']}").json()["name"] == name


@pytest.mark.parametrize(
    "path", ["/api/v1/athletes/%00", "/api/v1/athletes/%ff", "/api/v1/athletes/..%2f..%2fx"]
)
def test_path_when_no_id_then_not_found(club: Club, path: str) -> None:
    check_problem_status(club.client.get(path), 404)


def check_problem_status(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_key_when_of_other_letters_then_401(address: str) -> None:
    for value in (b"Bearer \xff\xfe", b"Bearer " + b"x" * 10_000, b"Basic x", b"Bearer", b""):
        answer = httpx.get(f"{address}/api/v1/teams", headers={b"Authorization": value})
        check_problem_status(answer, 401)


def test_headers_when_ten_megabytes_then_refused_and_the_service_lives(address: str, club: Club) -> None:
    place = urlsplit(address)
    told = b""
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        try:
            line.sendall(b"GET /api/v1/teams HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 10_000_000)
            line.sendall(b"\r\n\r\n")
        except OSError:
            pass  # it has hung up already, and may have said why
        try:
            told = line.recv(64)
        except ConnectionResetError:
            told = b""
    assert told == b"" or told.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 401")), told
    assert club.client.get("/api/v1/teams").status_code == 200


def test_requests_when_too_many_then_429_says_when_to_come_back_and_that_nothing_is_left(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    hasty = make_club()
    with parts.uow_factory(hasty.principal) as uow:
        (key,) = accounts.list_api_keys(uow=uow, principal=hasty.principal).items
    for _ in range(REQUESTS.limit.amount):
        parts.rate_limiter.hit(REQUESTS, str(key.id))
    answer = hasty.client.get("/api/v1/teams")
    assert answer.status_code == 429
    check_problem(answer, code="too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Limit"] == str(REQUESTS.limit.amount)
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.json()["how_to_fix"]
