"""The numbers of a landing seen from the side: flexion of knee, hip and trunk, and how the foot arrives.

Only the near limb is measured (`side_on`). Positive is flexion, forward lean of the trunk and
plantarflexion; degrees. Angles lie in the picture, so a camera that is not square to the side reads
flexion low by the cosine of the turn, which the standard error holds.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.biomech import events, signals
from app.biomech.events import Instant
from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths
from app.biomech.landing import Landing
from app.biomech.metrics import Value, slope_at, value_at
from app.biomech.side_on import SideOn
from app.biomech.types import FloatArray

KNEE_FLEXION_GAIN: dict[str, float] = {"mediapipe": 1.05}
"""True over read knee flexion, by estimator family. BlazePose puts the hip in front of the joint as the hip
bends, and reads deep flexion low: -2.3 deg at 90 deg of view (Cosoli) and -5.1 deg (Yue, preprint) in squats
[V], -4 deg of the angle in the picture in our own rendered landing of 87 deg [D]; upright it reads true. A
gain of 1.05 is the middle of the three; what it leaves is in the error."""
KNEE_SD_DEG, KNEE_SD_SHARE = 2.5, 0.03
"""Landmark error of knee flexion: at rest, and growing with flexion [V Cosoli: SD 3.5 deg in tight trousers;
P for the split]."""
HIP_SD_DEG, HIP_SD_SHARE = 5.0, 0.06
"""Of hip flexion: the hip landmark sits 1.5-3 cm in front of the joint [D, own rendered landing: -9 deg at
41 deg, -6 deg at 94 deg]."""
TRUNK_SD_DEG, TRUNK_SD_SHARE = 2.5, 0.12
"""Of trunk flexion: the same landmark [D, own rendered landing: -2 deg at 13 deg, -6 deg at 35 deg]."""
CHANGE_SHARE = 0.8
"""Part of the landmark error that remains in a difference within one clip, as from the front [D]."""
FOOT_SD_DEG = 8.0
"""Heel and toe are the weakest landmarks (method section 3.3) [P]."""
FOOT_SD_LEGS = 0.016
"""Error of the height of the heel over the toe against a flat foot, 1.3 cm [D, own rendered landing: the
heel is drawn towards the floor by 2-4 cm while it is fast, by 1 cm when it is slow]."""
CORNER_S = 0.050
"""Stretch before and after contact whose straight lines meet there [P]."""
LIGHT_CUTOFF_HZ = 20.0
"""As for events (method section 2.2, step 4)."""
FLAT_S = (0.08, 0.25)
"""When the foot stands flat, after contact [P]."""
CAMERA_PITCH_SD_DEG = 1.5
"""A phone set up by hand [P]; tilts the trunk one to one."""


@dataclass(frozen=True, kw_only=True)
class SagittalMeasurement:
    """The numbers of one landing from the side; everything is computed once, when first asked for."""

    paths: BodyPaths
    """Of the near limb on both sides (`near_limb_track`)."""
    landing: Landing
    near: SideOn
    turn_deg: float
    """How far the camera is from square to the side, estimate and uncertainty together, 0 or more."""
    knee_gain: float = 1.0
    placed_peak: Instant | None = None
    """Largest knee flexion as a person placed it."""

    @property
    def time_s(self) -> FloatArray:
        """Frame times."""
        return self.paths.time_s

    @property
    def contact(self) -> Instant:
        """Contact of the near foot."""
        return self.landing.contact.get(self.near.side, self.landing.first_contact)

    @cached_property
    def series(self) -> dict[str, FloatArray]:
        """Return knee, hip, trunk and ankle over time, smoothed, each (T,) degrees.

        Keys are ``knee_flexion``, ``hip_flexion``, ``trunk_flexion`` and ``ankle_plantarflexion``.
        """
        return self._angles(self.paths.smooth_px)

    @cached_property
    def raw_series(self) -> dict[str, FloatArray]:
        """Return the same from paths that are not smoothed: for values at contact."""
        return self._angles(self.paths.raw_px)

    def _angles(self, xy_px: FloatArray) -> dict[str, FloatArray]:
        side = self.near.side.name
        shoulder, hip, knee, ankle, heel, toe = (
            xy_px[:, Joint[f"{side}_{part}"]]
            for part in ("SHOULDER", "HIP", "KNEE", "ANKLE", "HEEL", "FOOT_INDEX")
        )
        knee_deg = compute_flexion_deg(hip - knee, ankle - knee, facing=self.near.facing)
        hip_deg = -compute_flexion_deg(shoulder - hip, knee - hip, facing=self.near.facing)
        trunk_deg = compute_tilt_deg(shoulder - hip, facing=self.near.facing)
        shank_deg = compute_tilt_deg(knee - ankle, facing=self.near.facing)
        foot_deg = compute_foot_pitch_deg(heel=heel, toe=toe, facing=self.near.facing)
        return {
            "knee_flexion": self.knee_gain * knee_deg,
            "hip_flexion": hip_deg,
            "trunk_flexion": trunk_deg,
            "ankle_plantarflexion": foot_deg - self.flat_pitch_deg(foot_deg) - shank_deg,
        }

    def flat_pitch_deg(self, pitch_deg: FloatArray) -> float:
        """Return the pitch that the model shows of a foot that stands flat in this clip, NaN when never seen."""
        start = self.contact.time_s
        flat = pitch_deg[(self.time_s >= start + FLAT_S[0]) & (self.time_s <= start + FLAT_S[1])]
        flat = flat[np.isfinite(flat)]
        return float(np.median(flat)) if flat.size else float("nan")

    @cached_property
    def peak(self) -> Instant | None:
        """Return the instant of the largest knee flexion between contact and take-off, None without one."""
        if self.placed_peak is not None:
            return self.placed_peak
        last = self.landing.last_take_off
        stop = last.time_s if last else self.landing.lowest.time_s + 0.3
        inside = (self.time_s >= self.contact.time_s) & (self.time_s <= stop)
        noise = self._jitter_deg("knee_flexion", self.landing.lowest.time_s)
        return events.find_lowest_point(
            self.time_s[inside], -self.series["knee_flexion"][inside], noise=max(noise, 1e-6)
        )

    def at_contact(self, key: str) -> Value | None:
        """Return an angle at the contact of the near foot, where its course has a corner.

        Flexion falls to contact and rises from it, so the usual smoothing reads it high there: 2-4 deg at
        60 Hz. Straight lines through the frames just before and just after, not smoothed, meet the instant
        from both sides; they read low where the turn is round. Light smoothing reads high where it is
        sharp. The value is the mean of the two, and their difference is in its error.
        """
        raw, at_s = self.raw_series[key], self.contact.time_s
        found = corner_value(self.time_s, raw, at_s=at_s)
        if found is None:
            return None
        corner, spread, slope = found
        cutoff_hz = min(LIGHT_CUTOFF_HZ, 0.4 * self.paths.rate_hz)
        light = value_at(self.time_s, signals.smooth(self.time_s, raw, cutoff_hz=cutoff_hz), at_s)
        light = light if np.isfinite(light) else corner
        spread = float(np.hypot(spread, 0.5 * (light - corner)))
        return self._value(
            key, 0.5 * (corner + light), spread_deg=spread, timing_deg=slope * self.contact.sd_s
        )

    def at_peak(self, key: str) -> Value | None:
        """Return an angle at the largest knee flexion."""
        if self.peak is None:
            return None
        at_s, series = self.peak.time_s, self.series[key]
        timing = slope_at(self.time_s, series, at_s) * self.peak.sd_s
        return self._value(
            key,
            value_at(self.time_s, series, at_s),
            spread_deg=self._jitter_deg(key, at_s),
            timing_deg=timing,
        )

    def displacement(self, key: str) -> Value | None:
        """Return the change of an angle from contact to the largest knee flexion."""
        start, stop = self.at_contact(key), self.at_peak(key)
        if start is None or stop is None:
            return None
        value = stop.value - start.value
        fixed = CHANGE_SHARE * float(landmark_sd_deg(key, max(abs(stop.value), abs(value))))
        own = [v.se**2 - landmark_sd_deg(key, v.value) ** 2 for v in (start, stop)]
        return Value(value=value, se=float(np.sqrt(fixed**2 + sum(max(part, 0.0) for part in own))))

    def total_displacement(self) -> Value | None:
        """Return knee, hip and trunk displacement together; LESS item 16 is decided by it (method section 4.3).

        The hip angle holds the trunk's, so their landmark errors add up and do not average.
        """
        parts = [self.displacement(key) for key in ("knee_flexion", "hip_flexion", "trunk_flexion")]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        knee, hip, trunk = known
        return Value(
            value=knee.value + hip.value + trunk.value, se=float(np.hypot(knee.se, hip.se + trunk.se))
        )

    def heel_over_toe(self) -> Value | None:
        """Return how much higher the heel is than the toe at contact, against the flat foot, percent of leg length.

        Positive: the toe arrives first. 1 cm is about 1.2 %. The line before contact alone is used, as
        the heel comes down within 50 ms after it.
        """
        side = self.near.side
        rise = self.paths.foot(side, "FOOT_INDEX")[:, 1] - self.paths.foot(side, "HEEL")[:, 1]
        start = self.contact.time_s
        flat = rise[(self.time_s >= start + FLAT_S[0]) & (self.time_s <= start + FLAT_S[1])]
        flat = flat[np.isfinite(flat)]
        line = _line_at(self.time_s, rise, at_s=start, before=True)
        if not flat.size or line is None:
            return None
        value, spread, slope = line
        legs = (value - float(np.median(flat))) / self.paths.leg_px
        own = np.hypot(spread, slope * self.contact.sd_s) / self.paths.leg_px
        return Value(value=100.0 * float(legs), se=100.0 * float(np.hypot(own, FOOT_SD_LEGS)))

    def _value(self, key: str, value: float, *, spread_deg: float, timing_deg: float) -> Value:
        """Return a value with its error: landmarks, jitter, instant, and the camera's turn."""
        parts = (
            landmark_sd_deg(key, value),
            spread_deg,
            timing_deg,
            self._turn_error_deg(value),
            CAMERA_PITCH_SD_DEG if key == "trunk_flexion" else 0.0,
        )
        return Value(value=value, se=float(np.sqrt(np.sum(np.square(parts)))))

    def _turn_error_deg(self, value: float) -> float:
        """Return how much less an angle reads when the camera is not square: both halves shrink with the cosine."""
        half = np.radians(min(abs(value), 160.0) / 2.0)
        seen = np.arctan(np.tan(half) * np.cos(np.radians(min(self.turn_deg, 80.0))))
        return float(2.0 * np.degrees(half - seen))

    def _jitter_deg(self, key: str, at_s: float) -> float:
        """Return what keypoint jitter that passes the filter does to an angle."""
        side = self.near.side.name
        ends = {
            "knee_flexion": (("HIP", "KNEE"), ("KNEE", "ANKLE")),
            "hip_flexion": (("SHOULDER", "HIP"), ("HIP", "KNEE")),
            "trunk_flexion": (("SHOULDER", "HIP"),),
            "ankle_plantarflexion": (("KNEE", "ANKLE"), ("HEEL", "FOOT_INDEX")),
        }[key]
        smooth = self.paths.smooth_px
        lengths = [
            value_at(
                self.time_s,
                np.hypot(*(smooth[:, Joint[f"{side}_{a}"]] - smooth[:, Joint[f"{side}_{b}"]]).T),
                at_s,
            )
            for a, b in ends
        ]
        kept = signals.kept_noise_share(cutoff_hz=self.paths.cutoff_hz, rate_hz=self.paths.rate_hz)
        inverse = np.array([1.0 / length for length in lengths])
        gain = np.sqrt(
            np.sum(inverse**2) + np.sum(inverse) ** 2 * (len(ends) > 1) + inverse[0] ** 2 * (len(ends) < 2)
        )
        return float(np.degrees(self.paths.jitter_px * np.sqrt(kept) * gain))


