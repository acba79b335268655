"""Finding and numbering the repetitions of a squat-like movement in the height of the hips.

A repetition leaves the upper level, goes down, and comes back. Two levels with a band between them decide
(hysteresis), so that neither a pause on the way nor jitter makes two of one, and the tempo does not matter.
All heights are in leg lengths, up positive, so no scale is needed.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech import events, signals
from app.biomech.events import Instant
from app.biomech.types import FloatArray

MIN_DEPTH_LEGS = 0.08
"""Least lowering of the hips that counts, about 7 cm, 40 deg of knee bend [P]."""
ENTER_SHARE, LEAVE_SHARE = 0.40, 0.25
"""A repetition begins below 0.40 of the trial's own depth and ends above 0.25 of it [P]."""
PARTIAL_SHARE = 0.60
"""Shallower than this share of the deepest ones is a partial repetition: named, but not counted [P]."""
EDGE_SHARE = 0.05
"""The first and last instant of a repetition: within this share of its depth from the top [P]."""
MIN_REPETITION_S = 0.3
"""Shorter is no repetition but a twitch or a jump [P]."""
EDGE_SD_S = 0.05
"""A slow start has no sharp instant [P]."""
EDGE_SLOPE_S = 0.1
"""Half the stretch over which the speed at an edge is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """One way down and up."""

    number: int
    """From 1, in order of time, partial ones not counted."""
    start: Instant
    lowest: Instant
    stop: Instant
    depth: float
    """Lowering of the hips from the higher of both ends to the lowest point, leg lengths."""

    @property
    def is_in_order(self) -> bool:
        """Whether it starts, is lowest and stops in this order; placed by hand, it may not."""
        return self.start.time_s < self.lowest.time_s < self.stop.time_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetitions:
    """What was found in a clip."""

    whole: tuple[Repetition, ...]
    n_partial: int
    """Too shallow beside the others."""
    n_cut_off: int
    """Begun before the clip or not ended in it: 0 to 2."""


def find_repetitions(time_s: FloatArray, height: FloatArray, *, noise: float) -> Repetitions:
    """Return the repetitions in the height of the hips.

    Parameters
    ----------
    time_s : FloatArray, shape (T,)
    height : FloatArray, shape (T,)
        Smoothed, leg lengths, up positive; NaN is skipped.
    noise
        Standard deviation of the smoothed height, for the error of the instants.

    Examples
    --------
    >>> t = np.arange(0, 9, 1 / 30)
    >>> found = find_repetitions(t, -0.3 * np.sin(np.pi * t / 3.0) ** 2, noise=0.001)
    >>> [round(repetition.lowest.time_s, 2) for repetition in found.whole]
    [1.5, 4.5, 7.5]
    """
    good = np.isfinite(height)
    if np.count_nonzero(good) < 8:
        return Repetitions(whole=(), n_partial=0, n_cut_off=0)
    t, h = time_s[good], height[good]
    top, bottom = float(np.percentile(h, 95)), float(np.percentile(h, 1))
    depth = top - bottom
    if depth < MIN_DEPTH_LEGS:
        return Repetitions(whole=(), n_partial=0, n_cut_off=0)
    stretches = _stretches_below(h, enter=top - ENTER_SHARE * depth, leave=top - LEAVE_SHARE * depth)
    inner = [(a, b) for a, b in stretches if a > 0 and b < h.size and t[b - 1] - t[a] >= MIN_REPETITION_S]
    found = [_measure(t, h, a, b, noise=noise) for a, b in _with_ways(stretches, inner, h.size)]
    found = [item for item in found if item.depth >= MIN_DEPTH_LEGS]
    typical = float(np.median([item.depth for item in found])) if found else 0.0
    whole = [item for item in found if item.depth >= PARTIAL_SHARE * max(typical, 0.0)]
    return Repetitions(
        whole=tuple(replace(item, number=number) for number, item in enumerate(whole, start=1)),
        n_partial=len(found) - len(whole),
        n_cut_off=sum(1 for a, b in stretches if a == 0 or b == h.size),
    )


def _stretches_below(h: FloatArray, *, enter: float, leave: float) -> list[tuple[int, int]]:
    """Return the half-open stretches that go below `enter`, each reaching to where it is above `leave` again."""
    below = signals.contiguous_runs(np.asarray(h < leave))
    return [(a, b) for a, b in below if np.min(h[a:b]) < enter]


def _with_ways(
    stretches: list[tuple[int, int]], inner: list[tuple[int, int]], n: int
) -> list[tuple[int, int]]:
    """Return each stretch widened half-way to its neighbours, so that the way down and up is in it."""
    edges = [0, *(b for _, b in stretches), n]
    starts = [*(a for a, _ in stretches), n]
    widened = []
    for a, b in inner:
        before = max((edge for edge in edges if edge <= a), default=0)
        after = min((start for start in starts if start >= b), default=n)
        widened.append((before, after))
    return widened


def _measure(t: FloatArray, h: FloatArray, start: int, stop: int, *, noise: float) -> Repetition:
    """Return one repetition from the stretch between its neighbours."""
    at = start + int(np.argmin(h[start:stop]))
    lowest = events.find_lowest_point(t[start:stop], h[start:stop], noise=noise)
    if lowest is None:  # every height is finite here
        lowest = Instant(time_s=float(t[at]), sd_s=EDGE_SD_S)
    before, after = float(np.max(h[start : at + 1])), float(np.max(h[at:stop]))
    depth_before, depth_after = before - float(h[at]), after - float(h[at])
    near_top = np.flatnonzero(h[start : at + 1] >= before - EDGE_SHARE * depth_before)
    back_up = np.flatnonzero(h[at:stop] >= after - EDGE_SHARE * depth_after)
    return Repetition(
        number=0,
        start=_edge(t, h, start + int(near_top[-1]), noise=noise),
        lowest=lowest,
        stop=_edge(t, h, at + int(back_up[0]), noise=noise),
        depth=max(depth_before, depth_after),
    )


def _edge(t: FloatArray, h: FloatArray, at: int, *, noise: float) -> Instant:
    """Return a first or last instant: the slower the hips move there, the more jitter shifts it."""
    around = np.abs(t - t[at]) <= EDGE_SLOPE_S
    rise = float(np.ptp(h[around]))
    by_jitter_s = noise * float(np.ptp(t[around])) / rise if rise > 0 else 0.0
    return Instant(time_s=float(t[at]), sd_s=float(np.hypot(EDGE_SD_S, by_jitter_s)))
