"""Captures: announced before the file comes, for somebody or for nobody yet, and taken once."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from app.domain.access import Permission
from app.jobs.memory_queue import MemoryQueue
from app.services.privacy import change_rules
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests, fake_video
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

URL = "/api/v1/captures"


def announce(client: httpx.Client, **fields: object) -> dict[str, Any]:
    answer = client.post(URL, json=fields)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def put(client: httpx.Client, capture: dict[str, Any], content: bytes) -> httpx.Response:
    way = next(way for way in capture["uploads"] if way["kind"] == "put")
    return client.request(way["method"], way["url"], content=content)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def new_athlete(club: Club, **fields: object) -> str:
    return str(club.client.post("/api/v1/athletes", json={"name": "Alex", **fields}).json()["id"])


def test_capture_when_announced_and_sent_then_a_recording_of_the_same_id(
    make_club: Callable[[], Club], api_queue: MemoryQueue
) -> None:
    club, content = make_club(), fake_video(50_000)
    athlete_id = new_athlete(club)
    answer = club.client.post(
        URL,
        json={
            "athlete_id": athlete_id,
            "movement": "drop_vertical_jump",
            "view": "frontal",
            "box_height_cm": 31,
            "trial_number": 2,
            "context": "pre_season",
            "captured_at": "2026-03-14T23:30:00-05:00",
            "filename": "IMG_0815.MOV",
            "size_bytes": len(content),
            "sha256": sha256(content).upper(),
            "client_ref": "station-3/17",
        },
    )
    assert answer.status_code == 201
    capture = answer.json()
    assert answer.headers["Location"] == f"{URL}/{capture['id']}"
    assert (capture["state"], capture["received_bytes"], capture["recording"]) == ("awaiting_upload", 0, None)
    assert (capture["screened_on"], capture["captured_at"]) == ("2026-03-14", "2026-03-15T04:30:00Z")
    asked = club.client.get(answer.headers["Location"])
    assert (asked.json(), asked.headers["Retry-After"]) == (capture, "2")
    assert club.client.get("/api/v1/recordings").json()["items"] == []

    sent = put(club.client, capture, content)
    assert sent.status_code == 200, sent.text
    done = sent.json()
    assert (done["state"], done["recording_id"], done["uploads"]) == ("received", capture["id"], [])
    assert done["recording"]["state"] == "queued"
    [listed] = club.client.get("/api/v1/recordings").json()["items"]
    assert listed["captured_at"] == "2026-03-15T04:30:00Z"
    assert api_queue.jobs[-1].args[0] == capture["id"]
    recording = club.client.get(done["links"]["recording"]).json()
    assert recording["athlete"]["id"] == athlete_id
    assert (recording["filename"], recording["sha256"]) == ("IMG_0815.MOV", sha256(content))
    assert (recording["context"], recording["box_height_cm"]) == ("pre_season", 31)
    trial = club.client.get(f"/api/v1/trials/{recording['trial_id']}").json()
    assert trial["number"] == 2
    found = club.client.get(URL, params={"client_ref": "station-3/17"}).json()["items"]
    assert [item["id"] for item in found] == [capture["id"]]
    assert club.client.get(URL, params={"state": "awaiting_upload"}).json()["items"] == []


def test_capture_when_sent_as_a_form_then_the_same(club: Club) -> None:
    capture = announce(club.client)
    way = next(way for way in capture["uploads"] if way["kind"] == "multipart")
    extra = club.client.post(way["url"], files={"file": ("a.mp4", fake_video())}, data={"view": "frontal"})
    assert extra.status_code == 422
    sent = club.client.request(way["method"], way["url"], files={"file": ("a.mp4", fake_video(5000))})
    assert sent.json()["recording"]["state"] == "queued", sent.text


def test_capture_when_of_nobody_then_the_recording_waits_in_the_inbox_until_it_is_given(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    capture = announce(club.client, view="sagittal")
    recording_id = put(club.client, capture, fake_video()).json()["recording_id"]
    inbox = club.client.get("/api/v1/recordings", params={"inbox": "true"}).json()["items"]
    assert [(item["id"], item["athlete"]) for item in inbox] == [(recording_id, None)]
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording_id))
    athlete_id = new_athlete(club)
    moved = club.client.post(f"/api/v1/recordings/{recording_id}/move", json={"athlete_id": athlete_id})
    assert moved.status_code == 200, moved.text
    assert club.client.get(f"/api/v1/recordings/{recording_id}").json()["athlete"]["id"] == athlete_id
    assert club.client.get("/api/v1/recordings", params={"inbox": "true"}).json()["items"] == []


def test_capture_of_nobody_when_everybody_has_to_agree_then_waits_until_it_is_given_to_who_did(
    make_club: Callable[[], Club], parts: PartsForTests, api_queue: MemoryQueue
) -> None:
    """Nobody was asked yet: it is kept, and not looked at."""
    club = make_club()
    answer = club.client.patch("/api/v1/privacy", json={"rule": "everybody"})
    assert answer.is_success, answer.text
    athlete_id = new_athlete(club)
    club.client.post(
        f"/api/v1/athletes/{athlete_id}/consent",
        json={"given_by": "Alex", "relation": "self", "purposes": {"screening": True}},
    )
    recording_id = put(club.client, announce(club.client), fake_video()).json()["recording_id"]
    url = f"/api/v1/recordings/{recording_id}"
    assert club.client.get(url).json()["state"] == "awaiting_consent"
    n_jobs = len(api_queue.jobs)
    assert club.client.post(f"{url}/move", json={"athlete_id": athlete_id}).is_success
    assert club.client.get(url).json()["state"] == "queued"
    assert [job.args[0] for job in api_queue.jobs[n_jobs:]] == [recording_id]
    back = club.client.post(f"{url}/move", json={"athlete_id": None})
    assert back.is_success, back.text
    assert club.client.get(url).json()["state"] == "awaiting_consent"
    with parts.uow_factory(club.principal) as uow:
        change_rules(uow=uow, principal=club.principal, changes={"rule": "nobody"})
    assert club.client.get(url).json()["state"] == "queued"


def test_recording_when_its_trial_says_whose_it_is_then_their_consent_is_asked_for(
    make_club: Callable[[], Club],
) -> None:
    club = make_club()
    athlete_id = new_athlete(club, date_of_birth=f"{datetime.now(UTC).year - 10}-01-01")
    front = upload(club.client, fields={"athlete_id": athlete_id}).json()
    side = upload(club.client, fields={"trial_id": front["trial_id"], "view": "sagittal"}).json()
    states = {club.client.get(f"/api/v1/recordings/{each['id']}").json()["state"] for each in (front, side)}
    assert states == {"awaiting_consent"}


def test_same_file_when_announced_again_then_what_there_is_comes_back(
    make_club: Callable[[], Club],
) -> None:
    club, content = make_club(), fake_video(6000) + uuid4().bytes
    athlete_id = new_athlete(club)
    fields = {"athlete_id": athlete_id, "sha256": sha256(content), "client_ref": "first"}
    capture = announce(club.client, **fields)
    again = club.client.post(URL, json={**fields, "client_ref": "second"})
    assert (again.status_code, again.headers["Deduplicated"]) == (200, "true")
    assert again.json()["id"] == capture["id"]
    assert again.json()["uploads"] == capture["uploads"]
    recording_id = put(club.client, capture, content).json()["recording_id"]
    known = club.client.post(URL, json=fields)
    assert (known.status_code, known.json()["recording_id"]) == (200, recording_id)
    for other in (
        {**fields, "athlete_id": new_athlete(club)},
        {**fields, "athlete_id": None},
        {**fields, "movement": "single_leg_squat"},
    ):
        assert club.client.post(URL, json=other).status_code == 201


def test_same_file_when_it_came_by_another_way_then_its_recording_comes_back(
    make_club: Callable[[], Club],
) -> None:
    club, other, content = make_club(), make_club(), fake_video(6000) + uuid4().bytes
    recording_id = upload(club.client, content).json()["id"]
    answer = club.client.post(URL, json={"sha256": sha256(content), "client_ref": "copy"})
    assert answer.status_code == 200
    assert (answer.json()["recording_id"], answer.json()["duplicate"]) == (recording_id, True)
    assert answer.json()["recording"]["id"] == recording_id
    assert other.client.post(URL, json={"sha256": sha256(content)}).status_code == 201


def test_same_file_when_only_found_out_at_its_end_then_no_second_recording(
    make_club: Callable[[], Club],
) -> None:
    club, content = make_club(), fake_video(6000) + uuid4().bytes
    first, second = announce(club.client), announce(club.client)
    recording_id = put(club.client, first, content).json()["recording_id"]
    done = put(club.client, second, content).json()
    assert (done["recording_id"], done["duplicate"], done["state"]) == (recording_id, True, "received")
    assert len(club.client.get("/api/v1/recordings").json()["items"]) == 1


@pytest.mark.parametrize(
    ("fields", "status", "wrong"),
    [
        ({"movement": "handstand"}, 422, "movement"),
        ({"size_bytes": 0}, 422, "size_bytes"),
        ({"sha256": "abc"}, 422, "sha256"),
        ({"trial_number": 1}, 422, "trial_number"),
        ({"captured_at": "2126-03-14T10:00:00Z"}, 422, "captured_at"),
        ({"client_ref": "a\u0007b"}, 422, "client_ref"),
        ({"organisation_id": str(uuid4())}, 422, "organisation_id"),
        ({"athlete_id": str(uuid4())}, 404, None),
        ({"trial_id": str(uuid4())}, 404, None),
        ({"size_bytes": 2**31}, 413, None),
    ],
)
def test_announcement_when_something_is_wrong_then_refused_and_nothing_is_waited_for(
    make_club: Callable[[], Club], fields: dict[str, object], status: int, wrong: str | None
) -> None:
    club = make_club()
    answer = club.client.post(URL, json=fields)
    assert answer.status_code == status, answer.text
    if wrong is not None:
        assert [error["field"] for error in answer.json()["errors"]] == [wrong]
    assert club.client.get(URL).json()["items"] == []


def test_file_when_not_the_one_announced_then_refused_and_may_be_sent_again(
    club: Club, staged_files: Callable[[], list[Path]]
) -> None:
    content = fake_video(5000) + uuid4().bytes
    capture = announce(club.client, size_bytes=len(content), sha256=sha256(content))
    for wrong in (content + b"x", content[:-1], content[:-1] + b"x"):
        answer = put(club.client, capture, wrong)
        assert answer.status_code == 422, answer.text
        check_problem(answer, code="invalid_input")
    assert staged_files() == []
    assert put(club.client, capture, content).json()["state"] == "received"


def test_file_when_no_video_then_the_capture_ends_and_says_why(club: Club) -> None:
    capture = announce(club.client)
    refused = put(club.client, capture, b"just some text")
    assert refused.status_code == 422
    check_problem(refused, code="not_a_video")
    shown = club.client.get(capture["links"]["self"]).json()
    assert (shown["state"], shown["problem"]["code"], shown["uploads"]) == ("refused", "not_a_video", [])
    assert put(club.client, capture, fake_video()).status_code == 410


def test_file_when_it_has_come_already_then_409_and_the_capture_says_what_became_of_it(club: Club) -> None:
    capture = announce(club.client)
    assert put(club.client, capture, fake_video(7000)).is_success
    again = put(club.client, capture, fake_video(7000))
    assert again.status_code == 409
    check_problem(again, code="stale_state")


def test_file_when_sent_in_part_by_put_then_400(club: Club) -> None:
    url = announce(club.client)["uploads"][0]["url"]
    answer = club.client.put(url, content=fake_video(), headers={"Content-Range": "bytes 0-99/200"})
    assert answer.status_code == 400


def test_trial_when_it_is_full_by_the_time_the_file_comes_then_the_recording_begins_another(
    make_club: Callable[[], Club],
) -> None:
    club = make_club()
    athlete_id = new_athlete(club)
    place = {"athlete_id": athlete_id, "trial_number": 1}
    first, second = announce(club.client, **place), announce(club.client, **place)
    trials = []
    for capture, content in ((first, fake_video(5001)), (second, fake_video(5002))):
        done = put(club.client, capture, content)
        assert done.status_code == 200, done.text
        trials.append(club.client.get(done.json()["links"]["recording"]).json()["trial_id"])
    assert len(set(trials)) == 2
    assert club.client.post(URL, json=place).status_code == 422


def test_capture_when_called_off_then_no_file_is_taken(club: Club) -> None:
    capture = announce(club.client)
    assert club.client.delete(capture["links"]["self"]).status_code == 204
    assert club.client.get(capture["links"]["self"]).json()["state"] == "cancelled"
    assert club.client.delete(capture["links"]["self"]).status_code == 204
    assert put(club.client, capture, fake_video()).status_code == 410
    kept = announce(club.client)
    put(club.client, kept, fake_video(8000))
    assert club.client.delete(kept["links"]["self"]).status_code == 409


def test_capture_when_nothing_came_for_too_long_then_expired(club: Club, engine: Engine) -> None:
    capture = announce(club.client)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        connection.execute(
            text("UPDATE capture SET expires_at = now() WHERE id = :id"), {"id": capture["id"]}
        )
    assert club.client.get(capture["links"]["self"]).json()["state"] == "expired"
    assert put(club.client, capture, fake_video()).status_code == 410


def test_captures_when_the_key_may_not_upload_then_403(
    club: Club, parts: PartsForTests, address: str
) -> None:
    key = make_key(parts, club.principal, scopes=frozenset({Permission.RESULTS_READ}))
    with client_with_key(address, key) as reader:
        assert reader.post(URL, json={}).status_code == 403
        assert reader.get(URL).status_code == 403


def test_captures_when_two_records_are_merged_then_the_file_comes_to_the_one_that_stays(
    make_club: Callable[[], Club],
) -> None:
    club = make_club()
    stays, goes = new_athlete(club), new_athlete(club, name="Alex D.")
    capture = announce(club.client, athlete_id=goes)
    assert club.client.post(f"/api/v1/athletes/{stays}/merge", json={"athlete_id": goes}).is_success
    done = put(club.client, capture, fake_video()).json()
    assert club.client.get(done["links"]["recording"]).json()["athlete"]["id"] == stays
