"""What a re-analysis would change, in figures: kept small per recording, put together when somebody looks."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

from app.biomech.types import Metric, RiskScore, Side, Verdict
from app.db.repositories.reanalyses import ItemRecord
from app.domain.reanalysis import ItemState, SkipReason

N_MOVERS = 10
N_NAMED = 100
"""Recordings that are named with the reason why they cannot be judged anew; the counts are always whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far one number moves, over all recordings that have it before and after."""

    key: str
    side: Side | None
    event: str | None
    unit: str
    n: int
    median: float
    median_size: float
    """Of the shifts without their sign: small changes both ways do not hide behind a median of nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A recording whose score moves far."""

    recording_id: UUID
    athlete_id: UUID | None
    athlete_name: str | None
    score_before: float
    score_after: float
    band_before: str
    band_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPossible:
    """A recording that keeps the analysis it has."""

    recording_id: UUID
    athlete_id: UUID | None
    athlete_name: str | None
    reason: SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReanalysisPreview:
    """What accepting would change. Whole once the re-analysis is ready; until then, of what was judged so far."""

    n_recordings: int
    n_judged: int
    n_accepted: int
    n_from_video: int
    """Of those judged, how many had to be read again because the pose model is another."""
    n_athletes: int
    n_athletes_changing_band: int
    """By the newest recording of each: the one that dashboards show."""
    n_verdicts_changing: int
    band_moves: dict[str, int]
    """How many athletes go from which band to which, as ``from -> to``; ``none`` where there is no score."""
    score: Shift | None
    metrics: tuple[Shift, ...]
    largest_movers: tuple[Mover, ...]
    not_possible: dict[SkipReason, int]
    not_possible_recordings: tuple[NotPossible, ...]


def figures_of(*, verdict: Verdict, score: RiskScore | None, metrics: Iterable[Metric]) -> dict[str, Any]:
    """Return what is kept of an analysis for the preview: plain values, the whole trial's metrics."""
    return {
        "verdict": verdict.value,
        "score": None if score is None else score.value,
        "band": None if score is None else score.band,
        "metrics": [
            [metric.key, metric.side.value, metric.event, metric.unit, metric.value]
            for metric in metrics
            if metric.repetition is None and metric.value is not None
        ],
    }


def preview_of(records: Iterable[ItemRecord]) -> ReanalysisPreview:
    """Put the figures of all recordings together."""
    everything = list(records)
    judged = [record for record in everything if record.item.after is not None]
    newest = [record for record in judged if record.is_newest and record.athlete_id is not None]
    moves = Counter((_band(r.item.before), _band(r.item.after)) for r in newest)
    skipped = [record for record in everything if record.item.state is ItemState.SKIPPED]
    return ReanalysisPreview(
        n_recordings=len(everything),
        n_judged=len(judged),
        n_accepted=sum(record.item.state is ItemState.ACCEPTED for record in everything),
        n_from_video=sum(record.item.track_key is not None for record in judged),
        n_athletes=len(newest),
        n_athletes_changing_band=sum(n for (old, new), n in moves.items() if old != new),
        n_verdicts_changing=sum(
            (r.item.before or {}).get("verdict") != (r.item.after or {}).get("verdict") for r in judged
        ),
        band_moves={f"{old} -> {new}": n for (old, new), n in sorted(moves.items()) if old != new},
        score=_score_shift(judged),
        metrics=_metric_shifts(judged),
        largest_movers=_movers(judged),
        not_possible=dict(
            Counter(record.item.reason for record in skipped if record.item.reason is not None)
        ),
        not_possible_recordings=tuple(
            NotPossible(
                recording_id=record.item.recording_id,
                athlete_id=record.athlete_id,
                athlete_name=record.athlete_name,
                reason=record.item.reason,
            )
            for record in skipped[:N_NAMED]
            if record.item.reason is not None
        ),
    )


def _band(figures: dict[str, Any] | None) -> str:
    return str((figures or {}).get("band") or "none")


def _scores(record: ItemRecord) -> tuple[float, float] | None:
    before, after = (record.item.before or {}).get("score"), (record.item.after or {}).get("score")
    return None if before is None or after is None else (float(before), float(after))


def _score_shift(judged: list[ItemRecord]) -> Shift | None:
    pairs = [pair for record in judged if (pair := _scores(record)) is not None]
    shifts = [after - before for before, after in pairs]
    return _shift(shifts, key="score", side=None, event=None, unit="1") if shifts else None


def _metric_shifts(judged: list[ItemRecord]) -> tuple[Shift, ...]:
    shifts: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for record in judged:
        before = {tuple(row[:4]): row[4] for row in (record.item.before or {}).get("metrics", ())}
        for *name, value in (record.item.after or {}).get("metrics", ()):
            if tuple(name) in before:
                key, side, event, unit = name
                shifts[key, side, event, unit].append(value - before[tuple(name)])
    return tuple(
        _shift(values, key=key, side=Side(side), event=event, unit=unit)
        for (key, side, event, unit), values in sorted(shifts.items())
    )


def _shift(values: list[float], *, key: str, side: Side | None, event: str | None, unit: str) -> Shift:
    return Shift(
        key=key,
        side=side,
        event=event,
        unit=unit,
        n=len(values),
        median=median(values),
        median_size=median(abs(value) for value in values),
    )


def _movers(judged: list[ItemRecord]) -> tuple[Mover, ...]:
    moved = [
        Mover(
            recording_id=record.item.recording_id,
            athlete_id=record.athlete_id,
            athlete_name=record.athlete_name,
            score_before=pair[0],
            score_after=pair[1],
            band_before=_band(record.item.before),
            band_after=_band(record.item.after),
        )
        for record in judged
        if (pair := _scores(record)) is not None and pair[0] != pair[1]
    ]
    return tuple(sorted(moved, key=lambda mover: -abs(mover.score_after - mover.score_before))[:N_MOVERS])
