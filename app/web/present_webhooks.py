"""The settings pages about webhooks: which there are, and what became of telling them."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from app.domain.webhooks import CHOSEN, DESCRIPTIONS, DeliveryState, DisabledReason, PostFailure
from app.services.webhooks import DeliveryView, EndpointView
from app.web.contexts.parts import Badge, Choice, Link, Tone
from app.web.contexts.settings import DeliveryRow, WebhookRow
from app.web.present_settings import when_of

DISABLED: Final[Mapping[DisabledReason, str]] = {
    DisabledReason.BY_HAND: "Switched off",
    DisabledReason.FAILING: "Switched off: nothing was accepted there for three days",
    DisabledReason.GONE: "Switched off: it answered that it is gone",
    DisabledReason.SECRET_LOST: "Switched off: its secret cannot be read any more; make a new one",
}
FAILURES: Final[Mapping[PostFailure, str]] = {
    PostFailure.NOT_FOUND: "there is no such host",
    PostFailure.ADDRESS_REFUSED: "the address is not on the public internet",
    PostFailure.CONNECTION: "nobody answered",
    PostFailure.TLS: "no trusted encrypted connection",
    PostFailure.TIMEOUT: "no answer in time",
    PostFailure.PROTOCOL: "the answer was damaged",
    PostFailure.REDIRECT: "it pointed elsewhere; redirects are not followed",
    PostFailure.STATUS: "it did not accept it",
}
_STATES: Final[Mapping[DeliveryState, Badge]] = {
    DeliveryState.PENDING: Badge(tone=Tone.NEUTRAL, icon="clock", text="Waiting"),
    DeliveryState.DELIVERED: Badge(tone=Tone.GOOD, icon="check", text="Accepted"),
    DeliveryState.FAILED: Badge(tone=Tone.AGAIN, icon="cross", text="Given up"),
}


def present_webhook(webhook: EndpointView, *, teams: Mapping[UUID, str]) -> WebhookRow:
    """Return one webhook and how it fares."""
    return WebhookRow(
        id=str(webhook.id),
        url=webhook.url,
        description=webhook.description,
        told=_told(webhook, teams=teams),
        state=_state(webhook),
        fate=", ".join(_fate(webhook)),
        last_delivered=None if webhook.last_delivered_at is None else when_of(webhook.last_delivered_at),
        is_enabled=webhook.enabled,
    )


def present_delivery(delivery: DeliveryView) -> DeliveryRow:
    """Return one message and what became of it."""
    return DeliveryRow(
        id=str(delivery.id),
        event=delivery.event.value,
        state=_STATES[delivery.state],
        happened=when_of(delivery.happened_at),
        last=_last(delivery),
        answer="" if delivery.last_attempt is None else delivery.last_attempt.answer,
        next_attempt=None
        if delivery.next_attempt_at is None or delivery.n_attempts == 0
        else when_of(delivery.next_attempt_at),
    )


def event_choices(chosen: Collection[str]) -> tuple[Choice, ...]:
    """Return what a webhook can be told of."""
    return tuple(
        Choice(value=event.value, label=event.value, chosen=event.value in chosen, hint=DESCRIPTIONS[event])
        for event in CHOSEN
    )


def state_links(here: str, *, current: DeliveryState | None) -> tuple[Link, ...]:
    """Return the choice of which messages are listed."""
    links = [Link(label="All", href=here, current=current is None)]
    return tuple(
        links
        + [
            Link(label=_STATES[state].text, href=f"{here}?state={state.value}", current=state is current)
            for state in DeliveryState
        ]
    )


def _state(webhook: EndpointView) -> Badge:
    if webhook.disabled_reason is not None:
        return Badge(tone=Tone.AGAIN, icon="cross", text=DISABLED[webhook.disabled_reason])
    if webhook.failing_since is not None:
        return Badge(
            tone=Tone.SOME, icon="alert", text=f"Failing since {webhook.failing_since:%d %b %H:%M} UTC"
        )
    return Badge(tone=Tone.GOOD, icon="check", text="On")


def _told(webhook: EndpointView, *, teams: Mapping[UUID, str]) -> str:
    what = "Everything" if webhook.events is None else ", ".join(webhook.events)
    if webhook.team_ids is None:
        return what
    names = sorted(teams[team_id] for team_id in webhook.team_ids if team_id in teams)
    return f"{what} (of {', '.join(names) or 'no team'})"


def _fate(webhook: EndpointView) -> list[str]:
    counts = ((webhook.n_pending, "waiting"), (webhook.n_failed, "given up"))
    return [f"{count} {words}" for count, words in counts if count]


def _last(delivery: DeliveryView) -> str:
    attempt = delivery.last_attempt
    if attempt is None:
        return "Not tried yet"
    status = "" if attempt.status is None else f"{attempt.status}, "
    why = "" if attempt.failure is None else f"{FAILURES[attempt.failure]}, "
    times = f", attempt {delivery.n_attempts}" if delivery.n_attempts > 1 else ""
    words = f"{status}{why}{attempt.duration_ms} ms{times}"
    return words[0].upper() + words[1:]
