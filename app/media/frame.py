"""One decoded frame: a picture is made of it only when asked for, and only of the part that is asked for."""

from fractions import Fraction
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(height, width, 3) red, green, blue."""
Matrix = NDArray[np.float64]

_PLANAR_BITS = {"yuv420p": 8, "yuvj420p": 8, "yuv420p10le": 10}
"""Formats whose brightness and colour planes are cut directly; every other is converted whole first."""
_LUMA_WEIGHTS: dict[int, tuple[float, float]] = {
    Colorspace.ITU709: (0.2126, 0.0722),
    Colorspace.FCC: (0.30, 0.11),
    Colorspace.SMPTE240M: (0.212, 0.087),
    Colorspace.BT2020: (0.2627, 0.0593),
}
"""Weights of red and blue in brightness."""
_LUMA_WEIGHTS_601 = (0.299, 0.114)
"""Of ITU-R BT.601, and of files that do not say, as everybody assumes."""

GRID = 16
"""Points along each side of the picture whose brightness is kept of every frame that is decoded."""


class Frame:
    """One frame, decoded; its picture is converted only when asked for."""

    __slots__ = ("_aspect", "_frame", "_gain", "index", "time_s")

    def __init__(
        self, frame: VideoFrame, *, index: int, time_s: float, pixel_aspect: Fraction, gain: float = 1.0
    ) -> None:
        """Keep the decoder's frame; its views are brightened by `gain`, its picture is not."""
        self._frame = frame
        self._aspect = pixel_aspect
        self._gain = gain
        self.index = index
        self.time_s = time_s

    @property
    def rotation_deg(self) -> int:
        """Counter-clockwise turn that stands the picture upright: 0, 90, 180 or 270."""
        return round(self._frame.rotation / 90) % 4 * 90

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the upright picture with square pixels."""
        width, height = self._square_pixel_size()
        return (height, width) if self.rotation_deg % 180 else (width, height)

    def picture(self, max_long_side_px: int | None = None) -> Picture:
        """Return the upright picture, square pixels, made smaller when its longer side is over the limit."""
        width, height = self._square_pixel_size()
        if max_long_side_px is not None and max(width, height) > max_long_side_px:
            scale = max_long_side_px / max(width, height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        coded = self._frame.to_ndarray(format="rgb24", width=width, height=height)
        return np.ascontiguousarray(np.rot90(coded, self.rotation_deg // 90))

    def view(self, matrix: Matrix, offset: Matrix, *, size_px: int) -> Picture:
        """Return a square part of the upright picture, brightened, scaled and turned; black beyond the edges.

        Parameters
        ----------
        matrix, offset
            (2, 2) and (2,): the affine map from a point of the view to the point of the upright picture.
        size_px
            Side of the view.
        """
        if self._frame.format.name not in _PLANAR_BITS:
            view = cut(self.picture(), matrix, offset, size_px=size_px)
            return np.asarray(cv2.convertScaleAbs(view, alpha=self._gain), dtype=np.uint8)
        turn, shift = self._to_coded()
        matrix, offset = turn @ matrix, turn @ offset + shift
        planes = [
            cut(plane, matrix * scale, offset * scale, size_px=size_px, beyond=beyond)
            for plane, scale, beyond in zip(self._planes(), (1.0, 0.5, 0.5), self._black(), strict=True)
        ]
        coefficients = _to_rgb(self._frame.colorspace, is_full=_is_full_range(self._frame)) * np.float32(
            self._gain
        )
        if planes[0].dtype != np.uint8:
            planes = [(plane >> 2).astype(np.uint8) for plane in planes]
        return np.asarray(cv2.transform(cv2.merge(planes), coefficients), dtype=np.uint8)

    def _planes(self) -> list[NDArray[Any]]:
        """Return brightness and the two colour planes of the coded picture, not copied."""
        dtype = np.uint8 if _PLANAR_BITS[self._frame.format.name] == 8 else np.uint16
        return [_plane(plane, dtype) for plane in self._frame.planes[:3]]

    def _black(self) -> tuple[int, int, int]:
        """Return the values of black in the three planes."""
        bits = _PLANAR_BITS[self._frame.format.name]
        floor = 0 if _is_full_range(self._frame) else 16
        return floor << (bits - 8), 128 << (bits - 8), 128 << (bits - 8)

    def _to_coded(self) -> tuple[Matrix, Matrix]:
        """Return the map from a point of the upright picture to the point of the coded one."""
        width, height = self._square_pixel_size()
        turn, shift = {
            0: ([[1, 0], [0, 1]], [0, 0]),
            90: ([[0, -1], [1, 0]], [width, 0]),
            180: ([[-1, 0], [0, -1]], [width, height]),
            270: ([[0, 1], [-1, 0]], [0, height]),
        }[self.rotation_deg]
        squeeze = np.array([self._frame.width / width, 1.0])
        return squeeze[:, None] * np.array(turn, dtype=np.float64), squeeze * np.array(shift)

    def _square_pixel_size(self) -> tuple[int, int]:
        return max(1, round(self._frame.width * self._aspect)), self._frame.height


def cut(picture: NDArray[Any], matrix: Matrix, offset: Matrix, *, size_px: int, beyond: int = 0) -> Picture:
    """Return the (size, size) view of a picture or plane; `beyond` fills what lies outside.

    Points are measured from the corner of the picture; cv2 counts from the middle of the first pixel, hence the
    half pixels.
    """
    half = np.full(2, 0.5)
    affine = np.hstack([matrix, (offset + matrix @ half - half)[:, None]])
    view = cv2.warpAffine(
        picture,
        affine,
        (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(beyond, beyond, beyond),
    )
    return np.asarray(view)


def light_grid(frame: VideoFrame) -> NDArray[np.uint8] | None:
    """Return the brightness at `GRID` times `GRID` points of a coded picture, (256,), 0 is black and 255 white.

    None where the picture is not cut directly.
    """
    bits = _PLANAR_BITS.get(frame.format.name)
    if bits is None or min(frame.width, frame.height) < GRID:
        return None
    plane = _plane(frame.planes[0], np.uint8 if bits == 8 else np.uint16)
    points = (plane[_grid(plane.shape)] >> (bits - 8)).ravel().astype(np.float64)
    if not _is_full_range(frame):
        points = (points - 16.0) * (255.0 / 219.0)
    return np.asarray(np.clip(points.round(), 0, 255), dtype=np.uint8)


@lru_cache(maxsize=8)
def _grid(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of the points."""
    rows, columns = (np.arange(GRID) * n // GRID + n // (2 * GRID) for n in shape)
    return rows[:, None], columns


def _plane(plane: VideoPlane, dtype: type) -> NDArray[Any]:
    values: NDArray[Any] = np.frombuffer(memoryview(plane), dtype=dtype)
    per_row = plane.line_size // values.itemsize
    return values[: per_row * plane.height].reshape(plane.height, per_row)[:, : plane.width]


def _is_full_range(frame: VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG


@lru_cache(maxsize=16)
def _to_rgb(colorspace: int, *, is_full: bool) -> NDArray[np.float32]:
    """Return the (3, 4) coefficients that make red, green and blue of 8-bit brightness and colour."""
    red, blue = _LUMA_WEIGHTS.get(colorspace, _LUMA_WEIGHTS_601)
    green = 1.0 - red - blue
    to_rgb = np.array(
        [
            [1.0, 0.0, 2.0 * (1.0 - red)],
            [1.0, -2.0 * blue * (1.0 - blue) / green, -2.0 * red * (1.0 - red) / green],
            [1.0, 2.0 * (1.0 - blue), 0.0],
        ]
    )
    to_rgb = to_rgb * (np.ones(3) if is_full else 255.0 / np.array([219.0, 224.0, 224.0]))
    black = np.array([0.0 if is_full else 16.0, 128.0, 128.0])
    return np.hstack([to_rgb, -(to_rgb @ black)[:, None]]).astype(np.float32)
