"""Recordings as REST takes and shows them."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from app.api.schemas.analysis import AnalysisDocument, FindingDocument
from app.api.schemas.base import Input, Instant, Output, OutputPage
from app.api.schemas.corrections import CorrectionOutput
from app.api.schemas.roster import AthleteOutput
from app.biomech.types import Movement, Verdict, View
from app.domain.lifecycle import PicturesState, RecordingState, Stage
from app.domain.screenings import ScreeningContext
from app.services.read_models import RecordingView

_CLOCKS_DIFFER = timedelta(days=1)


class RecordingInput(Input):
    """The fields that go with an uploaded video; all of them may be left out."""

    athlete_id: UUID | None = Field(
        default=None, description="Whom the video shows. Without it the recording waits in the inbox."
    )
    athlete_external_id: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Your own number for the athlete, instead of `athlete_id`."
    )
    movement: Movement = Field(
        default=Movement.DROP_VERTICAL_JUMP,
        description="What the athlete does; a video of something else is refused by name.",
    )
    view: View = Field(default=View.FRONTAL, description="Where the camera stood.")
    box_height_cm: float | None = Field(
        default=None,
        ge=5,
        le=100,
        description="Height of the box or step in cm, in movements that start on one.",
    )
    captured_at: Instant | None = Field(
        default=None, description="When it was filmed, with time zone; without it, today."
    )
    context: ScreeningContext = Field(
        default=ScreeningContext.BASELINE, description="On what occasion the athlete is screened."
    )

    trial_id: UUID | None = Field(
        default=None,
        description="The trial that another recording already shows, filmed from another view at the same time."
        " It says whose it is and on what day.",
    )
    trial_number: int | None = Field(
        default=None,
        ge=1,
        le=99,
        description="Instead of `trial_id`: which trial of this athlete, day, occasion and movement it is, from 1.",
    )

    @field_validator("captured_at")
    @classmethod
    def _not_in_the_future(cls, value: datetime | None) -> datetime | None:
        if value is not None and value > datetime.now(UTC) + _CLOCKS_DIFFER:
            msg = "This lies in the future."
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _one_way_to_name_the_trial(self) -> Self:
        if self.trial_id is not None and self.trial_number is not None:
            msg = "Send trial_id or trial_number, not both."
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _one_way_to_name_the_athlete(self) -> Self:
        if self.athlete_id is not None and self.athlete_external_id is not None:
            msg = "Send athlete_id or athlete_external_id, not both."
            raise ValueError(msg)
        return self

    @property
    def screened_on(self) -> date | None:
        """The day it was filmed, where it was filmed."""
        return None if self.captured_at is None else self.captured_at.date()


class StillLink(Output):
    """A still picture of one frame."""

    frame: int
    href: str


class RecordingLinks(Output):
    """Where the files and views of a recording are; null until there are any."""

    self: str
    events: str = Field(description="Server-sent events until the end of processing.")
    original: str
    analysis: str | None
    overlay: str | None = Field(
        description="MP4 with the athlete's skeleton and the events drawn in; like the stills, once `pictures` is done."
    )
    stills: list[StillLink]


class RecordingBase(Output):
    """What stays the same for the whole life of a recording."""

    id: UUID
    athlete: AthleteOutput | None = Field(description="Null while the recording waits in the inbox.")
    screening_id: UUID | None
    trial_id: UUID | None
    screened_on: date
    captured_at: datetime | None = Field(
        description="When it was filmed, as whoever sent it said; null where nobody did."
    )
    context: ScreeningContext
    movement: Movement
    view: View
    box_height_cm: float | None
    filename: str = Field(description="As the user named it; for display only.")
    size_bytes: int
    sha256: str
    created_at: datetime


class ReceiptLinks(Output):
    """Where to go on from here."""

    self: str
    events: str = Field(description="Server-sent events until the end of processing.")
    original: str


class RecordingReceipt(RecordingBase):
    """What was accepted. The same again, to the letter, whenever the same `Idempotency-Key` comes back."""

    state: Literal[RecordingState.QUEUED] = Field(
        description="As of acceptance; follow `links.self` for the present state."
    )
    links: ReceiptLinks


class RecordingOutput(RecordingBase):
    """One uploaded video and its life so far."""

    state: RecordingState
    stage: Stage | None = Field(description="How far the present attempt is; null unless processing.")
    progress: float = Field(ge=0, le=1)
    attempt: int
    max_attempts: int
    queue_position: int | None = Field(description="1 means next; null unless queued.")
    final: bool = Field(
        description="The result is there and stays as it is: stop asking, unless you wait for `pictures`."
    )
    updated_at: datetime
    findings: list[FindingDocument]
    failure: str | None = Field(description="Stable code of what went wrong, when the state is failed.")
    analysis_id: UUID | None
    pictures: PicturesState | None = Field(
        description="Stills and overlay of the analysis follow its numbers; null when there is nothing to draw."
    )
    corrections: list[CorrectionOutput] = Field(
        description="What people put right in it and did not take back, in order."
    )
    dropped: bool = Field(description="A person left this trial out: it counts in no mean.")
    links: RecordingLinks


class RecordingDocument(RecordingOutput):
    """One uploaded video, its life so far, and its latest analysis."""

    analysis: AnalysisDocument | None = Field(description="Null until analysed or rejected.")


class RecordingSummaryOutput(Output):
    """One line of a list of recordings."""

    id: UUID
    state: RecordingState
    stage: Stage | None
    progress: float
    athlete: AthleteOutput | None
    movement: Movement
    view: View
    filename: str
    screened_on: date
    captured_at: datetime | None = Field(description="When it was filmed, as whoever sent it said.")
    created_at: datetime
    updated_at: datetime
    verdict: Verdict | None
    score: float | None
    band: str | None
    band_probability: float | None


class RecordingPage(OutputPage):
    """Recordings, newest first."""

    items: list[RecordingSummaryOutput]


class ProgressEvent(Output):
    """What a server-sent event tells."""

    id: UUID
    state: RecordingState
    stage: Stage | None
    progress: float
    attempt: int
    max_attempts: int
    queue_position: int | None
    final: bool


def recording_url(recording_id: UUID) -> str:
    """Return a recording's address."""
    return f"/api/v1/recordings/{recording_id}"


def links_of(recording: RecordingView) -> RecordingLinks:
    """Return the addresses that belong to a recording."""
    base = recording_url(recording.id)
    analysis = recording.analysis
    return RecordingLinks(
        self=base,
        events=f"{base}/events",
        original=f"{base}/original",
        analysis=None if analysis is None else f"{base}/analysis",
        overlay=f"{base}/overlay" if analysis is not None and analysis.has_overlay else None,
        stills=[]
        if analysis is None
        else [StillLink(frame=frame, href=f"{base}/stills/{frame}") for frame in analysis.still_frames],
    )
