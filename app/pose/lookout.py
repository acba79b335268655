"""Looking at everybody in the picture now and then, cheaply.

Who was seen a moment ago is looked for where they were, with the landmark network alone; the detector searches the
whole picture only once a second, and when somebody is missing.
"""

import numpy as np

from app.pose.close_reader import view_of
from app.pose.estimator import FrameLike, PoseEstimator, Reading, Region
from app.pose.landmarks import combine
from app.pose.people import LEAST_PRESENCE, SAME_PERSON, Person, add_look, distance, distinct

SEARCH_EVERY_S = 1.0
HANDED_OVER_S = 0.35
"""Somebody not seen for longer is searched for, not looked for in the old place."""
OFF_SHIFT, OFF_SCALE = 0.06, 0.12
"""A region that was off by more than this share of its size is read again where the person really is."""


class Lookout:
    """Everybody who was seen so far. One look at a time."""

    def __init__(
        self,
        estimator: PoseEstimator,
        *,
        search_every_s: float = SEARCH_EVERY_S,
        handed_over_s: float = HANDED_OVER_S,
    ) -> None:
        """Begin with nobody."""
        self._estimator = estimator
        self._search_every_s, self._handed_over_s = search_every_s, handed_over_s
        self._searched_s = -np.inf
        self._n_last = 0
        self.people: list[Person] = []
        self.counts: dict[int, int] = {}
        """People in each frame that was looked at."""

    def look(self, frame: FrameLike) -> list[Reading]:
        """Look at everybody in one frame."""
        known = [
            person.sightings[-1].reading.region
            for person in self.people
            if frame.time_s - person.sightings[-1].time_s <= self._handed_over_s
        ]
        readings = distinct([self._read(frame, region) for region in known])
        is_due = frame.time_s >= self._searched_s + self._search_every_s - 0.0005
        if is_due or len(readings) < max(1, self._n_last):
            self._searched_s = frame.time_s
            readings = distinct([*readings, *self._search(frame, readings)])
        self.remember(frame.index, time_s=frame.time_s, readings=readings)
        return readings

    def is_following(self, time_s: float) -> bool:
        """Return whether anybody was seen so lately that a look begins where they were."""
        return any(time_s - person.sightings[-1].time_s <= self._handed_over_s for person in self.people)

    def remember(self, frame: int, *, time_s: float, readings: list[Reading]) -> None:
        """Take a look that was made before for one of now."""
        self._n_last = len(readings)
        self.counts[frame] = len(readings)
        add_look(self.people, frame=frame, time_s=time_s, readings=readings)

    def _search(self, frame: FrameLike, readings: list[Reading]) -> list[Reading]:
        """Return the people the detector sees besides those already read."""
        return [
            self._read(frame, region)
            for region in self._estimator.find_people(frame)
            if all(not _is_same(region, reading) for reading in readings)
        ]

    def _read(self, frame: FrameLike, region: Region) -> Reading:
        """Read the person in a region, again where the person really is when the region was off."""
        reading = self._read_once(frame, region)
        if reading.presence >= LEAST_PRESENCE and is_off(region, reading.region):
            reading = self._read_once(frame, reading.region)
        return reading

    def _read_once(self, frame: FrameLike, region: Region) -> Reading:
        view = view_of(frame, region)
        return combine([self._estimator.read_view(view, region, frame=frame.index, mirrored=False)])


def is_off(used: Region, right: Region) -> bool:
    """Return whether a person stood so far from the middle of the region used that it is worth another reading."""
    shift = np.hypot(used.x_px - right.x_px, used.y_px - right.y_px)
    return bool(shift > OFF_SHIFT * right.size_px or abs(used.size_px / right.size_px - 1) > OFF_SCALE)


def _is_same(region: Region, reading: Reading) -> bool:
    hip = np.array([region.x_px, region.y_px])
    return distance(hip, reading.hip_mid_px, size_px=min(region.size_px, reading.size_px)) <= SAME_PERSON
