"""Reading frontal numbers at any instant or window of any movement, each with its standard error.

The same error model as the drop jump's (`metrics.ErrorModel`), without anything that only a landing has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.biomech import metrics
from app.biomech.events import Instant
from app.biomech.frontal_plane import FrontalPlane
from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.metrics import ErrorModel, Value, peak_in, slope_at, value_at
from app.biomech.scale import Scale
from app.biomech.types import FloatArray, Kinematics, Movement, Side
from app.biomech.view import Yaw

PELVIS_LANDMARK_SD_DEG = 5.0
"""Hip landmarks hardly follow a tilted pelvis [D, own rendered single-leg squat: 8 deg read as 0 to 3]."""
MODEL_SD_DEG = 2.5
"""What the pose model adds to a knee away from landings, besides what was measured there [D, own rendered clips: with
the landmark model refitted without the clip, squats read 1.8 deg too much, somebody who stands 2.3 and a single-leg
squat up to 5 deg too little; too few clips for a correction of their own]. A movement without any clip has the middle."""
MODEL_SD_OF_DEG = {
    Movement.BILATERAL_SQUAT: 1.2,
    Movement.STANDING: 1.5,
    Movement.SINGLE_LEG_SQUAT: 4.0,
}
"""The same for movements of which there is a clip [D, what each asks for beside the errors of a landing]."""
MIN_THIGH_SHARE = 0.5
"""Projected over full thigh length below which the angle means nothing (method section 1.1)."""
NEARER_KNEES_SD = 0.08
"""Bent knees are 0.3 m nearer to a camera 4 m away than the legs that gave the scale [D]."""
KNEE_DISTANCE_SD = 0.03
"""What of that is left where it was taken off by how far the knees are in front of the ankles: the lens is not known,
and the depth of a knee is off by up to 0.1 leg lengths [D, own rendered clips: 1-3 %]."""


@dataclass(frozen=True, kw_only=True)
class FrontalMeasurement:
    """Frontal numbers of one clip; everything is computed once, when first asked for."""

    paths: BodyPaths
    kinematics: Kinematics
    plane: FrontalPlane
    scale: Scale | None = None
    model_sd_deg: float = MODEL_SD_DEG

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

    def fppa(self, side: Side) -> FloatArray:
        """Return the angle over time of one knee, or the mean of both; NaN where the thigh points at the camera."""
        return self._shallow(side, "fppa")

    def frontal(self, side: Side) -> FloatArray:
        """Return the same in the athlete's own frontal plane."""
        return self._shallow(side, "fppa_frontal")

    def _shallow(self, side: Side, name: str) -> FloatArray:
        if side is Side.BOTH:
            return metrics.mean_of_sides(self._shallow(Side.LEFT, name), self._shallow(Side.RIGHT, name))
        hip, knee, _ = self.paths.leg(side)
        with np.errstate(invalid="ignore"):
            shallow = np.hypot(*(knee - hip).T) >= MIN_THIGH_SHARE * self.paths.thigh_px
        return np.where(shallow, self.kinematics.series[f"{name}_{side.value}_deg"], np.nan)

    def _gated(self, side: Side, value: Value, at_s: float) -> Value:
        """Return a value with the model's error away from landings in its own.

        One knee of a turned athlete has the false angle of the turn in it too.
        """
        turned = side is not Side.BOTH and not self.yaw.is_square
        parts = (value.se, self.model_sd_deg, self.errors.yaw_deg(side, at_s) if turned else 0.0)
        return Value(value=value.value, se=float(np.sqrt(np.sum(np.square(parts)))))

    def frontal_at(self, side: Side, instant: Instant) -> Value:
        """Return the angle in the athlete's own frontal plane at an instant, with what yaw and lens can change."""
        series = self.frontal(side)
        timing = slope_at(self.time_s, series, instant.time_s) * instant.sd_s
        sides = _sides(side)
        parts = [self._plane_se_deg[s] for s in sides]
        by_yaw, by_lens = (
            float(np.mean([value_at(self.time_s, part[k], instant.time_s) for part in parts])) for k in (0, 1)
        )
        at = dict.fromkeys(sides, instant.time_s)
        picture = self.errors.fppa_se(at, timing_deg=timing)
        parts_deg = (picture, by_yaw, by_lens, self.errors.depth_deg(at), self.model_sd_deg)
        se = float(np.sqrt(np.sum(np.square(parts_deg))))
        return Value(value=value_at(self.time_s, series, instant.time_s), se=se)

    @cached_property
    def _plane_se_deg(self) -> dict[Side, tuple[FloatArray, FloatArray]]:
        return {side: self.plane.fppa_se_deg(side) for side in SIDES}

    def fppa_at(self, side: Side, instant: Instant) -> Value:
        """Return the angle at one instant, for one knee or the mean of both."""
        series = self.fppa(side)
        timing = slope_at(self.time_s, series, instant.time_s) * instant.sd_s
        se = self.errors.fppa_se(dict.fromkeys(_sides(side), instant.time_s), timing_deg=timing)
        value = Value(value=value_at(self.time_s, series, instant.time_s), se=se)
        return self._gated(side, value, instant.time_s)

    def fppa_peak(self, side: Side, *, start_s: float, stop_s: float) -> Value:
        """Return the largest angle in a window; jitter's upward pull is in the error."""
        at_s, value = peak_in(self.time_s, self.fppa(side), start_s=start_s, stop_s=stop_s)
        if not np.isfinite(value):
            return Value(value=value, se=float("nan"))
        pull = float(np.mean([self.errors.fppa_jitter_deg(s, at_s) for s in _sides(side)]))
        se = self.errors.fppa_se(dict.fromkeys(_sides(side), at_s), timing_deg=pull)
        return self._gated(side, Value(value=value, se=se), at_s)

    def fppa_peak_s(self, side: Side, *, start_s: float, stop_s: float) -> float:
        """Return when the angle is largest in a window."""
        return peak_in(self.time_s, self.fppa(side), start_s=start_s, stop_s=stop_s)[0]

    def fppa_change(self, side: Side, *, start_s: float, start_sd_s: float = 0.0, stop: Instant) -> Value:
        """Return the angle at an instant less the one at the start: free of a constant landmark offset."""
        series = self.fppa(side)
        timing = float(
            np.hypot(
                slope_at(self.time_s, series, start_s) * start_sd_s,
                slope_at(self.time_s, series, stop.time_s) * stop.sd_s,
            )
        )
        sides = _sides(side)
        se = self.errors.fppa_change_se(
            dict.fromkeys(sides, start_s), dict.fromkeys(sides, stop.time_s), timing_deg=timing
        )
        change = value_at(self.time_s, series, stop.time_s) - value_at(self.time_s, series, start_s)
        return self._gated(side, Value(value=change, se=se), stop.time_s)

    def ratio_at(self, instant: Instant) -> Value:
        """Return the knee-ankle separation ratio at an instant."""
        series = self.kinematics.series["knee_ankle_separation_ratio"]
        timing = slope_at(self.time_s, series, instant.time_s) * instant.sd_s
        se = self.errors.ratio_se(instant.time_s, timing=timing)
        return Value(value=value_at(self.time_s, series, instant.time_s), se=se)

    def least_ratio(self, *, start_s: float, stop_s: float) -> Value:
        """Return the smallest ratio in a window."""
        series = self.kinematics.series["knee_ankle_separation_ratio"]
        at_s, value = peak_in(self.time_s, series, start_s=start_s, stop_s=stop_s, sign=-1.0)
        return Value(value=value, se=self.errors.ratio_se(at_s) if np.isfinite(at_s) else float("nan"))

    def knee_separation_at(self, instant: Instant) -> Value | None:
        """Return the distance between the knees in centimetres, None without a scale."""
        if self.scale is None:
            return None
        apart_px = value_at(self.time_s, self.plane.knee_separation_px(), instant.time_s)
        centimetres = apart_px * self.scale.cm_per_px
        own = self.errors.separation_se_px() * self.scale.cm_per_px
        relative = np.hypot(self.scale.relative_sd, KNEE_DISTANCE_SD)
        return Value(value=centimetres, se=float(np.hypot(own, relative * centimetres)))

    def lean_at(self, instant: Instant) -> Value:
        """Return the trunk's lateral lean at an instant, positive to the athlete's left."""
        series = self.kinematics.series["trunk_lean_deg"]
        timing = slope_at(self.time_s, series, instant.time_s) * instant.sd_s
        se = self.errors.lean_se(timing_deg=timing)
        return Value(value=value_at(self.time_s, series, instant.time_s), se=se)

    def largest_lean(self, *, start_s: float, stop_s: float) -> Value:
        """Return the lean furthest from upright in a window, with its sign."""
        series = self.kinematics.series["trunk_lean_deg"]
        at_s, size = peak_in(self.time_s, np.abs(series), start_s=start_s, stop_s=stop_s)
        sign = np.sign(value_at(self.time_s, series, at_s)) if np.isfinite(at_s) else 1.0
        return Value(value=float(sign * size), se=self.errors.lean_se())

    def pelvic_drop(self, stance: Side) -> FloatArray:
        """Return how far the pelvis drops on the free side, degrees, (T,)."""
        return compute_pelvic_drop_deg(self.paths, stance=stance)

    def pelvic_drop_at(self, stance: Side, instant: Instant) -> Value:
        """Return the pelvic drop at an instant."""
        series = self.pelvic_drop(stance)
        timing = slope_at(self.time_s, series, instant.time_s) * instant.sd_s
        width = float(np.nanmedian(_hip_width_px(self.paths)))
        jitter = float(np.degrees(np.sqrt(2.0) * self.errors.smooth_jitter_px / max(width, 1.0)))
        parts = (PELVIS_LANDMARK_SD_DEG, metrics.CAMERA_ROLL_SD_DEG, jitter, timing)
        return Value(
            value=value_at(self.time_s, series, instant.time_s), se=float(np.sqrt(np.sum(np.square(parts))))
        )

    def is_too_deep(self, side: Side, at_s: float) -> bool:
        """Return whether the thigh comes so near to horizontal that the knee angle means nothing."""
        hip, knee, _ = self.paths.leg(side)
        length = value_at(self.time_s, np.hypot(*(knee - hip).T), at_s)
        return bool(length < MIN_THIGH_SHARE * self.paths.thigh_px)


