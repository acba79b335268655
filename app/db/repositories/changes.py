"""Acts on the roster of one organisation that can be undone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.db.models import RosterChange, RosterChangeItem
from app.db.types import from_now, new_id
from app.domain.access import Principal
from app.domain.changes import ChangeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeItem:
    """One athlete's part in an act: the record before and after, as plain values."""

    athlete_id: UUID
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ChangeRepository:
    """Acts on the roster of one organisation that can be undone."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(
        self, *, actor: Principal, kind: ChangeKind, detail: dict[str, Any], items: Iterable[ChangeItem]
    ) -> UUID:
        """Write an act down and return its id."""
        change_id, organisation_id = new_id(), actor.organisation_id
        self._session.execute(
            insert(RosterChange).values(
                id=change_id,
                organisation_id=organisation_id,
                kind=kind,
                detail=detail,
                actor_user_id=actor.user_id,
                actor_api_key_id=actor.api_key_id,
            )
        )
        rows = [
            {"organisation_id": organisation_id, "change_id": change_id, "athlete_id": item.athlete_id,
             "before": item.before, "after": item.after}
            for item in items
        ]  # fmt: skip
        if rows:
            self._session.connection().execute(insert(RosterChangeItem), rows)
        return change_id

    def find(self, *, organisation_id: UUID, change_id: UUID, lock: bool = False) -> RosterChange | None:
        """Return an act, held for this transaction when asked, or None."""
        query = select(RosterChange).where(
            RosterChange.organisation_id == organisation_id, RosterChange.id == change_id
        )
        if lock:
            query = query.with_for_update()
        return self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def items(self, *, organisation_id: UUID, change_id: UUID) -> list[ChangeItem]:
        """Return each athlete's part in an act, in order."""
        query = (
            select(RosterChangeItem)
            .where(
                RosterChangeItem.organisation_id == organisation_id, RosterChangeItem.change_id == change_id
            )
            .order_by(RosterChangeItem.id)
        )
        return [
            ChangeItem(athlete_id=row.athlete_id, before=row.before, after=row.after)
            for row in self._session.scalars(query)
        ]

    def athlete_ids(self, *, organisation_id: UUID, change_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
        """Return whom each act concerns."""
        query = select(RosterChangeItem.change_id, RosterChangeItem.athlete_id).where(
            RosterChangeItem.organisation_id == organisation_id,
            RosterChangeItem.change_id.in_(list(change_ids)),
        )
        found: dict[UUID, list[UUID]] = {}
        for row in self._session.execute(query.order_by(RosterChangeItem.id)):
            found.setdefault(row.change_id, []).append(row.athlete_id)
        return found

    def list_newest(
        self, *, organisation_id: UUID, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[RosterChange]:
        """Return acts, newest first."""
        query = select(RosterChange).where(RosterChange.organisation_id == organisation_id)
        if before is not None:
            query = query.where(tuple_(RosterChange.created_at, RosterChange.id) < before)
        return [
            *self._session.scalars(
                query.order_by(RosterChange.created_at.desc(), RosterChange.id.desc()).limit(limit)
            )
        ]

    def mark_undone(self, *, organisation_id: UUID, change_id: UUID, detail: dict[str, Any]) -> None:
        """Note that an act was undone."""
        self._session.execute(
            update(RosterChange)
            .where(RosterChange.organisation_id == organisation_id, RosterChange.id == change_id)
            .values(undone_at=func.now(), detail=detail)
            .execution_options(synchronize_session=False)
        )

    def drop_old(self, *, organisation_id: UUID, older_than_s: float) -> int:
        """Remove acts that can no longer be undone; return how many."""
        removed = self._session.scalars(
            delete(RosterChange)
            .where(
                RosterChange.organisation_id == organisation_id,
                RosterChange.created_at < from_now(-older_than_s),
            )
            .returning(RosterChange.id)
            .execution_options(synchronize_session=False)
        )
        return len(removed.all())

    def forget_athlete(self, *, organisation_id: UUID, athlete_id: UUID) -> None:
        """Remove an athlete's part from every act; acts other than imports lose their meaning with it and go whole."""
        mine = select(RosterChangeItem.change_id).where(
            RosterChangeItem.organisation_id == organisation_id, RosterChangeItem.athlete_id == athlete_id
        )
        self._session.execute(
            delete(RosterChange)
            .where(
                RosterChange.organisation_id == organisation_id,
                RosterChange.kind != ChangeKind.IMPORT,
                RosterChange.id.in_(mine),
            )
            .execution_options(synchronize_session=False)
        )
        self._session.execute(
            delete(RosterChangeItem)
            .where(
                RosterChangeItem.organisation_id == organisation_id, RosterChangeItem.athlete_id == athlete_id
            )
            .execution_options(synchronize_session=False)
        )
