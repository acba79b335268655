"""Placing the instants of a drop landing and of the jump after it, per foot and between frames."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from app.biomech import events, signals
from app.biomech.corrections import EventKey
from app.biomech.events import Instant
from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.phases import LandingPhases, Refusal, coarse_paths, find_landing
from app.biomech.scale import LEG_OF_STATURE
from app.biomech.types import EventName, FloatArray, Side, TrialContext

GRAVITY_M_S2 = 9.81
USUAL_STATURE_M = 1.70
CLEARANCE_LEGS = 0.03
"""Height from which a foot counts as airborne in the fit, 2.5 cm [P]."""
BOX_BAND_LEGS = 0.03
BOX_LEVEL_S = (0.25, 0.08)
"""Before the last frame near the box's level: where the foot stood when it left, which takes 70 ms to show [P]."""
_STILL_S = 0.05
STAND_S = 0.15
"""Least time on the box before the drop for leaving it to be placed [P]."""
MIN_LEAD_S = 0.5
"""A video that starts less than this before contact starts too late [P]: the fall alone takes 0.25 s."""
STEP_OFF_SD_S = 0.020
"""A fall starts slowly, and one foot usually leaves before the other [D, own rendered drop jumps]."""
SLOW_MOTION_FACTORS = (1.0, 2.0, 4.0, 8.0)
"""Exports that phones make: 60, 120 or 240 Hz played at 30 Hz."""
GRAVITY_TOLERANCE_KNOWN = 1.45
GRAVITY_TOLERANCE_GUESSED = 1.6
"""How far the fall may be from gravity's, as a ratio, with stature known or only usual [P]: method
section 1.1 asks for 20 %; hips are not the centre of mass and the athlete comes nearer, so more is
allowed. A file slowed twice reads 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Everything that was found of a drop landing; times on the clock of the video."""

    step_off: Instant | None
    contact: dict[Side, Instant]
    lowest: Instant
    take_off: dict[Side, Instant]
    second_contact: dict[Side, Instant]
    box_px: float
    """Height of the box in the picture, perspective included."""
    slow_factor: float | None
    """How many times slower than real the video runs, where the fall does not fit gravity; else None."""
    starts_in_view: bool
    """The video shows some time before the drop."""
    rise_px: float
    """Rise of the hips from take-off to the highest point; NaN without a flight."""

    @property
    def first_contact(self) -> Instant:
        """Contact of the foot that lands first."""
        return min(self.contact.values(), key=lambda instant: instant.time_s)

    @property
    def last_take_off(self) -> Instant | None:
        """Take-off of the foot that leaves last."""
        return max(self.take_off.values(), key=lambda instant: instant.time_s, default=None)

    @property
    def first_second_contact(self) -> Instant | None:
        """Second contact of the foot that lands first."""
        return min(self.second_contact.values(), key=lambda instant: instant.time_s, default=None)

    @property
    def is_in_order(self) -> bool:
        """Both feet touch before the lowest point, leave after it, and touch again after that."""
        groups = [
            [] if self.step_off is None else [self.step_off],
            list(self.contact.values()),
            [self.lowest],
            list(self.take_off.values()),
            list(self.second_contact.values()),
        ]
        spans = [sorted(instant.time_s for instant in group) for group in groups if group]
        return all(before[-1] < after[0] for before, after in pairwise(spans))


def gravity_px_s2(paths: BodyPaths, context: TrialContext) -> float:
    """Return gravity in pixels per second squared, from stature where known, else from usual proportions."""
    stature_m = USUAL_STATURE_M if context.stature_cm is None else context.stature_cm / 100.0
    return GRAVITY_M_S2 * paths.leg_px / (LEG_OF_STATURE * stature_m)


