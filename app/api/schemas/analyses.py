"""Analyses by their own id, with how they came about, and side by side."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.api.schemas.analysis import AnalysisDocument, MethodDocument
from app.api.schemas.base import Output
from app.api.schemas.corrections import CorrectionOutput
from app.api.schemas.recordings import recording_url
from app.biomech.types import EventName, EventSource, Side, Verdict
from app.domain.lifecycle import AnalysisOrigin, PicturesState, RecordingState


class AnalysisLinks(Output):
    """Where to go on from an analysis."""

    self: str
    recording: str
    corrections: str
    comparison: str = Field(description="Beside the automatic one.")


class AnalysisOutput(Output):
    """One analysis, present or superseded, and how it came about. Only `present` ever changes."""

    id: UUID
    recording_id: UUID
    created_at: datetime
    present: bool = Field(description="It is the recording's present analysis.")
    origin: AnalysisOrigin
    supersedes_id: UUID | None
    automatic_id: UUID | None = Field(description="The newest one that holds no correction.")
    method_version: str
    pictures: PicturesState | None
    corrections: list[CorrectionOutput] = Field(description="Those it holds, in the order they were applied.")
    analysis: AnalysisDocument
    links: AnalysisLinks


class MeasuredOutput(Output):
    """A number with its standard error; null where it is withheld."""

    value: float | None
    se: float | None


class MetricPairOutput(Output):
    """One metric in both."""

    key: str
    side: Side
    event: str
    repetition: int | None
    unit: str
    before: MeasuredOutput | None
    after: MeasuredOutput | None
    change: float | None = Field(description="After less before.")


class PlacedOutput(Output):
    """When an event was, and who said so."""

    time_s: float
    frame: int
    sd_s: float
    source: EventSource


class EventPairOutput(Output):
    """One event in both."""

    name: EventName
    side: Side
    repetition: int | None
    before: PlacedOutput | None
    after: PlacedOutput | None


class JudgedOutput(Output):
    """What an analysis came to."""

    analysis_id: UUID
    verdict: Verdict
    score: float | None
    band: str | None
    band_probability: float | None
    interval_90: tuple[float, float] | None
    finding_codes: list[str]
    method: MethodDocument


class ComparisonOutput(Output):
    """Two analyses of one recording side by side."""

    before: JudgedOutput
    after: JudgedOutput
    is_same_method: bool = Field(
        description="False when the version of the method is part of what changed between the two."
    )
    metrics: list[MetricPairOutput]
    events: list[EventPairOutput]


class CorrectionAnswer(Output):
    """What came of a correction, or of taking one back."""

    correction: CorrectionOutput
    analysis: AnalysisOutput | None = Field(description="Null while the video is being read again for it.")
    comparison: ComparisonOutput | None = Field(description="With the analysis that was superseded.")
    recording_id: UUID
    recording_state: RecordingState
    recomputed_in_ms: float | None = Field(description="From the stored pose track to the kept result.")


def analysis_url(analysis_id: UUID) -> str:
    """Return an analysis's address."""
    return f"/api/v1/analyses/{analysis_id}"


def analysis_links(*, analysis_id: UUID, recording_id: UUID) -> AnalysisLinks:
    """Return the addresses that belong to an analysis."""
    base = analysis_url(analysis_id)
    return AnalysisLinks(
        self=base,
        recording=recording_url(recording_id),
        corrections=f"{base}/corrections",
        comparison=f"{base}/comparison",
    )
