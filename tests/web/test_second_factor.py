"""A second factor as a browser meets it: set up, asked for, locked out, confirmed, required by the organisation."""

import re
from collections.abc import Callable

import httpx
import pyotp
import pytest
from sqlalchemy import text

from app.http.rate_limits import SECOND_FACTOR_BY_ACCOUNT
from app.services import accounts
from app.web.routes.second_step import HERE
from tests.factories import PASSWORD, Club
from tests.web.conftest import WebParts, token_in, token_of

Post = Callable[..., httpx.Response]


@pytest.fixture
def post(browser: httpx.Client, parts: WebParts) -> Post:
    def send(path: str, **fields: object) -> httpx.Response:
        return browser.post(path, data={"csrf_token": token_of(browser, parts), **fields})

    return send


def set_up(post: Post) -> tuple[pyotp.TOTP, list[str]]:
    """Set an app up as a person does; return it and the recovery codes."""
    page = post("/settings/second-factor/prepare").text
    found = re.search(r"otpauth://\S+secret=([A-Z2-7]+)", page)
    assert found is not None
    assert "<svg" in page.partition("qr-frame")[2]
    app = pyotp.TOTP(found[1])
    wrong = post("/settings/second-factor/start", code="000000")
    assert wrong.status_code == 422
    assert found[1] in wrong.text
    done = post("/settings/second-factor/start", code=app.now())
    assert done.status_code == 200
    return app, re.findall(r'<li class="code">([a-z0-9-]+)</li>', done.text)


def first_step(visitor: httpx.Client, club: Club, *, next_path: str = "/recordings/new") -> httpx.Response:
    form = {
        "csrf_token": token_in(visitor.get("/sign-in")), "email": club.email, "password": PASSWORD, "next": next_path,
    }  # fmt: skip
    return visitor.post("/sign-in", data=form)


def second_step(visitor: httpx.Client, code: str) -> httpx.Response:
    visitor.get(f"{HERE}?next=/recordings/new")
    form = {"csrf_token": token_in(visitor.get("/sign-in")), "code": code, "next": "/recordings/new"}
    return visitor.post(HERE, data=form)


def test_sign_in_when_an_app_is_set_up_then_two_steps_and_then_where_one_wanted_to_be(
    post: Post, visitor: httpx.Client, club: Club
) -> None:
    _, codes = set_up(post)
    assert len(codes) == 10
    first = first_step(visitor, club)
    assert (first.status_code, first.headers["location"]) == (303, f"{HERE}?next=%2Frecordings%2Fnew")
    assert "plumbline-step=" in first.headers["set-cookie"]
    assert "HttpOnly" in first.headers["set-cookie"]
    assert visitor.get("/").headers["location"] == "/sign-in"
    wrong = second_step(visitor, "123456")
    assert (wrong.status_code, "This code is not right" in wrong.text) == (401, True)
    done = second_step(visitor, codes[0])
    assert (done.status_code, done.headers["location"]) == (303, "/recordings/new")
    assert visitor.get("/recordings/new").status_code == 200
    assert "9 recovery codes left" in visitor.get("/settings/security").text
    assert "plumbline-step" not in visitor.cookies


def test_second_step_when_tried_too_often_then_locked_and_from_the_start_again(
    post: Post, visitor: httpx.Client, club: Club
) -> None:
    _, codes = set_up(post)
    first_step(visitor, club)
    # one was wrong while setting up; both doors count together
    for _ in range(SECOND_FACTOR_BY_ACCOUNT.limit.amount - 1):
        assert second_step(visitor, "000000").status_code == 401
    locked = second_step(visitor, codes[0])
    assert (locked.status_code, "Too many tries" in locked.text) == (429, True)
    assert second_step(visitor, codes[0]).headers["location"] == "/sign-in"


def test_second_step_when_there_was_no_first_then_back_to_it(visitor: httpx.Client) -> None:
    assert visitor.get(HERE).headers["location"] == "/sign-in"
    visitor.get("/sign-in")
    visitor.cookies.set("plumbline-step", "x" * 43)
    assert second_step(visitor, "123456").headers["location"] == "/sign-in"
    assert visitor.post(HERE, data={"code": "123456"}).status_code == 403


