"""Organisations, rosters, recordings and results for tests, made through the services wherever there is one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from pwdlib.hashers.argon2 import Argon2Hasher

from app.biomech.corrections import CorrectionKind
from app.biomech.joints import N_JOINTS
from app.biomech.quality import make_finding
from app.biomech.types import (
    Event,
    EventName,
    FlaggedFrame,
    Kinematics,
    MethodStamp,
    Metric,
    PoseSource,
    PoseTrack,
    QualityFinding,
    RiskScore,
    ScoreComponent,
    Side,
    TrialContext,
    Verdict,
    VideoInfo,
)
from app.db.repositories.analyses import AnalysisFiles
from app.db.repositories.corrections import NewCorrection
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Principal, Role
from app.domain.audit import Act
from app.domain.lifecycle import PicturesState, Stage, Trigger
from app.domain.screenings import ScreeningContext
from app.services import accounts, reanalyses, recording_intake, roster
from app.services.analysis_record import AnalysisRecord
from app.services.erasure import Places
from app.services.passwords import Passwords
from app.services.presenters import analysis_content
from app.services.read_models import AthleteSummary, ReceivedRecording, TeamSummary
from app.services.uploads import ProbedVideo, StagedUpload
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReading
from app.storage.blobs import BlobStore
from app.storage.partials import PartialFiles
from app.storage.staging import StagingArea

QUICK_PASSWORDS = Passwords(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
"""Real argon2id at a cost that suits a test."""
PASSWORD = "four plain words here"
METHOD = MethodStamp(version="1.0.0", model_sha256="a" * 64, code_version="0.1.0")
NEXT_METHOD = replace(METHOD, version="2.0.0")
PROBED = ProbedVideo(
    extension="mp4", container="mp4", codec="h264", width_px=1080, height_px=1920, duration_s=4.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Club:
    """An organisation with an owner."""

    principal: Principal
    email: str

    @property
    def id(self) -> UUID:
        return self.principal.organisation_id

    def as_role(self, role: Role) -> Principal:
        return replace(self.principal, role=role)


def make_club(uow_factory: UnitOfWorkFactory, *, name: str = "Harbour FC") -> Club:
    email = f"{uuid4().hex}@example.org"
    with uow_factory(None) as uow:
        organisation = accounts.create_organisation(uow=uow, name=name)
        user = accounts.create_user(
            uow=uow,
            organisation_id=organisation.id,
            email=email,
            display_name="Kim Trainer",
            password=PASSWORD,
            role=Role.OWNER,
            passwords=QUICK_PASSWORDS,
        )
    principal = Principal(
        organisation_id=organisation.id, role=Role.OWNER, display_name=user.display_name, user_id=user.id
    )
    return Club(principal=principal, email=email)


def make_team(uow_factory: UnitOfWorkFactory, club: Club, *, name: str = "U17") -> TeamSummary:
    with uow_factory(club.id) as uow:
        return roster.create_team(uow=uow, principal=club.principal, name=name)


def make_athlete(
    uow_factory: UnitOfWorkFactory, club: Club, *, name: str = "Ada Berg", team: TeamSummary | None = None
) -> AthleteSummary:
    with uow_factory(club.id) as uow:
        return roster.create_athlete(
            uow=uow,
            principal=club.principal,
            name=name,
            team_ids=() if team is None else (team.id,),
            stature_cm=171.0,
        )


def stage_upload(folder: Path, content: bytes = b"a video", *, filename: str = "jump.mp4") -> StagedUpload:
    path = folder / f"{uuid4().hex}.upload"
    path.write_bytes(content)
    return StagedUpload(
        path=path,
        filename=filename,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def make_recording(
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    club: Club,
    *,
    folder: Path,
    athlete: AthleteSummary | None = None,
    content: bytes = b"a video",
    screened_on: date | None = None,
    context: ScreeningContext = ScreeningContext.BASELINE,
    idempotency_key: str | None = None,
) -> ReceivedRecording:
    with uow_factory(club.id) as uow:
        return recording_intake.receive_recording(
            uow=uow,
            blobs=blobs,
            principal=club.principal,
            upload=stage_upload(folder, content),
            probed=PROBED,
            athlete_id=None if athlete is None else athlete.id,
            screened_on=screened_on,
            context=context,
            idempotency_key=idempotency_key,
        )


def make_score(value: float, *, band: str = "some deviations") -> RiskScore:
    return RiskScore(
        value=value,
        band=band,
        band_probability=0.71,
        interval_90=(value - 10.0, value + 10.0),
        coverage=0.6,
        scope="frontal",
        components=(
            ScoreComponent(
                key="knee_valgus_displacement",
                side=Side.BOTH,
                value=12.4,
                unit="deg",
                cutoff=10.6,
                probability=0.6736,
                weight=20.0,
                mark="V",
            ),
            ScoreComponent(
                key="knee_ankle_separation_ratio",
                side=Side.BOTH,
                value=0.74,
                unit="1",
                cutoff=0.8,
                probability=0.7734,
                weight=15.0,
                mark="P",
            ),
        ),
    )


def make_record(
    *,
    score: float | None = 43.65,
    verdict: Verdict = Verdict.VALID,
    findings: tuple[QualityFinding, ...] = (),
) -> AnalysisRecord:
    """A whole analysis with awkward numbers: thirds, None, and more than one of everything."""
    return AnalysisRecord(
        verdict=verdict,
        findings=findings,
        video=VideoInfo(
            width_px=1080,
            height_px=1920,
            duration_s=10.0 / 3.0,
            n_frames=200,
            nominal_fps_hz=59.94005994005994,
            rotation_deg=90,
            codec="h264",
            sha256="b" * 64,
            brightness=0.1 + 0.2,
            contrast=1.0 / 7.0,
            key_bits_per_pixel=1.0 / 3.0,
        ),
        method=METHOD,
        events=(
            Event(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=1.0 / 3.0, frame=20, sd_s=0.004),
            Event(name=EventName.TAKE_OFF, side=Side.BOTH, time_s=2.0 / 3.0, frame=40, sd_s=0.006),
            Event(
                name=EventName.LOWEST_POINT, side=Side.BOTH, time_s=0.75, frame=45, sd_s=0.02, repetition=2
            ),
        ),
        metrics=(
            Metric(
                key="fppa", side=Side.BOTH, value=14.0 / 3.0, unit="deg", event="peak_knee_flexion", se=5.2
            ),
            Metric(key="fppa", side=Side.LEFT, value=None, unit="deg", event="peak", se=None),
            Metric(
                key="fppa", side=Side.LEFT, value=7.5, unit="deg", event="lowest_point", se=3.0, repetition=2
            ),
        ),
        risk_score=None if score is None else make_score(score),
        flagged_frames=(
            FlaggedFrame(frame=20, time_s=1.0 / 3.0, reason="initial_contact", side=Side.LEFT),
            FlaggedFrame(frame=30, time_s=0.5, reason="peak_valgus", side=Side.RIGHT),
        ),
    )


REJECTED = make_record(score=None, verdict=Verdict.INVALID, findings=(make_finding("no_person"),))


def finish_recording(
    uow_factory: UnitOfWorkFactory,
    club: Club,
    recording_id: UUID,
    *,
    record: AnalysisRecord | None = None,
    pictures: PicturesState | None = PicturesState.DONE,
) -> UUID:
    """Take a queued recording through one attempt whose result is the record; return the analysis's id."""
    result = record or make_record()
    analysis_id = new_id()
    with uow_factory(club.id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=3)
        assert claim is not None
        usable = result.verdict is not Verdict.INVALID
        uow.recordings.finish(claim, trigger=Trigger.ASSESSED if usable else Trigger.UNUSABLE)
        uow.analyses.add(
            organisation_id=club.id,
            analysis_id=analysis_id,
            claim=claim,
            input_sha256="b" * 64,
            content=analysis_content(result),
            files=AnalysisFiles(),
        )
    if pictures is not None:
        finish_pictures(uow_factory, club, recording_id, analysis_id, state=pictures)
    return analysis_id


