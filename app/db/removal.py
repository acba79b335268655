"""Take everything of one organisation out of the database but its name and its audit trail: for made-up ones alone.

The trail is never changed, not even here: it goes on, and says what was made and what was made anew.
"""

from uuid import UUID

from sqlalchemy import create_engine, delete, text

import app.db.models  # noqa: F401  # every table, so that none is forgotten
from app.db.base import Base
from app.domain.consent import Withheld

KEPT = frozenset({"organisation", "audit_entry"})
_SEE_ALL = text(
    "SELECT set_config('app.org_id', :organisation_id, true), set_config('app.limited_to', '', true),"
    " set_config('app.sees_withheld', :sees, true)"
)


def empty_organisation(owner_url: str, organisation_id: UUID) -> None:
    """Delete its rows in every other table as their owner, those that others point to last, in one transaction."""
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            connection.execute(
                _SEE_ALL,
                {"organisation_id": str(organisation_id), "sees": str(int(Withheld.FROM_EVERYBODY))},
            )
            for table in reversed(Base.metadata.sorted_tables):
                if table.name not in KEPT and "organisation_id" in table.c:
                    connection.execute(delete(table).where(table.c.organisation_id == organisation_id))
    finally:
        engine.dispose()
