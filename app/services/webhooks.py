"""Endpoints of other systems: made, changed, tested, and what became of telling them.

Every function takes an entered `UnitOfWork` made for the principal. Nothing is sent from here: rows are written, and
a job that is sent after the commit does the rest (`deliver_webhooks`).
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.db.models import WebhookAttempt, WebhookEndpoint
from app.db.repositories.deliveries import DeliveryRecord
from app.db.repositories.webhooks import NewEndpoint
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.versions import ANY, Expected, numbered_tag
from app.domain.webhooks import (
    CHOSEN,
    DeliveryState,
    DisabledReason,
    PostFailure,
    WebhookEvent,
    WebhookPolicy,
)
from app.integrations.webhook_messages import SALT_BYTES, secret_of
from app.integrations.webhook_post import TargetRefusedError, check_target
from app.jobs.names import DELIVER_WEBHOOKS
from app.jobs.queue import DEFAULT, Job
from app.services.checks import check_text
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, split_page
from app.services.read_models import Page
from app.services.webhook_config import WebhookConfig

MAX_ENDPOINTS: Final = 50
KEPT_FOR: Final = timedelta(days=30)
"""How long messages and the log of sending them are kept, and how far back they can be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """An endpoint as its owner sees it; without its secret."""

    id: UUID
    url: str
    description: str
    events: tuple[str, ...] | None
    """None: all there are."""
    team_ids: frozenset[UUID] | None
    """Is told of athletes in these teams alone; None: of everybody."""
    enabled: bool
    disabled_reason: DisabledReason | None
    disabled_at: datetime | None
    failing_since: datetime | None
    last_delivered_at: datetime | None
    previous_until: datetime | None
    n_pending: int
    n_failed: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """An endpoint with its secret, which is shown this once."""

    endpoint: EndpointView
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """What one attempt came to."""

    at: datetime
    duration_ms: int
    status: int | None
    failure: PostFailure | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One message to one endpoint."""

    id: UUID
    message_id: UUID
    event: WebhookEvent
    content: dict[str, Any]
    happened_at: datetime
    state: DeliveryState
    n_attempts: int
    """Since it was last asked for."""
    next_attempt_at: datetime | None
    """Not before; None once it is finished."""
    finished_at: datetime | None
    last_attempt: AttemptView | None
    attempts: tuple[AttemptView, ...] = ()
    """Every attempt, oldest first; only where one delivery is asked for."""


def create_webhook(
    *,
    uow: UnitOfWork,
    principal: Principal,
    config: WebhookConfig,
    url: str,
    description: str = "",
    events: Collection[WebhookEvent] | None = None,
    team_ids: Collection[UUID] | None = None,
) -> NewSecret:
    """Make an endpoint and its secret. Raises `InvalidInputError` for an address nothing may be sent to."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    organisation_id = principal.organisation_id
    if len(uow.webhooks.list_endpoints(organisation_id=organisation_id)) >= MAX_ENDPOINTS:
        raise InvalidInputError(
            f"There are {MAX_ENDPOINTS} webhooks already.", how_to_fix="Remove one that is not needed."
        )
    salt = secrets.token_bytes(SALT_BYTES)
    secret = secret_of(salt, secret_key=config.secret_key)
    row = uow.webhooks.add_endpoint(
        NewEndpoint(
            organisation_id=organisation_id,
            url=_checked_url(url, config=config),
            description=_checked_description(description),
            events=_checked_events(events),
            is_limited=team_ids is not None,
            salt=salt,
            secret_sha256=secret_digest(secret),
            created_by=principal.user_id,
        )
    )
    if team_ids is not None:
        _limit(uow, principal, endpoint_id=row.id, team_ids=team_ids)
    uow.audit.record(actor=principal, act=Act.WEBHOOK_CREATED, object_id=row.id)
    return NewSecret(endpoint=_view_of(uow, principal, row.id), secret=secret)


