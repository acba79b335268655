"""An analysed recording, and somebody who puts it right by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from app.biomech.corrections import (
    Correction,
    CorrectionKind,
    MoveEvent,
)
from app.biomech.types import EventName, PoseTrack, Side
from app.db.unit_of_work import UnitOfWorkFactory
from app.services import corrections, recordings
from app.services.correction_views import AnalysisDetail, CorrectionResult
from app.services.process_recording import AttemptResult, process_recording
from app.services.read_models import CorrectionStatus, RecordingView
from app.services.video_reader import VideoReading
from app.storage.local import LocalBlobStore
from tests.factories import (
    METHOD,
    Club,
    ScriptedReader,
    make_athlete,
    make_recording,
    make_team,
)
from tests.synth import drop_jump, video_of

FIGURE, TRACK = drop_jump(fps=120.0, base_deg=(2.0, 4.0), rise_deg=(16.0, 8.0))
LATER = MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=FIGURE.contact_at_s + 0.05)
OTHER_METHOD = replace(METHOD, version="2.0.0", code_version="0.2.0")
Correct = Callable[..., CorrectionResult]


def reading_of(track: PoseTrack) -> VideoReading:
    return VideoReading(video=replace(video_of(track), sha256="b" * 64), track=track)


class Desk:
    """Somebody who films, looks and puts right."""

    def __init__(
        self, *, uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, folder: Path
    ) -> None:
        self.uow_factory, self.blobs, self.club, self.folder = uow_factory, blobs, club, folder
        self.team = make_team(uow_factory, club)
        self.athlete = make_athlete(uow_factory, club, team=self.team)

    def film(self, reading: VideoReading | None = None) -> UUID:
        """Return the analysis of a new recording."""
        received = make_recording(
            self.uow_factory, self.blobs, self.club, folder=self.folder, athlete=self.athlete
        )
        self.read(received.recording.id, ScriptedReader(reading=reading or reading_of(TRACK)))
        return self.present(received.recording.id)

    def read(self, recording_id: UUID, reader: ScriptedReader, method: Any = METHOD) -> AttemptResult:
        return process_recording(
            recording_id=recording_id,
            organisation_id=self.club.id,
            uow_factory=self.uow_factory,
            blobs=self.blobs,
            reader_factory=lambda: reader,
            method=method,
            staging_dir=self.folder,
        )

    def recording(self, recording_id: UUID) -> RecordingView:
        with self.uow_factory(self.club.principal) as uow:
            return recordings.get_recording(uow=uow, principal=self.club.principal, recording_id=recording_id)

    def present(self, recording_id: UUID) -> UUID:
        analysis = self.recording(recording_id).analysis
        assert analysis is not None
        return analysis.id

    def look(self, analysis_id: UUID) -> AnalysisDetail:
        with self.uow_factory(self.club.principal) as uow:
            return corrections.get_analysis(uow=uow, principal=self.club.principal, analysis_id=analysis_id)

    def correct(self, analysis_id: UUID, correction: Correction, **more: Any) -> CorrectionResult:
        principal = more.pop("principal", self.club.principal)
        with self.uow_factory(principal) as uow:
            return corrections.correct(
                uow=uow,
                blobs=self.blobs,
                principal=principal,
                method=more.pop("method", METHOD),
                analysis_id=analysis_id,
                correction=correction,
                **more,
            )

    def undo(self, analysis_id: UUID, correction_id: UUID, **more: Any) -> CorrectionResult:
        with self.uow_factory(self.club.principal) as uow:
            return corrections.undo_correction(
                uow=uow,
                blobs=self.blobs,
                principal=self.club.principal,
                method=METHOD,
                analysis_id=analysis_id,
                correction_id=correction_id,
                **more,
            )

    def listed(self, analysis_id: UUID) -> list[tuple[CorrectionKind, CorrectionStatus]]:
        with self.uow_factory(self.club.principal) as uow:
            found = corrections.list_corrections(
                uow=uow, principal=self.club.principal, analysis_id=analysis_id
            )
        return [(item.kind, item.status) for item in found]


def now_of(result: CorrectionResult) -> AnalysisDetail:
    assert result.analysis is not None
    return result.analysis


def values(detail: AnalysisDetail) -> dict[tuple[str, Side, str], float | None]:
    return {(m.key, m.side, m.event): m.value for m in detail.analysis.record.metrics}
