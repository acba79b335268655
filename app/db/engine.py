"""The connection pool, and the session that tells PostgreSQL for whom it works."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, TextClause, create_engine, event, inspect, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

_WRITES_IN_WORDS = re.compile(r"(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)

_SET = text("SELECT set_config(:name, :value, true)")
_SET_BOTH = text(
    "SELECT set_config('app.org_id', :org_id, true), set_config('app.limited_to', :limited_to, true)"
)


def make_engine(url: str, *, pool_size: int = 5, max_overflow: int = 10) -> Engine:
    """Return an engine for a ``postgresql+psycopg://`` address; the login must be the app role."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,  # an error that is logged must not say about whom
        connect_args={
            "connect_timeout": 5,
            "application_name": "plumbline",
            "options": "-c statement_timeout=30000 -c lock_timeout=10000 -c timezone=UTC "
            "-c idle_in_transaction_session_timeout=60000",
        },
    )


def is_database_away(error: Exception) -> bool:
    """Say whether an error only means that the database cannot be reached, or has no connection left to give."""
    if isinstance(error, PoolTimeoutError | InterfaceError):
        return True
    # without a statement it was the connecting that failed; a lost connection is known by its driver
    return isinstance(error, OperationalError) and (error.statement is None or error.connection_invalidated)


class TenantSession(Session):
    """A session of one organisation, or of none; row-level security does the rest."""

    def __init__(
        self,
        *,
        bind: Engine,
        organisation_id: UUID | None,
        limited_to: UUID | None = None,
        sees_withheld: int = 1,
    ) -> None:
        """Open nothing yet: the first statement does. With `limited_to`, that member's or key's limits hold."""
        super().__init__(bind=bind, expire_on_commit=False, autoflush=False)
        self.organisation_id = organisation_id
        self.limited_to = limited_to
        self.sees_withheld = sees_withheld
        """Analyses of recordings that are kept from more than this (`Withheld`) are not there."""
        self.written_tables: set[str] = set()
        """Tables that a statement of this session inserted into, changed or deleted from."""

    def enter(self, organisation_id: UUID) -> None:
        """Let a transaction of no organisation become one of this organisation; one that has one stays there."""
        if self.organisation_id not in (None, organisation_id):
            msg = "a transaction belongs to one organisation"
            raise ValueError(msg)
        self.organisation_id = organisation_id
        self.execute(_SET, {"name": "app.org_id", "value": str(organisation_id)})

    def own(self, table: Any) -> ColumnElement[bool]:
        """Return the condition that a row of this table is of this session's organisation; of none, no row is."""
        owner: ColumnElement[UUID] = table.organisation_id
        return owner == self.organisation_id


@event.listens_for(TenantSession, "after_begin")
def _set_organisation(session: Any, transaction: SessionTransaction, connection: Connection) -> None:
    """Name the organisation for this transaction only, so that a pooled connection never carries it over."""
    if transaction.nested:
        return
    names = {"app.org_id": session.organisation_id, "app.limited_to": session.limited_to}
    connection.execute(_SET_BOTH, {key.partition(".")[2]: str(value or "") for key, value in names.items()})
    connection.execute(_SET, {"name": "app.sees_withheld", "value": str(session.sees_withheld)})


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
