"""Exports as somebody uses the page: asked for, watched, fetched, removed."""

import re

import httpx

from app.domain.exports import ExportFormat, ExportState
from app.services.run_export import ExportResult, run_export
from app.web.present_exports import FORMATS, STATES
from tests.factories import Club, finish_recording, make_athlete, make_recording, make_team
from tests.web.conftest import SignIn, WebParts, token_of


def _ask(browser: httpx.Client, parts: WebParts, **fields: object) -> httpx.Response:
    return browser.post(
        "/exports", data={"csrf_token": token_of(browser, parts), "format": "csv-long", **fields}
    )


def _run(parts: WebParts, club: Club) -> None:
    with parts.uow_factory(club.principal) as uow:
        [newest] = uow.export_jobs.list_newest(principal=club.principal, before=None, limit=1)
    result = run_export(
        export_id=newest.id, organisation_id=club.id, uow_factory=parts.uow_factory, blobs=parts.blobs,
        staging_dir=parts.staging.directory,
    )  # fmt: skip
    assert result is ExportResult.READY


def test_export_when_asked_for_then_watched_fetched_and_removed(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    athlete = make_athlete(parts.uow_factory, club, team=team)
    recording = make_recording(
        parts.uow_factory, parts.blobs, club, folder=parts.staging.directory, athlete=athlete
    ).recording
    finish_recording(parts.uow_factory, club, recording.id)
    assert "None yet" in browser.get("/exports").text
    asked = _ask(
        browser, parts, team_id=str(team.id), movement="drop_vertical_jump", screened_from="2020-01-01"
    )
    assert (asked.status_code, asked.headers["location"]) == (303, "/exports?done=asked")
    waiting = browser.get("/exports", params={"done": "asked"}).text
    assert "Waiting" in waiting
    assert 'hx-get="/exports/list"' in waiting
    assert "U17, Drop vertical jump, from 01 Jan 2020" in waiting
    _run(parts, club)
    fragment = browser.get("/exports/list", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert "Ready" in fragment
    assert "hx-get" not in fragment
    found = re.search(r'href="(/exports/[0-9a-f-]+)/file"', fragment)
    assert found is not None
    fetched = browser.get(f"{found[1]}/file")
    assert "attachment" in fetched.headers["content-disposition"]
    assert "Ada Berg" in fetched.text
    removed = browser.post(f"{found[1]}/remove", data={"csrf_token": token_of(browser, parts)})
    assert removed.headers["location"] == "/exports?done=removed"
    assert browser.get(f"{found[1]}/file").status_code == 409
    assert browser.get("/exports/list").headers["location"] == "/exports"


def test_export_when_something_is_wrong_then_said_so_and_what_was_entered_stays(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    for wrong, words in (
        ({"team_id": "x"}, "no such team"),
        ({"team_id": str(club.id)}, "no such team"),
        ({"screened_from": "14.3.2026"}, "not a day"),
        ({"screened_from": "2026-03-14", "screened_to": "2026-03-01"}, "lies after the last"),
    ):
        answer = _ask(browser, parts, **wrong)
        assert (answer.status_code, words in answer.text) == (422, True), wrong
    assert 'value="2026-03-14"' in answer.text
    for _ in range(5):
        assert _ask(browser, parts).status_code == 303
    assert "being made already" in _ask(browser, parts).text


def test_export_when_of_another_organisation_or_sent_from_elsewhere_then_refused(
    browser: httpx.Client, parts: WebParts, club: Club, rival: Club, browser_of: SignIn
) -> None:
    assert browser.post("/exports", data={"format": "xlsx"}).status_code == 403
    _ask(browser, parts)
    _run(parts, club)
    found = re.search(r"/exports/[0-9a-f-]+/file", browser.get("/exports").text)
    assert found is not None
    assert browser_of(rival).get(found[0]).status_code == 404


def test_words_when_shown_then_there_are_some_for_every_form_and_state() -> None:
    assert set(FORMATS) == set(ExportFormat)
    assert set(STATES) == set(ExportState)
