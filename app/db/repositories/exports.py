"""Measurements of one organisation in the order of their analyses, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from app.db.models import Analysis, AnalysisFeed, Assessment, Athlete, Metric, Recording, TeamMember
from app.domain.metric_export import MetricExportFilter, MetricRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBatch:
    """Some rows, and where to go on."""

    rows: tuple[MetricRow, ...]
    last_analysis_id: UUID | None
    """None when there was nothing left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """What a batch is asked for."""

    organisation_id: UUID
    wanted: MetricExportFilter
    after: UUID | None
    n_analyses: int


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
        query = _Query(organisation_id=organisation_id, wanted=wanted, after=after, n_analyses=n_analyses)
        found = self._session.execute(_batch(query)).all()
        return MetricBatch(
            rows=tuple(row for analysis in found for row in _rows(analysis)),
            last_analysis_id=found[-1].analysis_id if found else None,
        )


def _batch(query: _Query) -> Select[*tuple[Any, ...]]:
    """Return a batch of analyses, each with its numbers, also those that are not wanted: they tell where to go on.

    The batch is cut from the organisation's own index first, and stays as it is: PostgreSQL would rather walk along all
    organisations' analyses in order of their ids, and read hundreds to find one.
    """
    organisation_id, wanted = query.organisation_id, query.wanted
    lines = (
        select(AnalysisFeed.analysis_id, AnalysisFeed.recording_id)
        .where(
            *line_conditions(organisation_id=query.organisation_id, wanted=query.wanted),
            *(() if query.after is None else (AnalysisFeed.analysis_id > query.after,)),
        )
        .order_by(AnalysisFeed.analysis_id)
        .limit(query.n_analyses)
        .cte("lines")
    )
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
            Metric.analysis_id == lines.c.analysis_id,
            *(() if wanted.keys is None else (Metric.key.in_(wanted.keys),)),
        )
        .scalar_subquery()
    )
    is_wanted = and_(*_conditions(organisation_id, wanted))
    return (
        select(
            Recording.athlete_id,
            Athlete.external_id,
            Athlete.name,
            Recording.screened_on,
            Recording.context,
            Recording.movement,
            Recording.view,
            lines.c.recording_id,
            lines.c.analysis_id,
            Analysis.run,
            Analysis.created_at,
            Analysis.verdict,
            Analysis.method_version,
            Recording.captured_at,
            Assessment.value.label("score"),
            Assessment.interval_90_low,
            Assessment.interval_90_high,
            Assessment.band,
            case((is_wanted, metrics)).label("metrics"),
        )
        .select_from(lines)
        .outerjoin(
            Analysis,
            (Analysis.organisation_id == organisation_id) & (Analysis.id == lines.c.analysis_id),
        )
        .outerjoin(
            Recording,
            (Recording.organisation_id == organisation_id) & (Recording.id == lines.c.recording_id),
        )
        .outerjoin(
            Assessment,
            (Assessment.organisation_id == organisation_id) & (Assessment.analysis_id == Analysis.id),
        )
        .outerjoin(
            Athlete,
            (Athlete.organisation_id == organisation_id) & (Athlete.id == Recording.athlete_id),
        )
        .order_by(lines.c.analysis_id)
    )


def line_conditions(*, organisation_id: UUID, wanted: MetricExportFilter) -> Iterator[ColumnElement[bool]]:
    """Yield what can be told of an analysis by its line in the feed."""
    feed = AnalysisFeed
    yield feed.organisation_id == organisation_id
    yield feed.deleted_at.is_(None)
    if wanted.athlete_ids is not None:
        yield feed.athlete_id.in_(wanted.athlete_ids)
    if wanted.athlete_id is not None:
        yield feed.athlete_id == wanted.athlete_id
    if wanted.team_id is not None:
        yield feed.athlete_id.in_(
            select(TeamMember.athlete_id).where(
                TeamMember.organisation_id == organisation_id, TeamMember.team_id == wanted.team_id
            )
        )
    if wanted.method_version is not None:
        yield feed.method_version == wanted.method_version
    if wanted.verdict is not None:
        yield feed.verdict == wanted.verdict


def _conditions(organisation_id: UUID, wanted: MetricExportFilter) -> Iterator[ColumnElement[bool]]:
    yield Analysis.id.is_not(None)  # it may be withheld
    if wanted.screened_from is not None:
        yield Recording.screened_on >= wanted.screened_from
    if wanted.screened_to is not None:
        yield Recording.screened_on <= wanted.screened_to
    if wanted.movements is not None:
        yield Recording.movement.in_(wanted.movements)
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
    judged = (
        analysis.captured_at,
        analysis.score,
        analysis.interval_90_low,
        analysis.interval_90_high,
        analysis.band,
    )
    for metric in analysis.metrics or ():
        yield MetricRow._make((*shared, *metric, *judged))
