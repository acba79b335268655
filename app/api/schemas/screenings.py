"""Screenings, histories and changes as REST shows them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from app.api.schemas.analysis import RiskScoreDocument
from app.api.schemas.base import Output, OutputPage
from app.api.schemas.roster import AthleteOutput
from app.biomech.asymmetry import AsymmetryVerdict
from app.biomech.change import ChangeVerdict, Obstacle
from app.biomech.norms import NoNormReason, Position
from app.biomech.static import ValgusClass
from app.biomech.trials import TrialAdvice
from app.biomech.types import Movement, Sex, Side, Verdict, View
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext

Rounded = Annotated[float, AfterValidator(lambda value: round(value, 4) + 0.0)]
"""Four digits after the point, as in the analysis object."""
Ends = Annotated[tuple[Rounded, Rounded], Field(description="Lower and upper end.")]


class TrialRecordingOutput(Output):
    """One recording of a trial."""

    id: UUID
    view: View
    state: RecordingState
    verdict: Verdict | None
    method_version: str | None


class TrialOutput(Output):
    """One trial of a screening."""

    id: UUID
    number: int
    counts: bool = Field(description="Whether it is among the valid trials that the numbers are made of.")
    why_not: str | None = Field(
        description="`not_analysed`, `invalid`, `other_method_version` or `left_out`; null when it counts."
    )
    recordings: list[TrialRecordingOutput]


class TrialValueOutput(Output):
    """A number of one trial."""

    number: int = Field(description="Of the trial.")
    value: Rounded
    se: Rounded


class NormOutput(Output):
    """A number beside published reference values, or why there are none."""

    suitable: bool
    reason: NoNormReason | None = Field(default=None, description="Why there is no suitable norm.")
    words: str
    position: Position | None = None
    probability: Rounded | None = Field(default=None, description="That the true value lies there.")
    band: Ends | None = None
    percentile: Rounded | None = None
    percentile_interval_90: Ends | None = None
    sex: Sex | None = None
    ages: tuple[int, int] | None = Field(default=None, description="Years, both included.")
    level: str | None = None
    n: int | None = Field(default=None, description="Athletes behind it.")
    landmarks: str | None = None
    source: str | None = None
    caveat: str | None = None
    mark: str | None = None


class TeamNormOutput(Output):
    """A number among the athletes of the same sex in the athlete's largest team."""

    suitable: bool
    reason: NoNormReason | None = None
    words: str
    team_id: UUID | None
    team_name: str | None
    n: int | None = None
    percentile: Rounded | None = None
    interval_95: Ends | None = None
    median: Rounded | None = None


class MetricOverTrialsOutput(Output):
    """A number over the valid trials. Valgus (knee inward) is positive on both sides."""

    key: str
    side: Side
    event: str
    unit: str
    n_trials: int
    mean: Rounded
    se: Rounded = Field(description="Standard error of the mean: the two parts below together.")
    se_shared: Rounded = Field(description="What all trials share; more trials do not lessen it.")
    se_trials: Rounded = Field(description="What each trial adds anew, over the root of their number.")
    sd: Rounded | None = Field(description="Spread from trial to trial; null with one trial.")
    low: Rounded
    high: Rounded
    worst: Rounded | None = Field(description="Null where neither direction is worse.")
    worst_trial: int | None
    disagree: bool = Field(description="The trials differ by more than their error.")
    trials: list[TrialValueOutput]


class ScreeningMetricOutput(MetricOverTrialsOutput):
    """A number over the valid trials, beside the references there are."""

    norm: NormOutput
    team_norm: TeamNormOutput


class AsymmetryOutput(Output):
    """Left against right."""

    key: str
    event: str
    unit: str
    verdict: AsymmetryVerdict
    difference: Rounded = Field(description="Left less right.")
    se: Rounded
    interval_95: Ends
    mdc95: Rounded = Field(description="Least difference between the sides that is more than noise.")
    yaw_false: Rounded = Field(description="What the athlete's turn to the camera can feign on one side.")
    limit: Rounded = Field(description="What the difference has to exceed: `mdc95` plus twice `yaw_false`.")
    larger: Side | None
    limb_symmetry_percent: Rounded | None = Field(
        description="Weaker over stronger side; only for quantities on a ratio scale of which more is better."
    )
    limb_symmetry_interval_95: Ends | None


class StandingSourceOutput(Output):
    """The standing trial that was used."""

    recording_id: UUID
    trial_id: UUID
    screening_id: UUID
    screened_on: date
    same_screening: bool


