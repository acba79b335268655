"""Instants between frames against closed forms (method section 10.3)."""

import numpy as np
import pytest

from app.biomech import events

G = 9.81
SPEED = 2.42611


def landing(fps: float, *, phase: float, contact_s: float = 0.25, noise: float = 0.0, seed: int = 0) -> tuple:
    """Return times and heights of a foot that falls from 0.30 m and stays on the floor."""
    t = (np.arange(int(0.5 * fps)) + phase) / fps
    before = contact_s - t
    height = np.where(before > 0, SPEED * before - 0.5 * G * before**2, 0.0)
    return t, height + np.random.default_rng(seed).normal(0.0, noise, t.size)


@pytest.mark.parametrize("fps", [24, 30, 60, 120, 240])
def test_floor_crossing_when_there_is_no_noise_then_it_is_exact_for_every_start_phase(fps: int) -> None:
    for phase in np.linspace(0.0, 0.99, 100):
        t, height = landing(fps, phase=phase)
        down = events.find_floor_crossing(t, height, clearance=0.025, gravity=G, noise=0.0, landing=True)
        up = events.find_floor_crossing(t, height[::-1], clearance=0.025, gravity=G, noise=0.0, landing=False)
        assert down is not None
        assert up is not None
        assert abs(down.time_s - 0.25) <= 0.002
        assert abs(up.time_s - (t[-1] + t[0] - 0.25)) <= 0.002


@pytest.mark.parametrize("fps", [30, 60, 120])
def test_floor_crossing_when_a_landmark_jitters_by_15_mm_then_it_is_within_a_frame(fps: int) -> None:
    errors = []
    for seed in range(100):
        t, height = landing(fps, phase=seed / 100, noise=0.015, seed=seed)
        found = events.find_floor_crossing(t, height, clearance=0.03, gravity=G, noise=0.015, landing=True)
        assert found is not None
        errors.append(found.time_s - 0.25)
    # 95 of 100: 15 mm at 2.4 m/s is 6 ms by itself, three quarters of a frame at 120 Hz.
    assert np.quantile(np.abs(errors), 0.95) <= max(1.0 / fps, 0.0125)
    assert abs(np.mean(errors)) <= 0.004


@pytest.mark.parametrize("fps", [60, 120, 240])
def test_floor_crossing_when_the_foot_is_braked_just_above_the_floor_then_it_is_placed_where_it_touches(
    fps: int,
) -> None:
    slow, braked_s = 1.3, 0.04
    errors = []
    for phase in np.linspace(0.0, 0.95, 20):
        t = (np.arange(int(0.5 * fps)) + phase) / fps
        before = np.maximum(0.25 - t, 0.0)
        falling = np.maximum(before - braked_s, 0.0)
        height = slow * np.minimum(before, braked_s) + SPEED * falling - 0.5 * G * falling**2
        down = events.find_floor_crossing(t, height, clearance=0.025, gravity=G, noise=0.003, landing=True)
        up = events.find_floor_crossing(
            t, height[::-1], clearance=0.025, gravity=G, noise=0.003, landing=False
        )
        assert down is not None
        assert up is not None
        errors += [down.time_s - 0.25, t[-1] + t[0] - 0.25 - up.time_s]
    # The free fall from above would end 18 ms early.
    assert np.mean(np.abs(errors)) <= 0.003
    assert np.max(np.abs(errors)) <= 0.009


def test_floor_crossing_when_its_error_is_stated_then_the_truth_lies_inside() -> None:
    inside = 0
    for seed in range(200):
        t, height = landing(60, phase=(seed % 10) / 10, noise=0.01, seed=seed)
        found = events.find_floor_crossing(t, height, clearance=0.03, gravity=G, noise=0.01, landing=True)
        assert found is not None
        inside += abs(found.time_s - 0.25) <= 1.96 * found.sd_s
    assert inside >= 180


@pytest.mark.parametrize(
    "height",
    [
        np.full(30, 0.5),
        np.full(30, np.nan),
        np.zeros(30),
        np.concatenate([np.full(20, 0.2) + np.arange(20) * 0.1, np.zeros(10)]),
    ],
    ids=["never down", "not measured", "never up", "rises and is suddenly down"],
)
def test_floor_crossing_when_the_foot_does_not_land_then_there_is_none(height: np.ndarray) -> None:
    t = np.arange(30) / 60
    assert events.find_floor_crossing(t, height, clearance=0.03, gravity=G, noise=0.0, landing=True) is None


