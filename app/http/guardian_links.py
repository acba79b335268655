"""The address by which somebody decides for an athlete, once."""

from app.settings import Settings

PATH = "/consent"


def guardian_url(settings: Settings, token: str) -> str:
    """Return the address; the secret stands behind the ``#``, which a browser keeps to itself."""
    return f"{settings.base_url}{PATH}#{token}"
