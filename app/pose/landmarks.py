"""From what the landmark network puts out to points in the picture: pure arithmetic, no engine.

A region is a turned square of the picture, which the network is shown plain or mirrored; `read_outputs` turns the
network's vectors into landmarks in the picture, with left and right exchanged back when it was mirrored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import MIRROR, N_JOINTS
from app.biomech.types import FloatArray
from app.pose.estimator import Reading, Region, View
from app.pose.network import HEATMAP_JOINTS, HEATMAP_SIZE, INPUT_SIZE, N_OUTPUT_LANDMARKS

REGION_MARGIN = 1.25
"""Side of the region over the diameter of the circle the network draws round the body; as it was trained."""
_HIP_POINT, _CIRCLE_POINT = 33, 34
"""Two extra outputs: the point between the hips, and one on the circle round the body, above the head."""
_WINDOW = 7
"""Heatmap cells, each way, that a joint's place is averaged over."""
_REACH = _WINDOW // 2
_WINDOW_CELLS = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1][::-1].reshape(2, -1).T.astype(np.float64)
"""(49, 2) column and row of each cell of the window, from its middle."""
_WINDOW_STEPS = (_WINDOW_CELLS @ [1.0, HEATMAP_SIZE]).astype(np.int64)
"""(49,) how many cells each of them comes after the middle one."""
_WINDOW_MOVES = 3
"""How often that window follows the joint: one that stays where the coordinate output points cuts the joint's
own spot in two and reads it nearer to the usual pose."""
_CLOSE_UP_SIZE, _CLOSE_UP_DOWN = 0.93, 0.035
"""Size and downward shift of what the network is shown, in sizes of the region: the margin above the head is cut, so
that the legs are larger; the one below the feet stays, as feet near the edge are read up to 30 ms late in a fall.
Over eight rendered clips this took a tenth off the knee angle's error in jumps and a third in squats; closer still,
the ankles of small people on real video (360 pixels wide, 40 deg oblique) go astray by 10 cm [D]."""
CLOSER_CUT_PX = 22
"""Input pixels above the head, and half as many on each side, that the closer view of a person leaves out. Hips and
knees are read up to a degree better when they are larger (squats more than that), the ankles of small, turned people
worse: so half of all views are closer. Over five rendered jumps and their variants, with the landmark model refitted
without the clip at hand, the knee angle's error in jumps went from 1.03 to 0.75 deg, in squats from 2.5 to 1.7 [D]."""
_LEAST_PEAK = 0.5
"""A heatmap whose best cell near the joint is below this does not see it: the coordinate output stands."""
_MIRROR = [*MIRROR, 33, 34]
_SIDES = list(MIRROR)
_SEEN_IN_HEATMAPS = list(HEATMAP_JOINTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The affine map from network input pixels to picture pixels."""

    matrix: FloatArray
    """(2, 2)."""
    offset: FloatArray
    """(2,)."""

    def to_picture(self, xy: FloatArray) -> FloatArray:
        """Map points (..., 2) from the network's input to the picture."""
        moved: FloatArray = xy @ self.matrix.T + self.offset
        return moved


def place(region: Region, *, mirrored: bool) -> Placement:
    """Return the map for a region; mirrored reflects the region about its own axis."""
    scale = region.size_px / INPUT_SIZE
    cosine, sine = scale * np.cos(region.angle_rad), scale * np.sin(region.angle_rad)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        matrix = matrix @ np.diag([-1.0, 1.0])
    centre = np.array([region.x_px, region.y_px])
    return Placement(matrix=matrix, offset=centre - matrix @ np.full(2, INPUT_SIZE / 2))


def place_view(region: Region, *, mirrored: bool) -> Placement:
    """Return the map for what the network is shown of a person's region."""
    return place(close_up(region), mirrored=mirrored)


def close_up(region: Region) -> Region:
    """Return the part of a person's region that is shown to the network: the legs as large as they can be."""
    down = _CLOSE_UP_DOWN * region.size_px
    return Region(
        x_px=region.x_px - down * float(np.sin(region.angle_rad)),
        y_px=region.y_px + down * float(np.cos(region.angle_rad)),
        size_px=_CLOSE_UP_SIZE * region.size_px,
        angle_rad=region.angle_rad,
    )


def closer(region: Region) -> Region:
    """Return the region whose view lies inside that of this one: the same lower edge, `CLOSER_CUT_PX` less above.

    Examples
    --------
    >>> near = closer(Region(x_px=100.0, y_px=100.0, size_px=256.0, angle_rad=0.0))
    >>> (near.size_px, near.y_px + 0.5 * near.size_px)
    (234.0, 228.0)
    """
    size_px = region.size_px * (1.0 - CLOSER_CUT_PX / INPUT_SIZE)
    down = 0.5 * (region.size_px - size_px)
    return Region(
        x_px=region.x_px - down * float(np.sin(region.angle_rad)),
        y_px=region.y_px + down * float(np.cos(region.angle_rad)),
        size_px=size_px,
        angle_rad=region.angle_rad,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The network's vectors for one view."""

    landmarks: FloatArray
    """(195,) x, y, z in input pixels, visibility and presence as logits."""
    presence: float
    world: FloatArray
    """(117,) metres."""
    heatmaps: NDArray[np.float32]
    """(49152,) logits."""


def read_outputs(outputs: Outputs, placement: Placement, *, angle_rad: float, mirrored: bool) -> View:
    """Turn one view's vectors into points in the picture, the athlete's left and right restored."""
    table = outputs.landmarks.reshape(N_OUTPUT_LANDMARKS, 5)
    points = table[: N_JOINTS + 2, :2].copy()
    maps = outputs.heatmaps.reshape(HEATMAP_SIZE, HEATMAP_SIZE, len(HEATMAP_JOINTS))
    points[_SEEN_IN_HEATMAPS] = _refined(points[_SEEN_IN_HEATMAPS], maps)
    world = outputs.world.reshape(N_OUTPUT_LANDMARKS, 3)[:N_JOINTS].copy()
    confidence = 1.0 / (1.0 + np.exp(-table[:N_JOINTS, 3]))
    points_px = placement.to_picture(points)
    if mirrored:
        points_px, confidence = points_px[_MIRROR], confidence[_SIDES]
        world = world[_SIDES] * np.array([-1.0, 1.0, 1.0])
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    world[:, :2] = world[:, :2] @ np.array([[cosine, sine], [-sine, cosine]])
    return View(points_px=points_px, confidence=confidence, world_m=world, presence=outputs.presence)


def _refined(points: FloatArray, maps: NDArray[np.float32]) -> FloatArray:
    """Return each joint's place as the centre of gravity of its heatmap near the coordinate output.

    The coordinate output alone shrinks toward the usual pose (a knee that falls in 20 deg reads 14 to 16 deg);
    the heatmap follows the picture. A cell's place is its upper left corner: so a picture and its mirror image
    put a joint on the same spot to a quarter of an input pixel, while the cell's middle parts them by 4 [D].
    All joints at once: one by one they would take a fifth of the network's own time.

    Parameters
    ----------
    points : FloatArray, shape (J, 2)
        The coordinate output, input pixels.
    maps : shape (64, 64, J)
        Logits.
    """
    cell = INPUT_SIZE / HEATMAP_SIZE
    places, refined, logits = points / cell, points.copy(), maps.ravel()
    cells = np.full(points.shape, -1, dtype=np.int64)
    moving = np.arange(len(points))
    for _ in range(_WINDOW_MOVES):
        at = places[moving].astype(np.int64)
        moved = (at != cells[moving]).any(axis=1)  # from where it is it would find the same again
        moving, at = moving[moved], at[moved]
        if not moving.size:
            break
        cells[moving] = at
        middle = (at[:, 1] * HEATMAP_SIZE + at[:, 0]) * len(points) + moving
        near = logits.take(middle[:, None] + _WINDOW_STEPS * len(points), mode="clip").astype(np.float64)
        if at.min() < _REACH or at.max() >= HEATMAP_SIZE - _REACH:
            there = at[:, None] + _WINDOW_CELLS
            near[((there < 0) | (there >= HEATMAP_SIZE)).any(axis=2)] = -np.inf
        weight = 1.0 / (1.0 + np.exp(-near))
        sees = weight.max(axis=1) >= _LEAST_PEAK
        if not sees.all():
            refined[moving[~sees]] = points[moving[~sees]]
            moving, at, weight = moving[sees], at[sees], weight[sees]
        places[moving] = at + weight @ _WINDOW_CELLS / weight.sum(axis=1, keepdims=True)
        refined[moving] = places[moving] * cell
    return refined


def combine(views: list[View]) -> Reading:
    """Average several views of the same picture into one reading, with the mean of the outlines that they have."""
    points = np.mean([view.points_px for view in views], axis=0)
    outlines = [view.outline_px for view in views if view.outline_px is not None]
    return Reading(
        xy_px=points[:N_JOINTS],
        confidence=np.mean([view.confidence for view in views], axis=0),
        world_m=np.mean([view.world_m for view in views], axis=0),
        presence=float(np.mean([view.presence for view in views])),
        region=region_of(hip=points[_HIP_POINT], circle=points[_CIRCLE_POINT]),
        outline_px=np.mean(outlines, axis=0) if outlines else None,
    )


def region_of(*, hip: FloatArray, circle: FloatArray) -> Region:
    """Return the square round the body, from the point between the hips and one on the circle round the body."""
    across, down = circle - hip
    radius = float(np.hypot(across, down))
    return Region(
        x_px=float(hip[0]),
        y_px=float(hip[1]),
        size_px=max(2.0 * radius * REGION_MARGIN, 1.0),
        angle_rad=float(np.arctan2(across, -down)),
    )