def list_webhooks(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[EndpointView]:
    """List the endpoints, newest first."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    rows = uow.webhooks.list_endpoints(
        organisation_id=principal.organisation_id,
        before=None if cursor is None else decode_cursor(cursor, id_part)[0],
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_views(uow, principal, page)), next_cursor=encode_cursor(page[-1].id) if more else None
    )


def get_webhook(*, uow: UnitOfWork, principal: Principal, webhook_id: UUID) -> EndpointView:
    """Return an endpoint, or raise `NotFoundError`."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    return _view_of(uow, principal, webhook_id)


def edit_webhook(
    *,
    uow: UnitOfWork,
    principal: Principal,
    config: WebhookConfig,
    webhook_id: UUID,
    changes: dict[str, Any],
    expected: Expected = ANY,
) -> EndpointView:
    """Change what is named: `url`, `description`, `events`, `team_ids`, `enabled`.

    Raises `PreconditionFailedError` when it is not the expected version any more. One that is enabled again is sent
    what had been waiting; what happened meanwhile comes only when it is asked for (`replay_since`).
    """
    principal.require(Permission.WEBHOOKS_MANAGE)
    row = _find(uow, principal, webhook_id, lock=True)
    expected.check(numbered_tag(row.version), what="The webhook")
    values = _checked_changes(changes, config=config)
    if "team_ids" in changes:
        values["is_limited"] = changes["team_ids"] is not None
        _limit(uow, principal, endpoint_id=webhook_id, team_ids=changes["team_ids"])
    if values:
        uow.webhooks.change_endpoint(webhook_id, **values)
    _switch(uow, row, enabled=changes.get("enabled", row.enabled))
    uow.audit.record(
        actor=principal, act=Act.WEBHOOK_CHANGED, object_id=webhook_id, fields=",".join(sorted(changes))
    )
    return _view_of(uow, principal, webhook_id)


def remove_webhook(
    *, uow: UnitOfWork, principal: Principal, webhook_id: UUID, expected: Expected = ANY
) -> None:
    """Remove an endpoint with its log; what waits for it is not sent any more."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    organisation_id = principal.organisation_id
    expected.check(numbered_tag(_find(uow, principal, webhook_id, lock=True).version), what="The webhook")
    uow.webhooks.delete_endpoint(organisation_id=organisation_id, endpoint_id=webhook_id)
    uow.members.set_limits(
        organisation_id=organisation_id, subject_id=webhook_id, team_ids=(), athlete_ids=()
    )
    uow.audit.record(actor=principal, act=Act.WEBHOOK_REMOVED, object_id=webhook_id)


def rotate_secret(
    *,
    uow: UnitOfWork,
    principal: Principal,
    config: WebhookConfig,
    webhook_id: UUID,
    policy: WebhookPolicy | None = None,
) -> NewSecret:
    """Give an endpoint another secret; for a day messages carry a signature by the one before, too.

    It also heals an endpoint whose secret was lost because the service's own key was exchanged.
    """
    principal.require(Permission.WEBHOOKS_MANAGE)
    row = _find(uow, principal, webhook_id, lock=True)
    salt = secrets.token_bytes(SALT_BYTES)
    secret = secret_of(salt, secret_key=config.secret_key)
    uow.webhooks.rotate_secret(
        webhook_id,
        salt=salt,
        secret_sha256=secret_digest(secret),
        overlap_s=(policy or WebhookPolicy()).secret_overlap_s,
    )
    if row.disabled_reason is DisabledReason.SECRET_LOST:
        uow.webhooks.enable(webhook_id)
        uow.defer(delivery_job(principal.organisation_id))
    uow.audit.record(actor=principal, act=Act.WEBHOOK_SECRET_ROTATED, object_id=webhook_id)
    return NewSecret(endpoint=_view_of(uow, principal, webhook_id), secret=secret)


def send_test(*, uow: UnitOfWork, principal: Principal, webhook_id: UUID) -> DeliveryView:
    """Have a message sent that says nothing but that it is a test; look at the delivery for what came of it."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    _check_enabled(_find(uow, principal, webhook_id))
    organisation_id = principal.organisation_id
    delivery_id = uow.webhooks.add_test(organisation_id=organisation_id, endpoint_id=webhook_id)
    uow.audit.record(actor=principal, act=Act.WEBHOOK_TESTED, object_id=webhook_id)
    uow.defer(delivery_job(organisation_id))
    return get_delivery(uow=uow, principal=principal, webhook_id=webhook_id, delivery_id=delivery_id)


def list_deliveries(
    *,
    uow: UnitOfWork,
    principal: Principal,
    webhook_id: UUID,
    state: DeliveryState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DeliveryView]:
    """List what was sent, or waits to be sent, to an endpoint, newest first."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    _find(uow, principal, webhook_id)
    rows = uow.deliveries.list_newest(
        organisation_id=principal.organisation_id,
        endpoint_id=webhook_id,
        state=state,
        before=None if cursor is None else decode_cursor(cursor, id_part)[0],
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_delivery_view(row) for row in page),
        next_cursor=encode_cursor(page[-1].delivery.id) if more else None,
    )


def get_delivery(
    *, uow: UnitOfWork, principal: Principal, webhook_id: UUID, delivery_id: UUID
) -> DeliveryView:
    """Return a delivery with every attempt at it, or raise `NotFoundError`."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    found = uow.deliveries.find(
        organisation_id=principal.organisation_id, endpoint_id=webhook_id, delivery_id=delivery_id
    )
    if found is None:
        raise NotFoundError(
            "There is no such delivery.", how_to_fix="List the webhook's deliveries and choose one of them."
        )
    return _delivery_view(found[0], attempts=found[1])


