"""Forms that only our own pages can send.

Two locks: the browser says that the request comes from our origin (`check_same_origin`), and the form carries
a token that only a page made for this login, or for this visitor of the sign-in page, could hold.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from app.domain.errors import CsrfError
from app.http.identity import check_same_origin, is_https, login_cookie_name
from app.settings import Settings

CSRF_FIELD = "csrf_token"
_VISITOR_BYTES = 24


def visitor_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that ties the sign-in form to a browser that is not signed in."""
    return "__Host-plumbline-visitor" if is_https(settings) else "plumbline-visitor"


def form_token(request: Request, settings: Settings) -> str:
    """Return the token of this browser's forms; empty when it has neither a login nor a visitor cookie."""
    login = request.cookies.get(login_cookie_name(settings))
    visitor = request.cookies.get(visitor_cookie_name(settings))
    if login:
        return sign(f"login:{login}", settings)
    return sign(f"visitor:{visitor}", settings) if visitor else ""


def sign(subject: str, settings: Settings) -> str:
    """Return a keyed hash of the subject; without the key nobody can make one."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.new(key, f"form:{subject}".encode(), hashlib.sha256).hexdigest()


def new_visitor(settings: Settings) -> tuple[str, str]:
    """Return a fresh visitor cookie and the form token that belongs to it."""
    visitor = secrets.token_urlsafe(_VISITOR_BYTES)
    return visitor, sign(f"visitor:{visitor}", settings)


def set_private_cookie(
    response: Response, name: str, value: str, *, settings: Settings, max_age_s: int | None = None
) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=is_https(settings), httponly=True, samesite="lax"
    )


def check_form(request: Request, fields: Mapping[str, str], *, settings: Settings) -> None:
    """Raise `CsrfError` unless the form comes from a page of ours, made for this browser."""
    check_same_origin(request.headers, settings=settings)
    expected = form_token(request, settings)
    given = fields.get(CSRF_FIELD, "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise CsrfError(
            "This form is too old or did not come from a page of this service.",
            how_to_fix="Go back, reload the page and send it again.",
        )
