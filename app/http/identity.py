"""Who is asking: an API key in the Authorization header, or the login cookie of the pages."""

import hashlib
import re
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request

from app.domain.access import Origin, Principal
from app.domain.errors import CsrfError, InvalidCredentialsError, NotSignedInError
from app.http.parts import Parts
from app.http.rate_limits import BAD_KEY_BY_ADDRESS, REQUESTS
from app.services import accounts, day_stations, oauth
from app.services.day_stations import Stay
from app.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_SECRET_CHARS = 512
_A_FILE: Final = re.compile(r"/api/v1/uploads/([0-9a-fA-F-]{36})")
"""The only addresses of REST at which a phone of a station is known: files that its station announced."""


def login_cookie_name(settings: Settings) -> str:
    """Return the cookie's name; behind https the browser itself holds it to this host and to https."""
    return "__Host-plumbline" if is_https(settings) else "plumbline"


def station_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie of a phone at a station."""
    return "__Host-plumbline-station" if is_https(settings) else "plumbline-station"


def is_https(settings: Settings) -> bool:
    """Say whether users reach the service by https."""
    return settings.base_url.startswith("https://")


def client_address(request: Request) -> str:
    """Return the network address the request came from; uvicorn fills it in behind a trusted proxy."""
    return request.client.host if request.client else "unknown"


def origin_of(request: Request) -> Origin:
    """Return where a request came from, for the audit trail."""
    user_agent = request.headers.get("user-agent", "")
    return Origin(
        request_id=str(request.state.request_id),
        address=client_address(request),
        user_agent_sha256=hashlib.sha256(user_agent.encode()).hexdigest(),
    )


def authenticate_request(request: Request, parts: Parts) -> Principal:
    """Return who is asking, or raise `NotSignedInError` / `InvalidCredentialsError` / `CsrfError`.

    A header wins over a cookie. A cookie alone never changes anything for a request from another site.
    """
    header = request.headers.get("authorization")
    if header is not None:
        principal = _by_key(header, request=request, parts=parts)
    else:
        principal = _by_stay(request, parts) or authenticate_login(request, parts)
        if request.method not in SAFE_METHODS:
            check_same_origin(request.headers, settings=parts.settings)
    subject = str(principal.api_key_id or principal.user_id or principal.station_pass_id)
    try:
        parts.rate_limiter.hit(REQUESTS, subject)
    finally:
        request.state.headers = parts.rate_limiter.allowance(REQUESTS, subject).headers()
    request.state.principal = principal
    return principal


def authenticate_login(request: Request, parts: Parts) -> Principal:
    """Return who the login cookie belongs to, or raise `NotSignedInError`."""
    token = request.cookies.get(login_cookie_name(parts.settings))
    if not token or len(token) > _MAX_SECRET_CHARS:
        raise NotSignedInError(
            "You are not signed in.",
            how_to_fix="Sign in, or send an API key in the header: Authorization: Bearer pl_live_…",
        )
    with parts.uow_factory(None) as uow:
        principal = replace(accounts.resolve_login(uow=uow, token=token), origin=origin_of(request))
    request.state.principal = principal
    return principal


def authenticate_stay(request: Request, parts: Parts, *, capture_id: UUID | None = None) -> Stay:
    """Return at which station a phone is, or raise `NotSignedInError`.

    With a capture, raise `NotFoundError` unless that station announced it.
    """
    token = request.cookies.get(station_cookie_name(parts.settings))
    if not token or len(token) > _MAX_SECRET_CHARS:
        raise NotSignedInError("This phone is at no station.", how_to_fix="Ask the trainer for a code.")
    with parts.uow_factory(None) as uow:
        stay = day_stations.resolve_stay(uow=uow, token=token, origin=origin_of(request))
        if capture_id is not None:
            day_stations.check_own_clip(uow=uow, stay=stay, capture_id=capture_id)
    request.state.principal = stay.principal
    return stay


def _by_stay(request: Request, parts: Parts) -> Principal | None:
    """Return the phone that sends a file of its station; None for anything else, and for who is signed in."""
    found = _A_FILE.fullmatch(request.url.path)
    cookies = request.cookies
    if found is None or login_cookie_name(parts.settings) in cookies:
        return None
    if station_cookie_name(parts.settings) not in cookies:
        return None
    try:
        capture_id = UUID(found[1])
    except ValueError:
        return None
    return authenticate_stay(request, parts, capture_id=capture_id).principal


def _by_key(header: str, *, request: Request, parts: Parts) -> Principal:
    address = client_address(request)
    parts.rate_limiter.check(BAD_KEY_BY_ADDRESS, address)
    scheme, _, key = header.partition(" ")
    key = key.strip()
    try:
        if scheme.lower() != "bearer" or not key or len(key) > _MAX_SECRET_CHARS:
            raise InvalidCredentialsError(
                "The Authorization header is not of the expected form.",
                how_to_fix="Send it as: Authorization: Bearer pl_live_…",
            )
        with parts.uow_factory(None) as uow:
            is_token = key.startswith(oauth.PREFIX)
            holder = (
                oauth.resolve_token(uow=uow, token=key)
                if is_token
                else accounts.resolve_api_key(uow=uow, key=key)
            )
            return replace(holder, origin=origin_of(request))
    except InvalidCredentialsError:
        parts.rate_limiter.hit(BAD_KEY_BY_ADDRESS, address)
        raise


def check_same_origin(headers: Headers, *, settings: Settings) -> None:
    """Raise `CsrfError` unless the browser says that the request comes from a page of ours."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    ours = {urlsplit(settings.base_url).netloc, headers.get("host", "")} - {""}
    if site is not None:
        same = site == "same-origin"
    else:
        same = origin is not None and urlsplit(origin).netloc in ours
    if not same:
        raise CsrfError(
            "This request did not come from a page of this service.",
            how_to_fix="Reload the page and try again; programs must send an API key instead of a cookie.",
        )
