"""Frontal numbers besides the knee angle: where the knee is over the foot, how the feet stand, how the hip adducts.

The LESS asks for them, the nomogram takes one, and clinics keep series of them. Lengths are in centimetres
where a scale is known; where only the sign or a ratio counts they are in percent of leg length and need
none. Positive is medial (towards the other leg), toe-out, adduction.
"""

from dataclasses import dataclass

import numpy as np

from app.biomech import angles
from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES
from app.biomech.measurement import LandingMeasurement
from app.biomech.metrics import Value, make_metric, peak_in, value_at
from app.biomech.sagittal import corner_value
from app.biomech.types import EventName, FloatArray, Metric, Side

LANDMARK_LEGS = 0.007
"""Error of one coordinate of a knee, hip or ankle, in leg lengths [D, own rendered clips]."""
FOOT_LANDMARK_LEGS = 0.012
"""Of a toe or heel from the front, 1 cm: the weakest landmarks [D, own rendered clips]."""
PERSPECTIVE_LEGS = 0.008
"""A knee 0.1-0.2 m nearer than the toe, 0.12 m beside the axis of a camera 3-5 m away: 3-8 mm [D]."""
KNEE_TRAVEL_LEGS = 0.24
"""How far a knee travels forward from contact to the lowest point, 0.2 m: times the sine of yaw, a false way
inwards [D]."""
KNEE_AHEAD_LEGS = 0.10
"""How far a knee is ahead of the toes or behind them, 8 cm: the same [D]."""
FOOT_LEGS = 0.25
"""Heel to toe landmark over leg length along the floor [D, own clips seen from the side]."""
TOE_ANGLE_SD_DEG = 10.0
"""From the front the foot is foreshortened: a coarse class, no more (method section 3.1) [P]."""
HIP_SD_DEG = 3.5
"""Of the hip angle: the line between the hip landmarks is short [P]."""
WIDTH_SD = 0.10
"""Relative, of ankle over shoulder separation: shoulder landmarks are not the acromia [D, own rendered clips: 2-17 %]."""
FLAT_AFTER_S = 0.05

IC, PKF = EventName.INITIAL_CONTACT.value, EventName.PEAK_KNEE_FLEXION.value
PEAK, LANDING = "peak", "landing"

