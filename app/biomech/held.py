"""What landings that are held have in common: how long, without a step, and how quietly."""

import numpy as np

from app.biomech.kinematics import BodyPaths
from app.biomech.metrics import Value
from app.biomech.quality import make_finding
from app.biomech.types import QualityFinding, Side

HOLD_S = 1.5
"""The protocols ask for two seconds; less than this in the video is no hold [P]."""
SETTLE_S = 0.5
"""Sway is read from so long after the lowest point [P]."""
STEP_LEGS = 0.10
"""Way of a foot on the floor from which it stepped or hopped [P]."""
SWAY_SD_LEGS = 0.002


def check_hold(
    paths: BodyPaths, *, contact_s: float, lowest_s: float, legs: tuple[Side, ...]
) -> list[QualityFinding]:
    """Return whether the landing was held, on the feet it was made on and without a step."""
    t = paths.time_s
    known = np.flatnonzero(np.isfinite(paths.middle("HIP")[:, 0]))
    shown_s = float(t[known[-1]]) - contact_s if known.size else 0.0
    findings = [make_finding("hold_too_short", held_s=shown_s)] if shown_s < HOLD_S else []
    held = (t > lowest_s) & (t <= contact_s + 2.0)
    for side in legs:
        foot = paths.foot(side, "ANKLE")[held] / paths.leg_px
        foot = foot[np.isfinite(foot).all(axis=1)]
        if foot.size and float(np.max(np.ptp(foot, axis=0))) > STEP_LEGS:
            return [*findings, make_finding("landing_not_held")]
    return findings


def sway(paths: BodyPaths, *, lowest_s: float) -> Value | None:
    """Return the hips' sideways unrest while holding: standard deviation in per cent of the leg.

    None with less than half a second of it.
    """
    held = (paths.time_s >= lowest_s + SETTLE_S) & (paths.time_s <= lowest_s + SETTLE_S + 1.5)
    x = paths.middle("HIP")[held, 0] / paths.leg_px
    x = x[np.isfinite(x)]
    if x.size < max(5.0, 0.5 * paths.rate_hz):
        return None
    return Value(value=100.0 * float(np.std(x)), se=100.0 * SWAY_SD_LEGS)
