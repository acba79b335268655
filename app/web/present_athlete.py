"""One athlete over time: from the history to the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from app.biomech.change import OBSTACLES
from app.biomech.screening import HEADLINE_EVENTS, MetricOverTrials
from app.biomech.types import Movement, Sex, Side
from app.services.read_models import AthleteDetail
from app.services.screening_models import HistoryEntry, HistoryMovement, ScreeningChange
from app.web.badges import band_badge
from app.web.charts import BAND_EDGES
from app.web.contexts.athletes import AthletePage, MovementTrend, ScreeningRow, Trend
from app.web.contexts.parts import Link, Viewer
from app.web.present_change import present_change
from app.web.trends import TREND_NARROW, TREND_WIDE, TrendPoint, draw_trend
from app.web.words import (
    EN_DASH,
    METRIC_LABELS,
    MOVEMENT_LABELS,
    NO_VALUE,
    OCCASION_LABELS,
    SIDE_LABELS,
    VIEW_LABELS,
    error_text,
    instant_text,
    label_of,
    number_text,
    plural,
    quantity_text,
)

Z_95: Final = 1.96
_ANGLE: Final = "fppa"
"""The number shown beside the score: the one that all movements with a knee angle have."""

Step = tuple[HistoryEntry, HistoryMovement]


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteRequest:
    """What the page is asked for, beside the athlete."""

    viewer: Viewer
    csrf_token: str
    may_upload: bool


def present_athlete(
    detail: AthleteDetail, history: Sequence[HistoryEntry], *, change: ScreeningChange, asked: AthleteRequest
) -> AthletePage:
    """Build the page of one athlete from their screenings, oldest first."""
    return _present(detail, history, change=change, asked=asked, home=None)


def present_own_athlete(
    detail: AthleteDetail,
    history: Sequence[HistoryEntry],
    *,
    change: ScreeningChange,
    asked: AthleteRequest,
    home: Link,
) -> AthletePage:
    """Build the same page for the athlete's or guardian's own login, which sees no teams."""
    return _present(detail, history, change=change, asked=asked, home=home)


def _present(
    detail: AthleteDetail,
    history: Sequence[HistoryEntry],
    *,
    change: ScreeningChange,
    asked: AthleteRequest,
    home: Link | None,
) -> AthletePage:
    teams = tuple(Link(label=team.name, href=f"/teams/{team.id}") for team in detail.teams)
    record = detail.record
    query = urlencode({"athlete": str(record.id)})
    courses = _by_movement(history)
    return AthletePage(
        title=record.name,
        viewer=asked.viewer,
        csrf_token=asked.csrf_token,
        crumbs=(home,) if home else teams[:1] or (Link(label="Team", href="/"),),
        is_own=home is not None,
        athlete_name=record.name,
        detail=_detail(detail),
        teams=teams,
        change=present_change(change, movement=courses[0][0]) if courses else None,
        movements=tuple(_movement(movement, steps) for movement, steps in courses),
        upload_href=f"/recordings/new?{query}" if asked.may_upload and record.active else None,
    )


def _detail(detail: AthleteDetail) -> str:
    bibs = [team.bib for team in detail.teams if team.bib]
    sex = detail.record.sex
    parts = [
        f"No. {bibs[0]}" if bibs else "",
        "" if sex is Sex.UNSPECIFIED else sex.value,
        "" if detail.record.active else "no longer active",
    ]
    return ", ".join(part for part in parts if part)


def _by_movement(history: Sequence[HistoryEntry]) -> list[tuple[Movement, list[Step]]]:
    """Return each movement with its screenings, oldest first; the one that was screened last comes first."""
    found: dict[Movement, list[Step]] = {}
    for entry in history:
        for item in entry.movements:
            found.setdefault(item.of.movement, []).append((entry, item))
    return sorted(found.items(), key=lambda pair: pair[1][-1][0].screened_on, reverse=True)


def _movement(movement: Movement, steps: list[Step]) -> MovementTrend:
    trends = [_score_trend(movement, steps), *(_angle_trend(movement, steps, side) for side in _sides(steps))]
    return MovementTrend(
        key=movement.value,
        label=label_of(MOVEMENT_LABELS, movement.value),
        trends=tuple(trend for trend in trends if trend is not None),
        rows=tuple(_row(entry, item) for entry, item in reversed(steps)),
    )


def _angle(item: HistoryMovement, side: Side) -> MetricOverTrials | None:
    """Return the knee angle at the movement's own instant."""
    return next(
        (
            metric
            for metric in item.of.judgement.metrics
            if metric.key == _ANGLE and metric.side is side and metric.event in HEADLINE_EVENTS
        ),
        None,
    )


def _sides(steps: list[Step]) -> tuple[Side, ...]:
    """Return the mean of both knees where there is one, else each knee that was measured."""
    seen = [
        side
        for side in (Side.BOTH, Side.LEFT, Side.RIGHT)
        if any(_angle(item, side) is not None for _, item in steps)
    ]
    return (Side.BOTH,) if Side.BOTH in seen else tuple(seen)