def finish_pictures(
    uow_factory: UnitOfWorkFactory, club: Club, recording_id: UUID, analysis_id: UUID, *, state: PicturesState
) -> None:
    """Take the pictures of an analysis to this state."""
    with uow_factory(club.id) as uow:
        claim = uow.pictures.begin(
            organisation_id=club.id, analysis_id=analysis_id, lease_s=60.0, max_attempts=3
        )
        if state is PicturesState.DONE:
            still = f"{club.id}/{recording_id}/{analysis_id}/pictures-1/still-20.jpg"
            uow.pictures.finish(claim, overlay_key=None, still_keys={20: still})
        elif state is PicturesState.FAILED:
            uow.pictures.give_up(claim, detail="reader_died")


def put_right_and_take_back(uow_factory: UnitOfWorkFactory, club: Club, recording_id: UUID) -> UUID:
    """Record a correction that the latest analysis holds, and its undoing; return the correction's id."""
    correction_id = new_id()
    with uow_factory(club.principal) as uow:
        analysis_id = uow.analyses.latest_id(organisation_id=club.id, recording_id=recording_id)
        assert analysis_id is not None
        uow.corrections.add(
            NewCorrection(
                id=correction_id,
                recording_id=recording_id,
                analysis_id=analysis_id,
                pick_id=None,
                kind=CorrectionKind.SWAP_SIDES,
                before={},
                after={"first_frame": None, "last_frame": None},
                reason="as seen in the video",
                idempotency_key="correction-1",
                request_sha256="d" * 64,
            ),
            actor=club.principal,
        )
        uow.corrections.link(organisation_id=club.id, analysis_id=analysis_id, correction_ids=[correction_id])
        uow.corrections.add_undo(correction_id, actor=club.principal)
        uow.audit.record(actor=club.principal, act=Act.CORRECTION_UNDONE, object_id=correction_id)
    return correction_id


