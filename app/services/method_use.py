"""Which method versions made an organisation's results.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from app.db.repositories.screenings import MethodUse
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal


def list_method_use(*, uow: UnitOfWork, principal: Principal) -> tuple[MethodUse, ...]:
    """List the method versions of the organisation's results, the newest in use first."""
    principal.require(Permission.RESULTS_READ)
    return tuple(uow.screenings.method_use(organisation_id=principal.organisation_id))
