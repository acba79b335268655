"""Read models to what REST shows of them."""

from app.api.schemas.analysis import FindingDocument
from app.api.schemas.recordings import ProgressEvent, RecordingOutput, links_of
from app.api.schemas.roster import AthleteOutput
from app.biomech.types import Kinematics
from app.domain.lifecycle import FINAL_STATES
from app.services.analysis_record import analysis_document
from app.services.read_models import RecordingView


def present_recording(recording: RecordingView) -> RecordingOutput:
    """Return a recording without its analysis."""
    return RecordingOutput(
        id=recording.id,
        state=recording.state,
        stage=recording.stage,
        progress=recording.progress,
        attempt=recording.attempt,
        max_attempts=recording.max_attempts,
        queue_position=recording.queue_position,
        final=recording.state in FINAL_STATES,
        athlete=None if recording.athlete is None else AthleteOutput.model_validate(recording.athlete),
        screening_id=recording.screening_id,
        trial_id=recording.trial_id,
        screened_on=recording.screened_on,
        context=recording.context,
        movement=recording.movement,
        view=recording.view,
        box_height_cm=recording.box_height_cm,
        filename=recording.filename,
        size_bytes=recording.size_bytes,
        sha256=recording.sha256,
        created_at=recording.created_at,
        updated_at=recording.updated_at,
        findings=[
            FindingDocument.model_validate(finding, from_attributes=True) for finding in recording.findings
        ],
        failure=recording.failure,
        analysis_id=None if recording.analysis is None else recording.analysis.id,
        links=links_of(recording),
    )


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
