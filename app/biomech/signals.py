"""Cleaning of landmark trajectories: outliers, gaps, zero-phase smoothing, and the noise that is left.

Every function takes time first and treats NaN as "not measured": a gap that is too long stays NaN,
and nothing is ever filtered across one.
"""

import importlib
from functools import lru_cache

import numpy as np
import scipy  # its parts when they are first used: the api judges nothing on most days
from numpy.typing import NDArray

from app.biomech.types import BoolArray, FloatArray

MAX_GAP_S = 0.100
"""Longest gap that is filled [P, method section 9.4: PCHIP up to 100 ms]."""
TWO_PASS_CORRECTION = float((2.0**0.5 - 1.0) ** 0.25)
"""0.802: second-order Butterworth run forwards and back is 3 dB down at 0.802 of its nominal cut-off
(Winter 2009; Robertson & Dowling 2003, doi:10.1016/S1050-6411(03)00080-4)."""
_PAD_S = 0.5
_MIN_SEGMENT = 4
_LEAST_WITH_NEIGHBOURS = 20
_UNEVEN = 0.02
"""Relative spread of the frame interval from which a segment is resampled before it is filtered."""

_RATES_HZ = (24.0, 30.0, 60.0, 120.0, 240.0)
_CUTOFF_LOW_HZ = (6.0, 6.0, 8.0, 10.0, 12.0)
_CUTOFF_HIGH_HZ = (7.0, 8.0, 12.0, 12.0, 15.0)
"""Cut-off range by frame rate [P within the 6-15 Hz of the literature, method section 9.4]. The upper
end at 60 Hz is 12 Hz, the cut-off at which the pose model's bias was measured (method section B.6)."""


def load_scipy() -> None:
    """Import the parts of scipy that a measurement needs: a second's work, for a process that waits for a video."""
    for part in ("interpolate", "signal"):
        importlib.import_module(f"scipy.{part}")


def median_rate_hz(time_s: FloatArray) -> float:
    """Return one over the median frame interval, NaN with fewer than two frames."""
    return float(1.0 / np.median(np.diff(time_s))) if time_s.size > 1 else float("nan")


