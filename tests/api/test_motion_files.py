"""Motion files over REST: what a recording with known truth gives, and who is answered how."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import ezc3d
import numpy as np
import pytest

from app.biomech.kinematics import prepare_paths
from app.biomech.landmark_model import landmark_model_of
from app.services.process_recording import process_recording
from app.services.video_reader import VideoReading
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import URL, upload
from tests.factories import METHOD, ScriptedReader
from tests.synth import drop_jump, video_of

STATURE_CM = 171.0
FIGURE, TRACK = drop_jump(fps=60.0)


@pytest.fixture
def jump(club: Club, parts: PartsForTests) -> dict[str, Any]:
    """The analysis of a jump with known truth, of an athlete whose stature is not known yet."""
    athlete = club.client.post("/api/v1/athletes", json={"name": "Ada"}).json()
    recording_id = upload(club.client, fields={"athlete_id": athlete["id"]}).json()["id"]
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
    recording = club.client.get(f"{URL}/{recording_id}").json()
    return {
        "athlete": athlete["id"],
        "recording": recording_id,
        "id": recording["analysis_id"],
        "analysis": recording["analysis"],
    }


def test_markers_when_the_stature_is_unknown_then_422_says_what_to_enter(
    club: Club, jump: dict[str, Any]
) -> None:
    for extension in ("trc", "c3d"):
        answer = club.client.get(f"/api/v1/analyses/{jump['id']}/motion.{extension}")
        assert answer.status_code == 422, answer.text
        check_problem(answer, code="invalid_input")
        assert "stature" in answer.json()["how_to_fix"]


def test_c3d_when_the_stature_is_known_then_the_leg_has_its_length_and_events_their_times(
    club: Club, jump: dict[str, Any], tmp_path: Path
) -> None:
    club.client.patch(f"/api/v1/athletes/{jump['athlete']}", json={"stature_cm": STATURE_CM})
    answer = club.client.get(f"/api/v1/analyses/{jump['id']}/motion.c3d")
    assert answer.status_code == 200, answer.text
    assert f"plumbline-{jump['id']}.c3d" in answer.headers["content-disposition"]
    path = tmp_path / "jump.c3d"
    path.write_bytes(answer.content)
    read = ezc3d.c3d(str(path))
    labels = read["parameters"]["POINT"]["LABELS"]["value"]
    leg_px = prepare_paths(TRACK).leg_px / landmark_model_of(TRACK.source).leg_share
    mm_per_px = 10.0 * 0.491 * STATURE_CM / leg_px
    ankle = read["data"]["points"][:2, labels.index("RAnkle")].T
    smooth = prepare_paths(TRACK).smooth_px[:, 28]
    expected = mm_per_px * np.stack((smooth[:, 0], TRACK.image_size_px[1] - smooth[:, 1]), axis=1)
    np.testing.assert_allclose(ankle, expected, atol=0.01)
    event = read["parameters"]["EVENT"]
    contact_s = [
        time_s
        for label, context, time_s in zip(
            event["LABELS"]["value"], event["CONTEXTS"]["value"], event["TIMES"]["value"][1], strict=True
        )
        if (label, context) == ("Foot Strike", "Left")
    ]
    told_s = [
        each["time_s"]
        for each in jump["analysis"]["events"]
        if (each["name"], each["side"]) == ("initial_contact", "left")
    ]
    assert contact_s[0] + TRACK.time_s[0] == pytest.approx(told_s[0], abs=1e-4)


def test_trc_when_the_stature_is_known_then_a_line_for_every_frame(club: Club, jump: dict[str, Any]) -> None:
    club.client.patch(f"/api/v1/athletes/{jump['athlete']}", json={"stature_cm": STATURE_CM})
    answer = club.client.get(f"/api/v1/analyses/{jump['id']}/motion.trc")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[3].split("\t")[:3] == ["Frame#", "Time", "Hip"]
    assert len(lines) == 6 + TRACK.time_s.shape[0]


def test_mot_when_asked_then_the_curves_of_the_analysis(club: Club, jump: dict[str, Any]) -> None:
    head, body = club.client.get(f"/api/v1/analyses/{jump['id']}/motion.mot").text.split("endheader\n")
    assert "inDegrees=yes" in head
    names, *rows = (line.split("\t") for line in body.splitlines())
    series = club.client.get(f"{URL}/{jump['recording']}/analysis?series=true").json()["series"]
    read = np.array(rows, dtype=float)[:, names.index("fppa_left")]
    told = np.array(series["fppa_left_deg"], dtype=float)
    np.testing.assert_allclose(read, told, atol=5.1e-4)
    assert np.isfinite(read).any()
