"""Whatever happens to a message or a worker, every recording is sent again until it has ended."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from app.domain.lifecycle import RecordingState
from app.jobs.names import ANALYSE_RECORDING
from app.services import recordings
from app.services.process_recording import SweepReport, sweep_recordings
from app.services.work_policy import WorkPolicy
from tests.factories import finish_recording, make_club, make_recording

AT_ONCE = WorkPolicy(resend_after_s=0.0)
PATIENT = WorkPolicy(resend_after_s=60.0)
NOTHING = SweepReport(n_resent=0, n_retried=0, n_gave_up=0)


@pytest.fixture
def uow_factory(fresh_uow_factory):
    """The sweeper sees every organisation, so it gets a database of its own."""
    return fresh_uow_factory


@pytest.fixture
def club(uow_factory):
    return make_club(uow_factory)


@pytest.fixture
def recording_id(uow_factory, blobs, club, tmp_path):
    return make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id


def _state(uow_factory, club, recording_id):
    with uow_factory(club.id) as uow:
        return recordings.get_recording(uow=uow, principal=club.principal, recording_id=recording_id)


def _lose_an_attempt(uow_factory, club, recording_id):
    with uow_factory(club.id) as uow:
        assert uow.recordings.claim(recording_id, lease_s=0.01, max_attempts=3) is not None
    Event().wait(0.05)


def test_sweep_when_the_job_was_just_sent_then_nothing(uow_factory, recording_id):
    assert sweep_recordings(uow_factory=uow_factory, policy=PATIENT) == NOTHING


def test_sweep_when_the_broker_was_down_then_sent_again_for_its_own_organisation(
    uow_factory, queue, blobs, tmp_path
):
    queue.available = False
    clubs = [make_club(uow_factory), make_club(uow_factory)]
    ids = [make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id for club in clubs]
    queue.available = True
    assert queue.jobs == []
    Event().wait(0.01)
    assert sweep_recordings(uow_factory=uow_factory, policy=AT_ONCE).n_resent == 2
    assert [(job.name, job.args, job.queue) for job in queue.jobs] == [
        (ANALYSE_RECORDING, (str(recording_id), str(club.id)), "interactive")
        for recording_id, club in zip(ids, clubs, strict=True)
    ]
    assert sweep_recordings(uow_factory=uow_factory, policy=PATIENT) == NOTHING


def test_sweep_when_a_worker_was_lost_then_tried_again_and_at_last_given_up(
    uow_factory, queue, club, recording_id
):
    reports = []
    for _ in range(3):
        _lose_an_attempt(uow_factory, club, recording_id)
        queue.jobs.clear()
        reports.append(sweep_recordings(uow_factory=uow_factory, policy=PATIENT))
    retried = SweepReport(n_resent=0, n_retried=1, n_gave_up=0)
    assert reports == [retried, retried, SweepReport(n_resent=0, n_retried=0, n_gave_up=1)]
    assert queue.jobs == []
    view = _state(uow_factory, club, recording_id)
    assert (view.state, view.failure, view.attempt) == (RecordingState.FAILED, "lease_expired", 3)
    assert sweep_recordings(uow_factory=uow_factory, policy=AT_ONCE) == NOTHING


def test_sweep_when_a_retry_is_not_due_then_left_alone(uow_factory, club, recording_id):
    with uow_factory(club.id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=3)
        assert claim is not None
        uow.recordings.retry(claim, delay_s=0.3, detail="reader_died")
    assert sweep_recordings(uow_factory=uow_factory, policy=AT_ONCE) == NOTHING
    Event().wait(0.35)
    assert sweep_recordings(uow_factory=uow_factory, policy=AT_ONCE).n_resent == 1


def test_sweep_when_everything_has_ended_then_nothing(uow_factory, club, recording_id):
    finish_recording(uow_factory, club, recording_id)
    assert sweep_recordings(uow_factory=uow_factory, policy=AT_ONCE) == NOTHING


def test_sweep_when_many_sweep_at_once_then_each_step_is_taken_once(
    uow_factory, queue, blobs, club, tmp_path
):
    ids = [make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id for _ in range(6)]
    for recording_id in ids:
        _lose_an_attempt(uow_factory, club, recording_id)
    queue.jobs.clear()
    with ThreadPoolExecutor(6) as pool:
        reports = list(
            pool.map(lambda _: sweep_recordings(uow_factory=uow_factory, policy=PATIENT), range(6))
        )
    assert sum(report.n_retried for report in reports) == 6
    assert sorted(job.args[0] for job in queue.jobs) == sorted(str(recording_id) for recording_id in ids)
