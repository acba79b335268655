"""Exports as REST takes and shows them."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, Output, OutputPage
from app.biomech.types import Movement, Verdict
from app.domain.exports import ExportFormat, ExportState
from app.domain.metric_export import MetricExportFilter
from app.services.exports import MAX_ATHLETES, ExportView

Key = Annotated[str, Field(min_length=1, max_length=100)]
_FORMAT = (
    "`csv-long`, `ndjson`, `parquet`: one number per line. `csv-wide`, `xlsx`: one analysis per line, units in the head. "
    "`teamworks-ams`: rows for Teamworks AMS (Smartabase). `vald-json`: tests, trials and results as VALD nests them."
)


class ExportFilter(Output):
    """Which measurements; null means all."""

    team_id: UUID | None = Field(default=None, description="Only of athletes who are in this team now.")
    athlete_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ATHLETES)] | None = None
    metrics: Annotated[list[Key], Field(min_length=1, max_length=50)] | None = None
    movements: Annotated[list[Movement], Field(min_length=1, max_length=50)] | None = None
    method_version: Annotated[str, Field(max_length=50)] | None = None
    verdict: Verdict | None = None
    screened_from: date | None = Field(default=None, description="Screened on this day or later.")
    screened_to: date | None = Field(default=None, description="Screened on this day or earlier.")
    all_runs: bool = Field(
        default=False, description="Also analyses that a later one of the same recording has replaced."
    )

    @classmethod
    def of(cls, wanted: MetricExportFilter) -> Self:
        """Return the filter as it is shown."""
        return cls(
            team_id=wanted.team_id,
            athlete_ids=None if wanted.athlete_ids is None else sorted(wanted.athlete_ids),
            metrics=None if wanted.keys is None else sorted(wanted.keys),
            movements=None if wanted.movements is None else sorted(wanted.movements),
            method_version=wanted.method_version,
            verdict=wanted.verdict,
            screened_from=wanted.screened_from,
            screened_to=wanted.screened_to,
            all_runs=wanted.all_runs,
        )


class ExportInput(ExportFilter, Input):
    """A file to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"format": "xlsx", "screened_from": "2026-01-01"}]},
    )

    format: ExportFormat = Field(description=_FORMAT)

    def wanted(self) -> MetricExportFilter:
        """Return the filter."""
        return MetricExportFilter(
            team_id=self.team_id,
            athlete_ids=None if self.athlete_ids is None else frozenset(self.athlete_ids),
            keys=None if self.metrics is None else frozenset(self.metrics),
            movements=None if self.movements is None else frozenset(self.movements),
            method_version=self.method_version,
            verdict=self.verdict,
            screened_from=self.screened_from,
            screened_to=self.screened_to,
            all_runs=self.all_runs,
        )


class ExportOutput(Output):
    """An export and how far it is."""

    id: UUID
    format: ExportFormat
    filter: ExportFilter
    state: ExportState
    progress: float = Field(description="0 to 1.")
    n_rows: int | None
    size_bytes: int | None
    sha256: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When the file is removed; null unless there is one.")
    file_url: str | None = Field(
        description="Where the file is, for whoever may have it; the address holds no secret. Null unless there is one."
    )

    @classmethod
    def of(cls, view: ExportView) -> Self:
        """Return the export as it is shown."""
        has_file = view.state is ExportState.READY
        return cls(
            id=view.id,
            format=view.format,
            filter=ExportFilter.of(view.wanted),
            state=view.state,
            progress=view.progress,
            n_rows=view.n_rows,
            size_bytes=view.size_bytes,
            sha256=view.sha256,
            created_at=view.created_at,
            finished_at=view.finished_at,
            expires_at=view.expires_at,
            file_url=f"{export_url(view.id)}/file" if has_file else None,
        )


class ExportPage(OutputPage):
    """Exports, newest first."""

    items: list[ExportOutput]


def export_url(export_id: UUID) -> str:
    """Return where an export is."""
    return f"/api/v1/exports/{export_id}"