class StaticJudgementOutput(Output):
    """Fixed, dynamic, combined or neither."""

    side: Side
    valgus_class: ValgusClass
    probability: Rounded
    probabilities: dict[ValgusClass, Rounded]
    static_deg: Rounded = Field(description="Knee angle while standing.")
    static_se_deg: Rounded
    fppa_dynamic_excess_deg: Rounded = Field(description="Knee angle in the landing less the standing one.")
    fppa_dynamic_excess_se_deg: Rounded
    fppa_dynamic_excess_interval_95_deg: Ends
    words: str


class StaticOutput(Output):
    """The landing knee beside the standing one."""

    source: StandingSourceOutput | None = Field(
        description="Null when there is no valid standing trial of the last twelve months on this method version."
    )
    judgements: list[StaticJudgementOutput]


class MovementBase(Output):
    """One movement of one screening."""

    movement: Movement
    method_version: str | None = Field(description="Of every number here; null without a valid trial.")
    model_sha256: str | None
    views: list[View]
    box_height_cm: float | None
    mixed_box_heights: bool = Field(description="The valid trials were done from different heights.")
    n_trials: int = Field(description="Valid trials.")
    risk_score: RiskScoreDocument | None = Field(
        description="Of the mean landing over the valid trials, never the mean of their scores."
    )


class MovementOutput(MovementBase):
    """One movement of one screening, whole."""

    n_recommended: int
    advice: TrialAdvice
    advice_words: str
    trials: list[TrialOutput]
    metrics: list[ScreeningMetricOutput]
    asymmetries: list[AsymmetryOutput]
    static: StaticOutput | None


class ScreeningOutput(Output):
    """One athlete tested on one occasion, judged over the valid trials."""

    id: UUID
    athlete: AthleteOutput
    age_years: int | None
    screened_on: date
    context: ScreeningContext
    created_at: datetime
    movements: list[MovementOutput]


class ScreeningSummaryOutput(Output):
    """A screening in short; `GET /screenings/{id}` has trials, numbers, sides and references."""

    id: UUID
    athlete: AthleteOutput
    screened_on: date
    context: ScreeningContext
    created_at: datetime
    movements: list[MovementBase]


class ScreeningPage(OutputPage):
    """Screenings, the newest day first."""

    items: list[ScreeningSummaryOutput]


class HistoryValueOutput(Output):
    """A number of one screening: the mean of its valid trials."""

    key: str
    side: Side
    event: str
    unit: str
    n_trials: int
    mean: Rounded
    se: Rounded


class HistoryMovementOutput(MovementBase):
    """One movement of one screening of a history."""

    breaks: list[Obstacle] = Field(
        description="Why the series does not go on from the screening before: put a marker there. Empty when it does."
    )
    previous_screening_id: UUID | None = Field(description="The screening before that had this movement.")
    metrics: list[HistoryValueOutput]


class HistoryEntryOutput(Output):
    """One screening of a history."""

    id: UUID
    screened_on: date
    context: ScreeningContext
    movements: list[HistoryMovementOutput]


class HistoryPage(OutputPage):
    """An athlete's screenings, oldest first."""

    items: list[HistoryEntryOutput]


class ReadingOutput(Output):
    """A number of one screening."""

    value: Rounded
    se: Rounded
    n_trials: int


class ChangeOutput(Output):
    """What became of a number: real change or noise."""

    verdict: ChangeVerdict
    obstacles: list[Obstacle] = Field(description="Why not comparable; empty otherwise.")
    words: str
    before: ReadingOutput | None
    after: ReadingOutput | None
    difference: Rounded | None = Field(description="After less before.")
    interval_95: Ends | None = Field(description="Of the difference.")
    mdc95: Rounded | None = Field(description="What a difference must exceed to be more than noise.")
    mdc_source: str
    probability_improved: Rounded | None = Field(description="That the true value became better at all.")


class MetricChangeOutput(ChangeOutput):
    """What became of one number."""

    key: str
    side: Side
    event: str
    unit: str


class MovementChangeOutput(Output):
    """What became of one movement."""

    movement: Movement
    obstacles: list[Obstacle]
    words: str = Field(description="Why nothing of it can be compared; empty when it can.")
    before: MovementBase | None
    after: MovementBase | None
    counts: dict[ChangeVerdict, int] = Field(description="How many numbers went which way.")
    score: ChangeOutput
    metrics: list[MetricChangeOutput]


class ScreeningRef(Output):
    """Which screening."""

    id: UUID
    screened_on: date
    context: ScreeningContext


class ScreeningChangeOutput(Output):
    """One screening of an athlete against an earlier one."""

    athlete_id: UUID
    before: ScreeningRef | None = Field(description="Null when there is no earlier one.")
    after: ScreeningRef | None
    movements: list[MovementChangeOutput]
