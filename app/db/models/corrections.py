"""What people put right in analyses, and what they undid. Rows are added, never changed."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.corrections import CorrectionKind
from app.db.base import Base, TenantMixin, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, LongText, stored_as_text


class Correction(TenantMixin, Base):
    """One thing that a person put right in a recording: who, when, why, what was there, what is there now."""

    __tablename__ = "correction"
    __table_args__ = (
        tenant_key(),
        tenant_reference("recording_id", "recording"),
        tenant_reference("analysis_id", "analysis"),
        UniqueConstraint("organisation_id", "recording_id", "position"),
        UniqueConstraint("organisation_id", "idempotency_key"),
    )

    id: Mapped[IdKey]
    recording_id: Mapped[UUID]
    analysis_id: Mapped[UUID]
    """The analysis that was looked at."""
    pick_id: Mapped[UUID | None]
    """The correction by which the athlete had been picked then; it is about that person's track, and no other."""
    position: Mapped[int]
    """Order within the recording, from 1."""
    kind: Mapped[CorrectionKind] = mapped_column(stored_as_text(CorrectionKind))
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What the analysis had, in the fields of the kind; empty where there was nothing."""
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The correction's own fields."""
    reason: Mapped[LongText | None]
    """In the words of whoever corrected."""
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Of the request that used the key."""
    created_at: Mapped[CreatedAt]


class CorrectionUndo(TenantMixin, Base):
    """A correction was taken back. It stays on record; undone once, it stays undone."""

    __tablename__ = "correction_undo"
    __table_args__ = (tenant_reference("correction_id", "correction"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    correction_id: Mapped[UUID] = mapped_column(primary_key=True)
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]


class AnalysisCorrection(TenantMixin, Base):
    """A correction that an analysis holds."""

    __tablename__ = "analysis_correction"
    __table_args__ = (
        tenant_reference("analysis_id", "analysis"),
        tenant_reference("correction_id", "correction"),
        Index(None, "organisation_id", "correction_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    correction_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger)
    """Order in which they were applied, from 0."""
