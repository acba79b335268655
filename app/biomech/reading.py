"""Which stretches of a clip must be read closely, decided from a coarse track of it.

A measurement rests on few frames: the last part of the fall, the contact, the second landing. Everything else only
says what happened when, and ten looks a second are enough for that. A movement that cannot say which stretches it
needs has all of it read.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.biomech.kinematics import prepare_paths
from app.biomech.landing import GRAVITY_M_S2, SLOW_MOTION_FACTORS, USUAL_STATURE_M
from app.biomech.phases import LandingPhases, Refusal, coarse_paths, find_landing
from app.biomech.scale import LEG_OF_STATURE
from app.biomech.types import FloatArray, PoseTrack

FALL_RATE_HZ = 60.0
"""Frames a second that the start of a fall is read at: it is slow, and placed to 20 ms at best [P]."""
STEP_S = 0.30
"""Before the fall itself: the last foot leaves the box within this [P]."""
BEFORE_CONTACT_S = 0.15
"""Twice the longest path that a contact is placed by, less what a foot can be off: `events.FIT_WINDOW_S` and the
doubt of the coarse contact [P]."""
AFTER_TAKE_OFF_S = 0.11
AFTER_SECOND_CONTACT_S = 0.20
"""The floor's level after it, `landing._Placer.second_contact`, rests on what follows it closely [P]."""
HELD_LANDING_S = 1.0
"""Read after a contact that no jump follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSpan:
    """A stretch of a clip to be read closely, on the clock of the video."""

    start_s: float
    stop_s: float
    rate_hz: float = float("inf")
    """At most so many frames a second; every frame when the video has no more."""


PlanReading = Callable[[PoseTrack], tuple[ReadSpan, ...] | None]


def plan_landing(track: PoseTrack) -> tuple[ReadSpan, ...] | None:
    """Return what a drop landing needs, None when none is seen.

    Parameters
    ----------
    track
        Coarse: ten looks a second, twenty while the hips rise or fall; NaN between.
    """
    paths = prepare_paths(track)
    if not np.isfinite(paths.leg_px):
        return None
    for factor in SLOW_MOTION_FACTORS:
        coarse = coarse_paths(paths, time_s=paths.time_s / factor)
        found = Refusal.NOT_TRACKED if coarse is None else find_landing(coarse)
        if isinstance(found, LandingPhases):
            return _landing_spans(found, time_s=paths.time_s, factor=factor)
    return None


def _landing_spans(phases: LandingPhases, *, time_s: FloatArray, factor: float) -> tuple[ReadSpan, ...]:
    """Return the fall, the contact, and the second landing."""
    contact_s = float(time_s[phases.contact])
    drop_m = phases.box_legs * LEG_OF_STATURE * USUAL_STATURE_M
    fall_s = float(np.sqrt(2.0 * drop_m / GRAVITY_M_S2))
    if phases.take_off is None:
        stop_s = float(time_s[phases.lowest]) + HELD_LANDING_S * factor
    else:
        stop_s = float(time_s[phases.take_off]) + AFTER_TAKE_OFF_S * factor
    spans = [
        ReadSpan(
            start_s=contact_s - (fall_s + STEP_S) * factor,
            stop_s=contact_s - BEFORE_CONTACT_S * factor,
            rate_hz=FALL_RATE_HZ,
        ),
        ReadSpan(start_s=contact_s - BEFORE_CONTACT_S * factor, stop_s=stop_s),
    ]
    if phases.second_contact is not None:
        again_s = float(time_s[phases.second_contact])
        spans.append(
            ReadSpan(
                start_s=again_s - BEFORE_CONTACT_S * factor, stop_s=again_s + AFTER_SECOND_CONTACT_S * factor
            )
        )
    return tuple(spans)
