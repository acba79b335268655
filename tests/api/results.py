"""A finished analysis for a recording, put there the way the worker does."""

from uuid import UUID

import numpy as np
from uuid_utils.compat import uuid7

from app.biomech.types import (
    Event,
    EventName,
    FlaggedFrame,
    Kinematics,
    MethodStamp,
    Metric,
    QualityFinding,
    RiskScore,
    ScoreComponent,
    Severity,
    Side,
    Verdict,
    VideoInfo,
)
from app.db.repositories.analyses import AnalysisContent, AnalysisFiles
from app.domain.lifecycle import Trigger
from app.storage.tracks import kinematics_to_bytes, track_to_bytes
from tests.api.support import PartsForTests
from tests.factories import make_track

OVERLAY = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 40
STILL = b"\xff\xd8\xff\xe0" + b"jpeg" * 100
STILL_FRAME = 63


def make_content() -> AnalysisContent:
    """Return an analysis in which every kind of part occurs."""
    return AnalysisContent(
        verdict=Verdict.ATTENTION,
        findings=(
            QualityFinding(
                code="fps_low", severity=Severity.WARNING, message="Few frames.", how_to_fix="Film at 60."
            ),
        ),
        video=VideoInfo(
            width_px=720,
            height_px=1280,
            duration_s=3.65,
            n_frames=219,
            nominal_fps_hz=60.0,
            rotation_deg=0,
            codec="h264",
            sha256="ab" * 32,
        ),
        method=MethodStamp(version="1", model_sha256="cd" * 32, code_version="0.1.0"),
        events=(
            Event(
                name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=1.051234, frame=STILL_FRAME, sd_s=0.004
            ),
        ),
        metrics=(
            Metric(
                key="fppa",
                side=Side.LEFT,
                value=12.34567,
                unit="deg",
                event="peak_knee_flexion",
                se=2.0,
            ),
            Metric(key="jump_height", side=Side.BOTH, value=None, unit="m", event="landing", se=None),
        ),
        risk_score=RiskScore(
            value=61.0,
            band="some deviations",
            band_probability=0.7,
            interval_90=(48.0, 74.0),
            coverage=0.6,
            scope="frontal",
            components=(
                ScoreComponent(
                    key="fppa",
                    side=Side.LEFT,
                    value=12.3,
                    unit="deg",
                    cutoff=9.0,
                    probability=0.93,
                    weight=0.3,
                    mark="V",
                ),
            ),
        ),
        flagged_frames=(
            FlaggedFrame(frame=STILL_FRAME, time_s=1.05, reason="initial_contact", side=Side.LEFT),
        ),
    )


def make_kinematics() -> Kinematics:
    time_s = np.arange(4) / 60
    names = (
        "fppa_left_deg",
        "fppa_right_deg",
        "knee_ankle_separation_ratio",
        "trunk_lean_deg",
        "knee_flexion_left_deg",
        "knee_flexion_right_deg",
    )
    return Kinematics(
        time_s=time_s, rate_hz=60.0, series={name: np.array([1.0, np.nan, 3.0, 4.0]) for name in names}
    )


def analyse(
    parts: PartsForTests, *, organisation_id: UUID, recording_id: UUID, with_pictures: bool = True
) -> None:
    """Claim the recording and record an analysis with all its files."""
    analysis_id = uuid7()
    folder = f"{organisation_id}/{recording_id}/{analysis_id}"
    files = AnalysisFiles(kinematics_key=f"{folder}/kinematics.npz", track_key=f"{folder}/track.npz")
    parts.blobs.put_bytes(f"{folder}/track.npz", track_to_bytes(make_track()))
    parts.blobs.put_bytes(f"{folder}/kinematics.npz", kinematics_to_bytes(make_kinematics()))
    parts.blobs.put_bytes(f"{folder}/overlay.mp4", OVERLAY)
    parts.blobs.put_bytes(f"{folder}/still-{STILL_FRAME}.jpg", STILL)
    with parts.uow_factory(organisation_id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60, max_attempts=3)
        assert claim is not None
        uow.analyses.add(
            organisation_id=organisation_id,
            analysis_id=analysis_id,
            claim=claim,
            input_sha256="ab" * 32,
            content=make_content(),
            files=files,
        )
        uow.recordings.finish(claim, trigger=Trigger.ASSESSED)
        pictures = uow.pictures.begin(
            organisation_id=organisation_id, analysis_id=analysis_id, lease_s=60, max_attempts=3
        )
        if with_pictures:
            uow.pictures.finish(
                pictures,
                overlay_key=f"{folder}/overlay.mp4",
                still_keys={STILL_FRAME: f"{folder}/still-{STILL_FRAME}.jpg"},
            )
