"""What every movement module provides, and what it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.biomech.corrections import EventKey
from app.biomech.events import Instant
from app.biomech.kinematics import BodyPaths
from app.biomech.reading import PlanReading
from app.biomech.types import Movement, Outcome, PoseTrack, QualityFinding, TrialContext, VideoInfo, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One recording of one trial, ready to be measured."""

    video: VideoInfo
    track: PoseTrack
    paths: BodyPaths
    context: TrialContext
    findings: tuple[QualityFinding, ...]
    """What is already known about the recording."""
    placed: Mapping[EventKey, Instant] = field(default_factory=dict)
    """Events placed by hand, instead of those a movement finds; a movement must use them or it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementDefinition:
    """One movement: how it is performed, what is reported of it, and how a trial of it is assessed.

    A new movement is one new module of this package with one of these at its top level (`movements` finds
    it), besides its member of `Movement` and entries of `definitions.METRICS` for numbers that are new.
    """

    movement: Movement
    name: str
    protocol: str
    """How the athlete performs it, in the words given to the athlete."""
    phases: tuple[str, ...]
    """Its parts in order of time."""
    valid_when: tuple[str, ...]
    """What makes a trial count."""
    metrics: tuple[str, ...]
    """Keys of `definitions.METRICS` it can report."""
    flagged_frames: tuple[str, ...]
    """Reasons for which it points at frames, besides the codes of findings."""
    views: tuple[View, ...]
    """Where the camera may stand."""
    has_box: bool = False
    """The athlete starts on a box or step, whose height may be given."""
    is_repeated: bool = False
    """One clip holds several repetitions, which are numbered."""
    plan_reading: PlanReading | None = None
    """Says, from a coarse track, which stretches its measurement rests on; None has all of the movement read."""
    read_rate_hz: float = float("inf")
    """At most so many frames a second are read of a movement that is read whole: what is slow needs no more."""
    assess: Callable[[Trial], Outcome]
