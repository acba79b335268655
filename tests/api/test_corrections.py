"""Corrections over REST: the whole exchange a page or a program has."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.api.schemas.analyses import AnalysisOutput, ComparisonOutput, CorrectionAnswer
from app.api.schemas.recordings import RecordingDocument
from app.domain.access import Permission
from app.services.process_recording import process_recording
from app.services.video_reader import VideoReading
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import URL, upload
from tests.factories import METHOD, ScriptedReader
from tests.synth import drop_jump, video_of

FIGURE, TRACK = drop_jump(fps=60.0)
MOVE = {"kind": "move_event", "name": "initial_contact", "side": "left", "time_s": FIGURE.contact_at_s + 0.03}
Film = Callable[[], dict[str, Any]]


@pytest.fixture
def film(club: Club, parts: PartsForTests) -> Film:
    """Returns an analysed recording, read from a track with known truth."""

    def run() -> dict[str, Any]:
        recording_id = upload(club.client).json()["id"]
        process_recording(
            recording_id=UUID(recording_id),
            organisation_id=club.organisation_id,
            uow_factory=parts.uow_factory,
            blobs=parts.blobs,
            reader_factory=lambda: ScriptedReader(
                reading=VideoReading(video=replace(video_of(TRACK), sha256="b" * 64), track=TRACK)
            ),
            method=METHOD,
            staging_dir=parts.staging.directory,
        )
        return look(club.client, recording_id)

    return run


def look(client: httpx.Client, recording_id: str) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"{URL}/{recording_id}").json()
    return document


def address(analysis_id: str) -> str:
    return f"/api/v1/analyses/{analysis_id}"


def test_correction_when_made_and_undone_then_as_documented_at_every_step(club: Club, film: Film) -> None:
    recording = film()
    first = club.client.get(address(recording["analysis_id"]))
    AnalysisOutput.model_validate(first.json())
    assert first.json()["present"]
    made = club.client.post(
        f"{address(recording['analysis_id'])}/corrections",
        json=MOVE | {"reason": "seen in the overlay"},
        headers={"If-Match": first.headers["ETag"]},
    )
    assert made.status_code == 201
    answer = made.json()
    CorrectionAnswer.model_validate(answer)
    assert made.headers["Location"] == address(answer["analysis"]["id"])
    assert answer["recomputed_in_ms"] < 2000
    assert answer["correction"]["by"]["name"] == "tests"
    assert answer["correction"]["after"]["time_s"] == MOVE["time_s"]
    after = look(club.client, recording["id"])
    RecordingDocument.model_validate(after)
    assert after["analysis_id"] == answer["analysis"]["id"]
    assert [item["kind"] for item in after["corrections"]] == ["move_event"]
    event = next(
        e for e in after["analysis"]["events"] if (e["name"], e["side"]) == ("initial_contact", "left")
    )
    assert event["source"] == "manual"
    comparison = club.client.get(answer["analysis"]["links"]["comparison"]).json()
    ComparisonOutput.model_validate(comparison)
    assert comparison == answer["comparison"]
    undone = club.client.post(
        f"{address(after['analysis_id'])}/corrections/{answer['correction']['id']}/undo",
        headers={"If-Match": made.headers["ETag"]},
    )
    assert undone.status_code == 201
    assert undone.json()["correction"]["status"] == "undone"
    final = look(club.client, recording["id"])
    assert final["corrections"] == []
    assert final["analysis"]["metrics"] == recording["analysis"]["metrics"]
    listed = club.client.get(f"{address(final['analysis_id'])}/corrections").json()["items"]
    assert [(item["kind"], item["status"]) for item in listed] == [("move_event", "undone")]
    old = club.client.get(address(recording["analysis_id"])).json()
    assert (old["present"], old["analysis"]) == (False, recording["analysis"])


def test_correction_when_somebody_was_faster_then_412_with_the_tag_and_409_without(
    club: Club, film: Film
) -> None:
    recording = film()
    url = f"{address(recording['analysis_id'])}/corrections"
    etag = club.client.get(address(recording["analysis_id"])).headers["ETag"]
    assert club.client.post(url, json=MOVE).status_code == 201
    late = club.client.post(url, json=MOVE, headers={"If-Match": etag})
    assert late.status_code == 412
    check_problem(late, code="precondition_failed")
    check_problem(club.client.post(url, json=MOVE), code="stale_state")


def test_correction_when_the_key_comes_back_then_the_same_answer_and_nothing_new(
    club: Club, film: Film
) -> None:
    recording = film()
    url = f"{address(recording['analysis_id'])}/corrections"
    key = {"Idempotency-Key": uuid4().hex}
    first, second = (club.client.post(url, json=MOVE, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert first.json()["correction"]["id"] == second.json()["correction"]["id"]
    assert first.json()["analysis"]["id"] == second.json()["analysis"]["id"]
    other = club.client.post(url, json=MOVE | {"time_s": 1.0}, headers=key)
    check_problem(other, code="idempotency_key_reused")


def test_person_when_picked_then_202_and_the_recording_says_that_it_is_read_again(
    club: Club, film: Film
) -> None:
    recording = film()
    answer = club.client.post(
        f"{address(recording['analysis_id'])}/corrections",
        json={"kind": "pick_person", "frame": 30, "x_px": 120.5, "y_px": 300},
    )
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{URL}/{recording['id']}"
    assert (answer.json()["analysis"], answer.json()["recording_state"]) == (None, "queued")
    assert look(club.client, recording["id"])["corrections"][0]["status"] == "waiting"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "move_event", "name": "initial_contact", "side": "left"}, "time_s"),
        (MOVE | {"time_s": 1000}, "time_s"),
        (MOVE | {"side": "both"}, "side"),
        ({"kind": "move_keypoint", "joint": "tail", "frame": 3, "x_px": 1, "y_px": 1}, "joint"),
        ({"kind": "move_keypoint", "joint": "left_knee", "frame": 99999, "x_px": 1, "y_px": 1}, "frame"),
        ({"kind": "swap_sides", "first_frame": 9, "last_frame": 3}, "last_frame"),
        ({"kind": "drop_trial", "reason": ""}, "reason"),
        ({"kind": "drop_trial", "state": "analysed"}, "state"),
    ],
)
def test_correction_when_it_makes_no_sense_then_422_by_field(
    club: Club, film: Film, body: dict[str, object], field: str
) -> None:
    recording = film()
    answer = club.client.post(f"{address(recording['analysis_id'])}/corrections", json=body)
    assert answer.status_code == 422
    check_problem(answer, code="invalid_input")
    assert field in answer.json()["errors"][0]["field"]
    assert look(club.client, recording["id"])["analysis_id"] == recording["analysis_id"]


def test_correction_when_the_key_may_only_read_then_403(
    club: Club, film: Film, parts: PartsForTests, address: str
) -> None:
    recording = film()
    key = make_key(parts, club.principal, scopes=frozenset({Permission.RESULTS_READ}))
    with client_with_key(address, key) as client:
        url = f"/api/v1/analyses/{recording['analysis_id']}"
        assert client.get(url).status_code == 200
        assert client.post(f"{url}/corrections", json=MOVE).status_code == 403
