"""One attempt at a recording, from claim to result, on a real database."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from app.biomech.types import Verdict
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.lifecycle import RecordingState
from app.services import recordings
from app.services.process_recording import (
    AttemptResult,
    WorkPolicy,
    process_recording,
)
from app.services.read_models import RecordingView
from app.storage.local import LocalBlobStore
from tests.factories import METHOD, Club, ScriptedReader, make_recording

Process = Callable[..., AttemptResult]
QUICK = WorkPolicy(lease_s=0.3, heartbeat_s=0.05, retry_delays_s=(0.0,), resend_after_s=0.0)


@pytest.fixture
def process(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> Process:
    def run(
        recording_id: UUID, reader: ScriptedReader | None = None, policy: WorkPolicy = QUICK
    ) -> AttemptResult:
        return process_recording(
            recording_id=recording_id,
            organisation_id=club.id,
            uow_factory=uow_factory,
            blobs=blobs,
            reader_factory=lambda: reader or ScriptedReader(),
            method=METHOD,
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
