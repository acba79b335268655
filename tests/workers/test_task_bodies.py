"""The bodies of the tasks, called as functions."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.container import Container
from app.domain.access import Principal, Role
from app.domain.lifecycle import RecordingState
from app.services import accounts, recording_intake, recordings
from app.services.process_recording import AttemptResult
from app.services.uploads import ProbedVideo, StagedUpload
from app.services.video_reader import VideoReader, VideoReaderDiedError
from tests.support.slow_worker import METHOD, SlowReader
from workers.analysis import analyse_next
from workers.bootstrap import Runtime
from workers.maintenance import remove_abandoned_uploads, sweep


class DyingReader(SlowReader):
    def read(self, *_: object, **__: object) -> None:  # type: ignore[override]  # it never gets to answer
        raise VideoReaderDiedError


class BrokenReader(SlowReader):
    def read(self, *_: object, **__: object) -> None:  # type: ignore[override]  # it never gets to answer
        raise RuntimeError


def _runtime(container: Container, kind: Callable[..., VideoReader]) -> Runtime:
    return Runtime(
        container=container,
        reader_factory=lambda: kind(seconds=0, reads=container.settings.data_dir / "reads"),
        drawer_factory=lambda: kind(seconds=0, reads=container.settings.data_dir / "reads"),
        method=METHOD,
        close_readers=lambda: None,
    )


@pytest.fixture
def club(container: Container) -> Principal:
    with container.uow_factory(None) as uow:
        organisation = accounts.create_organisation(uow=uow, name="Task Club")
    return Principal(organisation_id=organisation.id, role=Role.OWNER, display_name="test")


@pytest.fixture
def recording_id(container: Container, club: Principal, tmp_path: Path) -> UUID:
    clip = tmp_path / "clip"
    clip.write_bytes(b"a clip")
    upload = StagedUpload(path=clip, filename="jump.mp4", size_bytes=6, sha256=uuid4().hex * 2)
    probed = ProbedVideo(
        extension="mp4", container="mp4", codec="h264", width_px=720, height_px=1280, duration_s=3.0
    )
    with container.uow_factory(club.organisation_id) as uow:
        received = recording_intake.receive_recording(
            uow=uow, blobs=container.blobs, principal=club, upload=upload, probed=probed
        )
    return received.recording.id


def _state(container: Container, club: Principal, recording_id: UUID) -> tuple[RecordingState, int]:
    with container.uow_factory(club.organisation_id) as uow:
        view = recordings.get_recording(uow=uow, principal=club, recording_id=recording_id)
    return view.state, view.attempt


def test_body_when_the_video_shows_nobody_then_rejected_and_a_second_delivery_does_nothing(
    container: Container, club: Principal, recording_id: UUID
) -> None:
    runtime = _runtime(container, SlowReader)
    assert analyse_next(runtime) is AttemptResult.REJECTED
    assert analyse_next(runtime) is AttemptResult.NOT_CLAIMED
    assert _state(container, club, recording_id) == (RecordingState.REJECTED, 1)


def test_body_when_the_reader_dies_then_queued_again_with_the_attempt_counted(
    container: Container, club: Principal, recording_id: UUID
) -> None:
    assert analyse_next(_runtime(container, DyingReader)) is AttemptResult.RETRY
    assert _state(container, club, recording_id) == (RecordingState.QUEUED, 1)


def test_body_when_something_unforeseen_breaks_then_queued_again_and_the_log_gets_the_error(
    container: Container, club: Principal, recording_id: UUID
) -> None:
    with pytest.raises(RuntimeError):
        analyse_next(_runtime(container, BrokenReader))
    assert _state(container, club, recording_id) == (RecordingState.QUEUED, 1)


def test_sweep_when_there_is_nothing_lost_then_reports_nothing(container: Container) -> None:
    report = sweep(container)
    assert (report.n_retried, report.n_gave_up) == (0, 0)


def test_abandoned_uploads_when_old_then_removed(container: Container) -> None:
    abandoned = container.staging.directory / "abandoned"
    abandoned.write_bytes(b"half an upload")
    os.utime(abandoned, (time.time() - 1000, time.time() - 1000))
    assert remove_abandoned_uploads(container) == 1
    assert not abandoned.exists()
