"""Faces are hidden where the organisation wants it or it was refused to show them: from then on, and in what is there."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Role
from app.domain.consent import Purpose, Relation
from app.domain.errors import NotFoundError
from app.domain.lifecycle import PicturesState
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import DRAW_PICTURES, DROP_VIDEOS, RETAIN
from app.services import recordings
from app.services.audit import list_audit
from app.services.consents import record_consent
from app.services.draw_pictures import DrawResult, draw_pictures
from app.services.privacy import change_rules
from app.services.process_recording import process_recording
from app.services.read_models import BlobKind
from app.services.removals import try_rules
from app.services.retention import (
    RetentionReport,
    drop_videos_without_consent,
    retain_organisation,
    settle_recording,
)
from app.services.video_reader import VideoReading
from app.storage.local import LocalBlobStore
from tests.factories import METHOD, Club, ScriptedReader, make_athlete, make_recording
from tests.synth import drop_jump, video_of


class Case:
    """One athlete with one recording."""

    def __init__(
        self, *, uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, folder: Path
    ) -> None:
        self.uow_factory, self.blobs, self.club, self.folder = uow_factory, blobs, club, folder
        self.athlete = make_athlete(uow_factory, club)
        received = make_recording(uow_factory, blobs, club, folder=folder, athlete=self.athlete)
        self.recording_id = received.recording.id
        _, track = drop_jump()
        self.reader = ScriptedReader(reading=VideoReading(video=video_of(track), track=track))

    def process(self) -> None:
        process_recording(
            recording_id=self.recording_id,
            organisation_id=self.club.id,
            uow_factory=self.uow_factory,
            blobs=self.blobs,
            reader_factory=lambda: self.reader,
            method=METHOD,
            staging_dir=self.folder,
        )

    def settle(self) -> int:
        return settle_recording(
            uow_factory=self.uow_factory,
            blobs=self.blobs,
            organisation_id=self.club.id,
            recording_id=self.recording_id,
        )

    def want(self, **rules: bool) -> None:
        with self.uow_factory(self.club.principal) as uow:
            change_rules(uow=uow, principal=self.club.principal, changes=rules)

    def decide(self, **purposes: bool) -> None:
        with self.uow_factory(self.club.principal) as uow:
            record_consent(
                uow=uow,
                principal=self.club.principal,
                athlete_id=self.athlete.id,
                given_by="Kim Doe",
                relation=Relation.PARENT,
                purposes={Purpose(name): granted for name, granted in purposes.items()},
            )

    def opens(self, kind: BlobKind, *, role: Role = Role.OWNER, frame: int | None = None) -> bool:
        principal = self.club.as_role(role)
        with self.uow_factory(principal) as uow:
            try:
                recordings.open_blob(
                    uow=uow,
                    blobs=self.blobs,
                    principal=principal,
                    recording_id=self.recording_id,
                    kind=kind,
                    frame=frame,
                )
            except NotFoundError:
                return False
            return True

    def look(self, role: Role = Role.OWNER) -> recordings.RecordingView:
        principal = self.club.as_role(role)
        with self.uow_factory(principal) as uow:
            return recordings.get_recording(uow=uow, principal=principal, recording_id=self.recording_id)

    def analysis_id(self) -> UUID:
        analysis = self.look().analysis
        assert analysis is not None
        return analysis.id

    def draw(self) -> DrawResult:
        return draw_pictures(
            analysis_id=self.analysis_id(),
            organisation_id=self.club.id,
            uow_factory=self.uow_factory,
            blobs=self.blobs,
            reader_factory=lambda: self.reader,
            staging_dir=self.folder,
        )

    def files(self) -> list[str]:
        keys = self.blobs.find_keys(f"{self.club.id}/{self.recording_id}")
        return [key.rpartition("/")[2] for key in keys if "npz" not in key]


@pytest.fixture
def case(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> Case:
    return Case(uow_factory=uow_factory, blobs=blobs, club=club, folder=tmp_path)


def want_by_rule(case: Case) -> None:
    case.want(blur_faces=True)


def refuse(case: Case) -> None:
    case.decide(show_face=False)


@pytest.mark.parametrize("ask", [want_by_rule, refuse])
def test_faces_when_to_be_hidden_then_pictures_are_drawn_so_and_coaches_see_those_alone(
    case: Case, ask: Callable[[Case], None]
) -> None:
    ask(case)
    case.process()
    assert [order.blur_faces for order in case.reader.orders] == [True]
    frame = case.reader.orders[0].flagged_frames[0].frame
    for role in (Role.OWNER, Role.CLINICIAN, Role.TRAINER, Role.VIEWER):
        assert case.opens(BlobKind.OVERLAY, role=role)
        assert case.opens(BlobKind.STILL, role=role, frame=frame)
        may = role in (Role.OWNER, Role.CLINICIAN)
        assert case.opens(BlobKind.ORIGINAL, role=role) == case.look(role).has_original == may
    assert case.settle() == 0
    assert "original.mp4" in case.files()


def test_faces_when_nobody_asks_then_shown(case: Case) -> None:
    case.decide(screening=True, keep_video=True, share_with_coach=True, show_face=True)
    case.process()
    assert [order.blur_faces for order in case.reader.orders] == [False]
    assert case.opens(BlobKind.ORIGINAL, role=Role.TRAINER)
    assert case.settle() == 0


def test_showing_the_face_when_it_alone_is_refused_then_everything_else_goes_on(case: Case) -> None:
    case.decide(show_face=False)
    case.process()
    assert case.look().analysis is not None
    assert case.look(Role.TRAINER).analysis is not None


@pytest.mark.parametrize("ask", [want_by_rule, refuse])
def test_faces_when_to_be_hidden_later_then_at_once_not_shown_and_drawn_anew(
    case: Case, queue: MemoryQueue, ask: Callable[[Case], None]
) -> None:
    case.process()
    before = case.files()
    assert case.opens(BlobKind.OVERLAY)
    queue.jobs.clear()
    ask(case)
    analysis = case.look().analysis
    assert analysis is not None
    assert (analysis.has_overlay, analysis.still_frames) == (False, ())
    assert not case.opens(BlobKind.OVERLAY)
    if ask is refuse:
        assert DROP_VIDEOS in [job.name for job in queue.jobs]
        drop_videos_without_consent(
            uow_factory=case.uow_factory, blobs=case.blobs, organisation_id=case.club.id, athlete_id=case.athlete.id
        )  # fmt: skip
    else:
        assert RETAIN in [job.name for job in queue.jobs]
        retain_organisation(uow_factory=case.uow_factory, blobs=case.blobs, organisation_id=case.club.id)
    assert case.files() == ["original.mp4"]
    assert DRAW_PICTURES in [job.name for job in queue.jobs]
    analysis = case.look().analysis
    assert analysis is not None
    assert analysis.pictures is PicturesState.PENDING
    assert case.draw() is DrawResult.DRAWN
    assert [order.blur_faces for order in case.reader.orders] == [False, True]
    assert case.opens(BlobKind.OVERLAY, role=Role.TRAINER)
    assert case.files() == before
    assert case.settle() == 0


def test_original_when_only_blurred_pictures_are_kept_then_goes_once_they_are_there(case: Case) -> None:
    case.want(blur_faces=True, drop_original_after_blur=True)
    case.process()
    assert case.settle() == 1
    assert "original.mp4" not in case.files()
    assert "overlay.mp4" in case.files()
    assert not case.look().has_original


def test_original_when_it_is_to_go_after_the_faces_only_later_then_the_next_run_removes_and_tells_of_it(
    case: Case, queue: MemoryQueue
) -> None:
    case.want(blur_faces=True)
    case.process()
    assert case.settle() == 0
    assert "original.mp4" in case.files()
    pictures = [name for name in case.files() if name != "original.mp4"]
    change = {"drop_original_after_blur": True}
    with case.uow_factory(case.club.principal) as uow:
        told = try_rules(uow=uow, principal=case.club.principal, changes=change)
    assert (told.originals, told.pictures, told.redrawn) == ({case.recording_id}, frozenset(), frozenset())
    queue.jobs.clear()
    case.want(**change)
    assert RETAIN in [job.name for job in queue.jobs]

    def run() -> RetentionReport:
        return retain_organisation(
            uow_factory=case.uow_factory, blobs=case.blobs, organisation_id=case.club.id
        )

    assert run() == RetentionReport(n_originals=1)
    assert case.files() == pictures
    assert not case.look().has_original
    assert run() == RetentionReport()
    with case.uow_factory(case.club.principal) as uow:
        lines = list_audit(uow=uow, principal=case.club.principal, act="retention.done", limit=10).items
    assert [line.detail["n_originals"] for line in lines] == [1]


def test_pictures_with_faces_when_the_original_is_gone_then_removed_and_not_awaited(case: Case) -> None:
    case.want(keep_original_days=0)
    case.process()
    retain_organisation(uow_factory=case.uow_factory, blobs=case.blobs, organisation_id=case.club.id)
    assert case.files() == [name for name in case.files() if name != "original.mp4"] != []
    case.decide(show_face=False)
    assert case.settle() == 1
    assert case.files() == []
    analysis = case.look().analysis
    assert analysis is not None
    assert analysis.pictures is PicturesState.DONE


def test_numbers_only_when_wanted_then_videos_and_pictures_go_after_the_analysis_and_numbers_stay(
    case: Case,
) -> None:
    case.want(numbers_only=True)
    case.process()
    assert case.settle() > 0
    assert case.files() == []
    view = case.look()
    assert view.analysis is not None
    assert len(view.analysis.record.metrics) > 10
    assert not view.has_original
