"""Endpoints of other systems, and the messages for them, written in the transaction in which something happens."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update

from app.db.engine import TenantSession
from app.db.models import (
    Recording,
    TeamLimit,
    TeamMember,
    Trial,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
)
from app.db.types import from_now, new_id
from app.domain.webhooks import TOLD_TO_ALL, DeliveryState, DisabledReason, WebhookEvent

HANDED_OUT = 500
"""Messages at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Something to be told; of a recording, whose it is is looked up when it is written."""

    event: WebhookEvent
    recording_id: UUID | None = None
    athlete_id: UUID | None = None
    content: dict[str, Any] = field(default_factory=dict)
    """Ids and counts, as they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An endpoint to make."""

    organisation_id: UUID
    url: str
    description: str
    events: list[str] | None
    is_limited: bool
    salt: bytes
    secret_sha256: bytes
    created_by: UUID | None


class WebhookRepository:
    """Endpoints of one organisation, and the messages for them."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session
        self._told: list[Telling] = []

    def tell(self, *tellings: Telling) -> None:
        """Tell what is being done; it is written when the unit of work is left cleanly, or not at all."""
        self._told += tellings

    def write(self, derived: Iterable[Telling]) -> bool:
        """Write what was told and what follows from other acts, if anybody wants it; say whether anybody does.

        Called by the unit of work before the commit, in the same transaction.
        """
        told = [*derived, *self._told]
        self._told = []
        organisation_id = self._session.organisation_id
        if not told or organisation_id is None:
            return False
        wanted = self._wanted(organisation_id)
        chosen = [each for each in told if wanted is None or each.event.value in wanted]
        for each in chosen:
            self._insert(organisation_id, each)
        return bool(chosen)

    def add_endpoint(self, new: NewEndpoint) -> WebhookEndpoint:
        """Insert an endpoint."""
        values = {name: getattr(new, name) for name in NewEndpoint.__slots__}
        return self._session.scalars(insert(WebhookEndpoint).values(values).returning(WebhookEndpoint)).one()

    def list_endpoints(
        self, *, organisation_id: UUID, before: UUID | None = None, limit: int = 1000
    ) -> list[WebhookEndpoint]:
        """Return endpoints, newest first."""
        query = select(WebhookEndpoint).where(WebhookEndpoint.organisation_id == organisation_id)
        if before is not None:
            query = query.where(WebhookEndpoint.id < before)
        query = query.order_by(WebhookEndpoint.id.desc()).limit(limit)
        return [*self._session.scalars(query.execution_options(populate_existing=True))]

    def find_endpoint(
        self, *, organisation_id: UUID, endpoint_id: UUID, lock: bool = False
    ) -> WebhookEndpoint | None:
        """Return an endpoint, held for this transaction when asked, or None."""
        query = select(WebhookEndpoint).where(
            WebhookEndpoint.organisation_id == organisation_id, WebhookEndpoint.id == endpoint_id
        )
        if lock:
            query = query.with_for_update()
        return self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def change_endpoint(self, endpoint_id: UUID, **values: Any) -> None:
        """Change columns of an endpoint that the caller holds, and count it one version up."""
        self._session.execute(
            update(WebhookEndpoint)
            .where(self._session.own(WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
            .values(**values, version=WebhookEndpoint.version + 1, updated_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def rotate_secret(
        self, endpoint_id: UUID, *, salt: bytes, secret_sha256: bytes, overlap_s: float
    ) -> None:
        """Give an endpoint another secret; the one before goes on signing for a while."""
        self.change_endpoint(
            endpoint_id,
            previous_salt=WebhookEndpoint.salt,
            previous_until=from_now(overlap_s),
            salt=salt,
            secret_sha256=secret_sha256,
        )

    def disable(self, endpoint_id: UUID, *, reason: DisabledReason) -> None:
        """Send nothing there any more."""
        self.change_endpoint(endpoint_id, enabled=False, disabled_reason=reason, disabled_at=func.now())

    def enable(self, endpoint_id: UUID) -> None:
        """Send to it again, as if it had never failed."""
        self.change_endpoint(
            endpoint_id, enabled=True, disabled_reason=None, disabled_at=None,
            n_failures=0, failing_since=None, not_before=None,
        )  # fmt: skip

    def delete_endpoint(self, *, organisation_id: UUID, endpoint_id: UUID) -> bool:
        """Remove an endpoint with its log; False when there is none."""
        found = self._session.scalar(
            delete(WebhookEndpoint)
            .where(WebhookEndpoint.organisation_id == organisation_id, WebhookEndpoint.id == endpoint_id)
            .returning(WebhookEndpoint.id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def add_test(self, *, organisation_id: UUID, endpoint_id: UUID) -> UUID:
        """Write a message that is for one endpoint alone, and its delivery; return the delivery's id."""
        message_id, delivery_id = new_id(), new_id()
        self._session.execute(
            insert(WebhookMessage).values(
                id=message_id,
                organisation_id=organisation_id,
                type=WebhookEvent.TEST,
                content={"webhook_id": str(endpoint_id)},
                handed_out_at=func.now(),
            )
        )
        delivery = {
            "id": delivery_id,
            "organisation_id": organisation_id,
            "endpoint_id": endpoint_id,
            "message_id": message_id,
            "state": DeliveryState.PENDING,
        }
        self._session.execute(insert(WebhookDelivery), [delivery])
        return delivery_id

    def hand_out(self, *, organisation_id: UUID) -> int:
        """Decide for waiting messages who is told, once; return of how many: fewer than `HANDED_OUT` is all."""
        query = (
            select(WebhookMessage)
            .where(WebhookMessage.organisation_id == organisation_id, WebhookMessage.handed_out_at.is_(None))
            .order_by(WebhookMessage.id)
            .limit(HANDED_OUT)
            .with_for_update(skip_locked=True)
        )
        messages = [*self._session.scalars(query.execution_options(populate_existing=True))]
        if not messages:
            return 0
        deliveries = [
            {
                "id": new_id(),
                "organisation_id": organisation_id,
                "endpoint_id": endpoint.id,
                "message_id": message.id,
                "state": DeliveryState.PENDING,
            }
            for endpoint in self.list_endpoints(organisation_id=organisation_id)
            if endpoint.enabled
            for message in self.meant_for(endpoint, messages)
        ]
        if deliveries:
            self._session.execute(insert(WebhookDelivery), deliveries)
        self._session.execute(
            update(WebhookMessage)
            .where(self._session.own(WebhookMessage), WebhookMessage.id.in_([each.id for each in messages]))
            .values(handed_out_at=func.now())
            .execution_options(synchronize_session=False)
        )
        return len(messages)

    def meant_for(
        self, endpoint: WebhookEndpoint, messages: list[WebhookMessage]
    ) -> Iterable[WebhookMessage]:
        """Yield those of the messages that this endpoint asked for and may know of."""
        seen = self._athletes_of(endpoint) if endpoint.is_limited else None
        for message in messages:
            is_wanted = endpoint.events is None or message.type.value in endpoint.events
            if is_wanted and (seen is None or message.athlete_id in seen or message.type in TOLD_TO_ALL):
                yield message

    def messages_since(
        self, *, organisation_id: UUID, since: Any, after: UUID | None, limit: int = HANDED_OUT
    ) -> list[WebhookMessage]:
        """Return messages from this time on, oldest first; those of the test button not."""
        query = select(WebhookMessage).where(
            WebhookMessage.organisation_id == organisation_id,
            WebhookMessage.created_at >= since,
            WebhookMessage.handed_out_at.is_not(None),
            WebhookMessage.type != WebhookEvent.TEST,
        )
        if after is not None:
            query = query.where(WebhookMessage.id > after)
        return [*self._session.scalars(query.order_by(WebhookMessage.id).limit(limit))]

    def drop_old(self, *, organisation_id: UUID, older_than_s: float) -> int:
        """Remove messages of long ago with their log; return how many there were."""
        gone = self._session.scalars(
            delete(WebhookMessage)
            .where(
                WebhookMessage.organisation_id == organisation_id,
                WebhookMessage.created_at <= from_now(-older_than_s),
            )
            .returning(WebhookMessage.id)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())

    def due_organisations(self, *, limit: int) -> list[UUID]:
        """Return the organisations for which something is to be sent; found across all, so no more than ids."""
        return [
            *self._session.scalars(
                text("SELECT organisation_id FROM due_webhooks(:max_rows)"), {"max_rows": limit}
            )
        ]

    def _wanted(self, organisation_id: UUID) -> set[str] | None:
        """Return the kinds of message anybody of the organisation wants; None for all."""
        found = self._session.scalars(
            select(WebhookEndpoint.events).where(WebhookEndpoint.organisation_id == organisation_id)
        ).all()
        return None if None in found else {event for events in found for event in events or ()}

    def _insert(self, organisation_id: UUID, telling: Telling) -> None:
        athlete_id, content = telling.athlete_id, dict(telling.content)
        if telling.recording_id is not None:
            athlete_id, screening_id = self._whose(organisation_id, telling.recording_id)
            content |= {"recording_id": telling.recording_id, "screening_id": screening_id}
        if telling.event is WebhookEvent.SCREENING_JUDGED and content.get("screening_id") is None:
            return
        content["athlete_id"] = athlete_id
        self._session.execute(
            insert(WebhookMessage).values(
                id=new_id(),
                organisation_id=organisation_id,
                type=telling.event,
                athlete_id=athlete_id,
                content={
                    key: str(value) if isinstance(value, UUID) else value for key, value in content.items()
                },
            )
        )

    def _whose(self, organisation_id: UUID, recording_id: UUID) -> tuple[UUID | None, UUID | None]:
        row = self._session.execute(
            select(Recording.athlete_id, Trial.screening_id)
            .outerjoin(
                Trial, (Trial.organisation_id == Recording.organisation_id) & (Trial.id == Recording.trial_id)
            )
            .where(Recording.organisation_id == organisation_id, Recording.id == recording_id)
        ).one_or_none()
        return (None, None) if row is None else (row.athlete_id, row.screening_id)

    def _athletes_of(self, endpoint: WebhookEndpoint) -> set[UUID]:
        query = (
            select(TeamMember.athlete_id)
            .join(
                TeamLimit,
                (TeamLimit.organisation_id == TeamMember.organisation_id)
                & (TeamLimit.team_id == TeamMember.team_id),
            )
            .where(
                TeamMember.organisation_id == endpoint.organisation_id, TeamLimit.subject_id == endpoint.id
            )
        )
        return set(self._session.scalars(query))
