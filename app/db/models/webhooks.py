"""Endpoints of other systems, what they are to be told, and what became of telling them."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.webhooks import DeliveryState, DisabledReason, PostFailure, WebhookEvent


class WebhookEndpoint(TenantMixin, Base):
    """An address to which messages are sent. Its secret is not kept: it follows from the salt and our own key."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (belongs_to_organisation(), tenant_key(), Index(None, "organisation_id"))

    id: Mapped[IdKey]
    url: Mapped[LongText]
    description: Mapped[LongText]
    events: Mapped[list[str] | None] = mapped_column(ARRAY(String(32)))
    """None: all there are, those to come included."""
    is_limited: Mapped[bool] = mapped_column(server_default=false())
    """Is told only of athletes in the teams that `team_limit` names for it."""
    enabled: Mapped[bool] = mapped_column(server_default=true())
    disabled_reason: Mapped[DisabledReason | None] = mapped_column(stored_as_text(DisabledReason))
    disabled_at: Mapped[Instant | None]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the secret as it was shown: tells when it does not follow from the salt any more."""
    previous_salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[Instant | None]
    n_failures: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """In a row, of the kind that holds for every message."""
    failing_since: Mapped[Instant | None]
    not_before: Mapped[Instant | None]
    """Nothing is sent there before."""
    last_delivered_at: Mapped[Instant | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_by: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class WebhookMessage(TenantMixin, Base):
    """Something that happened, written in the transaction in which it did. Ids alone; the athlete may be gone."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        Index(None, "organisation_id", "created_at"),
        Index(
            "ix_webhook_message_waiting", "organisation_id", postgresql_where=text("handed_out_at IS NULL")
        ),
    )

    id: Mapped[IdKey]
    type: Mapped[WebhookEvent] = mapped_column(stored_as_text(WebhookEvent))
    athlete_id: Mapped[UUID | None]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
    handed_out_at: Mapped[Instant | None]
    """When it was decided who is told."""


class WebhookDelivery(TenantMixin, Base):
    """One message to one endpoint. The row is the job."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        tenant_reference("endpoint_id", "webhook_endpoint"),
        tenant_reference("message_id", "webhook_message"),
        tenant_key(),
        UniqueConstraint("organisation_id", "endpoint_id", "message_id"),
        Index(None, "organisation_id", "message_id"),
        Index(
            "ix_webhook_delivery_pending",
            "organisation_id",
            "endpoint_id",
            "due_at",
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[IdKey]
    endpoint_id: Mapped[UUID]
    message_id: Mapped[UUID]
    state: Mapped[DeliveryState] = mapped_column(stored_as_text(DeliveryState))
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Attempts begun since it was last asked for, counted before each."""
    due_at: Mapped[CreatedAt]
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[Instant | None]


class WebhookAttempt(TenantMixin, Base):
    """What one attempt came to."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        tenant_reference("delivery_id", "webhook_delivery"),
        Index(None, "organisation_id", "delivery_id"),
    )

    id: Mapped[IdKey]
    delivery_id: Mapped[UUID]
    duration_ms: Mapped[int]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    failure: Mapped[PostFailure | None] = mapped_column(stored_as_text(PostFailure))
    answer: Mapped[LongText]
    """How the answer began."""
    created_at: Mapped[CreatedAt]
