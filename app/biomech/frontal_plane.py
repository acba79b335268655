"""From the picture to the athlete's own frontal plane: depth, yaw and perspective.

The knee angle in the picture is that of a projection. A turned body adds to one knee what it takes from the other,
and a knee that comes nearer to the camera looks further out (method section 3.2). Both follow from how far knee and
hip stand in front of and behind the ankle, and that follows from how short thigh and shank look.

Axes: athlete's frontal plane x to the right of the picture, y down; depth towards where the athlete faces. Lengths
are leg lengths. Everything here is an estimate whose error is stated: the camera's lens is not known, its axis is
taken as level.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from app.biomech import angles
from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.landmark_model import LandmarkModel
from app.biomech.types import FloatArray, Kinematics, Side
from app.biomech.view import Yaw

FOCAL_SHARE = 0.95
"""Focal length over the longer side of the picture, where the file does not say it [P]: phones film at 0.7 to 0.8
with their main lens and at 1.2 to 1.5 with the longer one."""
FOCAL_FACTOR = 1.3
"""One standard deviation of that, as a factor [P]."""
PARTS = ("HIP", "KNEE", "ANKLE")
_MOST_DEPTH_LEGS = 0.6
"""A knee or hip further in front of or behind the ankle than this is an error of the estimate [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """How far a knee and a hip stand in front of the ankle of the same leg, leg lengths, each (T,)."""

    hip: FloatArray
    """Negative behind the ankle."""
    knee: FloatArray


@dataclass(frozen=True, kw_only=True)
class FrontalPlane:
    """One athlete's legs in the picture and in their own frontal plane; each array is computed once."""

    paths: BodyPaths
    """Joint centres, pixels."""
    yaw: Yaw
    model: LandmarkModel
    focal_share: float = FOCAL_SHARE

    @classmethod
    def of(cls, paths: BodyPaths, *, yaw: Yaw, model: LandmarkModel) -> "FrontalPlane":
        """Return the plane of an athlete, with all of a turn that the model hides put back into the paths."""
        seen = cls(paths=paths, yaw=yaw, model=model)
        return replace(seen, paths=seen.straightened())

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.focal_share * max(self.paths.image_size_px)

    @property
    def distance_legs(self) -> float:
        """Distance from the camera to the ankles, leg lengths."""
        return self.focal_px / self.paths.leg_px

    @cached_property
    def depths(self) -> dict[Side, Depths]:
        """Depth of knee and hip per side, the knee in front of both ankle and hip; NaN where the leg was not seen."""
        return {side: self._depths(side) for side in SIDES}

    def _rays(self, side: Side) -> list[FloatArray]:
        """Return hip, knee and ankle as directions from the camera: sideways and down over forwards, each (T, 2)."""
        middle = 0.5 * np.array(self.paths.image_size_px, dtype=np.float64)
        return [(point - middle) / self.focal_px for point in self.paths.leg(side)]

    def _depths(self, side: Side) -> Depths:
        """Solve for the depths at which thigh and shank have their full lengths (a quadratic each)."""
        hip, knee, ankle = self._rays(side)
        thigh, shank = self.paths.thigh_px / self.paths.leg_px, self.paths.shank_px / self.paths.leg_px
        away = self.distance_legs
        # |knee * (away - z) - ankle * away|^2 + z^2 = shank^2, the root in front
        apart = knee - ankle
        forward = _larger_root(
            _dot(knee, knee) + 1.0,
            -2.0 * away * _dot(knee, apart),
            away**2 * _dot(apart, apart) - shank**2,
        )
        forward = np.clip(forward, -0.1, _MOST_DEPTH_LEGS)
        # |hip * (near + w) - knee * near|^2 + w^2 = thigh^2, the root behind the knee
        near = away - forward
        apart = hip - knee
        back = _larger_root(
            _dot(hip, hip) + 1.0, 2.0 * near * _dot(hip, apart), near**2 * _dot(apart, apart) - thigh**2
        )
        back = np.clip(back, -0.1, _MOST_DEPTH_LEGS)
        return Depths(hip=forward - back, knee=forward)

    def _depth(self, side: Side, part: str) -> FloatArray:
        depths = self.depths[side]
        known = {"HIP": depths.hip, "KNEE": depths.knee, "ANKLE": np.zeros_like(depths.knee)}
        return known[part]

    def straightened(self) -> BodyPaths:
        """Return the paths with the sideways displacement that the model did not show of a turned leg.

        Depth times the sine of yaw is what a turned leg is displaced by; the model reads `turn_share` of it. Ankles
        stay where they are.
        """
        missing = (1.0 - self.model.turn_share) * np.sin(np.radians(self.yaw.yaw_deg)) * self.paths.leg_px
        if missing == 0.0:
            return self.paths
        smooth_px = self.paths.smooth_px.copy()
        for side in SIDES:
            for part in PARTS[:2]:
                shift = missing * self._depth(side, part)
                smooth_px[:, Joint[f"{side.name}_{part}"], 0] += np.where(np.isfinite(shift), shift, 0.0)
        return replace(self.paths, smooth_px=smooth_px)

    def knee_separation_px(self) -> FloatArray:
        """Return the distance between the knees across the picture, (T,); NaN where a leg was not seen.

        In pixels as long as those at the ankles' distance, where the scale is from: bent knees are nearer to the
        camera and look further apart, by a twentieth in a landing 4 m away. Both are taken to be as near as they are
        in the mean, so that it does not matter where in the picture the athlete is.
        """
        left, right = (self.paths.leg(side)[1][:, 0] for side in SIDES)
        depth = 0.5 * (self.depths[Side.LEFT].knee + self.depths[Side.RIGHT].knee)
        nearer = depth * np.cos(np.radians(self.yaw.yaw_deg)) / self.distance_legs
        return np.asarray(np.abs(left - right) * (1.0 - nearer))

    def fppa_deg(self, side: Side) -> FloatArray:
        """Return the knee's angle in the athlete's own frontal plane, (T,), positive medial; NaN where not seen."""
        yaw = np.radians(self.yaw.yaw_deg)
        sine, cosine = np.sin(yaw), np.cos(yaw)
        points = []
        for part, ray in zip(PARTS, self._rays(side), strict=True):
            depth = self._depth(side, part)
            across, down = np.moveaxis(ray * (self.distance_legs - depth * cosine)[:, None], -1, 0)
            points.append(np.stack([(across - depth * sine) / cosine, down], axis=-1))
        return angles.compute_fppa_deg(*points, side=side)

    def fppa_se_deg(self, side: Side) -> tuple[FloatArray, FloatArray]:
        """Return what yaw, and what the unknown lens, can change of `fppa_deg`, one standard deviation, each (T,).

        Worked out by doing it: the angle again with yaw and lens a standard deviation further each way.
        """
        turned = [
            replace(self, yaw=replace(self.yaw, yaw_deg=self.yaw.yaw_deg + step)).fppa_deg(side)
            for step in (-self.yaw.sd_deg, self.yaw.sd_deg)
        ]
        lenses = [
            replace(self, focal_share=self.focal_share * factor).fppa_deg(side)
            for factor in (1.0 / FOCAL_FACTOR, FOCAL_FACTOR)
        ]
        # What the model hides of a turn is put back from the same yaw, so that only what it shows can be wrong.
        by_yaw = 0.5 * self.model.turn_share * (turned[1] - turned[0])
        return by_yaw, 0.5 * (lenses[1] - lenses[0])


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.sum(a * b, axis=-1))


def _larger_root(square: FloatArray, linear: FloatArray, constant: FloatArray) -> FloatArray:
    """Return the larger root of a quadratic; where it has none, its turning point: the segment just seems too long."""
    discriminant = np.maximum(linear**2 - 4.0 * square * constant, 0.0)
    return np.asarray((-linear + np.sqrt(discriminant)) / (2.0 * square))


def with_frontal_series(kinematics: Kinematics, plane: FrontalPlane | None) -> Kinematics:
    """Return the series with the knee angles in the athlete's own frontal plane; NaN from the side, without a plane."""
    nothing = np.full(kinematics.time_s.shape, np.nan)
    own = {
        f"fppa_frontal_{side.value}_deg": nothing.copy() if plane is None else plane.fppa_deg(side)
        for side in SIDES
    }
    return replace(kinematics, series={**kinematics.series, **own})
