"""Messages as the Standard Webhooks specification wants them: headers, body, secret and signature.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # what the specification puts before every secret
SALT_BYTES: Final = 16


def secret_of(salt: bytes, *, secret_key: str) -> str:
    """Return the secret that belongs to a salt: the same as often as it is asked for, and kept nowhere.

    256 bits that follow from the service's own key; who reads the database alone can sign nothing.
    """
    digest = hmac.new(secret_key.encode(), b"plumbline webhook secret\x00" + salt, hashlib.sha256).digest()
    return SECRET_PREFIX + base64.b64encode(digest).decode()


def signature_of(body: bytes, *, message_id: str, timestamp_s: int, secret: str) -> str:
    """Return ``v1,`` and the HMAC-SHA256 over id, timestamp and body, in base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers_of(body: bytes, *, message_id: str, sent_at: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of a message, with one signature by each secret that holds: two during a rotation."""
    timestamp_s = int(sent_at.timestamp())
    signatures = (
        signature_of(body, message_id=message_id, timestamp_s=timestamp_s, secret=secret)
        for secret in secrets
    )
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


def body_of(*, event: str, happened_at: datetime, content: dict[str, object], base_url: str) -> bytes:
    """Return the body: type, timestamp and ids with where to read about them. The same at every attempt."""
    links = {
        name: f"{base_url}/api/v1/{path}/{content[key]}"
        for name, key, path in _LINKS
        if content.get(key) is not None
    }
    happened = happened_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document = {"type": event, "timestamp": happened, "data": {**content, "links": links}}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


_LINKS: Final = (
    ("capture", "capture_id", "captures"),
    ("recording", "recording_id", "recordings"),
    ("analysis", "analysis_id", "analyses"),
    ("screening", "screening_id", "screenings"),
    ("athlete", "athlete_id", "athletes"),
    ("merged_into", "merged_into_id", "athletes"),
    ("screening_day", "screening_day_id", "screening-days"),
    ("reanalysis", "reanalysis_id", "reanalyses"),
    ("change", "change_id", "roster-changes"),
    ("export", "export_id", "exports"),
    ("webhook", "webhook_id", "webhooks"),
)
