"""Webhooks: every message reaches its receiver at least once, or it is seen where it did not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import Engine

from app.domain.errors import InvalidInputError
from app.domain.webhooks import (
    DeliveryState,
    DisabledReason,
    PostFailure,
    WebhookPolicy,
)
from app.integrations.webhook_post import WebhookPost
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import SEND_MAIL
from app.services import webhooks
from app.services.deliver_webhooks import due_organisations, forget_old_messages
from app.services.outbox import Post
from app.services.sealing import Seal
from app.services.webhook_notices import tell_owners
from app.services.webhooks import NewSecret
from tests.factories import (
    make_athlete,
)
from tests.services.webhook_desk import (
    BROKEN,
    CONFIG,
    QUICK,
    UNREACHABLE,
    Desk,
)
from tests.support.receiver import Receiver, receiving


def test_delivery_when_it_fails_then_tried_again_with_the_same_id_and_body_until_taken(desk: Desk) -> None:
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.outcomes = [UNREACHABLE, BROKEN]
    for _ in range(3):
        desk.run()
    [delivery] = desk.deliveries(endpoint)
    found = desk.call(webhooks.get_delivery, webhook_id=endpoint.id, delivery_id=delivery.id)
    assert (delivery.state, delivery.n_attempts) == (DeliveryState.DELIVERED, 3)
    assert [(each.status, each.failure, each.answer) for each in found.attempts] == [
        (None, PostFailure.CONNECTION, ""),
        (500, PostFailure.STATUS, "oops"),
        (204, None, ""),
    ]
    assert desk.sent[0] == desk.sent[1] == desk.sent[2]
    assert desk.look(endpoint).failing_since is None


def test_delivery_when_every_attempt_failed_then_given_up_and_sent_again_by_hand(desk: Desk) -> None:
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.outcomes = [BROKEN] * 3
    for _ in range(4):
        desk.run()
    [delivery] = desk.deliveries(endpoint)
    assert (delivery.state, delivery.n_attempts) == (DeliveryState.FAILED, QUICK.max_attempts)
    assert desk.look(endpoint).n_failed == 1
    desk.call(webhooks.replay_delivery, webhook_id=endpoint.id, delivery_id=delivery.id)
    desk.run()
    [again] = desk.deliveries(endpoint)
    assert (again.state, again.n_attempts, again.message_id) == (
        DeliveryState.DELIVERED,
        1,
        delivery.message_id,
    )
    assert len(desk.sent) == 4


def test_delivery_when_it_waits_and_is_sent_by_hand_then_it_goes_now(desk: Desk) -> None:
    desk.policy = replace(QUICK, retry_delays_s=(3600.0, 3600.0), pauses_s=(3600.0,))
    endpoint = desk.create()
    for name in ("A", "B"):
        make_athlete(desk.uow_factory, desk.club, name=name)
    desk.outcomes = [UNREACHABLE]
    desk.run()
    desk.run()
    assert len(desk.sent) == 1, "the endpoint is left alone"
    [first, _] = desk.deliveries(endpoint)
    assert (first.state, first.n_attempts) == (DeliveryState.PENDING, 1)
    desk.call(webhooks.replay_delivery, webhook_id=endpoint.id, delivery_id=first.id)
    desk.run()
    assert [each.state for each in desk.deliveries(endpoint)] == [DeliveryState.DELIVERED] * 2
    assert {each[1]["data"]["athlete_id"] for each in desk.sent[1:]} == {
        each.content["athlete_id"] for each in desk.deliveries(endpoint)
    }


def test_policy_when_read_then_ten_attempts_over_about_three_days() -> None:
    policy = WebhookPolicy()
    assert policy.max_attempts == 10
    assert 3.0 < sum(policy.retry_delays_s) / 86400.0 < 3.3
    assert list(policy.retry_delays_s) == sorted(policy.retry_delays_s)
    assert [policy.pause_s(n) for n in (1, 5, 50)] == [5.0, 900.0, 900.0]


def test_delivery_when_it_failed_then_not_before_its_time(desk: Desk) -> None:
    desk.policy = WebhookPolicy(jitter=0.2)
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.outcomes = [BROKEN]
    desk.run()
    desk.run()
    [delivery] = desk.deliveries(endpoint)
    assert len(desk.sent) == 1
    assert delivery.last_attempt is not None
    assert delivery.next_attempt_at is not None
    wait_s = (delivery.next_attempt_at - delivery.last_attempt.at).total_seconds()
    assert 4.0 <= wait_s <= 6.1


def test_endpoint_when_down_then_left_alone_rather_than_asked_with_every_message(desk: Desk) -> None:
    desk.policy = replace(QUICK, pauses_s=(3600.0,))
    endpoint = desk.create()
    for name in ("A", "B", "C"):
        make_athlete(desk.uow_factory, desk.club, name=name)
    desk.outcomes = [UNREACHABLE]
    desk.run()
    desk.run()
    assert len(desk.sent) == 1
    assert desk.look(endpoint).n_pending == 3


def test_endpoint_when_one_message_is_refused_then_the_others_are_sent_all_the_same(desk: Desk) -> None:
    desk.policy = replace(QUICK, retry_delays_s=(3600.0,), pauses_s=(3600.0,))
    endpoint = desk.create()
    for name in ("A", "B"):
        make_athlete(desk.uow_factory, desk.club, name=name)
    desk.outcomes = [replace(BROKEN, status=422)]
    desk.run()
    assert [each.state for each in desk.deliveries(endpoint)] == [
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
    ]


def test_endpoint_when_it_asks_for_time_then_it_gets_no_more_than_an_hour(desk: Desk) -> None:
    courier = desk.courier()
    asked = replace(BROKEN, status=429, retry_after_s=86400.0)
    assert courier._pause_s(asked, n_failures=1) == 3600.0
    assert courier._pause_s(replace(BROKEN, status=404), n_failures=1) is None


def test_endpoint_when_it_took_nothing_for_days_then_switched_off_and_told_where_it_is_seen(
    desk: Desk, engine: Engine
) -> None:
    told: list[tuple[UUID, DisabledReason]] = []
    desk.on_disabled = lambda _uow, endpoint_id, reason: told.append((endpoint_id, reason))
    desk.policy = replace(QUICK, disable_after_s=0.0)
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.outcomes = [BROKEN] * 9
    desk.run()
    found = desk.look(endpoint)
    assert (found.enabled, found.disabled_reason, found.n_pending) == (False, DisabledReason.FAILING, 1)
    assert told == [(endpoint.id, DisabledReason.FAILING)]
    assert _acts(desk)[0] == "webhook.disabled"
    make_athlete(desk.uow_factory, desk.club, name="Meanwhile")
    desk.run()
    assert len(desk.sent) == 1
    desk.policy, desk.outcomes = QUICK, []
    since = datetime.now(UTC) - timedelta(minutes=5)
    with pytest.raises(InvalidInputError, match="switched off"):
        desk.call(webhooks.replay_since, webhook_id=endpoint.id, since=since)
    desk.call(webhooks.edit_webhook, config=CONFIG, webhook_id=endpoint.id, changes={"enabled": True})
    assert desk.call(webhooks.replay_since, webhook_id=endpoint.id, since=since) == 1
    assert desk.types(endpoint) == ["athlete.created", "athlete.created"]
    assert {each.state for each in desk.deliveries(endpoint)} == {DeliveryState.DELIVERED}
    assert desk.call(webhooks.replay_since, webhook_id=endpoint.id, since=since) == 0
    assert desk.call(webhooks.replay_since, webhook_id=endpoint.id, since=since, failed_only=False) == 2


def test_endpoint_when_switched_off_and_there_is_a_mail_server_then_the_owners_get_a_letter(
    desk: Desk, queue: MemoryQueue
) -> None:
    seal = Seal("a secret of this test")
    post = Post(base_url="https://screen.example.org", seal=seal)
    desk.on_disabled = partial(tell_owners, post=post)
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.outcomes = [replace(BROKEN, status=410)]
    desk.run()
    [job] = [job for job in queue.jobs if job.name == SEND_MAIL]
    with desk.uow_factory(desk.club.id) as uow:
        claim = uow.mail.claim(UUID(job.args[0]), lease_s=60.0)
    assert claim is not None
    letter = json.loads(seal.open(claim.sealed, purpose="mail", owner=claim.mail_id))
    assert letter["to"] == desk.club.email
    assert f"https://screen.example.org/settings/webhooks/{endpoint.id}" in letter["text"]
    with desk.uow_factory(desk.club.id) as uow:
        tell_owners(uow, endpoint.id, DisabledReason.GONE, post=None)


def _acts(desk: Desk) -> list[str]:
    with desk.uow_factory(desk.club.id) as uow:
        found = uow.audit.list_newest(
            organisation_id=desk.club.id, before=None, act=None, object_id=None, limit=50
        )
    return [each.act for each in found]


def test_endpoint_when_it_answers_that_it_is_gone_then_switched_off_at_once(desk: Desk) -> None:
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.outcomes = [replace(BROKEN, status=410)]
    desk.run()
    found = desk.look(endpoint)
    assert (found.enabled, found.disabled_reason, found.n_failed) == (False, DisabledReason.GONE, 1)


def test_endpoint_when_the_services_own_key_was_exchanged_then_nothing_wrongly_signed_is_sent(
    desk: Desk,
) -> None:
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.config = replace(CONFIG, secret_key="another" * 8)
    desk.run()
    assert desk.sent == []
    assert desk.look(endpoint).disabled_reason is DisabledReason.SECRET_LOST
    desk.call(webhooks.rotate_secret, config=desk.config, webhook_id=endpoint.id)
    desk.run()
    assert [each.state for each in desk.deliveries(endpoint)] == [DeliveryState.DELIVERED]


def test_attempt_when_its_worker_died_then_made_again_and_a_late_one_changes_nothing(desk: Desk) -> None:
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    courier = desk.courier()
    courier.hand_out(desk.club.id)
    ids = {"organisation_id": desk.club.id, "endpoint_id": endpoint.id}
    with desk.uow_factory(desk.club.id) as uow:
        late = uow.deliveries.claim(**ids, lease_s=0.0)
    assert late is not None
    assert desk.club.id in due_organisations(uow_factory=desk.uow_factory)
    desk.run(courier)
    with desk.uow_factory(desk.club.id) as uow:
        assert not uow.deliveries.record(late, organisation_id=desk.club.id, outcome=BROKEN, retry_in_s=None)
    [delivery] = desk.deliveries(endpoint)
    assert (delivery.state, delivery.n_attempts) == (DeliveryState.DELIVERED, 2)
    assert desk.club.id not in due_organisations(uow_factory=desk.uow_factory)


def test_messages_when_old_then_forgotten_with_their_log(desk: Desk) -> None:
    endpoint = desk.create()
    make_athlete(desk.uow_factory, desk.club)
    desk.run()
    with desk.uow_factory(desk.club.id) as uow:
        assert forget_old_messages(uow, organisation_id=desk.club.id) == 0
        assert uow.webhooks.drop_old(organisation_id=desk.club.id, older_than_s=0.0) == 1
    assert desk.deliveries(endpoint) == []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_consumer_when_built_from_the_library_alone_then_takes_ours_through_a_rotation_and_refuses_another(
    desk: Desk, receiver: Receiver
) -> None:
    with desk.uow_factory(desk.club.principal) as uow:
        new: NewSecret = webhooks.create_webhook(
            uow=uow, principal=desk.club.principal, config=CONFIG, url=receiver.url
        )
    courier = desk.courier(post=WebhookPost(user_agent="Plumbline/test", allow_private=True))
    receiver.secret = new.secret
    desk.call(webhooks.send_test, webhook_id=new.endpoint.id)
    desk.run(courier)
    rotated = desk.call(webhooks.rotate_secret, config=CONFIG, webhook_id=new.endpoint.id)
    for secret in (new.secret, rotated.secret):
        receiver.secret = secret
        desk.call(webhooks.send_test, webhook_id=new.endpoint.id)
        desk.run(courier)
    assert receiver.types == ["webhook.test"] * 3
    with desk.uow_factory(desk.club.principal) as uow:
        webhooks.rotate_secret(
            uow=uow, principal=desk.club.principal, config=CONFIG, webhook_id=new.endpoint.id,
            policy=replace(QUICK, secret_overlap_s=0.0),
        )  # fmt: skip
    desk.call(webhooks.send_test, webhook_id=new.endpoint.id)
    desk.run(courier)
    assert len(receiver.refused) >= 1
    assert len(receiver.messages) == 3
