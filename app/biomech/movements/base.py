"""What every movement module provides, and what it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.biomech.corrections import EventKey
from app.biomech.events import Instant
from app.biomech.kinematics import BodyPaths
from app.biomech.types import Movement, Outcome, PoseTrack, QualityFinding, TrialContext, VideoInfo


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
    """One movement: how it is performed, and how a trial of it is assessed."""

    movement: Movement
    name: str
    protocol: str
    """How the athlete performs it, in the words given to the athlete."""
    valid_when: tuple[str, ...]
    """What makes a trial count."""
    assess: Callable[[Trial], Outcome]