def locate_landing(paths: BodyPaths, context: TrialContext) -> Landing | Refusal:
    """Return the landing of a clip, or why there is none.

    A slow-motion export is looked for by trying the factors phones use and asking which of them makes
    the flight fall as gravity does.
    """
    if not np.isfinite(paths.leg_px):
        return Refusal.NOT_TRACKED
    refusal: Refusal | None = None
    unsure: Landing | None = None
    for factor in SLOW_MOTION_FACTORS:
        time_s = paths.time_s / factor
        coarse = coarse_paths(paths, time_s=time_s)
        found = Refusal.NOT_TRACKED if coarse is None else find_landing(coarse)
        if isinstance(found, Refusal):
            refusal = refusal or found
            continue
        landing, ratio = _place(paths, context, time_s=time_s, phases=found)
        if landing is None:
            continue
        limit = GRAVITY_TOLERANCE_GUESSED if context.stature_cm is None else GRAVITY_TOLERANCE_KNOWN
        if ratio is None:
            if factor == 1.0:  # nothing speaks against the clock of the video
                return _stretched(landing, factor, is_real=True)
            continue
        if 1.0 / limit <= ratio <= limit:
            return _stretched(landing, factor, is_real=factor == 1.0)
        slow = factor * float(np.sqrt(1.0 / max(ratio, 1e-3)))
        unsure = unsure or replace(_stretched(landing, factor, is_real=True), slow_factor=slow)
    return unsure or refusal or Refusal.NO_LANDING


def place_by_hand(landing: Landing, placed: Mapping[EventKey, Instant]) -> Landing:
    """Return the landing with the instants that a person placed instead of those that were found."""
    both = {name: instant for (name, side, _), instant in placed.items() if side is Side.BOTH}

    def feet(name: EventName, found: dict[Side, Instant]) -> dict[Side, Instant]:
        by_hand = {side: placed[name, side, None] for side in SIDES if (name, side, None) in placed}
        return {side: instant for side in SIDES if (instant := (found | by_hand).get(side)) is not None}

    return replace(
        landing,
        step_off=both.get(EventName.STEP_OFF, landing.step_off),
        contact=feet(EventName.INITIAL_CONTACT, landing.contact),
        lowest=both.get(EventName.PEAK_KNEE_FLEXION, landing.lowest),
        take_off=feet(EventName.TAKE_OFF, landing.take_off),
        second_contact=feet(EventName.SECOND_CONTACT, landing.second_contact),
    )


def _stretched(landing: Landing, factor: float, *, is_real: bool) -> Landing:
    """Return the landing with its times back on the clock of the video."""

    def stretch(instant: Instant) -> Instant:
        return Instant(
            time_s=instant.time_s * factor,
            sd_s=instant.sd_s * factor,
            disagreement_s=instant.disagreement_s * factor,
        )

    return replace(
        landing,
        step_off=None if landing.step_off is None else stretch(landing.step_off),
        contact={side: stretch(instant) for side, instant in landing.contact.items()},
        lowest=stretch(landing.lowest),
        take_off={side: stretch(instant) for side, instant in landing.take_off.items()},
        second_contact={side: stretch(instant) for side, instant in landing.second_contact.items()},
        slow_factor=None if is_real else factor,
    )


