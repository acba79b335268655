"""Who is asking: keys, cookies, and requests that other sites make a browser send."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from app.http.rate_limits import RateLimiter
from app.main import create_app
from app.services import accounts
from tests.api.conftest import Club
from tests.api.support import PartsForTests, serving
from tests.api.test_errors import check_problem

TEAMS = "/api/v1/teams"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic a2V5", "Bearer pl_live_x_y", "Bearer " + "x" * 600, "bearer \xff"],
)
def test_key_when_wrong_then_401(anonymous: httpx.Client, header: str) -> None:
    answer = anonymous.get(TEAMS, headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    check_problem(answer, code="invalid_credentials")


def test_key_when_wrong_then_a_cookie_does_not_help(browser: httpx.Client) -> None:
    assert browser.get(TEAMS).status_code == 200
    assert browser.get(TEAMS, headers={"Authorization": "Bearer pl_live_x_y"}).status_code == 401


def test_key_when_in_the_address_then_ignored(club: Club, anonymous: httpx.Client) -> None:
    assert anonymous.get(TEAMS, params={"api_key": club.api_key}).status_code == 401


def test_cookie_when_signed_out_then_401(browser: httpx.Client, parts: PartsForTests) -> None:
    with parts.uow_factory(None) as uow:
        accounts.sign_out(uow=uow, token=browser.cookies["plumbline"])
    answer = browser.get(TEAMS)
    check_problem(answer, code="not_signed_in")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
    ],
)
def test_change_when_the_cookie_comes_from_elsewhere_then_403(
    browser: httpx.Client, address: str, headers: dict[str, str]
) -> None:
    sent = {name: value.format(own=address) for name, value in headers.items()}
    answer = browser.post(TEAMS, json={"name": "Forged"}, headers=sent)
    assert answer.status_code == 403
    check_problem(answer, code="csrf_failed")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "{own}"}])
def test_change_when_the_cookie_comes_from_our_page_then_done(
    browser: httpx.Client, address: str, headers: dict[str, str]
) -> None:
    sent = {name: value.format(own=address) for name, value in headers.items()}
    name = f"Team {sorted(headers)[0]}"
    assert browser.post(TEAMS, json={"name": name}, headers=sent).status_code == 201


def test_answers_when_another_site_reads_then_no_cors_header(browser: httpx.Client) -> None:
    answer = browser.get(TEAMS, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.fixture
def own_app(parts: PartsForTests) -> FastAPI:
    """The application with counters of its own, so that other tests are not slowed."""
    from dataclasses import replace

    return create_app(replace(parts, rate_limiter=RateLimiter(None)))


@pytest.fixture
def own_address(own_app: FastAPI) -> Iterator[str]:
    with serving(own_app) as found:
        yield found


def test_keys_when_guessed_then_429_and_good_keys_from_elsewhere_still_work(
    own_address: str, club: Club
) -> None:
    wrong = {"Authorization": "Bearer pl_live_x_y"}
    with httpx.Client(base_url=own_address) as client:
        statuses = [client.get(TEAMS, headers=wrong).status_code for _ in range(32)]
        assert statuses[:30] == [401] * 30
        assert statuses[-1] == 429
        limited = client.get(TEAMS, headers=wrong)
    check_problem(limited, code="too_many_requests")
    assert int(limited.headers["Retry-After"]) > 0