def _score_trend(movement: Movement, steps: list[Step]) -> Trend | None:
    points = []
    for entry, item in steps:
        score = item.of.judgement.risk_score
        if score is None:
            continue
        low, high = score.interval_90
        words = f"{number_text(score.value, digits=0)}, 90 % interval {low:.0f} to {high:.0f}"
        points.append(_point(entry, item, value=score.value, interval=(low, high), words=words))
    return _trend(
        points,
        name=f"{movement.value}-score",
        label="Score",
        hint=f"0 to 100: higher is further from the landing we look for. Lines: 90 % interval; "
        f"{BAND_EDGES[0]:.0f} and {BAND_EDGES[1]:.0f} are where our bands meet.",
        limits=(0.0, 100.0),
        lines=BAND_EDGES,
    )


def _angle_trend(movement: Movement, steps: list[Step], side: Side) -> Trend | None:
    points, instants = [], []
    for entry, item in steps:
        metric = _angle(item, side)
        if metric is None:
            continue
        instants.append(instant_text(metric.event).lower())
        mean = metric.mean
        words = f"{quantity_text(mean.value, metric.unit)} {error_text(mean.se, metric.unit)}"
        interval = (mean.value - Z_95 * mean.se, mean.value + Z_95 * mean.se)
        points.append(_point(entry, item, value=mean.value, interval=interval, words=words))
    who = "mean of both knees" if side is Side.BOTH else f"{label_of(SIDE_LABELS, side.value).lower()} knee"
    at = f" at the {instants[-1]}" if instants else ""
    return _trend(
        points,
        name=f"{movement.value}-{_ANGLE}-{side.value}",
        label=f"{METRIC_LABELS[_ANGLE]}, {who}",
        hint=f"Degrees{at}; more is further inward. Lines: 95 % interval.",
        limits=None,
        lines=(),
    )


def _point(
    entry: HistoryEntry, item: HistoryMovement, *, value: float, interval: tuple[float, float], words: str
) -> TrendPoint:
    return TrendPoint(
        day=entry.screened_on,
        value=value,
        low=interval[0],
        high=interval[1],
        label=f"{_day(entry)}: {words}",
        is_break=bool(item.breaks),
    )


def _trend(
    points: list[TrendPoint],
    *,
    name: str,
    label: str,
    hint: str,
    limits: tuple[float, float] | None,
    lines: Sequence[float],
) -> Trend | None:
    if not points:
        return None
    description = "; ".join(point.label for point in points) + "."
    if any(after.is_break for _, after in pairwise(points)):
        description += " Dashed marks: measured in another way from there on, not one series."
    wide, narrow = (
        draw_trend(
            points,
            limits=limits,
            lines=lines,
            size=size,
            dom_id=f"{name}-{suffix}",
            title=f"{label} over time",
            description=description,
        )
        for size, suffix in ((TREND_WIDE, "wide"), (TREND_NARROW, "narrow"))
    )
    return Trend(label=label, hint=hint, wide=wide, narrow=narrow)


def _row(entry: HistoryEntry, item: HistoryMovement) -> ScreeningRow:
    judged = item.of.judgement
    score = judged.risk_score
    angles = [_angle(item, side) for side in (Side.BOTH, Side.LEFT, Side.RIGHT)]
    shown = [angle for angle in (angles[:1] if angles[0] else angles[1:]) if angle is not None]
    conditions = item.of.conditions
    return ScreeningRow(
        date_iso=entry.screened_on.isoformat(),
        date_text=_day(entry),
        occasion=label_of(OCCASION_LABELS, entry.context.value),
        score=NO_VALUE
        if score is None
        else f"{number_text(score.value, digits=0)} ({score.interval_90[0]:.0f}{EN_DASH}{score.interval_90[1]:.0f})",
        band=None if score is None else band_badge(score),
        fppa="; ".join(_angle_text(angle) for angle in shown) or NO_VALUE,
        trials=plural(judged.n_trials, "valid trial"),
        method="" if conditions is None else f"method {conditions.method_version}",
        break_note=" ".join(OBSTACLES[obstacle] for obstacle in item.breaks) or None,
        recordings=tuple(
            _recording_link(trial.number, view=recording.view.value, recording_id=recording.id)
            for trial in item.of.trials
            for recording in trial.recordings
        ),
    )


def _angle_text(metric: MetricOverTrials) -> str:
    side = "" if metric.side is Side.BOTH else f"{label_of(SIDE_LABELS, metric.side.value)} "
    return f"{side}{quantity_text(metric.mean.value, metric.unit)} {error_text(metric.mean.se, metric.unit) or ''}"


def _recording_link(number: int, *, view: str, recording_id: UUID) -> Link:
    return Link(
        label=f"Trial {number}, {label_of(VIEW_LABELS, view).split()[-1]}", href=f"/recordings/{recording_id}"
    )


def _day(entry: HistoryEntry) -> str:
    return f"{entry.screened_on.day} {entry.screened_on:%b %Y}"
