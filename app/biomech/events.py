"""Placing instants between frames: ground contact, take-off and turning points of a path.

Heights are along the picture's vertical, **up positive**, in any one unit; times are seconds.
"""

from dataclasses import dataclass

import numpy as np

from app.biomech import signals
from app.biomech.types import FloatArray

FIT_WINDOW_S = 0.100
"""Longest airborne path used to place a contact [P]: six frames at 60 Hz, method section 2.2 step 4."""
NOISE_SD_S = 0.003
"""The path is made longer until jitter moves the contact by less than this [P]. A short path is better
otherwise: feet are braked in the last 50 ms before they touch, so the fall is not free to the end."""
SHORT_FIT_SAMPLES = 4
"""Shortest airborne path used when the frame rate allows it."""
MIN_FIT_SAMPLES = 3
MODEL_SD_S = 0.005
"""What the fit cannot know: feet braked or stretched in the last 50 ms of the fall, shutter time, the pose
model's rounding of the corner at contact [D, own rendered drop jumps and eleven variants of each at 60 Hz: with the
next 6 ms together, where contacts are 5.6, take-offs 6.4 and second contacts 5.2 ms off; 4.7-5.9, 5.0-7.0 and 3.7-5.5
without any one of them]."""
TURN_REACH_S = 0.080
"""A lowest point is looked for in a stretch this far to either side of it [P]."""
TURN_SD_S = 0.008
"""What that fit cannot know: the trunk is flat there for 50 ms, and its parts are lowest one after the other, hips
5 ms before shoulders [D, own rendered drop jumps]."""
CORNER_BEFORE_S, CORNER_BEFORE_SAMPLES = 0.028, 2.3
"""Airborne path next to the floor that a foot's own speed is read from, whichever is longer [P]: as little as the
jitter allows, because the toe landmark of a foot that points down comes nearer to the toe on its way."""
CORNER_AFTER_S, CORNER_AFTER_SAMPLES = 0.050, 1.6
BRAKED_SD = 1.0
"""How far a foot's acceleration may be from gravity just above the floor, in gravities: feet are braked or pushed
down by the leg [D, marker recordings of real landings: half a gravity to one; rendered ones brake]."""
FLOOR_SLACK, FIT_SPREAD = 0.25, 0.17
"""How far the floor may be read off its level next to a contact, and how far a single sample off the path before it
counts for less, in clearances (0.7 and 0.4 cm) [D, own rendered drop jumps]."""
MOST_LONGER = 3.6
"""How much longer both stretches become where the landmark jitters by more than `FIT_SPREAD` [P]."""
PARABOLA_SD_S = 0.012
"""The same where only a parabola can be fitted [D, as before; it is pulled to the slower side by up to 11 ms]."""
_CORNER_STEP_S = 0.001
_CORNER_GRID_S = np.arange(-20, 21, dtype=np.float64) * _CORNER_STEP_S
_CORNER_ROUNDS = _TURN_ROUNDS = 3
_CUBIC_SAMPLES = 5
FRAME_SHARE = 0.20
"""Part of a frame interval added to the standard deviation: at 30 Hz the fit rests on three frames [D, every second
frame of the same clips: 8.3 ms stated, 7.5 ms off at most in the root of the mean square]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A time between frames and how well it is known."""

    time_s: float
    sd_s: float
    disagreement_s: float = 0.0
    """Distance to the second way of finding it, where there is one."""


