"""Laws that every movement keeps, from the pose track to the numbers: what must not matter does not.

Each law is run over all eleven movements and over every number they report, so that a movement added later
is held to them by being there.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.biomech.definitions import METRICS
from app.biomech.types import Assessed, Metric, Movement, Outcome, PoseTrack, Rejected
from tests.synth import drop_jump, mirrored, without
from tests.synth_movements import Camera, mover
from tests.unit.biomech.support import MIRRORED, assess, problems, values

EVERY_MOVEMENT = pytest.mark.parametrize("movement", Movement)


def film(movement: Movement, **camera: object) -> PoseTrack:
    """Return a track of the movement as its figure does it."""
    if movement is Movement.DROP_VERTICAL_JUMP:
        return drop_jump(**camera)[1]
    if movement is Movement.SIDE_STEP_CUT:
        camera = {"size_px": (1920, 1080), **camera}
    return mover(movement, camera=Camera(**camera))[1]  # type: ignore[arg-type]  # by name, checked by the dataclass


def pairs(outcome: Outcome, other: Outcome) -> list[tuple[Metric, float, float, float]]:
    """Return each metric that both have with its two values and the larger error.

    Spreads are left out: they hold the error itself, and that of a figure that repeats exactly is none.
    """
    found = {(m.key, m.side, m.event, m.repetition): m for m in other.metrics}
    both = []
    for m in outcome.metrics:
        twin = found.get((m.key, m.side, m.event, m.repetition))
        if twin is None or m.value is None or twin.value is None or m.key.endswith("_spread"):
            continue
        if m.se and twin.se:
            both.append((m, m.value, twin.value, max(m.se, twin.se)))
    return both


def same_kind(outcome: Outcome, other: Outcome) -> None:
    """Both must be measured, or both refused, and say the same about it."""
    assert isinstance(other, Assessed) is isinstance(outcome, Assessed)
    assert problems(other) == problems(outcome)


@EVERY_MOVEMENT
def test_mirror_when_the_picture_is_mirrored_then_the_sides_exchange_and_every_value_stays(
    movement: Movement,
) -> None:
    track = film(movement, noise_m=0.003, seed=3)
    plain, turned = assess(track, movement), assess(mirrored(track), movement)
    same_kind(plain, turned)
    expected, found = values(plain), values(turned)
    assert {(key, MIRRORED[side], event, n) for key, side, event, n in expected} == set(found)
    for (key, side, event, number), value in expected.items():
        # Signed by the picture, not by a leg: a lean to the left is one to the right.
        sign = -1.0 if key in ("lateral_trunk_lean", "camera_roll", "yaw") else 1.0
        other = found[key, MIRRORED[side], event, number]
        if value is None or other is None:
            assert other is value, key
        elif key == "lateral_trunk_lean" and event == "peak":
            # The larger of both ways, with its sign.
            assert abs(other) == pytest.approx(abs(value), abs=1e-6)
        else:
            # A picture is mirrored exactly; what is left is rounding.
            assert sign * other == pytest.approx(value, abs=1e-6), key


@EVERY_MOVEMENT
def test_resolution_when_the_same_film_has_more_pixels_then_every_value_stays(movement: Movement) -> None:
    track = film(movement)
    finer = replace(
        track,
        xy_px=1.5 * track.xy_px,
        image_size_px=(track.image_size_px[0] * 3 // 2, track.image_size_px[1] * 3 // 2),
    )
    plain, other = assess(track, movement), assess(finer, movement)
    same_kind(plain, other)
    found = values(other)
    for which, value in values(plain).items():
        if METRICS[which[0].removesuffix("_spread")].unit in ("px", "cm/px"):
            continue
        # 0.002: a golden-section search stops a thousandth of a frame apart.
        assert found[which] == (None if value is None else pytest.approx(value, abs=0.002)), which


@EVERY_MOVEMENT
@given(shift_px=st.tuples(st.floats(-60.0, 60.0), st.floats(-20.0, 20.0)), roll_deg=st.floats(-2.5, 2.5))
@settings(max_examples=3, deadline=None, derandomize=True)
def test_place_and_roll_when_the_camera_moves_then_angles_of_the_leg_and_times_stay(
    movement: Movement, shift_px: tuple[float, float], roll_deg: float
) -> None:
    track = film(movement)
    turn = np.radians(roll_deg)
    middle = np.array(track.image_size_px) / 2.0
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = replace(track, xy_px=(track.xy_px - middle) @ rotation.T + middle + np.array(shift_px))
    found = values(assess(moved, movement))
    for which, value in values(assess(track, movement)).items():
        if METRICS[which[0].removesuffix("_spread")].unit == "s":
            # An instant moves by a part of a frame with the height it is read in.
            assert found[which] == pytest.approx(value, abs=0.006), which
        if which[0] in ("fppa", "fppa_rise", "knee_valgus_displacement"):
            assert found[which] == pytest.approx(value, abs=0.1), which


@EVERY_MOVEMENT
@pytest.mark.parametrize("fps", [30.0, 120.0, 240.0])
def test_rate_when_the_same_movement_is_filmed_at_another_then_the_values_agree_within_their_errors(
    movement: Movement, fps: float
) -> None:
    plain, other = assess(film(movement), movement), assess(film(movement, fps=fps), movement)
    assert isinstance(other, Assessed) is isinstance(plain, Assessed)
    compared = pairs(plain, other)
    assert len(compared) >= 4
    for m, value, twin, se in compared:
        # One error: without jitter the rate alone moves a value by a part of it.
        assert abs(twin - value) <= se, (m.key, m.event)


@EVERY_MOVEMENT
def test_noise_when_landmarks_jitter_then_the_stated_intervals_hold_the_true_values(
    movement: Movement,
) -> None:
    plain = assess(film(movement), movement)
    inside = []
    for seed in range(4):
        jittered = assess(film(movement, noise_m=0.006, seed=seed, phase=seed / 4), movement)
        inside += [abs(found - true) <= 1.96 * m.se for m, found, true, _ in pairs(jittered, plain) if m.se]
    assert len(inside) >= 12
    assert np.mean(inside) >= 0.95


def moment_of(outcome: Outcome) -> float:
    """Return an instant that the movement is judged at, seconds."""
    assert isinstance(outcome, Assessed)
    inner = [event.time_s for event in outcome.events[1:-1]] or [event.time_s for event in outcome.events]
    return inner[len(inner) // 2]


@EVERY_MOVEMENT
def test_gap_when_the_athlete_is_lost_for_an_instant_then_the_values_stay_within_their_errors(
    movement: Movement,
) -> None:
    track = film(movement, fps=120.0)
    plain = assess(track, movement)
    at_s = moment_of(plain)
    other = assess(without(track, start_s=at_s - 0.025, stop_s=at_s + 0.025), movement)
    same_kind(plain, other)
    assert {(m.key, m.side, m.event) for m in plain.metrics if m.value is None} == {
        (m.key, m.side, m.event) for m in other.metrics if m.value is None
    }
    for m, value, twin, se in pairs(plain, other):
        assert abs(twin - value) <= se, (m.key, m.event)


@EVERY_MOVEMENT
def test_gap_when_it_is_longer_than_may_be_filled_then_it_stays_one_in_every_curve(
    movement: Movement,
) -> None:
    track = film(movement, fps=120.0)
    at_s = moment_of(assess(track, movement))
    outcome = assess(without(track, start_s=at_s - 0.25, stop_s=at_s + 0.25), movement)
    if outcome.kinematics is None:
        assert isinstance(outcome, Rejected)
        return
    inside = np.abs(outcome.kinematics.time_s - at_s) < 0.1
    for name, series in outcome.kinematics.series.items():
        assert not np.isfinite(series[inside]).any(), name
