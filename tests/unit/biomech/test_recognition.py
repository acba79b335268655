"""Every movement is known for what it is and refused under every other name: a full confusion matrix."""

from functools import cache

import numpy as np
import pytest

from app.biomech.kinematics import prepare_paths
from app.biomech.pipeline import MOVEMENTS
from app.biomech.recognition import LOOKS_LIKE, Recognised, find_swings, recognise
from app.biomech.types import Movement, PoseTrack, Rejected, Severity, Side
from tests.synth import cut, drop_jump
from tests.synth_movements import Camera, mover
from tests.unit.biomech.support import assess, looks_like

CAMERAS = {
    "square": Camera(),
    "near": Camera(distance_m=4.0),
    "30 Hz and jitter": Camera(fps=30.0, noise_m=0.010, distance_m=4.0),
    "240 Hz and jitter": Camera(fps=240.0, noise_m=0.006),
    "rolled": Camera(roll_deg=5.0),
    "turned": Camera(yaw_deg=10.0, distance_m=5.0),
}
DROPS = {Movement.DROP_VERTICAL_JUMP, Movement.JUMP_LANDING}
"""From in front these two may look alike."""
FIGURES = [movement for movement in Movement if movement not in DROPS]
ON_ONE_LEG = {
    Movement.SINGLE_LEG_SQUAT,
    Movement.SINGLE_LEG_LANDING,
    Movement.LATERAL_STEP_DOWN,
    Movement.FORWARD_LUNGE,
}


def see(track: PoseTrack) -> Recognised:
    return recognise(prepare_paths(track), image_size_px=track.image_size_px)


@cache
def clip(movement: Movement) -> PoseTrack:
    if movement is Movement.DROP_VERTICAL_JUMP:
        return drop_jump(world=True, distance_m=4.0)[1]
    return mover(movement, camera=Camera(distance_m=4.0))[1]


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("movement", FIGURES)
def test_figure_when_seen_from_the_front_then_it_is_known_with_the_leg_it_stands_on(
    movement: Movement, camera: str
) -> None:
    for mirrored, side in ((False, Side.LEFT), (True, Side.RIGHT)):
        seen = see(mover(movement, camera=CAMERAS[camera], mirrored=mirrored)[1])
        assert seen.movement is movement
        assert seen.words == LOOKS_LIKE[movement]
        if movement in ON_ONE_LEG:
            assert seen.stance is side


@pytest.mark.parametrize("movement", [m for m in FIGURES if m is not Movement.SIDE_STEP_CUT])
def test_figure_when_seen_from_the_side_then_it_is_still_known(movement: Movement) -> None:
    assert see(mover(movement, camera=Camera(yaw_deg=90.0, distance_m=5.0))[1]).movement is movement


def test_drop_jump_when_seen_then_it_is_known_and_a_floor_jump_is_not_one() -> None:
    assert see(clip(Movement.DROP_VERTICAL_JUMP)).movement is Movement.DROP_VERTICAL_JUMP
    forward = see(clip(Movement.JUMP_LANDING))
    assert Movement.JUMP_LANDING in (forward.movement, *forward.or_else)
    jump = see(cut(drop_jump(contact_s=0.5)[1], start_s=1.1))
    assert (jump.movement, jump.words) == (None, "a jump from the floor")


@pytest.mark.parametrize("chosen", MOVEMENTS)
@pytest.mark.parametrize("shown", Movement)
def test_clip_when_another_movement_was_chosen_then_it_is_refused_by_name_and_nothing_is_measured(
    shown: Movement, chosen: Movement
) -> None:
    outcome = assess(clip(shown), chosen)
    if shown is chosen:
        assert not looks_like(outcome)
        return
    if (shown, chosen) == (Movement.JUMP_LANDING, Movement.DROP_VERTICAL_JUMP):
        assert (
            outcome.metrics
        )  # what follows contact is the same task: measured, with a warning where it is clear
        return
    assert isinstance(outcome, Rejected)
    assert looks_like(outcome) in {LOOKS_LIKE[m] for m in (DROPS if shown in DROPS else {shown})}
    assert "wrong_movement" in {f.code for f in outcome.findings if f.severity is Severity.ERROR}
    assert outcome.metrics == ()
    assert outcome.events == ()


@pytest.mark.parametrize("movement", MOVEMENTS)
@pytest.mark.parametrize("seed", range(3))
def test_mutilated_when_frames_and_points_are_missing_then_there_is_an_answer_and_never_a_failure(
    movement: Movement, seed: int
) -> None:
    track = clip(movement)
    draw = np.random.default_rng(seed)
    xy_px = track.xy_px.copy()
    xy_px[draw.random(xy_px.shape[:2]) < 0.25] = np.nan
    start = int(draw.integers(0, xy_px.shape[0]))
    xy_px[start : start + xy_px.shape[0] // 4] = np.nan
    outcome = assess(_with(track, xy_px), movement)
    assert all(m.value is None or (np.isfinite(m.value) and m.se is not None) for m in outcome.metrics)


def _with(track: PoseTrack, xy_px: np.ndarray) -> PoseTrack:
    from dataclasses import replace

    return replace(track, xy_px=xy_px)


def test_nothing_when_nobody_is_seen_well_then_there_is_no_name_for_it() -> None:
    track = clip(Movement.STANDING)
    lost = track.xy_px.copy()
    lost[:, 23:29] = np.nan
    assert see(_with(track, lost)).movement is None


def test_swings_when_the_feet_rise_in_turn_then_each_is_found_once() -> None:
    t = np.arange(0, 3, 1 / 60)
    swings = find_swings(t, 0.3 * np.sin(2 * np.pi * t))
    assert [round(at_s, 2) for at_s, _ in swings] == [0.25, 0.75, 1.25, 1.75, 2.25, 2.75]
    assert [side for _, side in swings] == [Side.LEFT, Side.RIGHT] * 3
