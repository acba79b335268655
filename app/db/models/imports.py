"""Roster files on their way in."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key
from app.db.types import CreatedAt, IdKey, Instant, LongText


class RosterImport(TenantMixin, Base):
    """A file that was sent, the answers about it, and once it is imported what became of each row."""

    __tablename__ = "roster_import"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        Index(None, "organisation_id", "created_at"),
    )

    id: Mapped[IdKey]
    filename: Mapped[LongText]
    table: Mapped[dict[str, Any] | None] = mapped_column("content", JSONB(none_as_null=True))
    """The file as text; None once it is imported, so that nobody stands in two places."""
    options: Mapped[dict[str, Any]] = mapped_column(JSONB(none_as_null=True))
    report: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    """Row numbers, outcomes and reasons; nothing of a person."""
    change_id: Mapped[UUID | None]
    """The act that can be undone."""
    created_at: Mapped[CreatedAt]
    imported_at: Mapped[Instant | None]
