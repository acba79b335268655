"""Analyses as a copy of them elsewhere follows them."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from app.api.schemas.analysis import MethodDocument, MetricDocument
from app.api.schemas.base import Output, OutputPage
from app.biomech.types import Movement, Severity, Verdict, View
from app.domain.lifecycle import PicturesState


class FeedScore(Output):
    """The composite, without its parts."""

    value: float
    band: str
    band_probability: float
    interval_90: list[float]
    coverage: float
    scope: str


class FeedFinding(Output):
    """Something to know about the recording; the words are in the analysis."""

    code: str
    severity: Severity


class FeedLinks(Output):
    """Where the whole of it is."""

    recording: str
    analysis: str = Field(description="The recording's latest analysis, whole.")


class ChangedAnalysis(Output):
    """An analysis that was made, or whose recording was moved to another athlete."""

    id: UUID
    modified_at: datetime
    deleted_at: None = None
    recording_id: UUID
    athlete_id: UUID | None = Field(description="Null while the recording waits in the inbox.")
    athlete_external_id: str | None
    screening_id: UUID | None
    screened_on: date
    captured_at: datetime | None = Field(description="When it was filmed, as whoever sent it said.")
    movement: Movement
    view: View
    run: int = Field(description="Counts the analyses of a recording; the highest is its result.")
    created_at: datetime
    verdict: Verdict
    method: MethodDocument
    input_sha256: str
    score: FeedScore | None
    findings: list[FeedFinding]
    metrics: list[MetricDocument]
    pictures: PicturesState | None
    links: FeedLinks


class DeletedAnalysis(Output):
    """A tombstone: remove what you hold under this id; an id you do not know is no error."""

    id: UUID
    modified_at: datetime
    deleted_at: datetime


class AnalysisFeedPage(OutputPage):
    """Changes, oldest first."""

    items: list[ChangedAnalysis | DeletedAnalysis]
