"""Telling other systems: in the transaction of the act, to whom it may concern, again until it is taken."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from app.biomech.types import Verdict
from app.db.repositories.webhooks import Telling
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.athletes import AthleteChange
from app.domain.audit import Act
from app.domain.consent import Purpose, Relation
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.lifecycle import Trigger
from app.domain.webhooks import (
    CHOSEN,
    DESCRIPTIONS,
    DeliveryState,
    DisabledReason,
    PostFailure,
    PostOutcome,
    WebhookEvent,
    WebhookPolicy,
)
from app.integrations.webhook_post import WebhookPost
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import DELIVER_WEBHOOKS, SEND_MAIL
from app.services import webhooks
from app.services.athletes import edit_athlete
from app.services.consents import record_consent
from app.services.deliver_webhooks import Courier, due_organisations, forget_old_messages
from app.services.erasure import erase_athlete, run_erasure
from app.services.moves import merge_athletes, move_recording
from app.services.outbox import Post
from app.services.read_models import AthleteSummary
from app.services.sealing import Seal
from app.services.undo_changes import undo_change
from app.services.webhook_config import WebhookConfig
from app.services.webhook_notices import tell_owners
from app.services.webhooks import DeliveryView, EndpointView, NewSecret
from app.storage.local import LocalBlobStore
from tests.factories import (
    REJECTED,
    Club,
    finish_recording,
    make_athlete,
    make_record,
    make_recording,
    make_team,
    places_of,
)
from tests.support.receiver import Receiver, receiving

CONFIG = WebhookConfig(secret_key="k" * 40, base_url="https://screen.example.org", allow_private=True)
QUICK = WebhookPolicy(retry_delays_s=(0.0, 0.0), pauses_s=(0.0,), jitter=0.0)
TAKEN = PostOutcome(duration_ms=3, status=204, failure=None)
BROKEN = PostOutcome(duration_ms=3, status=500, failure=PostFailure.STATUS, answer="oops")
UNREACHABLE = PostOutcome(duration_ms=3, status=None, failure=PostFailure.CONNECTION)


@dataclass(slots=True, kw_only=True)
class Desk:
    """A club's webhooks, and a courier for them."""

    club: Club
    uow_factory: UnitOfWorkFactory
    policy: WebhookPolicy = QUICK
    config: WebhookConfig = CONFIG
    outcomes: list[PostOutcome] = field(default_factory=list)
    """Of the next attempts; taken when it is empty."""
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    on_disabled: Callable[..., None] | None = None

    def create(self, **changes: Any) -> EndpointView:
        with self.uow_factory(self.club.principal) as uow:
            values: dict[str, Any] = {"url": f"https://hooks.example.org/{uuid4().hex}"} | changes
            return webhooks.create_webhook(
                uow=uow, principal=self.club.principal, config=self.config, **values
            ).endpoint

    def call(self, use_case: Callable[..., Any], **values: Any) -> Any:
        with self.uow_factory(self.club.principal) as uow:
            return use_case(uow=uow, principal=self.club.principal, **values)

    def look(self, endpoint: EndpointView) -> EndpointView:
        found: EndpointView = self.call(webhooks.get_webhook, webhook_id=endpoint.id)
        return found

    def deliveries(self, endpoint: EndpointView) -> list[DeliveryView]:
        """Oldest first."""
        page = self.call(webhooks.list_deliveries, webhook_id=endpoint.id)
        return list(reversed(page.items))

    def types(self, endpoint: EndpointView) -> list[str]:
        self.run()
        return [each.event.value for each in self.deliveries(endpoint)]

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostOutcome:
        self.sent.append((url, json.loads(body)))
        return self.outcomes.pop(0) if self.outcomes else TAKEN

    def courier(self, **changes: Any) -> Courier:
        values: dict[str, Any] = {
            "uow_factory": self.uow_factory, "post": self.post, "config": self.config, "policy": self.policy,
            "on_disabled": self.on_disabled,
        } | changes  # fmt: skip
        return Courier(**values)

    def run(self, courier: Courier | None = None) -> None:
        """Send whatever is due now."""
        taken = courier or self.courier()
        for endpoint_id in taken.hand_out(self.club.id):
            taken.deliver(self.club.id, endpoint_id)


@pytest.fixture
def desk(club: Club, uow_factory: UnitOfWorkFactory) -> Desk:
    return Desk(club=club, uow_factory=uow_factory)


def _somebody(desk: Desk, name: str) -> AthleteSummary:
    return make_athlete(desk.uow_factory, desk.club, name=name)


def _edit(desk: Desk, athlete_id: UUID, sport: str = "netball") -> None:
    desk.call(edit_athlete, athlete_id=athlete_id, change=AthleteChange(sport=sport))


