"""Passkeys in a real Chromium with an authenticator of its own: made, used alone, as the second step, to confirm, removed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from sqlalchemy import text

from app.domain.errors import ConfirmationNeededError, InvalidCredentialsError, NotFoundError
from app.http.rate_limits import RateLimiter
from app.main import create_app
from app.services import accounts, passkeys
from app.services.passkeys import RelyingParty
from app.services.read_models import SecondStep
from tests.chromium import require_chromium
from tests.factories import PASSWORD, Club
from tests.support.processes import free_port
from tests.web.conftest import WebParts, open_browser, token_in
from tests.web.preview import chromium, serve

PARTY = RelyingParty.at("https://screen.example.org")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(require_chromium()) as started:
        yield started


@pytest.fixture(scope="module")
def named(parts: WebParts) -> Iterator[str]:
    """The service under a name: passkeys belong to names, not to numbers."""
    port = free_port()
    settings = parts.settings.model_copy(update={"public_url": f"http://localhost:{port}"})
    app = create_app(replace(parts, settings=settings, rate_limiter=RateLimiter(None)))
    with serve(app, port=port):
        yield f"http://localhost:{port}"


class Device:
    """A browser tab with an authenticator built in, whose owner always agrees."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(base_url=address)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.cdp: CDPSession = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        self.authenticator = self._add()

    def _add(self, **more: Any) -> str:
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True, **more,
        }  # fmt: skip
        return str(self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])

    def refuse_to_verify(self, refuses: bool) -> None:
        self.cdp.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.authenticator, "isUserVerified": not refuses}
        )

    def sign_in(self, club: Club) -> None:
        self.page.goto("/sign-in")
        self.page.get_by_label("E-mail address").fill(club.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out", exact=True).click()
        expect(self.page.get_by_role("heading", name="Sign in")).to_be_visible()

    def make_passkey(self, name: str) -> None:
        self.page.goto("/settings/security")
        self.page.get_by_label("Name of the new passkey").fill(name)
        self.page.get_by_role("button", name="Add a passkey").click()


@pytest.fixture
def device(browser: Browser, named: str) -> Iterator[Device]:
    made = Device(browser, named)
    yield made
    made.context.close()
    assert made.complaints == []


@pytest.mark.browser
def test_passkey_when_made_then_it_alone_lets_in_and_stands_in_for_the_second_step(
    device: Device, club: Club, parts: WebParts
) -> None:
    page = device.page
    device.sign_in(club)
    device.make_passkey("My phone")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert page.locator("li.code").count() == 10
    page.get_by_role("link", name="I have saved them").click()
    expect(page.locator(".name", has_text="My phone")).to_be_visible()

    device.sign_out()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()

    device.sign_out()
    device.sign_in(club)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    with parts.uow_factory(None) as uow:
        key = uow.sign_in.list_passkeys(club.principal.user_id)[0]  # type: ignore[arg-type]  # an owner is a person
    assert key.last_used_at is not None
    assert key.sign_count > 1
    with parts.uow_factory(club.id) as uow:
        newest = uow.audit.list_newest(
            organisation_id=club.id, before=None, act="login.started", object_id=None, limit=2
        )
    assert [json.loads(row.detail)["method"] for row in newest] == ["password", "passkey"]


@pytest.mark.browser
def test_passkey_when_confirming_renamed_and_removed_then_done_and_the_password_is_enough_again(
    device: Device, club: Club, parts: WebParts
) -> None:
    page = device.page
    device.sign_in(club)
    device.make_passkey("My phone")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    with parts.uow_factory(None) as uow:
        uow._session.execute(text("UPDATE login_session SET confirmed_at = NULL"))
    device.make_passkey("Another")
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="My security")).to_be_visible()
    device.make_passkey("Another")
    expect(page.get_by_text("This device has a passkey for you already.")).to_be_visible()

    page.locator("summary", has_text="Rename").click()
    page.get_by_label("New name of My phone").fill("Old phone")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Renamed.")).to_be_visible()
    page.get_by_role("button", name="Remove Old phone").click()
    expect(page.get_by_text("The passkey is removed")).to_be_visible()
    device.sign_out()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("The passkey was not taken")).to_be_visible()
    device.sign_in(club)
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


