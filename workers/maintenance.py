"""Tasks that keep things going: parse nothing, call a service."""

from dataclasses import asdict
from uuid import UUID

import structlog
from celery import Celery

from app.container import Container
from app.jobs import names
from app.services.draw_pictures import sweep_pictures
from app.services.erasure import Places, resume_erasures, run_erasure
from app.services.outbox import SendResult, forget_sent_mail, send_mail, sweep_mail
from app.services.process_recording import SweepReport, sweep_recordings
from app.services.retention import RetentionReport, drop_videos_without_consent, retain
from app.services.run_reanalysis import sweep_reanalyses

_log = structlog.get_logger(__name__)
ABANDONED_AFTER_S = 15 * 60.0
"""An upload or a working copy that is so old, and that nobody holds, belongs to a process that was killed."""


def sweep(container: Container) -> SweepReport:
    """Send again what was not sent, put back what a lost worker held, have unfinished pictures drawn."""
    report = sweep_recordings(uow_factory=container.uow_factory, policy=container.policy)
    n_taken_up = sweep_reanalyses(uow_factory=container.uow_factory, policy=container.policy)
    if n_taken_up:
        _log.warning("swept_reanalyses", n_sent=n_taken_up)
    n_drawn_again = sweep_pictures(uow_factory=container.uow_factory, policy=container.policy)
    if n_drawn_again:
        _log.warning("swept_pictures", n_sent=n_drawn_again)
    if container.mailer is not None:
        sweep_mail(uow_factory=container.uow_factory)
    if report.n_resent or report.n_retried or report.n_gave_up:
        _log.warning("swept", n_sent=report.n_resent, n_requeued=report.n_retried, n_failed=report.n_gave_up)
    return report


def remove_abandoned_uploads(container: Container) -> int:
    """Remove uploads that a killed process left half way."""
    n_removed = container.staging.remove_abandoned(older_than_s=ABANDONED_AFTER_S)
    if n_removed:
        _log.info("removed_abandoned_uploads", n_removed=n_removed)
    return n_removed


def retain_all(container: Container) -> RetentionReport:
    """Remove what the organisations do not want to keep any longer."""
    report = retain(uow_factory=container.uow_factory, blobs=container.blobs)
    _log.info("retained", **asdict(report))
    forget_sent_mail(uow_factory=container.uow_factory)
    return report


def resume_all_erasures(container: Container) -> int:
    """Go on with erasures that a killed process left."""
    n_done = resume_erasures(uow_factory=container.uow_factory, places=_places(container))
    if n_done:
        _log.warning("resumed_erasures", n_done=n_done)
    return n_done


def _places(container: Container) -> Places:
    return Places(blobs=container.blobs, partials=container.partials, staging=container.staging)


def erase(container: Container, erasure_id: str, organisation_id: str) -> bool:
    """Forget somebody; a second delivery finds it done."""
    return run_erasure(
        uow_factory=container.uow_factory,
        places=_places(container),
        organisation_id=UUID(organisation_id),
        erasure_id=UUID(erasure_id),
    )


def drop_videos(container: Container, athlete_id: str, organisation_id: str) -> int:
    """Remove the videos of somebody for whom keeping them is not allowed any more."""
    return drop_videos_without_consent(
        uow_factory=container.uow_factory,
        blobs=container.blobs,
        organisation_id=UUID(organisation_id),
        athlete_id=UUID(athlete_id),
    )


def send_letter(container: Container, mail_id: str, organisation_id: str) -> SendResult:
    """Make one attempt at a letter; a second delivery finds it sent."""
    if container.mailer is None:  # the api has a mail server and this worker has none: another one may
        return SendResult.NOT_CLAIMED
    result = send_mail(
        uow_factory=container.uow_factory,
        mailer=container.mailer,
        seal=container.seal,
        mail_id=UUID(mail_id),
        organisation_id=UUID(organisation_id),
    )
    _log.info("mail_ended", organisation_id=organisation_id, outcome=result.value)
    return result


def register_maintenance(app: Celery, container: Container) -> None:
    """Put the tasks into the app's registry."""

    def run_sweep() -> None:
        sweep(container)

    def run_remove_abandoned_uploads() -> None:
        remove_abandoned_uploads(container)

    def run_retain() -> None:
        retain_all(container)

    def run_resume_erasures() -> None:
        resume_all_erasures(container)

    def run_erase(erasure_id: str, organisation_id: str) -> None:
        erase(container, erasure_id, organisation_id)

    def run_drop_videos(athlete_id: str, organisation_id: str) -> None:
        drop_videos(container, athlete_id, organisation_id)

    def run_send_mail(mail_id: str, organisation_id: str) -> None:
        send_letter(container, mail_id, organisation_id)

    app.task(name=names.SEND_MAIL, shared=False)(run_send_mail)
    app.task(name=names.RETAIN, shared=False)(run_retain)
    app.task(name=names.RESUME_ERASURES, shared=False)(run_resume_erasures)
    app.task(name=names.ERASE_ATHLETE, shared=False)(run_erase)
    app.task(name=names.DROP_VIDEOS, shared=False)(run_drop_videos)
    app.task(name=names.SWEEP_RECORDINGS, shared=False)(run_sweep)
    app.task(name=names.REMOVE_ABANDONED_UPLOADS, shared=False)(run_remove_abandoned_uploads)
