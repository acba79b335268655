"""A recording that is still on its way, as words and a percentage."""

from typing import Final

from app.domain.lifecycle import RecordingState
from app.domain.lifecycle import Stage as WorkStage
from app.web.contexts.parts import Progress, Stage
from app.web.words import STAGE_LABELS

RUNNING_STATES: Final = frozenset(
    {
        RecordingState.AWAITING_UPLOAD,
        RecordingState.RECEIVED,
        RecordingState.AWAITING_CONSENT,
        RecordingState.QUEUED,
        RecordingState.PROCESSING,
    }
)
"""States that end by themselves; the page keeps looking."""

_STAGES: Final[tuple[WorkStage, ...]] = (
    WorkStage.DECODE,
    WorkStage.POSE,
    WorkStage.KINEMATICS,
    WorkStage.ASSESS,
)
"""What the result waits for; the pictures follow it."""


def describe_progress(
    *,
    state: RecordingState,
    stage: WorkStage | None,
    progress: float | None,
    queue_position: int | None,
    attempt: int | None = None,
    max_attempts: int | None = None,
) -> Progress | None:
    """Return how far a recording is, or None when nothing more happens by itself."""
    if state not in RUNNING_STATES:
        return None
    percent = round(min(max(progress or 0.0, 0.0), 1.0) * 100)
    is_processing = state is RecordingState.PROCESSING
    headline, detail = _words(state=state, stage=stage, percent=percent, queue_position=queue_position)
    return Progress(
        headline=headline,
        detail=detail,
        percent=percent if is_processing else 0,
        is_waiting=not is_processing,
        stages=_stages(stage if is_processing else None),
        attempt_note=_attempt_note(state=state, attempt=attempt, max_attempts=max_attempts),
    )


def _words(
    *, state: RecordingState, stage: WorkStage | None, percent: int, queue_position: int | None
) -> tuple[str, str]:
    match state:
        case RecordingState.PROCESSING:
            return STAGE_LABELS[stage.value] if stage else "Starting the analysis", f"{percent} % done"
        case RecordingState.QUEUED if queue_position is not None and queue_position > 1:
            return "Waiting in the queue", f"Number {queue_position} in line"
        case RecordingState.QUEUED:
            return "Waiting in the queue", "Next in line"
        case RecordingState.AWAITING_CONSENT:
            return "Waiting for consent", "Kept, and not looked at before somebody has agreed"
        case RecordingState.RECEIVED:
            return "Video received", "A first look at the file"
        case _:
            return "Waiting for the video", "The upload has not finished"


def _stages(current: WorkStage | None) -> tuple[Stage, ...]:
    order = list(_STAGES)
    reached = order.index(current) if current in _STAGES else -1
    return tuple(
        Stage(label=STAGE_LABELS[stage.value], is_done=number < reached, is_current=number == reached)
        for number, stage in enumerate(order)
    )


def _attempt_note(*, state: RecordingState, attempt: int | None, max_attempts: int | None) -> str | None:
    if attempt is None or max_attempts is None:
        return None
    if state is RecordingState.PROCESSING and attempt > 1:
        return f"Attempt {attempt} of {max_attempts}. An earlier one was interrupted; nothing is lost."
    if state is RecordingState.QUEUED and attempt >= 1:
        return f"Attempt {attempt} of {max_attempts} was interrupted. It starts again by itself; nothing is lost."
    return None
