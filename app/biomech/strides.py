"""Finding the stances of walking and running feet, from the front or from behind.

The floor moves in the picture as an athlete comes nearer, so it is looked for around every instant. Heights
are in leg lengths, up positive.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech import events, signals
from app.biomech.events import Instant
from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.types import FloatArray, PoseTrack, Side

ON_FLOOR_LEGS = 0.03
"""A foot no higher than this over its floor stands [P]."""
FLOOR_WINDOW_S = 0.8
"""The floor is the low level of the foot within so long before and after [P]: a whole stride."""
STANCE_RANGE_S = (0.08, 0.60)
EDGE_SD_S = 0.020
"""A foot that rolls over the floor has no sharp start and end in the picture [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """One foot on the floor, from strike to toe-off."""

    side: Side
    number: int
    """From 1, each side by itself."""
    strike: Instant
    middle: Instant
    """The hips are lowest."""
    toe_off: Instant


def seen_from_behind(paths: BodyPaths) -> bool:
    """Return whether the athlete's left is at the left of the picture: the camera stands behind."""
    across = paths.smooth_px[:, Joint.LEFT_HIP, 0] - paths.smooth_px[:, Joint.RIGHT_HIP, 0]
    shoulders = paths.smooth_px[:, Joint.LEFT_SHOULDER, 0] - paths.smooth_px[:, Joint.RIGHT_SHOULDER, 0]
    both = across + shoulders
    return bool(np.isfinite(both).any() and float(np.nanmedian(both)) < 0.0)


def mirrored(paths: BodyPaths, *, width_px: float) -> BodyPaths:
    """Return the paths as a mirror shows them, sides kept: from behind becomes as if from the front."""
    flip = np.array([-1.0, 1.0])
    shift = np.array([width_px, 0.0])
    return replace(paths, raw_px=paths.raw_px * flip + shift, smooth_px=paths.smooth_px * flip + shift)


def mirrored_track(track: PoseTrack) -> PoseTrack:
    """Return the track as a mirror shows it, sides kept, without the outline, which has been used by then."""
    xy_px = track.xy_px * np.array([-1.0, 1.0]) + np.array([float(track.image_size_px[0]), 0.0])
    world_m = None if track.world_m is None else track.world_m * np.array([-1.0, 1.0, 1.0])
    return replace(track, xy_px=xy_px, world_m=world_m, outline_px=None)


def find_stances(paths: BodyPaths) -> list[Stance]:
    """Return every whole stance of both feet, in order of time; those cut off by the clip are left out."""
    hip = -paths.middle("HIP")[:, 1] / paths.leg_px
    low = {side: _low_height(paths, side) for side in SIDES}
    both = np.asarray(0.5 * (low[Side.LEFT] + low[Side.RIGHT]))
    found = [
        stance
        for side in SIDES
        for stance in _of_one_foot(
            paths, side, above=low[side] - floor_under(paths.time_s, low[side], both), hip=hip
        )
    ]
    return sorted(found, key=lambda stance: stance.strike.time_s)


def _low_height(paths: BodyPaths, side: Side) -> FloatArray:
    """Return the height of the lower of heel and toe, leg lengths, (T,)."""
    heel, toe = (-paths.foot(side, part)[:, 1] / paths.leg_px for part in ("HEEL", "FOOT_INDEX"))
    return signals.smooth(paths.time_s, np.fmin(heel, toe), cutoff_hz=12.0)


def _of_one_foot(paths: BodyPaths, side: Side, *, above: FloatArray, hip: FloatArray) -> list[Stance]:
    t = paths.time_s
    with np.errstate(invalid="ignore"):
        down = above <= ON_FLOOR_LEGS
    stances: list[Stance] = []
    step_s = float(np.median(np.diff(t)))
    sd_s = float(np.hypot(EDGE_SD_S, 0.3 * step_s))
    for start, stop in signals.contiguous_runs(np.asarray(down)):
        if start == 0 or stop >= t.size or not np.isfinite(above[[start - 1, stop]]).all():
            continue
        strike_s, off_s = _crossing(t, above, start - 1), _crossing(t, above, stop - 1)
        if not STANCE_RANGE_S[0] <= off_s - strike_s <= STANCE_RANGE_S[1]:
            continue
        middle = events.find_lowest_point(t[start:stop], hip[start:stop], noise=0.002)
        stances.append(
            Stance(
                side=side,
                number=len(stances) + 1,
                strike=Instant(time_s=strike_s, sd_s=sd_s),
                middle=middle or Instant(time_s=0.5 * (strike_s + off_s), sd_s=sd_s),
                toe_off=Instant(time_s=off_s, sd_s=sd_s),
            )
        )
    return stances


def floor_under(time_s: FloatArray, height: FloatArray, both: FloatArray) -> FloatArray:
    """Return the floor under a foot at each instant, (T,): a tenth of the time around it is below.

    Parameters
    ----------
    time_s, height : FloatArray, shape (T,)
    both : FloatArray, shape (T,)
        Mean height of both feet, whose slope over a stride is the way the floor itself moves in the picture.
    """
    floor = np.full(height.shape, np.nan)
    for at, now in enumerate(time_s):
        near = (np.abs(time_s - now) <= FLOOR_WINDOW_S) & np.isfinite(height) & np.isfinite(both)
        if np.count_nonzero(near) < 4:
            continue
        since = time_s[near] - now
        slope = float(np.polyfit(since, both[near], 1)[0])
        floor[at] = np.percentile(height[near] - slope * since, 10)
    return floor


def _crossing(t: FloatArray, above: FloatArray, before: int) -> float:
    """Return when the height crosses the limit between two frames."""
    here, there = above[before] - ON_FLOOR_LEGS, above[before + 1] - ON_FLOOR_LEGS
    share = here / (here - there) if here != there else 0.5
    return float(t[before] + np.clip(share, 0.0, 1.0) * (t[before + 1] - t[before]))
