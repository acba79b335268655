"""Results of recordings.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from uuid import UUID

from app.biomech.types import Kinematics
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.services.read_models import AnalysisView, Page
from app.storage.blobs import BlobStore


def get_analysis(*, uow: UnitOfWork, principal: Principal, recording_id: UUID) -> AnalysisView:
    """Return a recording's latest analysis, or raise `NotFoundError` when it has none yet."""
    raise NotImplementedError


def list_analyses(
    *,
    uow: UnitOfWork,
    principal: Principal,
    recording_id: UUID,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[AnalysisView]:
    """List every analysis a recording ever had, newest first."""
    raise NotImplementedError


def get_kinematics(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, recording_id: UUID
) -> Kinematics:
    """Return the curves of a recording's latest analysis, or raise `NotFoundError` when there are none."""
    raise NotImplementedError
