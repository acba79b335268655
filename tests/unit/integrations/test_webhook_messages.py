"""Our signatures as the Standard Webhooks library sees them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.integrations.webhook_messages import body_of, headers_of, secret_of, signature_of

SECRET, OLD = (secret_of(salt, secret_key="k" * 40) for salt in (b"1" * 16, b"0" * 16))
NOW = datetime.now(UTC)
BODY = body_of(
    event="recording.ready",
    happened_at=NOW,
    content={"recording_id": "r-1", "athlete_id": None},
    base_url="https://screen.example.org",
)


def _headers(**changes):
    # sent now: the library refuses what is five minutes old
    made = {"message_id": "m-1", "sent_at": datetime.now(UTC), "secrets": [SECRET]} | changes
    return headers_of(BODY, **made)


def test_signature_when_made_by_the_library_then_the_same() -> None:
    theirs = Webhook(SECRET).sign("m-1", NOW, BODY.decode())
    assert signature_of(BODY, message_id="m-1", timestamp_s=int(NOW.timestamp()), secret=SECRET) == theirs


def test_message_when_sent_then_the_library_takes_it() -> None:
    assert Webhook(SECRET).verify(BODY, _headers()) == json.loads(BODY)


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (BODY.replace(b"r-1", b"r-2"), {}),
        (BODY, {"webhook-id": "m-2"}),
        (BODY, {"webhook-signature": "v1,AAAA"}),
    ],
)
def test_message_when_tampered_with_then_the_library_refuses_it(body: bytes, changes) -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, _headers() | changes)


def test_message_when_its_time_was_changed_then_the_library_refuses_it() -> None:
    headers = _headers()
    later = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers | {"webhook-timestamp": later})


def test_message_when_it_is_ten_minutes_old_then_the_library_refuses_it() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, _headers(sent_at=datetime.now(UTC) - timedelta(minutes=10)))


def test_message_when_the_secret_is_being_exchanged_then_both_secrets_verify_it() -> None:
    headers = _headers(secrets=[SECRET, OLD])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, OLD):
        Webhook(secret).verify(BODY, headers)


def test_secret_when_shown_then_it_is_256_bits_that_need_both_the_salt_and_our_key() -> None:
    assert SECRET.startswith("whsec_")
    assert len({SECRET, OLD, secret_of(b"1" * 16, secret_key="l" * 40)}) == 3
    assert secret_of(b"1" * 16, secret_key="k" * 40) == SECRET


def test_body_when_made_then_ids_and_links_alone() -> None:
    document = json.loads(BODY)
    assert document["type"] == "recording.ready"
    assert document["timestamp"].endswith("Z")
    assert document["data"] == {
        "recording_id": "r-1",
        "athlete_id": None,
        "links": {"recording": "https://screen.example.org/api/v1/recordings/r-1"},
    }
