"""Follow the athlete through a video: a coarse look at everybody, then a close look at one, only where it matters.

The video is decoded once. About ten times a second everybody is looked at, which decides who the athlete is and
when the movement happens; views of the people in the frames between are kept. Then the frames that the movement's
measurement rests on are read closely, plain and mirrored, on regions interpolated from the looks, so that no frame
depends on how an earlier one was read: no lag, no drift, and never somebody else.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from app.biomech.joints import N_JOINTS, N_LINES
from app.biomech.types import AthletePoint, BoolArray, FloatArray, PoseSource, PoseTrack
from app.pose.close_reader import CloseReader, Crew, ViewStore
from app.pose.estimator import FrameLike, PoseEstimator, Reading, Region, VideoLike, View
from app.pose.heads import heads_of
from app.pose.landmarks import combine
from app.pose.lookout import Lookout, is_off
from app.pose.people import LEAST_PRESENCE, Choice, Person, choose_athlete, movement_span_s, pick_athlete
from app.pose.stillness import LONGEST_GROUP_S, can_be_glanced_at, still_groups, still_rest

_LOOK_EVERY_S = 0.1
_MOVING_EVERY_S = 1 / 20
"""While the hips rise or fall; enough to see what happens when."""
_GLANCE_SEARCH_S = 4.0
"""Who comes in while others stand is of no account; a glance follows them, and searches when it loses somebody."""
_MARGIN_S = 1.0
"""Frames this long before and after a movement that has to be read whole: standing still is needed for comparison."""
_MOVING_MARGIN_S = 0.3
_MAX_CLOSE_FRAMES = 4000
_MAX_WAITING_BYTES = 80 * 1024 * 1024
"""Decoded frames that wait for the next look: a tenth of a second of 1080p at 240 Hz. Of larger pictures there are more looks."""
_LOST_SHIFT = 0.35
"""A reading further from where the athlete must be than this share of the region is somebody else."""
_SLACK_S = 0.0005
"""A time stamp may be rounded up or down."""


class Span(Protocol):
    """A stretch of the video that has to be read closely."""

    @property
    def start_s(self) -> float:
        """First instant."""
        ...

    @property
    def stop_s(self) -> float:
        """Last instant."""
        ...

    @property
    def rate_hz(self) -> float:
        """At most so many frames a second."""
        ...

    @property
    def mirrored(self) -> bool:
        """Whether each frame is read mirrored as well."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRule:
    """What a movement needs to have read closely."""

    plan: Callable[[PoseTrack], tuple[Span, ...] | None] | None = None
    """From a coarse track to the stretches; None, or a plan that answers None: the whole movement."""
    rate_hz: float = float("inf")
    """At most so many frames a second of the whole movement."""


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
    close_s: float = 0.0
    """How long the close reading took."""
    close_network_s: float = 0.0
    """Time spent in the networks meanwhile, all threads together."""


