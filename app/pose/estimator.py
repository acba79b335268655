"""What the tracker asks of a pose engine. One picture at a time, nothing remembered between pictures."""

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

    @property
    def hip_mid_px(self) -> FloatArray:
        """(2,) the point between the hips."""
        middle: FloatArray = self.xy_px[[23, 24]].mean(axis=0)
        return middle

    @property
    def size_px(self) -> float:
        """How large the person is in the picture, whatever the posture: the side of its region."""
        return self.region.size_px


class PoseEstimator(Protocol):
    """Finds people, and reads one person closely."""

    @property
    def source(self) -> PoseSource:
        """What the landmarks come from."""
        ...

    @property
    def n_network_runs(self) -> int:
        """Network evaluations so far."""
        ...

    def find_people(self, picture: Picture, *, frame: int) -> list[Reading]:
        """Return everybody the detector sees in the whole picture, each once; the order means nothing."""
        ...

    def read_person(self, picture: Picture, region: Region, *, frame: int) -> Reading:
        """Read the person in the region, mirror-averaged, without memory of other frames."""
        ...
