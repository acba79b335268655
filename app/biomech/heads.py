"""Where a head is, from the landmarks of a body, so that pictures can hide faces. Nothing is measured with it."""

import numpy as np

from app.biomech.joints import Joint
from app.biomech.types import FloatArray

_FACE = slice(Joint.NOSE, Joint.MOUTH_RIGHT + 1)
_SHOULDERS = [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]
_HIPS = [Joint.LEFT_HIP, Joint.RIGHT_HIP]
_OF_FACE, _OF_TRUNK, _OF_SHOULDERS = 1.7, 0.4, 0.35
"""Radius of a head with its hair, over the reach of the face's points, the trunk's length, the shoulders' width [P]."""


def head_circles(xy_px: FloatArray) -> FloatArray:
    """Return the circle around each head, wide rather than tight.

    Parameters
    ----------
    xy_px
        (N, 33, 2) landmarks; NaN where not measured.

    Returns
    -------
    FloatArray
        (N, 3) centre x, centre y and radius in pixels; NaN throughout where there is no face point.
    """
    circles = np.full((len(xy_px), 3), np.nan)
    seen = np.isfinite(xy_px[:, _FACE]).all(axis=(1, 2))
    if not seen.any():
        return circles
    face = xy_px[seen][:, _FACE]
    centre = face.mean(axis=1)
    reach = np.linalg.norm(face - centre[:, None], axis=2).max(axis=1)
    shoulders, hips = xy_px[seen][:, _SHOULDERS], xy_px[seen][:, _HIPS]
    trunk = np.linalg.norm(shoulders.mean(axis=1) - hips.mean(axis=1), axis=1)
    width = np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=1)
    sizes = np.stack([_OF_FACE * reach, _OF_TRUNK * trunk, _OF_SHOULDERS * width])
    circles[seen] = np.column_stack([centre, np.nanmax(sizes, axis=0)])
    return circles