EXTRA_KEYS = (
    "knee_valgus_motion",
    "medial_knee_displacement",
    "knee_over_midfoot",
    "knee_over_toe",
    "toe_angle",
    "hip_adduction",
    "stance_width",
    "foot_contact_difference",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontalExtras:
    """The further frontal numbers of one landing."""

    measurement: LandingMeasurement
    cm_per_px: float | None
    scale_sd: float
    """Relative error of the scale, depth of the knees included."""

    def metrics(self, *, withheld: bool) -> list[Metric]:
        """Return them as metrics, without their numbers when the view does not allow them."""
        entries: list[tuple[str, Side, str, Value | None]] = []
        for side in (*SIDES, Side.BOTH):
            entries += [
                ("knee_valgus_motion", side, LANDING, self.valgus_motion_cm(side)),
                ("medial_knee_displacement", side, LANDING, self.medial_displacement_cm(side)),
            ]
        for side in SIDES:
            entries += [
                ("knee_over_midfoot", side, IC, self.knee_over_midfoot(side)),
                ("knee_over_toe", side, PEAK, self.knee_over_toe(side)),
                ("toe_angle", side, LANDING, self.toe_angle_deg(side)),
                ("hip_adduction", side, PKF, self.hip_adduction_deg(side)),
            ]
        entries += [
            ("stance_width", Side.BOTH, IC, self.stance_width()),
            ("foot_contact_difference", Side.BOTH, IC, self.contact_difference_ms()),
        ]
        return [
            make_metric(key, side, None if withheld else value, event=event)
            for key, side, event, value in entries
        ]

    @property
    def _time_s(self) -> FloatArray:
        return self.measurement.time_s

    @property
    def _leg_px(self) -> float:
        return self.measurement.paths.leg_px

    @property
    def _yaw_sine(self) -> float:
        return float(np.sin(np.radians(min(self.measurement.yaw.size_deg, 90.0))))

    def _point_sd_px(self, share: float) -> float:
        return float(np.hypot(self.measurement.errors.smooth_jitter_px, share * self._leg_px))

    def _medial(self, side: Side, x_px: FloatArray) -> FloatArray:
        """Return an x coordinate counted towards the other leg."""
        return np.asarray(x_px if side is Side.RIGHT else -x_px)

    def _foot_x(self, side: Side, part: str) -> FloatArray:
        return self.measurement.paths.foot(side, part)[:, 0]

    def valgus_motion_cm(self, side: Side) -> Value | None:
        """Return how far the knee moves inwards in the picture, from its contact to its most medial place."""
        ways = [
            self._way_px(s, self._medial(s, self.measurement.paths.leg(s)[1][:, 0])) for s in _sides(side)
        ]
        return self._in_cm(ways)

    def medial_displacement_cm(self, side: Side) -> Value | None:
        """Return how far the knee moves inwards from the line hip-ankle (MKD), from contact to its largest."""
        ways = [
            self._way_px(s, angles.compute_medial_knee_position(*self.measurement.paths.leg(s), side=s))
            for s in _sides(side)
        ]
        return self._in_cm(ways)

    def _way_px(self, side: Side, course: FloatArray) -> float:
        """Return the rise of a course from the side's contact to its peak, pixels."""
        start, stop = self.measurement.window_s
        peak = peak_in(self._time_s, course, start_s=start, stop_s=stop)[1]
        return peak - value_at(self._time_s, course, self.measurement.contact_s[side])

    def _in_cm(self, ways_px: list[float]) -> Value | None:
        """Return the mean of a way on one or both sides in centimetres; the mean of two is free of yaw."""
        if self.cm_per_px is None:
            return None
        n = len(ways_px)
        value = float(np.mean(ways_px)) * self.cm_per_px
        own = np.sqrt(2.0 / n) * self._point_sd_px(LANDMARK_LEGS) * self.cm_per_px
        yaw = KNEE_TRAVEL_LEGS * self._leg_px * self._yaw_sine * self.cm_per_px if n == 1 else 0.0
        perspective = PERSPECTIVE_LEGS * self._leg_px * self.cm_per_px
        return Value(
            value=value, se=float(np.sqrt(own**2 + yaw**2 + perspective**2 + (self.scale_sd * value) ** 2))
        )

    def knee_over_midfoot(self, side: Side) -> Value | None:
        """Return how far the knee is medial of the middle of the foot at contact, percent of leg length."""
        middle = 0.5 * (self._foot_x(side, "ANKLE") + self._foot_x(side, "FOOT_INDEX"))
        knee = self.measurement.paths.leg(side, raw=True)[1][:, 0]
        found = corner_value(
            self._time_s, self._medial(side, knee - middle), at_s=self.measurement.contact_s[side]
        )
        if found is None:
            return None
        own = np.hypot(LANDMARK_LEGS, 0.5 * np.hypot(LANDMARK_LEGS, FOOT_LANDMARK_LEGS))
        return self._in_legs(found[0], own_legs=float(np.hypot(own, found[1] / self._leg_px)))

    def knee_over_toe(self, side: Side) -> Value:
        """Return how far the knee is medial of the toes where it is most so, percent of leg length.

        The toes do not move while the foot is down, so their median place is used.
        """
        start, stop = self.measurement.window_s
        toe = _median_in(self._time_s, self._foot_x(side, "FOOT_INDEX"), start + FLAT_AFTER_S, stop)
        knee = self.measurement.paths.leg(side)[1][:, 0]
        course = self._medial(side, knee - toe)
        at = peak_in(self._time_s, course, start_s=start, stop_s=stop)[1]
        return self._in_legs(at, own_legs=float(np.hypot(LANDMARK_LEGS, FOOT_LANDMARK_LEGS)))

    def _in_legs(self, px: float, *, own_legs: float) -> Value:
        jitter = self.measurement.errors.smooth_jitter_px / self._leg_px
        parts = (own_legs, jitter, PERSPECTIVE_LEGS, KNEE_AHEAD_LEGS * self._yaw_sine)
        return Value(value=100.0 * px / self._leg_px, se=100.0 * float(np.sqrt(np.sum(np.square(parts)))))

    def toe_angle_deg(self, side: Side) -> Value:
        """Return how far the foot is turned out on the floor, from the way toe and heel lie beside each other."""
        start, stop = self.measurement.window_s
        pointing = self._foot_x(side, "FOOT_INDEX") - self._foot_x(side, "HEEL")
        out = -_median_in(self._time_s, self._medial(side, pointing), start + FLAT_AFTER_S, stop)
        sine = float(np.clip(out / (FOOT_LEGS * self._leg_px), -1.0, 1.0))
        return Value(
            value=float(np.degrees(np.arcsin(sine))),
            se=float(np.hypot(TOE_ANGLE_SD_DEG, self.measurement.yaw.size_deg)),
        )

    def hip_adduction_deg(self, side: Side) -> Value:
        """Return the angle of the thigh to the perpendicular on the line between the hips, at the lowest point."""
        paths = self.measurement.paths
        hips = paths.leg(Side.LEFT)[0] - paths.leg(Side.RIGHT)[0]
        across = np.arctan2(hips[:, 1], hips[:, 0])
        hip, knee, _ = paths.leg(side)
        thigh = knee - hip
        tilt = np.arctan2(self._medial(side, thigh[:, 0]), thigh[:, 1])
        course = np.degrees(tilt + (across if side is Side.RIGHT else -across))
        return Value(
            value=value_at(self._time_s, course, self.measurement.lowest_s),
            se=float(np.hypot(HIP_SD_DEG, self.measurement.errors.yaw_deg(side, self.measurement.lowest_s))),
        )

    def stance_width(self) -> Value:
        """Return the distance between the ankles over that between the shoulders, with the feet flat."""
        paths = self.measurement.paths
        start, stop = self.measurement.window_s[0] + FLAT_AFTER_S, self.measurement.lowest_s
        ankles = angles.compute_separation(paths.leg(Side.LEFT)[2], paths.leg(Side.RIGHT)[2])
        shoulders = angles.compute_separation(
            paths.smooth_px[:, Joint.LEFT_SHOULDER], paths.smooth_px[:, Joint.RIGHT_SHOULDER]
        )
        width = np.where(shoulders > 0.0, shoulders, np.nan)
        ratio = _median_in(self._time_s, ankles / width, start, max(stop, start + 0.05))
        return Value(value=ratio, se=WIDTH_SD * ratio)

    def contact_difference_ms(self) -> Value | None:
        """Return the time between the two feet's contacts, milliseconds, without sign; None with one foot found."""
        contacts = self.measurement.landing.contact
        if len(contacts) < len(SIDES):
            return None
        left, right = contacts[Side.LEFT], contacts[Side.RIGHT]
        return Value(
            value=1000.0 * abs(left.time_s - right.time_s),
            se=1000.0 * float(np.hypot(left.sd_s, right.sd_s)),
        )


def _sides(side: Side) -> tuple[Side, ...]:
    return SIDES if side is Side.BOTH else (side,)


def _median_in(time_s: FloatArray, path: FloatArray, start_s: float, stop_s: float) -> float:
    inside = path[(time_s >= start_s) & (time_s <= stop_s)]
    inside = inside[np.isfinite(inside)]
    return float(np.median(inside)) if inside.size else float("nan")