def find_floor_crossing(
    time_s: FloatArray,
    height: FloatArray,
    *,
    clearance: float,
    gravity: float,
    noise: float,
    landing: bool,
) -> Instant | None:
    """Return when a foot meets or leaves the floor.

    A parabola with known gravity is fitted to the airborne samples next to the contact and followed
    to height zero (method section 2.2, step 4). A foot that is braked on its last centimetres meets the
    floor later than that; so the instant is then placed where a path of the foot's own speed and a flat
    floor, fitted together to the samples right beside it, meet (`_find_corner`).

    Parameters
    ----------
    time_s, height : FloatArray, shape (N,)
        A stretch that holds exactly one contact (`landing`) or take-off; height 0 is the floor. NaN is skipped.
    clearance
        Height from which a foot counts as airborne.
    gravity
        In height units per second squared.
    noise
        Standard deviation of the jitter in `height`.
    landing
        True when the foot comes down, false when it leaves.

    Returns
    -------
    Instant or None
        None when fewer than three airborne samples are there or the path does not reach the floor.
    """
    good = np.isfinite(height)
    # A take-off is a landing with time reversed.
    t, h = (time_s[good], height[good]) if landing else (-time_s[good][::-1], height[good][::-1])
    if t.size < MIN_FIT_SAMPLES + 1:
        return None
    touching = np.flatnonzero(h <= clearance)
    airborne_before = touching[touching >= MIN_FIT_SAMPLES] if touching.size else touching
    if airborne_before.size == 0:
        return None
    first = int(airborne_before[0])
    step_s = float(np.median(np.diff(t)))
    before = np.arange(t.size) < first
    air = (
        before & (h > clearance) & (t > t[first] - max(FIT_WINDOW_S, (MIN_FIT_SAMPLES + 0.5) * step_s) - 1e-9)
    )
    if np.count_nonzero(air) < 2:  # frames are missing just there: a path needs two
        return None
    found = _cross_zero(t[air] - t[first], h[air], gravity=gravity, noise=noise)
    if found is None or abs(found[0]) > max(3.0 * step_s, 0.08):
        return None
    offset_s, noise_sd_s = found
    at_s = _find_corner(
        t,
        h,
        near_s=float(t[first] + offset_s),
        step_s=step_s,
        gravity=gravity,
        clearance=clearance,
        noise=noise,
    )
    sd_s = float(np.hypot(np.hypot(noise_sd_s, MODEL_SD_S), FRAME_SHARE * step_s))
    return Instant(time_s=at_s if landing else -at_s, sd_s=sd_s)


def _cross_zero(t: FloatArray, h: FloatArray, *, gravity: float, noise: float) -> tuple[float, float] | None:
    """Return when a falling parabola of known gravity reaches zero, and how much jitter moves that.

    The last samples are used, as few as the jitter allows (`NOISE_SD_S`).
    """
    answer = None
    for n in range(min(SHORT_FIT_SAMPLES, t.size), t.size + 1):
        answer = _fit_fall(t[-n:], h[-n:], gravity=gravity, noise=noise)
        if answer is not None and answer[1] <= NOISE_SD_S:
            break
    return answer


def _fit_fall(t: FloatArray, h: FloatArray, *, gravity: float, noise: float) -> tuple[float, float] | None:
    """Return time of height zero and its standard deviation for one fit, None when it never falls to zero."""
    design = np.column_stack([np.ones_like(t), t])
    start, speed = np.linalg.lstsq(design, h + 0.5 * gravity * t**2, rcond=None)[0]
    discriminant = speed**2 + 2.0 * gravity * start
    if discriminant <= 0.0:
        return None
    crossing = float((speed + np.sqrt(discriminant)) / gravity)
    at = np.array([1.0, crossing])
    spread = noise * np.sqrt(at @ np.linalg.inv(design.T @ design) @ at)
    return crossing, float(spread / max(abs(speed - gravity * crossing), 1e-9))


def _find_corner(
    t: FloatArray,
    h: FloatArray,
    *,
    near_s: float,
    step_s: float,
    gravity: float,
    clearance: float,
    noise: float,
) -> float:
    """Return where the path before a contact bends into the floor; `near_s` when the samples do not tell.

    For every instant of a fine grid the floor's level, the speed at contact and the acceleration before it are
    fitted, the first and the last held near what is known of them; the instant with the smallest misfit is taken.
    """
    at_s = near_s
    spread = max(FIT_SPREAD * clearance, noise)
    longer = min(spread / (FIT_SPREAD * clearance), MOST_LONGER)
    before_s = max(longer * CORNER_BEFORE_S, CORNER_BEFORE_SAMPLES * step_s)
    after_s = max(longer * CORNER_AFTER_S, CORNER_AFTER_SAMPLES * step_s)
    for _ in range(_CORNER_ROUNDS):  # the samples that count depend on where the corner is
        near = (t > at_s - before_s) & (t <= at_s + after_s)
        if np.count_nonzero(near) < MIN_FIT_SAMPLES + 1:
            return at_s
        tried = at_s + _CORNER_GRID_S
        misfit = _corner_misfit(
            t[near],
            h[near],
            tried,
            gravity=gravity,
            slack=FLOOR_SLACK * clearance,
            spread=spread,
        )
        if not np.isfinite(misfit).any():
            return at_s
        last_s, at_s = at_s, _vertex(tried, -misfit, at=int(np.argmin(misfit)))[0]
        if abs(at_s - last_s) < _CORNER_STEP_S:
            break
    return at_s


