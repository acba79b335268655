"""What managing and sending webhooks needs to know of how the service is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.domain.webhooks import PostOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """How the service signs, and where it may send to."""

    secret_key: str = field(repr=False)
    """Every endpoint's secret follows from it and the endpoint's salt."""
    base_url: str
    """Address users type; the messages' links begin with it."""
    allow_private: bool = False
    """Also http, and addresses that are not on the public internet."""


class Post(Protocol):
    """Sends one message; `app.integrations.webhook_post.WebhookPost` is the real one."""

    def __call__(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostOutcome:
        """Post the body; whatever happens is the outcome, nothing is raised."""
        ...
