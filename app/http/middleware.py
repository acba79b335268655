"""Around every request: its id, the headers that protect the browser, one line in the log, no leak on a crash."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("plumbline.access")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = "0" * 32

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: with it a browser sends "Origin: null" on our own forms, and the CSRF check would refuse them
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=()",
    # whatever may be kept says so itself (static files)
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000; includeSubDomains"

ErrorRenderer = Callable[[Request, Exception], Awaitable[Response]]


class RequestContextMiddleware:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, render_error: ErrorRenderer, https: bool) -> None:
        """Wrap the application; `render_error` answers what no handler caught."""
        self._app = app
        self._render_error = render_error
        self._headers = {**SECURITY_HEADERS, **({"Strict-Transport-Security": _HSTS} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = find_request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, scope=scope, headers={**self._headers, "X-Request-ID": request_id})
        started = time.perf_counter()
        try:
            await self._serve(scope, receive, answer)
        finally:
            _log_request(scope, status=answer.status, elapsed_s=time.perf_counter() - started)
            structlog.contextvars.clear_contextvars()

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            answer.status = answer.status or 499
        except Exception as error:
            _log.exception("request_failed")
            if answer.status:
                raise  # too late for an answer: the server closes the connection, which tells the client
            response = await self._render_error(Request(scope, receive), error)
            await response(scope, receive, answer)


class _Answer:
    """The way out: adds headers that the response did not set itself, and notes the status.

    What is to be told of whoever asks stands in `request.state.headers` by then.
    """

    def __init__(self, send: Send, *, scope: Scope, headers: Mapping[str, str]) -> None:
        self._send = send
        self._scope = scope
        self._headers = headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            told = self._scope["state"].get("headers", {})
            for name, value in {**self._headers, **told}.items():
                headers.setdefault(name, value)
        await self._send(message)


def find_request_id(headers: Headers) -> str:
    """Return the trace id the caller sent in a valid `traceparent`, or a new id; nothing else is taken over."""
    match = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if match is not None and match[1] != _NO_TRACE:
        return match[1]
    return uuid4().hex


def _log_request(scope: Scope, *, status: int, elapsed_s: float) -> None:
    """Write one line: the route's pattern rather than the address, so that no id or query of a person is kept."""
    principal = scope["state"].get("principal")
    _log.info(
        "request",
        method=scope["method"],
        route=_pattern(scope),
        status=status,
        duration_ms=round(elapsed_s * 1000, 1),
        organisation_id=None if principal is None else str(principal.organisation_id),
        user_id=_text(principal, "user_id"),
        api_key_id=_text(principal, "api_key_id"),
    )


def find_route_patterns(app: FastAPI) -> dict[int, str]:
    """Return each route's whole pattern by the identity of the route that the server notes in the scope."""
    return {id(context.original_route): context.path or "" for context in iter_route_contexts(app.routes)}


class AllowedMethods:
    """Which methods an address takes.

    The router itself names those of one route only, and takes ``/athletes/tombstones`` for an athlete's address when
    the method is not one of the list's own.
    """

    def __init__(self, app: FastAPI) -> None:
        """Read the application's routes."""
        self._methods: dict[re.Pattern[str], set[str]] = {}
        patterns: dict[str, re.Pattern[str]] = {}
        for context in iter_route_contexts(app.routes):
            path = context.path or ""
            pattern = patterns.setdefault(path, compile_path(path)[0])
            self._methods.setdefault(pattern, set()).update(context.methods or ())

    def of(self, path: str) -> frozenset[str]:
        """Return the methods of the routes with the first pattern that fits; none when there is no such address."""
        return frozenset(next((methods for at, methods in self._methods.items() if at.match(path)), ()))


def _pattern(scope: Scope) -> str | None:
    patterns: Mapping[int, str] = scope["app"].state.route_patterns if "app" in scope else {}
    return patterns.get(id(scope.get("route")))


def _text(principal: object, name: str) -> str | None:
    value = getattr(principal, name, None)
    return None if value is None else str(value)
