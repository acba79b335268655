"""Finding a drop from a box, its landing and the jump after it in the paths of hips and feet.

Coarse on purpose: this module decides *what happened between which frames*, `events` then places the
instants between frames. All thresholds are in leg lengths, so no scale is needed.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy

from app.biomech import signals
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.types import BoolArray, FloatArray, Side

MIN_BOX_LEGS = 0.12
"""Least drop of the feet that counts as coming off a box, about 10 cm [P]."""
MIN_SINK_LEGS = 0.12
"""Least lowering of the hips from box to lowest point [P]."""
AIRBORNE_LEGS = 0.05
"""Height of a whole foot from which it counts as off the floor, about 4 cm [P]."""
MAX_CONTACT_S = 1.6
MAX_JUMP_S = 0.9
"""Longest time in the air of a jump from the floor: 0.9 s is a jump of 1 m."""
_HIP_CUTOFF_HZ = 6.0
_FOOT_CUTOFF_HZ = 12.0


class Refusal(StrEnum):
    """Why no drop landing was found."""

    FLOOR_JUMP = "floor_jump"
    """A jump from the floor."""
    NO_LANDING = "no_landing"
    NOT_TRACKED = "not_tracked"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPhases:
    """Frames between which a drop landing happens; frame indices."""

    lowest: int
    """Hips lowest after the drop."""
    descent_start: int
    """Start of the stretch in which the feet are above the landing floor."""
    contact: int
    """First frame with a foot near the floor."""
    take_off: int | None
    """Last frame before both feet are off the floor again; None without a rebound jump."""
    second_contact: int | None
    """First frame back on the floor; None when the video ends before."""
    box_legs: float
    """Height of the feet on the box above the landing floor, leg lengths, perspective included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoarsePaths:
    """Heavily smoothed heights in leg lengths, up positive, for decisions only."""

    time_s: FloatArray
    hip: FloatArray
    feet: dict[Side, FloatArray]
    """Mean of toe, heel and ankle."""

    @property
    def both_feet(self) -> FloatArray:
        """Mean of the two feet."""
        return np.asarray(0.5 * (self.feet[Side.LEFT] + self.feet[Side.RIGHT]))


def coarse_paths(paths: BodyPaths, *, time_s: FloatArray) -> CoarsePaths | None:
    """Return the heights used for decisions, None when hips or feet were hardly ever seen.

    Parameters
    ----------
    paths
        Clean paths.
    time_s : FloatArray, shape (T,)
        Frame times, possibly divided by a slow-motion factor.
    """
    hip = _bridged(time_s, -paths.middle("HIP", raw=True)[:, 1] / paths.leg_px, cutoff_hz=_HIP_CUTOFF_HZ)
    feet = {}
    for side in SIDES:
        foot = (
            -np.stack([paths.foot(side, part)[:, 1] for part in ("FOOT_INDEX", "HEEL", "ANKLE")])
            / paths.leg_px
        )
        feet[side] = _bridged(time_s, foot.mean(axis=0), cutoff_hz=_FOOT_CUTOFF_HZ)
    if not all(np.isfinite(path).any() for path in (hip, *feet.values())):
        return None
    return CoarsePaths(time_s=time_s, hip=hip, feet=feet)


def _bridged(time_s: FloatArray, values: FloatArray, *, cutoff_hz: float) -> FloatArray:
    """Return the values with every gap bridged by straight lines and smoothed; NaN beyond the ends."""
    good = np.isfinite(values)
    if np.count_nonzero(good) < 8:
        return np.full(values.shape, np.nan)
    first, last = np.flatnonzero(good)[[0, -1]]
    result = np.full(values.shape, np.nan)
    inner = slice(first, last + 1)
    result[inner] = np.interp(time_s[inner], time_s[good], values[good])
    return signals.smooth(time_s, result, cutoff_hz=cutoff_hz)


def find_landing(coarse: CoarsePaths) -> LandingPhases | Refusal:
    """Return the drop landing of the clip, the first with a rebound jump if there are several.

    A landing qualifies when the hips sink, both feet came down together from at least `MIN_BOX_LEGS`
    above where they stand at the lowest point, and they had not just jumped up from that same floor.
    """
    found = [phases for dip in _find_dips(coarse) if (phases := _examine(coarse, dip)) is not None]
    drops = [phases for phases in found if isinstance(phases, LandingPhases)]
    rebounding = [phases for phases in drops if phases.take_off is not None]
    if rebounding or drops:
        return (rebounding or drops)[0]
    return Refusal.FLOOR_JUMP if found else Refusal.NO_LANDING


