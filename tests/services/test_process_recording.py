"""One attempt at a recording, from claim to result, on a real database."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from app.biomech.types import MethodStamp, Verdict
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.lifecycle import RecordingState, Stage
from app.services import recordings
from app.services.process_recording import (
    AttemptResult,
    process_recording,
    sweep_recordings,
)
from app.services.read_models import BlobKind, RecordingView
from app.services.video_reader import Progress, VideoReaderDiedError
from app.services.work_policy import WorkPolicy
from app.storage.local import LocalBlobStore
from tests.factories import METHOD, Club, ScriptedReader, make_recording, unreadable

Process = Callable[..., AttemptResult]
QUICK = WorkPolicy(lease_s=0.3, heartbeat_s=0.05, retry_delays_s=(0.0,), resend_after_s=0.0)


@pytest.fixture
def process(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> Process:
    def run(
        recording_id: UUID,
        reader: ScriptedReader | None = None,
        policy: WorkPolicy = QUICK,
        method: MethodStamp = METHOD,
    ) -> AttemptResult:
        return process_recording(
            recording_id=recording_id,
            organisation_id=club.id,
            uow_factory=uow_factory,
            blobs=blobs,
            reader_factory=lambda: reader or ScriptedReader(),
            method=method,
            staging_dir=tmp_path,
            policy=policy,
        )

    return run


@pytest.fixture
def recording_id(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> UUID:
    return make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id


@pytest.fixture
def look(uow_factory: UnitOfWorkFactory, club: Club) -> Callable[[UUID], RecordingView]:
    def get(recording_id: UUID) -> RecordingView:
        with uow_factory(club.id) as uow:
            return recordings.get_recording(uow=uow, principal=club.principal, recording_id=recording_id)

    return get


def _files(blobs: LocalBlobStore, tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file())


def test_process_when_nobody_is_in_the_video_then_rejected_with_advice_and_pictures(
    process: Process,
    recording_id: UUID,
    look: Callable[[UUID], RecordingView],
    blobs: LocalBlobStore,
    tmp_path: Path,
) -> None:
    assert process(recording_id) is AttemptResult.REJECTED
    view = look(recording_id)
    assert view.state is RecordingState.REJECTED
    assert view.progress == 1.0
    assert view.analysis is not None
    assert view.analysis.record.verdict is Verdict.INVALID
    assert [finding.code for finding in view.findings] == ["no_person"]
    assert _files(blobs, tmp_path) == ["original.mp4", "overlay.mp4", "track.npz"]


def test_process_when_the_file_is_no_video_then_rejected_and_the_original_stays(
    process: Process,
    recording_id: UUID,
    look: Callable[[UUID], RecordingView],
    uow_factory: UnitOfWorkFactory,
    blobs: LocalBlobStore,
    club: Club,
) -> None:
    assert process(recording_id, ScriptedReader(reading=unreadable())) is AttemptResult.REJECTED
    assert [finding.code for finding in look(recording_id).findings] == ["corrupt_video"]
    with uow_factory(club.id) as uow:
        original = recordings.open_blob(
            uow=uow, blobs=blobs, principal=club.principal, recording_id=recording_id, kind=BlobKind.ORIGINAL
        )
    assert b"".join(original.iter_range()) == b"a video"


def test_process_when_delivered_twice_then_the_second_finds_nothing_to_do(
    process: Process, recording_id: UUID, engine: Engine, club: Club
) -> None:
    assert process(recording_id) is AttemptResult.REJECTED
    assert process(recording_id) is AttemptResult.NOT_CLAIMED
    assert _count(engine, club, "analysis") == 1


def test_process_when_unknown_then_nothing_to_do(process: Process) -> None:
    assert process(uuid4()) is AttemptResult.NOT_CLAIMED


def test_process_while_the_video_is_read_then_no_transaction_is_open(
    process: Process, recording_id: UUID, engine: Engine
) -> None:
    in_use: list[int] = []

    def watch(path: Path, on_progress: Progress) -> None:
        in_use.append(engine.pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool counts

    heart_beats_later = WorkPolicy(heartbeat_s=30.0)
    process(recording_id, ScriptedReader(while_reading=watch), heart_beats_later)
    assert in_use == [0]


def test_process_while_the_video_is_read_then_progress_is_shown_and_the_lease_lives(
    process: Process, recording_id: UUID, look: Callable[[UUID], RecordingView]
) -> None:
    seen: list[RecordingView] = []

    def work_longer_than_the_lease(path: Path, on_progress: Progress) -> None:
        on_progress(Stage.POSE, 0.4)
        Event().wait(2 * QUICK.lease_s)
        seen.append(look(recording_id))

    result = process(recording_id, ScriptedReader(while_reading=work_longer_than_the_lease))
    assert result is AttemptResult.REJECTED
    assert (seen[0].state, seen[0].stage, seen[0].progress, seen[0].attempt) == (
        RecordingState.PROCESSING,
        Stage.POSE,
        0.4,
        1,
    )


def test_process_when_the_reader_dies_then_retried_and_at_last_given_up(
    process: Process, recording_id: UUID, look: Callable[[UUID], RecordingView], engine: Engine, club: Club
) -> None:
    def die(path: Path, on_progress: Progress) -> None:
        raise VideoReaderDiedError

    results = [process(recording_id, ScriptedReader(while_reading=die)) for _ in range(4)]
    assert results == [
        AttemptResult.RETRY,
        AttemptResult.RETRY,
        AttemptResult.GAVE_UP,
        AttemptResult.NOT_CLAIMED,
    ]
    view = look(recording_id)
    assert (view.state, view.failure, view.attempt) == (RecordingState.FAILED, "reader_died", 3)
    assert _count(engine, club, "analysis") == 0


def test_process_when_something_unforeseen_happens_then_written_down_and_raised(
    process: Process, recording_id: UUID, look: Callable[[UUID], RecordingView]
) -> None:
    def break_down(path: Path, on_progress: Progress) -> None:
        raise ZeroDivisionError("a defect of ours")

    with pytest.raises(ZeroDivisionError):
        process(recording_id, ScriptedReader(while_reading=break_down))
    assert look(recording_id).state is RecordingState.QUEUED


def test_process_when_a_retry_waits_then_it_waits_longer_each_time() -> None:
    policy = WorkPolicy(retry_delays_s=(2.0, 30.0))
    assert [policy.retry_delay_s(attempt) for attempt in (1, 2, 3, 9)] == [2.0, 30.0, 30.0, 30.0]


def test_process_when_it_was_frozen_and_another_took_over_then_the_zombie_writes_nothing(
    uow_factory: UnitOfWorkFactory,
    process: Process,
    recording_id: UUID,
    look: Callable[[UUID], RecordingView],
    blobs: LocalBlobStore,
    engine: Engine,
    club: Club,
    tmp_path: Path,
) -> None:
    """The zombie's heart does not beat (as when its process is stopped), so only the lease token is left."""
    frozen, thawed = Event(), Event()
    outcome: list[AttemptResult] = []

    def freeze(path: Path, on_progress: Progress) -> None:
        frozen.set()
        assert thawed.wait(20)

    still = WorkPolicy(lease_s=0.1, heartbeat_s=3600.0, retry_delays_s=(0.0,), resend_after_s=0.0)
    zombie = Thread(
        target=lambda: outcome.append(process(recording_id, ScriptedReader(while_reading=freeze), still))
    )
    zombie.start()
    assert frozen.wait(20)
    Event().wait(0.2)
    sweep_recordings(uow_factory=uow_factory, policy=still)
    assert process(recording_id) is AttemptResult.REJECTED
    after_the_second = look(recording_id)
    files = _files(blobs, tmp_path)
    thawed.set()
    zombie.join(20)
    assert outcome == [AttemptResult.LOST]
    assert look(recording_id) == after_the_second
    assert _files(blobs, tmp_path) == files
    assert _count(engine, club, "analysis") == 1


