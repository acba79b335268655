"""The life of a recording in the database: one writer, one holder, every step written down."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.domain.errors import StaleStateError
from app.domain.lifecycle import IllegalTransitionError, RecordingState, Stage, Trigger
from tests.factories import make_club, make_recording


@pytest.fixture
def club(uow_factory):
    return make_club(uow_factory)


@pytest.fixture
def recording_id(uow_factory, blobs, club, tmp_path):
    return make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id


def _claim(uow_factory, club, recording_id, *, lease_s=60.0):
    with uow_factory(club.id) as uow:
        return uow.recordings.claim(recording_id, lease_s=lease_s, max_attempts=3)


def _row(uow_factory, club, recording_id):
    with uow_factory(club.id) as uow:
        return uow.recordings.find(organisation_id=club.id, recording_id=recording_id).recording


def _history(uow_factory, club, recording_id):
    with uow_factory(club.id) as uow:
        events = uow.recordings.events(organisation_id=club.id, recording_id=recording_id)
        return [(event.trigger, event.to_state, event.attempt, event.detail) for event in events]


def test_claim_when_many_workers_try_at_once_then_one_gets_it(uow_factory, club, recording_id):
    n = 16
    together = Barrier(n)

    def attempt(_):
        together.wait()
        return _claim(uow_factory, club, recording_id)

    with ThreadPoolExecutor(n) as pool:
        claims = [claim for claim in pool.map(attempt, range(n)) if claim is not None]
    assert len(claims) == 1
    row = _row(uow_factory, club, recording_id)
    assert (row.state, row.attempt, row.lease_token) == (
        RecordingState.PROCESSING,
        1,
        claims[0].lease_token,
    )


def test_history_when_a_recording_is_claimed_and_retried_then_every_step_is_there(
    uow_factory, club, recording_id
):
    claim = _claim(uow_factory, club, recording_id)
    with uow_factory(club.id) as uow:
        uow.recordings.retry(claim, delay_s=0.0, detail="reader_died")
    assert _history(uow_factory, club, recording_id) == [
        (Trigger.UPLOADED, RecordingState.RECEIVED, 0, None),
        (Trigger.ACCEPTED, RecordingState.QUEUED, 0, None),
        (Trigger.CLAIMED, RecordingState.PROCESSING, 1, None),
        (Trigger.RETRY, RecordingState.QUEUED, 1, "reader_died"),
    ]


def test_transition_when_the_unit_of_work_fails_then_neither_step_nor_history_stays(
    uow_factory, club, recording_id
):
    before = _history(uow_factory, club, recording_id)

    def work():
        with uow_factory(club.id) as uow:
            assert uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=3) is not None
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        work()
    assert _row(uow_factory, club, recording_id).state is RecordingState.QUEUED
    assert _history(uow_factory, club, recording_id) == before


def test_transition_when_the_row_is_elsewhere_then_stale(uow_factory, club, recording_id):
    with pytest.raises(StaleStateError), uow_factory(club.id) as uow:
        uow.recordings.transition(recording_id, from_state=RecordingState.ANALYSED, trigger=Trigger.REANALYSE)


def test_transition_when_there_is_no_such_step_then_illegal(uow_factory, club, recording_id):
    with pytest.raises(IllegalTransitionError), uow_factory(club.id) as uow:
        uow.recordings.transition(recording_id, from_state=RecordingState.QUEUED, trigger=Trigger.ASSESSED)


def test_transition_when_it_is_another_organisations_then_stale(uow_factory, club, recording_id):
    rival = make_club(uow_factory)
    with uow_factory(rival.id) as uow:
        assert uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=3) is None
    assert _row(uow_factory, club, recording_id).state is RecordingState.QUEUED


@pytest.mark.parametrize("unknown", [uuid4()])
def test_claim_when_unknown_then_none(uow_factory, club, unknown):
    assert _claim(uow_factory, club, unknown) is None


def test_claim_when_the_wait_is_not_over_then_none(uow_factory, club, recording_id):
    claim = _claim(uow_factory, club, recording_id)
    with uow_factory(club.id) as uow:
        uow.recordings.retry(claim, delay_s=60.0, detail="reader_died")
    assert _claim(uow_factory, club, recording_id) is None


def test_heartbeat_when_the_attempt_is_ours_then_lease_and_progress_move(uow_factory, club, recording_id):
    claim = _claim(uow_factory, club, recording_id, lease_s=1.0)
    before = _row(uow_factory, club, recording_id).lease_until
    with uow_factory(club.id) as uow:
        assert uow.recordings.heartbeat(claim, lease_s=60.0, stage=Stage.POSE, progress=0.4)
    row = _row(uow_factory, club, recording_id)
    assert (row.stage, row.progress) == (Stage.POSE, 0.4)
    assert (row.lease_until - before).total_seconds() > 50


def test_old_holder_when_another_has_taken_over_then_it_can_do_nothing(uow_factory, club, recording_id):
    old = _claim(uow_factory, club, recording_id)
    with uow_factory(club.id) as uow:
        uow.recordings.retry(old, delay_s=0.0, detail="lease_expired")
    new = _claim(uow_factory, club, recording_id)
    assert new is not None
    with uow_factory(club.id) as uow:
        assert not uow.recordings.heartbeat(old, lease_s=60.0, stage=Stage.POSE, progress=0.9)
    for step in (
        lambda uow: uow.recordings.finish(old, trigger=Trigger.ASSESSED),
        lambda uow: uow.recordings.retry(old, delay_s=0.0, detail="reader_died"),
        lambda uow: uow.recordings.give_up(old, detail="reader_died"),
    ):
        with pytest.raises(StaleStateError), uow_factory(club.id) as uow:
            step(uow)
    row = _row(uow_factory, club, recording_id)
    assert (row.state, row.lease_token, row.progress) == (RecordingState.PROCESSING, new.lease_token, 0.0)


def test_position_when_others_wait_too_then_it_counts_everybody_in_order(
    uow_factory, blobs, fresh_uow_factory, tmp_path
):
    clubs = [make_club(fresh_uow_factory), make_club(fresh_uow_factory)]
    ids = [
        (club, make_recording(fresh_uow_factory, blobs, club, folder=tmp_path).recording.id)
        for club in (clubs[0], clubs[1], clubs[0])
    ]
    positions = []
    for club, recording_id in ids:
        with fresh_uow_factory(club.id) as uow:
            positions.append(uow.recordings.queue_position(recording_id))
    assert positions == [1, 2, 3]
    with fresh_uow_factory(clubs[1].id) as uow:
        assert uow.recordings.queue_position(ids[0][1]) is None
    with fresh_uow_factory(None) as uow:
        depth = uow.recordings.queue_depth()
    assert (depth.n_queued, depth.n_processing) == (3, 0)
    assert depth.oldest_queued_s >= 0


def test_row_when_processing_without_a_lease_then_the_database_refuses(engine, club, recording_id):
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :value, true)"), {"value": str(club.id)})
        with pytest.raises(Exception, match="lease_while_processing"):
            connection.execute(text("UPDATE recording SET state = 'processing'"))
