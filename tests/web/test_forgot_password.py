"""Helping oneself to a new password by mail, over a real mail server; and what is shown where there is none."""

import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from app.http.post import post_of
from app.http.rate_limits import RESET_BY_ACCOUNT, RateLimiter
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import SEND_MAIL
from app.main import create_app
from app.services.outbox import SendResult, send_mail
from app.web.routes.doors import ANSWER_AFTER_S
from tests.factories import Club
from tests.support.mail import MailServer, mail_server
from tests.web.conftest import WebParts, open_browser, token_in, token_of
from tests.web.preview import serve

NEW_PASSWORD = "another four plain words"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture(scope="module")
def mailing(parts: WebParts, server: MailServer) -> Iterator[tuple[str, WebParts]]:
    """The service with a mail server."""
    settings = parts.settings.model_copy(update=server.settings())
    with_mail = replace(parts, settings=settings, rate_limiter=RateLimiter(None))
    with serve(create_app(with_mail)) as address:
        yield address, with_mail


@pytest.fixture
def stranger(mailing: tuple[str, WebParts]) -> Iterator[httpx.Client]:
    with open_browser(mailing[0]) as client:
        yield client


@pytest.fixture
def deliver(mailing: tuple[str, WebParts], queue: MemoryQueue, server: MailServer):
    """Does a worker's work; returns the words of the letters that went out."""
    server.letters.clear()
    queue.jobs.clear()

    def run() -> list[str]:
        parts = mailing[1]
        post = post_of(parts.settings)
        assert post is not None
        while queue.jobs:
            job = queue.jobs.pop(0)
            if job.name == SEND_MAIL:
                mail_id, organisation_id = map(UUID, job.args)
                result = send_mail(
                    uow_factory=parts.uow_factory, mailer=server.mailer(), seal=post.seal, mail_id=mail_id,
                    organisation_id=organisation_id,
                )  # fmt: skip
                assert result is SendResult.SENT
        return [server.text(number) for number in range(len(server.letters))]

    return run


def ask(browser: httpx.Client, email: str) -> httpx.Response:
    form = {"csrf_token": token_in(browser.get("/forgot-password")), "email": email}
    return browser.post("/forgot-password", data=form)


def test_forgotten_when_asked_for_then_a_link_comes_that_works_once_and_ends_every_login(
    stranger: httpx.Client, deliver, club: Club, browser: httpx.Client
) -> None:
    assert "an e-mail is on its way" in ask(stranger, club.email.upper()).text
    (letter,) = deliver()
    code = letter.partition("/new-password#")[2].split()[0]
    form = {"csrf_token": token_in(stranger.get("/new-password")), "token": code, "password": NEW_PASSWORD}
    assert stranger.post("/new-password", data=form).status_code == 303
    assert stranger.post("/new-password", data=form).status_code == 401
    assert browser.get("/settings/security").status_code == 303
    assert "a new password was set" in deliver()[-1]
    sign_in = {
        "csrf_token": token_in(stranger.get("/sign-in")),
        "email": club.email,
        "password": NEW_PASSWORD,
    }
    assert stranger.post("/sign-in", data=sign_in).status_code == 303


def test_forgotten_when_nobody_has_the_address_then_the_same_words_after_the_same_time_and_no_letter(
    stranger: httpx.Client, deliver, club: Club
) -> None:
    answers = {}
    for email in (club.email, "nobody@example.org", "no address at all"):
        started_s = time.monotonic()
        answer = ask(stranger, email)
        took_s = time.monotonic() - started_s
        assert took_s >= ANSWER_AFTER_S
        answers[email] = (answer.status_code, answer.text)
    assert len(set(answers.values())) == 1
    assert len(deliver()) == 1


def test_forgotten_when_asked_for_too_often_then_no_more_letters_and_the_same_words(
    stranger: httpx.Client, deliver, club: Club
) -> None:
    texts = {ask(stranger, club.email).text for _ in range(RESET_BY_ACCOUNT.limit.amount + 1)}
    assert len(texts) == 1
    assert len(deliver()) == RESET_BY_ACCOUNT.limit.amount


def test_forgotten_when_the_form_comes_from_elsewhere_then_403(stranger: httpx.Client) -> None:
    stranger.get("/forgot-password")
    assert stranger.post("/forgot-password", data={"email": "x@example.org"}).status_code == 403


def test_forgotten_when_there_is_no_mail_server_then_told_whom_to_ask(visitor: httpx.Client) -> None:
    page = visitor.get("/forgot-password").text
    assert "Ask the owner" in page
    assert 'name="email"' not in page
    assert "/forgot-password" in visitor.get("/sign-in").text


def test_invitation_and_reset_when_mailed_then_the_owner_does_not_see_the_link(
    mailing: tuple[str, WebParts], deliver, club: Club, browser: httpx.Client
) -> None:
    address, parts = mailing
    with open_browser(address) as owner:
        owner.cookies.update(browser.cookies)
        form = {"csrf_token": token_of(owner, parts), "email": f"sam-{club.email}", "role": "trainer"}
        shown = owner.post("/settings/members/invite", data=form)
        assert "on its way to sam-" in shown.text
        assert "/join#" not in shown.text
        made = owner.post("/api/v1/invitations", json={"email": f"pat-{club.email}", "role": "viewer"}).json()
        assert (made["link"], made["is_mailed"]) == (None, True)
        member = f"/settings/members/{club.principal.user_id}/reset"
        assert "on its way to" in owner.post(member, data=form).text
    assert ["/join#" in letter or "/new-password#" in letter for letter in deliver()] == [True] * 3
