"""A pose engine that replays known people: for tests that need exact landmarks and no network."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.biomech.joints import N_JOINTS, Joint
from app.biomech.types import FloatArray, PoseSource
from app.pose.estimator import FrameLike, Picture, Region, View
from app.pose.landmarks import region_of

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

    @property
    def network_s(self) -> float:
        """No time at all."""
        return 0.0

    def find_people(self, frame: FrameLike) -> list[Region]:
        """Return where everybody in the frame is."""
        self._runs += 1
        return [_region(xy_px) for xy_px in self._people.get(frame.index, ())]

    def read_view(
        self,
        view: Picture,  # noqa: ARG002  # replayed, not looked at
        region: Region,
        *,
        frame: int,
        mirrored: bool,  # noqa: ARG002  # the sides are known
        outlined: bool = False,  # noqa: ARG002  # points have no edges
    ) -> View:
        """Return the person nearest to the middle of the region; nobody's presence when nobody is there."""
        self._runs += 1
        people = self._people.get(frame, ())
        if not people:
            return _view(np.full((N_JOINTS, 2), [region.x_px, region.y_px]), presence=0.0)
        middle = np.array([region.x_px, region.y_px])
        return _view(min(people, key=lambda xy_px: float(np.hypot(*(_hip_mid(xy_px) - middle)))))


def _hip_mid(xy_px: FloatArray) -> FloatArray:
    middle: FloatArray = xy_px[[Joint.LEFT_HIP, Joint.RIGHT_HIP]].mean(axis=0)
    return middle


def _radius(xy_px: FloatArray) -> float:
    return max(float(np.ptp(xy_px[:, 1])) / 2, 0.4)


def _region(xy_px: FloatArray) -> Region:
    hip = _hip_mid(xy_px)
    return region_of(hip=hip, circle=hip - [0.0, _radius(xy_px)])


def _view(xy_px: FloatArray, *, presence: float = 1.0) -> View:
    hip = _hip_mid(xy_px)
    return View(
        points_px=np.vstack([xy_px.astype(np.float64), hip, hip - [0.0, _radius(xy_px)]]),
        confidence=np.full(N_JOINTS, 0.9),
        world_m=np.zeros((N_JOINTS, 3)),
        presence=presence,
    )
