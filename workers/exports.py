"""Tasks that make files: parse ids, call a service, beside the slots of the analyses."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import structlog
from celery import Celery

from app.container import Container
from app.jobs import names
from app.services.run_export import ExportResult, run_export, sweep_exports
from workers.beside import Beside

EXPORT_THREADS = 1
"""Exports made at the same time: they are long, and nobody stands by."""
_log = structlog.get_logger(__name__)


def make_export(
    container: Container,
    export_id: str,
    organisation_id: str,
    *,
    goes_on: Callable[[], bool] = lambda: True,
) -> ExportResult:
    """Make one attempt at an export; a second delivery of the same job finds nothing to claim."""
    result = run_export(
        export_id=UUID(export_id),
        organisation_id=UUID(organisation_id),
        uow_factory=container.uow_factory,
        blobs=container.blobs,
        staging_dir=container.staging.directory,
        goes_on=goes_on,
    )
    _log.info("export_ended", export_id=export_id, outcome=result.value)
    return result


def register_exports(app: Celery, container: Container, beside: Beside) -> None:
    """Put the tasks into the app's registry."""

    def make(export_id: str, organisation_id: str) -> None:
        beside.do(
            export_id, partial(make_export, container, export_id, organisation_id, goes_on=beside.goes_on)
        )

    def sweep() -> None:
        sweep_exports(uow_factory=container.uow_factory, resend_after_s=container.policy.resend_after_s)

    app.task(name=names.RUN_EXPORT, shared=False)(make)
    app.task(name=names.SWEEP_EXPORTS, shared=False)(sweep)