@pytest.mark.browser
def test_passkey_when_its_holder_is_not_verified_then_said_so(device: Device, club: Club) -> None:
    device.sign_in(club)
    device.make_passkey("My phone")
    expect(device.page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    device.sign_out()
    device.refuse_to_verify(True)
    device.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(device.page.get_by_text("Nothing was chosen, or it took too long.")).to_be_visible()


@pytest.mark.browser
def test_forms_when_there_is_no_script_or_no_name_then_hidden(browser: Browser, named: str) -> None:
    for address, options in (
        (named, {"java_script_enabled": False}),
        (named.replace("localhost", "127.0.0.1"), {}),
    ):
        context = browser.new_context(**options)  # type: ignore[arg-type]  # options of this test
        page = context.new_page()
        page.goto(f"{address}/sign-in")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.get_by_role("button", name="Sign in with a passkey").is_hidden()
        context.close()


def test_answers_when_they_are_nonsense_then_refused_and_never_an_error_of_ours(
    address: str, club: Club, browser_of: Any, parts: WebParts
) -> None:
    deep = "[" * 900 + "]" * 900
    nonsense = (
        "", "null", "{}", deep, "\x00", json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}),
        json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {
            "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AA", "attestationObject": "v_8"}}),
    )  # fmt: skip
    member = browser_of(club)
    page = token_in(member.get("/settings/security"))
    with open_browser(address) as visitor:
        token = token_in(visitor.get("/sign-in"))
        for answer in nonsense:
            step = visitor.post("/sign-in/passkey/options", data={"csrf_token": token}).json()["step"]
            form = {"csrf_token": token, "step": step, "answer": answer}
            assert visitor.post("/sign-in/passkey", data=form).status_code == 401
            assert visitor.post("/sign-in/passkey", data=form).status_code == 401
            made = member.post("/settings/passkeys/options", data={"csrf_token": page}).json()
            form = {"csrf_token": page, "step": made["step"], "answer": answer, "name": "x"}
            assert (
                member.post("/settings/passkeys", data=form).headers["location"].endswith("passkey_refused")
            )
        assert visitor.post("/sign-in/passkey/options").status_code == 403
        assert (
            visitor.post("/sign-in/second-factor/passkey/options", data={"csrf_token": token}).status_code
            == 401
        )


def test_question_when_asked_then_for_the_right_name_person_and_a_verified_holder(
    parts: WebParts, club: Club, rival: Club, browser_of: Any
) -> None:
    principal = club.principal
    with parts.uow_factory(None) as uow:
        made = json.loads(passkeys.ask_for_new(uow=uow, principal=principal, party=PARTY).options)
        open_one = json.loads(passkeys.ask_to_sign_in(uow=uow, party=PARTY).options)
    assert (made["rp"]["id"], open_one["rpId"]) == ("screen.example.org", "screen.example.org")
    assert (
        made["authenticatorSelection"] | {"residentKey": "required", "userVerification": "required"}
        == (made["authenticatorSelection"])
    )
    assert (open_one["userVerification"], open_one.get("allowCredentials", [])) == ("required", [])
    with parts.uow_factory(None) as uow:
        question = passkeys.ask_for_new(uow=uow, principal=rival.principal, party=PARTY)
    with parts.uow_factory(None) as uow, pytest.raises(InvalidCredentialsError):
        passkeys.add_passkey(
            uow=uow, principal=principal, party=PARTY, token=question.token, answer="{}", name="x"
        )
    with parts.uow_factory(None) as uow, pytest.raises(ConfirmationNeededError):
        passkeys.ask_for_new(uow=uow, principal=replace(principal, is_confirmed=False), party=PARTY)


def test_passkey_when_it_is_somebody_elses_then_not_found_and_a_password_alone_is_not_enough(
    parts: WebParts, club: Club, rival: Club
) -> None:
    with parts.uow_factory(None) as uow:
        uow.sign_in.add_passkey(
            user_id=club.principal.user_id, credential_id=club.email.encode(), public_key=b"k", sign_count=0,  # type: ignore[arg-type]  # an owner is a person
            name="Mine", is_synced=True,
        )  # fmt: skip
        key = passkeys.list_passkeys(uow=uow, principal=club.principal)[0]
    for change in (
        lambda uow: passkeys.remove_passkey(uow=uow, principal=rival.principal, passkey_id=key.id),
        lambda uow: passkeys.rename_passkey(uow=uow, principal=rival.principal, passkey_id=key.id, name="x"),
    ):
        with parts.uow_factory(None) as uow, pytest.raises(NotFoundError):
            change(uow)
    with parts.uow_factory(None) as uow:
        first = accounts.sign_in(uow=uow, email=club.email, password=PASSWORD)
    assert isinstance(first, SecondStep)


@pytest.mark.parametrize(
    ("base_url", "name", "origin"),
    [
        ("https://screen.example.org", "screen.example.org", "https://screen.example.org"),
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
        ("http://[::1]:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_party_when_taken_from_the_address_then_a_name(base_url: str, name: str, origin: str) -> None:
    assert RelyingParty.at(base_url) == RelyingParty(id=name, origin=origin)
