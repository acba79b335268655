"""The workers' part of an export: write the file as whoever asked for it would see it, and remove files in time.

Takes the `UnitOfWorkFactory`: short transactions, none open while something is written. The file is durable before the
row names it, and nobody's file outlives their right to be forgotten: who is in it is looked at once more in the
transaction that makes it available, and whoever erases or withholds somebody takes the file away in theirs.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from app.db.models import ExportJob
from app.db.repositories.export_jobs import ExportFile
from app.db.repositories.webhooks import Telling
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.consent import Withheld
from app.domain.exports import LISTED_FOR, OPEN, ExportState
from app.domain.metric_export import MetricRow
from app.domain.webhooks import WebhookEvent
from app.integrations.export_files import FORMS, ExportContext
from app.services.exports import export_job, filter_from_json
from app.services.heartbeat import LeaseLostError
from app.services.metric_export import ANALYSES_AT_A_TIME, read_metric_rows
from app.storage.blobs import BlobStore
from app.storage.staging import working_folder

LEASE_S = 120.0
"""Longer than the slowest step between two signs of life."""
MAX_ATTEMPTS = 3
"""That end in an error."""
GIVE_UP_AFTER = 6
"""Attempts of any kind: one that takes its worker down with it never ends in an error."""
_CHUNK_BYTES = 1024 * 1024
_log = logging.getLogger(__name__)


class ExportResult(StrEnum):
    """How one attempt ended; for logs and metrics."""

    NOT_CLAIMED = "not_claimed"
    """Somebody else has it, it has ended, or it does not exist."""
    READY = "ready"
    RETRY = "retry"
    GAVE_UP = "gave_up"
    LOST = "lost"
    """It was called off, or another worker took over; nothing was written."""
    TIDIED = "tidied"
    """Its file was removed."""


class _OvertakenError(Exception):
    """Somebody in the file was erased, or withheld, while it was written; or this worker is asked to stop."""


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """A claimed export and all that is needed to write it."""

    job: ExportJob
    token: UUID
    principal: Principal
    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    goes_on: Callable[[], bool]
    athlete_ids: set[UUID] = field(default_factory=set)
    recording_ids: set[UUID] = field(default_factory=set)

    @property
    def organisation_id(self) -> UUID:
        return self.job.organisation_id


def run_export(
    *,
    export_id: UUID,
    organisation_id: UUID,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    staging_dir: Path,
    goes_on: Callable[[], bool] = lambda: True,
) -> ExportResult:
    """Make one attempt at an export, or remove the file of one that has ended.

    When `goes_on` says no, the work is left to another worker.
    """
    with uow_factory(organisation_id) as uow:
        found = uow.export_jobs.find(organisation_id=organisation_id, export_id=export_id)
        is_open = found is not None and found.state in OPEN
        token = uow.export_jobs.claim(export_id=export_id, lease_s=LEASE_S) if is_open else None
        job = uow.export_jobs.find(organisation_id=organisation_id, export_id=export_id)
    if found is None or job is None:
        return ExportResult.NOT_CLAIMED
    if not is_open:
        return _tidy(uow_factory, blobs, job)
    if token is None:
        return ExportResult.NOT_CLAIMED
    attempt = _Attempt(
        job=job,
        token=token,
        principal=_whoever_asked(job),
        uow_factory=uow_factory,
        blobs=blobs,
        goes_on=goes_on,
    )
    if job.attempt > GIVE_UP_AFTER:
        return _fail(attempt, counts=True)
    try:
        with working_folder(staging_dir, prefix="export-") as folder:
            return _make(attempt, folder)
    except LeaseLostError:
        return ExportResult.LOST
    except _OvertakenError:
        return _fail(attempt, counts=False)
    except Exception:  # noqa: BLE001 whatever it was, it is tried again or given up, and the log has it
        _log.exception("an export could not be made")
        return _fail(attempt, counts=True)


def sweep_exports(*, uow_factory: UnitOfWorkFactory, resend_after_s: float = 30.0, limit: int = 200) -> int:
    """Send a job for exports nobody works on and for files whose time is over; return how many."""
    with uow_factory(None) as uow:
        due = uow.export_jobs.find_due(resend_after_s=resend_after_s, limit=limit)
    for item in due:
        with uow_factory(item.organisation_id) as uow:
            uow.export_jobs.note_sent(export_id=item.export_id)
            uow.defer(export_job(organisation_id=item.organisation_id, export_id=item.export_id))
    return len(due)


def forget_old_exports(uow: UnitOfWork, *, organisation_id: UUID) -> None:
    """Forget that there were exports whose files are long gone."""
    uow.export_jobs.forget(organisation_id=organisation_id, older_than_s=LISTED_FOR.total_seconds())


def _make(attempt: _Attempt, folder: Path) -> ExportResult:
    form = FORMS[attempt.job.format]
    spool = folder / "spool"
    spool.mkdir()
    context = ExportContext(folder=spool, ids=_ids(attempt, form.system))
    path = folder / "file"
    n_rows = form.write(_rows(attempt), path, context)
    size_bytes, sha256 = path.stat().st_size, _sha256(path)
    key = f"{attempt.organisation_id}/exports/{attempt.job.id}-{attempt.job.attempt}.{form.extension}"
    attempt.blobs.put_file(key, path)
    file = ExportFile(
        blob_key=key,
        size_bytes=size_bytes,
        sha256=sha256,
        n_rows=n_rows,
        athlete_ids=attempt.athlete_ids,
        recording_ids=attempt.recording_ids,
    )
    with attempt.uow_factory(attempt.organisation_id) as uow:
        uow.on_drop(partial(attempt.blobs.delete, key))
        _finish(uow, attempt, file)
    return ExportResult.READY


def _finish(uow: UnitOfWork, attempt: _Attempt, file: ExportFile) -> None:
    """Make the file available, unless somebody in it was erased meanwhile, or the attempt is not ours any more."""
    organisation_id = attempt.organisation_id
    uow.export_jobs.hold(organisation_id=organisation_id)
    seen = Withheld.NOT if attempt.principal.is_coach else Withheld.FROM_COACHES
    if not uow.export_jobs.is_still_allowed(
        organisation_id=organisation_id,
        athlete_ids=file.athlete_ids,
        recording_ids=file.recording_ids,
        sees_withheld=int(seen),
    ):
        raise _OvertakenError
    if not uow.export_jobs.finish(export_id=attempt.job.id, token=attempt.token, file=file):
        raise LeaseLostError
    uow.audit.record(actor=None, act=Act.EXPORT_MADE, object_id=attempt.job.id, n_rows=file.n_rows)
    uow.webhooks.tell(Telling(event=WebhookEvent.EXPORT_READY, content={"export_id": attempt.job.id}))


def _rows(attempt: _Attempt) -> Iterator[tuple[MetricRow, ...]]:
    """Yield the rows as whoever asked may see them, take note of who is in them, and show how far it is."""
    wanted = filter_from_json(attempt.job.wanted)
    with attempt.uow_factory(attempt.principal) as uow:
        n_analyses = uow.export_jobs.n_lines(organisation_id=attempt.organisation_id, wanted=wanted)
    _renew(attempt, n_done=0, n_analyses=n_analyses)
    batches = read_metric_rows(uow_factory=attempt.uow_factory, principal=attempt.principal, wanted=wanted)
    for number, rows in enumerate(batches, start=1):
        attempt.recording_ids.update(row.recording_id for row in rows)
        attempt.athlete_ids.update(row.athlete_id for row in rows if row.athlete_id is not None)
        yield rows
        if not attempt.goes_on():
            raise _OvertakenError
        _renew(attempt, n_done=number * ANALYSES_AT_A_TIME)


def _renew(attempt: _Attempt, *, n_done: int, n_analyses: int | None = None) -> None:
    with attempt.uow_factory(attempt.organisation_id) as uow:
        is_ours = uow.export_jobs.renew(
            export_id=attempt.job.id,
            token=attempt.token,
            lease_s=LEASE_S,
            n_done=n_done,
            n_analyses=n_analyses,
        )
    if not is_ours:
        raise LeaseLostError


def _ids(attempt: _Attempt, system: str | None) -> dict[UUID, str]:
    if system is None:
        return {}
    with attempt.uow_factory(attempt.principal) as uow:
        return uow.export_jobs.ids_in(organisation_id=attempt.organisation_id, system=system)


def _fail(attempt: _Attempt, *, counts: bool) -> ExportResult:
    """Have it tried again, at once when somebody was erased meanwhile; or give it up after the last attempt."""
    with attempt.uow_factory(attempt.organisation_id) as uow:
        if counts and attempt.job.attempt >= MAX_ATTEMPTS:
            if not uow.export_jobs.give_up(export_id=attempt.job.id, token=attempt.token):
                return ExportResult.LOST
            uow.webhooks.tell(
                Telling(event=WebhookEvent.EXPORT_FAILED, content={"export_id": attempt.job.id})
            )
            return ExportResult.GAVE_UP
        if not uow.export_jobs.put_back(export_id=attempt.job.id, token=attempt.token):
            return ExportResult.LOST
        if not counts:
            uow.defer(export_job(organisation_id=attempt.organisation_id, export_id=attempt.job.id))
    return ExportResult.RETRY


def _tidy(uow_factory: UnitOfWorkFactory, blobs: BlobStore, job: ExportJob) -> ExportResult:
    """Remove the file of an export that has ended; one whose time is over ends now."""
    with uow_factory(job.organisation_id) as uow:
        if job.state is ExportState.READY and not uow.export_jobs.expire(export_id=job.id):
            return ExportResult.NOT_CLAIMED
    if job.blob_key is None:
        return ExportResult.NOT_CLAIMED
    blobs.delete(job.blob_key)
    with uow_factory(job.organisation_id) as uow:
        uow.export_jobs.note_file_gone(export_id=job.id)
    return ExportResult.TIDIED


def _whoever_asked(job: ExportJob) -> Principal:
    """Return who asked, as they were: the file holds what they might see."""
    known = {permission.value: permission for permission in Permission}
    scopes = job.scopes
    return Principal(
        organisation_id=job.organisation_id,
        role=job.role,
        display_name="",
        user_id=job.actor_user_id,
        api_key_id=job.actor_api_key_id,
        limited_to=job.limited_to,
        scopes=None if scopes is None else frozenset(known[each] for each in scopes if each in known),
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
