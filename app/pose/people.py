"""Who is who over time, and who of them is the athlete.

The athlete is the one who performs the movement: not the largest person, nor the one in the middle.
"""

from dataclasses import dataclass, field

import numpy as np

from app.biomech.types import FloatArray
from app.pose.estimator import Reading

SAME_PERSON = 0.12
"""Two detections whose hips are closer than this, in body sizes, are one person seen twice."""
_REACH = 0.12
_REACH_PER_S = 1.2
"""How far hips may move between two looks, in body sizes: at once, and per second."""
_LONGEST_ABSENCE_S = 0.8
_SIZE_RATIO = 1.6
_LEAST_SIGHTINGS = 3
_LEAST_SHARE = 0.1
"""Somebody seen in fewer looks than this share is taken for a false alarm."""
LEAST_PRESENCE = 0.5
_LEAST_MOVEMENT = 0.06
"""Rise and fall of the hips, in body sizes, below which nobody moves. A standing person stays under 0.02."""
_SPAN_LOOKS = 3
"""Looks over which a rise or fall is measured, so that a slow squat counts as movement too."""
_POINTED_AT_X, _POINTED_AT_Y = 0.25, 0.6
"""A place is on a person within this of the hips, in body sizes: across to the elbows, along to head and feet."""
_CLEAR_LEAD = 0.5
"""The athlete is clear when nobody else moves more than this share of what the athlete moves."""


@dataclass(slots=True)
class Sighting:
    """One person in one look."""

    frame: int
    time_s: float
    reading: Reading


@dataclass(slots=True)
class Person:
    """One person's sightings, in order."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def size_px(self) -> float:
        """Median size in the picture."""
        return float(np.median([sighting.reading.size_px for sighting in self.sightings]))

    @property
    def movement(self) -> float:
        """Rise and fall of the hips in body sizes, isolated outliers left out."""
        height = np.array([sighting.reading.hip_mid_px[1] for sighting in self.sightings])
        if height.size > 2:  # a median of three needs three
            height = np.median(np.stack([height[:-2], height[1:-1], height[2:]]), axis=0)
        return float(np.ptp(height)) / self.size_px

    def overlaps(self, other: "Person") -> bool:
        """Return whether both were seen in the same look."""
        return bool({s.frame for s in self.sightings} & {s.frame for s in other.sightings})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who the athlete is."""

    athlete: Person | None
    others: tuple[Person, ...]
    is_clear: bool
    """False when somebody else might as well be the athlete."""


def distinct(readings: list[Reading]) -> list[Reading]:
    """Return the readings that hold a person, one per person, the surest first."""
    kept: list[Reading] = []
    for reading in sorted(readings, key=lambda item: -float(item.confidence.mean())):
        if reading.presence < LEAST_PRESENCE:
            continue
        if all(_distance(reading, other) > SAME_PERSON for other in kept):
            kept.append(reading)
    return kept


def add_look(people: list[Person], *, frame: int, time_s: float, readings: list[Reading]) -> None:
    """Give every reading of one look to the person it continues, nearest pairs first, or to a new one."""
    pairs = sorted(
        (distance, who, which)
        for who, person in enumerate(people)
        for which, reading in enumerate(readings)
        if (distance := _continuation(person, reading, time_s=time_s)) is not None
    )
    taken: set[int] = set()
    continued: set[int] = set()
    for _, who, which in pairs:
        if who in continued or which in taken:
            continue
        continued.add(who)
        taken.add(which)
        people[who].sightings.append(Sighting(frame=frame, time_s=time_s, reading=readings[which]))
    people.extend(
        Person([Sighting(frame=frame, time_s=time_s, reading=reading)])
        for which, reading in enumerate(readings)
        if which not in taken
    )


def choose_athlete(people: list[Person], *, n_looks: int) -> Choice:
    """Return the person who performs the movement; unclear when several move alike, or several and nobody moves."""
    least = max(_LEAST_SIGHTINGS, _LEAST_SHARE * n_looks)
    if n_looks < _LEAST_SIGHTINGS:
        least = 1
    joined = _joined(people)
    real = sorted(
        (person for person in joined if len(person.sightings) >= least), key=lambda person: -person.movement
    )
    if not real:
        return Choice(athlete=None, others=(), is_clear=False)
    athlete, others = real[0], tuple(real[1:])
    if athlete.movement < _LEAST_MOVEMENT:
        by_size = sorted(real, key=lambda person: -person.size_px * len(person.sightings))
        athlete, others = by_size[0], tuple(by_size[1:])
        return Choice(athlete=athlete, others=others, is_clear=not others)
    is_clear = all(other.movement < _CLEAR_LEAD * athlete.movement for other in others)
    return Choice(athlete=athlete, others=others, is_clear=is_clear)


