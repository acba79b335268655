from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from app.biomech.types import Event, EventName, FlaggedFrame, Kinematics, PoseSource, PoseTrack, Side
from app.media.drawing import Marks, draw_marks, event_title, flagged_title
from app.media.frames import VideoFile
from app.media.overlay import draw_overlay
from app.media.stills import draw_stills
from tests.support.videos import write_video

_TIMES = [0.25 + t for t in np.cumsum([0.0, *np.tile([1 / 60, 1 / 30], 10)])]


@pytest.fixture
def video(tmp_path: Path) -> VideoFile:
    video = VideoFile(write_video(tmp_path / "source.mov", times_s=_TIMES, size=(201 * 2, 300)))
    next(video.frames())
    return video


def _track() -> PoseTrack:
    n = len(_TIMES)
    xy = np.full((n, 33, 2), np.nan)
    xy[:, [23, 24, 25, 26, 27, 28]] = [[220, 120], [180, 120], [225, 180], [175, 180], [220, 240], [180, 240]]
    xy[3] = np.nan
    return PoseTrack(
        time_s=np.array(_TIMES),
        xy_px=xy,
        confidence=np.ones((n, 33)),
        world_m=None,
        image_size_px=(402, 300),
        source=PoseSource(estimator="e", model="m", model_sha256="0"),
        n_people=np.ones(n),
    )


def _kinematics() -> Kinematics:
    values = np.full(len(_TIMES), 12.0)
    return Kinematics(
        time_s=np.array(_TIMES),
        rate_hz=45.0,
        series={"fppa_left_deg": values, "fppa_right_deg": np.full(len(_TIMES), np.nan)},
    )


def _flagged(frame: int, reason: str, side: Side) -> FlaggedFrame:
    return FlaggedFrame(frame=frame, time_s=_TIMES[min(frame, 20)], reason=reason, side=side)


def _stills(video: VideoFile, folder: Path) -> list[int]:
    folder.mkdir(exist_ok=True)
    flagged = [
        _flagged(5, "initial_contact", Side.LEFT),
        _flagged(5, "initial_contact", Side.RIGHT),
        _flagged(3, "peak_valgus", Side.LEFT),
        _flagged(999, "lowest_point", Side.BOTH),
    ]
    return draw_stills(
        video,
        track=_track(),
        events=(),
        flagged_frames=flagged,
        kinematics=_kinematics(),
        path_of=lambda frame: folder / f"{frame}.jpg",
    )


def test_stills_when_drawn_twice_then_each_flagged_frame_has_the_same_picture(
    video: VideoFile, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert _stills(video, one) == _stills(video, two) == [3, 5]
    for frame in (3, 5):
        picture = cv2.imread(str(one / f"{frame}.jpg"))
        assert picture is not None
        assert picture.shape[0] == 960
        assert (one / f"{frame}.jpg").read_bytes() == (two / f"{frame}.jpg").read_bytes()


def test_overlay_when_made_then_it_plays_everywhere_and_tells_nothing_of_the_source(
    video: VideoFile, tmp_path: Path
) -> None:
    path = tmp_path / "overlay.mp4"
    event = Event(name=EventName.TAKE_OFF, side=Side.BOTH, time_s=_TIMES[10], frame=10, sd_s=0.01)
    said: list[float] = []
    draw_overlay(
        video, track=_track(), events=[event], kinematics=_kinematics(), path=path, on_progress=said.append
    )
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert len(container.streams) == 1
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width % 2, stream.height % 2) == (0, 0)
        assert max(stream.width, stream.height) <= 1280
        assert "encoder" not in container.metadata
        times = [frame.time for frame in container.decode(stream)]
    drawn = [_TIMES[0], _TIMES[2], *_TIMES[4:17], _TIMES[18], _TIMES[20]]  # all near the take-off
    assert_allclose(times, drawn, atol=1e-4)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert said[-1] == pytest.approx(1.0)


def test_marks_when_drawn_then_each_leg_shows_and_missing_joints_do_not() -> None:
    canvas = np.full((300, 400, 3), 128, dtype=np.uint8)
    xy = _track().xy_px[0].copy()
    xy[28] = np.nan
    draw_marks(canvas, Marks(xy_px=xy, fppa_deg={Side.LEFT: 12.4}))
    left_thigh, right_shank = canvas[150, 222], canvas[210, 177]
    assert np.ptp(left_thigh) > 60
    assert np.ptp(right_shank) == 0
    # the angle stands to the right of the left knee, away from the other leg; the right knee has none
    assert (canvas[165:200, 245:300] != 128).any()
    assert (canvas[165:200, 100:155] == 128).all()


def test_title_when_both_sides_share_a_frame_then_it_is_said_once() -> None:
    both = [_flagged(5, "initial_contact", Side.LEFT), _flagged(5, "initial_contact", Side.RIGHT)]
    assert flagged_title(both) == "Initial contact"
    assert flagged_title(both[:1]) == "Initial contact, left"
    assert flagged_title([_flagged(1, "feet_out_of_frame", Side.BOTH), *both[1:]]) == (
        "Feet out of frame / Initial contact, right"
    )


@pytest.mark.parametrize("name", EventName)
def test_title_when_an_event_is_repeated_then_its_number_stands_beside_its_name(name: EventName) -> None:
    event = Event(name=name, side=Side.LEFT, time_s=0.1, frame=3, sd_s=0.01, repetition=2)
    assert event_title(event).endswith(" 2, left")
    assert event_title(replace(event, repetition=None, side=Side.BOTH))[0].isupper()
