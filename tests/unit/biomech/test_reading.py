"""What is read closely of a drop jump, on the stick figure with closed-form truth."""

from dataclasses import replace

import numpy as np
import pytest

from app.biomech.pipeline import MOVEMENTS, assess_trial
from app.biomech.reading import ReadSpan, plan_landing
from app.biomech.types import Assessed, BoolArray, FloatArray, Movement, PoseTrack, TrialContext
from tests.synth import drop_jump, video_of, with_hips


def _thinned(time_s: FloatArray, *, every_s: float) -> BoolArray:
    chosen, next_s = np.zeros(time_s.size, dtype=np.bool_), -np.inf
    for frame, at_s in enumerate(time_s):
        if at_s >= next_s - 0.0005:
            chosen[frame], next_s = True, at_s + every_s
    return chosen


def _only(track: PoseTrack, frames: BoolArray) -> PoseTrack:
    return replace(
        track,
        xy_px=np.where(frames[:, None, None], track.xy_px, np.nan),
        confidence=np.where(frames[:, None], track.confidence, np.nan),
    )


def _coarse(track: PoseTrack) -> PoseTrack:
    """Ten looks a second, thirty from half a second before the fall to the end."""
    moving = (track.time_s > 0.4) & _thinned(track.time_s, every_s=1 / 30)
    return _only(track, moving | _thinned(track.time_s, every_s=0.1))


def _read(track: PoseTrack, spans: tuple[ReadSpan, ...]) -> PoseTrack:
    t = track.time_s
    close = np.zeros(t.size, dtype=np.bool_)
    for span in spans:
        inside = (t >= span.start_s) & (t <= span.stop_s)
        close[inside] |= _thinned(t[inside], every_s=1 / span.rate_hz)
    return _only(track, close | np.isfinite(_coarse(track).xy_px[:, 0, 0]))


@pytest.mark.parametrize("fps", [60.0, 240.0])
@pytest.mark.parametrize("changes", [{"delay_s": 0.03}, {"noise_m": 0.003, "seed": 2}, {"box_m": 0.5}])
def test_plan_when_followed_then_the_result_is_that_of_reading_every_frame(
    fps: float, changes: dict[str, float]
) -> None:
    _, track = drop_jump(fps=fps, **changes)
    spans = plan_landing(_coarse(track))
    assert spans is not None
    sparse = _read(track, spans)
    dense, thin = (
        assess_trial(video=video_of(track), track=one, context=TrialContext()) for one in (track, sparse)
    )
    assert isinstance(dense, Assessed)
    assert isinstance(thin, Assessed)
    assert [event.name for event in thin.events] == [event.name for event in dense.events]
    for one, other in zip(thin.events, dense.events, strict=True):
        # half a frame, and never asked to be finer than the event's own error
        assert abs(one.time_s - other.time_s) < max(0.5 / fps, 0.25 * other.sd_s), one.name
    for one, other in zip(thin.metrics, dense.metrics, strict=True):
        if other.key == "fppa" and other.value is not None:
            assert one.value == pytest.approx(other.value, abs=0.5)


def test_plan_when_the_clip_is_long_then_a_small_part_of_it_is_read() -> None:
    _, track = drop_jump(fps=120.0, stand_s=4.0, after_s=4.0)
    spans = plan_landing(_coarse(track))
    assert spans is not None
    assert sum(span.stop_s - span.start_s for span in spans) < 0.2 * track.time_s[-1]


def test_plan_when_the_video_is_slowed_then_the_stretches_are_longer() -> None:
    usual, slowed = (plan_landing(_coarse(drop_jump(fps=60.0, slow=slow)[1])) for slow in (1.0, 4.0))
    assert usual is not None
    assert slowed is not None
    landing, slow_landing = (max(span.stop_s - span.start_s for span in spans) for spans in (usual, slowed))
    assert slow_landing > 2.5 * landing


def test_plan_when_nobody_lands_or_nobody_is_there_then_there_is_none() -> None:
    figure, track = drop_jump(fps=60.0)
    t = track.time_s
    squat = with_hips(figure, t, 0.3 * np.sin(np.pi * t / t[-1]) ** 2)
    assert plan_landing(_coarse(squat)) is None
    assert plan_landing(_only(track, np.zeros(t.size, dtype=np.bool_))) is None


def test_movements_when_listed_then_the_drop_jump_has_a_plan() -> None:
    assert MOVEMENTS[Movement.DROP_VERTICAL_JUMP].plan_reading is plan_landing
