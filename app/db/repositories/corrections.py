"""Corrections of one organisation's recordings: added, undone by a row of their own, never changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, aliased

from app.biomech.corrections import CorrectionKind
from app.db.models import (
    Analysis,
    AnalysisCorrection,
    ApiKey,
    Correction,
    CorrectionUndo,
    UserAccount,
)
from app.domain.access import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCorrection:
    """A correction to be recorded."""

    id: UUID
    recording_id: UUID
    analysis_id: UUID
    pick_id: UUID | None
    kind: CorrectionKind
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str | None
    idempotency_key: str | None
    request_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something, and the name to show for them."""

    user_id: UUID | None
    api_key_id: UUID | None
    name: str | None
    """None when the account is no longer there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCorrection:
    """A correction as it was recorded, and whether it was undone."""

    id: UUID
    recording_id: UUID
    analysis_id: UUID
    pick_id: UUID | None
    position: int
    kind: CorrectionKind
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str | None
    model_sha256: str
    """Of the pose model whose track was looked at."""
    request_sha256: str | None
    by: Actor
    created_at: datetime
    undone_at: datetime | None
    undone_by: Actor | None


class CorrectionRepository:
    """Corrections of one organisation's recordings."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(self, new: NewCorrection, *, actor: Principal) -> None:
        """Insert a correction behind those the recording has; the caller holds the recording."""
        last = self._session.scalar(
            select(func.max(Correction.position)).where(
                Correction.organisation_id == actor.organisation_id,
                Correction.recording_id == new.recording_id,
            )
        )
        values = {name: getattr(new, name) for name in NewCorrection.__slots__}
        self._session.execute(
            insert(Correction).values(
                **values, organisation_id=actor.organisation_id, position=(last or 0) + 1, **_by(actor)
            )
        )

    def add_undo(self, correction_id: UUID, *, actor: Principal) -> None:
        """Take a correction back; the caller has seen that it stands."""
        self._session.execute(
            insert(CorrectionUndo).values(
                organisation_id=actor.organisation_id, correction_id=correction_id, **_by(actor)
            )
        )

    def link(self, *, organisation_id: UUID, analysis_id: UUID, correction_ids: list[UUID]) -> None:
        """Note which corrections an analysis holds, in order."""
        rows = [
            {
                "organisation_id": organisation_id,
                "analysis_id": analysis_id,
                "correction_id": correction_id,
                "position": position,
            }
            for position, correction_id in enumerate(correction_ids)
        ]
        if rows:
            self._session.execute(insert(AnalysisCorrection), rows)

    def of_recording(self, *, organisation_id: UUID, recording_id: UUID) -> list[StoredCorrection]:
        """Return every correction of a recording in order, those that were undone included."""
        return self._find(
            Correction.organisation_id == organisation_id, Correction.recording_id == recording_id
        )

    def find_by_key(self, *, organisation_id: UUID, idempotency_key: str) -> StoredCorrection | None:
        """Return the correction that was made with this key, or None."""
        found = self._find(
            Correction.organisation_id == organisation_id, Correction.idempotency_key == idempotency_key
        )
        return found[0] if found else None

    def held_by(self, *, organisation_id: UUID, analysis_id: UUID) -> list[UUID]:
        """Return the corrections that an analysis holds, in order."""
        return [
            *self._session.scalars(
                select(AnalysisCorrection.correction_id)
                .where(
                    AnalysisCorrection.organisation_id == organisation_id,
                    AnalysisCorrection.analysis_id == analysis_id,
                )
                .order_by(AnalysisCorrection.position)
            )
        ]

    def _find(self, *conditions: Any) -> list[StoredCorrection]:
        maker, undoer = aliased(UserAccount), aliased(UserAccount)
        maker_key, undoer_key = aliased(ApiKey), aliased(ApiKey)
        query = (
            select(
                Correction,
                CorrectionUndo,
                Analysis.model_sha256,
                func.coalesce(maker.display_name, maker_key.name).label("made_by"),
                func.coalesce(undoer.display_name, undoer_key.name).label("undone_by"),
            )
            .join(
                Analysis,
                (Analysis.organisation_id == Correction.organisation_id)
                & (Analysis.id == Correction.analysis_id),
            )
            .outerjoin(
                CorrectionUndo,
                (CorrectionUndo.organisation_id == Correction.organisation_id)
                & (CorrectionUndo.correction_id == Correction.id),
            )
            .outerjoin(maker, maker.id == Correction.actor_user_id)
            .outerjoin(maker_key, maker_key.id == Correction.actor_api_key_id)
            .outerjoin(undoer, undoer.id == CorrectionUndo.actor_user_id)
            .outerjoin(undoer_key, undoer_key.id == CorrectionUndo.actor_api_key_id)
            .where(*conditions)
            .order_by(Correction.position)
        )
        return [_stored(row) for row in self._session.execute(query)]


def _by(actor: Principal) -> dict[str, UUID | None]:
    return {"actor_user_id": actor.user_id, "actor_api_key_id": actor.api_key_id}


def _stored(row: Any) -> StoredCorrection:
    made, undo = row.Correction, row.CorrectionUndo
    return StoredCorrection(
        **{
            name: getattr(made, name)
            for name in ("id", "recording_id", "analysis_id", "pick_id", "position", "kind")
        },
        before=made.before,
        after=made.after,
        reason=made.reason,
        model_sha256=row.model_sha256,
        request_sha256=made.request_sha256,
        by=Actor(user_id=made.actor_user_id, api_key_id=made.actor_api_key_id, name=row.made_by),
        created_at=made.created_at,
        undone_at=None if undo is None else undo.created_at,
        undone_by=None
        if undo is None
        else Actor(user_id=undo.actor_user_id, api_key_id=undo.actor_api_key_id, name=row.undone_by),
    )
