"""Measurements out of the service, as many as there are, in bounded memory."""

from collections.abc import Iterator

from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import InvalidInputError
from app.domain.metric_export import MetricExportFilter, MetricRow
from app.services.analysis_feed import check_whose

ANALYSES_AT_A_TIME = 50
"""A drop jump has fifty numbers, each with names and dates: 200 of them at a time are 20 MB."""


def begin_metric_export(*, uow: UnitOfWork, principal: Principal, wanted: MetricExportFilter) -> None:
    """Check what is asked for and tell the audit trail, before the first byte is sent."""
    principal.require(Permission.RESULTS_READ)
    check_whose(uow=uow, principal=principal, athlete_id=wanted.athlete_id, team_id=wanted.team_id)
    if wanted.screened_from and wanted.screened_to and wanted.screened_from > wanted.screened_to:
        raise InvalidInputError(
            "The first day lies after the last.", how_to_fix="Exchange the two.", field="screened_from"
        )
    uow.audit.record(
        actor=principal,
        act=Act.METRICS_EXPORTED,
        object_id=wanted.athlete_id or wanted.team_id or principal.organisation_id,
    )


def read_metric_rows(
    *, uow_factory: UnitOfWorkFactory, principal: Principal, wanted: MetricExportFilter
) -> Iterator[tuple[MetricRow, ...]]:
    """Yield every measurement, a batch at a time, each from a transaction of its own.

    However slowly somebody reads, no transaction stays open meanwhile. What is analysed while the export runs
    comes at its end; nothing comes twice.
    """
    may_name = principal.may(Permission.ROSTER_READ)
    after = None
    while True:
        with uow_factory(principal) as uow:
            batch = uow.exports.read_metrics(
                organisation_id=principal.organisation_id,
                wanted=wanted,
                after=after,
                n_analyses=ANALYSES_AT_A_TIME,
            )
        if batch.last_analysis_id is None:
            return
        after = batch.last_analysis_id
        yield batch.rows if may_name else tuple(row._replace(athlete_name=None) for row in batch.rows)
