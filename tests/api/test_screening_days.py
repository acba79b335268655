"""A screening day over REST, as a program of the club's own would run it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Club
from tests.api.support import fake_video
from tests.api.test_captures import put
from tests.api.test_errors import check_problem

DAYS = "/api/v1/screening-days"


def post(club: Club, path: str, **body: Any) -> Any:
    answer = club.client.post(f"/api/v1{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


@pytest.fixture
def club(make_club: Callable[[], Club]) -> Club:
    return make_club()


@pytest.fixture
def day(club: Club) -> dict[str, Any]:
    """A day of a team of two who wear 7 and 8, at two stations."""
    team = post(club, "/teams", name="U17")
    for bib in ("7", "8"):
        post(club, "/athletes", name=f"Athlete {bib}", teams=[{"team_id": team["id"], "bib": bib}])
    made: dict[str, Any] = post(
        club,
        "/screening-days",
        team_id=team["id"],
        held_on=datetime.now(UTC).date().isoformat(),
        n_trials=1,
        box_height_cm=31,
        stations=[{"view": "frontal"}, {"view": "frontal", "name": "By the door"}],
    )
    return made


def check_refused(answer: httpx.Response, status: int, code: str) -> None:
    check_problem(answer, code=code)
    assert answer.status_code == status


def send(club: Club, day: dict[str, Any], **said: Any) -> dict[str, Any]:
    """Announce a video of the first station and send it; return the capture."""
    said.setdefault("station_id", day["stations"][0]["id"])
    capture = post(club, f"/screening-days/{day['id']}/captures", **said)
    answer = put(club.client, capture, fake_video() + uuid4().bytes)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_day_when_planned_then_listed_with_its_stations_and_a_board(club: Club, day: dict[str, Any]) -> None:
    assert [station["name"] for station in day["stations"]] == ["Station 1", "By the door"]
    assert club.client.get(f"{DAYS}/{day['id']}").json() == day
    assert club.client.get(DAYS, params={"team_id": day["team_id"]}).json()["items"] == [day]
    board = club.client.get(f"{DAYS}/{day['id']}/board").json()
    assert [row["bib"] for row in board["rows"]] == ["7", "8"]
    assert [row["card"] for row in board["rows"]] == [
        f"PLUMBLINE:{row['athlete_id'].replace('-', '').upper()}" for row in board["rows"]
    ]
    assert board["rows"][0]["counts"][0]["n_lacking"] == 1


def test_capture_when_announced_for_a_day_then_its_protocol_holds(club: Club, day: dict[str, Any]) -> None:
    capture = send(club, day, bib="7", client_ref="phone-1/1")
    assert (capture["box_height_cm"], capture["screened_on"]) == (31, day["held_on"])
    board = club.client.get(f"{DAYS}/{day['id']}/board").json()
    assert [row["counts"][0]["n_waiting"] for row in board["rows"]] == [1, 0]
    answer = club.client.post(
        f"{DAYS}/{day['id']}/captures",
        json={"station_id": day["stations"][0]["id"], "bib": "7", "card": "PLUMBLINE:X"},
    )
    check_refused(answer, 422, "invalid_input")


def test_day_when_closed_then_409_until_it_is_open_again(club: Club, day: dict[str, Any]) -> None:
    assert post(club, f"/screening-days/{day['id']}/close")["closed_at"] is not None
    station_id = day["stations"][0]["id"]
    for path in ("captures", f"stations/{station_id}/passes"):
        answer = club.client.post(f"{DAYS}/{day['id']}/{path}", json={"station_id": station_id})
        check_refused(answer, 409, "stale_state")
    assert post(club, f"/screening-days/{day['id']}/reopen")["closed_at"] is None


def test_station_when_opened_then_a_code_and_its_link_once_and_no_more(
    club: Club, day: dict[str, Any]
) -> None:
    made = post(club, f"/screening-days/{day['id']}/stations/{day['stations'][1]['id']}/passes")
    assert made["link"].endswith(f"/station#{made['code']}")
    (listed,) = club.client.get(f"{DAYS}/{day['id']}/passes").json()["items"]
    assert listed == {name: value for name, value in made.items() if name not in {"code", "link"}}
    url = f"{DAYS}/{day['id']}/passes/{made['id']}"
    assert [club.client.delete(url).status_code for _ in range(2)] == [204, 404]
    assert club.client.get(f"{DAYS}/{day['id']}/passes").json()["items"] == []


def test_inbox_when_recordings_wait_then_guessed_given_out_and_taken_back(
    club: Club, day: dict[str, Any]
) -> None:
    send(club, day, bib="7")
    waiting = send(club, day, captured_at=datetime.now(UTC).isoformat())["recording_id"]
    (item,) = club.client.get("/api/v1/inbox").json()["items"]
    assert (item["recording_id"], item["doubt"]) == (waiting, "nobody")
    (guess,) = item["guesses"]
    assert (guess["bib"], guess["n_lacking"], item["is_likely"]) == ("8", 1, True)
    assert {"code": "only_one_lacking", "text": "the only one who still lacks trials"} in guess["reasons"]
    assert club.client.get(item["original"]).status_code == 200
    of_day = club.client.get("/api/v1/inbox", params={"screening_day_id": day["id"]}).json()["items"]
    assert of_day == [item]
    wanted = [{"recording_id": waiting, "athlete_id": guess["athlete_id"]}]
    (done,) = post(club, "/inbox/assignments", items=wanted)["items"]
    assert (done["status"], done["problem"]) == ("moved", None)
    assert club.client.get("/api/v1/inbox").json()["items"] == []
    (failed,) = post(club, "/inbox/assignments", items=[wanted[0] | {"recording_id": str(uuid4())}])["items"]
    assert (failed["status"], failed["problem"]["code"]) == ("failed", "not_found")
    undo = {"change_ids": [done["change_id"]]}
    assert post(club, "/inbox/undo", **undo)["items"][0]["is_undone"] is True
    assert post(club, "/inbox/undo", **undo)["items"][0]["is_undone"] is False
    assert len(club.client.get("/api/v1/inbox").json()["items"]) == 1
    check_refused(club.client.post("/api/v1/inbox/assignments", json={"items": []}), 422, "invalid_input")


def test_board_when_somebody_has_too_many_then_the_inbox_of_the_day_doubts_one(
    club: Club, day: dict[str, Any]
) -> None:
    for _ in range(2):
        send(club, day, bib="7")
    assert club.client.get("/api/v1/inbox").json()["items"] == []
    (item,) = club.client.get("/api/v1/inbox", params={"screening_day_id": day["id"]}).json()["items"]
    assert (item["doubt"], item["athlete_name"]) == ("surplus", "Athlete 7")
    kept = [{"recording_id": item["recording_id"], "athlete_id": item["athlete_id"]}]
    assert post(club, "/inbox/assignments", items=kept)["items"][0]["status"] == "kept"
    (other,) = club.client.get("/api/v1/inbox", params={"screening_day_id": day["id"]}).json()["items"]
    assert other["recording_id"] != item["recording_id"]
