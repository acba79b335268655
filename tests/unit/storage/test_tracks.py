import io
import pickle
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from app.biomech.types import Kinematics, PoseSource, PoseTrack
from app.storage.tracks import (
    UnreadableTrackError,
    kinematics_from_bytes,
    kinematics_to_bytes,
    track_from_bytes,
    track_to_bytes,
)


def _track(*, with_world: bool = True) -> PoseTrack:
    rng = np.random.default_rng(3)
    xy = rng.normal(size=(5, 33, 2))
    xy[2] = np.nan
    return PoseTrack(
        time_s=np.arange(5) / 60 + 0.3,
        xy_px=xy,
        confidence=rng.random((5, 33)),
        world_m=rng.normal(size=(5, 33, 3)) if with_world else None,
        image_size_px=(720, 1280),
        source=PoseSource(estimator="engine 1", model="full", model_sha256="a" * 64),
        n_people=np.array([1.0, np.nan, 2.0, np.nan, 1.0]),
        bystander_ratio=0.7,
    )


@pytest.mark.parametrize("with_world", [True, False])
def test_track_when_stored_and_read_then_it_is_the_same(with_world: bool) -> None:
    track = _track(with_world=with_world)
    again = track_from_bytes(track_to_bytes(track))
    for name in ("time_s", "xy_px", "confidence", "n_people"):
        assert_array_equal(getattr(again, name), getattr(track, name))
    assert (again.world_m is None) is not with_world
    assert (again.source, again.image_size_px, again.bystander_ratio) == (track.source, (720, 1280), 0.7)


def test_bytes_when_they_are_not_kept_then_nothing_is_squeezed_and_the_track_is_the_same() -> None:
    content = track_to_bytes(_track(), squeeze=False)
    members = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert track_to_bytes(track_from_bytes(content)) == track_to_bytes(_track())


def test_bytes_when_made_twice_then_they_are_equal() -> None:
    assert track_to_bytes(_track()) == track_to_bytes(_track())


def test_kinematics_when_stored_and_read_then_they_are_the_same() -> None:
    kinematics = Kinematics(
        time_s=np.arange(4) / 30, rate_hz=30.0, series={"fppa_left_deg": np.array([1, np.nan, 3, 4.0])}
    )
    again = kinematics_from_bytes(kinematics_to_bytes(kinematics))
    assert again.rate_hz == 30.0
    assert list(again.series) == ["fppa_left_deg"]
    assert_array_equal(again.series["fppa_left_deg"], kinematics.series["fppa_left_deg"])


def _npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        _npz(schema=1),
        _npz(schema=99, time_s=np.zeros(2)),
        _npz(schema=1, time_s=np.array([{"evil": 1}], dtype=object)),
        pickle.dumps({"schema": 1}),
        track_to_bytes(_track())[:-40],
        kinematics_to_bytes(Kinematics(time_s=np.zeros(1), rate_hz=1.0, series={})),
    ],
)
def test_read_when_bytes_are_no_track_then_it_says_so(content: bytes) -> None:
    with pytest.raises(UnreadableTrackError):
        track_from_bytes(content)


def test_read_when_zip_would_unpack_to_too_much_then_it_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(6):
            archive.writestr(f"{n}.npy", bytes(100 * 1024 * 1024))
    with pytest.raises(UnreadableTrackError, match="too large"):
        track_from_bytes(buffer.getvalue())
