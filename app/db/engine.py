"""The connection pool, and the session that tells PostgreSQL for whom it works."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, inspect, text
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

_WRITES_IN_WORDS = re.compile(r"(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)


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
        self.written_tables: set[str] = set()
        """Tables that a statement of this session inserted into, changed or deleted from."""


@event.listens_for(TenantSession, "after_begin")
def _set_organisation(session: Any, transaction: SessionTransaction, connection: Connection) -> None:
    """Name the organisation for this transaction only, so that a pooled connection never carries it over."""
    if transaction.nested:
        return
    value = "" if session.organisation_id is None else str(session.organisation_id)
    connection.execute(text("SELECT set_config('app.org_id', :value, true)"), {"value": value})


@event.listens_for(TenantSession, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    """Note which table a statement writes to, be it built or written in words."""
    written: set[str] = state.session.written_tables  # type: ignore[attr-defined]  # only a TenantSession comes here
    statement: Any = state.statement
    if isinstance(statement, TextClause):
        written.update(_WRITES_IN_WORDS.findall(statement.text))
    elif state.is_insert or state.is_update or state.is_delete:
        written.add(statement.table.name)


@event.listens_for(TenantSession, "before_flush")
def _note_objects(session: Any, _context: object, _instances: object) -> None:
    """Note which tables the objects handed to the session belong to."""
    for changed in (*session.new, *session.dirty, *session.deleted):
        session.written_tables.add(inspect(changed).mapper.local_table.name)
