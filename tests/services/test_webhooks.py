"""Webhooks: every act writes its message in its own transaction, for those who may be told of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

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
    WebhookEvent,
)
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import DELIVER_WEBHOOKS
from app.services import webhooks
from app.services.athletes import edit_athlete
from app.services.consents import record_consent
from app.services.erasure import erase_athlete, run_erasure
from app.services.moves import merge_athletes, move_recording
from app.services.undo_changes import undo_change
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
from tests.services.webhook_desk import (
    CONFIG,
    Desk,
    add_somebody,
    change_sport,
)


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
        for name, athlete in ((name, add_somebody(desk, name)) for name in ("A", "B", "C"))
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
    change_sport(desk, make_athlete(desk.uow_factory, desk.club).id)
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