def start_reanalysis(uow_factory: UnitOfWorkFactory, club: Club, *, team: TeamSummary | None = None) -> UUID:
    """Start a re-analysis with a version that nothing is of yet."""
    with uow_factory(club.principal) as uow:
        view = reanalyses.start_reanalysis(
            uow=uow,
            principal=club.principal,
            method=NEXT_METHOD,
            team_id=None if team is None else team.id,
        )
    return view.summary.id


def make_track(n_frames: int = 12) -> PoseTrack:
    """A track in which nobody was found; enough for what only carries it."""
    return PoseTrack(
        time_s=np.arange(n_frames) / 60.0,
        xy_px=np.full((n_frames, N_JOINTS, 2), np.nan),
        confidence=np.full((n_frames, N_JOINTS), np.nan),
        world_m=None,
        image_size_px=(1080, 1920),
        source=PoseSource(estimator="replay 1", model="none", model_sha256="a" * 64),
        n_people=np.zeros(n_frames),
    )


def make_kinematics(n_frames: int = 12) -> Kinematics:
    time_s = np.arange(n_frames) / 60.0
    return Kinematics(
        time_s=time_s,
        rate_hz=60.0,
        series={"fppa_left_deg": np.sin(time_s), "fppa_right_deg": np.full(n_frames, np.nan)},
    )


def unreadable() -> VideoReading:
    return VideoReading(video=None, track=None, findings=(make_finding("corrupt_video"),))


def nobody() -> VideoReading:
    """A video that can be read and shows nobody."""
    return VideoReading(video=make_record().video, track=make_track(), findings=())


@dataclass(kw_only=True)
class ScriptedReader:
    """A `VideoReader` that returns what it was told, and does as told while reading."""

    reading: VideoReading = field(default_factory=nobody)
    while_reading: Callable[[Path, Progress], None] = lambda path, on_progress: None
    while_drawing: Callable[[PictureOrder, Progress], None] = lambda order, on_progress: None
    contexts: list[TrialContext] = field(default_factory=list)
    orders: list[PictureOrder] = field(default_factory=list)

    def read(self, path: Path, *, context: TrialContext, on_progress: Progress) -> VideoReading:
        self.contexts.append(context)
        on_progress(Stage.POSE, 0.5)
        self.while_reading(path, on_progress)
        return self.reading

    def draw(self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress) -> Pictures:
        self.orders.append(order)
        self.while_drawing(order, on_progress)
        film = directory / "overlay.mp4"
        film.write_bytes(b"a film")
        # The last one nobody asked for.
        stills = {
            frame: directory / f"{frame}.jpg" for frame in (*(f.frame for f in order.flagged_frames), 3)
        }
        for still in stills.values():
            still.write_bytes(b"a still")
        on_progress(Stage.PICTURES, 0.99)
        return Pictures(stills=stills, overlay=film if overlay else None)

    def __enter__(self) -> "ScriptedReader":
        return self

    def __exit__(self, *exc: object) -> None:
        return None


def places_of(blobs: BlobStore, folder: Path) -> Places:
    """Return where files lie when nobody uploads anything."""
    return Places(
        blobs=blobs,
        partials=PartialFiles(folder / "partials", min_free_bytes=0),
        staging=StagingArea(folder / "staging", min_free_bytes=0),
    )
