"""What a person put right in a trial, as small values, and what they do to a pose track.

A correction is a statement about one video: "the left foot touches here", "this is the knee", "left and
right are exchanged", "that one is the athlete", "leave this trial out". `apply` turns the track as it was
read into the track as it was put right; the read one is never changed. Nothing here knows who corrected or
when: that is recorded where corrections are kept.

Sides and joints are named as the track names them at the time of the correction, that is with every
earlier correction applied.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

import numpy as np

from app.biomech.events import Instant
from app.biomech.joints import MIRROR, MIRROR_LINES, N_JOINTS, Joint
from app.biomech.outline import carry
from app.biomech.types import BoolArray, Event, EventName, FloatArray, PoseTrack, Side, VideoInfo

REACH_S = 0.100
"""How far a dragged point takes its own path along, to each side [P]. As wide as this it passes the smoothing
filter (95 % of a bump 0.2 s wide passes 10 Hz), and only as wide as a knee needs to change its way."""
MIN_REACH_FRAMES = 3
"""Least reach in frames: with two, the neighbours would stay behind so far that the filter against lone
spikes took the dragged point for one; with three it cannot, however far it was dragged (docs/method.md)."""
MANUAL_SD_FRAMES = 0.5
"""Standard deviation of an event placed by hand, in frame intervals [P]: 0.29 because an event lies anywhere
between two frames (1/sqrt(12), D), and 0.41 for the choice of the frame itself."""

EventKey = tuple[EventName, Side, int | None]
"""Which event of a trial is meant: its name, side and repetition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEvent:
    """The event happens at this time."""

    name: EventName
    side: Side
    time_s: float
    """On the clock of the video's time stamps."""
    repetition: int | None = None
    """From 1, in movements that are repeated."""

    @property
    def key(self) -> EventKey:
        """Which event is meant."""
        return self.name, self.side, self.repetition


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveKeypoint:
    """The joint is at this place in this frame."""

    joint: Joint
    frame: int
    x_px: float
    y_px: float
    """In the upright picture, y down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapSides:
    """Left and right are exchanged in these frames; in the whole clip when none are named."""

    first_frame: int | None = None
    last_frame: int | None = None
    """Inclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickPerson:
    """The athlete is the person at this place in this frame. Needs a new reading of the video."""

    frame: int
    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTrial:
    """The trial counts in nothing."""


Correction = MoveEvent | MoveKeypoint | SwapSides | PickPerson | DropTrial


class CorrectionKind(StrEnum):
    """What is put right."""

    MOVE_EVENT = "move_event"
    MOVE_KEYPOINT = "move_keypoint"
    SWAP_SIDES = "swap_sides"
    PICK_PERSON = "pick_person"
    DROP_TRIAL = "drop_trial"


_KINDS: dict[CorrectionKind, type[Correction]] = {
    CorrectionKind.MOVE_EVENT: MoveEvent,
    CorrectionKind.MOVE_KEYPOINT: MoveKeypoint,
    CorrectionKind.SWAP_SIDES: SwapSides,
    CorrectionKind.PICK_PERSON: PickPerson,
    CorrectionKind.DROP_TRIAL: DropTrial,
}
Fields = dict[str, str | int | float | None]
"""A correction, or what was there before it, as plain values."""


def kind_of(correction: Correction) -> CorrectionKind:
    """Return what is put right."""
    return next(kind for kind, cls in _KINDS.items() if isinstance(correction, cls))


def fields_of(correction: Correction) -> Fields:
    """Return a correction as plain values; a joint by its name.

    Examples
    --------
    >>> fields_of(MoveKeypoint(joint=Joint.LEFT_KNEE, frame=3, x_px=1.5, y_px=2.0))
    {'joint': 'left_knee', 'frame': 3, 'x_px': 1.5, 'y_px': 2.0}
    """
    values = {field.name: getattr(correction, field.name) for field in fields(correction)}
    return {
        name: value.name.lower()
        if isinstance(value, Joint)
        else value.value
        if isinstance(value, StrEnum)
        else value
        for name, value in values.items()
    }


