"""What is kept of an analysis over time."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Output
from app.biomech.types import Side


class CurveOutput(Output):
    """One quantity over time."""

    name: str = Field(description="With its unit, as in `series` of the analysis document.")
    metric: str = Field(description="Key of the metric that is read from it; see `GET /metrics`.")
    side: Side
    unit: str = Field(description="UCUM.")
    withheld: bool = Field(
        description="The numbers read from it are withheld, for example because the view was oblique: so is the curve."
    )
    values: list[float | None] = Field(description="One per frame; null where not measurable or withheld.")


class AnalysisSeriesOutput(Output):
    """The curves of one analysis."""

    schema_: Literal["plumbline.series/1"] = Field(alias="schema")
    analysis_id: UUID
    recording_id: UUID
    method_version: str
    rate_hz: float = Field(description="Median rate of the frames; their true times are `time_s`.")
    signs: str = Field(description="What positive and left mean, in words.")
    time_s: list[float]
    curves: list[CurveOutput]


class LandmarkSourceOutput(Output):
    """What read the landmarks."""

    estimator: str
    model: str
    model_sha256: str


PlacePx = Annotated[list[float], Field(min_length=2, max_length=2)]


class AnalysisLandmarksOutput(Output):
    """Where the landmarks were in the upright picture, in pixels from its top left corner, y down."""

    schema_: Literal["plumbline.landmarks/1"] = Field(alias="schema")
    analysis_id: UUID
    recording_id: UUID
    image_width_px: int
    image_height_px: int
    source: LandmarkSourceOutput
    names: list[str] = Field(description="The 33 landmarks; left and right are the athlete's.")
    time_s: list[float]
    xy_px: list[list[PlacePx | None]] = Field(description="Frame by frame; null where not found.")
    confidence: list[list[float | None]] = Field(description="0 to 1, frame by frame.")
