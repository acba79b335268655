"""How routes reach an organisation's identity provider, and where it sends people back to."""

from importlib.metadata import version

from app.integrations.provider_fetch import ProviderFetch
from app.settings import Settings


def fetch_from(settings: Settings) -> ProviderFetch:
    """Return what asks identity providers."""
    return ProviderFetch(
        user_agent=f"Plumbline/{version('plumbline')}", allow_private=settings.provider_private_targets
    )


def redirect_uri(settings: Settings) -> str:
    """Return where providers send people back to."""
    return f"{settings.base_url}/sign-in/provider/callback"


def start_link(settings: Settings, organisation_id: object) -> str:
    """Return the address at which people of an organisation begin, for its own pages."""
    return f"{settings.base_url}/sign-in/provider?club={organisation_id}"
