"""How far the athlete is turned away from the camera, and whether frontal angles mean anything there.

A straight leg seen from a turned body shows a false knee angle of up to 9 degrees for 5 degrees of
yaw (method section 3.2), so this decides what may be reported.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech.joints import Joint
from app.biomech.types import BoolArray, FloatArray, PoseTrack

SQUARE_LIMIT_DEG = 5.0
"""Yaw from which left and right are no longer compared safely [P]."""
FRONTAL_LIMIT_DEG = 15.0
"""Yaw from which no knee valgus is reported: the false angle at 80 deg of flexion is then 26 deg a
side [D, method section 3.2]."""

_WORLD_DEG = (0.0, 5.0, 30.0, 90.0)
_TRUE_DEG = (0.0, 8.0, 36.0, 90.0)
"""The pose model's own depth is too shallow: 5 deg of its yaw was 8 deg in two clips with known
camera, 32 deg was 37, 87 deg was 90 [D, own clips]."""
_WORLD_SD_DEG = {"HIP": 2.5, "SHOULDER": 3.5}
"""Shoulders turn against the pelvis by some 4 deg while an athlete lands and swings the arms [D, mocap drop jumps]."""
_FOOT_LEGS = 0.25
"""Heel to toe landmark over leg length, seen along the floor [D, own clips with yaw 8 and 90 deg]."""
_FEET_SD_DEG = 5.0
_SQUARE_SHARE, _SQUARE_SD_DEG, _TURNED_SD_DEG = 0.6, 1.5, 12.0
"""How athletes stand before anything was measured: so many as square as somebody with a tape line on the floor can
put them, the rest anyhow [P]."""
_POOR_SD_DEG = 3.0
_GATE_SDS = 0.5
"""Comparing sides is given up early: 5 deg of yaw falsify both knees by 9 deg, opposite ways [P]."""
_SHOULDERS_LEGS = 0.42
"""Shoulder landmarks' distance over leg length from the front: 0.39-0.44 in five athletes [D]."""
_NARROW = 0.75
"""Shoulders narrower than this share of the expected width are turned, whatever else is said [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yaw:
    """The athlete's turn about the vertical, relative to the camera."""

    yaw_deg: float
    """Positive when the athlete faces towards their own left; 0 is square, 180 is from behind."""
    sd_deg: float
    apparent_deg: float | None = None
    """The largest turn that what was seen still speaks for, before what is known of usual set-ups; None: `yaw_deg`."""

    @property
    def size_deg(self) -> float:
        """Root of mean square turn, estimate and uncertainty together: what the error terms use."""
        return float(np.hypot(self.yaw_deg, self.sd_deg))

    @property
    def is_frontal(self) -> bool:
        """Whether frontal-plane angles may be reported."""
        return abs(self.yaw_deg) < FRONTAL_LIMIT_DEG

    @property
    def is_square(self) -> bool:
        """Whether sides may be compared."""
        seen_deg = abs(self.yaw_deg) if self.apparent_deg is None else self.apparent_deg
        return max(abs(self.yaw_deg), seen_deg) < SQUARE_LIMIT_DEG


def estimate_yaw(track: PoseTrack, *, leg_px: float, frames: BoolArray) -> Yaw | None:
    """Return the athlete's yaw over some frames, from every sign of it that the track holds.

    Signs of yaw: the depth difference of shoulders and of hips in the model's metric guess; the way the
    feet point in the picture (toe-out of both feet cancels); the width of the shoulders.
    The first two are averaged by their errors; their disagreement widens the error; shoulders that are
    far too narrow overrule a small estimate.

    Parameters
    ----------
    track
        Landmarks as estimated, not smoothed.
    leg_px
        Straight leg in pixels.
    frames : BoolArray, shape (T,)
        Frames to look at.

    Returns
    -------
    Yaw or None
        None when none of the signs was measured.
    """
    signs: list[tuple[float, float]] = []
    if track.world_m is not None:
        for part, part_sd_deg in _WORLD_SD_DEG.items():
            across = track.world_m[:, Joint[f"LEFT_{part}"]] - track.world_m[:, Joint[f"RIGHT_{part}"]]
            turned = _median_angle(across[frames, 0], across[frames, 2])
            if np.isfinite(turned):
                signs.append((_true_yaw(turned), part_sd_deg))
    feet = _feet_yaw(track, leg_px=leg_px, frames=frames)
    if np.isfinite(feet):
        signs.append((feet, _FEET_SD_DEG))
    if not signs:
        return None
    seen_deg, seen_sd_deg = _combine(signs)
    yaw_deg, sd_deg = _as_set_up(seen_deg, seen_sd_deg)
    yaw = _overrule_narrow(track, yaw_deg, sd_deg, leg_px=leg_px, frames=frames)
    return replace(yaw, apparent_deg=abs(seen_deg) + _GATE_SDS * seen_sd_deg)