def test_message_when_the_act_is_dropped_then_there_is_none(desk: Desk) -> None:
    endpoint = desk.create()
    athlete = make_athlete(desk.uow_factory, desk.club)

    def edit_and_drop(**ids: Any) -> None:
        edit_athlete(**ids, athlete_id=athlete.id, change=AthleteChange(sport="judo"))
        ids["uow"].webhooks.tell(Telling(event=WebhookEvent.EXPORT_READY))
        raise RuntimeError("dropped")

    with pytest.raises(RuntimeError, match="dropped"):
        desk.call(edit_and_drop)
    assert desk.types(endpoint) == ["athlete.created"]


def test_message_when_nobody_wants_it_then_nothing_is_written(desk: Desk, engine: Engine) -> None:
    make_athlete(desk.uow_factory, desk.club)
    desk.create(events=[WebhookEvent.ATHLETE_ERASED])
    make_athlete(desk.uow_factory, desk.club, name="Bea Cole")
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(desk.club.id)})
        assert connection.scalar(text("SELECT count(*) FROM webhook_message")) == 0


def test_message_when_written_then_a_job_is_sent_after_the_commit(desk: Desk, queue: MemoryQueue) -> None:
    desk.create()
    queue.jobs.clear()
    make_athlete(desk.uow_factory, desk.club)
    assert [(job.name, job.args) for job in queue.jobs] == [(DELIVER_WEBHOOKS, (str(desk.club.id),))]


