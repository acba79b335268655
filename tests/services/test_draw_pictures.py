"""Pictures follow the numbers: a piece of work of their own that may fail, be killed and be taken up again."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid4

import pytest

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.lifecycle import PicturesState, RecordingState
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import DRAW_PICTURES
from app.jobs.queue import BULK
from app.services import recordings
from app.services.draw_pictures import DrawResult, draw_pictures, sweep_pictures
from app.services.process_recording import AttemptResult, process_next, process_recording
from app.services.read_models import AnalysisView, BlobKind, RecordingView
from app.services.video_reader import PictureOrder, Progress, VideoReaderDiedError, VideoReading
from app.services.work_policy import WorkPolicy
from app.storage.local import LocalBlobStore
from tests.factories import METHOD, Club, ScriptedReader, make_recording
from tests.synth import drop_jump, video_of

QUICK = WorkPolicy(lease_s=0.3, heartbeat_s=0.05, retry_delays_s=(0.0,), resend_after_s=0.0)
FROZEN = WorkPolicy(lease_s=0.1, heartbeat_s=3600.0, retry_delays_s=(0.0,), resend_after_s=0.0)
"""The heart does not beat, as when the process is stopped."""

Work = Callable[..., AttemptResult]
Draw = Callable[..., DrawResult]
Look = Callable[[], RecordingView]


@pytest.fixture
def uow_factory(fresh_uow_factory: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """The sweeper sees every organisation, so it gets a database of its own."""
    return fresh_uow_factory


@pytest.fixture
def recording_id(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> UUID:
    return make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id


@pytest.fixture
def look(uow_factory: UnitOfWorkFactory, club: Club, recording_id: UUID) -> Look:
    def get() -> RecordingView:
        with uow_factory(club.id) as uow:
            return recordings.get_recording(uow=uow, principal=club.principal, recording_id=recording_id)

    return get


@pytest.fixture
def process(
    uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, recording_id: UUID, tmp_path: Path
) -> Work:
    def run(reader: ScriptedReader, policy: WorkPolicy = QUICK) -> AttemptResult:
        return process_recording(
            recording_id=recording_id,
            organisation_id=club.id,
            uow_factory=uow_factory,
            blobs=blobs,
            reader_factory=lambda: reader,
            method=METHOD,
            staging_dir=tmp_path,
            policy=policy,
        )

    return run


@pytest.fixture
def draw(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> Draw:
    def run(analysis_id: UUID, reader: ScriptedReader | None = None) -> DrawResult:
        return draw_pictures(
            analysis_id=analysis_id,
            organisation_id=club.id,
            uow_factory=uow_factory,
            blobs=blobs,
            reader_factory=lambda: reader or ScriptedReader(while_reading=_must_not_read),
            staging_dir=tmp_path,
            policy=QUICK,
        )

    return run


def _must_not_read(path: Path, on_progress: Progress) -> None:
    pytest.fail("the athlete is looked for a second time")


def _die(order: PictureOrder, on_progress: Progress) -> None:
    raise VideoReaderDiedError


def _break(order: PictureOrder, on_progress: Progress) -> None:
    raise ZeroDivisionError("a defect of ours")


def _analysis(view: RecordingView) -> AnalysisView:
    assert view.analysis is not None
    return view.analysis


def _files(tmp_path: Path) -> list[str]:
    root = tmp_path / "blobs"
    return sorted("/".join(path.parts[-2:]) for path in root.rglob("pictures-*/*") if path.is_file())


def test_pictures_while_they_are_drawn_then_the_result_is_there_already(process: Work, look: Look) -> None:
    seen: list[RecordingView] = []
    reader = ScriptedReader(while_drawing=lambda order, on_progress: seen.append(look()))
    assert process(reader) is AttemptResult.REJECTED
    assert (seen[0].state, seen[0].progress) == (RecordingState.REJECTED, 1.0)
    assert seen[0].awaits_pictures
    assert not _analysis(seen[0]).has_overlay
    after = _analysis(look())
    assert (after.pictures, after.has_overlay) == (PicturesState.DONE, True)
    assert after.record == _analysis(seen[0]).record


def test_pictures_when_a_worker_takes_turns_then_they_are_ordered_and_the_next_recording_does_not_wait(
    uow_factory: UnitOfWorkFactory,
    blobs: LocalBlobStore,
    queue: MemoryQueue,
    recording_id: UUID,
    draw: Draw,
    look: Look,
    tmp_path: Path,
) -> None:
    result, turn = process_next(
        uow_factory=uow_factory,
        blobs=blobs,
        reader_factory=lambda: ScriptedReader(while_drawing=_break),
        method=METHOD,
        staging_dir=tmp_path,
        policy=QUICK,
    )
    assert turn is not None
    assert (result, turn.recording_id) == (AttemptResult.REJECTED, recording_id)
    ordered = _analysis(look())
    assert ordered.pictures is PicturesState.PENDING
    assert [(job.name, job.args[0], job.queue) for job in queue.jobs[-1:]] == [
        (DRAW_PICTURES, str(ordered.id), BULK)
    ]
    assert draw(ordered.id) is DrawResult.DRAWN
    assert _analysis(look()).pictures is PicturesState.DONE


def test_pictures_while_they_take_longer_than_the_lease_then_nobody_else_begins(
    process: Work, draw: Draw, look: Look
) -> None:
    others: list[DrawResult] = []

    def take_long(order: PictureOrder, on_progress: Progress) -> None:
        Event().wait(2 * QUICK.lease_s)
        others.append(draw(_analysis(look()).id))

    process(ScriptedReader(while_drawing=take_long))
    assert others == [DrawResult.NOT_CLAIMED]
    assert _analysis(look()).pictures is PicturesState.DONE


@pytest.mark.parametrize("fail", [_die, _break])
def test_pictures_when_drawing_fails_then_the_result_stays_and_a_fresh_reader_draws_the_stored_track(
    process: Work,
    draw: Draw,
    look: Look,
    queue: MemoryQueue,
    uow_factory: UnitOfWorkFactory,
    club: Club,
    fail: Callable[[PictureOrder, Progress], None],
) -> None:
    assert process(ScriptedReader(while_drawing=fail)) is AttemptResult.REJECTED
    view = look()
    assert (view.state, _analysis(view).pictures) == (RecordingState.REJECTED, PicturesState.PENDING)
    queue.jobs.clear()
    assert [sweep_pictures(uow_factory=uow_factory, policy=QUICK) for _ in range(2)] == [1, 1]
    job = queue.jobs[0]
    assert (job.name, job.queue) == (DRAW_PICTURES, "bulk")
    assert job.args == (str(_analysis(view).id), str(club.id))
    orders: list[PictureOrder] = []
    reader = ScriptedReader(
        while_reading=_must_not_read, while_drawing=lambda order, on_progress: orders.append(order)
    )
    assert draw(_analysis(view).id, reader) is DrawResult.DRAWN
    assert orders[0].video is not None
    assert orders[0].video.read_bytes() == b"a video"
    assert len(orders[0].track.time_s) == 12
    assert _analysis(look()).has_overlay
    assert draw(_analysis(view).id) is DrawResult.NOT_CLAIMED
    assert sweep_pictures(uow_factory=uow_factory, policy=QUICK) == 0


def test_pictures_when_they_fail_every_time_then_given_up_and_the_numbers_stay(
    process: Work, draw: Draw, look: Look, uow_factory: UnitOfWorkFactory
) -> None:
    process(ScriptedReader(while_drawing=_die))
    before = look()
    analysis_id = _analysis(before).id
    results = [draw(analysis_id, ScriptedReader(while_drawing=_die)) for _ in range(3)]
    assert results == [DrawResult.RETRY, DrawResult.GAVE_UP, DrawResult.NOT_CLAIMED]
    after = look()
    assert _analysis(after).pictures is PicturesState.FAILED
    assert (after.state, _analysis(after).record) == (before.state, _analysis(before).record)
    assert sweep_pictures(uow_factory=uow_factory, policy=QUICK) == 0


def test_pictures_when_each_attempt_is_killed_then_given_up_too(
    process: Work, draw: Draw, look: Look, uow_factory: UnitOfWorkFactory, club: Club
) -> None:
    """A claim that is never heard of again is what kill -9 leaves behind."""
    process(ScriptedReader(while_drawing=_die))
    analysis_id = _analysis(look()).id
    for _ in range(2):
        with uow_factory(club.id) as uow:
            claim = uow.pictures.claim(organisation_id=club.id, analysis_id=analysis_id, lease_s=0.01)
        assert claim is not None
        Event().wait(0.05)
    assert draw(analysis_id) is DrawResult.NOT_CLAIMED
    assert _analysis(look()).pictures is PicturesState.FAILED


def test_pictures_when_a_frozen_attempt_wakes_up_late_then_it_writes_and_removes_nothing_of_the_second(
    process: Work, draw: Draw, look: Look, tmp_path: Path, blobs: LocalBlobStore
) -> None:
    frozen, thawed = Event(), Event()

    def freeze(order: PictureOrder, on_progress: Progress) -> None:
        frozen.set()
        assert thawed.wait(20)

    zombie = Thread(target=lambda: process(ScriptedReader(while_drawing=freeze), FROZEN))
    zombie.start()
    assert frozen.wait(20)
    Event().wait(0.2)
    assert draw(_analysis(look()).id) is DrawResult.DRAWN
    after_the_second, files = look(), _files(tmp_path)
    thawed.set()
    zombie.join(20)
    assert look() == after_the_second
    assert _files(tmp_path) == files == ["pictures-2/overlay.mp4"]


def test_pictures_when_the_video_is_gone_then_given_up_at_once(
    process: Work, draw: Draw, look: Look, blobs: LocalBlobStore, tmp_path: Path
) -> None:
    process(ScriptedReader(while_drawing=_die))
    for original in (tmp_path / "blobs").rglob("original.mp4"):
        original.unlink()
    assert draw(_analysis(look()).id) is DrawResult.GAVE_UP


def test_pictures_when_unknown_or_of_another_club_then_nothing_happens(draw: Draw) -> None:
    assert draw(uuid4()) is DrawResult.NOT_CLAIMED


def test_stills_when_drawn_by_the_second_attempt_then_the_flagged_ones_can_be_opened(
    process: Work,
    draw: Draw,
    look: Look,
    uow_factory: UnitOfWorkFactory,
    blobs: LocalBlobStore,
    club: Club,
    recording_id: UUID,
) -> None:
    _, track = drop_jump()
    reading = VideoReading(video=video_of(track), track=track)
    assert process(ScriptedReader(reading=reading, while_drawing=_die)) is AttemptResult.ANALYSED
    draw(_analysis(look()).id)
    analysis = _analysis(look())
    assert analysis.still_frames == tuple(
        sorted({flagged.frame for flagged in analysis.record.flagged_frames})
    )
    assert analysis.still_frames
    with uow_factory(club.id) as uow:
        still = recordings.open_blob(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            recording_id=recording_id,
            kind=BlobKind.STILL,
            frame=analysis.still_frames[0],
        )
    assert b"".join(still.iter_range()) == b"a still"
