"""Exports made in the background: asked for, followed, fetched, removed.

Every function takes an entered `UnitOfWork` made for the principal. The file is made by a worker (`run_export`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from app.biomech.types import Movement, Verdict
from app.db.models import ExportJob
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError, StaleStateError, TooManyRequestsError
from app.domain.exports import MAX_OPEN, OPEN, ExportFormat, ExportState
from app.domain.metric_export import MetricExportFilter
from app.integrations.export_files import FORMS
from app.jobs.names import RUN_EXPORT
from app.jobs.queue import BULK, Job
from app.services.analysis_feed import check_whose
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, split_page
from app.services.read_models import OpenBlob, Page
from app.storage.blobs import BlobNotFoundError, BlobStore

MAX_ATHLETES = 500
RETRY_AFTER_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView:
    """One export and how far it is."""

    id: UUID
    format: ExportFormat
    wanted: MetricExportFilter
    state: ExportState
    progress: float
    """0 to 1."""
    n_rows: int | None
    size_bytes: int | None
    sha256: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    """When the file is removed; None unless there is one."""
    is_own: bool


def ask_export(
    *, uow: UnitOfWork, principal: Principal, file_format: ExportFormat, wanted: MetricExportFilter
) -> ExportView:
    """Have a file made of what this principal may see.

    Raises `NotFoundError` (somebody who is not there), `InvalidInputError`, and `TooManyRequestsError` while too many
    are being made.
    """
    principal.require(Permission.RESULTS_READ)
    _check(uow, principal, wanted)
    organisation_id = principal.organisation_id
    uow.export_jobs.hold(organisation_id=organisation_id)
    if uow.export_jobs.n_open(organisation_id=organisation_id) >= MAX_OPEN:
        raise TooManyRequestsError(
            f"{MAX_OPEN} exports of your organisation are being made already.",
            how_to_fix="Wait for one of them, or remove one.",
            retry_after_s=RETRY_AFTER_S,
        )
    export_id = uow.export_jobs.add(file_format=file_format, wanted=filter_to_json(wanted), actor=principal)
    uow.audit.record(actor=principal, act=Act.EXPORT_ASKED, object_id=export_id, format=file_format.value)
    uow.defer(export_job(organisation_id=organisation_id, export_id=export_id))
    return get_export(uow=uow, principal=principal, export_id=export_id)


def list_exports(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[ExportView]:
    """List exports this principal may have, newest first."""
    principal.require(Permission.RESULTS_READ)
    rows = uow.export_jobs.list_newest(
        principal=principal,
        before=None if cursor is None else decode_cursor(cursor, id_part)[0],
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_view(row, principal=principal) for row in page),
        next_cursor=encode_cursor(page[-1].id) if more else None,
    )


def get_export(*, uow: UnitOfWork, principal: Principal, export_id: UUID) -> ExportView:
    """Return an export and how far it is, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    return _view(_find(uow, principal, export_id), principal=principal)


def open_export(*, uow: UnitOfWork, blobs: BlobStore, principal: Principal, export_id: UUID) -> OpenBlob:
    """Open the file; raise `NotFoundError`, or `StaleStateError` when it is not ready or not there any more."""
    principal.require(Permission.RESULTS_READ)
    row = _find(uow, principal, export_id)
    key = row.blob_key
    if row.state is not ExportState.READY or key is None or row.expires_at is None or _is_over(row):
        raise _no_file(row)
    try:
        size_bytes = blobs.size(key)
    except BlobNotFoundError:
        raise _no_file(row) from None
    uow.audit.record_reading(
        actor=principal, act=Act.EXPORT_READ, object_id=export_id, format=row.format.value
    )
    form = FORMS[row.format]
    return OpenBlob(
        size_bytes=size_bytes,
        media_type=form.media_type,
        etag=row.sha256 or str(row.id),
        filename=f"plumbline-{row.format.value}-{row.created_at:%Y-%m-%d}.{form.extension}",
        read=partial(blobs.iter_range, key),
    )


def remove_export(*, uow: UnitOfWork, principal: Principal, export_id: UUID) -> None:
    """Remove the file, or call the work off; there is nothing to remove twice."""
    principal.require(Permission.RESULTS_READ)
    row = _find(uow, principal, export_id)
    if row.state not in {*OPEN, ExportState.READY}:
        return
    uow.export_jobs.end(export_id=export_id, from_state=row.state, to_state=ExportState.REMOVED)
    uow.audit.record(actor=principal, act=Act.EXPORT_REMOVED, object_id=export_id)
    uow.defer(export_job(organisation_id=principal.organisation_id, export_id=export_id))


