"""One analysis as a motion that files are written of: from its stored pose track, its curves and its events.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from uuid import UUID

import numpy as np

from app.biomech.kinematics import prepare_paths
from app.biomech.landmark_model import landmark_model_of
from app.biomech.scale import scale_from_stature
from app.db.repositories.analyses import StoredAnalysis
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.domain.errors import InvalidInputError
from app.integrations.motion_files import Motion, angle_columns, markers_m
from app.services.analysis_curves import shown_kinematics
from app.services.kept_arrays import find_stored, nothing_over_time, read_kept, tell_reading
from app.services.presenters import no_recording
from app.storage.blobs import BlobStore
from app.storage.tracks import kinematics_from_bytes, track_from_bytes

_M_PER_CM = 0.01


def get_marker_motion(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, analysis_id: UUID
) -> Motion:
    """Return where the markers were, in metres, and the events.

    The paths are the analysis's stored track, as it was put right by hand, cleaned and smoothed as for the angles;
    what a person settled is not held against the cleaning here, and the picture is not turned into the athlete's
    frontal plane. Metres come from the athlete's stature as of now. Raises `NotFoundError` (no such analysis, or nobody was followed in it) and `InvalidInputError` (the
    stature is not known, and nothing but a guess would give metres).
    """
    stored = find_stored(uow, principal, analysis_id)
    stature_cm = _stature_cm(uow, principal, stored)
    track = read_kept(blobs, stored.files.track_key, track_from_bytes)
    paths = prepare_paths(track)
    if track.time_s.shape[0] < 2 or not np.isfinite(paths.leg_px):
        raise nothing_over_time()
    scale = scale_from_stature(stature_cm, leg_px=paths.leg_px, model=landmark_model_of(track.source))
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
    tell_reading(uow, principal, stored)
    return motion


def get_angle_motion(*, uow: UnitOfWork, blobs: BlobStore, principal: Principal, analysis_id: UUID) -> Motion:
    """Return the angles of knees and trunk over time, or raise `NotFoundError`.

    Where a number is withheld, so is its curve.
    """
    stored = find_stored(uow, principal, analysis_id)
    kinematics = read_kept(blobs, stored.files.kinematics_key, kinematics_from_bytes)
    angles = angle_columns(shown_kinematics(kinematics, stored.content.metrics).series)
    if kinematics.time_s.shape[0] < 2 or not angles:
        raise nothing_over_time()
    tell_reading(uow, principal, stored)
    return Motion(name=_name(stored), time_s=kinematics.time_s, markers_m={}, angles_deg=angles)


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


def _name(stored: StoredAnalysis) -> str:
    return f"plumbline-{stored.id}"
