"""Signing in and out: cookies, redirects, refusals."""

from dataclasses import replace

import httpx
import pytest

from app.http.rate_limits import SIGN_IN_BY_ACCOUNT
from app.main import create_app
from app.web.routes.sign_in import safe_path
from tests.factories import PASSWORD, Club
from tests.web.conftest import SAME_ORIGIN, SignIn, WebParts, open_browser, token_in, token_of
from tests.web.preview import serve

WRONG = "The e-mail address and the password do not match"


def _sign_in(visitor: httpx.Client, *, email: str, password: str, next_path: str = "/") -> httpx.Response:
    token = token_in(visitor.get("/sign-in"))
    form = {"email": email, "password": password, "csrf_token": token, "next": next_path}
    return visitor.post("/sign-in", data=form)


def test_page_when_nobody_is_signed_in_then_sign_in_and_back(visitor: httpx.Client) -> None:
    answer = visitor.get("/teams/0193f0c2-0000-7000-8000-000000000001?sort=name")
    assert answer.status_code == 303
    assert answer.headers["location"] == (
        "/sign-in?next=%2Fteams%2F0193f0c2-0000-7000-8000-000000000001%3Fsort%3Dname"
    )


def test_live_part_when_the_login_is_over_then_htmx_goes_to_sign_in(visitor: httpx.Client) -> None:
    answer = visitor.get(
        "/recordings/0193f0c2-0000-7000-8000-000000000001/progress", headers={"HX-Request": "true"}
    )
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/sign-in")


def test_sign_in_when_right_then_private_cookie_and_on(visitor: httpx.Client, club: Club) -> None:
    answer = _sign_in(visitor, email=club.email, password=PASSWORD, next_path="/recordings/new")
    assert (answer.status_code, answer.headers["location"]) == (303, "/recordings/new")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("plumbline=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert visitor.get("/").status_code == 200
    assert visitor.get("/sign-in").headers["location"] == "/"


def test_sign_in_when_https_then_cookie_bound_to_the_host(parts: WebParts, club: Club) -> None:
    public = parts.settings.model_copy(update={"public_url": "https://plumbline.test"})
    with serve(create_app(replace(parts, settings=public))) as address, open_browser(address) as visitor:
        page = visitor.get("/sign-in")
        visitor.cookies.clear()
        # as a browser would over https; this client speaks http to the server behind it
        name, value = page.headers["set-cookie"].split(";")[0].split("=")
        headers = {"Cookie": f"{name}={value}", "Origin": "https://plumbline.test"}
        form = {"email": club.email, "password": PASSWORD, "csrf_token": token_in(page)}
        answer = visitor.post("/sign-in", data=form, headers=headers)
    assert name == "__Host-plumbline-visitor"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-plumbline=")
    assert "Secure" in cookie
    assert "max-age" in page.headers["strict-transport-security"]


@pytest.mark.parametrize("known", [True, False])
def test_sign_in_when_wrong_then_one_message_and_the_address_kept(
    visitor: httpx.Client, club: Club, known: bool
) -> None:
    email = club.email if known else "nobody@example.org"
    answer = _sign_in(visitor, email=email, password="not the right words")
    assert answer.status_code == 401
    assert WRONG in answer.text
    assert f'value="{email}"' in answer.text
    assert "not the right words" not in answer.text
    assert "www-authenticate" not in answer.headers


def test_sign_in_when_tried_too_often_then_429_with_a_message(
    visitor: httpx.Client, parts: WebParts, club: Club
) -> None:
    for _ in range(SIGN_IN_BY_ACCOUNT.limit.amount):
        parts.rate_limiter.hit(SIGN_IN_BY_ACCOUNT, club.email)
    answer = _sign_in(visitor, email=club.email.upper(), password=PASSWORD)
    assert answer.status_code == 429
    assert "Too many tries" in answer.text
    assert int(answer.headers["retry-after"]) > 0


def test_sign_out_when_sent_then_the_login_is_over_on_the_server(
    browser: httpx.Client, parts: WebParts
) -> None:
    login = browser.cookies["plumbline"]
    answer = browser.post("/sign-out", data={"csrf_token": token_of(browser, parts)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "storage" in answer.headers["clear-site-data"]
    browser.cookies.set("plumbline", login)
    assert browser.get("/").headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("path", "goes_to"),
    [
        ("/teams/1?sort=name", "/teams/1?sort=name"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/" + "a" * 600, "/"),
        ("", "/"),
    ],
)
def test_next_when_not_ours_then_the_start_page(path: str, goes_to: str) -> None:
    assert safe_path(path) == goes_to


FORMS = ["/sign-in", "/sign-out", "/recordings/0193f0c2-0000-7000-8000-000000000001/retry", "/recordings"]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("", SAME_ORIGIN),
        ("0" * 64, SAME_ORIGIN),
        ("right", {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}),
        ("right", {"Sec-Fetch-Site": "same-site", "Origin": "http://other.plumbline.test"}),
        ("right", {"Sec-Fetch-Site": "none"}),
    ],
)
def test_form_when_not_from_our_page_then_403(
    browser: httpx.Client, parts: WebParts, path: str, token: str, headers: dict[str, str]
) -> None:
    sent = token_of(browser, parts) if token == "right" else token
    files = {"file": ("jump.mp4", b"a video", "video/mp4")} if path == "/recordings" else None
    answer = browser.post(path, data={"csrf_token": sent}, files=files, headers=headers)
    assert answer.status_code == 403
    assert "did not come from a page of this service" in answer.text


def test_form_when_the_token_is_of_another_login_then_403(
    browser: httpx.Client, browser_of: SignIn, rival: Club, parts: WebParts
) -> None:
    other = token_of(browser_of(rival), parts)
    assert browser.post("/sign-out", data={"csrf_token": other}).status_code == 403


def test_form_when_an_old_browser_names_only_its_origin_then_taken(
    browser: httpx.Client, parts: WebParts
) -> None:
    del browser.headers["Sec-Fetch-Site"]
    token = token_of(browser, parts)
    assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 303
