"""Read models to what REST shows of them."""

from typing import Any

from app.api.schemas.analysis import FindingDocument
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
from app.services.read_models import RecordingView


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
