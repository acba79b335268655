"""The analysis object, ``plumbline.analysis/1``: the same in REST and in ``plumbline analyse --json``.

These classes document the shape that `app.services.analysis_record.analysis_document` makes; a test holds
the two together.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.biomech.types import EventName, EventSource, Severity, Side, Verdict


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FindingDocument(_Document):
    """Something to know about the recording, and what to do about it."""

    code: str = Field(description="Stable.")
    severity: Severity
    message: str
    how_to_fix: str
    frame: int | None


class VideoDocument(_Document):
    """The video as it is seen upright."""

    width_px: int
    height_px: int
    duration_s: float
    n_frames: int
    fps_hz: float
    codec: str
    sha256: str


class MethodDocument(_Document):
    """What made this analysis."""

    version: str
    model_sha256: str
    code_version: str


class EventDocument(_Document):
    """An instant of the movement."""

    name: EventName
    side: Side
    time_s: float
    frame: int
    sd_s: float
    source: EventSource
    repetition: int | None = Field(
        default=None, description="From 1, in movements that are repeated; null where there is only one."
    )


class MetricDocument(_Document):
    """One number. Valgus (knee inward) is positive on both sides."""

    key: str
    side: Side
    value: float | None = Field(description="Null where the recording does not allow it; a finding says why.")
    unit: str
    event: str
    se: float | None = Field(description="Standard error, same unit.")
    repetition: int | None = Field(
        default=None, description="From 1, of a single repetition; null for the value of the whole trial."
    )


class ScoreComponentDocument(_Document):
    """One part of the score."""

    key: str
    side: Side
    value: float
    unit: str
    cutoff: float
    probability: float
    weight: float
    mark: str = Field(
        description="Where the cut-off comes from: V published, M from memory of the paper, P ours."
    )


class RiskScoreDocument(_Document):
    """The composite: 0 as in good landings, 100 furthest from them. A movement screen."""

    value: float
    band: str
    band_probability: float
    interval_90: Annotated[list[float], Field(min_length=2, max_length=2)]
    coverage: float
    scope: str = Field(description="`frontal` or `full`.")
    components: list[ScoreComponentDocument]


class FlaggedFrameDocument(_Document):
    """A frame worth looking at."""

    frame: int
    time_s: float
    reason: str
    side: Side


class SeriesDocument(BaseModel):
    """Curves over time, one value per frame; null where not measurable. More curves may come."""

    model_config = ConfigDict(extra="allow")

    time_s: list[float | None]
    fppa_left_deg: list[float | None]
    fppa_right_deg: list[float | None]
    knee_ankle_separation_ratio: list[float | None]
    trunk_lean_deg: list[float | None]
    knee_flexion_left_deg: list[float | None]
    knee_flexion_right_deg: list[float | None]


class AnalysisDocument(_Document):
    """What one method version found in one recording. Never changed once made."""

    schema_: Literal["plumbline.analysis/1"] = Field(alias="schema")
    verdict: Verdict
    findings: list[FindingDocument]
    video: VideoDocument | None
    method: MethodDocument
    events: list[EventDocument]
    metrics: list[MetricDocument]
    risk_score: RiskScoreDocument | None
    flagged_frames: list[FlaggedFrameDocument]
    series: SeriesDocument | None = Field(
        default=None, description="Only with `series=true`, otherwise absent."
    )
