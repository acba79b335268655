"""Angles and separations from landmark positions in the picture.

Positions are pixels, x right, **y down**, last axis (x, y). Left and right are the athlete's, and the
athlete faces the camera, so the right leg stands at the left of the picture. **Positive FPPA and
positive medial displacement mean knee medial (valgus), on both sides.** NaN in gives NaN out.
"""

import numpy as np

from app.biomech.types import FloatArray, Side


def _side_factor(side: Side) -> float:
    """Return the factor that makes medial positive, for y down and an athlete who faces the camera."""
    return {Side.LEFT: -1.0, Side.RIGHT: 1.0}[side]


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def compute_fppa_deg(hip: FloatArray, knee: FloatArray, ankle: FloatArray, *, side: Side) -> FloatArray:
    """Return the frontal-plane projection angle of the knee in the picture.

    The signed turn from the thigh (hip to knee) to the shank (knee to ankle): 0 is a straight leg,
    positive a knee medial to the line from hip to ankle. It is a projection: perspective, body yaw
    and knee flexion move it, and it is not knee abduction (Mizner 2012,
    Clin J Sport Med 22:221, r^2 = 0.15).

    Parameters
    ----------
    hip, knee, ankle : FloatArray, shape (..., 2)
        Pixels, y down.
    side
        Left or right.

    Returns
    -------
    FloatArray, shape (...)
        Degrees, in (-180, 180].

    Examples
    --------
    The right leg is at the left of the picture; its knee moved to the right is medial.

    >>> at = np.array
    >>> round(float(compute_fppa_deg(at([0, 0]), at([4, 42]), at([0, 84]), side=Side.RIGHT)), 4)
    10.8807
    """
    thigh, shank = knee - hip, ankle - knee
    turn = np.arctan2(_cross(thigh, shank), np.sum(thigh * shank, axis=-1))
    return np.asarray(_side_factor(side) * np.degrees(turn))


def compute_medial_knee_position(
    hip: FloatArray, knee: FloatArray, ankle: FloatArray, *, side: Side
) -> FloatArray:
    """Return the distance of the knee from the line hip-ankle, positive medial, in the unit given.

    Examples
    --------
    >>> at = np.array
    >>> float(compute_medial_knee_position(at([0, 0]), at([4, 42]), at([0, 84]), side=Side.RIGHT))
    4.0
    """
    line = ankle - hip
    length = np.hypot(line[..., 0], line[..., 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(-_side_factor(side) * _cross(line, knee - hip) / length)


def compute_separation(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the horizontal distance between a left and a right landmark, pixels, never negative."""
    return np.asarray(np.abs(left[..., 0] - right[..., 0]))


def compute_separation_ratio(
    *, left_knee: FloatArray, right_knee: FloatArray, left_ankle: FloatArray, right_ankle: FloatArray
) -> FloatArray:
    """Return knee separation over ankle separation, both horizontal (KASR).

    1 is knees over ankles, below 1 knees inside (Mizner 2012, Clin J Sport Med 22:221). NaN
    where the ankles are on top of each other.

    Examples
    --------
    >>> at = np.array
    >>> float(compute_separation_ratio(left_knee=at([10, 0]), right_knee=at([0, 0]),
    ...                                left_ankle=at([30, 9]), right_ankle=at([-10, 9])))
    0.25
    """
    knees, ankles = compute_separation(left_knee, right_knee), compute_separation(left_ankle, right_ankle)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(ankles > 0.0, knees / np.where(ankles > 0.0, ankles, np.nan), np.nan))


def compute_trunk_lean_deg(mid_shoulder: FloatArray, mid_hip: FloatArray) -> FloatArray:
    """Return the lateral lean of the trunk from the vertical of the picture.

    Positive towards the athlete's **left** (the right of the picture). Camera roll adds to it one to one.

    Examples
    --------
    >>> round(float(compute_trunk_lean_deg(np.array([5.0, 0.0]), np.array([0.0, 50.0]))), 3)
    5.711
    """
    trunk = mid_shoulder - mid_hip
    return np.asarray(np.degrees(np.arctan2(trunk[..., 0], -trunk[..., 1])))


def compute_interior_angle_deg(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Return the unsigned angle at `b` between `a` and `c`, 0 to 180 degrees, 2-D or 3-D points."""
    u, w = a - b, c - b
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.sum(u * w, axis=-1) / (np.linalg.norm(u, axis=-1) * np.linalg.norm(w, axis=-1))
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def compute_inclination_deg(length: FloatArray, *, full_length: float) -> FloatArray:
    """Return how far a segment is tilted out of the picture, from its foreshortening, 0 to 90 degrees.

    Coarse: perspective and landmark error make it no better than about 10 degrees. Used for error
    terms and checks only, never as a result.
    """
    ratio = np.clip(length / full_length, 0.0, 1.0)
    return np.asarray(np.degrees(np.arccos(ratio)))


def compute_yaw_error_deg(*, thigh_deg: FloatArray, shank_deg: FloatArray, yaw_deg: float) -> FloatArray:
    """Return the false FPPA that a straight leg shows when the body is turned by `yaw_deg`.

    ``atan(tan(thigh) sin(yaw)) + atan(tan(shank) sin(yaw))``, opposite on the two legs, so the mean
    of both knees is free of it to first order (method section 3.2, derived).

    Examples
    --------
    >>> at = np.array
    >>> round(float(compute_yaw_error_deg(thigh_deg=at(50.0), shank_deg=at(30.0), yaw_deg=5.0)), 1)
    8.8
    """
    sine = np.sin(np.radians(yaw_deg))
    thigh, shank = np.radians(np.clip(thigh_deg, 0.0, 80.0)), np.radians(np.clip(shank_deg, 0.0, 80.0))
    return np.asarray(np.degrees(np.arctan(np.tan(thigh) * sine) + np.arctan(np.tan(shank) * sine)))
