"""Webhooks of the organisation, for its owners."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Permission, Principal
from app.domain.errors import InvalidInputError
from app.domain.webhooks import DeliveryState, WebhookEvent
from app.http.parts import Parts
from app.http.webhook_config import webhook_config
from app.services import roster, webhooks
from app.services.webhooks import NewSecret
from app.web.contexts.parts import OneTimeLink, Problem
from app.web.contexts.settings import WebhookPage, WebhooksPage
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import form_token
from app.web.present_forms import present_problem
from app.web.present_settings import settings_tabs, team_choices
from app.web.present_webhooks import event_choices, present_delivery, present_webhook, state_links
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.WEBHOOKS_MANAGE))])

HERE = "/settings/webhooks"
MAX_SHOWN = 200
DELIVERIES_SHOWN = 25
_DONE: Final = {
    "removed": "The webhook is removed.",
    "on": "The webhook is switched on.",
    "off": "The webhook is switched off.",
    "test": "A test is on its way. Reload the page to see what came of it.",
    "again": "The message is sent again.",
    "replayed": "What was not taken is sent again.",
}


@router.get(HERE)
def show_webhooks(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show the webhooks there are, and the form for another."""
    return _list_page(request, parts, principal, done=_DONE.get(done))


@router.post(HERE, dependencies=[OWN_FORM])
def create_webhook(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    url: Annotated[str, Form(max_length=4000)] = "",
    description: Annotated[str, Form(max_length=400)] = "",
    event: Annotated[list[WebhookEvent], Form(max_length=50)] = [],  # noqa: B006  # the framework copies it
    team_id: Annotated[list[UUID], Form(max_length=MAX_SHOWN)] = [],  # noqa: B006  # the framework copies it,
) -> Response:
    """Make a webhook and show its secret, once."""
    try:
        with parts.uow_factory(principal) as uow:
            new = webhooks.create_webhook(
                uow=uow,
                principal=principal,
                config=webhook_config(parts.settings),
                url=url,
                description=description,
                events=event or None,
                team_ids=team_id or None,
            )
    except InvalidInputError as error:
        problem = present_problem(error)
        return _list_page(
            request, parts, principal, problem=problem, entered=(url, description), chosen=set(event)
        )
    return _list_page(request, parts, principal, made=_made(new))


