"""Sending a message to an address that somebody else chose, without being led anywhere.

The name is resolved once, every address it has must lie on the public internet, and the connection goes to the very
address that was looked at; so a name that answers differently the second time changes nothing. TLS is checked against
the name. Redirects are not followed, little of the answer is read, and the whole attempt has a deadline.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from app.domain.webhooks import PostFailure, PostOutcome

MAX_URL_CHARS: Final = 2000
MAX_ANSWER_BYTES: Final = 4096
SHOWN_ANSWER_CHARS: Final = 500
TIMEOUT_S: Final = 15.0
_HTTPS_PORT: Final = 443
_EMBEDDING: Final = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "2002::/16", "2001::/32"))
"""Addresses that hold another one: NAT64, 6to4, Teredo. What is behind them cannot be told from here."""

Resolve = Callable[[str, int], list[str]]
"""Name and port in, every address of the name out; raises `OSError` when there is none."""


class TargetRefusedError(ValueError):
    """Nothing is sent to this address; the message says why, for whoever entered it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address taken apart."""

    is_https: bool
    host: str
    port: int
    path: str
    """With the query."""


def check_target(url: str, *, allow_private: bool) -> Target:
    """Return the address taken apart, or raise `TargetRefusedError`; nothing is looked up."""
    if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
        raise TargetRefusedError("The address is too long, or holds characters that no address has.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise TargetRefusedError("This is not an address.") from None
    _check_parts(parts, host, allow_private=allow_private)
    is_https = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_https=is_https, host=host, port=port or (_HTTPS_PORT if is_https else 80), path=path)


def _check_parts(parts: SplitResult, host: str, *, allow_private: bool) -> None:
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise TargetRefusedError("The address must begin with https://.")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetRefusedError("The address needs a host, and no user, password or #.")
    if allow_private:
        return
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".home.arpa")):
        raise TargetRefusedError("The address is not on the public internet.")
    try:
        literal = str(ipaddress.ip_address(host))
    except ValueError:
        if "." not in host:
            raise TargetRefusedError("The address is not on the public internet.") from None
        return
    if not is_public(literal):
        raise TargetRefusedError("The address is not on the public internet.")


def is_public(address: str) -> bool:
    """Say whether an address lies on the public internet: not private, loopback, link-local, shared or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _EMBEDDING):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def resolve(host: str, port: int) -> list[str]:
    """Return every address of a name, in the order in which they are to be tried."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPost:
    """Sends messages; holds nothing between two of them."""

    user_agent: str
    allow_private: bool = False
    """Also http and addresses that are not on the public internet: for a receiver in one's own network, and tests."""
    timeout_s: float = TIMEOUT_S
    resolve: Resolve = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def __call__(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostOutcome:
        """Post the body; whatever happens is the outcome, nothing is raised."""
        started_s = time.monotonic()

        def outcome(
            failure: PostFailure | None, status: int | None = None, answer: str = "", retry_after: str = ""
        ) -> PostOutcome:
            return PostOutcome(
                duration_ms=round(1000 * (time.monotonic() - started_s)),
                status=status,
                failure=failure,
                answer=answer,
                retry_after_s=float(retry_after)
                if retry_after.isdecimal() and len(retry_after) < 8
                else None,
            )

        try:
            target = check_target(url, allow_private=self.allow_private)
            addresses = self.resolve(target.host, target.port)
        except TargetRefusedError:
            return outcome(PostFailure.ADDRESS_REFUSED)
        except (OSError, UnicodeError):
            return outcome(PostFailure.NOT_FOUND)
        if not addresses:
            return outcome(PostFailure.NOT_FOUND)
        if not self.allow_private and not all(map(is_public, addresses)):
            return outcome(PostFailure.ADDRESS_REFUSED)
        connection = PinnedConnection(
            target, address=addresses[0], tls=self.tls if target.is_https else None, timeout_s=self.timeout_s
        )
        sent = {"User-Agent": self.user_agent, "Connection": "close", **headers}
        try:
            with connection.deadline():
                connection.request("POST", target.path, body=body, headers=sent)
                response = connection.getresponse()
                connection.check()  # cut off, half an answer looks like a whole one
                answer = _beginning(response)
        except Exception as error:  # noqa: BLE001 whatever a hostile answer makes the library do is a failed attempt
            return outcome(connection.why(error))
        failure = _judge(response.status)
        return outcome(failure, response.status, answer, response.headers.get("Retry-After", ""))


class PinnedConnection(http.client.HTTPConnection):
    """A connection to one address, whatever the name leads to by now; TLS is checked against the name."""

    def __init__(self, target: Target, *, address: str, tls: ssl.SSLContext | None, timeout_s: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout_s)
        self.default_port = _HTTPS_PORT if target.is_https else 80
        self._address = address
        self._tls = tls
        self._timeout_s = timeout_s
        self._is_over = threading.Event()

    def connect(self) -> None:
        """Connect to the address that was looked at."""
        self.sock = socket.create_connection((self._address, self.port), timeout=self._timeout_s)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def deadline(self) -> "_Deadline":
        """Return what ends the connection when the attempt takes too long, however slowly bytes drip in."""
        return _Deadline(self, timeout_s=self._timeout_s)

    def check(self) -> None:
        """Raise `TimeoutError` when the deadline has passed."""
        if self._is_over.is_set():
            raise TimeoutError

    def break_off(self) -> None:
        """End it from another thread."""
        self._is_over.set()
        taken = self.sock
        if taken is not None:
            try:
                taken.shutdown(socket.SHUT_RDWR)
            except OSError:  # over already
                return

    def why(self, error: Exception) -> PostFailure:
        """Return what an error means."""
        if self._is_over.is_set() or isinstance(error, TimeoutError):
            return PostFailure.TIMEOUT
        if isinstance(error, ssl.SSLError):
            return PostFailure.TLS
        return PostFailure.CONNECTION if isinstance(error, OSError) else PostFailure.PROTOCOL


class _Deadline:
    """Ends a connection after so many seconds, unless it is left before; closes it in any case."""

    def __init__(self, connection: PinnedConnection, *, timeout_s: float) -> None:
        self._connection = connection
        self._timer = threading.Timer(timeout_s, connection.break_off)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()


def _beginning(response: http.client.HTTPResponse) -> str:
    """Return how the answer begins, as text that can be shown; a broken end does not matter."""
    try:
        content = response.read(MAX_ANSWER_BYTES)
    except (http.client.HTTPException, OSError):
        return ""
    text = content.decode("utf-8", errors="replace")
    return "".join(each if each.isprintable() else " " for each in text)[:SHOWN_ANSWER_CHARS].strip()


def _judge(status: int) -> PostFailure | None:
    if 200 <= status < 300:
        return None
    return PostFailure.REDIRECT if 300 <= status < 400 else PostFailure.STATUS