def pick_athlete(people: list[Person], *, n_looks: int, time_s: float, x_px: float, y_px: float) -> Choice:
    """Return whoever was nearest to a place at a time; nobody when no one was near."""
    choice = choose_athlete(people, n_looks=n_looks)
    everybody = ([] if choice.athlete is None else [choice.athlete]) + list(choice.others)
    near = [(_away(person, time_s=time_s, x_px=x_px, y_px=y_px), i) for i, person in enumerate(everybody)]
    distance, which = min(near, default=(np.inf, 0))
    if distance > 1.0:
        return Choice(athlete=None, others=tuple(everybody), is_clear=False)
    others = tuple(person for i, person in enumerate(everybody) if i != which)
    return Choice(athlete=everybody[which], others=others, is_clear=True)


def _away(person: Person, *, time_s: float, x_px: float, y_px: float) -> float:
    """Return how far a place is from a person at a time, 1 at the edge of the body; where they were last seen, if later."""
    times = np.array([sighting.time_s for sighting in person.sightings])
    hips = np.array([sighting.reading.hip_mid_px for sighting in person.sightings])
    x, y = (float(np.interp(time_s, times, axis)) for axis in hips.T)
    across, along = (x_px - x) / _POINTED_AT_X, (y_px - y) / _POINTED_AT_Y
    return float(np.hypot(across, along)) / person.size_px


def distance(hip_px: FloatArray, other_px: FloatArray, *, size_px: float) -> float:
    """Return the distance between two people's hips in body sizes."""
    return float(np.hypot(*(hip_px - other_px))) / size_px


def _distance(one: Reading, other: Reading) -> float:
    """Return the distance between two people's hips in sizes of the smaller."""
    return distance(one.hip_mid_px, other.hip_mid_px, size_px=min(one.size_px, other.size_px))


def _continuation(person: Person, reading: Reading, *, time_s: float) -> float | None:
    """Return how far the reading is from where the person was last seen, or None when it cannot be the same."""
    last = person.sightings[-1]
    absent_s = time_s - last.time_s
    if absent_s > _LONGEST_ABSENCE_S:
        return None
    ratio = reading.size_px / last.reading.size_px
    if not 1 / _SIZE_RATIO < ratio < _SIZE_RATIO:
        return None
    distance = _distance(last.reading, reading)
    return distance if distance < _REACH + _REACH_PER_S * absent_s else None


def _joined(people: list[Person]) -> list[Person]:
    """Join the pieces of a person who was lost for a while: never in the same look, same size, same column."""
    whole: list[Person] = []
    for person in sorted(people, key=lambda item: item.sightings[0].time_s):
        earlier = next((one for one in whole if _continues(one, person)), None)
        if earlier is None:
            whole.append(Person(list(person.sightings)))
        else:
            earlier.sightings.extend(person.sightings)
    return whole


def _continues(earlier: Person, later: Person) -> bool:
    if earlier.overlaps(later) or earlier.sightings[-1].time_s >= later.sightings[0].time_s:
        return False
    ratio = later.size_px / earlier.size_px
    across = abs(later.sightings[0].reading.hip_mid_px[0] - earlier.sightings[-1].reading.hip_mid_px[0])
    return 1 / _SIZE_RATIO < ratio < _SIZE_RATIO and float(across) < SAME_PERSON * earlier.size_px


def movement_span_s(person: Person) -> tuple[float, float] | None:
    """Return when the person's hips first and last rise or fall clearly, or None when they never do."""
    least_px = _LEAST_MOVEMENT / 4 * person.size_px
    moving = [
        (before.time_s, after.time_s)
        for before, after in zip(person.sightings, person.sightings[_SPAN_LOOKS:], strict=False)
        if abs(float(after.reading.hip_mid_px[1] - before.reading.hip_mid_px[1])) > least_px
    ]
    return (moving[0][0], moving[-1][1]) if moving else None
