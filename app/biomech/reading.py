"""Which stretches of a clip must be read closely, decided from a coarse track of it.

A measurement rests on few frames: the last part of the fall, the contact, the second landing. Everything else only
says what happened when, and ten looks a second are enough for that. A movement that cannot say which stretches it
needs has all of it read.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.biomech.kinematics import prepare_paths
from app.biomech.landing import SLOW_MOTION_FACTORS
from app.biomech.phases import CoarsePaths, LandingPhases, coarse_paths, find_landing
from app.biomech.types import FloatArray, PoseTrack

EVENT_RATE_HZ = 120.0
"""Frames a second of a landing: twice what its angles are smoothed at leaves nothing out [P]."""
EVENT_S = 0.06
"""Either side of a contact, a take-off and the lowest point every frame is read: `events.find_impact` looks that far, and
what is measured at an instant rests on the frames that its smoothing reaches: half of them are half a degree apart at
240 Hz with 3 mm of jitter."""
BOX_S, BOX_RATE_HZ = 0.35, 20.0
"""The feet's last rest on the box, which the step-off is placed against; `landing.BOX_LEVEL_S` and the coarse doubt [P]."""
LEAVING_S, LEFT_S, LEAVING_RATE_HZ = 0.10, 0.12, 30.0
"""Around the coarse step-off: a fall starts slowly, and is placed to 20 ms at best [P]."""
FALL_RATE_HZ = 30.0
"""The free fall between step-off and contact, seen plain: nothing is measured in it [P]."""
BEFORE_CONTACT_S = 0.15
"""Twice the longest path that a contact is placed by, less what a foot can be off: `events.FIT_WINDOW_S` and the
doubt of the coarse contact [P]."""
AFTER_TAKE_OFF_S = 0.14
"""The same for the foot that leaves last, 30 ms after the coarse take-off [P]."""
AFTER_SECOND_CONTACT_S = 0.10
LEVEL_S, LEVEL_RATE_HZ = 0.20, 30.0
"""After a second contact: the floor's level is a median over this long, `landing._Placer.second_contact`."""
HELD_LANDING_S = 1.0
"""Read after a contact that no jump follows."""
_LEAST_RATE_HZ = 15.0
"""On the clock of the video, so that `signals.MAX_GAP_S` is never between two readings."""
_OFF_LEGS = 0.05
"""A foot this far below where it stood has left the box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSpan:
    """A stretch of a clip to be read closely, on the clock of the video."""

    start_s: float
    stop_s: float
    rate_hz: float = float("inf")
    """At most so many frames a second; every frame when the video has no more."""
    mirrored: bool = True
    """Read twice, as it is and mirrored, for the mean of both: half the error. False where only the way counts."""


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
        found = None if coarse is None else find_landing(coarse)
        if coarse is not None and isinstance(found, LandingPhases):
            return _Landing(phases=found, coarse=coarse, time_s=paths.time_s, factor=factor).spans()
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Landing:
    """A landing seen coarsely; times are on the clock of the video, `factor` times slower than real ones."""

    phases: LandingPhases
    coarse: CoarsePaths
    time_s: FloatArray
    factor: float

    def spans(self) -> tuple[ReadSpan, ...]:
        """Return the step-off, the fall, the contact, the lowest point, and the second landing."""
        contact_s = float(self.time_s[self.phases.contact])
        if self.phases.take_off is None:
            stop_s = float(self.time_s[self.phases.lowest]) + HELD_LANDING_S * self.factor
        else:
            stop_s = float(self.time_s[self.phases.take_off]) + AFTER_TAKE_OFF_S * self.factor
        spans = [
            *self._leaving(contact_s),
            self._span(contact_s, -BEFORE_CONTACT_S, stop_s=stop_s, rate_hz=EVENT_RATE_HZ),
            self._span(contact_s, -EVENT_S, EVENT_S),
            self._span(float(self.time_s[self.phases.lowest]), -EVENT_S, EVENT_S),
        ]
        if self.phases.take_off is not None:
            spans.append(self._span(float(self.time_s[self.phases.take_off]), -EVENT_S, EVENT_S))
        if self.phases.second_contact is not None:
            again_s = float(self.time_s[self.phases.second_contact])
            spans += [
                self._span(again_s, -BEFORE_CONTACT_S, AFTER_SECOND_CONTACT_S, rate_hz=EVENT_RATE_HZ),
                self._span(again_s, -EVENT_S, EVENT_S),
                self._span(again_s, AFTER_SECOND_CONTACT_S, LEVEL_S, rate_hz=LEVEL_RATE_HZ),
            ]
        return tuple(spans)

    def _leaving(self, contact_s: float) -> list[ReadSpan]:
        """Return the last stand on the box, the step-off and the fall."""
        left_s = self._left_box_s()
        before_s = contact_s - BEFORE_CONTACT_S * self.factor
        return [
            self._span(left_s, -BOX_S, -LEAVING_S, rate_hz=BOX_RATE_HZ),
            self._span(left_s, -LEAVING_S, LEFT_S, rate_hz=LEAVING_RATE_HZ),
            self._span(left_s, LEFT_S, stop_s=before_s, rate_hz=FALL_RATE_HZ, mirrored=False),
        ]

    def _left_box_s(self) -> float:
        """Return about when the last foot is clearly below where it stood on the box."""
        start, contact = self.phases.descent_start, self.phases.contact
        last = start
        for path in self.coarse.feet.values():
            height = path[start : contact + 1]
            if np.isfinite(height).any():
                standing = height > np.nanmax(height) - 2.0 * _OFF_LEGS
                on_box = np.flatnonzero(height > np.nanmedian(height[standing]) - _OFF_LEGS)
                last = max(last, start + int(on_box[-1]))
        return float(self.time_s[last])

    def _span(
        self,
        at_s: float,
        start_s: float,
        after_s: float = 0.0,
        *,
        stop_s: float | None = None,
        rate_hz: float = float("inf"),
        mirrored: bool = True,
    ) -> ReadSpan:
        """Return a stretch around an instant, in real seconds from it, or to a time of the video."""
        return ReadSpan(
            start_s=at_s + start_s * self.factor,
            stop_s=at_s + after_s * self.factor if stop_s is None else stop_s,
            rate_hz=max(rate_hz / self.factor, _LEAST_RATE_HZ),
            mirrored=mirrored,
        )
