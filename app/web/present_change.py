"""Real change or noise on the page of a recording: its screening against the nearest earlier one."""

import re
from typing import Final

from app.biomech.change import OBSTACLES, Better, Change, ChangeVerdict, describe_change, direction_of
from app.biomech.definitions import METRICS
from app.biomech.screening import HEADLINE_EVENTS
from app.biomech.types import Movement, Side
from app.services.screening_models import HistoryEntry, MetricChange, MovementChange, ScreeningChange
from app.web.charts import draw_difference
from app.web.contexts.parts import Badge, Tone
from app.web.contexts.results import ChangePanel, ChangeRow
from app.web.words import (
    METRIC_LABELS,
    MINUS,
    SIDE_LABELS,
    instant_text,
    label_of,
    number_text,
    quantity_text,
)

SHOWN: Final = ("fppa", "knee_valgus_displacement", "knee_ankle_separation_ratio")
"""Measures shown on the page, chosen beforehand: the more one looks at, the more seem changed by chance."""

_BADGES: Final[dict[ChangeVerdict, Badge]] = {
    ChangeVerdict.IMPROVED: Badge(tone=Tone.GOOD, icon="check", text="Improved"),
    ChangeVerdict.WORSE: Badge(tone=Tone.MARKED, icon="alert", text="Worse"),
    ChangeVerdict.WITHIN_ERROR: Badge(tone=Tone.NEUTRAL, icon="empty", text="Within measurement error"),
    ChangeVerdict.NOT_COMPARABLE: Badge(tone=Tone.NEUTRAL, icon="info", text="Not comparable"),
}


def present_change(change: ScreeningChange, *, movement: Movement) -> ChangePanel | None:
    """Return the panel of one movement, None when there is no earlier screening with it."""
    found = next((item for item in change.movements if item.movement is movement), None)
    if found is None or change.before is None or found.before is None or found.after is None:
        return None
    rows = [] if found.obstacles else [*_score_rows(found), *_metric_rows(found)]
    return ChangePanel(
        headline="Real change or noise",
        since=_since(change.before, found),
        notice=" ".join(OBSTACLES[obstacle] for obstacle in found.obstacles) or None,
        rows=tuple(rows),
    )


def _since(before: HistoryEntry, found: MovementChange) -> str:
    counts = [0 if view is None else view.judgement.n_trials for view in (found.before, found.after)]
    trials = f"{counts[0]} valid {'trial' if counts[0] == 1 else 'trials'} then, {counts[1]} now"
    return f"Since {before.screened_on.day} {before.screened_on:%B %Y} ({trials})."


def _score_rows(found: MovementChange) -> list[ChangeRow]:
    change = found.score
    if change.before is None or change.after is None:
        return []
    return [
        change_row(
            "Score",
            "Movement deviation, 0 to 100",
            change,
            values=tuple(number_text(reading.value, digits=0) for reading in (change.before, change.after)),
            unit="points",
            better=Better.LOWER,
        )
    ]


def _metric_rows(found: MovementChange) -> list[ChangeRow]:
    """Return the rows of the measures chosen beforehand, of both knees where there is a mean of both."""
    chosen = [item for item in found.metrics if item.key in SHOWN and item.event in HEADLINE_EVENTS]
    paired = {(item.key, item.event) for item in chosen if item.side is Side.BOTH}
    return [
        _metric_row(item) for item in chosen if item.side is Side.BOTH or (item.key, item.event) not in paired
    ]


def _metric_row(item: MetricChange) -> ChangeRow:
    readings = (item.change.before, item.change.after)
    return change_row(
        label_of(METRIC_LABELS, item.key),
        f"{instant_text(item.event)}, {label_of(SIDE_LABELS, item.side.value).lower()}",
        item.change,
        values=tuple(
            quantity_text(None if reading is None else reading.value, item.unit) for reading in readings
        ),
        unit=item.unit,
        better=direction_of(METRICS[item.key]).better,
    )


def _page_words(words: str) -> str:
    """Return a sentence of the library as pages write it: the degree sign, and a true minus."""
    return re.sub(r"(?<=[ (])-(?=\d)", MINUS, words.replace(" deg", "°"))


def change_row(
    label: str,
    detail: str,
    change: Change,
    *,
    values: tuple[str, ...],
    unit: str,
    better: Better,
    words: str | None = None,
) -> ChangeRow:
    """Return what became of one number; in words of its own, or in those of every number."""
    words = _page_words(words or describe_change(change, unit=unit))
    drawing = None
    if change.difference is not None and change.interval_95 is not None and change.mdc95 is not None:
        drawing = draw_difference(
            difference=change.difference,
            interval=(change.interval_95.low, change.interval_95.high),
            mdc=change.mdc95,
            better_is_less={Better.LOWER: True, Better.HIGHER: False}.get(better),
            label=words,
        )
    return ChangeRow(
        label=label,
        detail=detail,
        badge=_BADGES[change.verdict],
        drawing=drawing,
        before=values[0],
        after=values[1],
        words=words,
    )
