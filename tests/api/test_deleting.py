"""Deleting one recording: nothing of it is left at any address, what was before it stands, and copies hear of it."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from app.domain.lifecycle import RecordingState
from tests.api.conftest import Club
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_athletes import make
from tests.api.test_errors import check_problem
from tests.api.test_privacy import files_of, film, state


def test_delete_when_a_recording_has_a_result_then_gone_everywhere_and_the_one_before_stands(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    team = club.client.post("/api/v1/teams", json={"name": "U17"}).json()
    athlete = make(club.client, name="Lena", team_ids=[team["id"]])
    kept, unwanted = film(club.client, athlete), film(club.client, athlete)
    for each in (kept, unwanted):
        analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(each))
    feed = club.client.get("/api/v1/analyses").json()
    analysis_id = next(item["id"] for item in feed["items"] if item["recording_id"] == unwanted)
    address = f"/api/v1/recordings/{unwanted}"
    assert club.client.delete(address).status_code == 204
    assert (state(club.client, unwanted), files_of(parts, club, unwanted)) == ("purged", set())
    for path in ("analysis", "original", "overlay"):
        check_problem(club.client.get(f"{address}/{path}"), code="not_found")
    check_problem(club.client.get(f"/api/v1/analyses/{analysis_id}"), code="not_found")
    listed = club.client.get("/api/v1/recordings", params={"athlete_id": athlete["id"]}).json()["items"]
    assert [item["id"] for item in listed] == [kept]
    [row] = club.client.get(f"/api/v1/teams/{team['id']}/athletes").json()["rows"]
    assert (row["recording_id"], row["result_recording_id"]) == (kept, kept)
    told = club.client.get("/api/v1/analyses").json()["items"]
    assert [item["id"] for item in told if item["deleted_at"]] == [analysis_id]
    acts = [item["act"] for item in club.client.get("/api/v1/audit").json()["items"]]
    assert acts.count("recording.deleted") == 1
    # to ask again is to ask once
    assert club.client.delete(address).status_code == 204
    assert [item["act"] for item in club.client.get("/api/v1/audit").json()["items"]].count(
        "recording.deleted"
    ) == 1


@pytest.mark.parametrize("until", [RecordingState.QUEUED, RecordingState.AWAITING_CONSENT])
def test_delete_when_a_recording_waits_then_it_is_never_analysed(
    make_club: Callable[[], Club], parts: PartsForTests, until: RecordingState
) -> None:
    club = make_club()
    child = {} if until is RecordingState.QUEUED else {"date_of_birth": "2016-01-01"}
    recording_id = film(club.client, make(club.client, name="Mika", **child))
    assert state(club.client, recording_id) == until
    assert club.client.delete(f"/api/v1/recordings/{recording_id}").status_code == 204
    with parts.uow_factory(club.organisation_id) as uow:
        assert uow.recordings.claim(UUID(recording_id), lease_s=60.0, max_attempts=3) is None
    assert files_of(parts, club, recording_id) == set()


def test_delete_when_the_recording_is_another_clubs_or_unknown_then_not_found_and_kept(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club, other = make_club(), make_club()
    recording_id = film(club.client, make(club.client, name="Noor"))
    for each in (recording_id, str(uuid4())):
        check_problem(other.client.delete(f"/api/v1/recordings/{each}"), code="not_found")
    assert files_of(parts, club, recording_id)
    assert state(club.client, recording_id) == "queued"
