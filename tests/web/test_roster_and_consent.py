"""A roster file and a guardian's decision, on plain pages without JavaScript."""

import re

import httpx
import pytest

from app.services import consents, roster
from tests.factories import Club, make_athlete
from tests.web.conftest import WebParts, token_in, token_of


def _send(browser: httpx.Client, parts: WebParts, content: bytes) -> httpx.Response:
    return browser.post(
        "/roster-imports",
        data={"csrf_token": token_of(browser, parts)},
        files={"file": ("roster.csv", content, "text/csv")},
    )


def test_import_when_taken_step_by_step_then_asked_confirmed_reported_and_undone(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    make_athlete(parts.uow_factory, club, name="Bea Cole")
    sent = _send(browser, parts, b"Name,Born,Team\nAda Berg,03/04/2009,U17\nBea Cole,,U17\n")
    assert sent.status_code == 303
    address = sent.headers["location"]
    page = browser.get(address).text
    for words in ("what comes first?", "Make the teams", "who is it?", "Ada Berg"):
        assert words in page
    assert "Import now" not in page
    form = {"csrf_token": token_of(browser, parts), "column": ["name", "date_of_birth", "teams"]}
    browser.post(address, data=form | {"day_first": "yes", "create_teams": "yes", "row-3": "skip"})
    page = browser.get(address).text
    assert "1 created, 1 skipped" in page
    confirmed = browser.post(f"{address}/confirm", data={"csrf_token": token_of(browser, parts)})
    assert confirmed.status_code == 303
    report = browser.get(address).text
    assert "Imported: 1 created, 1 skipped" in report
    undo = re.search(r'action="(/roster-changes/[^"]+/undo)"', report)
    assert undo is not None
    with parts.uow_factory(club.id) as uow:
        names = [each.name for each in roster.list_athletes(uow=uow, principal=club.principal).items]
    assert names == ["Ada Berg", "Bea Cole"]
    assert browser.post(undo[1], data={"csrf_token": token_of(browser, parts)}).status_code == 303
    with parts.uow_factory(club.id) as uow:
        names = [each.name for each in roster.list_athletes(uow=uow, principal=club.principal).items]
    assert names == ["Bea Cole"]


@pytest.mark.parametrize(("content", "words"), [(b"\x00\x01", "not text"), (b"name\n", "no person")])
def test_import_when_the_file_is_none_then_the_form_says_so(
    browser: httpx.Client, parts: WebParts, content: bytes, words: str
) -> None:
    answer = _send(browser, parts, content)
    assert answer.status_code == 422
    assert words in answer.text


def test_import_when_two_columns_are_the_same_then_the_page_says_so(
    browser: httpx.Client, parts: WebParts
) -> None:
    address = _send(browser, parts, b"a,b\nx,y\n").headers["location"]
    answer = browser.post(address, data={"csrf_token": token_of(browser, parts), "column": ["name", "name"]})
    assert answer.status_code == 422
    assert "Two columns" in answer.text


def test_import_when_the_form_has_no_token_then_403(browser: httpx.Client, onlooker: httpx.Client) -> None:
    files = {"file": ("roster.csv", b"name\nAda\n", "text/csv")}
    assert browser.post("/roster-imports", data={"csrf_token": "x"}, files=files).status_code == 403
    assert onlooker.get("/roster-imports").status_code == 403


def test_guardian_when_given_a_link_then_decides_without_a_login_and_gets_the_next(
    visitor: httpx.Client, parts: WebParts, club: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club, name="Ada Berg")
    with parts.uow_factory(club.principal) as uow:
        link = consents.make_guardian_link(uow=uow, principal=club.principal, athlete_id=athlete.id)
    page = visitor.get("/consent")
    assert link.token not in page.text
    asked = visitor.post("/consent", data={"csrf_token": token_in(page), "token": link.token})
    assert "May Ada Berg be screened?" in asked.text
    form = {"csrf_token": token_in(asked), "token": link.token, "relation": "parent"}
    nameless = visitor.post("/consent/decide", data=form | {"given_by": " "})
    assert (nameless.status_code, "is empty" in nameless.text) == (422, True)
    done = visitor.post(
        "/consent/decide", data=form | {"given_by": "Kim", "purpose": ["screening", "keep_video"]}
    )
    assert "/consent#" in done.text
    with parts.uow_factory(club.id) as uow:
        status = consents.get_consent(uow=uow, principal=club.principal, athlete_id=athlete.id)
    assert status.verdict.granted == {consents.Purpose.SCREENING, consents.Purpose.KEEP_VIDEO}
    assert {each.source for each in status.decisions} == {"link"}
    again = visitor.post("/consent", data={"csrf_token": token_in(asked), "token": link.token})
    assert again.status_code == 404
    assert "not valid any more" in again.text
    assert visitor.post("/consent", data={"token": link.token}).status_code == 403


def test_deep_link_when_followed_from_another_system_then_leads_to_the_athlete(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    from tests.factories import make_team

    team = make_team(parts.uow_factory, club)
    with parts.uow_factory(club.principal) as uow:
        roster.create_athlete(
            uow=uow, principal=club.principal, name="Ada", team_ids=(team.id,), external_id="S/1"
        )
    answer = browser.get("/athletes/by-external-id/own/S%2F1")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/teams/{team.id}")
    assert browser.get("/athletes/by-external-id/own/nobody").status_code == 404
