"""Organisations, and who may sign in to them."""

from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.access import Role, SignInMethod


class Organisation(Base):
    """The tenant: a club, school or clinic."""

    __tablename__ = "organisation"

    id: Mapped[IdKey]
    name: Mapped[LongText]
    created_at: Mapped[CreatedAt]


class UserAccount(Base):
    """A person who can sign in; may belong to several organisations."""

    __tablename__ = "user_account"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )

    id: Mapped[IdKey]
    email: Mapped[LongText]
    """In lower case."""
    display_name: Mapped[LongText]
    password_hash: Mapped[LongText]
    """argon2id, with its own salt and cost."""
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Secret of an authenticator app, sealed; not in use before `totp_since` is set."""
    totp_since: Mapped[Instant | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The half minute since 1970 whose code was used last: neither it nor an earlier one opens again."""
    recovery_sha256: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=text("'{}'"))
    """Codes that stand in for a second factor that is lost, once each; 75 random bits, so SHA-256 is enough."""
    disabled_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]


class Membership(TenantMixin, Base):
    """What a user is in an organisation."""

    __tablename__ = "membership"
    __table_args__ = (belongs_to_organisation(), Index(None, "user_id"))

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(stored_as_text(Role))
    is_limited: Mapped[bool] = mapped_column(server_default=false())
    """Sees only the teams (or linked athletes) that `team_limit` (`athlete_link`) names."""
    created_at: Mapped[CreatedAt]


class LoginSession(TenantMixin, Base):
    """One signed-in browser. Only the token's SHA-256 is kept."""

    __tablename__ = "login_session"
    __table_args__ = (belongs_to_organisation(), UniqueConstraint("token_sha256"), Index(None, "user_id"))

    id: Mapped[IdKey]
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    user_agent: Mapped[LongText]
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    """The absolute end, however much it is used."""
    revoked_at: Mapped[Instant | None]
    confirmed_at: Mapped[Instant | None]
    """When the person last proved who they are; changes of security need that to be lately."""
    method: Mapped[SignInMethod] = mapped_column(
        stored_as_text(SignInMethod), server_default=text("'password'")
    )
    has_second_factor: Mapped[bool] = mapped_column(server_default=false())
    """The sign-in took more than a password."""


class ApiKey(TenantMixin, Base):
    """A key for machines, ``pl_live_<public_id>_<secret>``. Only the secret's SHA-256 is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        belongs_to_organisation(),
        UniqueConstraint("public_id"),
        tenant_key(),
        Index(None, "organisation_id", "id"),
    )

    id: Mapped[IdKey]
    name: Mapped[LongText]
    public_id: Mapped[str] = mapped_column(String(32))
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    is_limited: Mapped[bool] = mapped_column(server_default=false())
    """Sees only the teams that `team_limit` names."""
    previous_secret_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The secret before a rotation; it holds beside the new one until `previous_until`."""
    previous_until: Mapped[Instant | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant | None]
    last_used_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]


class AccessToken(TenantMixin, Base):
    """A short-lived token made with an API key. Only its SHA-256 is kept."""

    __tablename__ = "access_token"
    __table_args__ = (
        tenant_reference("api_key_id", "api_key"),
        UniqueConstraint("token_sha256"),
        Index(None, "api_key_id", "expires_at"),
    )

    id: Mapped[IdKey]
    api_key_id: Mapped[UUID]
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
