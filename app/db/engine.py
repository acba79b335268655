"""The connection pool, and the session that tells PostgreSQL for whom it works."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, SessionTransaction


def make_engine(url: str, *, pool_size: int = 5, max_overflow: int = 10) -> Engine:
    """Return an engine for a ``postgresql+psycopg://`` address; the login must be the app role."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 5,
            "application_name": "plumbline",
            "options": "-c statement_timeout=30000 -c lock_timeout=10000 -c timezone=UTC "
            "-c idle_in_transaction_session_timeout=60000",
        },
    )


class TenantSession(Session):
    """A session of one organisation, or of none; row-level security does the rest."""

    def __init__(self, *, bind: Engine, organisation_id: UUID | None) -> None:
        """Open nothing yet: the first statement does."""
        super().__init__(bind=bind, expire_on_commit=False, autoflush=False)
        self.organisation_id = organisation_id


@event.listens_for(TenantSession, "after_begin")
def _set_organisation(session: Any, transaction: SessionTransaction, connection: Connection) -> None:
    """Name the organisation for this transaction only, so that a pooled connection never carries it over."""
    if transaction.nested:
        return
    value = "" if session.organisation_id is None else str(session.organisation_id)
    connection.execute(text("SELECT set_config('app.org_id', :value, true)"), {"value": value})