def test_process_when_its_heart_notices_the_loss_then_the_work_stops_at_once(
    uow_factory: UnitOfWorkFactory, process: Process, recording_id: UUID, club: Club
) -> None:
    def lose_it(path: Path, on_progress: Progress) -> None:
        while not _take_over(uow_factory, club, recording_id):
            Event().wait(0.02)
        for _ in range(500):
            on_progress(Stage.POSE, 0.5)
            Event().wait(0.02)
        pytest.fail("nobody told the reader that its work is for nothing")

    slow_heart = WorkPolicy(lease_s=0.1, heartbeat_s=0.5, retry_delays_s=(0.0,))
    assert process(recording_id, ScriptedReader(while_reading=lose_it), slow_heart) is AttemptResult.LOST


def test_process_when_recording_the_result_fails_then_its_files_are_removed(
    process: Process,
    recording_id: UUID,
    look: Callable[[UUID], RecordingView],
    engine: Engine,
    club: Club,
    blobs: LocalBlobStore,
    tmp_path: Path,
) -> None:
    """A result that the schema refuses (no sha256 is that long) stands for anything that goes wrong at the end."""
    too_long = MethodStamp(version="1.0.0", model_sha256="a" * 65, code_version="0.1.0")
    with pytest.raises(Exception, match="too long"):
        process(recording_id, method=too_long)
    assert look(recording_id).state is RecordingState.QUEUED
    assert _files(blobs, tmp_path) == ["original.mp4"]


def _take_over(uow_factory: UnitOfWorkFactory, club: Club, recording_id: UUID) -> bool:
    """Put the recording back as the sweeper does, once its lease has run out."""
    with uow_factory(club.id) as uow:
        expired = uow.recordings.find_expired(recording_id)
        if expired is not None:
            uow.recordings.retry(expired[0], delay_s=0.0, detail="lease_expired")
        return expired is not None


def _count(engine: Engine, club: Club, table: str) -> int:
    statement = {"analysis": "SELECT count(*) FROM analysis"}[table]
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :value, true)"), {"value": str(club.id)})
        return int(connection.scalar(text(statement)) or 0)
