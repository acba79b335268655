"""Angles against published unit-test values, closed forms and laws (method sections 10.1 and 10.2)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.biomech import angles
from app.biomech.types import Side
from tests.synth import SEGMENT_M, turned

H = np.array([10, 10, 10, 0, 10, 20], dtype=float)
A = np.array([0, 10, 20, 10, 10, 10], dtype=float)
FPPA = np.array([45, 0, -45, 26.56505, 0, -26.56505])
MEDIAL = np.array([6.324555, 0, -6.324555, 3.162278, 0, -3.162278])


def leg(
    hip_x: np.ndarray, knee_x: np.ndarray, ankle_x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hip, knee and ankle at heights 30, 10 and 0, in a picture with y down."""
    return tuple(
        np.column_stack([x, np.full_like(x, 100.0 - y)]) for x, y in ((hip_x, 30), (knee_x, 10), (ankle_x, 0))
    )


def test_fppa_when_the_published_cases_are_computed_then_values_and_signs_match() -> None:
    # mocapr's unit tests with x mirrored, so that the athlete faces the camera.
    points = leg(-H, np.full(6, -10.0), -A)
    np.testing.assert_allclose(angles.compute_fppa_deg(*points, side=Side.LEFT), FPPA, atol=5e-6)
    np.testing.assert_allclose(angles.compute_fppa_deg(*points, side=Side.RIGHT), -FPPA, atol=5e-6)


def test_medial_knee_position_when_the_published_cases_are_computed_then_values_and_signs_match() -> None:
    points = leg(-H, np.full(6, -10.0), -A)
    np.testing.assert_allclose(
        angles.compute_medial_knee_position(*points, side=Side.LEFT), MEDIAL, atol=5e-6
    )
    np.testing.assert_allclose(
        angles.compute_medial_knee_position(*points, side=Side.RIGHT), -MEDIAL, atol=5e-6
    )


@pytest.mark.parametrize(("offset", "fppa"), [(2.0, 5.4526), (4.0, 10.8807), (6.0, 16.2602)])
@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_fppa_when_the_knee_is_displaced_then_it_is_twice_its_arc_tangent(
    offset: float, fppa: float, side: Side
) -> None:
    inwards = offset if side is Side.RIGHT else -offset  # the right leg stands at the left of the picture
    points = np.array([[0.0, 0.0], [inwards, 42.0], [0.0, 84.0]])
    assert float(angles.compute_fppa_deg(*points, side=side)) == pytest.approx(fppa, abs=5e-5)
    assert float(angles.compute_medial_knee_position(*points, side=side)) == pytest.approx(offset)


def test_separation_ratio_when_the_published_cases_are_computed_then_it_matches() -> None:
    right, left = np.array([10, 20, 30, 50, 50, 60], float), np.array([0, 10, 20, 10, 10, 10], float)
    knees = (np.zeros((6, 2)), np.tile([10.0, 0.0], (6, 1)))
    found = angles.compute_separation_ratio(
        left_knee=knees[0],
        right_knee=knees[1],
        left_ankle=np.column_stack([left, np.ones(6)]),
        right_ankle=np.column_stack([right, np.ones(6)]),
    )
    np.testing.assert_allclose(found, [1, 1, 1, 0.25, 0.25, 0.2])


def test_separation_ratio_when_the_ankles_meet_then_it_is_not_measured() -> None:
    one, two = np.array([[0.0, 0.0]]), np.array([[5.0, 0.0]])
    found = angles.compute_separation_ratio(left_knee=one, right_knee=two, left_ankle=one, right_ankle=one)
    assert np.isnan(found).all()


coordinate = st.floats(min_value=-200.0, max_value=200.0)
point = st.tuples(coordinate, coordinate)


