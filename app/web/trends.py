"""Our own SVG of a number over months: each screening with its interval, and a mark where the series breaks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final

from markupsafe import Markup

from app.web.words import number_text

_TOP, _BOTTOM, _RIGHT = 26.0, 30.0, 18.0
_PAD = 16.0
"""From the frame to the first and last point."""
_DAY_LABEL_PX = 88.0
"""Least distance between two days written under the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One screening's number."""

    day: date
    value: float
    low: float
    high: float
    """Ends of the interval."""
    label: str
    """The same in words, for those who point at it or hear it."""
    is_break: bool
    """Whether the series does not go on from the point before: no line leads here, and a mark says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendSize:
    """The drawing's own coordinates."""

    width: int
    height: int
    left: float


TREND_WIDE: Final = TrendSize(width=860, height=250, left=46)
TREND_NARROW: Final = TrendSize(width=350, height=230, left=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """From days and values to the drawing's coordinates."""

    size: TrendSize
    first: date
    last: date
    low: float
    high: float

    @property
    def right(self) -> float:
        return self.size.width - _RIGHT

    @property
    def bottom(self) -> float:
        return self.size.height - _BOTTOM

    def x(self, day: date) -> float:
        start, stop = self.size.left + _PAD, self.right - _PAD
        span = (self.last - self.first).days
        return 0.5 * (start + stop) if span == 0 else start + (day - self.first).days / span * (stop - start)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (self.bottom - _TOP)


def draw_trend(
    points: Sequence[TrendPoint],
    *,
    limits: tuple[float, float] | None,
    lines: Sequence[float],
    size: TrendSize,
    dom_id: str,
    title: str,
    description: str,
) -> Markup:
    """Draw a number over the days it was measured, oldest first, at least one.

    Points of one series are joined; where it breaks, a dashed mark stands between and nothing is joined.

    Parameters
    ----------
    limits
        Ends of the scale; None takes them from the intervals.
    lines
        Values that have a meaning of their own, as the edges of the bands: drawn stronger than the grid.
    """
    axes = _fit(points, limits=limits, size=size)
    parts = [
        *_grid(axes, lines),
        *_days(axes, points),
        *(_break(axes, before, after) for before, after in pairwise(points) if after.is_break),
        *_joined(axes, points),
        *(_point(axes, point) for point in points),
    ]
    return Markup(
        '<svg class="trend" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{i}-t {i}-d"><title id="{i}-t">{title}'
        '</title><desc id="{i}-d">{description}</desc>{parts}</svg>'
    ).format(
        w=size.width,
        h=size.height,
        i=dom_id,
        title=title,
        description=description,
        parts=Markup("").join(parts),
    )


def _fit(points: Sequence[TrendPoint], *, limits: tuple[float, float] | None, size: TrendSize) -> _Axes:
    if limits is None:
        low, high = min(p.low for p in points), max(p.high for p in points)
        step = _step(high - low)
        limits = floor(low / step) * step, ceil(high / step) * step
        if limits[0] == limits[1]:
            limits = limits[0] - step, limits[1] + step
    return _Axes(size=size, first=points[0].day, last=points[-1].day, low=limits[0], high=limits[1])


def _step(span: float) -> float:
    """Return a round distance of about four lines to the span."""
    if span <= 0:
        return 1.0
    power = 10.0 ** floor(log10(span / 4.0))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= span / 4.0)


def _grid(axes: _Axes, lines: Sequence[float]) -> Iterable[Markup]:
    step = _step(axes.high - axes.low)
    values = [axes.low + n * step for n in range(floor((axes.high - axes.low) / step + 1e-9) + 1)]
    inside = [line for line in lines if axes.low < line < axes.high]
    digits = max(0, -floor(log10(step)))
    for value in [*(v for v in values if v not in inside), *inside]:
        strong = value in inside or (value == 0.0 and axes.low < 0.0)
        yield Markup(
            '<line class="{css}" x1="{x0}" x2="{x1:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            '<text class="tick" x="{tx:.1f}" y="{ty:.1f}" text-anchor="end">{label}</text>'
        ).format(
            css="zero" if strong else "grid",
            x0=axes.size.left,
            x1=axes.right,
            y=axes.y(value),
            tx=axes.size.left - 6,
            ty=axes.y(value) + 4,
            label=number_text(value, digits=digits),
        )


def _days(axes: _Axes, points: Sequence[TrendPoint]) -> Iterable[Markup]:
    """Write the days that have room, the newest first: it is the one that is asked for."""
    taken: list[float] = []
    for day in sorted({point.day for point in points}, reverse=True):
        # The words keep inside the frame.
        x = min(axes.x(day), axes.right - 0.45 * _DAY_LABEL_PX)
        if any(abs(x - other) < _DAY_LABEL_PX for other in taken):
            continue
        taken.append(x)
        yield Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{label}</text>').format(
            x=x,
            y=axes.bottom + 20,
            label=f"{day.day} {day:%b %Y}",
        )


def _break(axes: _Axes, before: TrendPoint, after: TrendPoint) -> Markup:
    return Markup(
        '<g class="series-break"><title>Measured in another way from here on</title>'
        '<line x1="{x:.1f}" x2="{x:.1f}" y1="{y0}" y2="{y1:.1f}"/></g>'
    ).format(x=0.5 * (axes.x(before.day) + axes.x(after.day)), y0=_TOP - 12, y1=axes.bottom)


def _joined(axes: _Axes, points: Sequence[TrendPoint]) -> Iterable[Markup]:
    for before, after in pairwise(points):
        if not after.is_break:
            yield Markup(
                '<line class="course" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'
            ).format(
                x0=axes.x(before.day), y0=axes.y(before.value), x1=axes.x(after.day), y1=axes.y(after.value)
            )


def _point(axes: _Axes, point: TrendPoint) -> Markup:
    low, high = (axes.y(min(max(end, axes.low), axes.high)) for end in (point.low, point.high))
    return Markup(
        '<g class="screening"><title>{label}</title>'
        '<path class="interval" d="M{xl:.1f} {low:.1f}H{xr:.1f}M{x:.1f} {low:.1f}V{high:.1f}M{xl:.1f} {high:.1f}H{xr:.1f}"/>'
        '<circle class="pointer-dot" cx="{x:.1f}" cy="{v:.1f}" r="6"/></g>'
    ).format(
        label=point.label,
        x=axes.x(point.day),
        xl=axes.x(point.day) - 5,
        xr=axes.x(point.day) + 5,
        low=low,
        high=high,
        v=axes.y(point.value),
    )
