"""What an organisation may have, and has."""

from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db.models import OrganisationQuota
from app.domain.quotas import Quotas, Usage

_NAMES = ("stored_bytes", "recordings_a_month", "open_uploads")


class QuotaRepository:
    """What one organisation may have, and has."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def find(self, *, organisation_id: UUID) -> Quotas | None:
        """Return what was set for this organisation, or None."""
        row = self._session.scalars(
            select(OrganisationQuota)
            .where(OrganisationQuota.organisation_id == organisation_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
        return None if row is None else Quotas(**{name: getattr(row, name) for name in _NAMES})

    def save(self, quotas: Quotas, *, organisation_id: UUID) -> None:
        """Set what this organisation may have."""
        values = {name: getattr(quotas, name) for name in _NAMES} | {"updated_at": func.now()}
        self._session.execute(
            postgresql.insert(OrganisationQuota)
            .values(organisation_id=organisation_id, **values)
            .on_conflict_do_update(index_elements=["organisation_id"], set_=values)
        )

    def usage(self) -> Usage:
        """Return what the organisation of this transaction has, past anybody's limits."""
        row = self._session.execute(text("SELECT * FROM organisation_usage()")).one()
        return Usage(**{name: int(getattr(row, name)) for name in _NAMES})
