"""What the services return about corrections: frozen, complete, free of the database."""

from dataclasses import dataclass
from uuid import UUID

from app.db.repositories.analyses import StoredAnalysis
from app.domain.lifecycle import AnalysisOrigin
from app.services.comparison import Comparison
from app.services.presenters import analysis_view
from app.services.read_models import AnalysisView, CorrectionView, RecordingView


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisDetail:
    """One analysis, present or superseded, and how it came about."""

    analysis: AnalysisView
    origin: AnalysisOrigin
    supersedes_id: UUID | None
    automatic_id: UUID | None
    """The newest one before it that holds no correction; its own id when it holds none."""
    present_id: UUID
    """The recording's present analysis."""
    corrections: tuple[CorrectionView, ...]
    """Those it holds, in the order in which they were applied."""

    @property
    def is_present(self) -> bool:
        """Whether it is the recording's present analysis."""
        return self.analysis.id == self.present_id

    @property
    def etag(self) -> str:
        """Changes when it is superseded; the analysis itself never does."""
        return str(self.analysis.id) if self.is_present else f"{self.analysis.id}-superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionResult:
    """The answer to a correction, or to taking one back."""

    correction: CorrectionView
    analysis: AnalysisDetail | None
    """None while the video is being read again for it."""
    comparison: Comparison | None
    """With the analysis that was superseded."""
    recording: RecordingView
    recomputed_in_ms: float | None
    """Reading the track, judging it and keeping the result."""
    replayed: bool
    """True when the same Idempotency-Key had already made this correction."""


def analysis_detail(
    stored: StoredAnalysis,
    *,
    automatic_id: UUID | None,
    present_id: UUID,
    corrections: tuple[CorrectionView, ...],
) -> AnalysisDetail:
    """Return an analysis with how it came about."""
    return AnalysisDetail(
        analysis=analysis_view(stored),
        origin=stored.lineage.origin,
        supersedes_id=stored.lineage.supersedes_id,
        automatic_id=automatic_id,
        present_id=present_id,
        corrections=corrections,
    )
