"""Teams and athletes as REST takes and shows them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.schemas.base import MAX_NAME_CHARS, Input, Output, OutputPage
from app.biomech.types import Sex, Verdict
from app.domain.lifecycle import RecordingState, Stage
from app.services.read_models import DashboardSort
from app.services.teams import TeamChange

NameField = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


SeasonField = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS, description="As people call it.")]


class TeamInput(Input):
    """A team to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "U17 women"}]})

    name: NameField
    sport: NameField | None = None
    season: SeasonField | None = None


class TeamFields(Input):
    """What can be changed about a team. A field left out stays as it is; null clears sport and season."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "U18 women", "season": "2026/27"}]})

    name: NameField | None = Field(default=None, description="It cannot be cleared.")
    sport: NameField | None = None
    season: SeasonField | None = None
    archived: bool | None = Field(
        default=None,
        description="True: offered no more, and no day is planned of it; its athletes, days and results stay."
        " False takes it back.",
    )

    def change(self) -> TeamChange:
        """Return what is asked for: only the fields that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        return TeamChange(
            **{name: value for name, value in sent.items() if value is not None or name in _CLEARABLE}
        )


_CLEARABLE = frozenset({"sport", "season"})


class PlaceInput(Input):
    """An athlete's place in a team."""

    bib: Annotated[str, Field(min_length=1, max_length=12)] | None = Field(
        default=None,
        description="Worn in this team, by nobody else in it; null takes it away. Left out, it stays as it is.",
    )


class TeamOutput(Output):
    """A team. The `ETag` header names this version."""

    id: UUID
    name: str
    n_athletes: int = Field(description="People in the team.")
    sport: str | None
    season: str | None
    archived_at: datetime | None = Field(description="Since when it is offered no more.")


class TeamPage(OutputPage):
    """Teams by name."""

    items: list[TeamOutput]


class AthleteOutput(Output):
    """A person on the roster."""

    id: UUID
    name: str
    external_id: str | None
    sex: Sex
    stature_cm: float | None


class AthletePage(OutputPage):
    """People by name."""

    items: list[AthleteOutput]


class DashboardRowOutput(Output):
    """One athlete of a team: the latest recording, and the latest result there is."""

    athlete: AthleteOutput
    flagged: bool = Field(
        description="Somebody should look: marked deviations, or a video that could not be used."
    )
    recording_id: UUID | None = Field(description="The latest recording; null when never filmed.")
    state: RecordingState | None
    stage: Stage | None
    progress: float | None
    recorded_at: datetime | None
    result_recording_id: UUID | None = Field(
        description="The recording the result below belongs to; an earlier one while a new one is processed."
    )
    result_at: datetime | None
    screened_on: date | None
    verdict: Verdict | None
    score: float | None = Field(description="0 as in good landings, 100 furthest from them.")
    band: str | None
    band_probability: float | None
    coverage: float | None
    scope: str | None
    finding_codes: list[str]
    interval_90: tuple[float, float] | None = Field(description="90 % interval of the score.")
    fppa_both_deg: float | None = Field(
        description="Mean frontal plane projection angle of both knees at peak knee flexion; valgus positive."
    )
    fppa_both_se_deg: float | None = Field(description="Its standard error.")
    queue_position: int | None = Field(
        description="Of the latest recording; 1 means next; null unless queued."
    )


class DashboardCountsOutput(Output):
    """How the team stands; whole team, not page."""

    n_athletes: int
    n_screened: int
    n_flagged: int
    n_film_again: int
    n_in_progress: int
    n_not_filmed: int


class TeamDashboardOutput(Output):
    """A team at a glance."""

    team: TeamOutput
    sort: DashboardSort
    descending: bool
    counts: DashboardCountsOutput
    rows: list[DashboardRowOutput]
    next_cursor: str | None
