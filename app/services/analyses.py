"""Results of recordings.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from uuid import UUID

from app.biomech.types import Kinematics
from app.db.repositories.analyses import StoredAnalysis
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import NotFoundError
from app.services.analysis_curves import shown_kinematics
from app.services.cursors import check_limit, decode_cursor, encode_cursor, number_part, split_page
from app.services.presenters import analysis_view, no_recording
from app.services.read_models import AnalysisView, Page
from app.storage.blobs import BlobNotFoundError, BlobStore
from app.storage.tracks import kinematics_from_bytes


def get_analysis(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> AnalysisView:
    """Return a recording's latest analysis, or raise `NotFoundError` when it has none yet."""
    principal.require(Permission.RESULTS_READ)
    view = analysis_view(_latest(uow=uow, principal=principal, recording_id=recording_id))
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=recording_id)
    return view


def list_analyses(
    *,
    uow: UnitOfWork,
    principal: Principal,
    recording_id: UUID,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[AnalysisView]:
    """List every analysis a recording ever had, newest first."""
    principal.require(Permission.RESULTS_READ)
    organisation_id = principal.organisation_id
    if uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id) is None:
        raise no_recording()
    rows = uow.analyses.list_newest(
        organisation_id=organisation_id,
        recording_id=recording_id,
        before=None if cursor is None else decode_cursor(cursor, number_part)[0],
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=recording_id)
    return Page(
        items=tuple(analysis_view(stored) for stored in page),
        next_cursor=encode_cursor(page[-1].run) if more else None,
    )


def get_kinematics(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, recording_id: UUID
) -> Kinematics:
    """Return the curves of a recording's latest analysis, the withheld emptied, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    stored = _latest(uow=uow, principal=principal, recording_id=recording_id)
    if stored.files.kinematics_key is None:
        raise _no_result("The recording has no curves: nothing could be measured in it.")
    try:
        kinematics = kinematics_from_bytes(blobs.get_bytes(stored.files.kinematics_key))
    except BlobNotFoundError:
        raise _no_result("The curves of this recording are no longer kept.") from None
    return shown_kinematics(kinematics, stored.content.metrics)


def _latest(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> StoredAnalysis:
    stored = uow.analyses.latest(organisation_id=principal.organisation_id, recording_id=recording_id)
    if stored is None:
        raise _no_result("There is no such recording, or no result of it yet.")
    return stored


def _no_result(message: str) -> NotFoundError:
    return NotFoundError(
        message, how_to_fix="Look at the recording: it says how far it is, or what went wrong."
    )
