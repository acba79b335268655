"""From what the person detector puts out to the regions where people are: pure arithmetic, no engine.

The detector looks at the whole picture, fitted into a square with black borders. It answers at 2254 fixed places
(anchors): how sure it is that a person is there, a box, and four points, of which the point between the hips and
one on the circle round the body say where the landmark network should look.
"""

import numpy as np
from numpy.typing import NDArray

from app.biomech.types import FloatArray
from app.pose.estimator import Region
from app.pose.landmarks import Placement, region_of

DETECTOR_SIZE = 224
_GRIDS = ((28, 2), (14, 2), (7, 6))
"""(cells across, anchors in each cell) of the detector's three scales, as it was trained."""
_HIP_POINT, _CIRCLE_POINT = 0, 1
_LEAST_SCORE = 0.5
_SAME_BOX = 0.3
"""Boxes that share more than this part of their union are one person."""
_LOGIT_LIMIT = 100.0


def _make_anchors() -> FloatArray:
    """Return the middles of the anchors, (2254, 2), as shares of the square."""
    grids = []
    for across, n_anchors in _GRIDS:
        middles = (np.arange(across) + 0.5) / across
        rows, columns = np.meshgrid(middles, middles, indexing="ij")
        grids.append(np.repeat(np.stack([columns.ravel(), rows.ravel()], axis=1), n_anchors, axis=0))
    return np.concatenate(grids)


_ANCHORS = _make_anchors()


def whole_picture(size_px: tuple[int, int], *, view_px: int = DETECTOR_SIZE) -> Placement:
    """Return the map from a square view that holds the whole picture, in its middle, to the picture."""
    width, height = size_px
    scale = max(width, height) / view_px
    middle = np.array([width, height]) / 2
    return Placement(matrix=np.eye(2) * scale, offset=middle - scale * view_px / 2)


def in_picture(region: Region, placement: Placement) -> Region:
    """Return a region of the square view as one of the picture."""
    x_px, y_px = placement.to_picture(np.array([region.x_px, region.y_px]))
    return Region(
        x_px=float(x_px),
        y_px=float(y_px),
        size_px=region.size_px * float(placement.matrix[0, 0]),
        angle_rad=region.angle_rad,
    )


def people_regions(boxes: NDArray[np.float32], logits: NDArray[np.float32], *, most: int) -> list[Region]:
    """Return where people are in the square, the surest first.

    Parameters
    ----------
    boxes : shape (2254, 12)
        Middle, size and four points of each anchor, in pixels of the square from the anchor.
    logits : shape (2254,)
        How sure the detector is.
    most
        Most people that are wanted.
    """
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -_LOGIT_LIMIT, _LOGIT_LIMIT)))
    sure = np.flatnonzero(scores >= _LEAST_SCORE)
    sure = sure[np.argsort(-scores[sure], kind="stable")]
    points = boxes[sure].astype(np.float64).reshape(len(sure), 6, 2)
    points[:, [0, 2, 3, 4, 5]] += _ANCHORS[sure, None] * DETECTOR_SIZE
    regions: list[Region] = []
    while len(points) and len(regions) < most:
        # The surest anchor alone: an average over the others would draw one person's points to a neighbour's.
        hip, circle = points[0, [2 + _HIP_POINT, 2 + _CIRCLE_POINT]]
        regions.append(region_of(hip=hip, circle=circle))
        other = _overlap(points[0], points) <= _SAME_BOX
        other[0] = False
        points = points[other]
    return regions


def _overlap(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """Return the shared part of the union of one box with each of the others; rows are middle, size, points."""
    low = np.maximum(box[0] - box[1] / 2, boxes[:, 0] - boxes[:, 1] / 2)
    high = np.minimum(box[0] + box[1] / 2, boxes[:, 0] + boxes[:, 1] / 2)
    shared = np.prod(np.clip(high - low, 0.0, None), axis=1)
    union = np.prod(box[1]) + np.prod(boxes[:, 1], axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))
