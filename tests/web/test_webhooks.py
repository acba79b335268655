"""Webhooks as an owner uses the pages: made, tested, looked at, sent again, switched off, removed."""

import re

import httpx

from app.domain.webhooks import DisabledReason, PostFailure
from app.web.present_webhooks import DISABLED, FAILURES
from tests.factories import Club, make_team
from tests.web.conftest import SignIn, WebParts, token_of
from tests.web.test_settings import code_in

URL = "https://hooks.example.org/in"


def _post(browser: httpx.Client, parts: WebParts, path: str, **fields: object) -> httpx.Response:
    return browser.post(path, data={"csrf_token": token_of(browser, parts), **fields})


def test_webhook_when_made_tested_and_removed_then_the_pages_say_so(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    made = _post(
        browser, parts, "/settings/webhooks", url=URL, description="Club database",
        event=["recording.ready", "athlete.erased"], team_id=str(team.id),
    )  # fmt: skip
    secret = code_in(made)
    assert secret.startswith("whsec_")
    listed = browser.get("/settings/webhooks").text
    assert secret not in listed
    assert "athlete.erased, recording.ready (of U17)" in listed
    found = re.search(r'href="(/settings/webhooks/[0-9a-f-]{36})"', listed)
    assert found is not None
    here = found[1]
    assert _post(browser, parts, f"{here}/test").headers["location"] == f"{here}?done=test"
    page = browser.get(here, params={"done": "test"}).text
    assert "A test is on its way" in page
    assert "webhook.test" in page
    assert "Not tried yet" in page
    assert "webhook.test" not in browser.get(here, params={"state": "failed"}).text
    again = re.search(rf'action="({here}/deliveries/[0-9a-f-]+/replay)"', page)
    assert again is not None
    assert _post(browser, parts, again[1]).headers["location"] == f"{here}?done=again"
    assert _post(browser, parts, f"{here}/replay", days=7).headers["location"] == f"{here}?done=replayed"
    assert code_in(_post(browser, parts, f"{here}/rotate")) != secret
    assert _post(browser, parts, f"{here}/switch", to="off").headers["location"] == f"{here}?done=off"
    assert "Switched off" in browser.get(here).text
    refused = _post(browser, parts, f"{here}/test")
    assert (refused.status_code, "Switch it on first" in refused.text) == (422, True)
    assert _post(browser, parts, f"{here}/replay").status_code == 422
    assert _post(browser, parts, again[1]).status_code == 422
    assert _post(browser, parts, f"{here}/switch", to="on").headers["location"] == f"{here}?done=on"
    assert _post(browser, parts, f"{here}/remove").headers["location"] == "/settings/webhooks?done=removed"
    assert browser.get(here).status_code == 404


def test_webhook_when_the_address_is_private_then_said_so_and_what_was_entered_stays(
    browser: httpx.Client, parts: WebParts
) -> None:
    answer = _post(
        browser,
        parts,
        "/settings/webhooks",
        url="https://10.0.0.1/",
        description="Ours",
        event="recording.ready",
    )
    assert answer.status_code == 422
    assert "not on the public internet" in answer.text
    assert 'value="https://10.0.0.1/"' in answer.text
    assert re.search(r'value="recording.ready" checked', answer.text)


def test_webhooks_when_somebody_may_not_then_neither_page_nor_tab(onlooker: httpx.Client) -> None:
    assert onlooker.get("/settings/webhooks").status_code == 403
    assert "/settings/webhooks" not in onlooker.get("/settings/security").text


def test_webhooks_when_of_another_organisation_then_404(
    browser: httpx.Client, parts: WebParts, rival: Club, browser_of: SignIn
) -> None:
    _post(browser, parts, "/settings/webhooks", url=URL)
    found = re.search(r"/settings/webhooks/[0-9a-f-]{36}", browser.get("/settings/webhooks").text)
    assert found is not None
    assert browser_of(rival).get(found[0]).status_code == 404


def test_reasons_when_shown_then_each_is_in_words() -> None:
    assert set(DISABLED) == set(DisabledReason)
    assert set(FAILURES) == set(PostFailure)
