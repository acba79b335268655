"""Athletes whole, through REST: edited with ETags, upserted, sent by the hundred, merged, and their results moved."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.conftest import Club
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

WHOLE: dict[str, Any] = {
    "given_name": "Alex",
    "family_name": "Doe",
    "external_id": "S-1",
    "sync_id": "sync-1",
    "external_ids": {"vald": "v-1", "hawkin": "h/1"},
    "sex": "female",
    "date_of_birth": "2009-04-30",
    "sport": "handball",
    "position": "wing",
    "level": "club",
    "stature_cm": 168.5,
    "mass_kg": 61.0,
    "leg_dominance": "right",
    "email": "alex@example.org",
    "phone": "+44 20 7946-0018",
}


@pytest.fixture
def fresh(make_club: Callable[[], Club]) -> httpx.Client:
    return make_club().client


def make(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    made = client.post("/api/v1/athletes", json={"name": "Alex Doe"} | fields)
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


def change(client: httpx.Client, athlete: dict[str, Any], **fields: Any) -> httpx.Response:
    return client.patch(f"/api/v1/athletes/{athlete['id']}", json=fields)


def test_athlete_when_everything_is_known_then_kept_and_shown(fresh: httpx.Client) -> None:
    made = fresh.post("/api/v1/athletes", json=WHOLE)
    assert made.status_code == 201
    shown = fresh.get(made.headers["Location"]).json()
    assert shown == made.json()
    assert {name: shown[name] for name in WHOLE} == WHOLE | {"phone": "+442079460018"}
    assert (shown["name"], shown["active"]) == ("Alex Doe", True)


def test_athlete_when_edited_then_only_what_was_sent_changes_and_null_clears(fresh: httpx.Client) -> None:
    athlete = make(fresh, **WHOLE)
    changed = change(fresh, athlete, sport=None, external_ids={"vald": None, "gps": "9"}, active=False).json()
    expected = athlete | {"sport": None, "external_ids": {"hawkin": "h/1", "gps": "9"}, "active": False}
    assert changed | {"updated_at": None} == expected | {"updated_at": None}
    assert changed["updated_at"] > athlete["updated_at"]


def test_athlete_when_a_name_part_changes_then_the_shown_name_follows(fresh: httpx.Client) -> None:
    athlete = make(fresh, given_name="Alex", family_name="Doe")
    assert change(fresh, athlete, family_name="Moe").json()["name"] == "Alex Moe"
    assert change(fresh, athlete, name="Lexi").json()["family_name"] == "Moe"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": None}, "name"),
        ({"date_of_birth": "2999-01-01"}, "date_of_birth"),
        ({"phone": "020 7946 0018"}, "phone"),
        ({"email": "nobody"}, "email"),
        ({"external_ids": {"own": "1"}}, "external_ids"),
        ({"external_ids": {"Not Short!": "1"}}, "external_ids"),
        ({"mass_kg": 999}, "mass_kg"),
        ({"sex": "robot"}, "sex"),
        ({"organisation_id": str(uuid4())}, "organisation_id"),
        ({"teams": [{"team_id": str(uuid4()), "bib": "1234567890123"}]}, "teams.0.bib"),
    ],
)
def test_athlete_when_a_value_makes_no_sense_then_422_names_it(
    club: Club, fields: dict[str, Any], field: str
) -> None:
    sent = {"name": "Alex"} | fields
    answer = club.client.post("/api/v1/athletes", json={k: v for k, v in sent.items() if k != "name" or v})
    check_problem(answer, code="invalid_input")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_edit_when_somebody_was_faster_then_412_and_nothing_is_lost(fresh: httpx.Client) -> None:
    athlete = make(fresh)
    address = f"/api/v1/athletes/{athlete['id']}"
    tag = fresh.get(address).headers["ETag"]
    first = fresh.patch(address, json={"sport": "judo"}, headers={"If-Match": tag})
    assert first.status_code == 200
    assert first.headers["ETag"] != tag
    late = fresh.patch(address, json={"sport": "golf"}, headers={"If-Match": tag})
    check_problem(late, code="precondition_failed")
    assert late.status_code == 412
    assert fresh.get(address).json()["sport"] == "judo"
    check_problem(fresh.patch(address, json={}, headers={"If-Match": '"x"'}), code="precondition_failed")
    again = fresh.patch(address, json={"sport": "judo"}, headers={"If-Match": first.headers["ETag"]})
    assert again.headers["ETag"] == first.headers["ETag"]


def test_bibs_when_swapped_or_taken_then_unique_in_the_team(fresh: httpx.Client) -> None:
    team = fresh.post("/api/v1/teams", json={"name": "U17"}).json()["id"]
    ada = make(fresh, teams=[{"team_id": team, "bib": "7"}])
    bea = make(fresh, teams=[{"team_id": team, "bib": "8"}])
    taken = change(fresh, bea, teams=[{"team_id": team, "bib": "7"}])
    check_problem(taken, code="invalid_input")
    assert taken.json()["errors"][0]["field"] == "bib"
    assert change(fresh, ada, team_ids=[team]).json()["teams"][0]["bib"] == "7"
    assert change(fresh, ada, team_ids=[]).json()["teams"] == []
    assert change(fresh, bea, teams=[{"team_id": team, "bib": "7"}]).status_code == 200


@pytest.mark.parametrize(("system", "field"), [("own", "external_id"), ("sync", "sync_id"), ("vald", None)])
def test_upsert_when_sent_twice_then_made_once_and_found(
    fresh: httpx.Client, system: str, field: str | None
) -> None:
    address = f"/api/v1/athletes/by-external-id/{system}/A%2F1"
    check_problem(fresh.get(address), code="not_found")
    made = fresh.put(address, json={"name": "Alex", "sport": "judo"})
    assert made.status_code == 201
    same = fresh.put(address, json={"name": "Alex"})
    assert (same.status_code, same.json()) == (200, made.json())
    assert same.headers["ETag"] == made.headers["ETag"]
    changed = fresh.put(address, json={"sport": "golf"})
    assert changed.json()["sport"] == "golf"
    found = fresh.get(address).json()
    assert found["id"] == made.json()["id"]
    assert (found[field] if field else found["external_ids"][system]) == "A/1"
    assert len(fresh.get("/api/v1/athletes").json()["items"]) == 1


def test_upsert_when_many_send_the_same_person_at_once_then_one_athlete(
    make_club: Callable[[], Club],
) -> None:
    club = make_club()
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(
                lambda _: (
                    club.client.put(
                        "/api/v1/athletes/by-external-id/vald/1", json={"name": "Alex"}
                    ).status_code
                ),
                range(24),
            )
        )
    assert sorted(answers) == [200] * 23 + [201]
    assert len(club.client.get("/api/v1/athletes").json()["items"]) == 1


def test_batch_when_items_differ_then_each_has_its_own_end(fresh: httpx.Client) -> None:
    there = make(fresh, external_id="S-1", external_ids={"vald": "v-1"})
    other = make(fresh, sync_id="k-2", sport="judo")
    items = [
        {"external_id": "S-1", "sport": "golf"},
        {"sync_id": "k-2", "sport": "judo"},
        {"given_name": "New", "family_name": "Face", "external_ids": {"vald": "v-9"}},
        {"sport": "nameless"},
        {"sync_id": "k-2", "external_ids": {"vald": "v-1"}},
        {"name": "Bad", "stature_cm": 3},
        {"id": str(uuid4()), "sport": "x"},
        {"id": there["id"], "external_id": None},
    ]
    answer = fresh.post("/api/v1/athletes:batch", json={"items": items})
    assert answer.status_code == 200
    results = answer.json()["items"]
    assert [item["status"] for item in results] == [
        "updated", "unchanged", "created", "failed", "failed", "failed", "failed", "updated",
    ]  # fmt: skip
    assert [item["index"] for item in results] == list(range(8))
    assert answer.json()["counts"] == {"created": 1, "updated": 2, "unchanged": 1, "failed": 4}
    assert (results[0]["athlete_id"], results[1]["athlete_id"]) == (there["id"], other["id"])
    assert results[5]["problem"]["errors"][0]["field"] == "stature_cm"
    assert "different athletes" in results[4]["problem"]["message"]
    assert fresh.get(f"/api/v1/athletes/{there['id']}").json()["external_id"] is None
    assert len(fresh.get("/api/v1/athletes").json()["items"]) == 3


def test_batch_when_its_one_item_fails_late_then_told_and_nothing_is_kept(fresh: httpx.Client) -> None:
    item = {"name": "Ada", "external_ids": {"vald": "7"}, "team_ids": [str(uuid4())]}
    answer = fresh.post("/api/v1/athletes:batch", json={"items": [item]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"]["failed"] == 1
    assert fresh.get("/api/v1/athletes/by-external-id/vald/7").status_code == 404


@pytest.mark.parametrize("day", [20090430, "20090430", 0.5])
def test_day_of_birth_when_a_number_then_refused_and_not_taken_for_seconds(club: Club, day: object) -> None:
    answer = club.client.post("/api/v1/athletes", json={"name": "Ada", "date_of_birth": day})
    check_problem(answer, code="invalid_input")


@pytest.mark.parametrize("items", [[], [{"name": "x"}] * 501, "x"])
def test_batch_when_empty_or_too_long_then_refused_whole(club: Club, items: object) -> None:
    check_problem(club.client.post("/api/v1/athletes:batch", json={"items": items}), code="invalid_input")


def test_batch_when_500_then_all_are_there(fresh: httpx.Client) -> None:
    items = [{"name": f"Athlete {number}", "sync_id": str(number)} for number in range(500)]
    assert fresh.post("/api/v1/athletes:batch", json={"items": items}).json()["counts"]["created"] == 500
    assert fresh.post("/api/v1/athletes:batch", json={"items": items}).json()["counts"]["unchanged"] == 500


def test_leaver_when_marked_then_kept_and_listed_apart(fresh: httpx.Client) -> None:
    leaver, stays = make(fresh, name="Ada"), make(fresh, name="Bea")
    change(fresh, leaver, active=False)
    for active, expected in ((True, [stays]), (False, [leaver]), (None, [leaver, stays])):
        params = {} if active is None else {"active": active}
        listed = fresh.get("/api/v1/athletes", params=params).json()["items"]
        assert [item["id"] for item in listed] == [athlete["id"] for athlete in expected]


def test_merge_when_two_records_are_one_person_then_ids_lead_to_it_and_undo_parts_them(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    client = club.client
    team = client.post("/api/v1/teams", json={"name": "U17"}).json()["id"]
    into = make(
        client, external_id="S-1", external_ids={"vald": "v-1"}, teams=[{"team_id": team, "bib": "7"}]
    )
    other = make(
        client, name="A. Doe", external_id="S-2", external_ids={"vald": "v-2", "gps": "g"}, sport="judo"
    )
    ids = [upload(client, fields={"athlete_id": each["id"]}).json()["id"] for each in (into, other, other)]
    merged = client.post(f"/api/v1/athletes/{into['id']}/merge", json={"athlete_id": other["id"]})
    assert merged.status_code == 200
    check_problem(client.get(f"/api/v1/athletes/{other['id']}"), code="not_found")
    whole = client.get(f"/api/v1/athletes/{into['id']}").json()
    assert (whole["sport"], whole["external_id"]) == ("judo", "S-1")
    assert whole["external_ids"] == {"vald": "v-1", "gps": "g"}
    for system, value in (("own", "S-2"), ("vald", "v-2"), ("gps", "g")):
        found = client.get(f"/api/v1/athletes/by-external-id/{system}/{value}").json()
        assert found["id"] == into["id"]
    listed = client.get("/api/v1/recordings", params={"athlete_id": into["id"]}).json()["items"]
    assert {item["id"] for item in listed} == set(ids)
    screenings = {client.get(f"/api/v1/recordings/{each}").json()["screening_id"] for each in ids}
    assert len(screenings) == 1  # the same day and context is one screening
    tombstones = client.get("/api/v1/athletes/tombstones").json()["items"]
    assert [(each["id"], each["merged_into"]) for each in tombstones] == [(other["id"], into["id"])]

    undone = client.post(f"/api/v1/roster-changes/{merged.json()['id']}/undo")
    assert undone.json()["undone_at"] is not None
    for athlete in (into, other):
        now = client.get(f"/api/v1/athletes/{athlete['id']}").json()
        same = {"created_at": None, "updated_at": None}
        assert now | same == athlete | same
    owners = [client.get(f"/api/v1/recordings/{each}").json()["athlete"]["id"] for each in ids]
    assert owners == [into["id"], other["id"], other["id"]]
    assert client.get("/api/v1/athletes/by-external-id/vald/v-2").json()["id"] == other["id"]
    assert client.get("/api/v1/athletes/tombstones").json()["items"] == []
    check_problem(client.post(f"/api/v1/roster-changes/{merged.json()['id']}/undo"), code="stale_state")


def test_record_when_merged_then_its_old_address_says_into_which_until_that_one_is_gone(
    fresh: httpx.Client,
) -> None:
    into, other = make(fresh), make(fresh, name="A Double")
    merge = f"/api/v1/athletes/{into['id']}/merge"
    assert fresh.post(merge, json={"athlete_id": other["id"]}).status_code == 200
    for answer in (
        fresh.get(f"/api/v1/athletes/{other['id']}"),
        change(fresh, other, sport="judo"),
        fresh.post(merge, json={"athlete_id": other["id"]}),
    ):
        check_problem(answer, code="not_found")
        assert answer.json()["detail"] == f"This record was merged into the athlete {into['id']}."
    assert fresh.delete(f"/api/v1/athletes/{into['id']}").status_code == 202
    gone = fresh.get(f"/api/v1/athletes/{other['id']}")
    assert (gone.status_code, into["id"] in gone.text) == (404, False)


def test_recording_when_moved_then_in_the_right_screening_analysed_anew_and_undone(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    client = club.client
    wrong, right = make(client, stature_cm=160), make(client, name="Right", stature_cm=180)
    recording = upload(client, fields={"athlete_id": wrong["id"]}).json()
    address = f"/api/v1/recordings/{recording['id']}"
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording["id"]))
    before = client.get(address).json()
    moved = client.post(f"{address}/move", json={"athlete_id": right["id"]})
    assert moved.status_code == 200
    assert moved.json()["athlete_ids"] == [wrong["id"], right["id"]]
    assert moved.json()["n_reanalysed"] == 1  # another stature scales lengths otherwise
    now = client.get(address).json()
    assert (now["athlete"]["id"], now["state"]) == (right["id"], "queued")
    assert now["screening_id"] != before["screening_id"]
    assert client.post(f"/api/v1/roster-changes/{moved.json()['id']}/undo").status_code == 200
    back = client.get(address).json()
    assert (back["athlete"], back["trial_id"], back["screening_id"]) == (
        before["athlete"],
        before["trial_id"],
        before["screening_id"],
    )
    listed = client.get("/api/v1/roster-changes").json()["items"]
    assert [(each["kind"], each["recording_ids"]) for each in listed] == [
        ("move_recording", [recording["id"]])
    ]


def test_recording_when_in_the_inbox_then_given_to_somebody_and_sent_back(club: Club) -> None:
    athlete = make(club.client)
    recording = upload(club.client).json()["id"]
    address = f"/api/v1/recordings/{recording}"
    given = club.client.post(f"{address}/move", json={"athlete_id": athlete["id"]}).json()
    assert given["n_reanalysed"] == 0
    assert club.client.get(address).json()["athlete"]["id"] == athlete["id"]
    again = club.client.post(f"{address}/move", json={"athlete_id": athlete["id"]})
    check_problem(again, code="invalid_input")
    assert club.client.post(f"{address}/move", json={"athlete_id": None}).status_code == 200
    emptied = club.client.get(address).json()
    assert (emptied["athlete"], emptied["trial_id"], emptied["screening_id"]) == (None, None, None)


def test_screening_when_moved_then_all_of_it_and_undo_refused_once_something_changed(
    make_club: Callable[[], Club],
) -> None:
    client = make_club().client
    wrong, right = make(client), make(client, name="Right")
    mine = upload(client, fields={"athlete_id": right["id"]}).json()["id"]
    theirs = [upload(client, fields={"athlete_id": wrong["id"]}).json()["id"] for _ in range(2)]
    screening = client.get(f"/api/v1/recordings/{theirs[0]}").json()["screening_id"]
    moved = client.post(f"/api/v1/screenings/{screening}/move", json={"athlete_id": right["id"]}).json()
    assert set(moved["recording_ids"]) == set(theirs)
    views = [client.get(f"/api/v1/recordings/{each}").json() for each in (mine, *theirs)]
    assert {view["athlete"]["id"] for view in views} == {right["id"]}
    assert len({view["screening_id"] for view in views}) == 1
    assert len({view["trial_id"] for view in views}) == 3
    check_problem(
        client.post(f"/api/v1/screenings/{screening}/move", json={"athlete_id": right["id"]}),
        code="not_found",
    )
    client.post(f"/api/v1/recordings/{theirs[1]}/move", json={"athlete_id": None})
    refused = client.post(f"/api/v1/roster-changes/{moved['id']}/undo")
    check_problem(refused, code="stale_state")
    assert client.get(f"/api/v1/recordings/{theirs[0]}").json()["athlete"]["id"] == right["id"]
