"""The engines themselves, against exact truth of rendered athletes and against each other."""

import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from app.biomech.joints import MIRROR, Joint, Line
from app.biomech.types import FloatArray
from app.media.frame import Frame
from app.media.frames import VideoFile
from app.pose.bundle import DEFAULT_MODEL, model_sha256
from app.pose.close_reader import closer_view, view_of
from app.pose.estimator import GroupLike, Picture, PoseEstimator, Reading, Region
from app.pose.landmarks import closer, combine
from app.pose.litert_estimator import LiteRTEstimator
from app.pose.lookout import Lookout
from app.pose.mediapipe_estimator import MediaPipeEstimator
from app.pose.network import ModelBundleError
from app.pose.tracking import ReadingRule, follow_athlete
from app.storage.tracks import track_to_bytes

pytestmark = pytest.mark.pose
_JOINTS = {
    "hip_l": Joint.LEFT_HIP,
    "hip_r": Joint.RIGHT_HIP,
    "knee_l": Joint.LEFT_KNEE,
    "knee_r": Joint.RIGHT_KNEE,
    "ankle_l": Joint.LEFT_ANKLE,
    "ankle_r": Joint.RIGHT_ANKLE,
}


@pytest.fixture(scope="module")
def estimator() -> LiteRTEstimator:
    return LiteRTEstimator(n_threads=2)


@pytest.fixture(scope="module")
def mediapipe() -> Iterator[MediaPipeEstimator]:
    with MediaPipeEstimator() as estimator:
        yield estimator


def _landing(name: str, *, first: int, last: int) -> Iterator[Frame]:
    """Yield the frames around a landing with their own numbers and times."""
    return (
        frame for frame in VideoFile(Path(f"samples/{name}.mp4")).frames() if first <= frame.index <= last
    )


def _true_px(name: str, frames: list[int]) -> dict[Joint, FloatArray]:
    truth = json.loads(Path(f"samples/{name}.json").read_text())["joints2d"]
    return {joint: np.array(truth[key])[frames] for key, joint in _JOINTS.items()}


def _read_view(engine: PoseEstimator, view: Picture, region: Region) -> Reading:
    return combine([engine.read_view(view, region, frame=0, mirrored=side) for side in (False, True)])


def test_model_when_shipped_then_it_is_the_one_on_its_card() -> None:
    card = (DEFAULT_MODEL.parent / "MODEL_CARD.md").read_text()
    assert f"{model_sha256(None)}  {DEFAULT_MODEL.name}" in card
    assert model_sha256(DEFAULT_MODEL) == hashlib.sha256(DEFAULT_MODEL.read_bytes()).hexdigest()


@pytest.mark.parametrize("engine", [LiteRTEstimator, MediaPipeEstimator])
def test_model_when_file_is_no_bundle_then_it_says_so(
    tmp_path: Path, engine: type[LiteRTEstimator | MediaPipeEstimator]
) -> None:
    broken = tmp_path / "broken.task"
    broken.write_bytes(b"PK not really")
    with pytest.raises(ModelBundleError, match="broken"):
        engine(broken)
    with pytest.raises(OSError, match="missing"):
        engine(tmp_path / "missing.task")


def test_engines_when_they_read_the_same_region_then_they_say_the_same(
    estimator: LiteRTEstimator, mediapipe: MediaPipeEstimator
) -> None:
    region = Region(x_px=365.0, y_px=620.0, size_px=1100.0, angle_rad=0.05)
    for frame in _landing("dvj_f_valgus20_60", first=70, last=72):
        one, other = (
            engine.read_view(view_of(frame, region), region, frame=0, mirrored=True)
            for engine in (estimator, mediapipe)
        )
        # the same weights and the same arithmetic: a thousandth of a pixel is rounding
        assert_allclose(one.points_px, other.points_px, atol=0.005)
        assert_allclose(one.confidence, other.confidence, atol=1e-4)
        assert_allclose(one.world_m, other.world_m, atol=1e-5)
        assert one.presence == pytest.approx(other.presence, abs=1e-5)


def test_engines_when_they_look_at_the_same_picture_then_each_person_is_found_by_both(
    estimator: LiteRTEstimator, mediapipe: MediaPipeEstimator
) -> None:
    for frame in _landing("dvj_f_bystander_60", first=10, last=10):
        ours, theirs = (_everybody(engine, frame) for engine in (estimator, mediapipe))
        assert len(ours) == 2
        assert len(theirs) == 2
        for hip_px in theirs:
            # 2 % of the athlete's height, when the two people stand hundreds of pixels apart
            assert min(np.hypot(*(other - hip_px)) for other in ours) < 15.0


