"""How Alembic connects: as the owner, one at a time, and never waiting long for a lock held by users."""

import os

from alembic import context
from sqlalchemy import create_engine, pool, text

import app.db.models  # noqa: F401  # fills the metadata
from app.db.base import Base

ADVISORY_LOCK = 0x706C756D62
"""Only one migration runs at a time; the others wait here."""


def owner_url() -> str:
    """Return the address given by the caller, else by the environment."""
    url = context.config.attributes.get("url") or os.environ.get("PLUMBLINE_DATABASE_OWNER_URL")
    if not url:
        msg = "Set PLUMBLINE_DATABASE_OWNER_URL to the database's address, as the role that owns the tables."
        raise SystemExit(msg)
    return str(url)


def run() -> None:
    """Migrate, each revision in its own transaction."""
    engine = create_engine(owner_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    # Closing the connection releases the lock.


run()
