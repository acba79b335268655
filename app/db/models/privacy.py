"""An organisation's rules about privacy, what people decided, and what was erased."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.consent import AgeBand, ConsentRule, ConsentSource, Purpose, Relation


class PrivacySettings(TenantMixin, Base):
    """One organisation's rules; without a row, those of `PrivacyRules` hold."""

    __tablename__ = "privacy_settings"
    __table_args__ = (
        belongs_to_organisation(),
        CheckConstraint("consent_age BETWEEN 0 AND 21", name="consent_age"),
        CheckConstraint(
            "waiting_days >= 0 AND keep_original_days >= 0 AND keep_pictures_days >= 0 AND keep_measures_days >= 0",
            name="days_not_negative",
        ),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    consent_rule: Mapped[ConsentRule] = mapped_column(stored_as_text(ConsentRule))
    consent_age: Mapped[int] = mapped_column(SmallInteger)
    unknown_age_is_minor: Mapped[bool]
    waiting_days: Mapped[int]
    consent_text: Mapped[LongText | None]
    consent_text_version: Mapped[str] = mapped_column(String(64))
    keep_original_days: Mapped[int | None]
    keep_pictures_days: Mapped[int | None]
    keep_measures_days: Mapped[int | None]
    numbers_only: Mapped[bool] = mapped_column(server_default=false())
    blur_faces: Mapped[bool] = mapped_column(server_default=false())
    drop_original_after_blur: Mapped[bool] = mapped_column(server_default=false())
    updated_at: Mapped[CreatedAt]


class ConsentText(TenantMixin, Base):
    """A text that was agreed to, word for word."""

    __tablename__ = "consent_text"
    __table_args__ = (belongs_to_organisation(),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[LongText]
    created_at: Mapped[CreatedAt]


class ConsentDecision(TenantMixin, Base):
    """What somebody decided about one purpose; written once, replaced by a later one, gone with the athlete."""

    __tablename__ = "consent_decision"
    __table_args__ = (
        tenant_reference("athlete_id", "athlete"),
        Index(None, "organisation_id", "athlete_id", "id"),
    )

    id: Mapped[IdKey]
    athlete_id: Mapped[UUID]
    purpose: Mapped[Purpose] = mapped_column(stored_as_text(Purpose))
    granted: Mapped[bool]
    given_by: Mapped[LongText]
    """Name of who decided."""
    relation: Mapped[Relation] = mapped_column(stored_as_text(Relation))
    age_band: Mapped[AgeBand] = mapped_column(stored_as_text(AgeBand))
    text_version: Mapped[str] = mapped_column(String(64))
    source: Mapped[ConsentSource] = mapped_column(stored_as_text(ConsentSource))
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    """Who entered it; both None for a link."""
    created_at: Mapped[CreatedAt]


class GuardianLink(TenantMixin, Base):
    """A link by which somebody decides for an athlete, once. Only the token's SHA-256 is kept."""

    __tablename__ = "guardian_link"
    __table_args__ = (
        tenant_reference("athlete_id", "athlete"),
        UniqueConstraint("token_sha256"),
        Index(None, "organisation_id", "athlete_id"),
    )

    id: Mapped[IdKey]
    athlete_id: Mapped[UUID]
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]


class Erasure(TenantMixin, Base):
    """An athlete, or one recording, to be forgotten; afterwards the receipt. Nothing of the person stands in it."""

    __tablename__ = "erasure"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        Index(None, "organisation_id", "created_at", "id"),
        Index("ix_erasure_pending", "organisation_id", postgresql_where=text("completed_at IS NULL")),
    )

    id: Mapped[IdKey]
    athlete_id: Mapped[UUID]
    reason: Mapped[LongText]
    """A stable code."""
    recording_ids: Mapped[list[str]] = mapped_column(JSONB)
    """Whose files have to go; known before anything is removed, so that it can be done again."""
    capture_ids: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Uploads that became no recording, of which something may lie somewhere; known once the rows are gone."""
    forgotten_at: Mapped[Instant | None]
    """When the rows went: from then on nothing tells of the person."""
    receipt: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Counts of what was removed."""
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    completed_at: Mapped[Instant | None]
