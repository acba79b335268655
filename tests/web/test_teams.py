"""The team dashboard, on real rows."""

from pathlib import Path

import httpx
import pytest

from tests.factories import (
    REJECTED,
    Club,
    finish_recording,
    make_athlete,
    make_record,
    make_recording,
    make_team,
)
from tests.web.conftest import SignIn, WebParts


def test_start_when_there_is_no_team_then_it_says_what_to_do(browser: httpx.Client) -> None:
    answer = browser.get("/")
    assert answer.status_code == 200
    assert "No team yet" in answer.text


def test_start_when_there_is_a_team_then_goes_there(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    assert browser.get("/").headers["location"] == f"/teams/{team.id}"


def test_team_when_empty_then_it_says_what_to_do(browser: httpx.Client, parts: WebParts, club: Club) -> None:
    team = make_team(parts.uow_factory, club)
    text = browser.get(f"/teams/{team.id}").text
    assert "Nobody on this team yet" in text
    assert "Harbour FC" in text


def test_team_when_athletes_differ_then_each_is_shown_as_they_are(
    browser: httpx.Client, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    team = make_team(parts.uow_factory, club)
    results = {"Ada Berg": make_record(score=72.0), "Bea Cole": REJECTED, "Cy Dunn": make_record(score=12.0)}
    for name, record in results.items():
        athlete = make_athlete(parts.uow_factory, club, name=name, team=team)
        made = make_recording(parts.uow_factory, parts.blobs, club, folder=tmp_path, athlete=athlete)
        finish_recording(parts.uow_factory, club, made.recording.id, record=record)
    waiting = make_athlete(parts.uow_factory, club, name="Di Eves", team=team)
    make_recording(parts.uow_factory, parts.blobs, club, folder=tmp_path, athlete=waiting)
    make_athlete(parts.uow_factory, club, name="Flo Gray", team=team)

    answer = browser.get(f"/teams/{team.id}")
    text = answer.text
    assert answer.status_code == 200
    assert text.index("Ada Berg") < text.index("Cy Dunn")
    for words in (
        "No result: the video could not be used",
        "Waiting in the queue",
        "Not screened yet",
        ">72<",
    ):
        assert words in text
    assert f'hx-get="/teams/{team.id}/roster?' in text
    fragment = browser.get(f"/teams/{team.id}/roster")
    assert fragment.text.strip().startswith('<div id="roster">')


@pytest.mark.parametrize("query", ["sort=name&order=asc", "sort=score&order=desc", "sort=nonsense&order=x"])
def test_team_when_sorted_by_address_then_sorted(
    browser: httpx.Client, parts: WebParts, club: Club, query: str
) -> None:
    team = make_team(parts.uow_factory, club)
    for name in ("Zoe Young", "Ann Abel"):
        make_athlete(parts.uow_factory, club, name=name, team=team)
    answer = browser.get(f"/teams/{team.id}?{query}")
    assert answer.status_code == 200
    assert answer.text.index("Ann Abel") < answer.text.index("Zoe Young")
    assert ('aria-sort="ascending"' in answer.text) == ("name" in query)


def test_team_when_the_cursor_is_made_up_then_a_page_says_so(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    answer = browser.get(f"/teams/{team.id}?cursor=nonsense")
    assert answer.status_code == 422
    assert "<h1>" in answer.text


@pytest.mark.parametrize("part", ["", "/roster"])
def test_team_when_of_another_organisation_then_not_found(
    browser_of: SignIn, parts: WebParts, club: Club, rival: Club, part: str
) -> None:
    team = make_team(parts.uow_factory, club, name="Secret squad")
    answer = browser_of(rival).get(f"/teams/{team.id}{part}")
    assert answer.status_code == 404
    assert "Secret squad" not in answer.text
    assert "There is nothing here" in answer.text


def test_team_when_one_may_only_look_then_no_upload_is_offered(
    onlooker: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    make_athlete(parts.uow_factory, club, team=team)
    text = onlooker.get(f"/teams/{team.id}").text
    assert "Ada Berg" in text
    assert "/recordings/new" not in text


@pytest.mark.parametrize("path", ["/nothing-here", "/teams/not-an-id", "/recordings/1"])
def test_address_when_unknown_then_a_page_and_below_api_json(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert browser.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"
