"""Addresses that let somebody in once.

The secret stands behind the ``#``: browsers keep that part to themselves, so it reaches no server, no log and no
other site. The page there puts it into a form, which posts it (docs/decisions/0050).
"""

from app.settings import Settings


def join_link(settings: Settings, token: str) -> str:
    """Return the address of an invitation."""
    return f"{settings.base_url}/join#{token}"


def reset_link(settings: Settings, token: str) -> str:
    """Return the address of a password reset."""
    return f"{settings.base_url}/new-password#{token}"