def _sides(side: Side) -> tuple[Side, ...]:
    return SIDES if side is Side.BOTH else (side,)


def _hip_width_px(paths: BodyPaths) -> FloatArray:
    return np.abs(paths.smooth_px[:, Joint.LEFT_HIP, 0] - paths.smooth_px[:, Joint.RIGHT_HIP, 0])


def compute_pelvic_drop_deg(paths: BodyPaths, *, stance: Side) -> FloatArray:
    """Return the tilt of the line between the hips against the picture's horizontal, (T,), degrees.

    Positive when the hip of the free leg is lower than that of the standing leg. Camera roll adds one to one.
    """
    free = Side.RIGHT if stance is Side.LEFT else Side.LEFT
    low = paths.smooth_px[:, Joint[f"{free.name}_HIP"]] - paths.smooth_px[:, Joint[f"{stance.name}_HIP"]]
    return np.asarray(np.degrees(np.arctan2(low[:, 1], np.abs(low[:, 0]))))


def towards(side: Side, lean: Value) -> Value:
    """Return a lean with positive towards the leg that stands, from one that is positive to the left.

    Examples
    --------
    >>> towards(Side.RIGHT, Value(value=-4.0, se=1.0)).value
    4.0
    """
    return Value(value=lean.value if side is Side.LEFT else -lean.value, se=lean.se)


