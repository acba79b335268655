"""Links that open a door once: invitations and password resets. Only a token's SHA-256 is kept."""

from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.access import Role


class Invitation(TenantMixin, Base):
    """Somebody who may become a member."""

    __tablename__ = "invitation"
    __table_args__ = (
        belongs_to_organisation(),
        UniqueConstraint("token_sha256"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        Index(None, "organisation_id", "id"),
    )

    id: Mapped[IdKey]
    email: Mapped[LongText]
    role: Mapped[Role] = mapped_column(stored_as_text(Role))
    is_limited: Mapped[bool]
    """Only the teams, or for an athlete's login the athletes, named here."""
    team_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    athlete_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
    accepted_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]


class PasswordReset(TenantMixin, Base):
    """A user's way to a new password."""

    __tablename__ = "password_reset"
    __table_args__ = (belongs_to_organisation(), UniqueConstraint("token_sha256"), Index(None, "user_id"))

    id: Mapped[IdKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]
