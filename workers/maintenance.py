"""Tasks that keep things going: parse nothing, call a service."""

import structlog
from celery import Celery

from app.container import Container
from app.jobs import names
from app.services.draw_pictures import sweep_pictures
from app.services.process_recording import SweepReport, sweep_recordings

_log = structlog.get_logger(__name__)
ABANDONED_AFTER_S = 24 * 3600.0
"""An upload or a working copy that nobody touched for so long belongs to a process that was killed."""


def sweep(container: Container) -> SweepReport:
    """Send again what was not sent, put back what a lost worker held, have unfinished pictures drawn."""
    report = sweep_recordings(uow_factory=container.uow_factory, policy=container.policy)
    n_drawn_again = sweep_pictures(uow_factory=container.uow_factory, policy=container.policy)
    if n_drawn_again:
        _log.warning("swept_pictures", n_sent=n_drawn_again)
    if report.n_resent or report.n_retried or report.n_gave_up:
        _log.warning("swept", n_sent=report.n_resent, n_requeued=report.n_retried, n_failed=report.n_gave_up)
    return report


def remove_abandoned_uploads(container: Container) -> int:
    """Remove uploads that a killed process left half way."""
    n_removed = container.staging.remove_abandoned(older_than_s=ABANDONED_AFTER_S)
    if n_removed:
        _log.info("removed_abandoned_uploads", n_removed=n_removed)
    return n_removed


def register_maintenance(app: Celery, container: Container) -> None:
    """Put the tasks into the app's registry."""

    def run_sweep() -> None:
        sweep(container)

    def run_remove_abandoned_uploads() -> None:
        remove_abandoned_uploads(container)

    app.task(name=names.SWEEP_RECORDINGS, shared=False)(run_sweep)
    app.task(name=names.REMOVE_ABANDONED_UPLOADS, shared=False)(run_remove_abandoned_uploads)
