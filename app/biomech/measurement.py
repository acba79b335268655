"""The frontal numbers of one landing, each at its instant and with its standard error."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.biomech import metrics
from app.biomech.frontal_plane import FrontalPlane
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.landing import Landing
from app.biomech.metrics import ErrorModel, Value, peak_in, slope_at, value_at
from app.biomech.types import FloatArray, Kinematics, Side
from app.biomech.view import Yaw

PEAK_TAIL = 0.20
"""The window of the peak goes on for this share of the contact after the lowest point (method section 2.3)."""


@dataclass(frozen=True, kw_only=True)
class LandingMeasurement:
    """The numbers of one landing; everything is computed once, when first asked for."""

    paths: BodyPaths
    landing: Landing
    kinematics: Kinematics
    plane: FrontalPlane

    @cached_property
    def errors(self) -> ErrorModel:
        """Standard errors of this clip."""
        return ErrorModel(paths=self.paths, yaw=self.yaw, model=self.plane.model)

    @property
    def yaw(self) -> Yaw:
        """The athlete's turn."""
        return self.plane.yaw

    @property
    def time_s(self) -> FloatArray:
        """Frame times."""
        return self.kinematics.time_s

    @cached_property
    def contact_s(self) -> dict[Side, float]:
        """Instant of contact per side; a foot whose contact was not found takes the other's."""
        known = {side: instant.time_s for side, instant in self.landing.contact.items()}
        return {side: known.get(side, next(iter(known.values()))) for side in SIDES}

    @property
    def lowest_s(self) -> float:
        """Instant of the lowest hips."""
        return self.landing.lowest.time_s

    @cached_property
    def window_s(self) -> tuple[float, float]:
        """Where the peak is looked for."""
        start = min(self.contact_s.values())
        last = self.landing.last_take_off
        contact = (last.time_s if last else self.lowest_s + (self.lowest_s - start)) - start
        return start, self.lowest_s + PEAK_TAIL * contact

    def fppa(self, side: Side) -> FloatArray:
        """Return the angle over time of one knee, or the mean of both."""
        if side is Side.BOTH:
            return metrics.mean_of_sides(self.fppa(Side.LEFT), self.fppa(Side.RIGHT))
        return self.kinematics.series[f"fppa_{side.value}_deg"]

    def peak(self, side: Side) -> tuple[float, float]:
        """Return instant and value of the largest FPPA."""
        start, stop = self.window_s
        return peak_in(self.time_s, self.fppa(side), start_s=start, stop_s=stop)

    def fppa_at_contact(self, side: Side) -> Value:
        """Return the angle at the side's own contact; for both, the mean of the two."""
        sides = SIDES if side is Side.BOTH else (side,)
        at = {s: self.contact_s[s] for s in sides}
        values = [value_at(self.time_s, self.fppa(s), t) for s, t in at.items()]
        timing = [slope_at(self.time_s, self.fppa(s), t) * self._contact_sd_s(s) for s, t in at.items()]
        timing_deg = float(np.sqrt(np.sum(np.square(timing)))) / len(timing)
        se = self.errors.fppa_se(at, timing_deg=timing_deg)
        return self._gated(side, Value(value=float(np.mean(values)), se=se), at[sides[0]])

    def _contact_sd_s(self, side: Side) -> float:
        instant = self.landing.contact.get(side)
        return 0.03 if instant is None else instant.sd_s

    def fppa_at(self, side: Side, at_s: float, *, sd_s: float) -> Value:
        """Return the angle at one instant, for one knee or the mean of both."""
        sides = SIDES if side is Side.BOTH else (side,)
        series = self.fppa(side)
        timing = slope_at(self.time_s, series, at_s) * sd_s
        se = self.errors.fppa_se(dict.fromkeys(sides, at_s), timing_deg=timing)
        return self._gated(side, Value(value=value_at(self.time_s, series, at_s), se=se), at_s)

    def _gated(self, side: Side, value: Value, at_s: float) -> Value:
        """Return a value of one knee; from a turned athlete, with the false angle of the turn in its error.

        Such a value is right for the picture and says little of the knee: `fppa_frontal` does.
        """
        return value if self.yaw.is_square else self.with_yaw_error(side, value, at_s)

    def fppa_peak(self, side: Side) -> Value | None:
        """Return the largest angle in the window; jitter's upward pull is in the error."""
        at_s, value = self.peak(side)
        if not np.isfinite(value):
            return None
        sides = SIDES if side is Side.BOTH else (side,)
        pull = float(np.mean([self.errors.fppa_jitter_deg(s, at_s) for s in sides]))
        se = self.errors.fppa_se(dict.fromkeys(sides, at_s), timing_deg=pull)
        return self._gated(side, Value(value=value, se=se), at_s)

    def displacement(self, side: Side) -> Value | None:
        """Return the rise of FPPA from contact to its peak (knee valgus displacement)."""
        at_s, value = self.peak(side)
        if not np.isfinite(value):
            return None
        sides = SIDES if side is Side.BOTH else (side,)
        start = {s: self.contact_s[s] for s in sides}
        timing = [slope_at(self.time_s, self.fppa(s), t) * self._contact_sd_s(s) for s, t in start.items()]
        se = self.errors.fppa_change_se(
            start,
            dict.fromkeys(sides, at_s),
            timing_deg=float(np.sqrt(np.sum(np.square(timing)))) / len(timing),
        )
        return self._gated(side, Value(value=value - self.fppa_at_contact(side).value, se=se), at_s)

    def frontal(self, side: Side) -> FloatArray:
        """Return the angle over time in the athlete's own frontal plane, of one knee or the mean of both."""
        if side is Side.BOTH:
            return metrics.mean_of_sides(self.frontal(Side.LEFT), self.frontal(Side.RIGHT))
        return self.kinematics.series[f"fppa_frontal_{side.value}_deg"]

    def frontal_at(self, side: Side, at_s: float, *, sd_s: float) -> Value:
        """Return the angle in the athlete's own frontal plane at one instant."""
        series = self.frontal(side)
        timing = slope_at(self.time_s, series, at_s) * sd_s
        return Value(
            value=value_at(self.time_s, series, at_s), se=self._frontal_se(side, at_s, timing_deg=timing)
        )

    def frontal_peak(self, side: Side) -> Value | None:
        """Return the largest angle in the athlete's own frontal plane; jitter's upward pull is in the error."""
        start, stop = self.window_s
        at_s, value = peak_in(self.time_s, self.frontal(side), start_s=start, stop_s=stop)
        if not np.isfinite(value):
            return None
        sides = SIDES if side is Side.BOTH else (side,)
        pull = float(np.mean([self.errors.fppa_jitter_deg(s, at_s) for s in sides]))
        return Value(value=value, se=self._frontal_se(side, at_s, timing_deg=pull))

    def _frontal_se(self, side: Side, at_s: float, *, timing_deg: float) -> float:
        """Return the error of the picture's angle, with what yaw and lens can change added."""
        sides = SIDES if side is Side.BOTH else (side,)
        parts = [self._plane_se_deg[s] for s in sides]
        by_yaw, by_lens = (
            float(np.mean([value_at(self.time_s, part[k], at_s) for part in parts])) for k in (0, 1)
        )
        at = dict.fromkeys(sides, at_s)
        picture, depth = self.errors.fppa_se(at, timing_deg=timing_deg), self.errors.depth_deg(at)
        return float(np.sqrt(picture**2 + by_yaw**2 + by_lens**2 + depth**2))

    @cached_property
    def _plane_se_deg(self) -> dict[Side, tuple[FloatArray, FloatArray]]:
        return {side: self.plane.fppa_se_deg(side) for side in SIDES}

    def ratio_at(self, at_s: float, *, sd_s: float) -> Value:
        """Return the knee-ankle separation ratio at an instant."""
        series = self.kinematics.series["knee_ankle_separation_ratio"]
        timing = slope_at(self.time_s, series, at_s) * sd_s
        return Value(value=value_at(self.time_s, series, at_s), se=self.errors.ratio_se(at_s, timing=timing))

    def least_ratio(self) -> Value:
        """Return the smallest ratio in the window."""
        series = self.kinematics.series["knee_ankle_separation_ratio"]
        start, stop = self.window_s
        at_s, value = peak_in(self.time_s, series, start_s=start, stop_s=stop, sign=-1.0)
        return Value(value=value, se=self.errors.ratio_se(at_s) if np.isfinite(at_s) else float("nan"))

    def lean_at(self, at_s: float, *, sd_s: float) -> Value:
        """Return the trunk's lateral lean at an instant, positive to the athlete's left."""
        series = self.kinematics.series["trunk_lean_deg"]
        timing = slope_at(self.time_s, series, at_s) * sd_s
        return Value(value=value_at(self.time_s, series, at_s), se=self.errors.lean_se(timing_deg=timing))

    def largest_lean(self) -> Value:
        """Return the lean furthest from upright between contact and the lowest point, with its sign."""
        series = self.kinematics.series["trunk_lean_deg"]
        start = min(self.contact_s.values())
        at_s, size = peak_in(self.time_s, np.abs(series), start_s=start, stop_s=self.lowest_s)
        sign = np.sign(value_at(self.time_s, series, at_s))
        return Value(value=float(sign * size), se=self.errors.lean_se())

    def knee_separation_px(self) -> FloatArray:
        """Return the horizontal distance between the knees over time, pixels at the ankles' distance."""
        return self.plane.knee_separation_px()

    def knee_separation_at(self, at_s: float) -> float:
        """Return the horizontal distance between the knees at an instant, pixels."""
        return value_at(self.time_s, self.knee_separation_px(), at_s)

    def least_knee_separation_s(self) -> float:
        """Return when the knees are closest to each other in the window."""
        start, stop = self.window_s
        return peak_in(self.time_s, self.knee_separation_px(), start_s=start, stop_s=stop, sign=-1.0)[0]

    def thigh_share(self, side: Side) -> float:
        """Return the projected thigh at the lowest point over its full length; 1 where it was not measured."""
        hip, knee, _ = self.paths.leg(side)
        length = value_at(self.time_s, np.hypot(*(knee - hip).T), self.lowest_s)
        return length / self.paths.thigh_px if np.isfinite(length) else 1.0

    def with_yaw_error(self, side: Side, value: Value, at_s: float) -> Value:
        """Return a value of one knee with the false angle that yaw can put on it in its error (method section 3.2)."""
        if side is Side.BOTH:
            return value
        return Value(value=value.value, se=float(np.hypot(value.se, self.errors.yaw_deg(side, at_s))))

    def score_side(self, *, limit_deg: float) -> Side:
        """Return the knee with the larger displacement where yaw allows side values, else both."""
        false_deg = max(self.errors.yaw_deg(side, self.lowest_s) for side in SIDES)
        left, right = self.displacement(Side.LEFT), self.displacement(Side.RIGHT)
        if not false_deg <= limit_deg or left is None or right is None:
            return Side.BOTH
        return Side.LEFT if left.value >= right.value else Side.RIGHT
