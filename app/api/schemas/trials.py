"""Trials, the LESS and the nomogram as REST shows them."""

from datetime import date
from uuid import UUID

from pydantic import Field

from app.api.schemas.analysis import FindingDocument, MethodDocument, MetricDocument, RiskScoreDocument
from app.api.schemas.base import Output
from app.api.schemas.roster import AthleteOutput
from app.api.schemas.screenings import ChangeOutput, Ends, NormOutput, Rounded
from app.biomech.less_items import LimbRule
from app.biomech.types import Movement, Side, Verdict, View
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext
from app.services.trial_models import NomogramGap


class TrialPartOutput(Output):
    """One recording of the trial."""

    recording_id: UUID
    view: View
    state: RecordingState
    verdict: Verdict | None
    method_version: str | None
    analysis_id: UUID | None = Field(
        description="The analysis the trial was judged from; null when none was."
    )


class JoinOutput(Output):
    """How the recordings from the front and the side fit together."""

    joined: bool
    source: str = Field(
        description="What gave the offset: `events`, `clap` or `flash`, or `events_and_clap`, `events_and_flash`."
    )
    offset_s: Rounded | None = Field(description="The side camera's clock less the front camera's.")
    offset_sd_s: Rounded | None
    residual_ms: Rounded | None = Field(description="What the offset leaves over, root mean square.")
    n_events: int = Field(description="Events that both saw.")
    clock_rate: Rounded | None = Field(description="Speed of the side clock over that of the front clock.")
    clock_rate_sd: Rounded | None


class LessItemOutput(Output):
    """One item of the LESS."""

    number: int
    name: str
    error_when: str
    views: list[View]
    mark: str = Field(description="Of the rule as a number: V published, M from memory of the paper, P ours.")
    seen: bool = Field(description="False: no camera could see it. That is not 0.")
    error: int | None = Field(description="0 or 1, in items 16 and 17 up to 2; null when not seen.")
    p_error: Rounded | None = Field(description="Probability that there is an error.")
    expected: Rounded | None = Field(description="Mean number of errors.")
    grey: bool = Field(description="So near its limit that it may be the other way round.")
    note: str


class SubScoreOutput(Output):
    """What one view shows of the LESS; never a total."""

    view: View
    errors: int
    out_of: int
    n_seen: int
    expected: Rounded


class LessOutput(Output):
    """The Landing Error Scoring System. Higher is worse. A movement screen, not a risk of injury."""

    total: int | None = Field(description="0-17; null unless all seventeen items were seen in joined views.")
    expected_total: Rounded | None
    total_sd: Rounded | None = Field(description="Of the expected total, by measurement alone.")
    p_five_or_more: Rounded | None
    category: str | None = Field(description="`excellent`, `good`, `moderate` or `poor`.")
    sub_scores: list[SubScoreOutput]
    n_seen: int
    n_trials: int
    limb_rule: LimbRule
    dominant: Side | None
    sem: Rounded = Field(description="Standard error between sessions, errors.")
    mdc: int = Field(description="A smaller change is not real.")
    items: list[LessItemOutput]


class TrialResultOutput(Output):
    """One trial judged over its recordings, by one version of the method."""

    id: UUID
    number: int
    movement: Movement
    screening_id: UUID
    athlete: AthleteOutput
    screened_on: date
    context: ScreeningContext
    recordings: list[TrialPartOutput]
    method: MethodDocument | None
    join: JoinOutput | None = Field(description="Null with recordings from one view only.")
    findings: list[FindingDocument]
    metrics: list[MetricDocument]
    risk_score: RiskScoreDocument | None = Field(
        description="Over both views where they were joined (`scope` `full`), else of the front."
    )
    less: LessOutput | None = Field(description="Null for movements that the LESS does not score.")


class TrialLessOutput(Output):
    """The LESS of one trial."""

    trial_id: UUID
    number: int
    less: LessOutput


class RealTimeItemOutput(Output):
    """One item of the real-time form."""

    number: int
    name: str
    view: View
    worst: int
    score: int | None
    expected: Rounded | None


class RealTimeOutput(Output):
    """The ten-item real-time form (LESS-RT)."""

    total: int | None = Field(description="0-15; null unless all ten items were seen.")
    expected_total: Rounded | None
    n_seen: int
    sem: Rounded
    items: list[RealTimeItemOutput]


class LessChangeOutput(ChangeOutput):
    """What became of the total since the screening before: real change or noise. Three errors are more than noise."""

    previous_screening_id: UUID | None = Field(description="What it was compared with.")
    category_before: str | None
    category_after: str | None
    category_changed: bool = Field(description="By more than measurement error.")


class ScreeningLessOutput(Output):
    """The LESS over the trials of a screening."""

    screening_id: UUID
    movement: Movement
    method: MethodDocument | None
    n_other_versions: int = Field(description="Trials left out because another method version measured them.")
    less: LessOutput | None = Field(description="By the rule of two trials in three; null without a trial.")
    real_time: RealTimeOutput | None
    norm: NormOutput = Field(description="The total beside published ones of this sex, age and movement.")
    change: LessChangeOutput
    trials: list[TrialLessOutput]


class NomogramInputsOutput(Output):
    """What the nomogram was read with."""

    tibia_cm: Rounded
    mass_kg: Rounded
    valgus_motion_cm: Rounded
    flexion_rom_deg: Rounded
    quad_ham_ratio: Rounded | None


class NomogramReadingOutput(Output):
    """A read-out of the nomogram."""

    probability: Rounded
    interval_90: Ends
    label: str
    source: str
    total_points: Rounded
    points: dict[str, Rounded]
    clipped: list[str] = Field(description="Inputs outside the range of the athletes it was made from.")
    quad_ham_estimated: bool


class NomogramOutput(Output):
    """The nomogram's read-out of a trial, or what it lacks."""

    trial_id: UUID
    reading: NomogramReadingOutput | None
    gaps: list[NomogramGap] = Field(description="What is missing; empty when there is a reading.")
    inputs: NomogramInputsOutput | None
    mass_from_roster: bool
