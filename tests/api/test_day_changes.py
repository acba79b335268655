"""Screening days and their stations put right over REST; what was filmed keeps the plan it was filmed by."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.services import day_stations
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import put
from tests.api.test_errors import check_problem
from tests.api.test_teams import acts

TODAY = datetime.now(UTC).date()
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def fresh(make_club: Callable[[], Club]) -> Club:
    return make_club()


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    document: dict[str, Any] = answer.json()
    return document


def plan(client: httpx.Client, **more: object) -> dict[str, Any]:
    """Plan a day of a team of one who wears 7, at one station unless told."""
    team = made(client.post("/api/v1/teams", json={"name": f"Team {uuid4().hex[:6]}"}))
    place = {"team_id": team["id"], "bib": "7"}
    made(client.post("/api/v1/athletes", json={"name": "Ada Berg", "teams": [place]}))
    asked = {"team_id": team["id"], "held_on": TODAY.isoformat(), "n_trials": 1, **more}
    return made(client.post("/api/v1/screening-days", json=asked))


def address(day: dict[str, Any], *below: str) -> str:
    return "/".join(("/api/v1/screening-days", day["id"], *below))


def announce(client: httpx.Client, day: dict[str, Any], *, station: int = 0) -> dict[str, Any]:
    said = {"station_id": day["stations"][station]["id"], "bib": "7"}
    return made(client.post(address(day, "captures"), json=said))


def film(client: httpx.Client, day: dict[str, Any]) -> dict[str, Any]:
    return made(put(client, announce(client, day), fake_video() + uuid4().bytes))


def test_day_when_edited_before_anything_was_filmed_then_everything_can_change(
    fresh: Club, parts: PartsForTests
) -> None:
    client = fresh.client
    day, other = plan(client), plan(client)
    sent = {
        "team_id": other["team_id"],
        "name": "Finals",
        "held_on": TOMORROW.isoformat(),
        "context": "pre_season",
        "movement": "single_leg_squat",
        "box_height_cm": 31,
        "n_trials": 2,
    }
    edited = made(client.patch(address(day), json=sent))
    assert edited == day | sent | {"team_name": other["team_name"]}
    assert made(client.get(address(day))) == edited
    assert ("screening_day.changed", {"fields": ",".join(sorted(sent))}) in acts(parts, fresh)
    assert made(client.patch(address(day), json={"box_height_cm": None}))["box_height_cm"] is None
    before = client.get(address(day)).headers["ETag"]
    assert client.patch(address(day), json={"name": "Finals", "n_trials": None}).headers["ETag"] == before


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"held_on": "2001-01-01"}, "held_on"),
        ({"n_trials": 0}, "n_trials"),
        ({"name": " "}, "name"),
        ({"box_height_cm": 500}, "box_height_cm"),
        ({"stations": []}, "stations"),
    ],
)
def test_day_when_a_value_makes_no_sense_then_refused_by_its_field(
    club: Club, sent: dict[str, object], field: str
) -> None:
    day = plan(club.client)
    refused = club.client.patch(address(day), json=sent)
    check_problem(refused, code="invalid_input")
    assert refused.json()["errors"][0]["field"] == field
    assert made(club.client.get(address(day))) == day


def test_day_when_its_new_team_is_unknown_or_archived_then_refused(club: Club) -> None:
    day, other = plan(club.client), plan(club.client)
    check_problem(club.client.patch(address(day), json={"team_id": str(uuid4())}), code="not_found")
    made(club.client.patch(f"/api/v1/teams/{other['team_id']}", json={"archived": True}))
    refused = club.client.patch(address(day), json={"team_id": other["team_id"]})
    check_problem(refused, code="invalid_input")


def test_day_when_something_was_filmed_then_what_it_was_filed_by_stays_and_the_rest_may_change(
    fresh: Club,
) -> None:
    client = fresh.client
    day = plan(client)
    capture = film(client, day)
    for fixed in ({"held_on": TOMORROW.isoformat()}, {"context": "fatigued"}, {"movement": "running"}):
        refused = client.patch(address(day), json=fixed | {"name": "Another"})
        check_problem(refused, code="stale_state")
    check_problem(client.delete(address(day)), code="stale_state")
    assert made(client.get(address(day))) == day
    edited = made(
        client.patch(address(day), json={"name": "Another", "n_trials": 2, "held_on": day["held_on"]})
    )
    assert edited == day | {"name": "Another", "n_trials": 2}
    (row,) = made(client.get(address(day, "board")))["rows"]
    assert (row["counts"][0]["n_waiting"], row["counts"][0]["n_lacking"]) == (1, 1)
    assert made(client.get(f"/api/v1/captures/{capture['id']}"))["screened_on"] == day["held_on"]


def test_day_when_removed_before_anything_was_filmed_then_gone_with_its_stations_and_codes(
    fresh: Club, parts: PartsForTests
) -> None:
    client = fresh.client
    day = plan(client)
    called_off = announce(client, day)
    check_problem(client.delete(address(day)), code="stale_state")
    assert client.delete(f"/api/v1/captures/{called_off['id']}").status_code == 204
    station = address(day, "stations", day["stations"][0]["id"])
    code = made(client.post(f"{station}/passes"))["code"]
    with parts.uow_factory(None) as uow:
        stay = day_stations.enter(uow=uow, code=code).stay
    refused = client.delete(address(day))
    check_problem(refused, code="stale_state")
    assert "phone" in refused.json()["detail"]
    with parts.uow_factory(None) as uow:
        day_stations.leave(uow=uow, stay=stay)
    assert client.delete(address(day)).status_code == 204
    for gone in (address(day), address(day, "board"), address(day, "passes")):
        check_problem(client.get(gone), code="not_found")
    check_problem(client.delete(address(day)), code="not_found")
    assert made(client.get(f"/api/v1/captures/{called_off['id']}"))["state"] == "cancelled"
    assert ("screening_day.removed", {"team": day["team_id"]}) in acts(parts, fresh)


def test_stations_when_added_renamed_and_removed_then_the_views_of_the_day_follow(fresh: Club) -> None:
    client = fresh.client
    day = plan(client)
    answer = client.post(address(day, "stations"), json={"view": "sagittal", "name": "By the door"})
    assert answer.status_code == 201
    more = made(answer)
    assert [(each["number"], each["name"], each["view"]) for each in more["stations"]] == [
        (1, "Station 1", "frontal"),
        (2, "By the door", "sagittal"),
    ]
    assert more["views"] == ["frontal", "sagittal"]
    (row,) = made(client.get(address(day, "board")))["rows"]
    assert [count["view"] for count in row["counts"]] == ["frontal", "sagittal"]
    first, second = (address(day, "stations", each["id"]) for each in more["stations"])
    turned = made(client.patch(second, json={"view": "frontal", "name": "Left"}))
    assert (turned["views"], turned["stations"][1]["name"]) == (["frontal"], "Left")
    assert client.delete(first).status_code == 204
    left = made(client.get(address(day)))
    assert [(each["number"], each["name"]) for each in left["stations"]] == [(2, "Left")]
    check_problem(client.delete(second), code="invalid_input")
    check_problem(client.delete(first), code="not_found")
    check_problem(client.patch(first, json={"name": "Gone"}), code="not_found")
    assert made(client.post(address(day, "stations"), json={}))["stations"][1]["name"] == "Station 3"


def test_station_when_something_was_filmed_there_then_it_stays_and_keeps_its_view(fresh: Club) -> None:
    client = fresh.client
    day = plan(client, stations=[{"view": "frontal"}, {"view": "frontal"}])
    film(client, day)
    station = address(day, "stations", day["stations"][0]["id"])
    check_problem(client.patch(station, json={"view": "sagittal"}), code="stale_state")
    check_problem(client.delete(station), code="stale_state")
    assert made(client.patch(station, json={"name": "Left"}))["stations"][0]["name"] == "Left"
    unused = address(day, "stations", day["stations"][1]["id"])
    made(client.post(f"{unused}/passes"))
    assert client.delete(unused).status_code == 204, "a code that nobody came in by is no phone"
    for number in range(11):
        assert client.post(address(day, "stations"), json={}).status_code == 201, number
    check_problem(client.post(address(day, "stations"), json={}), code="invalid_input")


def test_day_when_changed_while_videos_are_announced_then_each_is_filed_by_the_plan_it_met(
    fresh: Club,
) -> None:
    client = fresh.client
    for _ in range(6):
        day = plan(client)
        barrier = Barrier(2)

        def move(day: dict[str, Any] = day, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return client.patch(address(day), json={"held_on": TOMORROW.isoformat()}).status_code

        def say(day: dict[str, Any] = day, barrier: Barrier = barrier) -> dict[str, Any]:
            barrier.wait()
            return announce(client, day)

        with ThreadPoolExecutor(2) as pool:
            moved, said = pool.submit(move), pool.submit(say)
        held_on = made(client.get(address(day)))["held_on"]
        assert (moved.result(), held_on) in {(200, TOMORROW.isoformat()), (409, TODAY.isoformat())}
        assert said.result()["screened_on"] == held_on
