"""Our own SVG: the curves of both knees, and the scale a score stands on.

Looks come from the style sheet by class, so that the drawings follow the colour scheme and need no inline
style. Every drawing has a title and a description, and a table beside it says the same in numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import Final

from markupsafe import Markup

from app.web.words import number_text

BAND_EDGES: Final = (30.0, 60.0)
"""Where the bands of the score meet."""

_TOP, _BOTTOM, _RIGHT = 34.0, 40.0, 14.0
_LIMIT_DEG = 60.0
"""Angles beyond this are drawn at the border: in the air the projection means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveSeries:
    """Both knees over time; NaN or None where not measured."""

    time_s: Sequence[float]
    left_deg: Sequence[float]
    right_deg: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveEvent:
    """A numbered instant."""

    number: int
    label: str
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveSize:
    """The drawing's own coordinates."""

    width: int
    height: int
    left: float
    tick_s: float


WIDE: Final = CurveSize(width=860, height=330, left=46, tick_s=0.25)
NARROW: Final = CurveSize(width=350, height=300, left=38, tick_s=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """From seconds and degrees to the drawing's coordinates."""

    size: CurveSize
    t0: float
    t1: float
    low: float
    high: float

    @property
    def right(self) -> float:
        return self.size.width - _RIGHT

    @property
    def bottom(self) -> float:
        return self.size.height - _BOTTOM

    def x(self, time_s: float) -> float:
        return self.size.left + (time_s - self.t0) / (self.t1 - self.t0) * (self.right - self.size.left)

    def y(self, angle_deg: float) -> float:
        clipped = min(max(angle_deg, self.low), self.high)
        return _TOP + (self.high - clipped) / (self.high - self.low) * (self.bottom - _TOP)


def draw_curves(
    series: CurveSeries,
    events: Sequence[CurveEvent],
    *,
    window_s: tuple[float, float],
    ground_s: tuple[float, float] | None,
    size: CurveSize,
    dom_id: str,
    description: str,
) -> Markup:
    """Draw the knee angles of both sides over time with the events marked."""
    axes = _fit_axes(series, window_s=window_s, size=size)
    parts = [
        _ground(axes, ground_s) if ground_s else Markup(""),
        *_angle_grid(axes),
        *_time_ticks(axes),
        *(_event_mark(axes, event) for event in events if axes.t0 <= event.time_s <= axes.t1),
        _path(axes, series.time_s, series.left_deg, css="curve curve-left"),
        _path(axes, series.time_s, series.right_deg, css="curve curve-right"),
        Markup(
            '<line class="cursor" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" visibility="hidden"/>'
        ).format(x=axes.size.left, top=_TOP, bottom=axes.bottom),
    ]
    return Markup(
        '<svg class="curves" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{i}-t {i}-d" data-t0="{t0:.4f}"'
        ' data-t1="{t1:.4f}" data-x0="{x0:.1f}" data-x1="{x1:.1f}"><title id="{i}-t">Knee angles over time</title>'
        '<desc id="{i}-d">{description}</desc>{parts}</svg>'
    ).format(
        w=size.width,
        h=size.height,
        i=dom_id,
        t0=axes.t0,
        t1=axes.t1,
        x0=size.left,
        x1=axes.right,
        description=description,
        parts=Markup("").join(parts),
    )


def _fit_axes(series: CurveSeries, *, window_s: tuple[float, float], size: CurveSize) -> _Axes:
    t0, t1 = window_s
    seen = [
        float(angle)
        for values in (series.left_deg, series.right_deg)
        for time_s, angle in zip(series.time_s, values, strict=True)
        if t0 <= time_s <= t1 and isfinite(angle)
    ]
    low = max(min([*seen, -5.0]), -_LIMIT_DEG)
    high = min(max([*seen, 15.0]), _LIMIT_DEG)
    return _Axes(size=size, t0=t0, t1=t1, low=floor(low / 10) * 10, high=ceil(high / 10) * 10)


def _ground(axes: _Axes, ground_s: tuple[float, float]) -> Markup:
    start, end = (axes.x(min(max(time_s, axes.t0), axes.t1)) for time_s in ground_s)
    return Markup('<rect class="ground" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{h:.1f}"/>').format(
        x=start, y=_TOP, w=max(0.0, end - start), h=axes.bottom - _TOP
    )


def _angle_grid(axes: _Axes) -> Iterable[Markup]:
    step = 20 if axes.high - axes.low > 60 else 10  # more than six lines crowd a phone
    angle = axes.low
    while angle <= axes.high:
        yield Markup(
            '<line class="{css}" x1="{x0}" x2="{x1:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            '<text class="tick" x="{tx:.1f}" y="{ty:.1f}" text-anchor="end">{label}°</text>'
        ).format(
            css="zero" if angle == 0 else "grid",
            x0=axes.size.left,
            x1=axes.right,
            y=axes.y(angle),
            tx=axes.size.left - 6,
            ty=axes.y(angle) + 4,
            label=number_text(angle, digits=0),
        )
        angle += step


def _time_ticks(axes: _Axes) -> Iterable[Markup]:
    step = axes.size.tick_s
    while (axes.t1 - axes.t0) / step > axes.size.width / 60:
        step *= 2
    tick = ceil(axes.t0 / step) * step
    while tick <= axes.t1:
        yield Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{label}</text>').format(
            x=axes.x(tick), y=axes.bottom + 18, label=f"{tick:g}"
        )
        tick += step
    yield Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="end">seconds</text>').format(
        x=axes.right, y=axes.bottom + 34
    )


