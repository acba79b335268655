"""Screening days as REST takes and shows them."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from app.api.schemas.base import MAX_NAME_CHARS, CalendarDate, Input, Output, OutputPage
from app.biomech.types import Movement, View
from app.domain.screening_days import MAX_STATIONS, MAX_TRIALS
from app.domain.screenings import ScreeningContext
from app.services.day_changes import DayChange
from app.services.day_stations import ClipRequest
from app.services.screening_days import DayPlan, StationPlan


class StationInput(Input):
    """A place where one camera films."""

    view: View = Field(default=View.FRONTAL, description="Where its camera stands.")
    name: Annotated[str, Field(min_length=1, max_length=60)] | None = Field(
        default=None, description="What people call it; otherwise “Station” and its number."
    )


class DayInput(Input):
    """How everybody of a team is to be filmed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"team_id": "0198f1a2-0000-7000-8000-000000000000", "held_on": "2026-03-14", "n_trials": 3,
                 "box_height_cm": 31, "stations": [{"view": "frontal"}, {"view": "frontal"}]}
            ]
        }
    )  # fmt: skip

    team_id: UUID
    held_on: date = Field(description="The day at the place.")
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)] | None = Field(
        default=None, description="What people call it; otherwise the team's name."
    )
    context: ScreeningContext = ScreeningContext.BASELINE
    movement: Movement = Movement.DROP_VERTICAL_JUMP
    box_height_cm: float | None = Field(default=None, ge=5, le=100)
    n_trials: int = Field(default=3, ge=1, le=MAX_TRIALS, description="Trials of each athlete.")
    stations: Annotated[list[StationInput], Field(min_length=1, max_length=MAX_STATIONS)] = Field(
        default=[StationInput()],
        description="One per camera. The views of all stations together are those of each trial.",
    )

    def plan(self) -> DayPlan:
        """Return what the service is asked for."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "stations"}
        stations = tuple(StationPlan(view=each.view, name=each.name) for each in self.stations)
        return DayPlan(**fields, stations=stations)


class StationFields(Input):
    """What can be changed about a station. A field left out, or null, stays as it is."""

    view: View | None = Field(default=None, description="Only while nothing was filmed there.")
    name: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class DayFields(Input):
    """What can be changed about a day. A field left out stays as it is; null clears the height of the box, nothing else.

    Team, date, occasion and movement stay once something was filmed.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "U17, second half", "n_trials": 2}]})

    team_id: UUID | None = None
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)] | None = None
    held_on: CalendarDate | None = Field(default=None, description="The day at the place.")
    context: ScreeningContext | None = None
    movement: Movement | None = None
    box_height_cm: float | None = Field(
        default=None, ge=5, le=100, description="Holds for what is announced from now on."
    )
    n_trials: int | None = Field(default=None, ge=1, le=MAX_TRIALS, description="Trials of each athlete.")

    def change(self) -> DayChange:
        """Return what is asked for: only the fields that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        return DayChange(
            **{name: value for name, value in sent.items() if value is not None or name == "box_height_cm"}
        )


class StationOutput(Output):
    """A place where one camera films."""

    id: UUID
    number: int
    name: str
    view: View


class DayOutput(Output):
    """A screening day. The `ETag` header names this version of its plan and stations."""

    id: UUID
    team_id: UUID
    team_name: str
    name: str
    held_on: date
    context: ScreeningContext
    movement: Movement
    views: list[View] = Field(description="From where each trial is filmed.")
    box_height_cm: float | None
    n_trials: int
    stations: list[StationOutput]
    created_at: datetime
    closed_at: datetime | None = Field(description="Since when nothing new is taken for it.")


class DayPage(OutputPage):
    """Screening days, latest first."""

    items: list[DayOutput]


class TrialCountOutput(Output):
    """How far one athlete is, from one view."""

    view: View
    n_done: int = Field(description="Analysed.")
    n_waiting: int = Field(description="On their way, or waiting for their analysis or for consent.")
    n_to_repeat: int = Field(description="Filmed, cannot be used, and nothing in their place yet.")
    n_lacking: int = Field(description="Still to be filmed, those to be repeated included.")
    n_over: int = Field(description="More than planned: some may be another athlete's.")


class BoardRowOutput(Output):
    """One athlete of the day."""

    athlete_id: UUID
    name: str
    bib: str | None
    card: str = Field(description="What the QR of their card holds; print it as it is.")
    counts: list[TrialCountOutput]


class BoardOutput(Output):
    """How far everybody is; athletes by bib, then by name."""

    day: DayOutput
    rows: list[BoardRowOutput]
    n_without_athlete: int = Field(description="Recordings of the day in the inbox.")


class PassOutput(Output):
    """A phone at a station, or a code that still opens."""

    id: UUID
    station_id: UUID
    created_at: datetime
    code_expires_at: datetime
    opened_at: datetime | None = Field(description="Null: nobody came in by it yet.")
    last_seen_at: datetime | None
    user_agent: str | None = Field(description="What the phone's browser says of itself.")


class PassList(Output):
    """Phones at the stations of a day and codes that still open, newest first."""

    items: list[PassOutput]


class NewPassOutput(PassOutput):
    """A code just made; the only time it can be read."""

    code: str = Field(description="Opens the station for one phone, once, within half an hour.")
    link: str = Field(description="The same as an address, for a QR. The code stands behind the `#`.")


class DayCaptureInput(Input):
    """What is told of a video of the day before it comes; protocol and day are known already."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"station_id": "0198f1a2-0000-7000-8000-000000000000", "bib": "17"}]}
    )

    station_id: UUID
    athlete_id: UUID | None = Field(
        default=None, description="Whom the video shows. Without any name it waits in the inbox."
    )
    card: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="What the QR of the athlete's card holds, instead of `athlete_id`."
    )
    bib: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(
        default=None,
        description="The number on the athlete, instead of either; one that nobody has is a hint.",
    )
    captured_at: AwareDatetime | None = Field(
        default=None, description="When it was filmed; the order at a station goes by it."
    )
    filename: Annotated[str, Field(max_length=255)] = "video"
    size_bytes: int | None = Field(default=None, gt=0)
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None
    client_ref: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _one_way_to_name_the_athlete(self) -> Self:
        if sum(each is not None for each in (self.athlete_id, self.card, self.bib)) > 1:
            msg = "Send athlete_id, card or bib, not more than one."
            raise ValueError(msg)
        return self

    def request(self) -> ClipRequest:
        """Return what the service is asked for."""
        return ClipRequest(
            station_id=self.station_id,
            athlete_id=self.athlete_id,
            card=self.card,
            bib=self.bib,
            taken_at=self.captured_at,
            filename=self.filename,
            size_bytes=self.size_bytes,
            sha256=None if self.sha256 is None else self.sha256.lower(),
            client_ref=self.client_ref,
        )
