"""Measurements of one organisation in the order of their analyses, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.db.models import Analysis, Athlete, Metric, Recording, TeamMember
from app.domain.lifecycle import RecordingState
from app.domain.metric_export import MetricExportFilter, MetricRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBatch:
    """Some rows, and where to go on."""

    rows: tuple[MetricRow, ...]
    last_analysis_id: UUID | None
    """None when there was nothing left."""


class ExportRepository:
    """Measurements of one organisation in the order of their analyses, a batch at a time."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def read_metrics(
        self,
        *,
        organisation_id: UUID,
        wanted: MetricExportFilter,
        after: UUID | None,
        n_analyses: int,
    ) -> MetricBatch:
        """Return the measurements of the next analyses; an id is never reused, so batches never overlap."""
        query = _batch(organisation_id, wanted, after).limit(n_analyses)
        found = self._session.execute(query).all()
        return MetricBatch(
            rows=tuple(row for analysis in found for row in _rows(analysis)),
            last_analysis_id=found[-1].analysis_id if found else None,
        )


def _batch(organisation_id: UUID, wanted: MetricExportFilter, after: UUID | None) -> Select[*tuple[Any, ...]]:
    metrics = (
        select(
            func.json_agg(
                func.json_build_array(
                    Metric.key,
                    Metric.side,
                    Metric.event,
                    Metric.value,
                    Metric.unit,
                    Metric.se,
                    Metric.repetition,
                )
            ).aggregate_order_by(Metric.position)
        )
        .where(
            Metric.organisation_id == organisation_id,
            Metric.analysis_id == Analysis.id,
            *(() if wanted.keys is None else (Metric.key.in_(wanted.keys),)),
        )
        .correlate(Analysis)
        .scalar_subquery()
    )
    query = (
        select(
            Recording.athlete_id,
            Athlete.external_id,
            Athlete.name,
            Recording.screened_on,
            Recording.context,
            Recording.movement,
            Recording.view,
            Recording.id.label("recording_id"),
            Analysis.id.label("analysis_id"),
            Analysis.run,
            Analysis.created_at,
            Analysis.verdict,
            Analysis.method_version,
            metrics.label("metrics"),
        )
        .join(
            Recording,
            (Recording.organisation_id == Analysis.organisation_id) & (Recording.id == Analysis.recording_id),
        )
        .outerjoin(
            Athlete,
            (Athlete.organisation_id == Recording.organisation_id) & (Athlete.id == Recording.athlete_id),
        )
        .where(*_conditions(organisation_id, wanted))
        .order_by(Analysis.organisation_id, Analysis.id)
    )
    if after is None:
        return query
    # As a pair it can only be looked up in the organisation's own index.
    return query.where(tuple_(Analysis.organisation_id, Analysis.id) > (organisation_id, after))


def _conditions(organisation_id: UUID, wanted: MetricExportFilter) -> Iterator[ColumnElement[bool]]:
    yield Analysis.organisation_id == organisation_id
    yield Recording.state != RecordingState.PURGED
    if wanted.athlete_id is not None:
        yield Recording.athlete_id == wanted.athlete_id
    if wanted.team_id is not None:
        yield Recording.athlete_id.in_(
            select(TeamMember.athlete_id).where(
                TeamMember.organisation_id == organisation_id, TeamMember.team_id == wanted.team_id
            )
        )
    if wanted.method_version is not None:
        yield Analysis.method_version == wanted.method_version
    if wanted.verdict is not None:
        yield Analysis.verdict == wanted.verdict
    if wanted.screened_from is not None:
        yield Recording.screened_on >= wanted.screened_from
    if wanted.screened_to is not None:
        yield Recording.screened_on <= wanted.screened_to
    if not wanted.all_runs:
        later = aliased(Analysis)
        yield (
            ~select(later.id)
            .where(
                later.organisation_id == organisation_id,
                later.recording_id == Analysis.recording_id,
                later.run > Analysis.run,
            )
            .exists()
        )


def _rows(analysis: Any) -> Iterator[MetricRow]:
    shared = (
        analysis.athlete_id,
        analysis.external_id,
        analysis.name,
        analysis.screened_on,
        analysis.context,
        analysis.movement,
        analysis.view,
        analysis.recording_id,
        analysis.analysis_id,
        analysis.run,
        analysis.created_at,
        analysis.verdict,
        analysis.method_version,
    )
    for metric in analysis.metrics or ():
        yield MetricRow(*shared, *metric)
