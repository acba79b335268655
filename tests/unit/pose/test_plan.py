"""Reading by the drop jump's plan against reading every frame, with the engine on a rendered athlete."""

from pathlib import Path

import pytest

from app.biomech.pipeline import assess_trial
from app.biomech.reading import ReadSpan, plan_landing
from app.biomech.types import Assessed, Outcome, TrialContext, VideoInfo
from app.media.frames import VideoFile
from app.pose.litert_estimator import LiteRTEstimator
from app.pose.tracking import ReadingRule, follow_athlete

pytestmark = pytest.mark.pose
_CLIP = Path("samples/dvj_f_valgus20_60.mp4")


def _assess(estimator: LiteRTEstimator, rule: ReadingRule) -> tuple[Outcome, int]:
    before = estimator.n_network_runs
    video = VideoFile(_CLIP)
    followed = follow_athlete(video, estimator, rule=rule, n_threads=2)
    assert followed.track is not None
    facts = VideoInfo(
        width_px=video.size_px[0],
        height_px=video.size_px[1],
        duration_s=video.facts.duration_s,
        n_frames=len(video.time_s),
        nominal_fps_hz=video.facts.nominal_fps_hz,
        rotation_deg=0,
        codec=video.facts.codec,
        sha256="-",
    )
    outcome = assess_trial(video=facts, track=followed.track, context=TrialContext())
    return outcome, estimator.n_network_runs - before


def test_plan_when_followed_then_the_numbers_are_those_of_reading_every_frame_in_fewer_runs() -> None:
    estimator = LiteRTEstimator(n_threads=2)
    everything = ReadSpan(start_s=0.0, stop_s=60.0)
    (sparse, n_sparse), (dense, n_dense) = (
        _assess(estimator, ReadingRule(plan=plan)) for plan in (plan_landing, lambda _: (everything,))
    )
    assert n_sparse < 0.75 * n_dense
    assert isinstance(sparse, Assessed)
    assert isinstance(dense, Assessed)
    for one, other in zip(sparse.events, dense.events, strict=True):
        assert (one.name, one.side) == (other.name, other.side)
        assert abs(one.time_s - other.time_s) < 0.5 / 60, one.name
    angles = [
        (one.value, other.value)
        for one, other in zip(sparse.metrics, dense.metrics, strict=True)
        if other.key in ("fppa", "knee_valgus_displacement") and other.value is not None
    ]
    assert len(angles) >= 9
    for one, other in angles:
        assert one == pytest.approx(other, abs=0.5)
