"""What the tests of the movements ask of an outcome."""

from app.biomech.pipeline import assess_trial
from app.biomech.types import (
    EventName,
    Metric,
    Movement,
    Outcome,
    PoseTrack,
    Severity,
    Sex,
    Side,
    TrialContext,
    View,
)
from tests.synth import video_of


def assess(track: PoseTrack, movement: Movement, *, view: View = View.FRONTAL) -> Outcome:
    """Return the outcome of a track as that movement, of a woman of 1.71 m as the figures are."""
    context = TrialContext(movement=movement, view=view, stature_cm=171.0, sex=Sex.FEMALE)
    return assess_trial(video=video_of(track), track=track, context=context)


def problems(outcome: Outcome) -> set[str]:
    """Return the codes of warnings and errors."""
    return {f.code for f in outcome.findings if f.severity is not Severity.INFO}


def looks_like(outcome: Outcome) -> str:
    """Return what a refused clip is said to look like, empty when it is not refused for that."""
    found = [f.message for f in outcome.findings if f.code == "wrong_movement"]
    return found[0].rpartition("It looks like ")[2].rstrip(".") if found else ""


def metric(outcome: Outcome, key: str, side: Side, event: str, *, repetition: int | None = None) -> Metric:
    """Return one metric."""
    return next(
        m for m in outcome.metrics if (m.key, m.side, m.event, m.repetition) == (key, side, event, repetition)
    )


def value(outcome: Outcome, key: str, side: Side, event: str, *, repetition: int | None = None) -> float:
    """Return a value that must be there."""
    found = metric(outcome, key, side, event, repetition=repetition)
    assert found.value is not None, (key, outcome.findings)
    return found.value


def values(outcome: Outcome) -> dict[tuple[str, Side, str, int | None], float | None]:
    """Return every value by what it is."""
    return {(m.key, m.side, m.event, m.repetition): m.value for m in outcome.metrics}


def times(outcome: Outcome, name: EventName, side: Side | None = None) -> list[float]:
    """Return the instants of an event, in order of time."""
    return [event.time_s for event in outcome.events if event.name is name and side in (None, event.side)]


MIRRORED = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.BOTH: Side.BOTH}
