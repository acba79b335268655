"""Re-analyses as REST takes and shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Input, Output, OutputPage
from app.biomech.types import Side
from app.domain.reanalysis import ReanalysisState, SkipReason


class ReanalysisInput(Input):
    """Whose recordings are judged anew."""

    team_id: UUID | None = Field(default=None, description="Everybody of the organisation when left out.")


class ShiftOutput(Output):
    """How far one number moves, over all recordings that have it before and after."""

    key: str
    side: Side | None
    event: str | None
    unit: str
    n: int
    median: float
    median_size: float = Field(
        description="Of the shifts without their sign: changes both ways do not cancel here."
    )


class MoverOutput(Output):
    """A recording whose score moves far."""

    recording_id: UUID
    athlete_id: UUID | None
    athlete_name: str | None
    score_before: float
    score_after: float
    band_before: str
    band_after: str


class NotPossibleOutput(Output):
    """A recording that keeps the analysis it has."""

    recording_id: UUID
    athlete_id: UUID | None
    athlete_name: str | None
    reason: SkipReason


class PreviewOutput(Output):
    """What accepting would change. Whole once the state is `ready`; until then, of what was judged so far."""

    n_recordings: int
    n_judged: int
    n_accepted: int
    n_from_video: int = Field(
        description="Read again because the pose model is another, or the track is gone."
    )
    n_athletes: int
    n_athletes_changing_band: int = Field(description="By the newest recording of each.")
    n_verdicts_changing: int
    band_moves: dict[str, int] = Field(description="Athletes by `from -> to`; `none` without a score.")
    score: ShiftOutput | None
    metrics: list[ShiftOutput]
    largest_movers: list[MoverOutput]
    not_possible: dict[SkipReason, int] = Field(description="Recordings that keep what they have, by reason.")
    not_possible_recordings: list[NotPossibleOutput] = Field(description="The first hundred of them.")


class ReanalysisSummaryOutput(Output):
    """One re-analysis."""

    id: UUID
    team_id: UUID | None
    state: ReanalysisState
    method_version: str
    n_current: int = Field(description="Recordings that were of this version already.")
    created_at: datetime
    updated_at: datetime


class ReanalysisOutput(ReanalysisSummaryOutput):
    """One re-analysis, with what it would change."""

    preview: PreviewOutput


class ReanalysisPage(OutputPage):
    """Re-analyses, newest first."""

    items: list[ReanalysisSummaryOutput]


def reanalysis_url(reanalysis_id: UUID) -> str:
    """Return a re-analysis's address."""
    return f"/api/v1/reanalyses/{reanalysis_id}"
