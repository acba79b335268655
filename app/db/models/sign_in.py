"""What happens at the door: what an organisation asks for, and sign-ins that are not finished."""

from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.access import Role
from app.domain.sign_in import StepKind


class SignInPolicy(TenantMixin, Base):
    """Who needs a second factor in an organisation; without a row, nobody does."""

    __tablename__ = "sign_in_policy"
    __table_args__ = (belongs_to_organisation(),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    second_factor_roles: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    second_factor_from: Mapped[Instant]
    """Until then whoever has none is reminded; from then on they can do nothing but set one up."""


class Passkey(Base):
    """A key pair whose private half lives in a person's device."""

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("credential_id"), Index(None, "user_id"))

    id: Mapped[IdKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    """What the device calls it."""
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """In COSE form."""
    sign_count: Mapped[int] = mapped_column(BigInteger)
    """How often the device says it was used; one that goes back was copied. 0 for ever where devices do not count."""
    name: Mapped[LongText]
    is_synced: Mapped[bool]
    """The device keeps a copy elsewhere, so that it is not lost with the device."""
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[Instant | None]


class SignInStep(Base):
    """A sign-in, or the making of a passkey, that waits for its next step. Used once; only the token's SHA-256 is kept."""

    __tablename__ = "sign_in_step"
    __table_args__ = (UniqueConstraint("token_sha256"), Index(None, "user_id"), Index(None, "expires_at"))

    id: Mapped[IdKey]
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[StepKind] = mapped_column(stored_as_text(StepKind))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    """Who it is about, where that is known already."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the next step has to know."""
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]


class IdentityProvider(TenantMixin, Base):
    """An organisation's own identity provider, spoken to by OpenID Connect."""

    __tablename__ = "identity_provider"
    __table_args__ = (belongs_to_organisation(),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[LongText]
    """As its people know it."""
    issuer: Mapped[LongText]
    client_id: Mapped[LongText]
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_domains: Mapped[list[str]] = mapped_column(ARRAY(String(253)))
    """Addresses it may vouch for, in lower case."""
    default_role: Mapped[Role | None] = mapped_column(stored_as_text(Role))
    """What somebody becomes whom nobody invited; None: then they are not let in."""
    is_enabled: Mapped[bool]
    updated_at: Mapped[CreatedAt]


class ProviderLink(TenantMixin, Base):
    """Who somebody at an organisation's identity provider is here."""

    __tablename__ = "provider_link"
    __table_args__ = (belongs_to_organisation(), Index(None, "user_id"))

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    issuer: Mapped[LongText] = mapped_column(primary_key=True)
    subject: Mapped[LongText] = mapped_column(primary_key=True)
    """What the provider calls them; an address may pass to somebody else, this does not."""
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