def correction_of(kind: CorrectionKind, values: Mapping[str, str | int | float | None]) -> Correction:
    """Return the correction that `kind_of` and `fields_of` took apart."""
    made: dict[str, object] = dict(values)
    if kind is CorrectionKind.MOVE_EVENT:
        made |= {"name": EventName(str(values["name"])), "side": Side(str(values["side"]))}
    if kind is CorrectionKind.MOVE_KEYPOINT:
        made |= {"joint": Joint[str(values["joint"]).upper()]}
    return _KINDS[kind](**made)  # type: ignore[arg-type]  # the fields are the class's own, by name


class CorrectionError(ValueError):
    """The correction makes no sense for this track; tells which field and what would."""

    def __init__(self, message: str, *, field: str, how_to_fix: str) -> None:
        """Keep the field and the advice with the message."""
        super().__init__(message)
        self.field = field
        self.how_to_fix = how_to_fix


@dataclass(frozen=True, slots=True, kw_only=True)
class HandMarks:
    """What in a track is a person's word, which no automatic cleaning may overrule."""

    points: BoolArray
    """(T, 33) the point was placed by hand."""
    sides: BoolArray
    """(T,) which leg is the left one was settled by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A track put right, and what else was said about the trial."""

    track: PoseTrack
    marks: HandMarks
    events: Mapping[EventKey, Instant]
    """Placed by hand; the last word on each event."""
    is_dropped: bool
    n_corrections: int

    @property
    def moves_points(self) -> bool:
        """Whether the track differs from the one that was read."""
        return bool(self.marks.points.any() or self.marks.sides.any())


def apply(track: PoseTrack, corrections: Sequence[Correction] = ()) -> Corrected:
    """Return the track with the corrections applied, in their order.

    A dragged point takes its neighbours in time along (`REACH_S`): its offset fades out as a raised cosine,
    and between two dragged points close to each other one offset turns into the other. The offset is
    measured from the point as it was read or, if that is nearer, from the path through the frames around
    it, so that mending a lone error moves nothing else. The model's metric guess (`world_m`) exchanges
    sides with the picture but is not dragged: it only serves to estimate the athlete's yaw.

    Parameters
    ----------
    track
        As it was read; not changed.
    corrections
        Checked by `check_correction`; `PickPerson` is for whoever reads the video and does nothing here.
    """
    work = _Work.of(track)
    dragged: list[MoveKeypoint] = []
    events: dict[EventKey, Instant] = {}
    for correction in corrections:
        match correction:
            case MoveKeypoint():
                dragged.append(correction)
            case SwapSides():
                work.drag(dragged)
                dragged = []
                frames = _frames_of(correction, n_frames=track.time_s.size)
                work.swap(frames)
                events = _swapped_events(events, frames, time_s=track.time_s)
            case MoveEvent():
                events[correction.key] = Instant(
                    time_s=correction.time_s, sd_s=MANUAL_SD_FRAMES * _frame_s(track.time_s)
                )
            case _:
                pass
    work.drag(dragged)
    return Corrected(
        track=work.finished(track) if corrections else track,
        marks=HandMarks(points=work.points, sides=work.sides),
        events=events,
        is_dropped=any(isinstance(correction, DropTrial) for correction in corrections),
        n_corrections=len(corrections),
    )


def check_correction(
    correction: Correction, *, video: VideoInfo, track: PoseTrack | None, events: Iterable[Event]
) -> None:
    """Raise `CorrectionError` when the correction cannot be meant for this recording.

    Parameters
    ----------
    correction
        Not yet applied.
    video
        What the file is.
    track
        As it was read; None when nobody was followed, and then only an athlete can be picked.
    events
        Of the analysis that is being corrected: only what is there, or its other side, can be moved.
    """
    if isinstance(correction, MoveKeypoint | PickPerson):
        _check_point(correction, video=video)
    if track is None and not isinstance(correction, PickPerson):
        raise CorrectionError(
            "Nobody was followed in this recording, so there is nothing to put right in it.",
            field="kind",
            how_to_fix="Pick the athlete, or film again.",
        )
    if isinstance(correction, MoveEvent) and track is not None:
        _check_event(correction, track=track, events=tuple(events))
    if isinstance(correction, SwapSides):
        _check_range(correction, n_frames=video.n_frames)


