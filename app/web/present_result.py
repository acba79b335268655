"""The numbers of one analysis, ready to be shown: score, measurements, curves and stills."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Final

from app.biomech.types import (
    Event,
    EventName,
    FlaggedFrame,
    FloatArray,
    Kinematics,
    Metric,
    RiskScore,
    ScoreComponent,
    Side,
)
from app.web.badges import FRONTAL, band_badge, band_note
from app.web.charts import NARROW, WIDE, CurveEvent, CurveSeries, draw_curves, draw_score_scale
from app.web.contexts.results import (
    ComponentRow,
    CurveRow,
    Curves,
    MarkNote,
    MetricCell,
    MetricGroup,
    MetricRow,
    MetricsPanel,
    Moment,
    ScorePanel,
    Still,
)
from app.web.words import (
    FURTHER_MEASURES,
    INSTANT_LABELS,
    MARK_LABELS,
    MARK_MEANINGS,
    METRIC_HINTS,
    METRIC_LABELS,
    SIDE_LABELS,
    WHOLE_JUMP,
    error_text,
    instant_text,
    label_of,
    number_text,
    percent_text,
    quantity_text,
)

LEFT_SERIES: Final = "fppa_left_deg"
RIGHT_SERIES: Final = "fppa_right_deg"
_BEFORE_S, _AFTER_S = 0.25, 0.35
_OURS: Final = "P"


def time_text(time_s: float) -> str:
    """Return an instant as people read it."""
    return f"{number_text(time_s, digits=3)} s"


# --- score ---


def present_score(score: RiskScore) -> ScorePanel:
    """Return the score with its band, interval, coverage and parts."""
    low, high = (number_text(end, digits=0) for end in score.interval_90)
    value = number_text(score.value, digits=0)
    is_frontal = score.scope == FRONTAL
    badge = band_badge(score)
    return ScorePanel(
        label="Frontal screen score" if is_frontal else "Movement deviation score",
        value=value,
        band=badge,
        band_note=f"{badge.note[:1].upper()}{badge.note[1:]}. {band_note(score)}" if badge.note else "",
        interval=f"{low} to {high}",
        coverage=f"{percent_text(score.coverage)} of the full score",
        missing=_missing(score) if is_frontal else None,
        scale=draw_score_scale(
            value=score.value,
            interval=score.interval_90,
            label=f"Score {value} on a scale from 0 to 100, 90 per cent interval {low} to {high}. Bands meet at 30 and 60.",
        ),
        components=tuple(_component_row(part) for part in score.components),
        marks=_mark_notes(score.components),
    )


def _missing(score: RiskScore) -> str:
    return (
        f"Frontal screen: from the front, {percent_text(score.coverage)} of the full score can be seen. Knee, hip and"
        " forward trunk bending need a second video from the side."
    )


def _component_row(part: ScoreComponent) -> ComponentRow:
    return ComponentRow(
        label=label_of(METRIC_LABELS, part.key),
        side=label_of(SIDE_LABELS, part.side.value),
        value=quantity_text(part.value, part.unit),
        cutoff=quantity_text(part.cutoff, part.unit),
        mark=part.mark,
        mark_label=label_of(MARK_LABELS, part.mark),
        is_ours=part.mark == _OURS,
        probability=percent_text(part.probability),
        probability_percent=round(part.probability * 100),
        weight=number_text(part.weight, digits=0),
    )


def _mark_notes(components: Iterable[ScoreComponent]) -> tuple[MarkNote, ...]:
    used = {part.mark for part in components}
    return tuple(MarkNote(mark=mark, meaning=text) for mark, text in MARK_MEANINGS.items() if mark in used)


# --- measurements ---


def present_metrics(metrics: Sequence[Metric]) -> MetricsPanel | None:
    """Return a group per measure, one row per instant, the sides beside each other; None without a measure.

    Values of the whole trial come first; those of the single repetitions are among what is shown when asked for.
    """
    cells: dict[str, dict[tuple[str, int | None], dict[Side, MetricCell]]] = {}
    for metric in sorted(metrics, key=lambda metric: metric.repetition or 0):
        sides = cells.setdefault(metric.key, {}).setdefault((metric.event, metric.repetition), {})
        if metric.value is not None and isfinite(metric.value):
            sides[metric.side] = MetricCell(
                value=quantity_text(metric.value, metric.unit), error=error_text(metric.se, metric.unit)
            )
    main: list[MetricGroup] = []
    more: list[MetricGroup] = []
    for key, rows in cells.items():
        whole = {place: sides for place, sides in rows.items() if place[1] is None}
        single = {place: sides for place, sides in rows.items() if place[1] is not None}
        (more if key in FURTHER_MEASURES else main).append(_metric_group(key, whole or single))
        if whole and single:
            more.append(_metric_group(key, single))
    return MetricsPanel(main=tuple(main), more=tuple(more)) if cells else None


def _metric_group(key: str, rows: Mapping[tuple[str, int | None], Mapping[Side, MetricCell]]) -> MetricGroup:
    return MetricGroup(
        label=label_of(METRIC_LABELS, key),
        hint=METRIC_HINTS.get(key),
        rows=tuple(
            MetricRow(
                instant="Whole jump" if key in WHOLE_JUMP else instant_text(event, repetition),
                left=sides.get(Side.LEFT),
                right=sides.get(Side.RIGHT),
                both=sides.get(Side.BOTH),
            )
            for (event, repetition), sides in rows.items()
        ),
    )


# --- instants, curves, stills ---


def present_moments(events: Sequence[Event]) -> tuple[Moment, ...]:
    """Return each event once, in order of time; both feet's contact is one instant, the first."""
    first: dict[tuple[EventName, int | None], Event] = {}
    for event in sorted(events, key=lambda event: event.time_s):
        first.setdefault((event.name, event.repetition), event)
    return tuple(
        Moment(
            label=instant_text(event.name.value, event.repetition),
            time_s=round(event.time_s, 4),
            time_text=time_text(event.time_s),
        )
        for event in first.values()
    )