@given(
    hip=point,
    knee=point,
    ankle=point,
    shift=point,
    scale=st.floats(min_value=0.1, max_value=10.0),
    roll_deg=st.floats(min_value=-180.0, max_value=180.0),
)
@settings(max_examples=60, deadline=None)
def test_fppa_when_the_picture_is_moved_scaled_and_rolled_then_it_stays(
    hip: tuple[float, float],
    knee: tuple[float, float],
    ankle: tuple[float, float],
    shift: tuple[float, float],
    scale: float,
    roll_deg: float,
) -> None:
    points = np.array([hip, knee, ankle])
    if min(np.linalg.norm(points[1] - points[0]), np.linalg.norm(points[2] - points[1])) < 1.0:
        return  # a segment without length has no direction
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    changed = scale * points @ np.array([[c, s], [-s, c]]) + np.array(shift)
    before, after = (float(angles.compute_fppa_deg(*p, side=Side.LEFT)) for p in (points, changed))
    turn = (after - before + 180.0) % 360.0 - 180.0
    assert abs(turn) < 1e-6
    mirrored = points * [-1.0, 1.0]
    other = float(angles.compute_fppa_deg(*mirrored, side=Side.RIGHT))
    assert abs((other - before + 180.0) % 360.0 - 180.0) < 1e-9


def straight_leg(*, thigh_deg: float, shank_deg: float) -> np.ndarray:
    """Return hip, knee and ankle of a straight leg in its own sagittal plane, metres, z to the camera."""
    a, b = np.radians(thigh_deg), np.radians(shank_deg)
    ankle = np.array([0.0, 0.08, 0.0])
    knee = ankle + SEGMENT_M * np.array([0.0, np.cos(b), np.sin(b)])
    return np.array([knee + SEGMENT_M * np.array([0.0, np.cos(a), -np.sin(a)]), knee, ankle])


@pytest.mark.parametrize(("yaw_deg", "false_deg"), [(0.0, 0.0), (5.0, 8.811), (10.0, 17.417)])
def test_fppa_when_the_body_is_turned_then_the_false_angle_is_the_derived_one(
    yaw_deg: float, false_deg: float
) -> None:
    points = turned(straight_leg(thigh_deg=50.0, shank_deg=30.0), yaw_deg)[:, :2] * [1.0, -1.0]
    left, right = (float(angles.compute_fppa_deg(*points, side=side)) for side in (Side.LEFT, Side.RIGHT))
    # Turned to the athlete's left, the right knee comes towards the middle.
    assert right == pytest.approx(false_deg, abs=5e-4)
    assert left == pytest.approx(-false_deg, abs=5e-4)
    assert 0.5 * (left + right) == pytest.approx(0.0, abs=1e-9)
    stated = angles.compute_yaw_error_deg(thigh_deg=np.array(50.0), shank_deg=np.array(30.0), yaw_deg=yaw_deg)
    assert float(stated) == pytest.approx(false_deg, abs=5e-4)


@pytest.mark.parametrize(("distance_m", "false_deg"), [(3.0, -3.889), (5.0, -2.242)])
def test_fppa_when_the_camera_is_near_then_a_straight_leg_looks_varus(
    distance_m: float, false_deg: float
) -> None:
    points = np.array([[0.12, 0.75, 0.0], [0.12, 0.45, 0.30], [0.12, 0.08, 0.10]])
    near = distance_m / (distance_m - points[:, 2:])
    picture = (points[:, :2] - [0.0, 0.5]) * near * [1.0, -1.0]
    assert float(angles.compute_fppa_deg(*picture, side=Side.LEFT)) == pytest.approx(false_deg, abs=5e-4)


def test_trunk_lean_when_the_shoulders_go_to_the_athletes_left_then_it_is_positive() -> None:
    lean = angles.compute_trunk_lean_deg(np.array([110.0, 0.0]), np.array([100.0, 100.0]))
    assert float(lean) == pytest.approx(5.7106, abs=1e-4)


def test_interior_angle_when_the_joint_is_straight_or_square_then_it_is_180_or_90() -> None:
    square = angles.compute_interior_angle_deg(np.array([0.0, 1.0]), np.zeros(2), np.array([1.0, 0.0]))
    straight = angles.compute_interior_angle_deg(
        np.array([0.0, 0.0, 1.0]), np.zeros(3), np.array([0.0, 0.0, -2.0])
    )
    assert float(square) == pytest.approx(90.0)
    assert float(straight) == pytest.approx(180.0)
