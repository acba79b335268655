"""Whatever a video was made of, there is an outcome with finite numbers or a refusal that says why; never a crash."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from app.biomech import events
from app.biomech.pipeline import assess_trial
from app.biomech.types import PoseTrack, Rejected, Sex, TrialContext, View
from tests.synth import drop_jump, video_of


def _taken(track: PoseTrack, frames: np.ndarray) -> PoseTrack:
    return replace(
        track,
        time_s=track.time_s[frames].copy(),
        xy_px=track.xy_px[frames].copy(),
        confidence=track.confidence[frames].copy(),
        world_m=None,
        n_people=track.n_people[frames].copy(),
    )


def _mutilated(rng: np.random.Generator) -> PoseTrack:
    _, track = drop_jump(fps=float(rng.choice([24.0, 60.0, 120.0])))
    n = track.time_s.size
    first, last = sorted(rng.choice(n, 2, replace=False))
    track = _taken(track, np.arange(first, last + 1))
    n = track.time_s.size
    track = _taken(track, np.sort(rng.choice(n, max(2, int(n * rng.uniform(0.2, 1.0))), replace=False)))
    n = track.time_s.size
    xy_px = track.xy_px + rng.normal(0.0, rng.choice([0.0, 3.0, 60.0]), track.xy_px.shape)
    for _ in range(rng.integers(0, 5)):
        start = rng.integers(0, n)
        xy_px[start : start + rng.integers(1, 30), rng.integers(0, 33)] = np.nan
    speed = rng.choice([0.25, 0.5, 1.0, 2.0, 8.0])
    return replace(track, time_s=track.time_s * speed, xy_px=xy_px)


@pytest.mark.parametrize("seed", range(40))
def test_pipeline_when_a_track_is_mutilated_then_there_is_an_outcome_all_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    track = _mutilated(rng)
    context = TrialContext(
        view=list(View)[rng.integers(len(View))],
        sex=list(Sex)[rng.integers(len(Sex))],
        stature_cm=170.0 if rng.random() < 0.5 else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # numpy says when a stretch holds nothing; the result must hold
        outcome = assess_trial(video=video_of(track), track=track, context=context)
    for metric in outcome.metrics:
        assert metric.value is None or np.isfinite(metric.value), metric
    if isinstance(outcome, Rejected):
        assert outcome.findings


def test_floor_crossing_when_frames_are_missing_just_before_it_then_none() -> None:
    time_s = np.array([0.00, 0.01, 0.02, 0.03, 0.04, 0.40, 0.41, 0.42, 0.43])
    height = np.array([0.50, 0.49, 0.48, 0.46, 0.44, 0.30, 0.00, 0.00, 0.00])
    crossing = events.find_floor_crossing(
        time_s, height, clearance=0.025, gravity=9.81, noise=0.001, landing=True
    )
    assert crossing is None