def mean_of(values: Sequence[Value]) -> Value | None:
    """Return the mean over repetitions; None without a finite one.

    Its error is that of a single one, as most of it is common to the clip (landmarks, camera, yaw), with
    the spread over the root of their number on top.

    Examples
    --------
    >>> mean = mean_of([Value(value=9.0, se=2.0), Value(value=11.0, se=2.0)])
    >>> (mean.value, round(mean.se, 3)) if mean else None
    (10.0, 2.236)
    """
    known = [value for value in values if np.isfinite(value.value) and np.isfinite(value.se)]
    if not known:
        return None
    numbers = np.array([value.value for value in known])
    common = float(np.mean([value.se for value in known]))
    spread = float(np.std(numbers, ddof=1)) if numbers.size > 1 else 0.0
    return Value(value=float(numbers.mean()), se=float(np.hypot(common, spread / np.sqrt(numbers.size))))


def spread_of(values: Sequence[Value]) -> Value | None:
    """Return the standard deviation over repetitions; None with fewer than three finite ones."""
    numbers = np.array([value.value for value in values if np.isfinite(value.value)])
    if numbers.size < 3:
        return None
    spread = float(np.std(numbers, ddof=1))
    return Value(value=spread, se=spread / float(np.sqrt(2.0 * (numbers.size - 1))))
