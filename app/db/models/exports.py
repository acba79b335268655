"""Exports made in the background. The row is the job."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, SmallInteger, String, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY as PG_ARRAY
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.access import Role
from app.domain.exports import ENDED, OPEN, ExportFormat, ExportState

_OPEN = ", ".join(f"'{state.value}'" for state in sorted(OPEN))
_ENDED = ", ".join(f"'{state.value}'" for state in sorted(ENDED))


class ExportJob(TenantMixin, Base):
    """One file that somebody asked for, with who they were: it holds what they might see, no more."""

    __tablename__ = "export_job"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        Index("ix_export_job_open", "sent_at", postgresql_where=text(f"state IN ({_OPEN})")),
        Index(
            "ix_export_job_leftover",
            "organisation_id",
            postgresql_where=text(f"blob_key IS NOT NULL AND state IN ({_ENDED})"),
        ),
        Index("ix_export_job_ready", "expires_at", postgresql_where=text("state = 'ready'")),
    )

    id: Mapped[IdKey]
    format: Mapped[ExportFormat] = mapped_column(stored_as_text(ExportFormat))
    wanted: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The filter, as it is read back."""
    state: Mapped[ExportState] = mapped_column(stored_as_text(ExportState))
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Attempts begun, counted before each."""
    n_analyses: Mapped[int | None]
    """About how many there are to write; None before it is known."""
    n_done: Mapped[int] = mapped_column(server_default=text("0"))
    n_rows: Mapped[int | None] = mapped_column(BigInteger)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    blob_key: Mapped[LongText | None]
    """None once the file is gone."""
    holds_athletes: Mapped[list[UUID] | None] = mapped_column(PG_ARRAY(Uuid()))
    """Whoever is in the file; their erasure takes it with them."""
    holds_recordings: Mapped[list[UUID] | None] = mapped_column(PG_ARRAY(Uuid()))
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[Instant | None]
    sent_at: Mapped[Instant | None]
    role: Mapped[Role] = mapped_column(stored_as_text(Role))
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(String(32)))
    limited_to: Mapped[UUID | None]
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    finished_at: Mapped[Instant | None]
    expires_at: Mapped[Instant | None]
