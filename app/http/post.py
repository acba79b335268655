"""Where routes put letters, and what they seal secrets with."""

from app.services.outbox import Post
from app.services.sealing import Seal, seal_of
from app.settings import Settings


def seal_from(settings: Settings) -> Seal:
    """Return what seals and opens stored secrets."""
    return seal_of(settings.secret_key.get_secret_value())


def post_of(settings: Settings) -> Post | None:
    """Return where letters are put, or None when no mail server is configured: then links are shown instead."""
    if settings.smtp_host is None:
        return None
    return Post(base_url=settings.base_url, seal=seal_from(settings))
