"""From the settings to what managing and sending webhooks needs of them."""

from app.services.webhook_config import WebhookConfig
from app.settings import Settings


def webhook_config(settings: Settings) -> WebhookConfig:
    """Return how the service signs, and where it may send to."""
    return WebhookConfig(
        secret_key=settings.secret_key.get_secret_value(),
        base_url=settings.base_url,
        allow_private=settings.webhook_private_targets,
    )
