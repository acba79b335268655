"""Who did what to what: written once, linked to the record before, never changed."""

from uuid import UUID

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation
from app.db.types import Instant, LongText, stored_as_text
from app.domain.audit import ActorKind


class AuditEntry(TenantMixin, Base):
    """One act. `sequence`, `created_at` and the hashes are set by the database (trigger `audit_link`).

    No reference to users, keys or athletes: a record outlives them all, and holds nothing of them but ids.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        belongs_to_organisation(),
        Index(None, "organisation_id", "object_id", "act", "sequence"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    created_at: Mapped[Instant]
    act: Mapped[str] = mapped_column(String(64))
    actor_kind: Mapped[ActorKind] = mapped_column(stored_as_text(ActorKind))
    actor_id: Mapped[UUID | None]
    object_id: Mapped[UUID | None]
    detail: Mapped[LongText]
    """JSON text, kept exactly as it was hashed."""
    address: Mapped[LongText]
    user_agent_sha256: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
