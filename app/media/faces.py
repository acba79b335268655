"""Hiding faces in pictures: heads are made unrecognisable, not only soft, before anything else is drawn.

Too much is hidden rather than too little: circles are wide, and somebody is taken to be there a while before and
after being seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from app.biomech.heads import head_circles
from app.biomech.types import BoolArray, FloatArray, PoseTrack
from app.media.drawing import Canvas

_AROUND_S = 1.0
"""Somebody is hidden this long before the first and after the last sighting, in the place of it."""
_BETWEEN = 1.3
"""Between two looks a head may be a little beside the line: so much wider is the circle."""
_CELLS = 5
"""A hidden head keeps no more than so many colours across."""
_BODY_MARGIN = 0.15
"""Room around the athlete's landmarks, in parts of their extent, that stays sharp where nobody knows who else is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """Where the heads are in every frame of a recording."""

    time_s: FloatArray
    """(T,) of each frame."""
    paths_px: FloatArray
    """(T, 33, 2) where the athlete is drawn."""
    people: tuple[FloatArray, ...] | None
    """Each (K, 4): time in s, centre x and y, radius in px of everybody's head; None for a track that does not know."""

    def hide(
        self, canvas: Canvas, *, frame: int, offset_px: Sequence[float] = (0.0, 0.0), scale: float = 1.0
    ) -> None:
        """Hide every head of a frame on a canvas that shows the picture from `offset_px` on, scaled; in place.

        Where a track does not tell who else is there, all but the athlete is hidden.
        """
        athlete = self.paths_px[frame]
        if self.people is None:
            _hide(canvas, _outside(canvas, (athlete - offset_px) * scale))
        circles = [head_circles(athlete[None])[0]]
        circles += [_circle_at(rows, float(self.time_s[frame])) for rows in self.people or ()]
        for x_px, y_px, radius_px in (circle for circle in circles if np.isfinite(circle).all()):
            centre = ((x_px - offset_px[0]) * scale, (y_px - offset_px[1]) * scale)
            _hide_head(canvas, centre=centre, radius=radius_px * scale)


def find_faces(track: PoseTrack, *, paths_px: FloatArray) -> Faces:
    """Return where the heads of a track's people are."""
    people = None
    if track.heads is not None:
        numbers = np.unique(track.heads[:, 0])
        people = tuple(track.heads[track.heads[:, 0] == number, 1:] for number in numbers)
    return Faces(time_s=track.time_s, paths_px=paths_px, people=people)


def _circle_at(rows: FloatArray, time_s: float) -> FloatArray:
    """Return a person's circle at a time, NaN when they were not there."""
    times = rows[:, 0]
    if not times[0] - _AROUND_S <= time_s <= times[-1] + _AROUND_S:
        return np.full(3, np.nan)
    x, y, radius = (float(np.interp(time_s, times, column)) for column in rows[:, 1:].T)
    return np.array([x, y, radius * (1.0 if time_s in times else _BETWEEN)])


def _outside(canvas: Canvas, athlete: FloatArray) -> BoolArray:
    """Return what is not around the athlete's body; everything where that is not known."""
    outside = np.ones(canvas.shape[:2], dtype=np.bool_)
    points = athlete[np.isfinite(athlete).all(axis=1)]
    if len(points):
        low, high = points.min(axis=0), points.max(axis=0)
        margin = _BODY_MARGIN * float((high - low).max())
        left, top = (max(0, int(value)) for value in low - margin)
        right, bottom = (max(0, int(value)) for value in high + margin)
        outside[top:bottom, left:right] = False
    return outside


def _hide_head(canvas: Canvas, *, centre: tuple[float, float], radius: float) -> None:
    height, width = canvas.shape[:2]
    left, top = (max(0, int(value - radius)) for value in centre)
    right, bottom = min(width, int(centre[0] + radius) + 1), min(height, int(centre[1] + radius) + 1)
    if left >= right or top >= bottom:
        return
    part = canvas[top:bottom, left:right]
    y, x = np.ogrid[top:bottom, left:right]
    _hide(part, (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2)


def _hide(part: Canvas, where: BoolArray) -> None:
    """Leave a few colours of a part of the picture, in place."""
    height, width = part.shape[:2]
    few = cv2.resize(part, (min(_CELLS, width), min(_CELLS, height)), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR)
    part[where] = soft[where]