def _place(
    paths: BodyPaths, context: TrialContext, *, time_s: FloatArray, phases: LandingPhases
) -> tuple[Landing | None, float | None]:
    """Return the landing with its instants, and the fall's acceleration over gravity's where measurable."""
    placer = _Placer(paths=paths, time_s=time_s, phases=phases, gravity=gravity_px_s2(paths, context))
    contact = {side: instant for side in SIDES if (instant := placer.contact(side)) is not None}
    if not contact:
        return None, None
    take_off = {side: instant for side in SIDES if (instant := placer.take_off(side)) is not None}
    first_s = min(instant.time_s for instant in contact.values())
    last_s = max((instant.time_s for instant in take_off.values()), default=time_s[phases.lowest] + 0.3)
    second = {side: instant for side in SIDES if (instant := placer.second_contact(side)) is not None}
    lowest = placer.lowest(first_s, last_s)
    if lowest is None:
        return None, None
    step_off = placer.step_off(first_s)
    landing = Landing(
        step_off=step_off,
        contact=contact,
        lowest=lowest,
        take_off=take_off,
        second_contact=second,
        box_px=phases.box_legs * paths.leg_px,
        slow_factor=None,
        starts_in_view=first_s - float(time_s[0]) > MIN_LEAD_S,
        rise_px=placer.rise_px(last_s) if take_off else float("nan"),
    )
    return landing, placer.gravity_ratio(last_s if take_off else None, second, first_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placer:
    """Places single instants; times are on the clock given, which may run faster than the video's."""

    paths: BodyPaths
    time_s: FloatArray
    phases: LandingPhases
    gravity: float

    def _height(self, side: Side, part: str = "FOOT_INDEX") -> FloatArray:
        return -self.paths.foot(side, part)[:, 1]

    def _level(self, path: FloatArray, start_s: float, stop_s: float) -> float:
        """Return the median of a path in a window, NaN when nothing was measured there."""
        inside = path[(self.time_s >= start_s) & (self.time_s <= stop_s)]
        inside = inside[np.isfinite(inside)]
        return float(np.median(inside)) if inside.size else float("nan")

    def _cross(
        self, side: Side, *, floor: float, start_s: float, stop_s: float, landing: bool
    ) -> Instant | None:
        """Return the floor crossing of the toe in a window, checked against the foot's sudden stop."""
        inside = (self.time_s > start_s) & (self.time_s < stop_s)
        height = self._height(side) - floor
        # A filled gap is a straight line where the foot fell or stood: no path of a fall.
        measured = self.paths.measured[:, Joint[f"{side.name}_FOOT_INDEX"]]
        found = events.find_floor_crossing(
            self.time_s[inside],
            np.where(measured, height, np.nan)[inside],
            clearance=CLEARANCE_LEGS * self.paths.leg_px,
            gravity=self.gravity,
            noise=self.paths.jitter_px,
            landing=landing,
        )
        return None if found is None else self._checked(found, height)

    def _checked(self, found: Instant, height: FloatArray) -> Instant:
        """Return the instant with its error widened when the second way disagrees (method section 2.2, 6)."""
        found = self._doubted(found)
        step_s = float(np.median(np.diff(self.time_s)))
        near = np.abs(self.time_s - found.time_s) < 0.3
        second = events.find_impact(self.time_s[near], height[near], around_s=found.time_s, within_s=0.06)
        if second is None:
            return found
        gap_s = abs(second - found.time_s)
        agrees = gap_s <= max(1.5 * step_s, 0.025)
        return replace(
            found, disagreement_s=gap_s, sd_s=found.sd_s if agrees else max(found.sd_s, 0.5 * gap_s)
        )

    def _doubted(self, found: Instant) -> Instant:
        """Return the instant with what a poor picture adds to its error."""
        return replace(found, sd_s=self.paths.doubt.instant_sd_s(found.sd_s))

    def contact(self, side: Side) -> Instant | None:
        """Return the first contact of one foot."""
        at_s = float(self.time_s[self.phases.contact])
        up_s = self._leaves_s()
        floor = self._level(self._height(side), at_s + 0.05, min(at_s + 0.20, up_s - 0.03))
        return self._cross(side, floor=floor, start_s=at_s - 0.4, stop_s=min(at_s + 0.12, up_s), landing=True)

    def _leaves_s(self) -> float:
        """Return the coarse take-off, or some time after the lowest point without one."""
        if self.phases.take_off is None:
            return float(self.time_s[self.phases.lowest] + 0.2)
        return float(self.time_s[self.phases.take_off])

    def take_off(self, side: Side) -> Instant | None:
        """Return when one foot leaves the floor for the rebound jump."""
        if self.phases.take_off is None:
            return None
        at_s, down_s = self._leaves_s(), float(self.time_s[self.phases.contact])
        floor = self._level(self._height(side), max(at_s - 0.15, down_s + 0.05), at_s - 0.02)
        return self._cross(side, floor=floor, start_s=at_s - 0.12, stop_s=at_s + 0.25, landing=False)

    def second_contact(self, side: Side) -> Instant | None:
        """Return when one foot comes back to the floor."""
        if self.phases.second_contact is None:
            return None
        at_s = float(self.time_s[self.phases.second_contact])
        floor = self._level(self._height(side), at_s + 0.05, at_s + 0.20)
        return self._cross(side, floor=floor, start_s=at_s - 0.25, stop_s=at_s + 0.12, landing=True)

    def lowest(self, start_s: float, stop_s: float) -> Instant | None:
        """Return when the trunk is lowest between contact and take-off: the proxy of peak knee flexion."""
        inside = (self.time_s >= start_s) & (self.time_s <= stop_s)
        # Hips alone look flat for 100 ms behind bent knees; the shoulders turn with them and are seen well.
        height = -0.5 * (self.paths.middle("HIP") + self.paths.middle("SHOULDER"))[:, 1]
        kept = signals.kept_noise_share(cutoff_hz=self.paths.cutoff_hz, rate_hz=self.paths.rate_hz)
        noise = self.paths.jitter_px * np.sqrt(kept)
        found = events.find_lowest_point(self.time_s[inside], height[inside], noise=float(noise))
        return None if found is None else self._doubted(found)

    def step_off(self, contact_s: float) -> Instant | None:
        """Return when the last foot leaves the box, None unless it was seen standing there before."""
        ends = []
        for side in SIDES:
            before = (self.time_s < contact_s - 0.05) & (
                np.arange(self.time_s.size) >= self.phases.descent_start
            )
            height = np.where(before, self._height(side), np.nan)
            level = _resting_level(height, band=BOX_BAND_LEGS * self.paths.leg_px)
            last = self._last_on_box(height - level)
            if last is None:
                continue
            # Where the foot stood at the end counts: it may have shifted, and only the end is read closely.
            at_s = float(self.time_s[last])
            level = self._level(height, at_s - BOX_LEVEL_S[0], at_s - BOX_LEVEL_S[1])
            last = self._last_on_box(height - level)
            if last is not None:
                ends.append(self._leaving_s(level - height, last))
        if not ends or max(ends) - float(self.time_s[self.phases.descent_start]) < STAND_S:
            return None
        step_s = float(np.median(np.diff(self.time_s)))
        return self._doubted(Instant(time_s=max(ends), sd_s=float(np.hypot(STEP_OFF_SD_S, 0.5 * step_s))))

    def _last_on_box(self, above: FloatArray) -> int | None:
        """Return the last frame in which a foot rests near height zero, None when it never does for long."""
        with np.errstate(invalid="ignore"):
            resting = np.abs(above) <= BOX_BAND_LEGS * self.paths.leg_px
        long = [
            stop - 1
            for start, stop in signals.contiguous_runs(resting)
            if self.time_s[stop - 1] - self.time_s[start] >= _STILL_S
        ]
        return long[-1] if long else None

    def _leaving_s(self, drop: FloatArray, last: int) -> float:
        """Return when a foot left the box, from its free fall after the last frame near the box's level.

        A fall starts so slowly that the foot is still near the box 70 ms after it has left it.
        """
        at_s = float(self.time_s[last])
        inside = (self.time_s >= at_s) & (self.time_s <= at_s + 0.1) & np.isfinite(drop)
        if np.count_nonzero(inside) < events.MIN_FIT_SAMPLES:
            return at_s
        t = self.time_s[inside] - at_s
        speed, start = np.polyfit(t, drop[inside] - 0.5 * self.gravity * t**2, 1)
        left = (-speed + np.sqrt(max(speed**2 - 2.0 * self.gravity * start, 0.0))) / self.gravity
        return at_s + float(np.clip(left, -0.1, 0.02))

    def rise_px(self, take_off_s: float) -> float:
        """Return the rise of the hips from take-off to their highest point in the second flight."""
        height = -self.paths.middle("HIP")[:, 1]
        flight = height[(self.time_s >= take_off_s) & (self.time_s <= take_off_s + 0.5)]
        start = np.interp(take_off_s, self.time_s, height)
        return float(np.nanmax(flight) - start) if np.isfinite(flight).any() else float("nan")

    def gravity_ratio(
        self, take_off_s: float | None, second: dict[Side, Instant], contact_s: float
    ) -> float | None:
        """Return how fast the hips fall over how fast gravity asks, 1 in a true recording.

        The whole second flight where it is in the clip, else the last 0.12 s before first contact.
        """
        height = -self.paths.middle("HIP", raw=True)[:, 1]
        if take_off_s is not None:
            end_s = min((instant.time_s for instant in second.values()), default=float(self.time_s[-1]))
            start_s = take_off_s + 0.03
        else:
            start_s, end_s = contact_s - 0.12, contact_s
        inside = (self.time_s >= start_s) & (self.time_s <= end_s - 0.03)
        fit = events.fit_acceleration(self.time_s[inside], height[inside])
        if fit is None or fit[1] > 0.2 * self.gravity or np.ptp(self.time_s[inside]) < 0.1:
            return None
        return max(-fit[0], 0.0) / self.gravity


def _resting_level(height: FloatArray, *, band: float) -> float:
    """Return the height at which a path stays longest: the fullest bin of one band's width, NaN when empty."""
    known = height[np.isfinite(height)]
    if known.size == 0:
        return float("nan")
    known = np.sort(known)
    counts = np.searchsorted(known, known + band, side="right") - np.searchsorted(known, known - band)
    centre = float(np.median(known[counts == counts.max()]))
    return float(np.median(known[np.abs(known - centre) <= band]))
