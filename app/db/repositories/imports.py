"""Roster files of one organisation on their way in."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.db.models import RosterImport
from app.db.types import from_now, new_id


class ImportRepository:
    """Roster files of one organisation on their way in."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(
        self, *, organisation_id: UUID, filename: str, table: dict[str, Any], options: dict[str, Any]
    ) -> UUID:
        """Keep a file that was read, and return its id."""
        import_id = new_id()
        self._session.execute(
            insert(RosterImport).values(
                id=import_id,
                organisation_id=organisation_id,
                filename=filename,
                table=table,
                options=options,
            )
        )
        return import_id

    def find(self, *, organisation_id: UUID, import_id: UUID, lock: bool = False) -> RosterImport | None:
        """Return a file, held for this transaction when asked, or None."""
        query = select(RosterImport).where(
            RosterImport.organisation_id == organisation_id, RosterImport.id == import_id
        )
        if lock:
            query = query.with_for_update()
        return self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def answer(self, *, organisation_id: UUID, import_id: UUID, options: dict[str, Any]) -> None:
        """Keep what was answered."""
        self._session.execute(
            update(RosterImport)
            .where(RosterImport.organisation_id == organisation_id, RosterImport.id == import_id)
            .values(options=options)
            .execution_options(synchronize_session=False)
        )

    def finish(
        self, *, organisation_id: UUID, import_id: UUID, change_id: UUID, report: list[dict[str, Any]]
    ) -> None:
        """Note what became of each row, and let the file go."""
        self._session.execute(
            update(RosterImport)
            .where(RosterImport.organisation_id == organisation_id, RosterImport.id == import_id)
            .values(table=None, options={}, report=report, change_id=change_id, imported_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def drop(self, *, organisation_id: UUID, import_id: UUID) -> None:
        """Remove a file and what is known of it."""
        self._session.execute(
            delete(RosterImport)
            .where(RosterImport.organisation_id == organisation_id, RosterImport.id == import_id)
            .execution_options(synchronize_session=False)
        )

    def drop_unfinished(self, *, organisation_id: UUID, older_than_s: float) -> int:
        """Remove files that nobody imported; return how many."""
        removed = self._session.scalars(
            delete(RosterImport)
            .where(
                RosterImport.organisation_id == organisation_id,
                RosterImport.table.is_not(None),
                RosterImport.created_at <= from_now(-older_than_s),
            )
            .returning(RosterImport.id)
            .execution_options(synchronize_session=False)
        )
        return len(removed.all())
