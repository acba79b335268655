"""An organisation with webhooks, and a receiver that takes or refuses what is sent."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.athletes import AthleteChange
from app.domain.webhooks import (
    PostFailure,
    PostOutcome,
    WebhookPolicy,
)
from app.services import webhooks
from app.services.athletes import edit_athlete
from app.services.deliver_webhooks import Courier
from app.services.read_models import AthleteSummary
from app.services.webhook_config import WebhookConfig
from app.services.webhooks import DeliveryView, EndpointView
from tests.factories import (
    Club,
    make_athlete,
)

CONFIG = WebhookConfig(secret_key="k" * 40, base_url="https://screen.example.org", allow_private=True)
QUICK = WebhookPolicy(retry_delays_s=(0.0, 0.0), pauses_s=(0.0,), jitter=0.0)
TAKEN = PostOutcome(duration_ms=3, status=204, failure=None)
BROKEN = PostOutcome(duration_ms=3, status=500, failure=PostFailure.STATUS, answer="oops")
UNREACHABLE = PostOutcome(duration_ms=3, status=None, failure=PostFailure.CONNECTION)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A club's webhooks, and a courier for them."""

    club: Club
    uow_factory: UnitOfWorkFactory
    policy: WebhookPolicy = QUICK
    config: WebhookConfig = CONFIG
    outcomes: list[PostOutcome] = field(default_factory=list)
    """Of the next attempts; taken when it is empty."""
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    on_disabled: Callable[..., None] | None = None

    def create(self, **changes: Any) -> EndpointView:
        with self.uow_factory(self.club.principal) as uow:
            values: dict[str, Any] = {"url": f"https://hooks.example.org/{uuid4().hex}"} | changes
            return webhooks.create_webhook(
                uow=uow, principal=self.club.principal, config=self.config, **values
            ).endpoint

    def call(self, use_case: Callable[..., Any], **values: Any) -> Any:
        with self.uow_factory(self.club.principal) as uow:
            return use_case(uow=uow, principal=self.club.principal, **values)

    def look(self, endpoint: EndpointView) -> EndpointView:
        found: EndpointView = self.call(webhooks.get_webhook, webhook_id=endpoint.id)
        return found

    def deliveries(self, endpoint: EndpointView) -> list[DeliveryView]:
        """Oldest first."""
        page = self.call(webhooks.list_deliveries, webhook_id=endpoint.id)
        return list(reversed(page.items))

    def types(self, endpoint: EndpointView) -> list[str]:
        self.run()
        return [each.event.value for each in self.deliveries(endpoint)]

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostOutcome:
        self.sent.append((url, json.loads(body)))
        return self.outcomes.pop(0) if self.outcomes else TAKEN

    def courier(self, **changes: Any) -> Courier:
        values: dict[str, Any] = {
            "uow_factory": self.uow_factory, "post": self.post, "config": self.config, "policy": self.policy,
            "on_disabled": self.on_disabled,
        } | changes  # fmt: skip
        return Courier(**values)

    def run(self, courier: Courier | None = None) -> None:
        """Send whatever is due now."""
        taken = courier or self.courier()
        for endpoint_id in taken.hand_out(self.club.id):
            taken.deliver(self.club.id, endpoint_id)


def add_somebody(desk: Desk, name: str) -> AthleteSummary:
    return make_athlete(desk.uow_factory, desk.club, name=name)


def change_sport(desk: Desk, athlete_id: UUID, sport: str = "netball") -> None:
    desk.call(edit_athlete, athlete_id=athlete_id, change=AthleteChange(sport=sport))
