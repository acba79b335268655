"""Webhooks over REST: made, changed, read, and nobody else's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.access import Permission
from app.domain.webhooks import WebhookEvent
from app.http.webhook_config import webhook_config
from app.integrations.webhook_post import WebhookPost
from app.services.deliver_webhooks import Courier, WebhookPolicy
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem

HOOKS = "/api/v1/webhooks"
URL = "https://hooks.example.org/in"


def make(club: Club, **body: Any) -> dict[str, Any]:
    answer = club.client.post(HOOKS, json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{HOOKS}/{answer.json()['id']}"
    made: dict[str, Any] = answer.json()
    return made


def run(parts: PartsForTests, club: Club) -> None:
    """Send what is due; the public name leads nowhere."""
    courier = Courier(
        uow_factory=parts.uow_factory,
        post=WebhookPost(user_agent="Plumbline/test", resolve=lambda _host, _port: ["10.0.0.1"]),
        config=webhook_config(parts.settings),
        policy=WebhookPolicy(),
    )
    for endpoint_id in courier.hand_out(club.organisation_id):
        courier.deliver(club.organisation_id, endpoint_id)


def test_webhook_when_made_then_the_secret_is_shown_once(club: Club) -> None:
    made = make(club, description="Club database", events=["recording.ready", "athlete.erased"])
    assert made["secret"].startswith("whsec_")
    found = club.client.get(f"{HOOKS}/{made['id']}")
    assert found.headers["etag"] == '"v1"'
    assert made == found.json() | {"secret": made["secret"]}
    assert made["secret"] not in club.client.get(HOOKS).text
    rotated = club.client.post(f"{HOOKS}/{made['id']}/rotate").json()
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_until"] is not None


def test_webhook_when_changed_then_only_what_is_named_and_only_the_version_that_was_read(club: Club) -> None:
    made = make(club, events=["recording.ready"])
    path = f"{HOOKS}/{made['id']}"
    edited = club.client.patch(path, json={"description": "New"}, headers={"If-Match": '"v1"'})
    assert (edited.json()["description"], edited.json()["events"], edited.headers["etag"]) == (
        "New",
        ["recording.ready"],
        '"v2"',
    )
    late = club.client.patch(path, json={"description": "Late"}, headers={"If-Match": '"v1"'})
    check_problem(late, code="precondition_failed")
    everything = club.client.patch(path, json={"events": None, "enabled": False}).json()
    assert (everything["events"], everything["enabled"], everything["disabled_reason"]) == (
        None,
        False,
        "by_hand",
    )
    check_problem(club.client.post(f"{path}/test"), code="invalid_input")
    assert club.client.patch(path, json={"enabled": True}).json()["disabled_reason"] is None
    assert club.client.delete(path).status_code == 204
    check_problem(club.client.get(path), code="not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://hooks.example.org/"},
        {"url": "https://192.168.0.1/"},
        {"url": "https://localhost/"},
        {"url": URL, "events": ["no.such.event"]},
        {"url": URL, "secret": "whsec_mine"},
        {"url": URL, "organisation_id": "0190a5a0-0000-7000-8000-000000000000"},
    ],
)
def test_webhook_when_it_makes_no_sense_then_422(club: Club, body: dict[str, Any]) -> None:
    check_problem(club.client.post(HOOKS, json=body), code="invalid_input")


def test_test_when_sent_then_the_log_says_what_came_of_it(club: Club, parts: PartsForTests) -> None:
    made = make(club)
    path = f"{HOOKS}/{made['id']}"
    answer = club.client.post(f"{path}/test")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    run(parts, club)
    delivery = club.client.get(f"{path}/deliveries/{answer.json()['id']}").json()
    assert delivery["event"] == "webhook.test"
    assert [each["failure"] for each in delivery["attempts"]] == ["address_refused"]
    assert delivery["next_attempt_at"] is not None
    listed = club.client.get(f"{path}/deliveries", params={"state": "pending"}).json()["items"]
    assert [each["id"] for each in listed] == [delivery["id"]]
    assert club.client.get(f"{path}/deliveries", params={"state": "failed"}).json()["items"] == []
    assert club.client.get(path).json()["failing_since"] is not None


def test_replay_when_asked_for_then_the_messages_since_then(club: Club, parts: PartsForTests) -> None:
    made = make(club)
    path = f"{HOOKS}/{made['id']}"
    club.client.post("/api/v1/athletes", json={"name": "Ada Berg"})
    run(parts, club)
    [delivery] = club.client.get(f"{path}/deliveries").json()["items"]
    assert delivery["content"].keys() == {"athlete_id"}
    again = club.client.post(f"{path}/deliveries/{delivery['id']}/replay")
    assert (again.status_code, again.json()["message_id"]) == (202, delivery["message_id"])
    since = datetime.now(UTC) - timedelta(hours=1)
    answer = club.client.post(f"{path}/replay", json={"since": since.isoformat()})
    assert answer.json() == {"n_messages": 0}
    old = club.client.post(f"{path}/replay", json={"since": "2020-01-01T00:00:00Z"})
    check_problem(old, code="invalid_input")


def test_list_when_long_then_page_by_page(make_club: Callable[[], Club]) -> None:
    club = make_club()
    made = [make(club)["id"] for _ in range(3)]
    first = club.client.get(HOOKS, params={"limit": 2}).json()
    rest = club.client.get(HOOKS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]


def test_kinds_when_listed_then_all_of_them(club: Club) -> None:
    items = club.client.get("/api/v1/webhook-events").json()["items"]
    assert {each["type"] for each in items} == {event.value for event in WebhookEvent}


def test_webhooks_when_the_key_has_another_scope_then_403(
    club: Club, parts: PartsForTests, address: str
) -> None:
    key = make_key(parts, club.principal, scopes=frozenset({Permission.KEYS_MANAGE, Permission.ROSTER_WRITE}))
    with client_with_key(address, key) as client:
        check_problem(client.get(HOOKS), code="forbidden")


def test_webhooks_when_managed_then_the_audit_trail_knows(club: Club) -> None:
    made = make(club)
    path = f"{HOOKS}/{made['id']}"
    club.client.post(f"{path}/test")
    club.client.post(f"{path}/rotate")
    club.client.delete(path)
    found = club.client.get("/api/v1/audit", params={"object_id": made["id"]}).json()["items"]
    assert [each["act"] for each in found] == [
        "webhook.removed",
        "webhook.secret_rotated",
        "webhook.tested",
        "webhook.created",
    ]
    assert made["secret"] not in str(found)
