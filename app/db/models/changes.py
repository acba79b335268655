"""Acts on the roster that can be undone: what was before, and what it became."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, stored_as_text
from app.domain.changes import ChangeKind


class RosterChange(TenantMixin, Base):
    """One act: an import, a merge, a move."""

    __tablename__ = "roster_change"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        Index(None, "organisation_id", "created_at", "id"),
    )

    id: Mapped[IdKey]
    kind: Mapped[ChangeKind] = mapped_column(stored_as_text(ChangeKind))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB(none_as_null=True))
    """Counts and ids; nothing of a person."""
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    undone_at: Mapped[Instant | None]


class RosterChangeItem(TenantMixin, Base):
    """One athlete's part in it; goes with the athlete."""

    __tablename__ = "roster_change_item"
    __table_args__ = (
        tenant_reference("change_id", "roster_change"),
        Index(None, "organisation_id", "change_id", "id"),
        Index(None, "organisation_id", "athlete_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    change_id: Mapped[UUID]
    athlete_id: Mapped[UUID]
    """No reference: the act may have made the athlete, or ended the record."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """None: there was no such athlete."""
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
