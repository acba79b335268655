"""What is kept of an analysis over time: its curves and the landmarks they were computed from.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from app.biomech.types import Kinematics, PoseTrack
from app.db.repositories.analyses import StoredAnalysis
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import NotFoundError
from app.services.analysis_curves import Curve, shown_curves
from app.services.corrections import no_analysis
from app.storage.blobs import BlobNotFoundError, BlobStore
from app.storage.tracks import kinematics_from_bytes, track_from_bytes

T = TypeVar("T", PoseTrack, Kinematics)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSeries:
    """The curves of one analysis."""

    analysis_id: UUID
    recording_id: UUID
    method_version: str
    kinematics: Kinematics
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisLandmarks:
    """Where the landmarks were in the picture, frame by frame."""

    analysis_id: UUID
    recording_id: UUID
    track: PoseTrack


def get_series(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, analysis_id: UUID
) -> AnalysisSeries:
    """Return the curves of an analysis, present or superseded, or raise `NotFoundError`."""
    stored = find_stored(uow, principal, analysis_id)
    kinematics = read_kept(blobs, stored.files.kinematics_key, kinematics_from_bytes)
    tell_reading(uow, principal, stored)
    return AnalysisSeries(
        analysis_id=stored.id,
        recording_id=stored.recording_id,
        method_version=stored.content.method.version,
        kinematics=kinematics,
        curves=shown_curves(kinematics, stored.content.metrics),
    )


def get_landmarks(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, analysis_id: UUID
) -> AnalysisLandmarks:
    """Return the track of an analysis as it was put right by hand, or raise `NotFoundError`."""
    stored = find_stored(uow, principal, analysis_id)
    track = read_kept(blobs, stored.files.track_key, track_from_bytes)
    tell_reading(uow, principal, stored)
    return AnalysisLandmarks(analysis_id=stored.id, recording_id=stored.recording_id, track=track)


def find_stored(uow: UnitOfWork, principal: Principal, analysis_id: UUID) -> StoredAnalysis:
    """Return an analysis of the organisation, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    stored = uow.analyses.find(organisation_id=principal.organisation_id, analysis_id=analysis_id)
    if stored is None:
        raise no_analysis()
    return stored


def read_kept(blobs: BlobStore, key: str | None, parse: Callable[[bytes], T]) -> T:
    """Return what is kept under a key, or raise `NotFoundError` when there never was anything or it is gone."""
    if key is None:
        raise nothing_over_time()
    try:
        return parse(blobs.get_bytes(key))
    except BlobNotFoundError:
        raise NotFoundError(
            "What was measured over time is no longer kept.",
            how_to_fix="Analyse the recording again while its video is kept.",
        ) from None


def nothing_over_time() -> NotFoundError:
    """Return the answer to asking for motion where nobody was followed."""
    return NotFoundError(
        "There is no motion in this analysis: nothing could be followed over time.",
        how_to_fix="Look at the analysis's findings: they say why, and how to film it again.",
    )


def tell_reading(uow: UnitOfWork, principal: Principal, stored: StoredAnalysis) -> None:
    """Tell the audit trail that a result was read."""
    uow.audit.record_reading(actor=principal, act=Act.RESULT_READ, object_id=stored.recording_id)