@router.get(HERE + "/{webhook_id}")
def show_webhook(
    webhook_id: UUID,
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    done: str = "",
    state: DeliveryState | None = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Show one webhook and what was sent there."""
    return _one_page(request, parts, principal, webhook_id, done=_DONE.get(done), state=state, cursor=cursor)


@router.post(HERE + "/{webhook_id}/rotate", dependencies=[OWN_FORM])
def rotate_webhook(webhook_id: UUID, request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Give a webhook a new secret and show it, once."""
    with parts.uow_factory(principal) as uow:
        new = webhooks.rotate_secret(
            uow=uow, principal=principal, config=webhook_config(parts.settings), webhook_id=webhook_id
        )
    return _one_page(request, parts, principal, webhook_id, made=_made(new))


@router.post(HERE + "/{webhook_id}/switch", dependencies=[OWN_FORM])
def switch_webhook(
    webhook_id: UUID,
    parts: PartsDep,
    principal: PrincipalDep,
    to: Annotated[str, Form(pattern="^(on|off)$")] = "on",
) -> Response:
    """Switch a webhook on or off."""
    with parts.uow_factory(principal) as uow:
        webhooks.edit_webhook(
            uow=uow,
            principal=principal,
            config=webhook_config(parts.settings),
            webhook_id=webhook_id,
            changes={"enabled": to == "on"},
        )
    return _back(webhook_id, done=to)


@router.post(HERE + "/{webhook_id}/test", dependencies=[OWN_FORM])
def send_test(webhook_id: UUID, request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Have a test sent."""
    try:
        with parts.uow_factory(principal) as uow:
            webhooks.send_test(uow=uow, principal=principal, webhook_id=webhook_id)
    except InvalidInputError as error:
        return _one_page(request, parts, principal, webhook_id, problem=present_problem(error))
    return _back(webhook_id, done="test")


@router.post(HERE + "/{webhook_id}/replay", dependencies=[OWN_FORM])
def replay_webhook(
    webhook_id: UUID,
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    days: Annotated[int, Form(ge=1, le=29)] = 1,
) -> Response:
    """Send what was never taken again."""
    try:
        with parts.uow_factory(principal) as uow:
            webhooks.replay_since(
                uow=uow,
                principal=principal,
                webhook_id=webhook_id,
                since=datetime.now(UTC) - timedelta(days=days),
            )
    except InvalidInputError as error:
        return _one_page(request, parts, principal, webhook_id, problem=present_problem(error))
    return _back(webhook_id, done="replayed")


@router.post(HERE + "/{webhook_id}/remove", dependencies=[OWN_FORM])
def remove_webhook(webhook_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Remove a webhook."""
    with parts.uow_factory(principal) as uow:
        webhooks.remove_webhook(uow=uow, principal=principal, webhook_id=webhook_id)
    return RedirectResponse(f"{HERE}?done=removed", status_code=status.HTTP_303_SEE_OTHER)


@router.post(HERE + "/{webhook_id}/deliveries/{delivery_id}/replay", dependencies=[OWN_FORM])
def replay_delivery(
    webhook_id: UUID,
    delivery_id: UUID,
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
) -> Response:
    """Send one message again."""
    try:
        with parts.uow_factory(principal) as uow:
            webhooks.replay_delivery(
                uow=uow, principal=principal, webhook_id=webhook_id, delivery_id=delivery_id
            )
    except InvalidInputError as error:
        return _one_page(request, parts, principal, webhook_id, problem=present_problem(error))
    return _back(webhook_id, done="again")


def _back(webhook_id: UUID, *, done: str) -> Response:
    return RedirectResponse(f"{HERE}/{webhook_id}?done={done}", status_code=status.HTTP_303_SEE_OTHER)


def _made(new: NewSecret) -> OneTimeLink:
    note = "The receiver checks every message with it, by a Standard Webhooks library."
    until = new.endpoint.previous_until
    if until is not None:
        note = f"{note} Messages carry a signature by the old secret, too, until {until:%d %b %H:%M} UTC."
    return OneTimeLink(label="The secret of the webhook", value=new.secret, note=note)


def _list_page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    problem: Problem | None = None,
    done: str | None = None,
    made: OneTimeLink | None = None,
    entered: tuple[str, str] = ("", ""),
    chosen: Collection[str] = (),
) -> Response:
    with parts.uow_factory(principal) as uow:
        found = webhooks.list_webhooks(uow=uow, principal=principal, limit=MAX_SHOWN).items
        teams = roster.list_teams(uow=uow, principal=principal, limit=MAX_SHOWN).items
        viewer = viewer_of(principal, uow=uow)
    names = {team.id: team.name for team in teams}
    page = WebhooksPage(
        title="Webhooks",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        made=made,
        webhooks=tuple(present_webhook(each, teams=names) for each in found),
        events=event_choices(chosen),
        teams=team_choices(teams, chosen=()),
        entered_url=entered[0],
        entered_description=entered[1],
    )
    return page_response(page, status=422 if problem else 200)


def _one_page(
    request: Request,
    parts: Parts,
    principal: Principal,
    webhook_id: UUID,
    *,
    problem: Problem | None = None,
    done: str | None = None,
    made: OneTimeLink | None = None,
    state: DeliveryState | None = None,
    cursor: str | None = None,
) -> Response:
    with parts.uow_factory(principal) as uow:
        found = webhooks.get_webhook(uow=uow, principal=principal, webhook_id=webhook_id)
        log = webhooks.list_deliveries(
            uow=uow,
            principal=principal,
            webhook_id=webhook_id,
            state=state,
            cursor=cursor,
            limit=DELIVERIES_SHOWN,
        )
        teams = roster.list_teams(uow=uow, principal=principal, limit=MAX_SHOWN).items
        viewer = viewer_of(principal, uow=uow)
    here = f"{HERE}/{webhook_id}"
    narrowed = "" if state is None else f"state={state.value}&"
    page = WebhookPage(
        title="Webhook",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        made=made,
        webhook=present_webhook(found, teams={team.id: team.name for team in teams}),
        deliveries=tuple(present_delivery(each) for each in log.items),
        states=state_links(here, current=state),
        more_href=None if log.next_cursor is None else f"{here}?{narrowed}cursor={log.next_cursor}",
    )
    return page_response(page, status=422 if problem else 200)