def contiguous_runs(mask: BoolArray) -> list[tuple[int, int]]:
    """Return the half-open ``(start, stop)`` of every run of True.

    Examples
    --------
    >>> contiguous_runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def drop_outliers(values: FloatArray, *, limit: float, half_width: int = 2) -> FloatArray:
    """Return the values with lone spikes set to NaN.

    A sample is a spike when it lies further than `limit` from the median of its neighbours and that
    is also more than four times the neighbours' own spread, so a fast but steady movement stays.

    Parameters
    ----------
    values : FloatArray, shape (T, ...)
        Any unit; NaN is skipped.
    limit
        Same unit as `values`.
    half_width
        Frames on each side.
    """
    if values.shape[0] < 2 * half_width + 1:
        return values.copy()
    pad = [(half_width, half_width)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, pad, constant_values=np.nan)
    # Of a film that was read here and there most frames hold nothing, and nothing can be taken from them.
    measured = np.flatnonzero(np.isfinite(values).any(axis=tuple(range(1, values.ndim))))
    around = np.stack([padded[measured + k] for k in range(2 * half_width + 1) if k != half_width])
    middle = _nan_median(around)
    spread = _nan_median(np.abs(around - middle))
    result = values.copy()
    # A steady run is a straight line: its neighbours' spread is then about 1.5 frame steps.
    with np.errstate(invalid="ignore"):
        spike = np.abs(values[measured] - middle) > np.maximum(limit, 4.0 * spread)
    result[measured] = np.where(spike, np.nan, values[measured])
    return result


def _nan_median(stack: FloatArray) -> FloatArray:
    """Return the median over the first axis, NaN where nothing is finite, without a warning."""
    ordered = np.sort(stack, axis=0)  # NaN sorts last
    count = np.sum(np.isfinite(stack), axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, stack.shape[0] - 1)
    pick = np.take_along_axis
    middle = 0.5 * (pick(ordered, low[None], axis=0)[0] + pick(ordered, high[None], axis=0)[0])
    return np.where(count > 0, middle, np.nan)


def fill_gaps(time_s: FloatArray, values: FloatArray, *, max_gap_s: float = MAX_GAP_S) -> FloatArray:
    """Return the values with inner gaps of at most `max_gap_s` filled by PCHIP.

    The length of a gap is the time between the good samples around it less one median frame
    interval. Gaps at either end are never filled: that would be extrapolation.

    Parameters
    ----------
    time_s : FloatArray, shape (T,)
    values : FloatArray, shape (T,) or (T, K)

    Examples
    --------
    >>> t = np.arange(6) / 60
    >>> fill_gaps(t, np.array([0.0, 1.0, np.nan, 3.0, 4.0, np.nan])).round(6).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, nan]
    """
    if values.ndim > 1:
        flat = values.reshape(values.shape[0], -1)
        filled = flat.copy()
        for columns in _alike(flat):
            filled[:, columns] = _fill_columns(time_s, flat[:, columns], max_gap_s=max_gap_s)
        return filled.reshape(values.shape)
    return _fill_columns(time_s, values[:, None], max_gap_s=max_gap_s)[:, 0]


def _alike(flat: FloatArray) -> list[NDArray[np.int64]]:
    """Return the columns that miss the same frames, together: each set is worked on at once."""
    alike: dict[bytes, list[int]] = {}
    for column, known in enumerate(np.isfinite(flat).T):
        alike.setdefault(known.tobytes(), []).append(column)
    return [np.array(columns) for columns in alike.values()]


def _fill_columns(time_s: FloatArray, values: FloatArray, *, max_gap_s: float) -> FloatArray:
    """Return columns that miss the same frames, (T, K), with their short inner gaps filled."""
    good = np.isfinite(values[:, 0])
    result = values.copy()
    if good.all() or np.count_nonzero(good) < 2:
        return result
    curve = scipy.interpolate.PchipInterpolator(time_s[good], values[good], extrapolate=False)
    frame_s = float(np.median(np.diff(time_s)))
    for start, stop in contiguous_runs(~good):
        inner = start > 0 and stop < good.size
        if inner and time_s[stop] - time_s[start - 1] - frame_s <= max_gap_s + 1e-9:
            result[start:stop] = curve(time_s[start:stop])
    return result


def longest_gap_s(time_s: FloatArray, good: BoolArray) -> float:
    """Return the longest time between neighbouring good samples less one frame, ends of the clip included."""
    if not good.any():
        return float(time_s[-1] - time_s[0])
    frame_s = float(np.median(np.diff(time_s))) if time_s.size > 1 else 0.0
    known = np.concatenate(([time_s[0] - frame_s], time_s[good], [time_s[-1] + frame_s]))
    return float(max(0.0, np.max(np.diff(known)) - frame_s))


def smooth(time_s: FloatArray, values: FloatArray, *, cutoff_hz: float) -> FloatArray:
    """Return the values after a zero-phase Butterworth low-pass, each run between gaps by itself.

    Second order, run forwards and back (fourth order in all), so that no lag remains. The gain at
    frequency f is ``1 / (1 + (f / (cutoff_hz / 0.802))**4)`` in the limit of a high frame rate.

    Parameters
    ----------
    time_s : FloatArray, shape (T,)
        Uneven intervals are resampled to the median interval of the run and back.
    values : FloatArray, shape (T,) or (T, K)
    cutoff_hz
        Effective -3 dB frequency after both passes; at or above 0.9 of the Nyquist frequency the
        values come back as they are.

    Returns
    -------
    FloatArray
        Same shape. Runs shorter than four samples cannot be smoothed and become NaN.
    """
    if values.ndim > 1:
        flat = values.reshape(values.shape[0], -1)
        smoothed = np.full(flat.shape, np.nan)
        for columns in _alike(flat):
            smoothed[:, columns] = _smooth_columns(time_s, flat[:, columns], cutoff_hz=cutoff_hz)
        return smoothed.reshape(values.shape)
    return _smooth_columns(time_s, values[:, None], cutoff_hz=cutoff_hz)[:, 0]


def _smooth_columns(time_s: FloatArray, values: FloatArray, *, cutoff_hz: float) -> FloatArray:
    """Return columns that miss the same frames, (T, K), smoothed run by run."""
    result = np.full(values.shape, np.nan)
    for start, stop in contiguous_runs(np.isfinite(values[:, 0])):
        if stop - start >= _MIN_SEGMENT:
            result[start:stop] = _smooth_run(time_s[start:stop], values[start:stop], cutoff_hz=cutoff_hz)
    return result


def _smooth_run(time_s: FloatArray, values: FloatArray, *, cutoff_hz: float) -> FloatArray:
    """Return one run without gaps, (N, K), smoothed."""
    steps = np.diff(time_s)
    step_s = float(np.median(steps))
    if cutoff_hz >= 0.45 / step_s:
        return values.copy()
    uneven = np.ptp(steps) > _UNEVEN * step_s
    if uneven:
        grid = np.linspace(
            time_s[0], time_s[-1], max(_MIN_SEGMENT, round((time_s[-1] - time_s[0]) / step_s) + 1)
        )
        evenly = scipy.interpolate.PchipInterpolator(time_s, values)(grid)
        step_s = float(grid[1] - grid[0])
    else:
        grid, evenly = time_s, values
    pad = min(evenly.shape[0] - 1, max(1, round(_PAD_S / step_s)))
    sections = _low_pass(cutoff_hz, 1.0 / step_s)
    smoothed: FloatArray = scipy.signal.sosfiltfilt(sections, evenly, axis=0, padtype="odd", padlen=pad)
    return scipy.interpolate.CubicSpline(grid, smoothed)(time_s) if uneven else smoothed


@lru_cache(maxsize=256)
def _low_pass(cutoff_hz: float, rate_hz: float) -> FloatArray:
    """Return one pass of the filter, as second-order sections."""
    sections: FloatArray = scipy.signal.butter(
        2, nominal_cutoff_hz(cutoff_hz, rate_hz=rate_hz), fs=rate_hz, output="sos"
    )
    return sections


def nominal_cutoff_hz(cutoff_hz: float, *, rate_hz: float) -> float:
    """Return the design frequency of one pass, so that both passes are 3 dB down at `cutoff_hz`.

    The correction belongs to the pre-warped frequency, so it holds near the Nyquist frequency too.

    Examples
    --------
    >>> round(nominal_cutoff_hz(6.0, rate_hz=1000.0), 2)
    7.48
    """
    warped = np.tan(np.pi * cutoff_hz / rate_hz) / TWO_PASS_CORRECTION
    return float(np.arctan(warped) * rate_hz / np.pi)


def cutoff_range_hz(rate_hz: float) -> tuple[float, float]:
    """Return the lowest and highest cut-off used at a frame rate.

    Examples
    --------
    >>> cutoff_range_hz(120.0)
    (10.0, 12.0)
    """
    return (
        float(np.interp(rate_hz, _RATES_HZ, _CUTOFF_LOW_HZ)),
        float(np.interp(rate_hz, _RATES_HZ, _CUTOFF_HIGH_HZ)),
    )


def choose_cutoff_hz(time_s: FloatArray, values: FloatArray) -> float:
    """Return one cut-off for all coordinates of a trial, by Winter's residual analysis.

    The residual between raw and smoothed values, as a function of the cut-off, ends in a straight
    line that is noise alone; the cut-off is where the residual equals that line's intercept, so that
    as much signal is lost as noise is kept (Winter 2009, Biomechanics and Motor Control of Human
    Movement, section 3.4). The median over the coordinates is kept within `cutoff_range_hz`.

    Parameters
    ----------
    time_s : FloatArray, shape (T,)
    values : FloatArray, shape (T, K)
        Coordinates in any unit; only the longest run without gaps is looked at.
    """
    rate_hz = median_rate_hz(time_s)
    low, high = cutoff_range_hz(rate_hz)
    runs = contiguous_runs(np.asarray(np.isfinite(values).all(axis=1)))
    start, stop = max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
    time_s, whole = time_s[start:stop], values[start:stop]
    if rate_hz < 45.0 or whole.shape[0] < 20:
        return low
    grid = np.arange(2.0, min(20.0, 0.42 * rate_hz) + 0.5, 1.0)
    residuals = np.array(
        [np.sqrt(np.mean((whole - smooth(time_s, whole, cutoff_hz=f)) ** 2, axis=0)) for f in grid]
    )
    tail = grid >= 10.0
    found = []
    for residual in residuals.T:
        intercept = float(np.polynomial.Polynomial.fit(grid[tail], residual[tail], 1)(0.0))
        below = np.flatnonzero(residual <= intercept)
        found.append(grid[below[0]] if below.size else grid[-1])
    return float(np.clip(np.median(found), low, high))


def with_neighbours(values: FloatArray) -> FloatArray:
    """Return the values, NaN where the one before or after is missing; all of them where hardly any has both.

    The smoothed path follows a lone value between filled gaps, so that it says nothing of the jitter.
    """
    known = np.isfinite(values)
    both = known.copy()
    both[0] = both[-1] = False
    both[1:-1] &= known[:-2] & known[2:]
    enough = np.count_nonzero(both.reshape(both.shape[0], -1).any(axis=1)) >= _LEAST_WITH_NEIGHBOURS
    return np.where(both, values, np.nan) if enough else values


def residual_sd(raw: FloatArray, smoothed: FloatArray, *, cutoff_hz: float, rate_hz: float) -> float:
    """Return the standard deviation of the jitter in the raw values, from what smoothing took away.

    The residual's variance is divided by the share of white noise that the filter takes away. NaN when
    nothing can be compared.
    """
    difference = raw - smoothed
    finite = np.isfinite(difference)
    if np.count_nonzero(finite) < _MIN_SEGMENT:
        return float("nan")
    removed = _noise_shares(cutoff_hz, rate_hz)[1]
    # The median is not moved by the corner at contact, which the filter also takes away.
    robust = 1.4826 * float(np.median(np.abs(difference[finite])))
    return robust / float(np.sqrt(max(0.05, removed)))


def kept_noise_share(*, cutoff_hz: float, rate_hz: float) -> float:
    """Return the share of white noise variance that passes the filter, at most 1.

    Examples
    --------
    >>> round(kept_noise_share(cutoff_hz=10.0, rate_hz=60.0), 2)
    0.34
    """
    return _noise_shares(cutoff_hz, rate_hz)[0]


@lru_cache(maxsize=64)
def _noise_shares(cutoff_hz: float, rate_hz: float) -> tuple[float, float]:
    """Return the shares of white noise variance that the two passes keep, and that the residual holds.

    The residual's gain is one less the filter's, so the two do not add up to one.
    """
    if not cutoff_hz < 0.45 * rate_hz:
        return 1.0, 0.0
    sections = scipy.signal.butter(2, nominal_cutoff_hz(cutoff_hz, rate_hz=rate_hz), fs=rate_hz, output="sos")
    gain = np.abs(scipy.signal.sosfreqz(sections, worN=512)[1]) ** 2
    return float(np.mean(gain**2)), float(np.mean((1.0 - gain) ** 2))