def _corner_misfit(
    t: FloatArray, h: FloatArray, tried_s: FloatArray, *, gravity: float, slack: float, spread: float
) -> FloatArray:
    """Return how badly a floor and a path that meet at each tried instant fit, (K,); infinite where they cannot.

    Robust: a sample far off counts in proportion to its distance, not to the square of it.
    """
    left_s = np.maximum(tried_s[:, None] - t, 0.0)
    design = np.stack([np.ones_like(left_s), left_s, -0.5 * gravity * left_s**2], axis=-1)
    usual, sd = np.array([0.0, 0.0, 1.0]), np.array([slack, np.inf, BRAKED_SD])
    hold = (spread / sd) ** 2
    weight = np.ones_like(left_s)
    for _ in range(_CORNER_ROUNDS):
        weighted = weight[..., None] * design
        normal = np.swapaxes(weighted, 1, 2) @ design + np.diag(hold + 1e-12)
        wanted = np.swapaxes(weighted, 1, 2) @ h + hold * usual
        fitted = np.linalg.solve(normal, wanted[..., None])[..., 0]
        off = (h - (design @ fitted[..., None])[..., 0]) / spread
        weight = 1.0 / np.sqrt(1.0 + off**2)
    misfit = np.sum(2.0 / weight - 2.0, axis=1) + np.sum(((fitted - usual) / sd) ** 2, axis=1)
    comes_down = (fitted[:, 1] > 0.0) & (np.count_nonzero(left_s, axis=1) >= 2)
    return np.where(comes_down, misfit, np.inf)


def find_impact(time_s: FloatArray, height: FloatArray, *, around_s: float, within_s: float) -> float | None:
    """Return the instant of the largest upward acceleration near a time: the foot is stopped by the floor.

    The second way of finding contact (Handsaker 2016, peak vertical acceleration of heel or toe; offset
    +3.1 ms against force plates in running). Works for take-off too, where the foot is pulled up.

    Parameters
    ----------
    time_s, height : FloatArray, shape (N,)
    around_s, within_s
        Search between ``around_s - within_s`` and ``around_s + within_s``.
    """
    rate_hz = signals.median_rate_hz(time_s)
    lightly = signals.smooth(time_s, height, cutoff_hz=min(20.0, 0.4 * rate_hz))
    if lightly.size < 5:
        return None
    acceleration = np.gradient(np.gradient(lightly, time_s), time_s)
    near = (np.abs(time_s - around_s) <= within_s) & np.isfinite(acceleration)
    if np.count_nonzero(near) < 3:
        return None
    at = int(np.flatnonzero(near)[np.argmax(acceleration[near])])
    return _vertex(time_s, acceleration, at=at)[0]


def find_lowest_point(time_s: FloatArray, height: FloatArray, *, noise: float) -> Instant | None:
    """Return when a smooth path is lowest, between frames, by a cubic through 0.16 s around that instant.

    A body is braked faster than it is pushed up again, so the valley is steeper before its lowest point than after
    it: a parabola there is pulled to the flat side, 4 ms late on true joints of rendered jumps, where a cubic is less
    than 1 ms off.

    Parameters
    ----------
    time_s, height : FloatArray, shape (N,)
        NaN is skipped.
    noise
        Standard deviation of the smoothed height, for the error of the instant.
    """
    good = np.isfinite(height)
    if not good.any():
        return None
    t, h = time_s[good], height[good]
    step_s = float(np.median(np.diff(time_s)))
    lowest_s = at_s = float(t[np.argmin(h)])
    sd_s = step_s
    for _ in range(_TURN_ROUNDS):  # the window is to lie around the instant, not around a sample
        near = np.abs(t - at_s) <= max(TURN_REACH_S, 1.1 * step_s)
        found = _turning_point(t[near] - at_s, h[near], noise=noise)
        if found is None:
            break
        last_s, at_s = at_s, float(np.clip(at_s + found[0], lowest_s - TURN_REACH_S, lowest_s + TURN_REACH_S))
        sd_s = min(found[1], 0.05)
        if abs(at_s - last_s) < _CORNER_STEP_S:
            break
    return Instant(time_s=at_s, sd_s=sd_s)


