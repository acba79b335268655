"""Teams and athletes through REST."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.api.conftest import Club
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload


def test_team_when_made_then_found_at_its_address(make_club: Callable[[], Club]) -> None:
    club = make_club()
    made = club.client.post("/api/v1/teams", json={"name": "  U17 women "})
    assert made.status_code == 201
    nothing_yet = dict.fromkeys(("sport", "season", "archived_at"))
    assert made.json() == {"id": made.json()["id"], "name": "U17 women", "n_athletes": 0} | nothing_yet
    assert club.client.get(made.headers["Location"]).json() == made.json()
    again = club.client.post("/api/v1/teams", json={"name": "U17 women"})
    check_problem(again, code="invalid_input")
    assert again.json()["errors"][0]["field"] == "name"


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, 7, None])
def test_team_when_its_name_is_none_then_422(club: Club, name: object) -> None:
    check_problem(club.client.post("/api/v1/teams", json={"name": name}), code="invalid_input")


def test_athlete_when_made_then_in_the_team_and_on_the_roster(make_club: Callable[[], Club]) -> None:
    club = make_club()
    team = club.client.post("/api/v1/teams", json={"name": "U17"}).json()
    sent = {"name": "Alex Doe", "external_id": "S-1", "sex": "female", "stature_cm": 168.5}
    made = club.client.post("/api/v1/athletes", json=sent | {"team_ids": [team["id"]]})
    assert made.status_code == 201
    assert {name: made.json()[name] for name in sent} == sent
    detail = club.client.get(made.headers["Location"]).json()
    assert [found["id"] for found in detail["teams"]] == [team["id"]]
    assert club.client.get(f"/api/v1/teams/{team['id']}").json()["n_athletes"] == 1
    doubled = club.client.post("/api/v1/athletes", json=sent)
    check_problem(doubled, code="invalid_input")
    assert doubled.json()["errors"][0]["field"] == "external_id"


def test_athlete_when_the_team_is_unknown_then_404_and_not_on_the_roster(
    make_club: Callable[[], Club],
) -> None:
    club = make_club()
    answer = club.client.post("/api/v1/athletes", json={"name": "Alex", "team_ids": [str(uuid4())]})
    assert answer.status_code == 404
    assert club.client.get("/api/v1/athletes").json()["items"] == []


def test_athletes_when_listed_by_pages_then_each_once_by_name(make_club: Callable[[], Club]) -> None:
    club = make_club()
    for name in ("Cleo", "Ada", "Bea"):
        club.client.post("/api/v1/athletes", json={"name": name})
    first = club.client.get("/api/v1/athletes", params={"limit": 2})
    second = club.client.get(first.links["next"]["url"])
    assert [item["name"] for item in first.json()["items"] + second.json()["items"]] == ["Ada", "Bea", "Cleo"]
    assert second.json()["next_cursor"] is None
    assert "next" not in second.links


def test_dashboard_when_somebody_was_analysed_then_row_shows_the_result(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    team = club.client.post("/api/v1/teams", json={"name": "U17"}).json()
    ids = [
        club.client.post("/api/v1/athletes", json={"name": name, "team_ids": [team["id"]]}).json()["id"]
        for name in ("Ada", "Bea")
    ]
    recording = upload(club.client, fields={"athlete_id": ids[0]}).json()
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording["id"]))
    board = club.client.get(f"/api/v1/teams/{team['id']}/athletes", params={"sort": "name"}).json()
    ada, bea = board["rows"]
    assert (ada["athlete"]["name"], ada["score"], ada["verdict"]) == ("Ada", 61.0, "attention")
    assert ada["result_recording_id"] == recording["id"]
    assert ada["finding_codes"] == ["fps_low"]
    assert (bea["state"], bea["score"]) == (None, None)
    assert (board["counts"]["n_athletes"], board["counts"]["n_not_filmed"]) == (2, 1)
