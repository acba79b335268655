"""Analyses as a copy of them elsewhere follows them."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.biomech.types import Movement, Verdict, View
from app.domain.lifecycle import PicturesState


@dataclass(frozen=True, slots=True, kw_only=True)
class FedAnalysis:
    """An analysis that was made or moved."""

    recording_id: UUID
    athlete_id: UUID | None
    athlete_external_id: str | None
    screening_id: UUID | None
    screened_on: date
    captured_at: datetime | None
    movement: Movement
    view: View
    run: int
    created_at: datetime
    verdict: Verdict
    method_version: str
    model_sha256: str
    code_version: str
    input_sha256: str
    pictures: PicturesState | None
    summary: str
    """Score, findings and metrics as JSON, the way they go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecord:
    """One line of the feed."""

    analysis_id: UUID
    modified_at: datetime
    deleted_at: datetime | None
    analysis: FedAnalysis | None
    """None once it is deleted."""
