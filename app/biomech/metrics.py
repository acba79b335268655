"""Reading numbers off a landing, each with its standard error.

The error of a value is put together from parts that are named: jitter of the landmarks (measured in
the clip), the landmark definition of the pose model, the error of the instant times the slope, the
athlete's yaw (side values only) and perspective. All angles in degrees.
"""

from dataclasses import dataclass, field

import numpy as np

from app.biomech import angles, signals
from app.biomech.definitions import check_metric
from app.biomech.events import Instant
from app.biomech.kinematics import BodyPaths
from app.biomech.landmark_model import MOST_SHORTENED, LandmarkModel
from app.biomech.types import FloatArray, Metric, Side
from app.biomech.view import Yaw

GRAVITY_M_S2 = 9.81
LANDMARK_COMMON_SD_DEG = 1.0
"""Spread from clip to clip of the landmark offset that both knees share, in landings as a whole [D, as the others]."""
LANDMARK_STRAIGHT_SD_DEG, LANDMARK_BENT_SD_DEG = 0.7, 2.2
"""Of it what a straight leg has, and what a bent one adds for each part by which its thigh looks shorter than it is
[D, own rendered clips and their copies, offsets refitted without the clip: mean of both knees 0.7 deg at contact and
standing, 1.1 at the lowest point, where thighs look 0.35 shorter; bodies drawn in landing postures have more]."""
DEPTH_BENT_SD_DEG = 2.8
"""What depth from foreshortening and a camera that is not level add in the frontal plane, for each part by which the
thigh looks shorter [D, own rendered jumps: nothing at contact, 1.4 deg at the lowest point in five of them]."""
LANDMARK_SIDE_SD_DEG = 1.0
"""What each knee adds to it [D, own rendered clips and their variants, the landmark model refitted without the clip:
both together 1.3 deg in the root of the mean square; a turned athlete's knees are further off]."""
LANDMARK_TURNED_SD = 0.3
"""What a turn adds to the offset that both knees share, degrees for each degree of yaw [D: a rendered jump at 8 deg
reads both knees 2.9 deg low, a real one at 40 and 35 deg about 4 deg high and right]."""
LANDMARK_CHANGE_SHARE = 0.8
"""Part of the landmark error that remains in a difference within one clip [D, own rendered clips]."""
TRUNK_LANDMARK_SD_DEG = 0.5
"""[D, own rendered clips and their variants: 0.4 deg]"""
CAMERA_ROLL_SD_DEG = 1.5
"""A phone set up by hand [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number and its standard error."""

    value: float
    se: float


def make_metric(
    key: str, side: Side, value: Value | None, *, event: str, repetition: int | None = None
) -> Metric:
    """Return a metric; without a value, or with one that is not finite, the number is withheld.

    Raises ``KeyError`` and ``ValueError`` for what `definitions.METRICS` does not define.
    """
    definition = check_metric(key=key, side=side, event=event)
    known = value if value is not None and np.isfinite(value.value) and np.isfinite(value.se) else None
    return Metric(
        key=key,
        side=side,
        value=None if known is None else float(known.value),
        unit=definition.unit,
        event=event,
        se=None if known is None else float(known.se),
        repetition=repetition,
    )


def value_at(time_s: FloatArray, series: FloatArray, at_s: float) -> float:
    """Return a series between frames, by straight line; NaN next to a gap or outside the clip.

    Examples
    --------
    >>> value_at(np.array([0.0, 1.0, 2.0]), np.array([0.0, 10.0, np.nan]), 0.25)
    2.5
    """
    after = int(np.searchsorted(time_s, at_s))
    if after < time_s.size and time_s[after] == at_s:
        return float(series[after])
    if not 0 < after < time_s.size:
        return float("nan")
    return float(np.interp(at_s, time_s[after - 1 : after + 1], series[after - 1 : after + 1]))


def slope_at(time_s: FloatArray, series: FloatArray, at_s: float) -> float:
    """Return the size of the rate of change over two frames, per second; 0 where it cannot be told."""
    step_s = float(np.median(np.diff(time_s)))
    change = value_at(time_s, series, at_s + step_s) - value_at(time_s, series, at_s - step_s)
    return abs(change) / (2.0 * step_s) if np.isfinite(change) else 0.0


