"""What the tracker asks of a video and of a pose engine. Nothing is remembered between pictures."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.biomech.types import FloatArray, PoseSource

Picture = NDArray[np.uint8]
"""(height, width, 3) red, green, blue, upright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The square of a picture that is shown to the landmark network."""

    x_px: float
    y_px: float
    """Centre: between the hips."""
    size_px: float
    """Side of the square; holds the whole body with a margin."""
    angle_rad: float
    """Turn of the square, clockwise as seen, so that the trunk stands upright in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Landmarks of one person in one picture."""

    xy_px: FloatArray
    """(33, 2) in the picture that was given."""
    confidence: FloatArray
    """(33,) visibility 0-1, as the model states it."""
    world_m: FloatArray
    """(33, 3) the model's metric guess, centred between the hips."""
    presence: float
    """0-1: whether the region holds a person at all."""
    region: Region
    """Where to look for the same person next, from these landmarks."""
    outline_px: FloatArray | None = None
    """(7, 2, 2) edges of the body along lines across it (`app.biomech.outline`); None when nobody looked."""

    @property
    def hip_mid_px(self) -> FloatArray:
        """(2,) the point between the hips."""
        middle: FloatArray = self.xy_px[[23, 24]].mean(axis=0)
        return middle

    @property
    def size_px(self) -> float:
        """How large the person is in the picture, whatever the posture: the side of its region."""
        return self.region.size_px


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the landmark network says of one view of a person, the athlete's left and right restored."""

    points_px: FloatArray
    """(35, 2) in the picture: 33 landmarks, the point between the hips, one on the circle round the body."""
    confidence: FloatArray
    """(33,) visibility 0-1."""
    world_m: FloatArray
    """(33, 3)."""
    presence: float
    outline_px: FloatArray | None = None
    """(7, 2, 2) edges of the body along lines across it, when they were asked for and the engine has them."""


class FrameLike(Protocol):
    """One frame of a video."""

    @property
    def index(self) -> int:
        """Place in the video."""
        ...

    @property
    def time_s(self) -> float:
        """Presentation time."""
        ...

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) upright."""
        ...

    def view(self, matrix: FloatArray, offset: FloatArray, *, size_px: int) -> Picture:
        """Return a square part of the upright picture: each point of it by an affine map to the picture."""
        ...


class GroupLike(Protocol):
    """Frames that can only be decoded from a key picture on."""

    @property
    def key(self) -> int:
        """The frame of the key picture."""
        ...

    @property
    def frames(self) -> NDArray[np.int64]:
        """All of them, in order."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether the file stores so much change in it that something must move."""
        ...

    def is_busy_after(self, frame: int) -> bool:
        """Return whether the file stores so much change after a frame of it that something must move."""
        ...


class VideoLike(Protocol):
    """A video whose frames can be asked for more than once."""

    @property
    def time_s(self) -> FloatArray:
        """(T,) of every frame."""
        ...

    def groups(self) -> Sequence[GroupLike]:
        """Return the groups of frames that are decoded together, in the order shown."""
        ...

    def frames(
        self, wanted: Collection[int] | None = None, *, left_out: Collection[int] = frozenset()
    ) -> Iterator[FrameLike]:
        """Yield all frames, or the wanted ones, from the start, without those the reader adds to `left_out`."""
        ...


class PoseEstimator(Protocol):
    """Finds people, and reads one person closely. Several threads may ask at once."""

    @property
    def source(self) -> PoseSource:
        """What the landmarks come from."""
        ...

    @property
    def n_network_runs(self) -> int:
        """Network evaluations so far."""
        ...

    @property
    def network_s(self) -> float:
        """Time spent in the networks so far, all threads together."""
        ...

    def find_people(self, frame: FrameLike) -> list[Region]:
        """Return where the detector sees somebody in the whole picture; the order means nothing."""
        ...

    def read_view(
        self, view: Picture, region: Region, *, frame: int, mirrored: bool, outlined: bool = False
    ) -> View:
        """Read the person in a (256, 256, 3) view of a region, as it is or mirrored, with the body's outline if it can."""
        ...
