"""Phones at the stations of screening days: the codes that let them in, and who is there."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from app.db.models import DayStation, ScreeningDay, StationPass
from app.db.types import from_now, new_id
from app.domain.access import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRecord:
    """A station and its day."""

    station: DayStation
    day: ScreeningDay


class StationRepository:
    """Phones at the stations of screening days."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def find(self, *, organisation_id: UUID, station_id: UUID) -> StationRecord | None:
        """Return a station and its day, or None."""
        row = self._session.execute(
            select(DayStation, ScreeningDay)
            .join(
                ScreeningDay,
                (ScreeningDay.organisation_id == DayStation.organisation_id)
                & (ScreeningDay.id == DayStation.day_id),
            )
            .where(DayStation.organisation_id == organisation_id, DayStation.id == station_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
        return None if row is None else StationRecord(station=row[0], day=row[1])

    def add_pass(
        self, *, actor: Principal, station_id: UUID, code_sha256: bytes, lifetime_s: float
    ) -> StationPass:
        """Insert a code that opens once."""
        return self._session.scalars(
            insert(StationPass)
            .values(
                id=new_id(),
                organisation_id=actor.organisation_id,
                station_id=station_id,
                code_sha256=code_sha256,
                code_expires_at=from_now(lifetime_s),
                created_by=actor.user_id,
            )
            .returning(StationPass)
        ).one()

    def open_pass(
        self, *, code_sha256: bytes, token_sha256: bytes, user_agent: str, lifetime_s: float
    ) -> StationPass | None:
        """Spend a code and begin the stay it opens, in one step: of two who try, one gets in. None: it opens nothing."""
        return self._session.scalars(
            update(StationPass)
            .where(
                StationPass.code_sha256 == code_sha256,
                StationPass.opened_at.is_(None),
                StationPass.revoked_at.is_(None),
                StationPass.code_expires_at > func.now(),
            )
            .values(
                opened_at=func.now(),
                last_seen_at=func.now(),
                token_sha256=token_sha256,
                user_agent=user_agent,
                expires_at=from_now(lifetime_s),
            )
            .returning(StationPass)
        ).one_or_none()

    def find_stay(self, *, token_sha256: bytes) -> StationPass | None:
        """Return the pass of a phone that may be at its station now, or None."""
        return self._session.scalars(
            select(StationPass).where(StationPass.token_sha256 == token_sha256, *_staying())
        ).one_or_none()

    def note_seen(self, pass_id: UUID) -> None:
        """Remember that a phone was heard of; once a minute is enough."""
        self._session.execute(
            update(StationPass)
            .where(StationPass.id == pass_id, StationPass.last_seen_at < from_now(-60.0))
            .values(last_seen_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def list_passes(self, *, organisation_id: UUID, station_ids: Collection[UUID]) -> list[StationPass]:
        """Return the phones that are at these stations, and the codes that still open, newest first."""
        waiting = StationPass.opened_at.is_(None) & (StationPass.code_expires_at > func.now())
        staying = StationPass.opened_at.is_not(None) & (StationPass.expires_at > func.now())
        return list(
            self._session.scalars(
                select(StationPass)
                .where(
                    StationPass.organisation_id == organisation_id,
                    StationPass.station_id.in_(station_ids),
                    StationPass.revoked_at.is_(None),
                    waiting | staying,
                )
                .order_by(StationPass.id.desc())
                .execution_options(populate_existing=True)
            )
        )

    def revoke(
        self, *, organisation_id: UUID, station_ids: Collection[UUID], pass_id: UUID | None = None
    ) -> int:
        """End one pass of these stations, or all of them; return how many ended."""
        query = (
            update(StationPass)
            .where(
                StationPass.organisation_id == organisation_id,
                StationPass.station_id.in_(station_ids),
                StationPass.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
            .returning(StationPass.id)
            .execution_options(synchronize_session=False)
        )
        if pass_id is not None:
            query = query.where(StationPass.id == pass_id)
        return len(self._session.scalars(query).all())


def _staying() -> tuple[ColumnElement[bool], ...]:
    return (StationPass.revoked_at.is_(None), StationPass.expires_at > func.now())
