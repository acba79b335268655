"""Asking an identity provider that an organisation named, without being led anywhere.

The same care as with webhooks: the name is resolved once, every address must lie on the public internet, the connection
goes to the address that was looked at, no redirect is followed, and the whole request has a deadline.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from app.integrations.oidc import ProviderError
from app.integrations.webhook_post import (
    PinnedConnection,
    Resolve,
    TargetRefusedError,
    check_target,
    is_public,
    resolve,
)

MAX_ANSWER_BYTES: Final = 512 * 1024
TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFetch:
    """Asks for JSON objects; holds nothing between two of them."""

    user_agent: str
    allow_private: bool = False
    """Also http and addresses that are not on the public internet: for a provider in one's own network, and tests."""
    timeout_s: float = TIMEOUT_S
    resolve: Resolve = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def __call__(
        self, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Get, or with a form post; raise `ProviderError` when there is no such answer."""
        status, body = self._ask(url, headers=headers, form=form)
        if status != 200:
            raise ProviderError(f"It answered {status}.")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProviderError("Its answer is no JSON object.")
        return found

    def _ask(
        self, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        try:
            target = check_target(url, allow_private=self.allow_private)
            addresses = self.resolve(target.host, target.port)
        except TargetRefusedError as error:
            raise ProviderError(str(error)) from None
        except (OSError, UnicodeError):
            raise ProviderError("There is no such host.") from None
        if not addresses or not (self.allow_private or all(map(is_public, addresses))):
            raise ProviderError("The address is not on the public internet.")
        connection = PinnedConnection(
            target,
            address=addresses[0],
            tls=self.tls if target.is_https else None,
            timeout_s=self.timeout_s,
        )
        sent = {
            "User-Agent": self.user_agent,
            "Accept": "application/json",
            "Connection": "close",
            **headers,
        }
        body = None
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        try:
            with connection.deadline():
                connection.request("GET" if body is None else "POST", target.path, body=body, headers=sent)
                response = connection.getresponse()
                answer = response.read(MAX_ANSWER_BYTES + 1)
                connection.check()  # cut off, half an answer looks like a whole one
        except Exception:  # noqa: BLE001 whatever a hostile answer makes the library do is no answer
            raise ProviderError("It did not answer.") from None
        if len(answer) > MAX_ANSWER_BYTES:
            raise ProviderError("Its answer is too large.")
        return response.status, answer