def replay_delivery(
    *, uow: UnitOfWork, principal: Principal, webhook_id: UUID, delivery_id: UUID
) -> DeliveryView:
    """Send one message again, with the same id, whether it was taken or not; one that waits for its time goes now."""
    principal.require(Permission.WEBHOOKS_MANAGE)
    _check_enabled(_find(uow, principal, webhook_id))
    found = get_delivery(uow=uow, principal=principal, webhook_id=webhook_id, delivery_id=delivery_id)
    uow.deliveries.send_again(
        organisation_id=principal.organisation_id,
        endpoint_id=webhook_id,
        message_ids=[found.message_id],
        failed_only=False,
    )
    uow.deliveries.hurry(
        organisation_id=principal.organisation_id, endpoint_id=webhook_id, delivery_id=delivery_id
    )
    uow.audit.record(actor=principal, act=Act.WEBHOOK_REPLAYED, object_id=webhook_id, n_messages=1)
    uow.defer(delivery_job(principal.organisation_id))
    return get_delivery(uow=uow, principal=principal, webhook_id=webhook_id, delivery_id=delivery_id)


def replay_since(
    *, uow: UnitOfWork, principal: Principal, webhook_id: UUID, since: datetime, failed_only: bool = True
) -> int:
    """Send every message since a time again, or only those that were never taken; return how many.

    Those that happened while the endpoint was switched off are among them.
    """
    principal.require(Permission.WEBHOOKS_MANAGE)
    row = _find(uow, principal, webhook_id)
    if since.tzinfo is None or since < datetime.now(UTC) - KEPT_FOR:
        raise InvalidInputError(
            f"Messages are kept for {KEPT_FOR.days} days.",
            how_to_fix="Give a later time, with its zone; for what is older, read the feed of analyses.",
            field="since",
        )
    _check_enabled(row)
    n_sent = sum(
        uow.deliveries.send_again(
            organisation_id=principal.organisation_id,
            endpoint_id=webhook_id,
            message_ids=batch,
            failed_only=failed_only,
        )
        for batch in _messages_for(uow, row, since=since)
    )
    uow.audit.record(actor=principal, act=Act.WEBHOOK_REPLAYED, object_id=webhook_id, n_messages=n_sent)
    uow.defer(delivery_job(principal.organisation_id))
    return n_sent


def delivery_job(organisation_id: UUID) -> Job:
    """Return the hint to the workers that an organisation has something to tell."""
    return Job(name=DELIVER_WEBHOOKS, args=(str(organisation_id),), queue=DEFAULT)


def secret_digest(secret: str) -> bytes:
    """Return what is stored of a secret, to notice when it does not follow from its salt any more."""
    return hashlib.sha256(secret.encode()).digest()


def _messages_for(uow: UnitOfWork, row: WebhookEndpoint, *, since: datetime) -> Iterator[list[UUID]]:
    after = None
    while True:
        found = uow.webhooks.messages_since(organisation_id=row.organisation_id, since=since, after=after)
        if not found:
            return
        after = found[-1].id
        yield [message.id for message in uow.webhooks.meant_for(row, found)]


def _checked_changes(changes: dict[str, Any], *, config: WebhookConfig) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {
        "url": lambda url: _checked_url(url, config=config),
        "description": _checked_description,
        "events": _checked_events,
    }
    return {name: check(changes[name]) for name, check in checks.items() if name in changes}


def _switch(uow: UnitOfWork, row: WebhookEndpoint, *, enabled: bool) -> None:
    if enabled and not row.enabled:
        uow.webhooks.enable(row.id)
        uow.defer(delivery_job(row.organisation_id))
    elif row.enabled and not enabled:
        uow.webhooks.disable(row.id, reason=DisabledReason.BY_HAND)


