"""Where a body's silhouette begins and ends along the lines of an outline: pure arithmetic on a network's logits."""

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import N_LINES, Joint, Line
from app.biomech.outline import CALF_PART, HIPS_ABOVE_LEGS, KNEE_PART
from app.biomech.types import FloatArray
from app.pose.landmarks import Placement
from app.pose.network import LEGS_CORNER_PX

_LEG_REACH, _HIPS_REACH = 34.0, 60.0
"""Input pixels that an edge may be away from the middle of its line; a leg is some 20 wide, hips 60."""
_STEP = 0.5
_STEPS = np.arange(-_HIPS_REACH, _HIPS_REACH + 0.5 * _STEP, _STEP)
_CERTAIN = 8.0
"""Logits beyond this say no more; the edge between two cells is placed by what is left [P]."""


def outline_of(logits: NDArray[np.float32], points_px: FloatArray, placement: Placement) -> FloatArray:
    """Return where each line enters and leaves the body.

    Parameters
    ----------
    logits : shape (184, 160)
        Of being somebody, per input pixel of the part round the legs; a value stands for the middle of its cell.
    points_px : FloatArray, shape (33 or more, 2)
        Landmarks in the picture, the athlete's sides.
    placement
        From the network's input to the picture.

    Returns
    -------
    FloatArray
        (7, 2, 2) per `Line` the edge at the left and the one at the right of the picture, pixels of the picture;
        NaN for an edge out of reach, as where legs touch, and for both when the line's middle is nobody.
    """
    middles, across = _lines(points_px, placement)
    scale = float(np.sqrt(abs(np.linalg.det(placement.matrix))))
    samples = middles[:, None] + scale * _STEPS[None, :, None] * across[:, None]
    back = np.linalg.inv(placement.matrix)
    values = _at(logits, (samples - placement.offset) @ back.T)
    edges = np.full((N_LINES, 2, 2), np.nan)
    reach = np.full(N_LINES, _LEG_REACH)
    reach[Line.HIPS] = _HIPS_REACH
    centre = len(_STEPS) // 2
    for which, way in enumerate((-1, 1)):
        steps = _first_outside(values[:, centre::way])
        steps[steps * _STEP > reach] = np.nan
        edges[:, which] = middles + (way * scale * _STEP * steps)[:, None] * across
    return edges


def _lines(points_px: FloatArray, placement: Placement) -> tuple[FloatArray, FloatArray]:
    """Return the middle of each line, and its direction to the right of the picture, each (7, 2)."""
    middles, across = np.empty((N_LINES, 2)), np.empty((N_LINES, 2))
    legs = []
    for side in ("LEFT", "RIGHT"):
        hip, knee, ankle = (points_px[Joint[f"{side}_{part}"]] for part in ("HIP", "KNEE", "ANKLE"))
        legs.append(np.hypot(*(knee - hip)) + np.hypot(*(ankle - knee)))
        for part, upper, lower, share in (
            ("KNEE", hip, knee, KNEE_PART),
            ("CALF", knee, ankle, CALF_PART),
            ("ANKLE", knee, ankle, 1.0),
        ):
            line = Line[f"{side}_{part}"]
            along = (lower - upper) / max(float(np.hypot(*(lower - upper))), 1e-9)
            middles[line] = upper + share * (lower - upper)
            across[line] = along[1], -along[0]
    level, down = placement.matrix.T / np.sqrt(abs(np.linalg.det(placement.matrix)))
    between = 0.5 * (points_px[Joint.LEFT_HIP] + points_px[Joint.RIGHT_HIP])
    middles[Line.HIPS] = between - HIPS_ABOVE_LEGS * float(np.mean(legs)) * down
    across[Line.HIPS] = level if level[0] >= 0.0 else -level
    return middles, across


def _at(logits: NDArray[np.float32], xy: FloatArray) -> FloatArray:
    """Return the logits between cells at points of the network's input, the nearest ones outside the part that is there."""
    rows, columns = logits.shape
    x = np.clip(xy[..., 0] - LEGS_CORNER_PX[0] - 0.5, 0.0, columns - 1.001)
    y = np.clip(xy[..., 1] - LEGS_CORNER_PX[1] - 0.5, 0.0, rows - 1.001)
    column, row = x.astype(np.int64), y.astype(np.int64)
    right, down = x - column, y - row
    flat = row * columns + column
    sure = np.clip(logits, -_CERTAIN, _CERTAIN).ravel()
    upper = sure[flat] * (1.0 - right) + sure[flat + 1] * right
    lower = sure[flat + columns] * (1.0 - right) + sure[flat + columns + 1] * right
    return np.asarray(upper * (1.0 - down) + lower * down, dtype=np.float64)


def _first_outside(values: FloatArray) -> FloatArray:
    """Return after how many steps from the first value of each row nothing is left of somebody, (L,); NaN when never or at once."""
    outside = values <= 0.0
    last = np.argmax(outside, axis=1) - 1
    rows = np.arange(len(values))
    known = outside.any(axis=1) & ~outside[:, 0]
    inner, outer = values[rows, np.maximum(last, 0)], values[rows, last + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = last + inner / (inner - outer)
    return np.where(known, steps, np.nan)
