"""Stick figures with closed-form truth, at several frame rates, with jitter, seen square and turned."""

from dataclasses import replace

import numpy as np

from app.biomech.frontal_plane import FOCAL_SHARE
from app.biomech.pipeline import assess_trial
from app.biomech.types import Sex, TrialContext
from bench.accuracy_mocap import LANDMARK_SD_LEGS
from bench.accuracy_truth import ClipResult, Reading
from tests.synth import LEG_M, drop_jump, video_of

SEEDS = range(6)
SIDES = ("left", "right")


def figures() -> list[ClipResult]:
    """Return what was measured of drop jumps at 30 to 240 frames a second, six of each, every one with other knees."""
    return [_measure(fps, seed) for fps in (30.0, 60.0, 120.0, 240.0) for seed in SEEDS]


def _measure(fps: float, seed: int) -> ClipResult:
    rng = np.random.default_rng(seed)
    rise = (float(rng.uniform(0.0, 18.0)), float(rng.uniform(0.0, 18.0)))
    yaw_deg = float(rng.normal(0.0, 1.5))
    figure, track = drop_jump(
        fps=fps,
        phase=float(rng.uniform()),
        rise_deg=rise,
        yaw_deg=yaw_deg,
        noise_m=0.004,
        seed=seed,
        world=True,
        distance_m=FOCAL_SHARE * 1280 / 400.0,
    )
    # what a pose model's idea of a joint adds for a whole clip; jitter alone would flatter the stated errors
    leg_px = LEG_M * figure.scale_px_m
    landmarks_px = rng.normal(0.0, LANDMARK_SD_LEGS * leg_px, (1, *track.xy_px.shape[1:]))
    track = replace(track, xy_px=track.xy_px + landmarks_px)
    outcome = assess_trial(
        video=video_of(track),
        track=track,
        context=TrialContext(stature_cm=LEG_M / 0.491 * 100.0, sex=Sex.FEMALE),
    )
    result = ClipResult(
        name=f"{fps:.0f} Hz {seed}",
        source="figure",
        verdict=outcome.verdict.value,
        findings=[finding.code for finding in outcome.findings],
        fps=fps,
    )
    # A figure's feet are not braked before they touch, which is most of an instant's stated error: none is claimed here.
    true = {"initial_contact": figure.contact_at_s, "take_off": figure.take_off_s}
    for event in outcome.events:
        if event.name.value in true:
            result.readings.append(
                Reading(f"dvj {fps:.0f}", f"event:{event.name.value}", event.side.value, event.name.value, "s",
                        event.time_s, true[event.name.value], None)
            )  # fmt: skip
    for metric in outcome.metrics:
        if metric.key == "fppa_frontal" and metric.event == "peak_knee_flexion" and metric.value is not None:
            sides = SIDES if metric.side.value == "both" else (metric.side.value,)
            known = np.mean(
                [figure.fppa(np.array(figure.lowest_at_s), left=side == "left") for side in sides]
            )
            result.readings.append(
                Reading(f"dvj {fps:.0f}", metric.key, metric.side.value, metric.event, "deg",
                        metric.value, float(known), metric.se)
            )  # fmt: skip
    return result
