"""What the services return of single trials: their recordings put together, and the LESS."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from app.biomech.joined_trial import JoinedTrial
from app.biomech.less import LessScore
from app.biomech.less_change import LessChange
from app.biomech.less_rt import RealTimeScore
from app.biomech.nomogram import NomogramInputs, NomogramReading
from app.biomech.norms import NoNorm, NormResult
from app.biomech.types import MethodStamp, Movement, QualityFinding, Verdict, View
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext
from app.services.read_models import AthleteSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPart:
    """One recording of a trial, and which analysis of it the trial was judged from."""

    recording_id: UUID
    view: View
    state: RecordingState
    verdict: Verdict | None
    """Of the analysis used, else of the latest; None before there is one."""
    method_version: str | None
    analysis_id: UUID | None
    """The analysis used; None when none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResultView:
    """One trial judged over its recordings; worked out from stored analyses of one method version."""

    id: UUID
    number: int
    movement: Movement
    screening_id: UUID
    athlete: AthleteSummary
    screened_on: date
    context: ScreeningContext
    parts: tuple[TrialPart, ...]
    method: MethodStamp | None
    """That all numbers were made with; None without a usable analysis."""
    judgement: JoinedTrial | None
    has_less: bool
    """Whether the movement is one that the LESS scores."""
    findings: tuple[QualityFinding, ...]
    """About putting the recordings together; each recording's own are with its analysis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLess:
    """The LESS of one trial of a screening."""

    trial_id: UUID
    number: int
    score: LessScore


@dataclass(frozen=True, slots=True, kw_only=True)
class LessOverTrials:
    """The LESS over trials: by the rule of two trials in three, and in its real-time form."""

    screening_id: UUID | None
    """None when the screening has no trial of the movement."""
    method: MethodStamp | None
    trials: tuple[TrialLess, ...]
    """Those measured by the newest method version of the screening."""
    n_other_versions: int
    """Trials left out because another version measured them."""
    combined: LessScore | None
    real_time: RealTimeScore | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningLessView:
    """The LESS of a screening, beside published totals and beside the screening before."""

    screening_id: UUID
    movement: Movement
    now: LessOverTrials
    norm: NormResult | NoNorm
    change: LessChange
    """Not comparable, and why, where there is no earlier total like it."""
    previous_screening_id: UUID | None
    """The screening that it was compared with."""
    previous_screened_on: date | None


class NomogramGap(StrEnum):
    """What a read-out of the nomogram lacks."""

    NOT_FEMALE = "not_female"
    """It was made from female athletes and is read for nobody else."""
    TIBIA = "tibia_cm"
    MASS = "mass_kg"
    VALGUS_MOTION = "knee_valgus_motion"
    """A view from the front with a scale: the athlete's stature or the height of the box."""
    FLEXION = "knee_flexion_displacement"
    """A view from the side that was joined with the one from the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NomogramView:
    """The nomogram's read-out of one trial, what it was made from, or what it lacks."""

    trial_id: UUID
    reading: NomogramReading | None
    gaps: tuple[NomogramGap, ...]
    """Empty exactly when there is a reading."""
    inputs: NomogramInputs | None
    mass_from_roster: bool
