"""Announced recordings of one organisation."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, text, tuple_, update

from app.biomech.types import Movement, View
from app.db.engine import TenantSession
from app.db.models import Capture, Recording
from app.db.types import from_now
from app.domain.access import Principal
from app.domain.captures import CaptureState
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapture:
    """What is announced."""

    id: UUID
    organisation_id: UUID
    athlete_id: UUID | None
    movement: Movement
    view: View
    box_height_cm: float | None
    screened_on: date
    context: ScreeningContext
    trial_id: UUID | None
    trial_number: int | None
    filename: str
    size_bytes: int | None
    sha256: str | None
    client_ref: str | None
    upload_metadata: str | None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRecord:
    """A capture and where it is now, by the database's clock."""

    capture: Capture
    state: CaptureState


class CaptureRepository:
    """Announced recordings of one organisation."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(self, new: NewCapture, *, actor: Principal, expires_s: float) -> None:
        """Write down what is to come."""
        self._session.execute(
            insert(Capture).values(
                **{name: getattr(new, name) for name in NewCapture.__slots__},
                actor_user_id=actor.user_id,
                actor_api_key_id=actor.api_key_id,
                expires_at=from_now(expires_s),
            )
        )

    def find(self, *, organisation_id: UUID, capture_id: UUID, hold: bool = False) -> CaptureRecord | None:
        """Return a capture, held for this transaction when asked, or None."""
        query = select(Capture, _is_over()).where(
            Capture.organisation_id == organisation_id, Capture.id == capture_id
        )
        if hold:
            query = query.with_for_update()
        row = self._session.execute(query.execution_options(populate_existing=True)).one_or_none()
        return None if row is None else _record(row)

    def list_newest(
        self,
        *,
        organisation_id: UUID,
        client_ref: str | None,
        state: CaptureState | None,
        before: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[CaptureRecord]:
        """Return captures, newest first."""
        query = select(Capture, _is_over()).where(Capture.organisation_id == organisation_id)
        if client_ref is not None:
            query = query.where(Capture.client_ref == client_ref)
        if state is not None:
            query = query.where(_in_state(state))
        if before is not None:
            query = query.where(tuple_(Capture.created_at, Capture.id) < before)
        query = query.order_by(Capture.created_at.desc(), Capture.id.desc()).limit(limit)
        return [
            _record(row) for row in self._session.execute(query.execution_options(populate_existing=True))
        ]

    def hold_file(self, *, organisation_id: UUID, sha256: str) -> None:
        """Let one transaction at a time decide about this file of this organisation."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 2))"),
            {"name": f"{organisation_id}:{sha256}"},
        )

    def hold_reference(self, *, organisation_id: UUID, client_ref: str) -> None:
        """Let one transaction at a time decide about what a client calls so."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 3))"),
            {"name": f"{organisation_id}:{client_ref}"},
        )

    def find_same(
        self, *, organisation_id: UUID, sha256: str, athlete_id: UUID | None, movement: Movement
    ) -> CaptureRecord | None:
        """Return the latest capture of this file for this athlete and movement that still counts, or None."""
        row = self._session.execute(
            select(Capture, _is_over())
            .outerjoin(
                Recording,
                (Recording.organisation_id == Capture.organisation_id)
                & (Recording.id == Capture.recording_id),
            )
            .where(
                Capture.organisation_id == organisation_id,
                Capture.sha256 == sha256,
                Capture.athlete_id.is_not_distinct_from(athlete_id),
                Capture.movement == movement,
                _in_state(CaptureState.AWAITING_UPLOAD)
                | (
                    _in_state(CaptureState.RECEIVED)
                    & (Recording.state != RecordingState.PURGED)
                    & Recording.athlete_id.is_not_distinct_from(athlete_id)
                ),
            )
            .order_by(Capture.created_at.desc(), Capture.id.desc())
            .limit(1)
        ).one_or_none()
        return None if row is None else _record(row)

    def find_recording(
        self, *, organisation_id: UUID, sha256: str, athlete_id: UUID | None, movement: Movement
    ) -> UUID | None:
        """Return the latest recording of this file for this athlete and movement, unless it was erased."""
        return self._session.scalar(
            select(Recording.id)
            .where(
                Recording.organisation_id == organisation_id,
                Recording.sha256 == sha256,
                Recording.athlete_id.is_not_distinct_from(athlete_id),
                Recording.movement == movement,
                Recording.state != RecordingState.PURGED,
            )
            .order_by(Recording.created_at.desc(), Recording.id.desc())
            .limit(1)
        )

    def end(
        self,
        capture_id: UUID,
        *,
        outcome: CaptureState,
        recording_id: UUID | None = None,
        received_bytes: int = 0,
        problem: dict[str, Any] | None = None,
    ) -> None:
        """End a capture; one that has ended stays as it is."""
        self._session.execute(
            update(Capture)
            .where(self._session.own(Capture), Capture.id == capture_id, Capture.outcome.is_(None))
            .values(
                outcome=outcome,
                recording_id=recording_id,
                received_bytes=received_bytes,
                problem=problem,
                updated_at=func.now(),
            )
            .execution_options(synchronize_session=False)
        )

    def list_waiting(self, *, organisation_id: UUID) -> list[Capture]:
        """Return what has not ended and whose length is known, whether it ran out meanwhile or not."""
        query = select(Capture).where(
            Capture.organisation_id == organisation_id,
            Capture.outcome.is_(None),
            Capture.size_bytes.is_not(None),
        )
        return list(self._session.scalars(query.order_by(Capture.id)))

    def end_overdue(self, *, organisation_id: UUID) -> None:
        """End what is not waited for any more."""
        self._session.execute(
            update(Capture)
            .where(
                Capture.organisation_id == organisation_id,
                Capture.outcome.is_(None),
                Capture.expires_at <= func.now(),
            )
            .values(outcome=CaptureState.EXPIRED, updated_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def unfinished_of(self, *, organisation_id: UUID, athlete_id: UUID) -> list[UUID]:
        """Return which of an athlete's captures became no recording."""
        query = select(Capture.id).where(
            Capture.organisation_id == organisation_id,
            Capture.athlete_id == athlete_id,
            Capture.recording_id.is_(None),
        )
        return list(self._session.scalars(query))

    def forget(self, *, organisation_id: UUID, recording_id: UUID) -> None:
        """Remove what was told of a recording before it came: what the file was called, by whom and where from."""
        self._session.execute(
            delete(Capture)
            .where(Capture.organisation_id == organisation_id, Capture.recording_id == recording_id)
            .execution_options(synchronize_session=False)
        )

    def note_progress(self, capture_id: UUID, *, received_bytes: int, expires_s: float) -> datetime | None:
        """Note how much is safe, and put the end of waiting off; return it, None when nobody waits any more."""
        return self._session.scalar(
            update(Capture)
            .where(self._session.own(Capture), Capture.id == capture_id, Capture.outcome.is_(None))
            .values(received_bytes=received_bytes, expires_at=from_now(expires_s), updated_at=func.now())
            .returning(Capture.expires_at)
            .execution_options(synchronize_session=False)
        )

    def give(self, *, organisation_id: UUID, from_id: UUID, to_id: UUID) -> None:
        """Let what was announced for one record of a person come to the other."""
        self._session.execute(
            update(Capture)
            .where(Capture.organisation_id == organisation_id, Capture.athlete_id == from_id)
            .values(athlete_id=to_id)
            .execution_options(synchronize_session=False)
        )


def _is_over() -> ColumnElement[bool]:
    return (Capture.expires_at <= func.now()).label("is_over")


def _in_state(state: CaptureState) -> ColumnElement[bool]:
    if state is CaptureState.AWAITING_UPLOAD:
        return Capture.outcome.is_(None) & (Capture.expires_at > func.now())
    if state is CaptureState.EXPIRED:
        return (Capture.outcome == state) | (Capture.outcome.is_(None) & (Capture.expires_at <= func.now()))
    return Capture.outcome == state


def _record(row: Any) -> CaptureRecord:
    open_state = CaptureState.EXPIRED if row.is_over else CaptureState.AWAITING_UPLOAD
    return CaptureRecord(capture=row.Capture, state=row.Capture.outcome or open_state)
