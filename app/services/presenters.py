"""Rows of the database to read models; used by several services."""

from collections.abc import Sequence
from uuid import UUID

from app.db.models import Athlete, Team
from app.db.repositories.analyses import AnalysisContent, StoredAnalysis
from app.db.repositories.corrections import StoredCorrection
from app.domain.errors import NotFoundError
from app.services.analysis_record import AnalysisRecord
from app.services.read_models import (
    AnalysisView,
    AthleteSummary,
    CorrectionStatus,
    CorrectionView,
    TeamSummary,
)


def athlete_summary(athlete: Athlete) -> AthleteSummary:
    """Return an athlete as lists show them."""
    return AthleteSummary(
        id=athlete.id,
        name=athlete.name,
        external_id=athlete.external_id,
        sex=athlete.sex,
        stature_cm=athlete.stature_cm,
    )


def team_summary(team: Team, n_athletes: int) -> TeamSummary:
    """Return a team as lists show it."""
    return TeamSummary(
        id=team.id,
        name=team.name,
        n_athletes=n_athletes,
        sport=team.sport,
        season=team.season,
        archived_at=team.archived_at,
    )


def analysis_view(stored: StoredAnalysis) -> AnalysisView:
    """Return an analysis whole."""
    pictures = stored.pictures
    return AnalysisView(
        id=stored.id,
        recording_id=stored.recording_id,
        created_at=stored.created_at,
        record=AnalysisRecord(
            **{name: getattr(stored.content, name) for name in AnalysisRecord.__dataclass_fields__}
        ),
        pictures=None if pictures is None else pictures.state,
        has_overlay=pictures is not None and pictures.overlay_key is not None,
        has_kinematics=stored.files.kinematics_key is not None,
        still_frames=() if pictures is None else tuple(sorted(pictures.still_keys)),
    )


def analysis_content(record: AnalysisRecord) -> AnalysisContent:
    """Return a record as the database takes it."""
    return AnalysisContent(**{name: getattr(record, name) for name in AnalysisContent.__dataclass_fields__})


def correction_view(stored: StoredCorrection, *, held: Sequence[UUID], is_working: bool) -> CorrectionView:
    """Return a correction as one analysis sees it; `is_working` when its recording is being read again."""
    return CorrectionView(
        id=stored.id,
        recording_id=stored.recording_id,
        analysis_id=stored.analysis_id,
        kind=stored.kind,
        before=stored.before,
        after=stored.after,
        reason=stored.reason,
        by=stored.by,
        created_at=stored.created_at,
        status=_status(stored, held=held, is_working=is_working),
        undone_at=stored.undone_at,
        undone_by=stored.undone_by,
    )


def _status(stored: StoredCorrection, *, held: Sequence[UUID], is_working: bool) -> CorrectionStatus:
    if stored.undone_at is not None:
        return CorrectionStatus.UNDONE
    if stored.id in held:
        return CorrectionStatus.APPLIED
    return CorrectionStatus.WAITING if is_working else CorrectionStatus.NOT_APPLICABLE


def no_recording() -> NotFoundError:
    """Return the answer to an id that is unknown here, or somebody else's: nobody can tell which."""
    return NotFoundError("There is no such recording.", how_to_fix="Choose one of your own recordings.")
