"""Measurements as files, streamed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.base import CalendarDate
from app.biomech.types import Verdict
from app.domain.access import Permission, Principal
from app.domain.metric_export import MetricExportFilter, MetricRow
from app.http.parts import Parts
from app.integrations.metric_files import metrics_to_csv, metrics_to_ndjson
from app.services import metric_export

READ = [Depends(Requires(Permission.RESULTS_READ))]
CSV, NDJSON = "text/csv; charset=utf-8", "application/x-ndjson"

router = APIRouter(tags=["exports"])


def read_filter(
    athlete_id: Annotated[UUID | None, Query(description="Only of this athlete.")] = None,
    team_id: Annotated[UUID | None, Query(description="Only of athletes who are in this team now.")] = None,
    metric: Annotated[
        list[str] | None, Query(max_length=50, description="Only these metrics; repeat it for several.")
    ] = None,
    method_version: Annotated[str | None, Query(max_length=50)] = None,
    verdict: Verdict | None = None,
    screened_from: Annotated[CalendarDate | None, Query(description="Screened on this day or later.")] = None,
    screened_to: Annotated[CalendarDate | None, Query(description="Screened on this day or earlier.")] = None,
    all_runs: Annotated[
        bool, Query(description="Also analyses that a later one of the same recording has replaced.")
    ] = False,
) -> MetricExportFilter:
    """Return the filter a request names."""
    return MetricExportFilter(
        athlete_id=athlete_id,
        team_id=team_id,
        keys=None if metric is None else frozenset(metric),
        method_version=method_version,
        verdict=verdict,
        screened_from=screened_from,
        screened_to=screened_to,
        all_runs=all_runs,
    )


FilterDep = Annotated[MetricExportFilter, Depends(read_filter)]


def _file(media_type: str, example: str) -> dict[int | str, dict[str, object]]:
    name = media_type.partition(";")[0]
    content = {name: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": "One number per line.", "content": content}, **problems(404, 422)}


@router.get(
    "/exports/metrics.csv",
    operation_id="export_metrics_csv",
    summary="Every measurement as CSV",
    dependencies=READ,
    response_class=StreamingResponse,
    responses=_file(CSV, "athlete_id,athlete_external_id,…,metric,side,event,value,unit,se"),
)
def export_metrics_csv(
    parts: PartsDep, uow: UowDep, principal: PrincipalDep, wanted: FilterDep
) -> StreamingResponse:
    """Send one line per number, its unit beside it; what a spreadsheet could take for a formula is made harmless."""
    metric_export.begin_metric_export(uow=uow, principal=principal, wanted=wanted)
    return _sent(metrics_to_csv(_rows(parts, principal, wanted)), media_type=CSV, extension="csv")


@router.get(
    "/exports/metrics.ndjson",
    operation_id="export_metrics_ndjson",
    summary="Every measurement as NDJSON",
    dependencies=READ,
    response_class=StreamingResponse,
    responses=_file(NDJSON, '{"athlete_id":"…","metric":"fppa","side":"left","value":4.2,"unit":"deg"}'),
)
def export_metrics_ndjson(
    parts: PartsDep, uow: UowDep, principal: PrincipalDep, wanted: FilterDep
) -> StreamingResponse:
    """Send one JSON object per line and number."""
    metric_export.begin_metric_export(uow=uow, principal=principal, wanted=wanted)
    return _sent(metrics_to_ndjson(_rows(parts, principal, wanted)), media_type=NDJSON, extension="ndjson")


def _rows(parts: Parts, principal: Principal, wanted: MetricExportFilter) -> Iterator[tuple[MetricRow, ...]]:
    return metric_export.read_metric_rows(uow_factory=parts.uow_factory, principal=principal, wanted=wanted)


def _sent(content: Iterator[bytes], *, media_type: str, extension: str) -> StreamingResponse:
    name = f"plumbline-metrics-{datetime.now(UTC):%Y-%m-%d}.{extension}"
    return StreamingResponse(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
