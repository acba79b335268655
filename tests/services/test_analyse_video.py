"""One video from reading to pictures, with a reader that hands over a made-up athlete."""

from pathlib import Path

import pytest

from app.biomech.types import MethodStamp, Sex, TrialContext, Verdict
from app.services.analyse_video import AnalysedVideo, analyse_video, picture_order
from app.services.video_reader import PictureOrder, VideoReading
from tests.factories import ScriptedReader
from tests.synth import drop_jump, video_of

METHOD = MethodStamp(version="test", model_sha256="0" * 64, code_version="test")


def _analysed(tmp_path: Path, *, yaw_deg: float) -> tuple[AnalysedVideo, PictureOrder]:
    _, track = drop_jump(yaw_deg=yaw_deg)
    with ScriptedReader(reading=VideoReading(video=video_of(track), track=track)) as reader:
        analysed = analyse_video(
            path=tmp_path / "clip.mp4",
            context=TrialContext(stature_cm=171.0, sex=Sex.FEMALE),
            reader=reader,
            method=METHOD,
            on_progress=lambda stage, share: None,
        )
    return analysed, picture_order(analysed.record, track=track, kinematics=analysed.kinematics)


def test_pictures_when_the_view_is_frontal_then_the_knee_angle_is_drawn(tmp_path: Path) -> None:
    analysed, order = _analysed(tmp_path, yaw_deg=0.0)
    assert analysed.record.shows_knee_angle
    assert order.kinematics is analysed.kinematics is not None


@pytest.mark.parametrize("yaw_deg", [-40.0, 35.0])
def test_pictures_when_the_view_is_oblique_then_no_picture_gives_the_withheld_angle_away(
    tmp_path: Path, yaw_deg: float
) -> None:
    analysed, order = _analysed(tmp_path, yaw_deg=yaw_deg)
    assert analysed.record.verdict is Verdict.INVALID
    assert not analysed.record.shows_knee_angle
    assert order.kinematics is None
    assert order.events
