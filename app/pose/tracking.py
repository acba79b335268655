"""Follow the athlete through a video: a coarse look at everybody, then a close look at one.

Pass 1 looks at about ten pictures a second, finds everybody and decides who the athlete is. Pass 2 reads every
frame around the movement on a region interpolated from pass 1, so that no frame depends on how an earlier one
was read: no lag, no drift, and never somebody else. Memory holds one frame at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.biomech.joints import N_JOINTS
from app.biomech.types import AthletePoint, FloatArray, PoseTrack
from app.pose.estimator import Picture, PoseEstimator, Reading, Region
from app.pose.people import (
    Choice,
    Person,
    add_look,
    choose_athlete,
    distinct,
    movement_span_s,
    pick_athlete,
)

_LOOK_EVERY_S = 0.1
_MARGIN_S = 1.0
"""Frames this long before and after the movement are read too: standing still is needed for comparison."""
_MAX_CLOSE_FRAMES = 4000
_MAX_LONG_SIDE_PX = 1920
"""Larger pictures are halved and so on first; the networks see 256 pixels of the athlete at most."""
_LEAST_PRESENCE = 0.5
_REREAD_SHIFT, _REREAD_SCALE = 0.06, 0.12
"""A region that was off by more than this share of its size is read again where the person really is."""
_LOST_SHIFT = 0.35
"""A reading further from where the athlete must be than this share of the region is somebody else."""


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

    def picture(self, max_long_side_px: int | None = None) -> Picture:
        """Return the upright picture, made smaller when it is larger than asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What following found."""

    track: PoseTrack | None
    """None when nobody was found, or it cannot be settled who the athlete is."""
    time_s: FloatArray
    """(T,) of every frame of the video."""
    n_people: int
    """Most people that were really there."""
    is_clear: bool
    """False when several people might be the athlete."""


def follow_athlete(
    frames: Callable[[], Iterator[FrameLike]],
    estimator: PoseEstimator,
    *,
    athlete_at: AthletePoint | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Followed:
    """Return the track of the person who performs the movement.

    Parameters
    ----------
    frames
        Gives all frames from the start, each time it is called; called twice.
    estimator
        Reads pictures.
    athlete_at
        Where a person said the athlete is; whoever performs the movement when None.
    on_progress
        Called with the share done, 0-1.

    Returns
    -------
    Followed
        With a track that has one row per frame of the video, NaN where the frame was not read.
    """
    looks = _look_around(frames(), estimator, on_progress=on_progress)
    choice = _choose(looks, athlete_at)
    n_real = (choice.athlete is not None) + len(choice.others)
    if choice.athlete is None or not choice.is_clear:
        return Followed(track=None, time_s=looks.time_s, n_people=n_real, is_clear=False)
    rows = _Rows(len(looks.time_s))
    for sighting in choice.athlete.sightings:
        rows.set(sighting.frame, sighting.reading)
    _read_closely(
        frames(), estimator, looks=looks, athlete=choice.athlete, rows=rows, on_progress=on_progress
    )
    track = PoseTrack(
        time_s=looks.time_s,
        xy_px=rows.xy_px,
        confidence=rows.confidence,
        world_m=rows.world_m,
        image_size_px=looks.image_size_px,
        source=estimator.source,
        n_people=looks.n_people(),
        bystander_ratio=_bystander_ratio(choice),
    )
    return Followed(track=track, time_s=looks.time_s, n_people=n_real, is_clear=True)


def _choose(looks: "_Looks", at: AthletePoint | None) -> Choice:
    n_looks = len(looks.counts)
    if at is None:
        return choose_athlete(looks.people, n_looks=n_looks)
    time_s = float(looks.time_s[min(at.frame, len(looks.time_s) - 1)])
    return pick_athlete(looks.people, n_looks=n_looks, time_s=time_s, x_px=at.x_px, y_px=at.y_px)


class _Rows:
    """The arrays of a track while they are filled."""

    def __init__(self, n_frames: int) -> None:
        self.xy_px = np.full((n_frames, N_JOINTS, 2), np.nan)
        self.confidence = np.full((n_frames, N_JOINTS), np.nan)
        self.world_m = np.full((n_frames, N_JOINTS, 3), np.nan)

    def set(self, frame: int, reading: Reading) -> None:
        self.xy_px[frame] = reading.xy_px
        self.confidence[frame] = reading.confidence
        self.world_m[frame] = reading.world_m


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looks:
    """What pass 1 saw."""

    people: list[Person]
    counts: dict[int, int]
    """People in each frame that was looked at."""
    time_s: FloatArray
    image_size_px: tuple[int, int]

    def n_people(self) -> FloatArray:
        n_people = np.full(len(self.time_s), np.nan)
        for frame, count in self.counts.items():
            n_people[frame] = count
        return n_people


def _look_around(
    frames: Iterator[FrameLike], estimator: PoseEstimator, *, on_progress: Callable[[float], None]
) -> _Looks:
    """Look at everybody about ten times a second, and note the time of every frame."""
    people: list[Person] = []
    counts: dict[int, int] = {}
    times: list[float] = []
    size, next_look_s = (1, 1), -np.inf
    for frame in frames:
        times.append(frame.time_s)
        size = frame.size_px
        # Half a millisecond of slack: a time stamp may be rounded up or down.
        if frame.time_s < next_look_s - 0.0005:
            continue
        next_look_s = frame.time_s + _LOOK_EVERY_S
        picture, scale = _working_picture(frame)
        found = estimator.find_people(picture, frame=frame.index)
        readings = distinct([_scaled(reading, scale) for reading in found])
        counts[frame.index] = len(readings)
        add_look(people, frame=frame.index, time_s=frame.time_s, readings=readings)
        on_progress(0.3 * (1 - 1 / (1 + len(counts) / 30)))
    return _Looks(people=people, counts=counts, time_s=np.array(times), image_size_px=size)


def _read_closely(
    frames: Iterator[FrameLike],
    estimator: PoseEstimator,
    *,
    looks: _Looks,
    athlete: Person,
    rows: _Rows,
    on_progress: Callable[[float], None],
) -> None:
    """Read every frame around the movement that pass 1 has not read."""
    wanted = _frames_to_read(looks.time_s, athlete)
    where = _Whereabouts(athlete)
    last = max(wanted, default=0)
    n_read = 0
    for frame in frames:
        if frame.index > last:
            break
        if frame.index not in wanted:
            continue
        region = where.region(frame.time_s)
        picture, scale = _working_picture(frame)
        reading = _close_reading(picture, region, estimator, frame=frame.index, scale=scale)
        if reading is not None:
            rows.set(frame.index, reading)
        n_read += 1
        on_progress(0.3 + 0.7 * n_read / len(wanted))


def _frames_to_read(time_s: FloatArray, athlete: Person) -> set[int]:
    """Return the frames around the movement; none when the athlete only stands, for which pass 1 is enough."""
    span = movement_span_s(athlete)
    if span is None:
        return set()
    inside = np.flatnonzero((time_s >= span[0] - _MARGIN_S) & (time_s <= span[1] + _MARGIN_S))
    step = -(-len(inside) // _MAX_CLOSE_FRAMES) if len(inside) else 1
    return {int(frame) for frame in inside[::step]}


class _Whereabouts:
    """Where the athlete is at any time, between the sightings of pass 1."""

    def __init__(self, athlete: Person) -> None:
        regions = [sighting.reading.region for sighting in athlete.sightings]
        self._time_s = np.array([sighting.time_s for sighting in athlete.sightings])
        self._x = np.array([region.x_px for region in regions])
        self._y = np.array([region.y_px for region in regions])
        self._size = np.array([region.size_px for region in regions])
        self._angle = np.unwrap(np.array([region.angle_rad for region in regions]))

    def region(self, time_s: float) -> Region:
        """Return the region at this time."""
        x, y, size, angle = (
            float(np.interp(time_s, self._time_s, values))
            for values in (self._x, self._y, self._size, self._angle)
        )
        return Region(x_px=x, y_px=y, size_px=size, angle_rad=angle)


def _close_reading(
    picture: Picture, region: Region, estimator: PoseEstimator, *, frame: int, scale: float
) -> Reading | None:
    """Read the athlete where it must be; again if the region was off; None when it is not there."""
    reading = estimator.read_person(picture, _scaled_region(region, 1 / scale), frame=frame)
    if _is_off(_scaled_region(region, 1 / scale), reading.region) and reading.presence >= _LEAST_PRESENCE:
        reading = estimator.read_person(picture, reading.region, frame=frame)
    reading = _scaled(reading, scale)
    shift = np.hypot(reading.region.x_px - region.x_px, reading.region.y_px - region.y_px)
    if reading.presence < _LEAST_PRESENCE or shift > _LOST_SHIFT * region.size_px:
        return None
    return reading


def _is_off(used: Region, right: Region) -> bool:
    shift = np.hypot(used.x_px - right.x_px, used.y_px - right.y_px)
    return bool(
        shift > _REREAD_SHIFT * right.size_px or abs(used.size_px / right.size_px - 1) > _REREAD_SCALE
    )


def _working_picture(frame: FrameLike) -> tuple[Picture, float]:
    """Return the picture, not larger than needed, and what its pixels count in pixels of the video."""
    picture = frame.picture(_MAX_LONG_SIDE_PX)
    return picture, max(frame.size_px) / max(picture.shape[:2])


def _scaled_region(region: Region, scale: float) -> Region:
    return Region(
        x_px=region.x_px * scale,
        y_px=region.y_px * scale,
        size_px=region.size_px * scale,
        angle_rad=region.angle_rad,
    )


def _scaled(reading: Reading, scale: float) -> Reading:
    return Reading(
        xy_px=reading.xy_px * scale,
        confidence=reading.confidence,
        world_m=reading.world_m,
        presence=reading.presence,
        region=_scaled_region(reading.region, scale),
    )


def _bystander_ratio(choice: Choice) -> float:
    """Return the largest other person's size over the athlete's, 0 when nobody else is there."""
    if choice.athlete is None:
        return 0.0
    return max((other.size_px / choice.athlete.size_px for other in choice.others), default=0.0)
