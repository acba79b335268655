"""Curves and landmarks over REST: the same numbers in every form, and none that is withheld."""

import io
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow.parquet
import pytest

from app.services.process_recording import process_recording
from app.services.video_reader import VideoReading
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import URL, upload
from tests.factories import METHOD, ScriptedReader
from tests.synth import drop_jump, video_of

_, TRACK = drop_jump(fps=60.0)
_, OBLIQUE = drop_jump(fps=60.0, yaw_deg=40.0)


def analysed(club: Club, parts: PartsForTests, track: Any) -> dict[str, Any]:
    """Return the recording of this track, analysed."""
    recording_id = upload(club.client).json()["id"]
    process_recording(
        recording_id=UUID(recording_id),
        organisation_id=club.organisation_id,
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        reader_factory=lambda: ScriptedReader(reading=VideoReading(video=video_of(track), track=track)),
        method=METHOD,
        staging_dir=parts.staging.directory,
    )
    recording: dict[str, Any] = club.client.get(f"{URL}/{recording_id}?series=true").json()
    return recording


@pytest.fixture(scope="module")
def jump(club: Club, parts: PartsForTests) -> dict[str, Any]:
    return analysed(club, parts, TRACK)


def test_series_when_asked_in_both_forms_then_the_same_numbers(club: Club, jump: dict[str, Any]) -> None:
    address = f"/api/v1/analyses/{jump['analysis_id']}/series"
    document = club.client.get(address).json()
    curves = {curve["name"]: curve for curve in document["curves"]}
    assert curves["fppa_left_deg"]["values"] == jump["analysis"]["series"]["fppa_left_deg"]
    assert (curves["fppa_left_deg"]["unit"], curves["fppa_left_deg"]["side"]) == ("deg", "left")
    answer = club.client.get(address, headers={"Accept": "application/vnd.apache.parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.content == club.client.get(address, params={"format": "parquet"}).content
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert table.schema.metadata[b"analysis_id"].decode() == jump["analysis_id"]
    assert table.schema.field("fppa_left_deg").metadata[b"unit"] == b"deg"
    rounded = [
        None if value is None else round(value, 3) + 0.0 for value in table["fppa_left_deg"].to_pylist()
    ]
    assert rounded == curves["fppa_left_deg"]["values"]
    assert table.num_rows == len(document["time_s"]) == TRACK.time_s.shape[0]


def test_landmarks_when_asked_in_both_forms_then_the_track(club: Club, jump: dict[str, Any]) -> None:
    address = f"/api/v1/analyses/{jump['analysis_id']}/landmarks"
    answer = club.client.get(address, params={"format": "npz"})
    assert answer.headers["content-type"] == "application/x-npz"
    with np.load(io.BytesIO(answer.content)) as arrays:
        np.testing.assert_array_equal(arrays["xy_px"], TRACK.xy_px)
        assert arrays["names"][25] == "left_knee"
        assert str(arrays["analysis_id"]) == jump["analysis_id"]
    document = club.client.get(address).json()
    assert document["names"][26] == "right_knee"
    assert (document["image_width_px"], document["image_height_px"]) == TRACK.image_size_px
    np.testing.assert_allclose(document["xy_px"][30][25], TRACK.xy_px[30, 25], atol=0.006)  # two decimals


def test_series_when_the_view_is_oblique_then_no_form_of_it_shows_the_knees(
    club: Club, parts: PartsForTests
) -> None:
    oblique = analysed(club, parts, OBLIQUE)
    knees = [metric for metric in oblique["analysis"]["metrics"] if metric["key"] == "fppa"]
    assert all(metric["value"] is None for metric in knees), "the clip is meant to be one that withholds them"
    document = club.client.get(f"/api/v1/analyses/{oblique['analysis_id']}/series").json()
    for curve in document["curves"]:
        if curve["metric"] == "fppa":
            assert curve["withheld"]
            assert set(curve["values"]) == {None}
    for side in ("left", "right"):
        assert set(oblique["analysis"]["series"][f"fppa_{side}_deg"]) == {None}
    parquet = club.client.get(f"/api/v1/analyses/{oblique['analysis_id']}/series?format=parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(parquet.content))
    assert table["fppa_left_deg"].null_count == table.num_rows
    assert table.schema.field("fppa_left_deg").metadata[b"withheld"] == b"true"


@pytest.mark.parametrize("what", ["series", "landmarks"])
def test_arrays_when_there_are_none_or_the_form_is_unknown_then_told(
    club: Club, jump: dict[str, Any], what: str
) -> None:
    unknown = club.client.get(f"/api/v1/analyses/{UUID(int=7)}/{what}")
    check_problem(unknown, code="not_found")
    other = club.client.get(f"/api/v1/analyses/{jump['analysis_id']}/{what}", params={"format": "xls"})
    check_problem(other, code="invalid_input")