def _check_point(point: MoveKeypoint | PickPerson, *, video: VideoInfo) -> None:
    _check_frame(point.frame, field="frame", n_frames=video.n_frames)
    for field, value, limit in (("x_px", point.x_px, video.width_px), ("y_px", point.y_px, video.height_px)):
        if not 0.0 <= value <= limit:
            raise CorrectionError(
                f"The point lies outside the picture, which is {video.width_px} x {video.height_px} pixels.",
                field=field,
                how_to_fix="Give the place in pixels of the upright picture, from its top left corner.",
            )


def _check_event(move: MoveEvent, *, track: PoseTrack, events: Sequence[Event]) -> None:
    start_s, stop_s = float(track.time_s[0]), float(track.time_s[-1])
    if not start_s <= move.time_s <= stop_s:
        raise CorrectionError(
            f"The video runs from {start_s:.3f} s to {stop_s:.3f} s.",
            field="time_s",
            how_to_fix="Give a time on the clock of the video.",
        )
    alike = [event for event in events if event.name is move.name]
    sides = {event.side for event in alike if event.repetition == move.repetition}
    if not sides or (move.side is Side.BOTH) != (Side.BOTH in sides):
        raise CorrectionError(
            "There is no such event in this analysis.",
            field="side" if sides else "repetition" if alike else "name",
            how_to_fix="Choose one of the events that the analysis lists, with its side.",
        )


def _check_range(swap: SwapSides, *, n_frames: int) -> None:
    for field in ("first_frame", "last_frame"):
        frame = getattr(swap, field)
        if frame is not None:
            _check_frame(frame, field=field, n_frames=n_frames)
    if swap.first_frame is not None and swap.last_frame is not None and swap.first_frame > swap.last_frame:
        raise CorrectionError(
            "The last frame comes before the first.", field="last_frame", how_to_fix="Exchange the two."
        )


def _check_frame(frame: int, *, field: str, n_frames: int) -> None:
    if not 0 <= frame < n_frames:
        raise CorrectionError(
            f"The video has frames 0 to {n_frames - 1}.",
            field=field,
            how_to_fix="Count frames from 0, as the analysis does.",
        )


def _frames_of(swap: SwapSides, *, n_frames: int) -> slice:
    first = 0 if swap.first_frame is None else swap.first_frame
    last = n_frames - 1 if swap.last_frame is None else swap.last_frame
    return slice(first, last + 1)


def _frame_s(time_s: FloatArray) -> float:
    return float(np.median(np.diff(time_s))) if time_s.size > 1 else 0.0


def _swapped_events(
    events: Mapping[EventKey, Instant], frames: slice, *, time_s: FloatArray
) -> dict[EventKey, Instant]:
    """Return the placed events with their sides exchanged where they lie in these frames."""
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.BOTH: Side.BOTH}

    def inside(instant: Instant) -> bool:
        frame = int(np.argmin(np.abs(time_s - instant.time_s)))
        return bool(frames.start <= frame < frames.stop)

    return {
        (name, other[side] if inside(instant) else side, repetition): instant
        for (name, side, repetition), instant in events.items()
    }