def peak_in(
    time_s: FloatArray, series: FloatArray, *, start_s: float, stop_s: float, sign: float = 1.0
) -> tuple[float, float]:
    """Return instant and value of the largest value in a window (of the smallest with ``sign=-1``).

    The value is that of a parabola through the samples within 35 ms of the largest, so that jitter
    alone does not lift it. NaN when nothing was measured.
    """
    inside = np.flatnonzero((time_s >= start_s - 1e-9) & (time_s <= stop_s + 1e-9) & np.isfinite(series))
    if inside.size == 0:
        return float("nan"), float("nan")
    top = int(inside[np.argmax(sign * series[inside])])
    near = inside[np.abs(time_s[inside] - time_s[top]) <= 0.035]
    if near.size < 4 or top in (inside[0], inside[-1]):
        return float(time_s[top]), float(series[top])
    t = time_s[near] - time_s[top]
    bend, slope, level = np.polyfit(t, series[near], 2)
    if sign * bend >= 0.0:
        return float(time_s[top]), float(series[top])
    shift = float(np.clip(-slope / (2.0 * bend), t[0], t[-1]))
    return float(time_s[top] + shift), float(level + slope * shift + bend * shift**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """Standard errors of frontal values at an instant of one clip."""

    paths: BodyPaths
    yaw: Yaw
    model: LandmarkModel = field(default_factory=LandmarkModel)

    @property
    def smooth_jitter_px(self) -> float:
        """Jitter of one coordinate that is left after smoothing."""
        kept = signals.kept_noise_share(cutoff_hz=self.paths.cutoff_hz, rate_hz=self.paths.rate_hz)
        return self.paths.jitter_px * float(np.sqrt(kept))

    def shortening(self, at: dict[Side, float]) -> float:
        """Return the part by which thighs look shorter than they are, mean of the sides, 0 to `MOST_SHORTENED`."""
        parts = []
        for side, at_s in at.items():
            hip, knee, _ = self.paths.leg(side)
            length = value_at(self.paths.time_s, np.hypot(*(knee - hip).T), at_s)
            parts.append(np.clip(1.0 - length / self.paths.thigh_px, 0.0, MOST_SHORTENED))
        return float(np.mean(parts))

    def landmark_common_deg(self, at: dict[Side, float] | None = None) -> float:
        """Return what the landmark model leaves unsure of both knees alike, at an instant or in a change within the clip."""
        turned_deg = float(np.degrees(np.sin(np.radians(self.yaw.yaw_deg))))  # from behind is square too
        body_deg = (
            LANDMARK_COMMON_SD_DEG
            if at is None
            else np.hypot(LANDMARK_STRAIGHT_SD_DEG, LANDMARK_BENT_SD_DEG * self.shortening(at))
        )
        parts = (body_deg, LANDMARK_TURNED_SD * turned_deg, self.paths.doubt.angle_deg)
        return float(np.sqrt(np.sum(np.square(parts))))

    def depth_deg(self, at: dict[Side, float]) -> float:
        """Return what depth adds in the athlete's own frontal plane."""
        return DEPTH_BENT_SD_DEG * self.shortening(at)

    @property
    def landmark_side_deg(self) -> float:
        """What each knee adds to it."""
        return float(np.hypot(LANDMARK_SIDE_SD_DEG, self.paths.doubt.angle_deg))

    def inclinations_deg(self, side: Side) -> tuple[FloatArray, FloatArray]:
        """Return how far thigh and shank are tilted out of the picture, each (T,)."""
        hip, knee, ankle = self.paths.leg(side)
        thigh, shank = np.hypot(*(knee - hip).T), np.hypot(*(ankle - knee).T)
        return (
            angles.compute_inclination_deg(thigh, full_length=self.paths.thigh_px),
            angles.compute_inclination_deg(shank, full_length=self.paths.shank_px),
        )

    def fppa_jitter_deg(self, side: Side, at_s: float) -> float:
        """Return the jitter of the angle: ``sigma sqrt(1/Lt^2 + 1/Ls^2 + (1/Lt + 1/Ls)^2)`` [D, method 3.1]."""
        hip, knee, ankle = self.paths.leg(side)
        time_s = self.paths.time_s
        thigh = value_at(time_s, np.hypot(*(knee - hip).T), at_s)
        shank = value_at(time_s, np.hypot(*(ankle - knee).T), at_s)
        if not (thigh > 0.0 and shank > 0.0):
            return float("nan")
        gain = np.sqrt(thigh**-2 + shank**-2 + (1.0 / thigh + 1.0 / shank) ** 2)
        return float(np.degrees(self.smooth_jitter_px * gain))

    def yaw_deg(self, side: Side, at_s: float) -> float:
        """Return the false angle that the athlete's yaw, known or not, can put on one knee."""
        thigh, shank = (value_at(self.paths.time_s, tilt, at_s) for tilt in self.inclinations_deg(side))
        error = angles.compute_yaw_error_deg(
            thigh_deg=np.asarray(thigh), shank_deg=np.asarray(shank), yaw_deg=self.yaw.size_deg
        )
        return float(error)

    def turn_deg(self, side: Side, at_s: float) -> float:
        """Return what putting back the hidden part of a turn can get wrong on one knee in the picture."""
        thigh, shank = (
            np.asarray(value_at(self.paths.time_s, tilt, at_s)) for tilt in self.inclinations_deg(side)
        )
        share, share_sd = self.model.turn_share, self.model.turn_share_sd
        unsure, turned = (
            float(angles.compute_yaw_error_deg(thigh_deg=thigh, shank_deg=shank, yaw_deg=yaw_deg))
            for yaw_deg in (self.yaw.sd_deg, abs(self.yaw.yaw_deg))
        )
        return float(np.hypot((1.0 - share) * unsure, share_sd * turned))

    def fppa_se(self, at: dict[Side, float], *, timing_deg: float = 0.0) -> float:
        """Return the standard error of the FPPA in the picture, of one knee or of the mean of two.

        How far the picture is from the athlete's own frontal plane is not in it: that is `yaw_deg`, for whoever
        judges one knee by this angle, and the error of ``fppa_frontal``.

        Parameters
        ----------
        at
            Instant per side; one side for a side value, two for the bilateral mean, which is free of
            yaw to first order.
        timing_deg
            What the error of the instant adds.
        """
        n = len(at)
        jitter = np.sqrt(sum(self.fppa_jitter_deg(side, t) ** 2 for side, t in at.items())) / n
        own = self.landmark_side_deg / np.sqrt(n)
        turn = 0.0 if n > 1 else self.turn_deg(*next(iter(at.items())))
        parts = (jitter, own, self.landmark_common_deg(at), turn, timing_deg)
        return float(np.sqrt(sum(part**2 for part in parts)))

    def fppa_change_se(
        self, start: dict[Side, float], stop: dict[Side, float], *, timing_deg: float = 0.0
    ) -> float:
        """Return the standard error of a change of FPPA within the clip, one knee or the mean of two."""
        n = len(start)
        moments = [(side, t) for moment in (start, stop) for side, t in moment.items()]
        jitter = np.sqrt(sum(self.fppa_jitter_deg(side, t) ** 2 for side, t in moments)) / n
        landmark = LANDMARK_CHANGE_SHARE * np.hypot(
            self.landmark_common_deg(), self.landmark_side_deg / np.sqrt(n)
        )
        turn = (
            0.0 if n > 1 else max(abs(self.turn_deg(s, stop[s]) - self.turn_deg(s, start[s])) for s in stop)
        )
        parts = (jitter, landmark, turn, timing_deg)
        return float(np.sqrt(sum(float(part) ** 2 for part in parts)))

    def ratio_se(self, at_s: float, *, timing: float = 0.0) -> float:
        """Return the standard error of the knee-ankle separation ratio.

        Jitter and a landmark error of 0.7 % of the leg for each knee and ankle [D, own rendered clips].
        """
        _, left_knee, left_ankle = self.paths.leg(Side.LEFT)
        _, right_knee, right_ankle = self.paths.leg(Side.RIGHT)
        knees = value_at(self.paths.time_s, angles.compute_separation(left_knee, right_knee), at_s)
        ankles = value_at(self.paths.time_s, angles.compute_separation(left_ankle, right_ankle), at_s)
        if not ankles > 0.0:
            return float("nan")
        noise = self.separation_se_px() / ankles * np.hypot(1.0, knees / ankles)
        return float(np.hypot(noise, timing))

    def separation_se_px(self) -> float:
        """Return the standard error of the distance between the knees, pixels."""
        legs = np.hypot(0.007, self.paths.doubt.legs)
        return float(np.sqrt(2.0) * np.hypot(self.smooth_jitter_px, legs * self.paths.leg_px))

    def lean_se(self, *, timing_deg: float = 0.0) -> float:
        """Return the standard error of lateral trunk lean: landmarks, camera roll, timing."""
        trunk = np.nanmedian(np.hypot(*(self.paths.middle("SHOULDER") - self.paths.middle("HIP")).T))
        jitter = np.degrees(self.smooth_jitter_px / trunk)
        return float(np.sqrt(jitter**2 + TRUNK_LANDMARK_SD_DEG**2 + CAMERA_ROLL_SD_DEG**2 + timing_deg**2))


def mean_of_sides(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the mean of both knees, NaN where either is missing."""
    return np.asarray(0.5 * (left + right))


def time_between(start: Instant, stop: Instant) -> Value:
    """Return the time between two instants, seconds."""
    return Value(value=stop.time_s - start.time_s, se=float(np.hypot(start.sd_s, stop.sd_s)))


def jump_height_m(flight_s: Value) -> Value:
    """Return the rise of the body from its flight time, ``g T^2 / 8``, metres.

    Examples
    --------
    >>> round(jump_height_m(Value(value=0.49462, se=0.01)).value, 3)
    0.3
    """
    height = GRAVITY_M_S2 * flight_s.value**2 / 8.0
    return Value(value=height, se=GRAVITY_M_S2 * flight_s.value / 4.0 * flight_s.se)


def reactive_strength_index(height_m: Value, contact_s: Value) -> Value | None:
    """Return jump height over contact time, metres per second; None without a contact time."""
    if contact_s.value <= 0.0:
        return None
    value = height_m.value / contact_s.value
    relative = np.hypot(height_m.se / max(height_m.value, 1e-9), contact_s.se / contact_s.value)
    return Value(value=value, se=float(value * relative))