def landmark_sd_deg(key: str, value: float) -> float:
    """Return the landmark error of an angle of a certain size, degrees."""
    fixed, share = {
        "knee_flexion": (KNEE_SD_DEG, KNEE_SD_SHARE),
        "hip_flexion": (HIP_SD_DEG, HIP_SD_SHARE),
        "trunk_flexion": (TRUNK_SD_DEG, TRUNK_SD_SHARE),
        "ankle_plantarflexion": (FOOT_SD_DEG, 0.0),
    }[key]
    return float(np.hypot(fixed, share * value))


def knee_gain_of(estimator: str) -> float:
    """Return true over read knee flexion for an estimator, 1 when unknown.

    Examples
    --------
    >>> knee_gain_of("mediapipe 1.2.2"), knee_gain_of("stick figure")
    (1.05, 1.0)
    """
    return next((gain for family, gain in KNEE_FLEXION_GAIN.items() if family in estimator.lower()), 1.0)


def compute_flexion_deg(upper: FloatArray, lower: FloatArray, *, facing: int) -> FloatArray:
    """Return how far a joint is bent, from the two segments that leave it; positive when it points forward.

    Parameters
    ----------
    upper, lower : FloatArray, shape (..., 2)
        From the joint to the upper and to the lower landmark, pixels, y down.
    facing
        +1 when the athlete faces the right of the picture, -1 the left.

    Returns
    -------
    FloatArray, shape (...)
        Degrees, 0 straight, in (-180, 180]. A knee bent as knees do is positive; NaN in gives NaN out.

    Examples
    --------
    >>> at = np.array
    >>> round(float(compute_flexion_deg(at([-1.0, -1.0]), at([-1.0, 1.0]), facing=1)), 6)
    90.0
    """
    cross = upper[..., 0] * lower[..., 1] - upper[..., 1] * lower[..., 0]
    turn = np.arctan2(cross, np.sum(upper * lower, axis=-1))
    return np.asarray(np.degrees(-facing * np.sign(turn) * (np.pi - np.abs(turn))))