def _event_mark(axes: _Axes, event: CurveEvent) -> Markup:
    return Markup(
        '<g class="event"><title>{label}</title><line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom:.1f}"/>'
        '<circle cx="{x:.1f}" cy="{cy}" r="11"/><text x="{x:.1f}" y="{ty}" text-anchor="middle">{number}</text></g>'
    ).format(
        label=event.label,
        x=axes.x(event.time_s),
        top=_TOP - 8,
        bottom=axes.bottom,
        cy=_TOP - 18,
        ty=_TOP - 13.5,
        number=event.number,
    )


def _path(axes: _Axes, times_s: Sequence[float], angles_deg: Sequence[float], *, css: str) -> Markup:
    steps: list[str] = []
    pen_down = False
    for time_s, angle in zip(times_s, angles_deg, strict=True):
        if not isfinite(angle) or not axes.t0 <= time_s <= axes.t1:
            pen_down = False
            continue
        steps.append(f"{'L' if pen_down else 'M'}{axes.x(time_s):.1f} {axes.y(angle):.1f}")
        pen_down = True
    return Markup('<path class="{css}" d="{d}"/>').format(css=css, d="".join(steps))


def draw_score_scale(*, value: float, interval: tuple[float, float], label: str) -> Markup:
    """Draw the 0-100 scale with its bands, the score and its 90 % interval."""
    x = _scale_position(left=10, width=340)
    low, high = (min(max(end, 0.0), 100.0) for end in interval)
    segments = Markup("").join(
        Markup('<rect class="segment segment-{n}" x="{x:.1f}" y="22" width="{w:.1f}" height="12"/>').format(
            n=number, x=x(start), w=x(end) - x(start) - (2 if end < 100 else 0)
        )
        for number, (start, end) in enumerate(
            ((0.0, BAND_EDGES[0]), BAND_EDGES, (BAND_EDGES[1], 100.0)), start=1
        )
    )
    ticks = Markup("").join(
        Markup('<text class="tick" x="{x:.1f}" y="52" text-anchor="{a}">{t:.0f}</text>').format(
            x=x(tick), t=tick, a={0.0: "start", 100.0: "end"}.get(tick, "middle")
        )
        for tick in (0.0, *BAND_EDGES, 100.0)
    )
    return Markup(
        '<svg class="scale" viewBox="0 0 360 58" role="img" aria-label="{label}">{segments}{ticks}'
        '<path class="interval" d="M{low:.1f} 8v10M{low:.1f} 13H{high:.1f}M{high:.1f} 8v10"/>'
        '<path class="pointer" d="M{v:.1f} 6v30"/><circle class="pointer-dot" cx="{v:.1f}" cy="13" r="6.5"/></svg>'
    ).format(label=label, segments=segments, ticks=ticks, low=x(low), high=x(high), v=x(value))


def draw_mini_scale(*, value: float, interval: tuple[float, float]) -> Markup:
    """Draw the scale small, beside a number that says the same."""
    x = _scale_position(left=5, width=110)
    low, high = (min(max(end, 0.0), 100.0) for end in interval)
    edges = Markup("").join(
        Markup('<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="3" y2="15"/>').format(x=x(edge))
        for edge in BAND_EDGES
    )
    return Markup(
        '<svg class="mini-scale" viewBox="0 0 120 18" aria-hidden="true" focusable="false">'
        '<line class="rail" x1="5" x2="115" y1="9" y2="9"/>{edges}'
        '<line class="interval" x1="{low:.1f}" x2="{high:.1f}" y1="9" y2="9"/>'
        '<circle class="pointer-dot" cx="{v:.1f}" cy="9" r="5"/></svg>'
    ).format(edges=edges, low=x(low), high=x(high), v=x(value))


def draw_difference(
    *, difference: float, interval: tuple[float, float], mdc: float, better_is_less: bool | None, label: str
) -> Markup:
    """Draw a difference with its interval on a line through zero; the grey field is measurement error.

    An interval that does not touch zero is a real change. The ends say which way is better, in words.
    """
    reach = 1.1 * max(abs(interval[0]), abs(interval[1]), mdc, 1e-9)

    def x(value: float) -> float:
        return 180.0 + 150.0 * value / reach

    sides = {True: ("better", "worse"), False: ("worse", "better"), None: ("", "")}[better_is_less]
    ends = Markup('<text class="tick" x="8" y="46">{less}</text>').format(less=sides[0])
    ends += Markup('<text class="tick" x="352" y="46" text-anchor="end">{more}</text>').format(more=sides[1])
    return Markup(
        '<svg class="difference" viewBox="0 0 360 52" role="img" aria-label="{label}">'
        '<rect class="noise" x="{n0:.1f}" y="6" width="{nw:.1f}" height="24"/>'
        '<path class="zero" d="M180 2v32"/><text class="tick" x="180" y="46" text-anchor="middle">no change</text>{ends}'
        '<path class="interval" d="M{low:.1f} 12v12M{low:.1f} 18H{high:.1f}M{high:.1f} 12v12"/>'
        '<circle class="pointer-dot" cx="{v:.1f}" cy="18" r="6"/></svg>'
    ).format(
        label=label,
        n0=x(-mdc),
        nw=x(mdc) - x(-mdc),
        ends=ends,
        low=x(interval[0]),
        high=x(interval[1]),
        v=x(difference),
    )


def _scale_position(*, left: float, width: float) -> Callable[[float], float]:
    """Return the way from 0-100 to the drawing's x."""
    return lambda score: left + min(max(score, 0.0), 100.0) / 100 * width