def test_recordings_when_they_live_then_each_step_is_told_with_ids_alone(
    desk: Desk, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    endpoint = desk.create()
    athlete = make_athlete(desk.uow_factory, desk.club, name="Canary Name")
    made = [
        make_recording(
            desk.uow_factory, blobs, desk.club, folder=tmp_path, athlete=athlete, content=bytes([number])
        ).recording
        for number in range(2)
    ]
    analysis_id = finish_recording(desk.uow_factory, desk.club, made[0].id)
    finish_recording(desk.uow_factory, desk.club, made[1].id, record=REJECTED)
    assert desk.types(endpoint) == [
        "athlete.created", "recording.received", "recording.received",
        "recording.ready", "analysis.recorded", "screening.judged",
        "recording.rejected", "analysis.recorded", "screening.judged",
    ]  # fmt: skip
    document = desk.sent[4][1]
    assert document["data"] == {
        "analysis_id": str(analysis_id),
        "recording_id": str(made[0].id),
        "athlete_id": str(athlete.id),
        "screening_id": document["data"]["screening_id"],
        "supersedes_id": None,
        "run": 1,
        "links": {
            "analysis": f"https://screen.example.org/api/v1/analyses/{analysis_id}",
            "athlete": f"https://screen.example.org/api/v1/athletes/{athlete.id}",
            "recording": f"https://screen.example.org/api/v1/recordings/{made[0].id}",
            "screening": f"https://screen.example.org/api/v1/screenings/{document['data']['screening_id']}",
        },
    }
    said = json.dumps(desk.sent)
    assert not [word for word in ("Canary", "43.6", "deviations", "valid", "14.0") if word in said]


def test_recording_when_every_attempt_failed_then_told(
    desk: Desk, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    endpoint = desk.create(events=[WebhookEvent.RECORDING_FAILED])
    recording = make_recording(desk.uow_factory, blobs, desk.club, folder=tmp_path).recording
    with desk.uow_factory(desk.club.id) as uow:
        claim = uow.recordings.claim(recording.id, lease_s=60.0, max_attempts=1)
        assert claim is not None
        uow.recordings.give_up(claim, detail="reader_died")
    assert desk.types(endpoint) == ["recording.failed"]


def test_recording_when_it_waits_for_consent_or_is_to_be_used_with_care_then_told(
    desk: Desk, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    endpoint = desk.create(
        events=[WebhookEvent.RECORDING_NEEDS_REVIEW, WebhookEvent.RECORDING_AWAITING_CONSENT]
    )
    fine, doubtful, waiting = (
        make_recording(
            desk.uow_factory, blobs, desk.club, folder=tmp_path, athlete=athlete, content=name.encode()
        ).recording
        for name, athlete in ((name, _somebody(desk, name)) for name in ("A", "B", "C"))
    )
    finish_recording(desk.uow_factory, desk.club, fine.id)
    finish_recording(desk.uow_factory, desk.club, doubtful.id, record=make_record(verdict=Verdict.ATTENTION))
    with desk.uow_factory(desk.club.id) as uow:
        uow.recordings.transition(waiting.id, from_state=waiting.state, trigger=Trigger.CONSENT_MISSING)
    assert desk.types(endpoint) == ["recording.needs_review", "recording.awaiting_consent"]
    told = [each.content["recording_id"] for each in desk.deliveries(endpoint)]
    assert told == [str(doubtful.id), str(waiting.id)]


@pytest.mark.parametrize(
    ("act", "event", "name", "path"),
    [
        (Act.DAY_PLANNED, "screening_day.planned", "screening_day", "screening-days"),
        (Act.DAY_CLOSED, "screening_day.closed", "screening_day", "screening-days"),
        (Act.DAY_REOPENED, "screening_day.reopened", "screening_day", "screening-days"),
        (Act.CAPTURE_REFUSED, "capture.refused", "capture", "captures"),
    ],
)
def test_act_when_others_may_wait_for_it_then_told_with_its_id_and_link(
    desk: Desk, act: Act, event: str, name: str, path: str
) -> None:
    endpoint, object_id = desk.create(), uuid4()
    with desk.uow_factory(desk.club.id) as uow:
        uow.audit.record(actor=desk.club.principal, act=act, object_id=object_id)
    assert desk.types(endpoint) == [event]
    [(_, document)] = desk.sent
    assert document["data"][f"{name}_id"] == str(object_id)
    assert document["data"]["links"] == {name: f"https://screen.example.org/api/v1/{path}/{object_id}"}


def test_people_when_merged_moved_agreed_and_erased_then_told(
    desk: Desk, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    kept, double, other = (make_athlete(desk.uow_factory, desk.club, name=name) for name in ("A", "B", "C"))
    recording = make_recording(desk.uow_factory, blobs, desk.club, folder=tmp_path, athlete=kept).recording
    endpoint = desk.create()
    merge = desk.call(merge_athletes, into_id=kept.id, other_id=double.id)
    desk.call(undo_change, change_id=merge.id)
    desk.call(move_recording, recording_id=recording.id, athlete_id=other.id)
    desk.call(
        record_consent,
        athlete_id=other.id,
        given_by="Kim Doe",
        relation=Relation.PARENT,
        purposes={Purpose.SCREENING: True, Purpose.RESEARCH: False},
    )
    receipt = desk.call(erase_athlete, athlete_id=other.id)
    run_erasure(
        uow_factory=desk.uow_factory,
        places=places_of(blobs, tmp_path),
        organisation_id=desk.club.id,
        erasure_id=receipt.id,
    )
    types = desk.types(endpoint)
    told = dict(zip(types, (each.content for each in desk.deliveries(endpoint)), strict=True))
    assert types == [
        "athlete.merged", "roster.change_undone", "recording.moved", "consent.given", "consent.withdrawn",
        "athlete.erased",
    ]  # fmt: skip
    assert told["athlete.merged"]["merged_into_id"] == str(kept.id)
    assert told["athlete.merged"]["athlete_id"] == str(double.id)
    assert told["recording.moved"]["athlete_id"] == str(other.id)
    assert told["consent.given"]["purposes"] == ["screening"]
    assert told["consent.withdrawn"]["purposes"] == ["research"]
    assert told["athlete.erased"]["athlete_id"] == str(other.id)


def test_endpoint_when_it_asked_for_some_kinds_then_only_those(desk: Desk) -> None:
    some = desk.create(events=[WebhookEvent.ATHLETE_UPDATED])
    everything = desk.create()
    _edit(desk, make_athlete(desk.uow_factory, desk.club).id)
    assert desk.types(some) == ["athlete.updated"]
    assert desk.types(everything) == ["athlete.created", "athlete.updated"]


def test_endpoint_when_limited_to_teams_then_not_told_of_others_but_of_who_is_gone(
    desk: Desk, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    team = make_team(desk.uow_factory, desk.club)
    limited = desk.create(team_ids=[team.id])
    stranger = make_athlete(desk.uow_factory, desk.club, name="Stranger")
    member = make_athlete(desk.uow_factory, desk.club, name="Member", team=team)
    receipt = desk.call(erase_athlete, athlete_id=stranger.id)
    run_erasure(
        uow_factory=desk.uow_factory,
        places=places_of(blobs, tmp_path),
        organisation_id=desk.club.id,
        erasure_id=receipt.id,
    )
    assert desk.types(limited) == ["athlete.created", "athlete.erased"]
    assert desk.deliveries(limited)[0].content["athlete_id"] == str(member.id)


def test_endpoint_when_another_organisation_acts_then_it_is_told_nothing(
    desk: Desk, rival: Club, uow_factory: UnitOfWorkFactory
) -> None:
    endpoint = desk.create()
    make_athlete(uow_factory, rival)
    assert desk.types(endpoint) == []
    with pytest.raises(NotFoundError), uow_factory(rival.principal) as uow:
        webhooks.get_webhook(uow=uow, principal=rival.principal, webhook_id=endpoint.id)


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


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://127.0.0.1/"}, {"url": "https://10.0.0.1/"}, {"url": "ftp://x.example.org/"},
        {"events": []}, {"events": [WebhookEvent.TEST]}, {"team_ids": []}, {"team_ids": [uuid4()]},
        {"description": "x" * 201},
    ],
)  # fmt: skip
def test_endpoint_when_a_value_makes_no_sense_then_told_what_to_do(
    desk: Desk, changes: dict[str, Any]
) -> None:
    desk.config = replace(CONFIG, allow_private=False)
    with pytest.raises(InvalidInputError) as refusal:
        desk.create(**changes)
    assert refusal.value.how_to_fix


def test_kinds_when_listed_then_each_is_described_and_all_but_the_test_can_be_chosen() -> None:
    assert set(DESCRIPTIONS) == set(WebhookEvent)
    assert set(CHOSEN) == set(WebhookEvent) - {WebhookEvent.TEST}
