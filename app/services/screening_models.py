"""What the services return of screenings: trials put together, judged, and set beside each other."""

from dataclasses import dataclass
from datetime import date, datetime
from math import isnan
from uuid import UUID

from app.biomech.change import Change, Conditions, Obstacle
from app.biomech.norms import NoNorm, NormResult, TeamNorm
from app.biomech.screening import MetricOverTrials, MovementJudgement
from app.biomech.static import StaticJudgement
from app.biomech.types import Movement, Side, Verdict, View
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext
from app.services.read_models import AthleteSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecordingView:
    """One recording of a trial."""

    id: UUID
    view: View
    state: RecordingState
    verdict: Verdict | None
    """Of its latest analysis; None before there is one."""
    method_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialView:
    """One trial of a screening."""

    id: UUID
    number: int
    counts: bool
    """Whether it is among the valid trials that the numbers are made of."""
    why_not: str | None
    """``not_analysed``, ``invalid``, ``other_method_version`` or ``left_out``; None when it counts."""
    recordings: tuple[TrialRecordingView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamNormView:
    """A value among the athletes of one's own team, and which team that is."""

    team_id: UUID | None
    """None when the athlete is in no team."""
    team_name: str | None
    result: TeamNorm | NoNorm


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningMetric:
    """One number over the valid trials, beside the references there are."""

    metric: MetricOverTrials
    norm: NormResult | NoNorm
    team_norm: TeamNormView


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSource:
    """The standing trial that was used."""

    recording_id: UUID
    trial_id: UUID
    screening_id: UUID
    screened_on: date
    same_screening: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticView:
    """Fixed or dynamic, and by which standing trial that was told."""

    source: StandingSource | None
    """None when there is no valid standing trial of the last twelve months, on this method version."""
    judgements: tuple[StaticJudgement, ...]
    """Of both knees together, and of each where yaw allows side values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementView:
    """One movement of one screening, judged over its valid trials."""

    movement: Movement
    conditions: Conditions | None
    """How it was measured; None without a valid trial."""
    trials: tuple[TrialView, ...]
    judgement: MovementJudgement
    """The movement over the trials that count."""

    @property
    def mixed_box_heights(self) -> bool:
        """Return whether the valid trials were done from different heights."""
        box = None if self.conditions is None else self.conditions.box_height_cm
        return box is not None and isnan(box)

    @property
    def box_height_cm(self) -> float | None:
        """Return the height of the box, None when not known or not the same in all trials."""
        return None if self.conditions is None or self.mixed_box_heights else self.conditions.box_height_cm


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMovement:
    """One movement of one screening, with references and alignment."""

    of: MovementView
    metrics: tuple[ScreeningMetric, ...]
    static: StaticView | None
    """None for movements without a knee angle to set beside the standing one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningView:
    """One athlete tested on one occasion, judged over the valid trials."""

    id: UUID
    athlete: AthleteSummary
    age_years: int | None
    """On the day; None when the date of birth is not known."""
    screened_on: date
    context: ScreeningContext
    created_at: datetime
    movements: tuple[JudgedMovement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningSummary:
    """One line of a list of screenings."""

    id: UUID
    athlete: AthleteSummary
    screened_on: date
    context: ScreeningContext
    created_at: datetime
    movements: tuple[MovementView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMovement:
    """One movement of one screening, and whether it goes on from the screening before that had it."""

    of: MovementView
    breaks: tuple[Obstacle, ...]
    """Why the series does not go on here: a trend must show a marker; empty when it does."""
    previous_screening_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One screening of an athlete's history."""

    id: UUID
    screened_on: date
    context: ScreeningContext
    movements: tuple[HistoryMovement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """What became of one number."""

    key: str
    side: Side
    event: str
    unit: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementChange:
    """What became of one movement between two screenings."""

    movement: Movement
    obstacles: tuple[Obstacle, ...]
    """Why nothing of it can be compared; empty when it can."""
    before: MovementView | None
    after: MovementView | None
    score: Change
    metrics: tuple[MetricChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningChange:
    """One screening of an athlete against an earlier one."""

    athlete_id: UUID
    before: HistoryEntry | None
    """None when there is only one screening, or none."""
    after: HistoryEntry | None
    movements: tuple[MovementChange, ...]
