"""A pose engine that replays known people: for tests that need exact landmarks and no network."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.biomech.joints import N_JOINTS, Joint
from app.biomech.types import FloatArray, PoseSource
from app.pose.estimator import Picture, Reading, Region

_SOURCE = PoseSource(estimator="replay", model="none", model_sha256="0" * 64)


class ReplayEstimator:
    """Knows where everybody is in every frame; pictures are not looked at."""

    def __init__(self, people: Mapping[int, Sequence[FloatArray]]) -> None:
        """Keep, for each frame, the (33, 2) landmarks of everybody in it."""
        self._people = people
        self._runs = 0

    @property
    def source(self) -> PoseSource:
        """A source that says that nothing was estimated."""
        return _SOURCE

    @property
    def n_network_runs(self) -> int:
        """Questions answered so far."""
        return self._runs

    def find_people(self, picture: Picture, *, frame: int) -> list[Reading]:  # noqa: ARG002  # replayed, not looked at
        """Return everybody in the frame."""
        self._runs += 1
        return [_reading(xy_px) for xy_px in self._people.get(frame, ())]

    def read_person(self, picture: Picture, region: Region, *, frame: int) -> Reading:  # noqa: ARG002  # as above
        """Return the person nearest to the middle of the region; an empty reading when nobody is there."""
        self._runs += 1
        readings = [_reading(xy_px) for xy_px in self._people.get(frame, ())]
        if not readings:
            return _reading(np.full((N_JOINTS, 2), [region.x_px, region.y_px]), presence=0.0)
        middle = np.array([region.x_px, region.y_px])
        return min(readings, key=lambda reading: float(np.hypot(*(reading.hip_mid_px - middle))))


def _reading(xy_px: FloatArray, *, presence: float = 1.0) -> Reading:
    hip = xy_px[[Joint.LEFT_HIP, Joint.RIGHT_HIP]].mean(axis=0)
    size = max(float(np.ptp(xy_px[:, 1])) * 1.25, 1.0)
    return Reading(
        xy_px=xy_px.astype(np.float64),
        confidence=np.full(N_JOINTS, 0.9),
        world_m=np.zeros((N_JOINTS, 3)),
        presence=presence,
        region=Region(x_px=float(hip[0]), y_px=float(hip[1]), size_px=size, angle_rad=0.0),
    )
