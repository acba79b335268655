"""Edges along lines across the body, read from silhouettes that were drawn with known edges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from app.biomech.joints import MIRROR, Joint, Line
from app.biomech.outline import CALF_PART, HIPS_ABOVE_LEGS, KNEE_PART
from app.biomech.types import FloatArray
from app.pose.estimator import Region
from app.pose.landmarks import Placement, place
from app.pose.network import INPUT_SIZE, LEGS_CORNER_PX
from app.pose.silhouette import outline_of

ROWS, COLUMNS = 184, 160
REGION = Region(x_px=300.0, y_px=500.0, size_px=640.0, angle_rad=0.1)
EDGES = {  # of the input, left and right, where the silhouette is
    "hips": (92.0, 163.0),
    "right": (97.25, 119.0),
    "left": (136.0, 159.5),
}
HIP_Y, KNEE_Y, ANKLE_Y = 120.0, 170.0, 220.0


def points() -> FloatArray:
    """Return landmarks in the input, of somebody upright whose left is at the right."""
    xy = np.full((33, 2), 128.0)
    for side, x in (("LEFT", 148.0), ("RIGHT", 108.0)):
        for part, y in (("HIP", HIP_Y), ("KNEE", KNEE_Y), ("ANKLE", ANKLE_Y)):
            xy[Joint[f"{side}_{part}"]] = x, y
    return xy


def silhouette(*, legs: bool = True) -> np.ndarray:
    """Return logits: hips above the middle of the thighs, two legs below, each edge between cells where it was asked for."""
    x = LEGS_CORNER_PX[0] + np.arange(COLUMNS) + 0.5
    y = LEGS_CORNER_PX[1] + np.arange(ROWS) + 0.5

    def between(left: float, right: float) -> np.ndarray:
        return np.minimum(x - left, right - x) * 4.0

    hips, right, left = (between(*EDGES[name]) for name in ("hips", "right", "left"))
    lower = np.maximum(right, left) if legs else np.full(COLUMNS, -20.0)
    return np.where(y[:, None] < 145.0, hips, lower).astype(np.float32)


def outline(placement: Placement, *, mirrored: bool = False, legs: bool = True) -> FloatArray:
    """Return the outline, its points in the input again."""
    xy, logits = points(), silhouette(legs=legs)
    if mirrored:  # what a network makes of the mirrored picture, and the landmarks with the sides put right
        assert 2 * LEGS_CORNER_PX[0] + COLUMNS == INPUT_SIZE
        xy, logits = xy[list(MIRROR)] * [-1.0, 1.0] + [INPUT_SIZE, 0.0], logits[:, ::-1]
        xy = xy[list(MIRROR)]
    found = outline_of(logits, placement.to_picture(xy), placement)
    plain = place(REGION, mirrored=False)
    return (found - plain.offset) @ np.linalg.inv(plain.matrix).T


@pytest.mark.parametrize("mirrored", [False, True])
def test_outline_when_a_body_is_drawn_then_its_edges_are_found_to_a_tenth_of_a_pixel(mirrored: bool) -> None:
    found = outline(place(REGION, mirrored=mirrored), mirrored=mirrored)
    for name, lines in {
        "hips": (Line.HIPS,),
        "left": (Line.LEFT_KNEE, Line.LEFT_CALF, Line.LEFT_ANKLE),
        "right": (Line.RIGHT_KNEE, Line.RIGHT_CALF, Line.RIGHT_ANKLE),
    }.items():
        for line in lines:
            assert_allclose(found[line, :, 0], EDGES[name], atol=0.1)
    heights = [HIP_Y - HIPS_ABOVE_LEGS * 100.0, HIP_Y + KNEE_PART * 50.0, KNEE_Y + CALF_PART * 50.0, ANKLE_Y]
    assert_allclose(found[: Line.RIGHT_KNEE, :, 1], np.repeat(heights, 2).reshape(4, 2), atol=1e-6)
    assert_allclose(found[Line.RIGHT_KNEE :, :, 1], found[Line.LEFT_KNEE : Line.RIGHT_KNEE, :, 1], atol=1e-6)


def test_outline_when_a_landmark_is_beside_the_body_then_nothing_is_said_of_its_lines() -> None:
    found = outline(place(REGION, mirrored=False), legs=False)
    assert np.isnan(found[Line.LEFT_KNEE :]).all()
    assert np.isfinite(found[Line.HIPS]).all()


def test_outline_when_legs_touch_then_the_outer_edges_are_known_and_what_lies_between_is_not_a_calf() -> None:
    logits = silhouette()
    x = LEGS_CORNER_PX[0] + np.arange(COLUMNS) + 0.5
    inside = (x > EDGES["right"][0] + 1.0) & (x < EDGES["left"][1] - 1.0)
    logits[:, inside] = 20.0
    plain = place(REGION, mirrored=False)
    found = (outline_of(logits, plain.to_picture(points()), plain) - plain.offset) @ np.linalg.inv(
        plain.matrix
    ).T
    assert_allclose(found[Line.LEFT_CALF, 1, 0], EDGES["left"][1], atol=0.5)
    assert_allclose(found[Line.RIGHT_CALF, 0, 0], EDGES["right"][0], atol=0.5)
    assert np.isnan(found[Line.LEFT_CALF, 0]).all()
    assert np.isnan(found[Line.RIGHT_CALF, 1]).all()


def test_outline_when_somebody_is_at_the_rim_then_nothing_is_made_up_there() -> None:
    plain = place(REGION, mirrored=False)
    xy = points()
    xy[:, 0] += 90.0
    found = outline_of(np.full((ROWS, COLUMNS), 20.0, dtype=np.float32), plain.to_picture(xy), plain)
    assert np.isnan(found).all()
