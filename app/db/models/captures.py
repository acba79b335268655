"""Recordings that were announced and whose file is still to come, or has become a recording."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.types import Movement, View
from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.captures import CaptureState
from app.domain.screenings import ScreeningContext


class Capture(TenantMixin, Base):
    """What is known of a video before its file is here. The recording it becomes carries the same id."""

    __tablename__ = "capture"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        tenant_reference("athlete_id", "athlete"),
        tenant_reference("recording_id", "recording"),
        CheckConstraint("size_bytes > 0", name="size_positive"),
        CheckConstraint(
            "received_bytes >= 0 AND (size_bytes IS NULL OR received_bytes <= size_bytes)", name="received_within"
        ),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint(
            "(outcome IS NOT DISTINCT FROM 'received') = (recording_id IS NOT NULL)", name="received_is_recording"
        ),
        Index("ix_capture_newest", "organisation_id", text("created_at DESC"), text("id DESC")),
        Index(None, "organisation_id", "client_ref"),
        Index(None, "organisation_id", "sha256"),
        Index(None, "organisation_id", "athlete_id"),
        Index(None, "organisation_id", "recording_id"),
        Index("ix_capture_open", "organisation_id", "expires_at", postgresql_where=text("outcome IS NULL")),
    )  # fmt: skip

    id: Mapped[IdKey]
    athlete_id: Mapped[UUID | None]
    """None: the recording will wait in the inbox."""
    movement: Mapped[Movement] = mapped_column(stored_as_text(Movement))
    view: Mapped[View] = mapped_column(stored_as_text(View))
    box_height_cm: Mapped[float | None]
    screened_on: Mapped[date]
    captured_at: Mapped[Instant | None]
    context: Mapped[ScreeningContext] = mapped_column(stored_as_text(ScreeningContext))
    trial_id: Mapped[UUID | None]
    """The trial that was named; looked for again when the file is here."""
    trial_number: Mapped[int | None] = mapped_column(SmallInteger)
    filename: Mapped[LongText]
    """As the user named it; for display only."""
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """As announced; None until known."""
    sha256: Mapped[str | None] = mapped_column(String(64))
    """As announced: the file that comes has to have it."""
    client_ref: Mapped[LongText | None]
    """What the client calls it; nothing is made of it."""
    upload_metadata: Mapped[LongText | None]
    """As a tus client sent it, to be told back."""
    received_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """So many bytes of the file lie safe on disk."""
    outcome: Mapped[CaptureState | None] = mapped_column(stored_as_text(CaptureState))
    """How it ended; None while the file may come."""
    recording_id: Mapped[UUID | None]
    """What it became: of the same id, or an earlier recording of the same file."""
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Why it was refused: code, message and what to do."""
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    """Who announced it."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