def _find_dips(coarse: CoarsePaths) -> list[int]:
    """Return the frames in which the hips turn from sinking to rising."""
    known = np.isfinite(coarse.hip)
    hip = np.where(known, coarse.hip, np.nanmax(coarse.hip))
    dips, _ = scipy.signal.find_peaks(-hip, prominence=0.02)
    # An athlete who lands and holds still has no rise after it: the lowest point of all counts too.
    candidates = {int(dip) for dip in dips} | {int(np.nanargmin(coarse.hip))}
    deep = [dip for dip in candidates if _highest(coarse, dip, 1.2) - hip[dip] >= MIN_SINK_LEGS]
    return sorted(deep)


def _highest(coarse: CoarsePaths, frame: int, before_s: float) -> float:
    """Return the greatest hip height in the time before a frame."""
    t = coarse.time_s
    window = coarse.hip[(t >= t[frame] - before_s) & (t <= t[frame])]
    return float(np.nanmax(window))


def _examine(coarse: CoarsePaths, dip: int) -> LandingPhases | Refusal | None:
    """Return what led to a low point of the hips: a drop landing, a jump from the floor, or neither."""
    t = coarse.time_s
    if not all(np.isfinite(path[dip]) for path in coarse.feet.values()):
        return None
    around = np.abs(t - t[dip]) <= 0.06
    feet = {side: path - float(np.nanmedian(path[around])) for side, path in coarse.feet.items()}
    higher = np.fmin(feet[Side.LEFT], feet[Side.RIGHT])
    up = higher > AIRBORNE_LEGS
    contact = _last_true(up, stop=dip)
    if contact is None or t[dip] - t[contact] > MAX_CONTACT_S:
        return None
    start = _run_start(_close_short_gaps(t, up), contact)
    airborne = [path[start : contact + 1] for path in feet.values()]
    if not all(np.isfinite(path).any() for path in airborne):
        return None
    box_legs = float(min(np.nanmax(path) for path in airborne))
    if box_legs < MIN_BOX_LEGS:
        return None
    if start > 0 and np.isfinite(higher[start - 1]) and t[contact] - t[start] < MAX_JUMP_S:
        return Refusal.FLOOR_JUMP
    take_off, second = _find_rebound(t, up, dip)
    first = _last_true(np.fmax(feet[Side.LEFT], feet[Side.RIGHT]) > AIRBORNE_LEGS, stop=dip)
    return LandingPhases(
        lowest=dip,
        descent_start=start,
        contact=contact + 1 if first is None else min(contact, first) + 1,
        take_off=take_off,
        second_contact=second,
        box_legs=box_legs,
    )


def _close_short_gaps(t: FloatArray, up: BoolArray) -> BoolArray:
    """Return the mask with dips shorter than 50 ms closed: noise at the threshold is no step down."""
    closed = up.copy()
    for start, stop in signals.contiguous_runs(~up):
        if start > 0 and stop < up.size and t[stop] - t[start] < 0.05:
            closed[start:stop] = True
    return closed


def _last_true(mask: BoolArray, *, stop: int) -> int | None:
    """Return the last True before a frame."""
    found = np.flatnonzero(mask[:stop])
    return int(found[-1]) if found.size else None


def _run_start(mask: BoolArray, frame: int) -> int:
    """Return where the run of True that holds a frame begins."""
    off = np.flatnonzero(~mask[:frame])
    return int(off[-1]) + 1 if off.size else 0


def _find_rebound(t: FloatArray, up: BoolArray, dip: int) -> tuple[int | None, int | None]:
    """Return the last frame on the floor before the rebound jump and the first one after it."""
    for start, stop in signals.contiguous_runs(up):
        if start <= dip:
            continue
        if t[start] - t[dip] > MAX_CONTACT_S:
            break
        ends = stop >= up.size
        if ends or t[stop] - t[start] >= 0.08:
            return start - 1, None if ends else stop
    return None, None
