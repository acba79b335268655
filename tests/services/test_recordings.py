"""Taking recordings in, once each, and showing them to those they belong to."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest

from app.biomech.types import Verdict
from app.domain.access import Permission, Role
from app.domain.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    InvalidInputError,
    NotFoundError,
    StaleStateError,
    StorageFullError,
)
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext
from app.jobs.names import ANALYSE_RECORDING
from app.services import recording_intake, recordings
from app.services.read_models import BlobKind
from app.storage import blobs as stores
from tests.factories import (
    PROBED,
    REJECTED,
    finish_recording,
    make_athlete,
    make_record,
    make_recording,
    make_team,
    stage_upload,
)


@pytest.fixture
def receive(uow_factory, blobs, club, tmp_path):
    def run(**more):
        return make_recording(uow_factory, blobs, club, folder=tmp_path, **more)

    return run


@pytest.fixture
def look(uow_factory, club):
    def run(recording_id, principal=None):
        who = principal or club.principal
        with uow_factory(who.organisation_id) as uow:
            return recordings.get_recording(uow=uow, principal=who, recording_id=recording_id)

    return run


def _blob_files(tmp_path):
    return [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def _ids(page):
    return [item.id for item in page.items]


def test_receive_when_all_is_well_then_queued_and_the_job_sent(receive, queue, club, uow_factory):
    athlete = make_athlete(uow_factory, club)
    received = receive(athlete=athlete)
    view = received.recording
    assert not received.replayed
    assert (view.state, view.attempt, view.progress, view.athlete) == (RecordingState.QUEUED, 0, 0.0, athlete)
    assert view.queue_position is not None
    assert view.queue_position >= 1
    assert view.screening_id is not None
    assert view.trial_id is not None
    assert (view.analysis, view.findings, view.failure) == (None, (), None)
    assert [(job.name, job.args) for job in queue.jobs] == [(ANALYSE_RECORDING, (str(view.id), str(club.id)))]


def test_receive_when_nobody_is_named_then_it_waits_in_the_inbox(receive, uow_factory, club):
    in_inbox = receive().recording
    receive(athlete=make_athlete(uow_factory, club))
    assert (in_inbox.athlete, in_inbox.screening_id, in_inbox.trial_id) == (None, None, None)
    with uow_factory(club.id) as uow:
        page = recordings.list_recordings(uow=uow, principal=club.principal, inbox=True)
    assert _ids(page) == [in_inbox.id]


def test_receive_when_the_athlete_is_another_organisations_then_not_found_and_nothing_kept(
    receive, uow_factory, rival, queue, tmp_path
):
    with pytest.raises(NotFoundError):
        receive(athlete=make_athlete(uow_factory, rival))
    assert queue.jobs == []
    assert _blob_files(tmp_path) == []


def test_receive_when_the_disk_is_full_then_said_plainly_and_nothing_kept(uow_factory, club, tmp_path, queue):
    class FullStore:
        def put_file(self, key, path):
            raise stores.StorageFullError(28, "no space left")

    with pytest.raises(StorageFullError, match="no room left"):
        make_recording(uow_factory, FullStore(), club, folder=tmp_path)
    with uow_factory(club.id) as uow:
        assert recordings.list_recordings(uow=uow, principal=club.principal).items == ()
    assert queue.jobs == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("box_height_cm", 0.0),
        ("box_height_cm", float("nan")),
        ("box_height_cm", 500.0),
        ("screened_on", date(1980, 1, 1)),
        ("screened_on", datetime.now(UTC).date() + timedelta(days=3)),
        ("idempotency_key", "  "),
        ("idempotency_key", "k" * 256),
    ],
)
def test_receive_when_a_value_makes_no_sense_then_said_which(
    uow_factory, blobs, club, tmp_path, field, value
):
    with pytest.raises(InvalidInputError) as caught, uow_factory(club.id) as uow:
        recording_intake.receive_recording(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            upload=stage_upload(tmp_path),
            probed=PROBED,
            **{field: value},
        )
    assert caught.value.context["field"] == field
    assert caught.value.how_to_fix


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\kim\\jump.mov", "jump.mov"),
        ("a\x00b\n.mp4", "ab.mp4"),
        ("", "video"),
        ("x" * 400, "x" * 255),
    ],
)
def test_receive_when_the_file_has_an_odd_name_then_it_is_only_shown(
    uow_factory, blobs, club, tmp_path, given, shown
):
    with uow_factory(club.id) as uow:
        received = recording_intake.receive_recording(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            upload=stage_upload(tmp_path, filename=given),
            probed=PROBED,
        )
    assert received.recording.filename == shown
    assert [path.name for path in _blob_files(tmp_path)] == ["original.mp4"]


def test_receive_when_same_day_and_context_then_one_screening_with_numbered_trials(
    receive, uow_factory, club, engine
):
    athlete = make_athlete(uow_factory, club)
    day = date(2026, 3, 1)
    with ThreadPoolExecutor(8) as pool:
        views = list(pool.map(lambda _: receive(athlete=athlete, screened_on=day).recording, range(8)))
    other = receive(athlete=athlete, screened_on=day, context=ScreeningContext.FATIGUED).recording
    assert len({view.screening_id for view in views}) == 1
    assert len({view.trial_id for view in views}) == 8
    assert other.screening_id != views[0].screening_id


def test_idempotency_when_many_requests_come_at_once_then_one_recording(
    receive, queue, uow_factory, club, tmp_path
):
    n = 20
    together = Barrier(n)

    def send(_):
        together.wait()
        return receive(idempotency_key="key-1")

    with ThreadPoolExecutor(n) as pool:
        received = list(pool.map(send, range(n)))
    assert len({item.recording.id for item in received}) == 1
    assert sum(not item.replayed for item in received) == 1
    with uow_factory(club.id) as uow:
        assert len(recordings.list_recordings(uow=uow, principal=club.principal).items) == 1
    assert len(queue.jobs) == 1
    assert len(_blob_files(tmp_path)) == 1


def test_idempotency_when_the_request_differs_then_refused_and_nothing_kept(receive, queue, tmp_path):
    receive(idempotency_key="key-1", content=b"one")
    with pytest.raises(IdempotencyConflictError):
        receive(idempotency_key="key-1", content=b"two")
    assert len(queue.jobs) == 1
    assert len(_blob_files(tmp_path)) == 1


def test_idempotency_when_another_organisation_uses_the_same_key_then_both_are_kept(
    receive, uow_factory, blobs, rival, tmp_path
):
    mine = receive(idempotency_key="key-1")
    theirs = make_recording(uow_factory, blobs, rival, folder=tmp_path, idempotency_key="key-1")
    assert not theirs.replayed
    assert theirs.recording.id != mine.recording.id


def test_idempotency_when_the_first_request_failed_then_the_key_is_free(receive, uow_factory, rival):
    with pytest.raises(NotFoundError):
        receive(idempotency_key="key-1", athlete=make_athlete(uow_factory, rival))
    assert not receive(idempotency_key="key-1").replayed


def test_recording_when_asked_for_by_another_organisation_then_not_found(receive, look, rival):
    recording_id = receive().recording.id
    with pytest.raises(NotFoundError):
        look(recording_id, rival.principal)
    with pytest.raises(NotFoundError):
        look(uuid4())


def test_list_when_paged_then_every_recording_once_newest_first(receive, uow_factory, club):
    ids = [receive(content=str(number).encode()).recording.id for number in range(7)]
    found, cursor = [], None
    while True:
        with uow_factory(club.id) as uow:
            page = recordings.list_recordings(uow=uow, principal=club.principal, cursor=cursor, limit=3)
        found += _ids(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == ids[::-1]


def test_list_when_filtered_then_only_those(receive, uow_factory, club, rival):
    team = make_team(uow_factory, club)
    ada = make_athlete(uow_factory, club, team=team)
    mine = receive(athlete=ada).recording.id
    receive(athlete=make_athlete(uow_factory, club, name="Bo"))
    done = receive().recording.id
    finish_recording(uow_factory, club, done)

    def listed(principal=club.principal, **filters):
        with uow_factory(principal.organisation_id) as uow:
            return _ids(recordings.list_recordings(uow=uow, principal=principal, **filters))

    assert listed(athlete_id=ada.id) == [mine]
    assert listed(team_id=team.id) == [mine]
    assert listed(state=RecordingState.ANALYSED) == [done]
    assert listed(rival.principal) == []
    assert listed(rival.principal, team_id=team.id) == []


@pytest.mark.parametrize(
    "cursor", ["", "x", "bm90IGpzb24", "WzEsMl0", "W10", "é", "WyIyMDI2LTAxLTAxIiwgIngiXQ"]
)
def test_list_when_the_cursor_is_forged_then_said_plainly(uow_factory, club, cursor):
    with pytest.raises(InvalidInputError, match="cursor"), uow_factory(club.id) as uow:
        recordings.list_recordings(uow=uow, principal=club.principal, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_list_when_the_limit_is_out_of_range_then_said_plainly(uow_factory, club, limit):
    with pytest.raises(InvalidInputError, match="limit"), uow_factory(club.id) as uow:
        recordings.list_recordings(uow=uow, principal=club.principal, limit=limit)


def test_requeue_when_finished_then_a_new_run_and_the_earlier_analysis_stays(
    receive, look, uow_factory, club, queue
):
    recording_id = receive().recording.id
    first = finish_recording(uow_factory, club, recording_id, record=REJECTED)
    assert look(recording_id).state is RecordingState.REJECTED
    queue.jobs.clear()
    with uow_factory(club.id) as uow:
        view = recordings.requeue_recording(uow=uow, principal=club.principal, recording_id=recording_id)
    assert (view.state, view.attempt) == (RecordingState.QUEUED, 0)
    assert view.analysis is not None
    assert view.analysis.id == first
    assert len(queue.jobs) == 1
    second = finish_recording(uow_factory, club, recording_id)
    assert look(recording_id).analysis.id == second
    assert look(recording_id).analysis.record.verdict is Verdict.VALID


def test_requeue_when_it_waits_already_then_stale(receive, uow_factory, club):
    recording_id = receive().recording.id
    with pytest.raises(StaleStateError), uow_factory(club.id) as uow:
        recordings.requeue_recording(uow=uow, principal=club.principal, recording_id=recording_id)


def test_requeue_when_given_up_then_tried_again_with_fresh_attempts(receive, look, uow_factory, club):
    recording_id = receive().recording.id
    with uow_factory(club.id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=3)
        uow.recordings.give_up(claim, detail="reader_died")
    assert look(recording_id).failure == "reader_died"
    with uow_factory(club.id) as uow:
        view = recordings.requeue_recording(uow=uow, principal=club.principal, recording_id=recording_id)
    assert (view.state, view.attempt, view.failure) == (RecordingState.QUEUED, 0, None)


def test_open_blob_when_read_in_part_then_those_bytes(receive, uow_factory, club, blobs):
    recording_id = receive(content=b"0123456789").recording.id
    with uow_factory(club.id) as uow:
        opened = recordings.open_blob(
            uow=uow, blobs=blobs, principal=club.principal, recording_id=recording_id, kind=BlobKind.ORIGINAL
        )
    assert (opened.size_bytes, opened.media_type) == (10, "video/mp4")
    assert b"".join(opened.iter_range(start=3, end=6)) == b"345"
    assert b"".join(opened.iter_range()) == b"0123456789"


def test_open_blob_when_it_is_a_still_then_the_frame_decides(receive, uow_factory, club, rival, blobs):
    recording_id = receive().recording.id
    analysis_id = finish_recording(uow_factory, club, recording_id, record=make_record())
    blobs.put_bytes(f"{club.id}/{recording_id}/{analysis_id}/pictures-1/still-20.jpg", b"a still")

    def opened(principal=club.principal, kind=BlobKind.STILL, frame=20):
        with uow_factory(principal.organisation_id) as uow:
            return recordings.open_blob(
                uow=uow, blobs=blobs, principal=principal, recording_id=recording_id, kind=kind, frame=frame
            )

    assert b"".join(opened().iter_range()) == b"a still"
    assert opened().media_type == "image/jpeg"
    for asked in (
        {"principal": rival.principal},
        {"frame": 21},
        {"frame": None},
        {"kind": BlobKind.OVERLAY},
        {"principal": rival.principal, "kind": BlobKind.ORIGINAL},
    ):
        with pytest.raises(NotFoundError):
            opened(**asked)


def test_services_when_the_role_lacks_the_permission_then_forbidden(
    receive, uow_factory, blobs, club, tmp_path
):
    recording_id = receive().recording.id
    viewer = club.as_role(Role.VIEWER)
    with pytest.raises(ForbiddenError), uow_factory(club.id) as uow:
        recordings.requeue_recording(uow=uow, principal=viewer, recording_id=recording_id)
    with pytest.raises(ForbiddenError), uow_factory(club.id) as uow:
        recording_intake.receive_recording(
            uow=uow, blobs=blobs, principal=viewer, upload=stage_upload(tmp_path), probed=PROBED
        )
    assert not viewer.may(Permission.RECORDINGS_WRITE)
