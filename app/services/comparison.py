"""Two analyses of one recording side by side: what a correction, or a new method, changed."""

from dataclasses import dataclass
from uuid import UUID

from app.biomech.types import Event, EventName, EventSource, MethodStamp, Metric, Side, Verdict
from app.db.repositories.analyses import StoredAnalysis


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number with its standard error."""

    value: float | None
    se: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPair:
    """One metric in both; None where an analysis does not have it at all."""

    key: str
    side: Side
    event: str
    repetition: int | None
    unit: str
    before: Measured | None
    after: Measured | None

    @property
    def change(self) -> float | None:
        """After less before, where both have a number."""
        values = [None if side is None else side.value for side in (self.before, self.after)]
        return None if values[0] is None or values[1] is None else values[1] - values[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """When an event was, and who said so."""

    time_s: float
    frame: int
    sd_s: float
    source: EventSource


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPair:
    """One event in both."""

    name: EventName
    side: Side
    repetition: int | None
    before: Placed | None
    after: Placed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What an analysis came to."""

    analysis_id: UUID
    verdict: Verdict
    score: float | None
    band: str | None
    band_probability: float | None
    interval_90: tuple[float, float] | None
    finding_codes: tuple[str, ...]
    method: MethodStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two analyses side by side, metrics and events in the order of the later one."""

    before: Judged
    after: Judged
    metrics: tuple[MetricPair, ...]
    events: tuple[EventPair, ...]

    @property
    def is_same_method(self) -> bool:
        """Whether the same version of the method made both; otherwise it is part of what changed."""
        return self.before.method.version == self.after.method.version


def compare(*, before: StoredAnalysis, after: StoredAnalysis) -> Comparison:
    """Put two analyses side by side."""
    return Comparison(
        before=_judged(before),
        after=_judged(after),
        metrics=_metric_pairs(before.content.metrics, after.content.metrics),
        events=_event_pairs(before.content.events, after.content.events),
    )


def _metric_pairs(before: tuple[Metric, ...], after: tuple[Metric, ...]) -> tuple[MetricPair, ...]:
    old, new = ({(m.key, m.side, m.event, m.repetition): m for m in side} for side in (before, after))
    return tuple(
        MetricPair(
            key=key[0],
            side=key[1],
            event=key[2],
            repetition=key[3],
            unit=(new.get(key) or old[key]).unit,
            before=_measured(old.get(key)),
            after=_measured(new.get(key)),
        )
        for key in new | old
    )


def _measured(metric: Metric | None) -> Measured | None:
    return None if metric is None else Measured(value=metric.value, se=metric.se)


def _event_pairs(before: tuple[Event, ...], after: tuple[Event, ...]) -> tuple[EventPair, ...]:
    old, new = ({(e.name, e.side, e.repetition): e for e in side} for side in (before, after))
    return tuple(
        EventPair(
            name=key[0],
            side=key[1],
            repetition=key[2],
            before=_placed(old.get(key)),
            after=_placed(new.get(key)),
        )
        for key in new | old
    )


def _placed(event: Event | None) -> Placed | None:
    if event is None:
        return None
    return Placed(time_s=event.time_s, frame=event.frame, sd_s=event.sd_s, source=event.source)


def _judged(stored: StoredAnalysis) -> Judged:
    content = stored.content
    score = content.risk_score
    return Judged(
        analysis_id=stored.id,
        verdict=content.verdict,
        score=None if score is None else score.value,
        band=None if score is None else score.band,
        band_probability=None if score is None else score.band_probability,
        interval_90=None if score is None else score.interval_90,
        finding_codes=tuple(finding.code for finding in content.findings),
        method=content.method,
    )