def _checked_url(url: str, *, config: WebhookConfig) -> str:
    try:
        check_target(url.strip(), allow_private=config.allow_private)
    except TargetRefusedError as error:
        raise InvalidInputError(
            str(error), how_to_fix="Give a public https:// address that is yours.", field="url"
        ) from None
    return url.strip()


def _checked_description(description: str) -> str:
    return check_text(description, field="description") if description.strip() else ""


def _checked_events(events: Collection[WebhookEvent] | None) -> list[str] | None:
    if events is None:
        return None
    if not events or not set(events) <= set(CHOSEN):
        raise InvalidInputError(
            "A webhook needs at least one kind of message, of those there are.",
            how_to_fix="Choose among them; leave it out for all.",
            field="events",
        )
    return sorted({event.value for event in events})


def _limit(
    uow: UnitOfWork, principal: Principal, *, endpoint_id: UUID, team_ids: Collection[UUID] | None
) -> None:
    organisation_id = principal.organisation_id
    known = uow.members.known_team_ids(organisation_id=organisation_id, team_ids=team_ids or ())
    if team_ids is not None and (not team_ids or known != set(team_ids)):
        raise InvalidInputError(
            "A webhook with limits needs at least one team, all of them yours.",
            how_to_fix="List the teams and choose among them.",
            field="team_ids",
        )
    uow.members.set_limits(
        organisation_id=organisation_id, subject_id=endpoint_id, team_ids=known, athlete_ids=()
    )


def _check_enabled(row: WebhookEndpoint) -> None:
    if not row.enabled:
        raise InvalidInputError(
            "The webhook is switched off.", how_to_fix="Switch it on first.", field="enabled"
        )


def _find(uow: UnitOfWork, principal: Principal, webhook_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    found = uow.webhooks.find_endpoint(
        organisation_id=principal.organisation_id, endpoint_id=webhook_id, lock=lock
    )
    if found is None:
        raise _no_webhook()
    return found


def _no_webhook() -> NotFoundError:
    return NotFoundError("There is no such webhook.", how_to_fix="List the webhooks and choose one of them.")


def _view_of(uow: UnitOfWork, principal: Principal, webhook_id: UUID) -> EndpointView:
    return next(_views(uow, principal, [_find(uow, principal, webhook_id)]))


def _views(
    uow: UnitOfWork, principal: Principal, rows: Collection[WebhookEndpoint]
) -> Iterator[EndpointView]:
    organisation_id = principal.organisation_id
    counts = uow.deliveries.counts(organisation_id=organisation_id)
    limited = [row.id for row in rows if row.is_limited]
    teams = uow.members.limits_of(organisation_id=organisation_id, subject_ids=limited) if limited else {}
    now = datetime.now(UTC)
    for row in rows:
        overlaps = row.previous_until is not None and row.previous_until > now
        yield EndpointView(
            id=row.id,
            url=row.url,
            description=row.description,
            events=None if row.events is None else tuple(row.events),
            team_ids=frozenset(teams.get(row.id, ())) if row.is_limited else None,
            enabled=row.enabled,
            disabled_reason=row.disabled_reason,
            disabled_at=row.disabled_at,
            failing_since=row.failing_since,
            last_delivered_at=row.last_delivered_at,
            previous_until=row.previous_until if overlaps else None,
            n_pending=counts.get(row.id, {}).get(DeliveryState.PENDING, 0),
            n_failed=counts.get(row.id, {}).get(DeliveryState.FAILED, 0),
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


def _delivery_view(record: DeliveryRecord, *, attempts: Collection[WebhookAttempt] = ()) -> DeliveryView:
    delivery, message = record.delivery, record.message
    return DeliveryView(
        id=delivery.id,
        message_id=message.id,
        event=message.type,
        content=message.content,
        happened_at=message.created_at,
        state=delivery.state,
        n_attempts=delivery.attempt,
        next_attempt_at=delivery.due_at if delivery.state is DeliveryState.PENDING else None,
        finished_at=delivery.finished_at,
        last_attempt=None if record.last is None else _attempt_view(record.last),
        attempts=tuple(_attempt_view(each) for each in attempts),
    )


def _attempt_view(row: WebhookAttempt) -> AttemptView:
    return AttemptView(
        at=row.created_at,
        duration_ms=row.duration_ms,
        status=row.status,
        failure=row.failure,
        answer=row.answer,
    )
