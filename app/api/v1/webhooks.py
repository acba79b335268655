"""Webhooks: which other systems are told of what happens, and what became of telling them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status

from app.api.deps import CursorQuery, ExpectedDep, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.webhooks import (
    DeliveryDetail,
    DeliveryOutput,
    DeliveryPage,
    NewWebhookOutput,
    ReplayInput,
    ReplayOutput,
    WebhookEdit,
    WebhookEventList,
    WebhookEventOutput,
    WebhookInput,
    WebhookOutput,
    WebhookPage,
)
from app.domain.access import Permission
from app.domain.versions import numbered_tag
from app.domain.webhooks import DESCRIPTIONS, DeliveryState
from app.http.etags import set_etag
from app.http.small_bodies import SmallBodyRoute
from app.http.webhook_config import webhook_config
from app.services import webhooks
from app.services.webhooks import EndpointView, NewSecret

router = APIRouter(
    tags=["webhooks"],
    route_class=SmallBodyRoute,
    dependencies=[Depends(Requires(Permission.WEBHOOKS_MANAGE))],
)


@router.get(
    "/webhook-events",
    operation_id="list_webhook_events",
    summary="What a webhook can be told of",
    responses=problems(),
)
def list_webhook_events() -> WebhookEventList:
    """List every kind of message. None carries a name, a measure or a judgement: read those with a key of your own."""
    return WebhookEventList(
        items=[
            WebhookEventOutput(type=event, description=description)
            for event, description in DESCRIPTIONS.items()
        ]
    )


@router.post(
    "/webhooks",
    operation_id="create_webhook",
    summary="Make a webhook",
    status_code=status.HTTP_201_CREATED,
    responses=problems(400, 413, 422),
)
def create_webhook(
    body: WebhookInput, parts: PartsDep, uow: UowDep, principal: PrincipalDep, response: Response
) -> NewWebhookOutput:
    """Have messages sent to an address, as Standard Webhooks. The secret that signs them is shown only in this answer."""
    new = webhooks.create_webhook(
        uow=uow,
        principal=principal,
        config=webhook_config(parts.settings),
        url=body.url,
        description=body.description,
        events=body.events,
        team_ids=body.team_ids,
    )
    response.headers["Location"] = f"/api/v1/webhooks/{new.endpoint.id}"
    return _new(new, response)


@router.get("/webhooks", operation_id="list_webhooks", summary="List webhooks", responses=problems(422))
def list_webhooks(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> WebhookPage:
    """List the webhooks, newest first; without their secrets."""
    page = webhooks.list_webhooks(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return WebhookPage(
        items=[WebhookOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/webhooks/{webhook_id}",
    operation_id="get_webhook",
    summary="Read a webhook",
    responses=problems(404),
)
def get_webhook(webhook_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response) -> WebhookOutput:
    """Return a webhook and how it fares. The `ETag` names its version."""
    return _present(webhooks.get_webhook(uow=uow, principal=principal, webhook_id=webhook_id), response)


@router.patch(
    "/webhooks/{webhook_id}",
    operation_id="edit_webhook",
    summary="Change a webhook",
    responses=problems(400, 404, 412, 413, 422),
)
def edit_webhook(
    webhook_id: UUID,
    body: WebhookEdit,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> WebhookOutput:
    """Change what is named, or switch it off and on."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    changes = {
        name: value
        for name, value in changes.items()
        if value is not None or name in {"events", "team_ids"}  # of these null means something
    }
    view = webhooks.edit_webhook(
        uow=uow,
        principal=principal,
        config=webhook_config(parts.settings),
        webhook_id=webhook_id,
        changes=changes,
        expected=expected,
    )
    return _present(view, response)


@router.delete(
    "/webhooks/{webhook_id}",
    operation_id="remove_webhook",
    summary="Remove a webhook",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404),
)
def remove_webhook(webhook_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """Remove a webhook with its log; what waits for it is not sent any more."""
    webhooks.remove_webhook(uow=uow, principal=principal, webhook_id=webhook_id, expected=expected)


@router.post(
    "/webhooks/{webhook_id}/rotate",
    operation_id="rotate_webhook_secret",
    summary="Give a webhook a new secret",
    responses=problems(404),
)
def rotate_webhook_secret(
    webhook_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep, response: Response
) -> NewWebhookOutput:
    """Make a new secret; for a day messages carry a signature by the one before, too (`previous_until`)."""
    new = webhooks.rotate_secret(
        uow=uow, principal=principal, config=webhook_config(parts.settings), webhook_id=webhook_id
    )
    return _new(new, response)


@router.post(
    "/webhooks/{webhook_id}/test",
    operation_id="test_webhook",
    summary="Send a test",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(404, 422),
)
def test_webhook(webhook_id: UUID, uow: UowDep, principal: PrincipalDep) -> DeliveryDetail:
    """Have a `webhook.test` message sent; read the delivery a moment later for what came of it."""
    return DeliveryDetail.model_validate(
        webhooks.send_test(uow=uow, principal=principal, webhook_id=webhook_id)
    )


@router.post(
    "/webhooks/{webhook_id}/replay",
    operation_id="replay_webhook",
    summary="Send messages again",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(400, 404, 413, 422),
)
def replay_webhook(webhook_id: UUID, body: ReplayInput, uow: UowDep, principal: PrincipalDep) -> ReplayOutput:
    """Send what happened since a time again: what was never taken, or all of it."""
    n_messages = webhooks.replay_since(
        uow=uow,
        principal=principal,
        webhook_id=webhook_id,
        since=body.since,
        failed_only=body.failed_only,
    )
    return ReplayOutput(n_messages=n_messages)


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    operation_id="list_webhook_deliveries",
    summary="List what was sent",
    responses=problems(404, 422),
)
def list_webhook_deliveries(
    webhook_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    state: Annotated[DeliveryState | None, Query(description="Only those of this state.")] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> DeliveryPage:
    """List messages to this endpoint, newest first, each with its last attempt; kept for 30 days."""
    page = webhooks.list_deliveries(
        uow=uow, principal=principal, webhook_id=webhook_id, state=state, cursor=cursor, limit=limit
    )
    add_next_link(request, response, page.next_cursor)
    return DeliveryPage(
        items=[DeliveryOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}",
    operation_id="get_webhook_delivery",
    summary="Read a delivery",
    responses=problems(404),
)
def get_webhook_delivery(
    webhook_id: UUID, delivery_id: UUID, uow: UowDep, principal: PrincipalDep
) -> DeliveryDetail:
    """Return a message with every attempt to send it."""
    found = webhooks.get_delivery(
        uow=uow, principal=principal, webhook_id=webhook_id, delivery_id=delivery_id
    )
    return DeliveryDetail.model_validate(found)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id="replay_webhook_delivery",
    summary="Send a message again",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(404, 422),
)
def replay_webhook_delivery(
    webhook_id: UUID, delivery_id: UUID, uow: UowDep, principal: PrincipalDep
) -> DeliveryDetail:
    """Send one message again, with the same `webhook-id`, whether it was taken or not."""
    found = webhooks.replay_delivery(
        uow=uow, principal=principal, webhook_id=webhook_id, delivery_id=delivery_id
    )
    return DeliveryDetail.model_validate(found)


def _present(view: EndpointView, response: Response) -> WebhookOutput:
    set_etag(response, numbered_tag(view.version))
    return WebhookOutput.model_validate(view)


def _new(new: NewSecret, response: Response) -> NewWebhookOutput:
    return NewWebhookOutput(**_present(new.endpoint, response).model_dump(), secret=new.secret)