def _turning_point(t: FloatArray, h: FloatArray, *, noise: float) -> tuple[float, float] | None:
    """Return where a path turns upwards and its standard deviation; None when it does not.

    By a cubic unless its further freedom costs more than the parabola's pull: the valley of a slow squat is so flat
    that jitter decides where a cubic is lowest.
    """
    round_ = _polynomial_low(t, h, noise=noise, degree=2) if t.size >= MIN_FIT_SAMPLES else None
    skewed = _polynomial_low(t, h, noise=noise, degree=3) if t.size >= _CUBIC_SAMPLES else None
    plain = None if round_ is None else (round_[0], float(np.hypot(round_[1], PARABOLA_SD_S)))
    if skewed is None:
        return plain
    best = skewed[0], float(np.hypot(skewed[1], TURN_SD_S))
    return best if plain is None or best[1] <= plain[1] else plain


def _polynomial_low(t: FloatArray, h: FloatArray, *, noise: float, degree: int) -> tuple[float, float] | None:
    """Return the lowest point of a fitted polynomial that is nearest to zero, and what jitter moves it by."""
    path = np.polynomial.Polynomial.fit(t, h, degree, domain=[-1.0, 1.0])
    turns = path.deriv().roots()
    turns = turns[np.abs(turns.imag) < 1e-9].real
    turns = turns[(turns >= t[0]) & (turns <= t[-1]) & (path.deriv(2)(turns) > 0.0)]
    if turns.size == 0:
        return None
    at = float(turns[np.argmin(np.abs(turns))])
    design = np.vander(t, degree + 1, increasing=True)
    slope = np.array([k * at ** max(k - 1, 0) for k in range(degree + 1)])
    spread = noise * np.sqrt(slope @ np.linalg.inv(design.T @ design) @ slope)
    return at, float(spread / path.deriv(2)(at))


def _vertex(time_s: FloatArray, values: FloatArray, *, at: int) -> tuple[float, float]:
    """Return time and value of the extremum of the parabola through a sample and its neighbours."""
    if at in (0, values.size - 1) or not np.isfinite(values[at - 1 : at + 2]).all():
        return float(time_s[at]), float(values[at])
    t = time_s[at - 1 : at + 2] - time_s[at]
    bend, slope, level = np.polyfit(t, values[at - 1 : at + 2], 2)
    if bend == 0.0:
        return float(time_s[at]), float(values[at])
    shift = float(np.clip(-slope / (2.0 * bend), t[0], t[-1]))
    return float(time_s[at] + shift), float(level + slope * shift + bend * shift**2)


def fit_acceleration(time_s: FloatArray, height: FloatArray) -> tuple[float, float] | None:
    """Return the acceleration of a path, and its standard error, by a parabola over the whole stretch.

    Parameters
    ----------
    time_s, height : FloatArray, shape (N,)
        Free flight only; NaN is skipped.

    Returns
    -------
    tuple of float or None
        Height units per second squared, negative downwards. None with fewer than five samples.

    Examples
    --------
    >>> t = np.arange(30) / 60
    >>> round(fit_acceleration(t, 2.0 * t - 0.5 * 9.81 * t**2)[0], 3)
    -9.81
    """
    good = np.isfinite(height)
    t, h = time_s[good], height[good]
    if t.size < 5:
        return None
    t = t - t.mean()
    design = np.column_stack([np.ones_like(t), t, 0.5 * t**2])
    solution, residual, _, _ = np.linalg.lstsq(design, h, rcond=None)
    variance = float(residual[0]) / (t.size - 3) if residual.size else 0.0
    return float(solution[2]), float(np.sqrt(variance * np.linalg.inv(design.T @ design)[2, 2]))
