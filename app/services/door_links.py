"""Addresses that let somebody in once.

The secret stands behind the ``#``: browsers keep that part to themselves, so it reaches no server, no log and no
other site. The page there puts it into a form, which posts it (docs/decisions/0050).
"""

CONSENT_PATH = "/consent"
STATION_PATH = "/station"


def join_link(base_url: str, token: str) -> str:
    """Return the address of an invitation."""
    return f"{base_url}/join#{token}"


def reset_link(base_url: str, token: str) -> str:
    """Return the address of a password reset."""
    return f"{base_url}/new-password#{token}"


def consent_link(base_url: str, token: str) -> str:
    """Return the address by which somebody decides for an athlete."""
    return f"{base_url}{CONSENT_PATH}#{token}"


def station_link(base_url: str, code: str) -> str:
    """Return the address by which a phone comes to its station."""
    return f"{base_url}{STATION_PATH}#{code}"
