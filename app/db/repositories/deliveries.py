"""Deliveries of messages to endpoints: taken one at a time under a lease, and written down whatever came of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from app.db.engine import TenantSession
from app.db.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from app.db.types import from_now, new_id
from app.domain.webhooks import DeliveryState, PostOutcome, WebhookEvent

_PENDING = WebhookDelivery.state == DeliveryState.PENDING
_FREE = WebhookDelivery.lease_until.is_(None) | (WebhookDelivery.lease_until < func.now())
_SENDABLE = WebhookEndpoint.enabled & (
    WebhookEndpoint.not_before.is_(None) | (WebhookEndpoint.not_before <= func.now())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryClaim:
    """One attempt's hold on a delivery, and what is to be sent."""

    delivery_id: UUID
    lease_token: UUID
    attempt: int
    message_id: UUID
    event: WebhookEvent
    content: dict[str, Any]
    happened_at: datetime
    url: str
    salt: bytes
    secret_sha256: bytes
    previous_salt: bytes | None
    """None when there is none any more that signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery with its message."""

    delivery: WebhookDelivery
    message: WebhookMessage
    last: WebhookAttempt | None


class DeliveryRepository:
    """Deliveries of one organisation."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def endpoints_due(self, *, organisation_id: UUID) -> list[UUID]:
        """Return the endpoints to which something is to be sent now."""
        query = (
            select(WebhookDelivery.endpoint_id)
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
            .where(
                WebhookDelivery.organisation_id == organisation_id,
                _PENDING,
                _FREE,
                _SENDABLE,
                WebhookDelivery.due_at <= func.now(),
            )
            .distinct()
        )
        return [*self._session.scalars(query)]

    def forget_answers(self, *, organisation_id: UUID) -> None:
        """Keep how receivers answered, and no longer in which words: they may have told of somebody."""
        self._session.execute(
            update(WebhookAttempt)
            .where(WebhookAttempt.organisation_id == organisation_id, WebhookAttempt.answer != "")
            .values(answer="")
            .execution_options(synchronize_session=False)
        )

    def claim(self, *, organisation_id: UUID, endpoint_id: UUID, lease_s: float) -> DeliveryClaim | None:
        """Begin an attempt at the delivery that has waited longest, or return None when there is none."""
        token = new_id()
        waiting = (
            select(WebhookDelivery.id)
            .where(
                WebhookDelivery.organisation_id == organisation_id,
                WebhookDelivery.endpoint_id == endpoint_id,
                _PENDING,
                _FREE,
                WebhookDelivery.due_at <= func.now(),
            )
            .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        taken = (
            update(WebhookDelivery)
            .where(
                WebhookDelivery.id == waiting, WebhookEndpoint.id == WebhookDelivery.endpoint_id, _SENDABLE
            )
            .values(lease_token=token, lease_until=from_now(lease_s), attempt=WebhookDelivery.attempt + 1)
            .returning(WebhookDelivery.id)
            .execution_options(synchronize_session=False)
        )
        delivery_id = self._session.scalar(taken)
        if delivery_id is None:
            return None
        signs = WebhookEndpoint.previous_until > func.now()
        row = self._session.execute(
            _whole(organisation_id)
            .add_columns(WebhookEndpoint, signs.label("previous_signs"))
            .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
            .where(WebhookDelivery.id == delivery_id)
        ).one()
        endpoint, message = row.WebhookEndpoint, row.WebhookMessage
        return DeliveryClaim(
            delivery_id=delivery_id,
            lease_token=token,
            attempt=row.WebhookDelivery.attempt,
            message_id=message.id,
            event=message.type,
            content=message.content,
            happened_at=message.created_at,
            url=endpoint.url,
            salt=endpoint.salt,
            secret_sha256=endpoint.secret_sha256,
            previous_salt=endpoint.previous_salt if row.previous_signs else None,
        )

    def record(
        self, claim: DeliveryClaim, *, organisation_id: UUID, outcome: PostOutcome, retry_in_s: float | None
    ) -> bool:
        """Write an attempt down; `retry_in_s` None ends the delivery. False when another attempt has taken over."""
        self._session.execute(
            insert(WebhookAttempt).values(
                id=new_id(),
                organisation_id=organisation_id,
                delivery_id=claim.delivery_id,
                duration_ms=outcome.duration_ms,
                status=outcome.status,
                failure=outcome.failure,
                answer=outcome.answer,
            )
        )
        values: dict[str, Any] = {"lease_token": None, "lease_until": None}
        if outcome.failure is None:
            values |= {"state": DeliveryState.DELIVERED, "finished_at": func.now()}
        elif retry_in_s is None:
            values |= {"state": DeliveryState.FAILED, "finished_at": func.now()}
        else:
            values |= {"due_at": from_now(retry_in_s)}
        found = self._session.scalar(
            update(WebhookDelivery)
            .where(
                self._session.own(WebhookDelivery),
                WebhookDelivery.id == claim.delivery_id,
                WebhookDelivery.lease_token == claim.lease_token,
            )
            .values(values)
            .returning(WebhookDelivery.id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def release(self, claim: DeliveryClaim) -> None:
        """Give a delivery back that was not attempted after all."""
        self._session.execute(
            update(WebhookDelivery)
            .where(
                self._session.own(WebhookDelivery),
                WebhookDelivery.id == claim.delivery_id,
                WebhookDelivery.lease_token == claim.lease_token,
            )
            .values(lease_token=None, lease_until=None, attempt=WebhookDelivery.attempt - 1)
            .execution_options(synchronize_session=False)
        )

    def note_taken(self, endpoint_id: UUID) -> None:
        """Note that the endpoint took something."""
        self._session.execute(
            update(WebhookEndpoint)
            .where(self._session.own(WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
            .values(n_failures=0, failing_since=None, not_before=None, last_delivered_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def note_failed(self, endpoint_id: UUID, *, pause_s: float | None) -> tuple[int, float]:
        """Note that the endpoint took nothing; with a pause, nothing is sent before it is over.

        Return how often that happened in a row, and for how long by now.
        """
        values: dict[str, Any] = {"failing_since": func.coalesce(WebhookEndpoint.failing_since, func.now())}
        if pause_s is not None:
            values |= {
                "n_failures": func.least(WebhookEndpoint.n_failures + 1, 1000),
                "not_before": from_now(pause_s),
            }
        row = self._session.execute(
            update(WebhookEndpoint)
            .where(self._session.own(WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
            .values(values)
            .returning(
                WebhookEndpoint.n_failures,
                func.extract("epoch", func.now() - WebhookEndpoint.failing_since).label("failing_s"),
            )
            .execution_options(synchronize_session=False)
        ).one_or_none()
        return (0, 0.0) if row is None else (row.n_failures, float(row.failing_s))

    def list_newest(
        self,
        *,
        organisation_id: UUID,
        endpoint_id: UUID,
        state: DeliveryState | None,
        before: UUID | None,
        limit: int,
    ) -> list[DeliveryRecord]:
        """Return deliveries to an endpoint, newest first."""
        query = _whole(organisation_id).where(WebhookDelivery.endpoint_id == endpoint_id)
        if state is not None:
            query = query.where(WebhookDelivery.state == state)
        if before is not None:
            query = query.where(WebhookDelivery.id < before)
        rows = self._session.execute(query.order_by(WebhookDelivery.id.desc()).limit(limit)).all()
        last = self._last_attempts(organisation_id, [row.WebhookDelivery.id for row in rows])
        return [
            DeliveryRecord(
                delivery=row.WebhookDelivery,
                message=row.WebhookMessage,
                last=last.get(row.WebhookDelivery.id),
            )
            for row in rows
        ]

    def find(
        self, *, organisation_id: UUID, endpoint_id: UUID, delivery_id: UUID
    ) -> tuple[DeliveryRecord, list[WebhookAttempt]] | None:
        """Return a delivery with every attempt at it, oldest first, or None."""
        row = self._session.execute(
            _whole(organisation_id).where(
                WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.id == delivery_id
            )
        ).one_or_none()
        if row is None:
            return None
        attempts = [
            *self._session.scalars(
                select(WebhookAttempt)
                .where(
                    WebhookAttempt.organisation_id == organisation_id,
                    WebhookAttempt.delivery_id == delivery_id,
                )
                .order_by(WebhookAttempt.id)
            )
        ]
        last = attempts[-1] if attempts else None
        record = DeliveryRecord(delivery=row.WebhookDelivery, message=row.WebhookMessage, last=last)
        return record, attempts

    def send_again(
        self, *, organisation_id: UUID, endpoint_id: UUID, message_ids: list[UUID], failed_only: bool
    ) -> int:
        """Send these messages (again); return how many of them.

        With `failed_only` those that were given up, and those that were never meant for the endpoint at the time;
        what was delivered or waits anyway is left alone.
        """
        if not message_ids:
            return 0
        new = insert_or_update(WebhookDelivery).values(
            [
                {
                    "id": new_id(),
                    "organisation_id": organisation_id,
                    "endpoint_id": endpoint_id,
                    "message_id": message_id,
                    "state": DeliveryState.PENDING,
                }
                for message_id in message_ids
            ]
        )
        again = new.on_conflict_do_update(
            index_elements=["organisation_id", "endpoint_id", "message_id"],
            set_={
                "state": DeliveryState.PENDING,
                "attempt": 0,
                "due_at": func.now(),
                "finished_at": None,
                "lease_token": None,
                "lease_until": None,
            },
            where=WebhookDelivery.state.in_(
                [DeliveryState.FAILED] if failed_only else [DeliveryState.FAILED, DeliveryState.DELIVERED]
            ),
        ).returning(WebhookDelivery.id)
        return len(self._session.scalars(again).all())

    def hurry(self, *, organisation_id: UUID, endpoint_id: UUID, delivery_id: UUID) -> None:
        """Send one that waits now instead of at its time, also to an endpoint that is left alone for a while."""
        waiting = (
            update(WebhookDelivery)
            .where(
                WebhookDelivery.organisation_id == organisation_id,
                WebhookDelivery.id == delivery_id,
                _PENDING,
                _FREE,
            )
            .values(due_at=func.now())
            .execution_options(synchronize_session=False)
        )
        rested = (
            update(WebhookEndpoint)
            .where(WebhookEndpoint.organisation_id == organisation_id, WebhookEndpoint.id == endpoint_id)
            .values(not_before=None)
            .execution_options(synchronize_session=False)
        )
        self._session.execute(waiting)
        self._session.execute(rested)

    def counts(self, *, organisation_id: UUID) -> dict[UUID, dict[DeliveryState, int]]:
        """Return how many deliveries of each state each endpoint has."""
        rows = self._session.execute(
            select(WebhookDelivery.endpoint_id, WebhookDelivery.state, func.count())
            .where(WebhookDelivery.organisation_id == organisation_id)
            .group_by(WebhookDelivery.endpoint_id, WebhookDelivery.state)
        )
        found: dict[UUID, dict[DeliveryState, int]] = {}
        for endpoint_id, state, count in rows:
            found.setdefault(endpoint_id, {})[state] = count
        return found

    def _last_attempts(self, organisation_id: UUID, ids: list[UUID]) -> dict[UUID, WebhookAttempt]:
        rows = self._session.scalars(
            select(WebhookAttempt)
            .where(WebhookAttempt.organisation_id == organisation_id, WebhookAttempt.delivery_id.in_(ids))
            .order_by(WebhookAttempt.delivery_id, WebhookAttempt.id.desc())
            .ext(distinct_on(WebhookAttempt.delivery_id))
        )
        return {each.delivery_id: each for each in rows}


def _whole(organisation_id: UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(WebhookDelivery, WebhookMessage)
        .join(
            WebhookMessage,
            (WebhookMessage.organisation_id == WebhookDelivery.organisation_id)
            & (WebhookMessage.id == WebhookDelivery.message_id),
        )
        .where(WebhookDelivery.organisation_id == organisation_id)
        .execution_options(populate_existing=True)
    )
