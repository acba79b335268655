"""Read models to what REST shows of them."""

from typing import Any
from uuid import UUID

from app.api.schemas.analyses import ComparisonOutput, analysis_links
from app.api.schemas.analysis import FindingDocument
from app.api.schemas.corrections import CorrectionOutput
from app.api.schemas.recordings import (
    ProgressEvent,
    ReceiptLinks,
    RecordingBase,
    RecordingOutput,
    RecordingReceipt,
    links_of,
    recording_url,
)
from app.api.schemas.roster import AthleteOutput
from app.biomech.types import Kinematics
from app.domain.lifecycle import FINAL_STATES, RecordingState
from app.services.analysis_record import analysis_document
from app.services.comparison import Comparison
from app.services.correction_views import AnalysisDetail, CorrectionResult
from app.services.read_models import CorrectionView, RecordingView


def present_recording(recording: RecordingView) -> RecordingOutput:
    """Return a recording without its analysis."""
    return RecordingOutput(
        **_lasting_facts(recording),
        state=recording.state,
        stage=recording.stage,
        progress=recording.progress,
        attempt=recording.attempt,
        max_attempts=recording.max_attempts,
        queue_position=recording.queue_position,
        final=recording.state in FINAL_STATES,
        updated_at=recording.updated_at,
        findings=[
            FindingDocument.model_validate(finding, from_attributes=True) for finding in recording.findings
        ],
        failure=recording.failure,
        analysis_id=None if recording.analysis is None else recording.analysis.id,
        pictures=None if recording.analysis is None else recording.analysis.pictures,
        corrections=[CorrectionOutput.model_validate(item) for item in recording.corrections],
        dropped=recording.dropped,
        links=links_of(recording),
    )


def present_receipt(recording: RecordingView) -> RecordingReceipt:
    """Return what was accepted, whatever has become of it since."""
    url = recording_url(recording.id)
    return RecordingReceipt(
        **_lasting_facts(recording),
        state=RecordingState.QUEUED,
        links=ReceiptLinks(self=url, events=f"{url}/events", original=f"{url}/original"),
    )


def _lasting_facts(recording: RecordingView) -> dict[str, Any]:
    athlete = recording.athlete
    return {
        "athlete": None if athlete is None else AthleteOutput.model_validate(athlete),
        **{name: getattr(recording, name) for name in RecordingBase.model_fields if name != "athlete"},
    }


def recording_document(
    recording: RecordingView, *, kinematics: Kinematics | None = None
) -> dict[str, object]:
    """Return a recording with its analysis, ready for JSON."""
    analysis = recording.analysis
    return {
        **present_recording(recording).model_dump(mode="json"),
        "analysis": None if analysis is None else analysis_document(analysis.record, kinematics=kinematics),
    }


def present_progress(recording: RecordingView) -> ProgressEvent:
    """Return what changes while a recording is worked on."""
    return ProgressEvent(
        id=recording.id,
        state=recording.state,
        stage=recording.stage,
        progress=recording.progress,
        attempt=recording.attempt,
        max_attempts=recording.max_attempts,
        queue_position=recording.queue_position,
        final=recording.state in FINAL_STATES,
    )


def present_analysis(detail: AnalysisDetail) -> dict[str, Any]:
    """Return an analysis with how it came about, ready for JSON."""
    analysis = detail.analysis
    return {
        "id": str(analysis.id),
        "recording_id": str(analysis.recording_id),
        "created_at": analysis.created_at.isoformat(),
        "present": detail.is_present,
        "origin": detail.origin.value,
        "supersedes_id": _text(detail.supersedes_id),
        "automatic_id": _text(detail.automatic_id),
        "method_version": analysis.record.method.version,
        "pictures": analysis.pictures,
        "corrections": [_correction(item) for item in detail.corrections],
        "analysis": analysis_document(analysis.record),
        "links": analysis_links(analysis_id=analysis.id, recording_id=analysis.recording_id).model_dump(),
    }


def present_comparison(comparison: Comparison) -> ComparisonOutput:
    """Return two analyses side by side."""
    return ComparisonOutput.model_validate(comparison, from_attributes=True)


def present_correction_answer(result: CorrectionResult) -> dict[str, Any]:
    """Return what came of a correction, ready for JSON."""
    comparison = result.comparison
    return {
        "correction": _correction(result.correction),
        "analysis": None if result.analysis is None else present_analysis(result.analysis),
        "comparison": None if comparison is None else present_comparison(comparison).model_dump(mode="json"),
        "recording_id": str(result.recording.id),
        "recording_state": result.recording.state.value,
        "recomputed_in_ms": None if result.recomputed_in_ms is None else round(result.recomputed_in_ms, 1),
    }


def _correction(view: CorrectionView) -> dict[str, Any]:
    return CorrectionOutput.model_validate(view).model_dump(mode="json")


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