@dataclass(slots=True, kw_only=True)
class _Work:
    """The arrays of a track while it is being put right."""

    time_s: FloatArray
    xy_px: FloatArray
    confidence: FloatArray
    world_m: FloatArray | None
    outline_px: FloatArray | None
    points: BoolArray
    sides: BoolArray

    @classmethod
    def of(cls, track: PoseTrack) -> "_Work":
        return cls(
            time_s=track.time_s,
            xy_px=track.xy_px.copy(),
            confidence=track.confidence.copy(),
            world_m=None if track.world_m is None else track.world_m.copy(),
            outline_px=None if track.outline_px is None else track.outline_px.copy(),
            points=np.zeros((track.time_s.size, N_JOINTS), dtype=np.bool_),
            sides=np.zeros(track.time_s.size, dtype=np.bool_),
        )

    def swap(self, frames: slice) -> None:
        """Exchange left and right in some frames."""
        for array in (self.xy_px, self.confidence, self.world_m, self.points):
            if array is not None:
                array[frames] = array[frames][:, MIRROR]
        if self.outline_px is not None:
            self.outline_px[frames] = self.outline_px[frames][:, MIRROR_LINES]
        self.sides[frames] = True

    def drag(self, moves: Sequence[MoveKeypoint]) -> None:
        """Place points, and take their paths along; the last word on each point counts."""
        before_px = self.xy_px.copy()
        wanted: dict[Joint, dict[int, FloatArray]] = {}
        for move in moves:
            wanted.setdefault(move.joint, {})[move.frame] = np.array([move.x_px, move.y_px])
        for joint, places in wanted.items():
            frames = sorted(places)
            targets = np.array([places[frame] for frame in frames])
            path = self.xy_px[:, joint]
            offsets = np.array(
                [
                    _offset(self.time_s, path, frame=frame, target=target)
                    for frame, target in zip(frames, targets, strict=True)
                ]
            )
            self.xy_px[:, joint] = path + _spread(self.time_s, frames, offsets)
            self.xy_px[frames, joint] = targets
            self.confidence[frames, joint] = 1.0
            self.points[frames, joint] = True
        if self.outline_px is not None and wanted:
            self.outline_px = carry(self.outline_px, self.xy_px - before_px)
            self.outline_px[sorted({frame for places in wanted.values() for frame in places})] = np.nan

    def finished(self, track: PoseTrack) -> PoseTrack:
        return replace(
            track,
            xy_px=self.xy_px,
            confidence=self.confidence,
            world_m=self.world_m,
            outline_px=self.outline_px,
        )


def _offset(time_s: FloatArray, path: FloatArray, *, frame: int, target: FloatArray) -> FloatArray:
    """Return how far a point is moved: from where it was read, or from its neighbours' path if that is nearer."""
    read: FloatArray = target - path[frame]
    known = np.asarray(np.isfinite(path).all(axis=1))
    known[frame] = False
    if not known.any():
        return np.asarray(np.nan_to_num(read))
    expected = np.array([np.interp(time_s[frame], time_s[known], axis) for axis in path[known].T])
    from_path: FloatArray = target - expected
    if not np.isfinite(read).all():
        return from_path
    return read if np.hypot(*read) <= np.hypot(*from_path) else from_path


def _spread(time_s: FloatArray, frames: Sequence[int], offsets: FloatArray) -> FloatArray:
    """Return the offset of every frame, (T, 2): as given at the anchors, fading out around them."""
    reach_s = max(REACH_S, MIN_REACH_FRAMES * _frame_s(time_s))
    anchor_s = time_s[list(frames)]
    field: FloatArray = np.zeros((time_s.size, 2))
    for which, (at_s, offset) in enumerate(zip(anchor_s, offsets, strict=True)):
        away = np.abs(time_s - at_s) / max(reach_s, 1e-9)
        weight = np.where(away < 1.0, 0.5 * (1.0 + np.cos(np.pi * np.minimum(away, 1.0))), 0.0)
        # Before the first and after the last of neighbouring anchors each fades out by itself.
        nearest = np.flatnonzero(np.abs(time_s[:, None] - anchor_s).argmin(axis=1) == which)
        field[nearest] = weight[nearest, None] * offset
    for i in range(len(frames) - 1):
        start_s, stop_s = anchor_s[i], anchor_s[i + 1]
        if stop_s - start_s <= 2.0 * reach_s:
            between = np.flatnonzero((time_s >= start_s) & (time_s <= stop_s))
            share = 0.5 * (1.0 - np.cos(np.pi * (time_s[between] - start_s) / (stop_s - start_s)))
            field[between] = (1.0 - share[:, None]) * offsets[i] + share[:, None] * offsets[i + 1]
    return field