def present_curves(kinematics: Kinematics, events: Sequence[Event]) -> Curves | None:
    """Return the curves of both knees with the events marked, and the same as tables."""
    left, right = kinematics.series.get(LEFT_SERIES), kinematics.series.get(RIGHT_SERIES)
    if left is None or right is None or len(kinematics.time_s) == 0:
        return None
    series = CurveSeries(time_s=kinematics.time_s.tolist(), left_deg=left.tolist(), right_deg=right.tolist())
    moments = present_moments(events)
    marks = [
        CurveEvent(number=number, label=moment.label, time_s=moment.time_s)
        for number, moment in enumerate(moments, start=1)
    ]
    window = _window(kinematics.time_s, moments)
    summary = _summary(series, moments)
    wide, narrow = (
        draw_curves(
            series,
            marks,
            window_s=window,
            ground_s=_ground(events),
            size=size,
            dom_id=name,
            description=f"Left knee solid, right knee dashed. {summary}",
        )
        for size, name in ((WIDE, "curves-wide"), (NARROW, "curves-narrow"))
    )
    return Curves(
        wide=wide,
        narrow=narrow,
        summary=summary,
        key_rows=tuple(_row_at(series, moment) for moment in moments),
        rows=_frame_rows(series, window),
    )


def _window(times: FloatArray, moments: Sequence[Moment]) -> tuple[float, float]:
    start, end = float(times[0]), float(times[-1])
    if moments:
        start = max(start, moments[0].time_s - _BEFORE_S)
        end = min(end, moments[-1].time_s + _AFTER_S)
    return start, max(end, start + 0.1)


def _ground(events: Sequence[Event]) -> tuple[float, float] | None:
    contacts = [event.time_s for event in events if event.name is EventName.INITIAL_CONTACT]
    take_offs = [event.time_s for event in events if event.name is EventName.TAKE_OFF]
    if not contacts or not take_offs:
        return None
    return min(contacts), max(take_offs)


def _nearest(series: CurveSeries, time_s: float) -> int:
    return min(range(len(series.time_s)), key=lambda index: abs(series.time_s[index] - time_s))


def _row_at(series: CurveSeries, moment: Moment) -> CurveRow:
    index = _nearest(series, moment.time_s)
    return CurveRow(
        moment=moment.label,
        time=moment.time_text,
        left=quantity_text(series.left_deg[index], "deg"),
        right=quantity_text(series.right_deg[index], "deg"),
    )


def _frame_rows(series: CurveSeries, window: tuple[float, float]) -> tuple[CurveRow, ...]:
    return tuple(
        CurveRow(
            moment="",
            time=time_text(time_s),
            left=quantity_text(left, "deg"),
            right=quantity_text(right, "deg"),
        )
        for time_s, left, right in zip(series.time_s, series.left_deg, series.right_deg, strict=True)
        if window[0] <= time_s <= window[1]
    )


def _summary(series: CurveSeries, moments: Sequence[Moment]) -> str:
    lowest = label_of(INSTANT_LABELS, EventName.PEAK_KNEE_FLEXION.value)
    moment = next((moment for moment in moments if moment.label == lowest), None)
    if moment is None:
        return "No landing could be marked in these curves."
    row = _row_at(series, moment)
    return (
        f"At the lowest point ({row.time}) the left knee is at {row.left} and the right knee at {row.right}."
    )


def present_stills(
    flagged: Sequence[FlaggedFrame], *, frames: Sequence[int], base_href: str
) -> tuple[Still, ...]:
    """Return the flagged frames that have a picture; a frame flagged for several reasons comes once."""
    captions: dict[int, list[str]] = {}
    times = {item.frame: item.time_s for item in flagged}
    for item in flagged:
        caption = label_of(INSTANT_LABELS, item.reason)
        if item.side is not Side.BOTH:
            caption = f"{caption}, {item.side.value}"
        if caption not in captions.setdefault(item.frame, []):
            captions[item.frame].append(caption)
    stored = set(frames)
    return tuple(
        Still(
            href=f"{base_href}/{frame}",
            caption=" · ".join(captions[frame]),
            time=f"{time_text(times[frame])}, frame {frame}",
            time_s=round(times[frame], 4),
            alt=f"Picture of the athlete with the measured skeleton: {', '.join(captions[frame]).lower()}",
            dom_id=f"still-{frame}",
        )
        for frame in sorted(captions, key=lambda frame: times[frame])
        if frame in stored
    )
