"""One video from reading to pictures, with a reader that hands over a made-up athlete."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.biomech.types import MethodStamp, Sex, TrialContext, Verdict
from app.services.analyse_video import AnalysedVideo, analyse_video
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReading
from tests.factories import ScriptedReader
from tests.synth import drop_jump, video_of

METHOD = MethodStamp(version="test", model_sha256="0" * 64, code_version="test")


@dataclass
class _Noting(ScriptedReader):
    orders: list[PictureOrder] = field(default_factory=list)

    def draw(self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress) -> Pictures:
        self.orders.append(order)
        return super().draw(order, directory=directory, overlay=overlay, on_progress=on_progress)


def _analysed(tmp_path: Path, *, yaw_deg: float) -> tuple[AnalysedVideo, PictureOrder]:
    _, track = drop_jump(yaw_deg=yaw_deg)
    with _Noting(reading=VideoReading(video=video_of(track), track=track)) as reader:
        assert isinstance(reader, _Noting)
        analysed = analyse_video(
            path=tmp_path / "clip.mp4",
            context=TrialContext(stature_cm=171.0, sex=Sex.FEMALE),
            reader=reader,
            method=METHOD,
            on_progress=lambda stage, share: None,
            pictures_dir=tmp_path,
            overlay=True,
        )
        return analysed, reader.orders[0]


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
