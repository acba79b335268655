"""Judging drop jumps of the stick figure, and reading what came of it."""

from app.biomech.pipeline import assess_trial
from app.biomech.types import (
    EventName,
    Outcome,
    PoseTrack,
    Severity,
    Sex,
    Side,
    TrialContext,
)
from tests.synth import video_of

WOMAN = TrialContext(stature_cm=171.0, sex=Sex.FEMALE)


def assess(track: PoseTrack, context: TrialContext = WOMAN) -> Outcome:
    return assess_trial(video=video_of(track), track=track, context=context)


def codes(outcome: Outcome, *severities: Severity) -> set[str]:
    wanted = severities or tuple(Severity)
    return {finding.code for finding in outcome.findings if finding.severity in wanted}


def problems(outcome: Outcome) -> set[str]:
    return codes(outcome, Severity.WARNING, Severity.ERROR)


def time_of(outcome: Outcome, name: EventName, side: Side) -> float:
    return next(event.time_s for event in outcome.events if event.name is name and event.side is side)


def value_of(outcome: Outcome, key: str, side: Side, event: str) -> float:
    found = next(m for m in outcome.metrics if (m.key, m.side, m.event) == (key, side, event))
    assert found.value is not None
    assert found.se is not None
    assert found.se > 0.0
    return found.value


def values(outcome: Outcome) -> dict[tuple[str, Side, str], float | None]:
    return {(m.key, m.side, m.event): m.value for m in outcome.metrics}
