"""Whether an organisation has room for one more video. A limit is held softly: requests at once may pass it by a few.

Takes an entered `UnitOfWork` of the organisation.
"""

from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import QuotaExceededError
from app.domain.quotas import Quotas, Usage


def get_quotas(*, uow: UnitOfWork, principal: Principal, defaults: Quotas) -> tuple[Quotas, Usage]:
    """Return what the organisation may have and what it has."""
    principal.require(Permission.RECORDINGS_WRITE)
    return _of(uow, principal.organisation_id, defaults), uow.quotas.usage()


def set_quotas(*, uow: UnitOfWork, organisation_id: UUID, quotas: Quotas) -> None:
    """Set what an organisation may have; for whoever runs the service."""
    uow.quotas.save(quotas, organisation_id=organisation_id)


def check_quotas(
    *, uow: UnitOfWork, principal: Principal, defaults: Quotas, size_bytes: int = 0, opens: bool = False
) -> None:
    """Raise `QuotaExceededError` when there is no room for a video of this size, or, if it `opens` one, an upload."""
    quotas = _of(uow, principal.organisation_id, defaults)
    if quotas.are_open:
        return
    used = uow.quotas.usage()
    if quotas.stored_bytes is not None and used.stored_bytes + size_bytes > quotas.stored_bytes:
        raise _exceeded(
            f"Your organisation keeps as many videos as it may: {quotas.stored_bytes / 1e9:.1f} GB.",
            "Let videos be removed sooner in the privacy settings, or ask whoever runs this service for more room.",
        )
    if quotas.recordings_a_month is not None and used.recordings_a_month >= quotas.recordings_a_month:
        raise _exceeded(
            f"Your organisation has sent the {quotas.recordings_a_month} videos of this month.",
            "Wait for the first of the month, or ask whoever runs this service for more.",
        )
    if opens and quotas.open_uploads is not None and used.open_uploads >= quotas.open_uploads:
        raise _exceeded(
            f"{used.open_uploads} videos are announced and not here yet; more are not taken.",
            "Send the files of those, or call them off.",
        )


def _of(uow: UnitOfWork, organisation_id: UUID, defaults: Quotas) -> Quotas:
    return uow.quotas.find(organisation_id=organisation_id) or defaults


def _exceeded(message: str, how_to_fix: str) -> QuotaExceededError:
    return QuotaExceededError(message, how_to_fix=how_to_fix)