def test_impact_when_a_foot_stops_then_it_is_found_within_a_frame() -> None:
    t, height = landing(120, phase=0.3)
    found = events.find_impact(t, height, around_s=0.24, within_s=0.06)
    assert found is not None
    assert abs(found - 0.25) <= 1 / 120


@pytest.mark.parametrize(("t", "around_s"), [(np.arange(4) / 60, 0.0), (np.arange(60) / 60, 9.0)])
def test_impact_when_there_is_too_little_to_see_then_there_is_none(t: np.ndarray, around_s: float) -> None:
    assert events.find_impact(t, np.zeros(t.size), around_s=around_s, within_s=0.05) is None


@pytest.mark.parametrize("fps", [24, 30, 60, 120, 240])
def test_lowest_point_when_the_path_is_a_sine_then_it_is_found_between_frames(fps: int) -> None:
    t = (np.arange(int(0.35 * fps)) + 0.37) / fps
    found = events.find_lowest_point(t, -np.sin(np.pi * t / 0.35), noise=0.001)
    assert found is not None
    assert found.time_s == pytest.approx(0.175, abs=0.001)


def valley(t: np.ndarray, *, lowest_s: float, braked_s: float) -> np.ndarray:
    """Return the height of a trunk that is braked within a time and pushed up more slowly, metres."""
    part = np.maximum((t - lowest_s) / braked_s + 1.0, 0.0)
    return -0.22 * part * np.exp(1.0 - part)


@pytest.mark.parametrize("fps", [30, 60, 120, 240])
@pytest.mark.parametrize("backwards", [False, True])
def test_lowest_point_when_braking_and_push_off_differ_then_it_is_not_pulled_to_the_slower_side(
    fps: int, backwards: bool
) -> None:
    for phase in np.linspace(0.0, 0.9, 10):
        t = (np.arange(int(0.5 * fps)) + phase) / fps
        lowest_s = 0.25
        height = valley(t, lowest_s=lowest_s, braked_s=0.2)
        if backwards:
            t, height, lowest_s = t[-1] - t[::-1], height[::-1], t[-1] - lowest_s
        found = events.find_lowest_point(t, height, noise=0.001)
        assert found is not None
        assert found.time_s == pytest.approx(lowest_s, abs=0.002)  # a parabola is 6 to 8 ms off


@pytest.mark.parametrize("noise", [0.002, 0.004])
def test_lowest_point_when_the_path_jitters_then_it_is_no_further_off_than_stated(noise: float) -> None:
    t = np.arange(30) / 60
    height = valley(t, lowest_s=0.25, braked_s=0.2)
    rng = np.random.default_rng(0)
    found = [
        events.find_lowest_point(t, height + rng.normal(0.0, noise, t.size), noise=noise) for _ in range(300)
    ]
    off_s = np.array([instant.time_s - 0.25 for instant in found if instant is not None])
    stated_s = np.sqrt(np.mean([instant.sd_s**2 for instant in found if instant is not None]))
    # what the fit cannot know of a body is in the stated one too, so it may not be the smaller
    assert 0.4 * stated_s < np.sqrt(np.mean(off_s**2)) <= 1.05 * stated_s


def test_lowest_point_when_it_is_at_the_edge_or_missing_then_it_says_so() -> None:
    t = np.arange(20) / 60
    edge = events.find_lowest_point(t, t, noise=0.001)
    assert edge is not None
    assert edge.time_s == pytest.approx(0.0, abs=0.02)
    assert edge.sd_s >= events.TURN_SD_S
    assert events.find_lowest_point(t, np.full(20, np.nan), noise=0.001) is None
    lonely = np.full(20, np.nan)
    lonely[5] = 1.0
    alone = events.find_lowest_point(t, lonely, noise=0.001)
    assert alone is not None
    assert alone.sd_s == pytest.approx(1 / 60)


def test_fit_acceleration_when_a_body_falls_then_gravity_is_found_and_too_few_samples_give_none() -> None:
    t = np.arange(20) / 60
    fit = events.fit_acceleration(t, 1.0 + 2.0 * t - 0.5 * G * t**2)
    assert fit is not None
    assert fit[0] == pytest.approx(-G)
    assert fit[1] < 1e-6
    assert events.fit_acceleration(t[:4], t[:4]) is None