def test_change_when_not_confirmed_lately_then_sent_to_confirm_and_back(
    post: Post, browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    with parts.uow_factory(None) as uow:
        uow._session.execute(
            text("UPDATE login_session SET confirmed_at = NULL WHERE user_id = :id"),
            {"id": club.principal.user_id},
        )
    browser.headers["Referer"] = f"{browser.base_url}/settings/keys?done=made".replace(
        "//settings", "/settings"
    )
    sent = post("/settings/keys", name="Sync", scope="roster:read")
    assert (sent.status_code, sent.headers["location"]) == (303, "/confirm?next=%2Fsettings%2Fkeys")
    assert browser.post("/api/v1/api-keys", json={"name": "x", "scopes": ["roster:read"]}).json()["code"] == (
        "confirmation_needed"
    )
    page = browser.get("/confirm?next=/settings/keys")
    assert 'autocomplete="current-password"' in page.text
    assert post("/confirm", answer="not it", next="/settings/keys").status_code == 401
    done = post("/confirm", answer=PASSWORD, next="//evil.example")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert browser.get("/confirm?next=/settings/keys").headers["location"] == "/settings/keys"
    assert post("/settings/keys", name="Sync", scope="roster:read").status_code == 200


def test_rule_when_the_organisation_asks_then_reminded_then_held_until_set_up(
    post: Post, browser: httpx.Client, onlooker: httpx.Client, parts: WebParts
) -> None:
    refused = post("/settings/sign-in/second-factor", role="owner", grace_days="7")
    assert (refused.status_code, "no second factor yourself" in refused.text) == (422, True)
    saved = post("/settings/sign-in/second-factor", role="viewer", grace_days="7")
    assert saved.headers["location"] == "/settings/sign-in?done=rule"
    assert "your organisation asks for a second factor" in onlooker.get("/settings/security").text
    assert onlooker.get("/").status_code == 200
    post("/settings/sign-in/second-factor", role="viewer", grace_days="0")
    assert onlooker.get("/").headers["location"] == "/settings/security"
    assert onlooker.get("/recordings/new").headers["location"] == "/settings/security"
    assert onlooker.get("/api/v1/teams").json()["code"] == "second_factor_needed"
    assert "Set one up here to go on" in onlooker.get("/settings/security").text
    assert browser.get("/").status_code == 200

    def send(path: str, **fields: object) -> httpx.Response:
        return onlooker.post(path, data={"csrf_token": token_of(onlooker, parts), **fields})

    set_up(send)
    assert onlooker.get("/").status_code == 200


def test_member_when_they_lost_it_then_an_owner_takes_it_off(
    post: Post, browser: httpx.Client, onlooker: httpx.Client, parts: WebParts, club: Club
) -> None:
    def send(path: str, **fields: object) -> httpx.Response:
        return onlooker.post(path, data={"csrf_token": token_of(onlooker, parts), **fields})

    set_up(send)
    found = re.search(
        r"/settings/members/[0-9a-f-]+/second-factor/reset", browser.get("/settings/members").text
    )
    assert found is not None
    assert post(found[0]).headers["location"] == "/settings/members?done=factor"
    assert post(found[0]).status_code == 422
    assert onlooker.get("/").headers["location"] == "/sign-in"
    with parts.uow_factory(None) as uow:
        again = accounts.sign_in(uow=uow, email=f"viewer-{club.email}", password=PASSWORD)
    assert isinstance(again, accounts.SignedIn)


def test_app_when_turned_off_then_the_page_offers_it_again(post: Post, browser: httpx.Client) -> None:
    set_up(post)
    assert "New recovery codes" in browser.get("/settings/security").text
    fresh = post("/settings/second-factor/codes")
    assert fresh.text.count('<li class="code">') == 10
    assert post("/settings/second-factor/stop").headers["location"] == "/settings/security?done=app_off"
    assert "Set up an app" in browser.get("/settings/security").text


def test_rules_when_not_an_owner_then_403(onlooker: httpx.Client) -> None:
    assert onlooker.get("/settings/sign-in").status_code == 403