def compute_tilt_deg(segment: FloatArray, *, facing: int) -> FloatArray:
    """Return how far a segment that points up leans forward from the picture's vertical, degrees.

    Examples
    --------
    >>> round(float(compute_tilt_deg(np.array([1.0, -1.0]), facing=1)), 6)
    45.0
    """
    return np.asarray(np.degrees(np.arctan2(facing * segment[..., 0], -segment[..., 1])))


def compute_foot_pitch_deg(*, heel: FloatArray, toe: FloatArray, facing: int) -> FloatArray:
    """Return how far the toes point down, from heel and toe landmark, degrees; 0 is level."""
    foot = toe - heel
    return np.asarray(np.degrees(np.arctan2(foot[..., 1], facing * foot[..., 0])))


def corner_value(
    time_s: FloatArray, series: FloatArray, *, at_s: float, half_width_s: float = CORNER_S
) -> tuple[float, float, float] | None:
    """Return a series at an instant where its slope changes at once, from straight lines on both sides.

    Parameters
    ----------
    time_s, series : FloatArray, shape (T,)
        Not smoothed; NaN is skipped.
    at_s
        The corner.
    half_width_s
        Stretch used on each side; at least two and a half frames.

    Returns
    -------
    tuple of float or None
        Value, its standard error from the scatter around the lines, and the mean of the two slopes,
        per second, without sign. One side's line where the other has too few frames; None with neither.

    Examples
    --------
    >>> t = np.arange(20) / 60
    >>> found = corner_value(t, np.abs(t - 0.15), at_s=0.15)
    >>> round(found[0], 6) + 0.0
    0.0
    """
    lines = [_line_at(time_s, series, at_s=at_s, before=b, half_width_s=half_width_s) for b in (True, False)]
    known = [line for line in lines if line is not None]
    if not known:
        return None
    values, spreads, slopes = (np.array(part) for part in zip(*known, strict=True))
    gap = 0.5 * float(np.ptp(values))  # two lines that miss each other: the corner is not that sharp
    spread = float(np.sqrt(np.sum(spreads**2))) / len(known)
    return float(np.mean(values)), float(np.hypot(spread, gap)), abs(float(np.mean(slopes)))


def _line_at(
    time_s: FloatArray, series: FloatArray, *, at_s: float, before: bool, half_width_s: float = CORNER_S
) -> tuple[float, float, float] | None:
    """Return the straight line's value at an instant, its standard error and its slope; None below two frames."""
    step_s = float(np.median(np.diff(time_s)))
    width = max(half_width_s, 2.5 * step_s)
    offset = time_s - at_s
    inside = ((offset < 0.0) & (offset >= -width)) if before else ((offset >= 0.0) & (offset <= width))
    inside &= np.isfinite(series)
    t, y = offset[inside], series[inside]
    if t.size < 2:
        return None
    design = np.column_stack([np.ones_like(t), t])
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = y - design @ solution
    variance = float(residual @ residual) / max(t.size - 2, 1)
    spread = np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0])
    return float(solution[0]), float(spread), float(solution[1])
