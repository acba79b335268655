"""The FHIR bundle over REST: valid, of one's own analysis, with what the key may see."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle

from app.domain.access import Permission
from app.services.process_recording import process_recording
from app.services.video_reader import VideoReading
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_uploads import URL, upload
from tests.factories import METHOD, ScriptedReader
from tests.synth import drop_jump, video_of

_, TRACK = drop_jump(fps=60.0)


@pytest.fixture(scope="module")
def analysis_id(club: Club, parts: PartsForTests) -> str:
    """The analysis of somebody with a name and an id elsewhere."""
    athlete = club.client.post("/api/v1/athletes", json={"name": "Ada Moss", "external_id": "A-1"}).json()
    recording_id = upload(club.client, fields={"athlete_id": athlete["id"]}).json()["id"]
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording_id))
    return str(club.client.get(f"{URL}/{recording_id}").json()["analysis_id"])


def by_type(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    Bundle.model_validate(answer.json())
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in answer.json()["entry"]}


def test_bundle_when_asked_for_then_valid_with_the_numbers_of_the_analysis(
    club: Club, analysis_id: str
) -> None:
    found = by_type(club.client.get(f"/api/v1/analyses/{analysis_id}/fhir"))
    assert found["Patient"]["name"] == [{"text": "Ada Moss"}]
    assert found["Observation"]["id"] == analysis_id
    assert found["Observation"]["component"][0]["valueQuantity"]["value"] == 12.3457


def test_bundle_when_the_key_may_not_read_the_roster_then_no_name_in_it(
    club: Club, parts: PartsForTests, address: str, analysis_id: str
) -> None:
    key = make_key(parts, club.principal, scopes=frozenset({Permission.RESULTS_READ}))
    with client_with_key(address, key) as client:
        answer = client.get(f"/api/v1/analyses/{analysis_id}/fhir")
    assert "Patient" in by_type(answer)
    assert "Ada" not in answer.text
    assert "A-1" not in answer.text


def test_screening_when_asked_for_then_one_report_over_movements_and_trials(
    club: Club, parts: PartsForTests
) -> None:
    athlete = club.client.post(
        "/api/v1/athletes", json={"name": "Eva Lind", "sex": "female", "date_of_birth": "2004-05-06"}
    ).json()
    for _ in range(2):
        recording_id = upload(club.client, fields={"athlete_id": athlete["id"]}).json()["id"]
        process_recording(
            recording_id=UUID(recording_id),
            organisation_id=club.organisation_id,
            uow_factory=parts.uow_factory,
            blobs=parts.blobs,
            reader_factory=lambda: ScriptedReader(reading=VideoReading(video=video_of(TRACK), track=TRACK)),
            method=METHOD,
            staging_dir=parts.staging.directory,
        )
    screening_id = club.client.get(f"{URL}/{recording_id}").json()["screening_id"]
    answer = club.client.get(f"/api/v1/screenings/{screening_id}/fhir")
    found = by_type(answer)
    kinds = [entry["resource"]["resourceType"] for entry in answer.json()["entry"]]
    assert sorted(kinds) == ["Device", "DiagnosticReport", *["Observation"] * 3, "Patient"]
    report = found["DiagnosticReport"]
    assert report["id"] == screening_id
    addresses = {entry["fullUrl"]: entry["resource"] for entry in answer.json()["entry"]}
    movement, *trials = (addresses[each["reference"]] for each in report["result"])
    assert [each["reference"] for each in movement["derivedFrom"]] == [
        f"urn:uuid:{one['id']}" for one in trials
    ]
    ranges = [one["referenceRange"][0] for one in movement["component"] if "referenceRange" in one]
    assert any("doi:10.1016/j.ptsp.2009.11.004" in one["text"] for one in ranges)
    assert all(one["low"]["code"] == one["high"]["code"] for one in ranges)
    assert club.client.get(f"/api/v1/screenings/{UUID(int=5)}/fhir").status_code == 404
