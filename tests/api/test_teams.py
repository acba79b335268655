"""Teams changed, archived and removed through REST, and who is in them; nobody loses a recording by it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.domain.access import Permission
from app.services import accounts, audit
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload


@pytest.fixture
def fresh(make_club: Callable[[], Club]) -> Club:
    return make_club()


def team(client: httpx.Client, name: str = "U17", **more: object) -> dict[str, Any]:
    made = client.post("/api/v1/teams", json={"name": name} | more)
    assert made.status_code == 201, made.text
    return dict(made.json())


def athlete(client: httpx.Client, *team_ids: str, name: str = "Ada Berg") -> str:
    made = client.post("/api/v1/athletes", json={"name": name, "team_ids": list(team_ids)})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def plan(client: httpx.Client, team_id: str) -> httpx.Response:
    today = datetime.now(UTC).date().isoformat()
    return client.post("/api/v1/screening-days", json={"team_id": team_id, "held_on": today})


def acts(parts: PartsForTests, club: Club) -> list[tuple[str, dict[str, Any]]]:
    with parts.uow_factory(club.principal) as uow:
        page = audit.list_audit(uow=uow, principal=club.principal, limit=50)
    return [(item.act, item.detail) for item in page.items]


def test_team_when_edited_then_what_was_sent_changes_and_the_rest_stays(
    fresh: Club, parts: PartsForTests
) -> None:
    made = team(fresh.client, "U17", sport="handball", season="2025/26")
    address = f"/api/v1/teams/{made['id']}"
    edited = fresh.client.patch(address, json={"name": " U18 ", "season": "2026/27"})
    assert edited.status_code == 200
    assert edited.json() == made | {"name": "U18", "season": "2026/27"}
    assert fresh.client.get(address).json() == edited.json()
    assert ("team.changed", {"fields": "name,season"}) in acts(parts, fresh)
    cleared = fresh.client.patch(address, json={"sport": None, "name": None})
    assert (cleared.json()["sport"], cleared.json()["name"]) == (None, "U18")
    tag = cleared.headers["ETag"]
    assert fresh.client.patch(address, json={"season": "2026/27"}).headers["ETag"] == tag


def test_team_when_its_new_name_is_anothers_then_refused_and_as_before(fresh: Club) -> None:
    team(fresh.client, "U18")
    made = team(fresh.client, "U17")
    address = f"/api/v1/teams/{made['id']}"
    refused = fresh.client.patch(address, json={"name": "U18", "season": "2026/27"})
    check_problem(refused, code="invalid_input")
    assert refused.json()["errors"][0]["field"] == "name"
    assert fresh.client.get(address).json() == made
    for wrong in ({"name": " "}, {"season": ""}, {"size": 3}, {"archived": "perhaps"}):
        check_problem(fresh.client.patch(address, json=wrong), code="invalid_input")


def test_team_when_archived_then_offered_no_more_and_nothing_of_it_is_lost(fresh: Club) -> None:
    client = fresh.client
    old, other = team(client, "Old"), team(client, "Other")
    somebody = athlete(client, old["id"])
    address = f"/api/v1/teams/{old['id']}"
    archived = client.patch(address, json={"archived": True}).json()
    assert archived["archived_at"] is not None
    assert client.patch(address, json={"archived": True}).json() == archived
    listed = {
        wanted: [item["id"] for item in client.get("/api/v1/teams", params=wanted and {"archived": wanted}).json()["items"]]
        for wanted in ("", "true", "false")
    }  # fmt: skip
    assert listed == {"": [old["id"], other["id"]], "true": [old["id"]], "false": [other["id"]]}
    assert [row["athlete"]["id"] for row in client.get(f"{address}/athletes").json()["rows"]] == [somebody]
    refused = plan(client, old["id"])
    check_problem(refused, code="invalid_input")
    assert refused.json()["errors"][0]["field"] == "team_id"
    assert client.patch(address, json={"archived": False}).json() == old | {"n_athletes": 1}
    assert plan(client, old["id"]).status_code == 201


def test_team_when_removed_then_its_athletes_and_their_recordings_stay(
    fresh: Club, parts: PartsForTests
) -> None:
    client = fresh.client
    gone, kept = team(client, "Gone"), team(client, "Kept")
    somebody = athlete(client, gone["id"], kept["id"])
    recording = upload(client, fields={"athlete_id": somebody}).json()
    before = client.get(f"/api/v1/athletes/{somebody}")
    removed = client.delete(f"/api/v1/teams/{gone['id']}")
    assert (removed.status_code, removed.content) == (204, b"")
    for address in (f"/api/v1/teams/{gone['id']}", f"/api/v1/teams/{gone['id']}/athletes"):
        check_problem(client.get(address), code="not_found")
    check_problem(client.delete(f"/api/v1/teams/{gone['id']}"), code="not_found")
    after = client.get(f"/api/v1/athletes/{somebody}")
    assert [each["id"] for each in after.json()["teams"]] == [kept["id"]]
    assert after.headers["ETag"] != before.headers["ETag"]
    assert client.get(f"/api/v1/recordings/{recording['id']}").json()["athlete"]["id"] == somebody
    assert ("team.removed", {"n_athletes": 1}) in acts(parts, fresh)
    assert team(client, "Gone")["n_athletes"] == 0, "the name is free again, and nobody comes with it"


def test_team_when_something_would_lose_its_meaning_with_it_then_not_removed(
    fresh: Club, parts: PartsForTests
) -> None:
    client = fresh.client
    made = team(client)
    address = f"/api/v1/teams/{made['id']}"
    with parts.uow_factory(fresh.principal) as uow:
        key = accounts.create_api_key(
            uow=uow,
            principal=fresh.principal,
            name="limited",
            scopes=frozenset({Permission.ROSTER_READ}),
            team_ids=(UUID(made["id"]),),
        ).summary
    limited = client.delete(address)
    check_problem(limited, code="stale_state")
    assert limited.json()["detail"].startswith("1 of your members, API keys or webhooks")
    with parts.uow_factory(fresh.principal) as uow:
        uow.members.set_limits(
            organisation_id=fresh.organisation_id, subject_id=key.id, team_ids=(), athlete_ids=()
        )
        accounts.revoke_api_key(uow=uow, principal=fresh.principal, api_key_id=key.id)
    day = plan(client, made["id"]).json()
    check_problem(client.delete(address), code="stale_state")
    assert client.get(f"/api/v1/screening-days/{day['id']}").json() == day
    assert client.get(address).json() == made


def test_team_when_removed_while_days_are_planned_of_it_then_no_day_is_lost(fresh: Club) -> None:
    made = [team(fresh.client, f"Team {number}") for number in range(6)]
    for each in made:
        barrier = Barrier(2)

        def remove(team_id: str, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return fresh.client.delete(f"/api/v1/teams/{team_id}").status_code

        def plan_one(team_id: str, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return plan(fresh.client, team_id).status_code

        with ThreadPoolExecutor(2) as pool:
            removed, planned = pool.submit(remove, each["id"]), pool.submit(plan_one, each["id"])
        assert (removed.result(), planned.result()) in {(204, 404), (409, 201)}


def test_athlete_when_put_into_a_team_then_in_it_with_the_bib_and_in_the_others_too(fresh: Club) -> None:
    client = fresh.client
    first, second = team(client, "First"), team(client, "Second")
    somebody = athlete(client, first["id"])
    address = f"/api/v1/teams/{second['id']}/athletes/{somebody}"

    def bibs() -> dict[str, str | None]:
        shown = client.get(f"/api/v1/athletes/{somebody}").json()
        return {each["name"]: each["bib"] for each in shown["teams"]}

    assert client.put(address, json={"bib": "7"}).status_code == 200
    assert bibs() == {"First": None, "Second": "7"}
    tag = client.put(address, json={}).headers["ETag"]
    assert bibs() == {"First": None, "Second": "7"}, "a bib that is not sent stays"
    other = athlete(client, name="Bea Carr")
    taken = client.put(f"/api/v1/teams/{second['id']}/athletes/{other}", json={"bib": "7"})
    check_problem(taken, code="invalid_input")
    assert taken.json()["errors"][0]["field"] == "bib"
    cleared = client.put(address, json={"bib": None}, headers={"If-Match": tag})
    assert (cleared.status_code, bibs()) == (200, {"First": None, "Second": None})
    assert client.delete(address).status_code == 204
    assert bibs() == {"First": None}
    check_problem(client.delete(address), code="not_found")
    for wrong in (
        f"/api/v1/teams/{uuid4()}/athletes/{somebody}",
        f"/api/v1/teams/{second['id']}/athletes/{uuid4()}",
    ):
        check_problem(client.put(wrong, json={}), code="not_found")
        check_problem(client.delete(wrong), code="not_found")
