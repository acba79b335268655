"""The inbox as REST takes and shows it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, Output, OutputPage
from app.api.schemas.captures import CaptureProblem
from app.api.schemas.screening_days import StationOutput
from app.biomech.types import Movement, View
from app.domain.day_doubts import Doubt
from app.domain.day_guesses import Reason
from app.domain.lifecycle import RecordingState
from app.services.inbox_assignments import MAX_AT_ONCE, Assignment, AssignStatus


class ReasonOutput(Output):
    """Something that speaks for an athlete."""

    code: Reason
    text: str


class GuessOutput(Output):
    """Somebody a recording may show."""

    athlete_id: UUID
    name: str
    bib: str | None
    n_lacking: int | None = Field(
        description="Trials they lack from this view; null outside of a screening day."
    )
    score: float = Field(description="To compare the guesses about one recording with; no probability.")
    reasons: list[ReasonOutput]


class InboxItemOutput(Output):
    """A recording that needs somebody."""

    recording_id: UUID
    doubt: Doubt = Field(description="Why it needs somebody.")
    doubt_text: str
    state: RecordingState
    athlete_id: UUID | None = Field(description="Whose it is now; null unless it is only doubtful.")
    athlete_name: str | None
    movement: Movement
    view: View
    filename: str
    duration_s: float
    created_at: datetime
    captured_at: datetime = Field(description="When it was filmed, as far as that is known.")
    screening_day_id: UUID | None
    station: StationOutput | None
    bib: str | None = Field(description="As typed at the station.")
    still: str | None = Field(description="Address of a picture of it; null while there is none.")
    original: str | None = Field(
        description="Address of the video; null when it is not kept or may not be seen."
    )
    guesses: list[GuessOutput] = Field(description="The best first; at most three.")
    is_likely: bool = Field(
        description="The first guess leads clearly, by a sign that one more slip nearby does not upset."
    )


class InboxPage(OutputPage):
    """Recordings that need somebody."""

    items: list[InboxItemOutput]


class AssignmentInput(Input):
    """Whose a recording is."""

    recording_id: UUID
    athlete_id: UUID | None = Field(
        description="The athlete it has already: it is doubted no more. Null: back to the inbox."
    )


class AssignmentsInput(Input):
    """Recordings to be given out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": []}]})

    items: Annotated[list[AssignmentInput], Field(max_length=MAX_AT_ONCE)]

    def assignments(self) -> list[Assignment]:
        """Return what the service is asked for."""
        return [Assignment(recording_id=each.recording_id, athlete_id=each.athlete_id) for each in self.items]


class AssignedOutput(Output):
    """What became of one."""

    recording_id: UUID
    status: AssignStatus
    change_id: UUID | None = Field(description="Undoes it, for thirty days.")
    problem: CaptureProblem | None


class AssignedList(Output):
    """What became of each, in the order they were sent."""

    items: list[AssignedOutput]


class UndoInput(Input):
    """Assignments to be taken back."""

    change_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_AT_ONCE)] = Field(
        description="The `change_id` of each, in the order they were made; the last is taken back first."
    )


class UndoneOutput(Output):
    """What became of one."""

    change_id: UUID
    is_undone: bool
    problem: CaptureProblem | None


class UndoneList(Output):
    """What became of each, the last made first."""

    items: list[UndoneOutput]
