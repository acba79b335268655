"""Webhooks as REST takes and shows them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from app.api.schemas.base import MAX_NAME_CHARS, Input, Output, OutputPage
from app.domain.webhooks import DeliveryState, DisabledReason, PostFailure, WebhookEvent

Url = Annotated[str, Field(min_length=1, max_length=2000, description="A public https:// address.")]
Events = Annotated[list[WebhookEvent], Field(min_length=1, max_length=50)]
Teams = Annotated[list[UUID], Field(min_length=1, max_length=200)]
_EVENTS = "What to be told of; null: everything, also what is added later."
_TEAMS = "Be told of athletes in these teams alone (and of who was erased or merged); null: of everybody."


class WebhookInput(Input):
    """An endpoint to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://example.org/plumbline",
                    "description": "Club database",
                    "events": ["recording.ready", "analysis.corrected", "athlete.erased"],
                }
            ]
        }
    )

    url: Url
    description: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = ""
    events: Events | None = Field(default=None, description=_EVENTS)
    team_ids: Teams | None = Field(default=None, description=_TEAMS)


class WebhookEdit(Input):
    """What to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "Club database, new"}]})

    url: Url | None = None
    description: Annotated[str, Field(max_length=MAX_NAME_CHARS)] | None = None
    events: Events | None = Field(default=None, description=_EVENTS)
    team_ids: Teams | None = Field(default=None, description=_TEAMS)
    enabled: bool | None = Field(
        default=None, description="Switched on again, it is sent what had been waiting."
    )


class WebhookOutput(Output):
    """An endpoint, without its secret."""

    id: UUID
    url: str
    description: str
    events: list[str] | None = Field(description=_EVENTS)
    team_ids: list[UUID] | None = Field(description=_TEAMS)
    enabled: bool
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    failing_since: datetime | None = Field(description="Since then nothing was taken.")
    last_delivered_at: datetime | None
    previous_until: datetime | None = Field(
        description="Until then messages carry a signature by the secret before the last rotation, too."
    )
    n_pending: int
    n_failed: int
    version: int = Field(description="Counted up by each change; the `ETag` carries it.")
    created_at: datetime
    updated_at: datetime


class NewWebhookOutput(WebhookOutput):
    """An endpoint just made, or with a new secret."""

    secret: str = Field(description="Begins with `whsec_`; shown only now.")


class WebhookPage(OutputPage):
    """Endpoints, newest first."""

    items: list[WebhookOutput]


class WebhookEventOutput(Output):
    """A kind of message."""

    type: WebhookEvent
    description: str


class WebhookEventList(Output):
    """Every kind of message there is."""

    items: list[WebhookEventOutput]


class AttemptOutput(Output):
    """What one attempt to send a message came to."""

    at: datetime
    duration_ms: int
    status: int | None = Field(description="Of the answer; null when there was none.")
    failure: PostFailure | None = Field(description="Null when it was taken.")
    answer: str = Field(description="How the answer began.")


class DeliveryOutput(Output):
    """One message to one endpoint."""

    id: UUID
    message_id: UUID = Field(
        description="The `webhook-id` header: the same at every attempt and every replay."
    )
    event: WebhookEvent
    content: dict[str, Any] = Field(description="The ids in the message's `data`.")
    happened_at: datetime
    state: DeliveryState
    n_attempts: int = Field(description="Since it was last asked for.")
    next_attempt_at: datetime | None = Field(description="Not before; null once it is finished.")
    finished_at: datetime | None
    last_attempt: AttemptOutput | None


class DeliveryDetail(DeliveryOutput):
    """A delivery with every attempt, oldest first."""

    attempts: list[AttemptOutput]


class DeliveryPage(OutputPage):
    """Deliveries, newest first."""

    items: list[DeliveryOutput]


class ReplayInput(Input):
    """Which messages to send again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-03-14T00:00:00Z"}]})

    since: AwareDatetime = Field(description="Messages are kept for 30 days.")
    failed_only: bool = Field(
        default=True,
        description="Only those that were never taken, or that happened while the endpoint was switched off.",
    )


class ReplayOutput(Output):
    """How many messages are sent again."""

    n_messages: int
