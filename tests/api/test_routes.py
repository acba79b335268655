"""Laws that hold for every route there is: a declared permission, protective headers, documented errors."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import Mount

from app.http.access import AccessRule
from app.settings import Settings
from tests.api.conftest import Club

PUBLIC = {
    "/healthz",
    "/readyz",
    "/api/v1/openapi.json",
    "/sign-in",
    "/sign-out",
    "/sign-in/second-factor",
    "/sign-in/second-factor/passkey",
    "/sign-in/second-factor/passkey/options",
    "/sign-in/passkey",
    "/sign-in/provider",
    "/sign-in/provider/start",
    "/sign-in/provider/callback",
    "/sign-in/passkey/options",
    "/consent",
    "/consent/decide",
    "/oauth/token",
    "/join",
    "/join/accept",
    "/new-password",
    "/station",
    "/station/worker.js",
    "/forgot-password",
}
"""Routes that anybody may use; add to it with care."""
STATIC = {"/static"}


def rules(dependant: Dependant) -> Iterator[AccessRule]:
    if isinstance(dependant.call, AccessRule):
        yield dependant.call
    for below in dependant.dependencies:
        yield from rules(below)


def test_routes_when_walked_then_each_declares_who_may_use_it(app: FastAPI) -> None:
    silent = [
        context.path
        for context in iter_route_contexts(app.routes)
        if not (isinstance(context.original_route, Mount) and context.path in STATIC)
        and not (isinstance(context.original_route, APIRoute) and list(rules(context.dependant)))
    ]
    assert silent == []


def test_routes_when_public_then_on_the_list(app: FastAPI) -> None:
    public = {
        context.path for context in api_routes(app) if any(rule.public for rule in rules(context.dependant))
    }
    assert public <= PUBLIC


def test_routes_of_rest_when_not_public_then_a_permission_is_named(app: FastAPI) -> None:
    nameless = [
        context.path
        for context in api_routes(app)
        if (context.path or "").startswith("/api/")
        and context.path not in PUBLIC
        and not any(rule.permission for rule in rules(context.dependant))
    ]
    assert nameless == []


def api_routes(app: FastAPI) -> list[RouteContext]:
    return [
        context for context in iter_route_contexts(app.routes) if isinstance(context.original_route, APIRoute)
    ]


def test_routes_when_nobody_is_signed_in_then_401_before_anything_else(
    app: FastAPI, anonymous: httpx.Client
) -> None:
    asked = 0
    for context in api_routes(app):
        if not (context.path or "").startswith("/api/") or context.path in PUBLIC:
            continue
        for method in context.methods or ():
            answer = anonymous.request(method, (context.path or "").replace("{frame}", "1"))
            assert answer.status_code == 401, (method, context.path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            asked += 1
    assert asked >= 15


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/teams", "/api/v1/nothing"])
def test_answers_when_sent_then_carry_protective_headers(club: Club, path: str) -> None:
    headers = club.client.get(path).headers
    policy = headers["Content-Security-Policy"]
    for directive in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert directive in policy.split("; ")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "server" not in headers


def test_request_id_when_traced_then_taken_over_and_otherwise_made(anonymous: httpx.Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = anonymous.get("/healthz", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert traced.headers["X-Request-ID"] == trace
    made = anonymous.get("/healthz", headers={"traceparent": "00-evil-x", "X-Request-ID": "mine"})
    assert made.headers["X-Request-ID"] not in {"mine", trace}
    assert len(made.headers["X-Request-ID"]) == 32


def test_health_when_all_is_well_then_ok(anonymous: httpx.Client) -> None:
    assert anonymous.get("/healthz").json() == {"status": "ok"}
    assert anonymous.get("/readyz").json() == {"status": "ok", "database": "ok", "storage": "ok"}


def test_https_when_public_address_has_it_then_hsts_and_host_cookie() -> None:
    from app.http.identity import is_https, login_cookie_name

    settings = Settings(public_url="https://screen.example.org")
    assert is_https(settings)
    assert login_cookie_name(settings).startswith("__Host-")
