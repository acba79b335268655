"""One analysis as a motion that files are written of: from its stored pose track, its curves and its events.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import numpy as np

from app.biomech.kinematics import prepare_paths
from app.biomech.scale import scale_from_stature
from app.biomech.types import Kinematics, PoseTrack
from app.db.repositories.analyses import StoredAnalysis
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError
from app.integrations.motion_files import Motion, angle_columns, markers_m
from app.services.corrections import no_analysis
from app.services.presenters import no_recording
from app.storage.blobs import BlobNotFoundError, BlobStore
from app.storage.tracks import kinematics_from_bytes, track_from_bytes

T = TypeVar("T", PoseTrack, Kinematics)

_M_PER_CM = 0.01
_KNEE_ANGLES = "fppa"


def get_marker_motion(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, analysis_id: UUID
) -> Motion:
    """Return where the markers were, in metres, and the events.

    The paths are the analysis's stored track, as it was put right by hand, cleaned and smoothed as for the angles;
    what a person settled is not held against the cleaning here, and the picture is not turned into the athlete's
    frontal plane. Metres come from the athlete's stature as of now. Raises `NotFoundError` (no such analysis, or nobody was followed in it) and `InvalidInputError` (the
    stature is not known, and nothing but a guess would give metres).
    """
    stored = _find(uow, principal, analysis_id)
    stature_cm = _stature_cm(uow, principal, stored)
    track = _read(blobs, stored.files.track_key, track_from_bytes)
    paths = prepare_paths(track)
    if track.time_s.shape[0] < 2 or not np.isfinite(paths.leg_px):
        raise _nothing()
    scale = scale_from_stature(stature_cm, leg_px=paths.leg_px)
    motion = Motion(
        name=_name(stored),
        time_s=track.time_s,
        markers_m=markers_m(
            paths.smooth_px,
            image_height_px=track.image_size_px[1],
            m_per_px=_M_PER_CM * scale.cm_per_px,
        ),
        angles_deg={},
        events=stored.content.events,
    )
    _tell(uow, principal, stored)
    return motion


def get_angle_motion(*, uow: UnitOfWork, blobs: BlobStore, principal: Principal, analysis_id: UUID) -> Motion:
    """Return the angles of knees and trunk over time, or raise `NotFoundError`.

    A view from which the knee angle is withheld gives no curve of it either.
    """
    stored = _find(uow, principal, analysis_id)
    kinematics = _read(blobs, stored.files.kinematics_key, kinematics_from_bytes)
    shows_knee_angle = any(
        metric.key == _KNEE_ANGLES and metric.value is not None for metric in stored.content.metrics
    )
    angles = {
        name: values
        for name, values in angle_columns(kinematics.series).items()
        if shows_knee_angle or not name.startswith(_KNEE_ANGLES)
    }
    if kinematics.time_s.shape[0] < 2 or not angles:
        raise _nothing()
    _tell(uow, principal, stored)
    return Motion(name=_name(stored), time_s=kinematics.time_s, markers_m={}, angles_deg=angles)


def _find(uow: UnitOfWork, principal: Principal, analysis_id: UUID) -> StoredAnalysis:
    principal.require(Permission.RESULTS_READ)
    stored = uow.analyses.find(organisation_id=principal.organisation_id, analysis_id=analysis_id)
    if stored is None:
        raise no_analysis()
    return stored


def _stature_cm(uow: UnitOfWork, principal: Principal, stored: StoredAnalysis) -> float:
    record = uow.recordings.find(organisation_id=principal.organisation_id, recording_id=stored.recording_id)
    if record is None:
        raise no_recording()
    if record.athlete is None or record.athlete.stature_cm is None:
        raise InvalidInputError(
            "Places in metres need the athlete's stature, and it is not known.",
            how_to_fix="Enter the stature of the athlete whose recording this is; the MOT file needs none.",
            field="stature_cm",
        )
    return record.athlete.stature_cm


def _read(blobs: BlobStore, key: str | None, parse: Callable[[bytes], T]) -> T:
    if key is None:
        raise _nothing()
    try:
        return parse(blobs.get_bytes(key))
    except BlobNotFoundError:
        raise NotFoundError(
            "What was measured over time is no longer kept.",
            how_to_fix="Analyse the recording again while its video is kept.",
        ) from None


def _nothing() -> NotFoundError:
    return NotFoundError(
        "There is no motion in this analysis: nothing could be followed over time.",
        how_to_fix="Look at the analysis's findings: they say why, and how to film it again.",
    )


def _name(stored: StoredAnalysis) -> str:
    return f"plumbline-{stored.id}"


def _tell(uow: UnitOfWork, principal: Principal, stored: StoredAnalysis) -> None:
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=stored.recording_id)