def export_job(*, organisation_id: UUID, export_id: UUID) -> Job:
    """Return the hint to the workers that an export waits, or that its file is to be removed."""
    return Job(name=RUN_EXPORT, args=(str(export_id), str(organisation_id)), queue=BULK)


def filter_to_json(wanted: MetricExportFilter) -> dict[str, Any]:
    """Return the filter as it is stored; `filter_from_json` reads it back."""
    return {
        "athlete_ids": None
        if wanted.athlete_ids is None
        else sorted(str(each) for each in wanted.athlete_ids),
        "team_id": None if wanted.team_id is None else str(wanted.team_id),
        "metrics": None if wanted.keys is None else sorted(wanted.keys),
        "movements": None if wanted.movements is None else sorted(each.value for each in wanted.movements),
        "method_version": wanted.method_version,
        "verdict": None if wanted.verdict is None else wanted.verdict.value,
        "screened_from": None if wanted.screened_from is None else wanted.screened_from.isoformat(),
        "screened_to": None if wanted.screened_to is None else wanted.screened_to.isoformat(),
        "all_runs": wanted.all_runs,
    }


def filter_from_json(stored: dict[str, Any]) -> MetricExportFilter:
    """Return the filter that was stored."""

    def read(name: str, kind: Any) -> Any:
        found = stored.get(name)
        return None if found is None else kind(found)

    return MetricExportFilter(
        athlete_ids=read("athlete_ids", lambda ids: frozenset(UUID(each) for each in ids)),
        team_id=read("team_id", UUID),
        keys=read("metrics", frozenset),
        movements=read("movements", lambda names: frozenset(Movement(each) for each in names)),
        method_version=stored.get("method_version"),
        verdict=read("verdict", Verdict),
        screened_from=read("screened_from", date.fromisoformat),
        screened_to=read("screened_to", date.fromisoformat),
        all_runs=bool(stored.get("all_runs")),
    )


def _check(uow: UnitOfWork, principal: Principal, wanted: MetricExportFilter) -> None:
    check_whose(uow=uow, principal=principal, athlete_id=None, team_id=wanted.team_id)
    if wanted.athlete_ids is not None:
        known = uow.members.known_athlete_ids(
            organisation_id=principal.organisation_id, athlete_ids=wanted.athlete_ids
        )
        if not wanted.athlete_ids or known != wanted.athlete_ids:
            raise NotFoundError(
                "There is no such athlete.", how_to_fix="Choose people who are on your roster."
            )
    if wanted.screened_from and wanted.screened_to and wanted.screened_from > wanted.screened_to:
        raise InvalidInputError(
            "The first day lies after the last.", how_to_fix="Exchange the two.", field="screened_from"
        )


def _find(uow: UnitOfWork, principal: Principal, export_id: UUID) -> ExportJob:
    found = uow.export_jobs.find_for(principal=principal, export_id=export_id)
    if found is None:
        raise NotFoundError(
            "There is no such export.", how_to_fix="List your exports and choose one of them."
        )
    return found


_WHY = {
    ExportState.QUEUED: ("The file is not ready yet.", "Ask again in a moment."),
    ExportState.WORKING: ("The file is not ready yet.", "Ask again in a moment."),
    ExportState.FAILED: (
        "The file could not be made.",
        "Ask for it again; narrow it down if that fails, too.",
    ),
    ExportState.WITHDRAWN: (
        "The file is gone, because somebody in it was erased or may not be shown any more.",
        "Ask for another.",
    ),
}


def _no_file(row: ExportJob) -> StaleStateError:
    message, how_to_fix = _WHY.get(row.state, ("The file is not kept any longer.", "Ask for another."))
    return StaleStateError(message, how_to_fix=how_to_fix, state=row.state.value)


def _is_over(row: ExportJob) -> bool:
    return row.expires_at is None or row.expires_at <= datetime.now(row.expires_at.tzinfo)


def _view(row: ExportJob, *, principal: Principal) -> ExportView:
    is_over = row.state is ExportState.READY and _is_over(row)
    state = ExportState.EXPIRED if is_over else row.state
    return ExportView(
        id=row.id,
        format=row.format,
        wanted=filter_from_json(row.wanted),
        state=state,
        progress=_progress(row),
        n_rows=row.n_rows,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        created_at=row.created_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at if state is ExportState.READY else None,
        is_own=(row.actor_user_id, row.actor_api_key_id) == (principal.user_id, principal.api_key_id),
    )


def _progress(row: ExportJob) -> float:
    if row.state not in OPEN:
        return 1.0
    return min(0.99, row.n_done / row.n_analyses) if row.n_analyses else 0.0