def _everybody(engine: PoseEstimator, frame: Frame) -> list[FloatArray]:
    lookout = Lookout(engine)
    lookout.look(frame)
    return [person.sightings[0].reading.hip_mid_px for person in lookout.people]


def test_read_when_picture_is_mirrored_then_the_sides_swap(estimator: LiteRTEstimator) -> None:
    frame = next(_landing("dvj_f_valgus20_60", first=70, last=70))
    region = Region(x_px=365.0, y_px=620.0, size_px=1100.0, angle_rad=0.0)
    reflected = Region(x_px=720 - 365.0, y_px=620.0, size_px=1100.0, angle_rad=0.0)
    view = view_of(frame, region)
    plain = _read_view(estimator, view, region)
    mirrored = _read_view(estimator, np.ascontiguousarray(view[:, ::-1]), reflected)
    # two pictures that are each other's mirror image go through the network twice each, as the same two views
    assert_allclose(mirrored.xy_px[list(MIRROR)] * [-1, 1] + [720, 0], plain.xy_px, atol=0.1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_outline_when_asked_for_then_ankles_are_in_the_middle_of_it_and_landmarks_stay(
    estimator: LiteRTEstimator, mirrored: bool
) -> None:
    frames = list(range(66, 76))
    true_px = _true_px("dvj_f_valgus20_60", frames)
    region = Region(x_px=365.0, y_px=620.0, size_px=1100.0, angle_rad=0.0)
    off: list[FloatArray] = []
    for frame in _landing("dvj_f_valgus20_60", first=66, last=75):
        near = closer_view(view_of(frame, region)), closer(region)
        with_it, without = (
            estimator.read_view(*near, frame=0, mirrored=mirrored, outlined=outlined)
            for outlined in (True, False)
        )
        assert without.outline_px is None
        assert_allclose(with_it.points_px, without.points_px, atol=1e-9)
        assert with_it.outline_px is not None
        middles = with_it.outline_px[[Line.LEFT_ANKLE, Line.RIGHT_ANKLE]].mean(axis=1)
        ankles = [true_px[joint][frame.index - frames[0]] for joint in (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)]
        off.append(np.abs(middles - ankles)[:, 0])
        calves = with_it.outline_px[[Line.LEFT_CALF, Line.RIGHT_CALF]]
        assert (calves[:, 1, 0] > calves[:, 0, 0]).all()
    # a leg is 300 pixels here, the ankle 26 wide
    assert np.mean(off) < 2.5


@pytest.mark.parametrize(
    ("name", "first", "last"), [("dvj_f_bystander_60", 45, 90), ("dvj_f_valgus20_60", 45, 90)]
)
def test_follow_when_somebody_lands_then_hips_knees_and_ankles_are_where_they_are(
    estimator: LiteRTEstimator, name: str, first: int, last: int
) -> None:
    frames = list(range(first, last + 1))
    followed = follow_athlete(_Excerpt(name, first, last), estimator, rule=ReadingRule())
    assert followed.track is not None
    # the athlete is 700 to 800 px tall here: 2 % of that; somebody else would be hundreds of pixels off.
    # The model puts an ankle where the shin meets the shoe, 3 cm (12 px) above the joint.
    for joint, true_px in _true_px(name, frames).items():
        error = np.hypot(*(followed.track.xy_px[:, joint] - true_px).T)
        assert np.median(error) < (20.0 if "ANKLE" in joint.name.upper() else 16.0), joint.name
        assert np.nanmax(error) < 45.0, joint.name


class _Excerpt:
    """Part of a sample, its frames counted from the first."""

    def __init__(self, name: str, first: int, last: int) -> None:
        self._video = VideoFile(Path(f"samples/{name}.mp4"))
        self._first, self._last = first, last
        self.time_s = self._video.time_s[first : last + 1]

    def groups(self) -> list[GroupLike]:
        return []

    def frames(
        self, wanted: Collection[int] | None = None, *, left_out: Collection[int] = frozenset()
    ) -> Iterator[Frame]:
        assert not left_out
        asked = range(len(self.time_s)) if wanted is None else wanted
        for frame in self._video.frames({self._first + index for index in asked}):
            frame.index -= self._first
            yield frame


def test_follow_when_done_twice_then_the_track_has_the_same_bytes(estimator: LiteRTEstimator) -> None:
    video = _Excerpt("dvj_f_neutral_60", 70, 92)
    tracks = [follow_athlete(video, estimator, rule=ReadingRule(), n_threads=n).track for n in (1, 2)]
    assert tracks[0] is not None
    assert tracks[1] is not None
    assert track_to_bytes(tracks[0]) == track_to_bytes(tracks[1])