def _combine(signs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the weighted mean of estimates, and a standard error that their disagreement widens."""
    values, sds = np.array(signs).T
    weights = sds**-2.0
    mean = float(np.sum(weights * values) / np.sum(weights))
    inner = float(np.sum(weights) ** -0.5)
    excess = float(np.sqrt(np.sum(weights * (values - mean) ** 2) / max(1, values.size - 1)))
    return mean, inner * max(1.0, excess)


def _as_set_up(yaw_deg: float, sd_deg: float) -> tuple[float, float]:
    """Return estimate and error after what is known beforehand: most athletes are put square to the camera.

    The mean and spread of the posterior under a mixture of those who were (`_SQUARE_SD_DEG`) and those who were not:
    a degree of apparent yaw is mostly noise, eight degrees are not. An estimate that is poor by itself is left alone:
    what was known beforehand would decide, and a turned athlete would pass for square.
    """
    if sd_deg > _POOR_SD_DEG:
        return yaw_deg, sd_deg
    means, variances, weights = [], [], []
    for prior_sd, share in ((_SQUARE_SD_DEG, _SQUARE_SHARE), (_TURNED_SD_DEG, 1.0 - _SQUARE_SHARE)):
        kept = prior_sd**2 / (prior_sd**2 + sd_deg**2)
        spread = float(np.hypot(prior_sd, sd_deg))
        means.append(kept * yaw_deg)
        variances.append(kept * sd_deg**2)
        weights.append(share / spread * float(np.exp(-0.5 * (yaw_deg / spread) ** 2)))
    weight = np.array(weights) / sum(weights)
    mean = float(weight @ means)
    return mean, float(np.sqrt(weight @ (np.array(variances) + (np.array(means) - mean) ** 2)))


def _true_yaw(world_deg: float) -> float:
    """Return the yaw that a turn in the model's own space stands for."""
    size = abs(world_deg)
    return float(np.sign(world_deg) * (np.interp(size, _WORLD_DEG, _TRUE_DEG) if size <= 90.0 else size))


def _median_angle(across: FloatArray, depth: FloatArray) -> float:
    """Return the median direction of a line from right to left, degrees; NaN when never measured."""
    good = np.isfinite(across) & np.isfinite(depth)
    if not good.any():
        return float("nan")
    length = np.hypot(across[good], depth[good])
    return float(np.degrees(np.arctan2(np.median(depth[good] / length), np.median(across[good] / length))))


def _feet_yaw(track: PoseTrack, *, leg_px: float, frames: BoolArray) -> float:
    """Return the yaw from the way both feet point in the picture, degrees; NaN when never measured."""
    pointing = [
        track.xy_px[frames, Joint[f"{side}_FOOT_INDEX"], 0] - track.xy_px[frames, Joint[f"{side}_HEEL"], 0]
        for side in ("LEFT", "RIGHT")
    ]
    mean = 0.5 * (pointing[0] + pointing[1]) / leg_px
    if not np.isfinite(mean).any():
        return float("nan")
    return float(np.degrees(np.arcsin(np.clip(np.nanmedian(mean) / _FOOT_LEGS, -1.0, 1.0))))


def _overrule_narrow(
    track: PoseTrack, yaw_deg: float, sd_deg: float, *, leg_px: float, frames: BoolArray
) -> Yaw:
    """Return the yaw, replaced by the one the shoulders' width asks for when they are far too narrow."""
    width = track.xy_px[frames, Joint.LEFT_SHOULDER, 0] - track.xy_px[frames, Joint.RIGHT_SHOULDER, 0]
    if np.isfinite(width).any():
        share = float(np.nanmedian(width)) / leg_px / _SHOULDERS_LEGS
        if share < -0.3 and abs(yaw_deg) < 60.0:
            return Yaw(yaw_deg=180.0 - yaw_deg, sd_deg=max(sd_deg, 10.0))
        narrow_deg = float(np.degrees(np.arccos(np.clip(share, 0.0, 1.0))))
        if share < _NARROW and abs(yaw_deg) < 0.6 * narrow_deg:
            return Yaw(yaw_deg=float(np.copysign(narrow_deg, yaw_deg)), sd_deg=max(sd_deg, 10.0))
    return Yaw(yaw_deg=yaw_deg, sd_deg=sd_deg)