def follow_athlete(
    video: VideoLike,
    estimator: PoseEstimator,
    *,
    rule: ReadingRule,
    athlete_at: AthletePoint | None = None,
    n_threads: int = 1,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Followed:
    """Return the track of the person who performs the movement.

    Parameters
    ----------
    video
        Frames are asked for once, and again for those whose views could not be kept.
    estimator
        Reads views of people.
    rule
        What the movement needs.
    athlete_at
        Where a person said the athlete is; whoever performs the movement when None.
    n_threads
        Networks that may run at once.
    on_progress
        Called with the share done, 0-1.

    Returns
    -------
    Followed
        With a track that has one row per frame of the video, NaN where the frame was not read.
    """
    crew = Crew(n_threads)
    try:
        glances = _glance(video, estimator, crew) if rule.plan is not None else {}
        still = np.zeros(len(video.time_s), dtype=np.bool_)
        for group in still_groups(video.groups(), glances):
            still[group.frames] = True
        for is_sparing in (True, False):  # what was left out may hold something after all
            following = _Following(video, estimator, crew=crew, glances=glances, on_progress=on_progress)
            skipped = still if is_sparing else np.zeros_like(still)
            followed = following.follow(rule, athlete_at=athlete_at, skipped=skipped, is_sparing=is_sparing)
            if followed is not None:
                return followed
        msg = "a video of which nothing is left out is always answered"
        raise RuntimeError(msg)
    finally:
        crew.close()


def _glance(video: VideoLike, estimator: PoseEstimator, crew: Crew) -> dict[int, list[Reading]]:
    """Return everybody in each key picture, when those are close enough to say what lies between them."""
    groups = video.groups()
    if not can_be_glanced_at(groups, video.time_s):
        return {}
    lookout = Lookout(estimator, search_every_s=_GLANCE_SEARCH_S, handed_over_s=LONGEST_GROUP_S)
    looking: Future[list[Reading]] | None = None
    looks: dict[int, Future[list[Reading]]] = {}
    for frame in video.frames({group.key for group in groups}):
        if looking is not None:
            looking.result()  # one after the other, each begins where the last one ended
        looking = looks[frame.index] = crew.submit(partial(lookout.look, frame))
    return {frame: look.result() for frame, look in looks.items()}


class _Following:
    """One attempt at following, with what it saw."""

    def __init__(
        self,
        video: VideoLike,
        estimator: PoseEstimator,
        *,
        crew: Crew,
        glances: Mapping[int, list[Reading]],
        on_progress: Callable[[float], None],
    ) -> None:
        self._video = video
        self._groups = video.groups()
        self._glances = glances
        self._estimator = estimator
        self._crew = crew
        self._on_progress = on_progress
        self._store = ViewStore()
        self._rows = _Rows(len(video.time_s))
        self._size_px = (1, 1)
        self._left_out: list[int] = []

    def follow(
        self, rule: ReadingRule, *, athlete_at: AthletePoint | None, skipped: BoolArray, is_sparing: bool
    ) -> Followed | None:
        """Return what was found, None when frames were left out and the rest does not tell enough."""
        time_s = self._video.time_s
        lookout, skipped = self._look_around(skipped, is_sparing=is_sparing)
        choice = _choose(lookout, athlete_at, time_s=time_s)
        n_real = (choice.athlete is not None) + len(choice.others)
        if choice.athlete is None or not choice.is_clear:
            if skipped.any():
                return None
            return Followed(track=None, time_s=time_s, n_people=n_real, is_clear=False)
        for sighting in choice.athlete.sightings:
            self._rows.set(sighting.frame, sighting.reading)

        def track() -> PoseTrack:
            return self._rows.track(
                time_s, size_px=self._size_px, lookout=lookout, choice=choice, source=self._estimator.source
            )

        where = _Whereabouts(choice.athlete)
        reader = CloseReader(
            self._video,
            self._estimator,
            region_of=lambda frame: where.region(float(time_s[frame])),
            store=self._store,
            crew=self._crew,
        )
        span = movement_span_s(choice.athlete)
        spans: tuple[Span, ...] | None = None
        if rule.plan is not None and span is not None:
            moving = (time_s >= span[0] - _MOVING_MARGIN_S) & (time_s <= span[1] + _MOVING_MARGIN_S)
            moving &= ~skipped  # the plan says whether those are needed
            between = [
                frame
                for frame in _thinned(time_s, moving, every_s=_MOVING_EVERY_S)
                # After the last look of a stretch no view was kept: not worth decoding the stretch again.
                if not self._rows.has(frame) and (self._store.has(frame) or self._store.is_full)
            ]
            self._read(between, reader, mirrored=frozenset(), share=0.6)
            spans = rule.plan(track())
        if spans is None and skipped.any():
            return None
        if spans is not None:
            mirrored = _planned_frames(time_s, (one for one in spans if one.mirrored))
            plain = _planned_frames(time_s, (one for one in spans if not one.mirrored))
        else:
            mirrored, plain = self._unplanned(rule, span), []
        # A look has seen its frame plain already.
        close = sorted({*mirrored, *(frame for frame in plain if not self._rows.has(frame))})
        started_s, network_s = time.perf_counter(), self._estimator.network_s
        self._read(close, reader, mirrored=frozenset(mirrored), share=1.0)
        self._on_progress(1.0)
        return Followed(
            track=track(),
            time_s=time_s,
            n_people=n_real,
            is_clear=True,
            close_s=time.perf_counter() - started_s,
            close_network_s=self._estimator.network_s - network_s,
        )

    def _unplanned(self, rule: ReadingRule, span: tuple[float, float] | None) -> list[int]:
        """Return the frames of the whole movement; of somebody who only stands, which may be what is measured, the looks'."""
        if span is not None:
            return _whole_movement(self._video.time_s, span, rate_hz=rule.rate_hz)
        is_planned = rule.plan is not None
        return (
            [] if is_planned else [frame for frame in range(len(self._video.time_s)) if self._rows.has(frame)]
        )

    def _look_around(self, skipped: BoolArray, *, is_sparing: bool) -> tuple[Lookout, BoolArray]:
        """Look at everybody about ten times a second, and keep views of the people between the looks.

        Return who was seen, and which frames were left out: those given, and more of them when sparing.
        """
        lookout = Lookout(self._estimator)
        skipped, left_out = skipped.copy(), set[int]()
        looks: list[list[Reading]] = []
        wanted = set(np.flatnonzero(~skipped).tolist()) if skipped.any() else None
        self._left_out = sorted(key for key in self._glances if skipped[key])
        end_s = float(self._video.time_s[-1])
        last_slot = -1
        waiting: list[FrameLike] = []
        looking: Future[list[Reading]] | None = None
        for frame in self._video.frames(wanted, left_out=left_out):
            self._size_px = frame.size_px
            waiting.append(frame)
            room = max(2, _MAX_WAITING_BYTES // (frame.size_px[0] * frame.size_px[1] * 3 // 2))
            # On a fixed grid, so that the looks are the same whatever was left out before.
            slot = int((frame.time_s - self._video.time_s[0] + _SLACK_S) / _LOOK_EVERY_S)
            if slot == last_slot and len(waiting) < room:
                continue
            last_slot = slot
            if looking is not None:
                looks = [*looks[-1:], looking.result()]
                if is_sparing:
                    left_out.update(self._rest_after(frame.index, looks, skipped=skipped))
                self._on_progress(0.5 * frame.time_s / max(end_s, 1e-9))
            looking = self._crew.submit(partial(self._look, lookout, waiting))
            waiting = []
        if looking is not None:
            looking.result()
        self._remember(lookout, before=len(self._video.time_s))
        return lookout, skipped

    def _rest_after(self, frame: int, looks: list[list[Reading]], *, skipped: BoolArray) -> list[int]:
        """Return the frames that need not be decoded any more, and note them, when everybody has come to rest."""
        if not self._glances:
            return []
        groups = still_rest(self._groups, self._glances, frame=frame, looks=looks)
        rest = [one for group in groups for one in group.frames.tolist() if one > frame and not skipped[one]]
        skipped[rest] = True
        self._left_out = sorted({*self._left_out, *(one for one in rest if one in self._glances)})
        return rest

    def _remember(self, lookout: Lookout, *, before: int) -> None:
        """Take the glances at key pictures that were left out for looks, in order of time."""
        while self._left_out and self._left_out[0] < before:
            key = self._left_out.pop(0)
            lookout.remember(key, time_s=float(self._video.time_s[key]), readings=self._glances[key])

    def _look(self, lookout: Lookout, waiting: list[FrameLike]) -> list[Reading]:
        """Look at the last frame; then it is known where the people were in those that waited."""
        frame = waiting[-1]
        self._remember(lookout, before=frame.index)
        if frame.index in self._glances and not lookout.is_following(frame.time_s):
            readings = self._glances[frame.index]
            lookout.remember(frame.index, time_s=frame.time_s, readings=readings)
        else:
            readings = lookout.look(frame)
        for person in lookout.people:
            if len(person.sightings) < 2 or person.sightings[-1].frame != frame.index:
                continue
            recent = _Whereabouts(Person(person.sightings[-2:]))
            if person.sightings[-2].time_s >= waiting[0].time_s - 2 * _LOOK_EVERY_S:
                for one in waiting:
                    self._store.keep(one, recent.region(one.time_s))
        return readings

    def _read(
        self, frames: Collection[int], reader: CloseReader, *, mirrored: Collection[int], share: float
    ) -> None:
        """Read frames into the rows; those whose region was off once more, where the athlete really is."""
        off: dict[int, Region] = {}
        for n, (frame, region, views) in enumerate(reader.read(frames, mirrored=mirrored)):
            reading = self._accept(frame, region, views)
            if reading is not None and is_off(region, reading.region):
                off[frame] = reading.region
            if n % 8 == 0:
                self._on_progress(0.5 + 0.5 * share * n / len(frames))
        if off:
            again = CloseReader(
                self._video,
                self._estimator,
                region_of=off.__getitem__,
                store=ViewStore(),
                crew=self._crew,
            )
            for frame, _, views in again.read(off, mirrored=mirrored):
                self._accept(frame, off[frame], views)

    def _accept(self, frame: int, region: Region, views: list[View]) -> Reading | None:
        """Write a reading down, unless nobody or somebody else was there."""
        reading = combine(views)
        shift = np.hypot(reading.region.x_px - region.x_px, reading.region.y_px - region.y_px)
        if reading.presence < LEAST_PRESENCE or shift > _LOST_SHIFT * region.size_px:
            return None
        self._rows.set(frame, reading)
        return reading


def _choose(lookout: Lookout, at: AthletePoint | None, *, time_s: FloatArray) -> Choice:
    """Return who the athlete is: whoever was pointed at, else whoever performs the movement."""
    n_looks = len(lookout.counts)
    if at is None:
        return choose_athlete(lookout.people, n_looks=n_looks)
    at_s = float(time_s[min(at.frame, len(time_s) - 1)])
    return pick_athlete(lookout.people, n_looks=n_looks, time_s=at_s, x_px=at.x_px, y_px=at.y_px)


class _Rows:
    """The arrays of a track while they are filled."""

    def __init__(self, n_frames: int) -> None:
        self.xy_px = np.full((n_frames, N_JOINTS, 2), np.nan)
        self.confidence = np.full((n_frames, N_JOINTS), np.nan)
        self.world_m = np.full((n_frames, N_JOINTS, 3), np.nan)
        self.outline_px = np.full((n_frames, N_LINES, 2, 2), np.nan)

    def set(self, frame: int, reading: Reading) -> None:
        self.xy_px[frame] = reading.xy_px
        self.confidence[frame] = reading.confidence
        self.world_m[frame] = reading.world_m
        if reading.outline_px is not None:
            self.outline_px[frame] = reading.outline_px

    def has(self, frame: int) -> bool:
        return bool(np.isfinite(self.xy_px[frame, 0, 0]))

    def track(
        self,
        time_s: FloatArray,
        *,
        size_px: tuple[int, int],
        lookout: Lookout,
        choice: Choice,
        source: PoseSource,
    ) -> PoseTrack:
        n_people = np.full(len(time_s), np.nan)
        for frame, count in lookout.counts.items():
            n_people[frame] = count
        return PoseTrack(
            time_s=time_s,
            xy_px=self.xy_px.copy(),
            confidence=self.confidence.copy(),
            world_m=self.world_m.copy(),
            image_size_px=size_px,
            source=source,
            n_people=n_people,
            bystander_ratio=_bystander_ratio(choice),
            heads=heads_of(lookout.people),
            outline_px=self.outline_px.copy() if np.isfinite(self.outline_px).any() else None,
        )


def _thinned(time_s: FloatArray, inside: BoolArray, *, every_s: float) -> list[int]:
    """Return the frames inside a stretch that are at least so far apart."""
    frames: list[int] = []
    next_s = -np.inf
    for frame in np.flatnonzero(inside):
        if time_s[frame] >= next_s - _SLACK_S:
            frames.append(int(frame))
            next_s = time_s[frame] + every_s
    return frames


def _planned_frames(time_s: FloatArray, spans: Iterable[Span]) -> list[int]:
    """Return the frames of all stretches, each once, in order."""
    frames: set[int] = set()
    for span in spans:
        inside = (time_s >= span.start_s) & (time_s <= span.stop_s)
        frames.update(_thinned(time_s, inside, every_s=1.0 / span.rate_hz))
    return sorted(frames)[:_MAX_CLOSE_FRAMES]


def _whole_movement(time_s: FloatArray, span: tuple[float, float], *, rate_hz: float) -> list[int]:
    """Return the frames of the movement."""
    inside = (time_s >= span[0] - _MARGIN_S) & (time_s <= span[1] + _MARGIN_S)
    frames = _thinned(time_s, inside, every_s=1.0 / rate_hz)
    return frames[:: max(1, -(-len(frames) // _MAX_CLOSE_FRAMES))]


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


def _bystander_ratio(choice: Choice) -> float:
    """Return the largest other person's size over the athlete's, 0 when nobody else is there."""
    if choice.athlete is None:
        return 0.0
    return max((other.size_px / choice.athlete.size_px for other in choice.others), default=0.0)
