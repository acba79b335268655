"""A stick figure seen from the side, every angle in closed form (docs/method.md, "How it is tested").

Metres, x to the right of the picture, y up. Knee flexion, trunk lean and foot pitch are given functions
of time; the leg is built from the toe upwards on the floor and hangs from falling hips in the air.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import MIRROR, N_JOINTS, Joint
from app.biomech.types import PoseSource, PoseTrack
from tests.synth import SEGMENT_M, G

Array = NDArray[np.float64]
FOOT_M = 0.20
ANKLE_UP_M, ANKLE_BACK_M = 0.06, 0.15
"""Where the ankle is from the toe, along the sole and across it."""
TRUNK_M = 0.50
SHOULDERS_M, HIPS_M = 0.36, 0.20
"""Widths, seen only when the camera is not square to the side."""


@dataclass(frozen=True, kw_only=True)
class SideDropJump:
    """Parameters of one drop vertical jump and of the camera at its side."""

    fps: float = 60.0
    facing: int = -1
    """-1: the athlete faces the left of the picture and shows the left side."""
    box_m: float = 0.30
    stand_s: float = 0.8
    contact_s: float = 0.45
    landing_s: float = 0.45
    after_s: float = 0.6
    knee_deg: float = 22.0
    """Knee flexion at contact."""
    knee_rise_deg: float = 60.0
    """Half-sine added over the contact."""
    knee_speed_deg_s: float = 40.0
    """How fast the knee straightens before it touches."""
    trunk_deg: float = 12.0
    trunk_rise_deg: float = 22.0
    foot_deg: float = 15.0
    """Foot pitch at contact, toes down; negative arrives with the heel first."""
    shank_share: float = 0.42
    """Part of the knee flexion that tilts the shank; the thigh takes the rest."""
    turn_deg: float = 0.0
    """How far the camera is from square to the side."""
    far_confidence: float = 0.5
    far_offset_px: float = 10.0
    """The hidden leg is further away: drawn a little higher."""
    scale_px_m: float = 400.0
    size_px: tuple[int, int] = (1280, 1280)
    noise_m: float = 0.0
    seed: int = 0
    exchanged: tuple[tuple[float, float], ...] = ()
    """Stretches of time in which the model exchanges the two legs' names."""

    @property
    def contact_at_s(self) -> float:
        """True initial contact."""
        return self.stand_s + float(np.sqrt(2.0 * self.box_m / G))

    @property
    def peak_at_s(self) -> float:
        """True largest knee flexion."""
        return self.contact_at_s + 0.5 * self.contact_s

    @property
    def take_off_s(self) -> float:
        """True take-off."""
        return self.contact_at_s + self.contact_s

    @property
    def flight_s(self) -> float:
        """Time in the air of the rebound jump, 0.30 m high."""
        return 2.0 * float(np.sqrt(2.0 * 0.30 / G))

    @property
    def second_contact_s(self) -> float:
        """True second contact."""
        return self.take_off_s + self.flight_s

    def frame_times(self) -> Array:
        """Return the times of the frames."""
        end = self.second_contact_s + self.landing_s + self.after_s
        return np.arange(int(end * self.fps)) / self.fps

    def _inside(self, t: Array) -> Array:
        """Return the half-sine of both landings."""
        first = np.clip((t - self.contact_at_s) / self.contact_s, 0.0, 1.0)
        second = np.clip((t - self.second_contact_s) / self.landing_s, 0.0, 1.0)
        return np.sin(np.pi * first) + 0.7 * np.sin(np.pi * second)

    def knee(self, t: Array) -> Array:
        """True knee flexion, degrees."""
        fall = np.clip(self.contact_at_s - t, 0.0, self.contact_at_s - self.stand_s)
        return self.knee_deg + self.knee_rise_deg * self._inside(t) + self.knee_speed_deg_s * fall

    def trunk(self, t: Array) -> Array:
        """True forward lean of the trunk, degrees."""
        return self.trunk_deg + self.trunk_rise_deg * self._inside(t)

    def shank(self, t: Array) -> Array:
        """True forward tilt of the shank, degrees."""
        return self.shank_share * self.knee(t)

    def hip(self, t: Array) -> Array:
        """True hip flexion, degrees."""
        return self.trunk(t) + self.knee(t) - self.shank(t)

    def foot(self, t: Array) -> Array:
        """True pitch of the foot, toes down, degrees: level within 50 ms of a contact."""
        since = np.where(t >= self.second_contact_s, t - self.second_contact_s, t - self.contact_at_s)
        level = np.clip(1.0 - since / 0.05, 0.0, 1.0)
        airborne = (t < self.contact_at_s) | ((t > self.take_off_s) & (t < self.second_contact_s))
        standing = t < self.stand_s
        return np.where(standing, 0.0, np.where(airborne, self.foot_deg, self.foot_deg * level))

    def points(self, t: Array) -> dict[str, Array]:
        """Return the near limb in metres, facing the right of the picture, each (T, 2)."""
        pitch, shank = np.radians(self.foot(t)), np.radians(self.shank(t))
        thigh, trunk = np.radians(self.knee(t)) - shank, np.radians(self.trunk(t))

        def turned(x: float, y: float) -> Array:
            return np.stack(
                [x * np.cos(pitch) + y * np.sin(pitch), -x * np.sin(pitch) + y * np.cos(pitch)], axis=-1
            )

        toe = np.zeros((t.size, 2))
        heel = toe + turned(-FOOT_M, 0.0)
        ankle = toe + turned(-ANKLE_BACK_M, ANKLE_UP_M)
        knee = ankle + SEGMENT_M * np.stack([np.sin(shank), np.cos(shank)], axis=-1)
        hip = knee + SEGMENT_M * np.stack([-np.sin(thigh), np.cos(thigh)], axis=-1)
        shoulder = hip + TRUNK_M * np.stack([np.sin(trunk), np.cos(trunk)], axis=-1)
        lowest = np.minimum(heel[:, 1], 0.0)
        lift = self._lift(t, reach=hip[:, 1] - lowest) - lowest
        parts = {
            "FOOT_INDEX": toe,
            "HEEL": heel,
            "ANKLE": ankle,
            "KNEE": knee,
            "HIP": hip,
            "SHOULDER": shoulder,
        }
        return {name: part + np.stack([np.zeros_like(lift), lift], axis=-1) for name, part in parts.items()}

    def _lift(self, t: Array, *, reach: Array) -> Array:
        """Return the height of the lowest part of the foot over the floor: 0 in contact, hanging from falling hips."""
        fall, rise = t - self.stand_s, t - self.take_off_s
        speed = 0.5 * G * self.flight_s
        at_contact = np.interp(self.contact_at_s, t, reach)
        at_take_off = np.interp(self.take_off_s, t, reach)
        return np.select(
            [t < self.stand_s, t < self.contact_at_s, t < self.take_off_s, t < self.second_contact_s],
            [
                np.full_like(t, self.box_m),
                np.maximum(self.box_m - 0.5 * G * fall**2 + at_contact - reach, 0.0),
                np.zeros_like(t),
                np.maximum(speed * rise - 0.5 * G * rise**2 + at_take_off - reach, 0.0),
            ],
            0.0,
        )


def side_track(figure: SideDropJump) -> PoseTrack:
    """Return the pose track of the figure, the hidden leg guessed nearby and less sure."""
    t = figure.frame_times()
    xy_m = np.zeros((t.size, N_JOINTS, 2))
    parts = figure.points(t)
    parts["ELBOW"] = parts["SHOULDER"] + np.array([0.05, -0.25])
    parts["WRIST"] = parts["SHOULDER"] + np.array([0.15, -0.40])
    near, far = ("LEFT", "RIGHT") if figure.facing < 0 else ("RIGHT", "LEFT")
    for name, part in parts.items():
        for side in (near, far):
            xy_m[:, Joint[f"{side}_{name}"]] = part
    xy_m[:, : Joint.LEFT_SHOULDER] = (parts["SHOULDER"] + np.array([0.06, 0.22]))[:, None]
    jitter = np.random.default_rng(figure.seed).normal(0.0, 1.0, xy_m.shape) * figure.noise_m
    xy_m = xy_m * [figure.facing * np.cos(np.radians(figure.turn_deg)), 1.0] + jitter
    depth = np.sin(np.radians(figure.turn_deg))
    for joint in Joint:
        if joint >= Joint.LEFT_SHOULDER:
            wide = SHOULDERS_M if joint < Joint.LEFT_HIP else HIPS_M
            xy_m[:, joint, 0] += (0.5 if joint.name.startswith("LEFT") else -0.5) * wide * depth
    width, height = figure.size_px
    xy_px = np.array([0.5 * width, 0.8 * height]) + figure.scale_px_m * xy_m * [1.0, -1.0]
    confidence = np.full(xy_px.shape[:2], 0.98)
    hidden = [j for j in Joint if j.name.startswith(far) and j >= Joint.LEFT_HIP]
    confidence[:, hidden] = figure.far_confidence
    xy_px[:, hidden, 1] -= figure.far_offset_px
    for start, stop in figure.exchanged:
        frames = (t >= start) & (t < stop)
        xy_px[frames], confidence[frames] = xy_px[frames][:, MIRROR], confidence[frames][:, MIRROR]
    return PoseTrack(
        time_s=t,
        xy_px=xy_px,
        confidence=confidence,
        world_m=None,
        image_size_px=figure.size_px,
        source=PoseSource(estimator="stick figure", model="analytic", model_sha256="-"),
        n_people=np.ones(t.size),
    )


def side_drop_jump(**changes: object) -> tuple[SideDropJump, PoseTrack]:
    """Return a figure and its track; keywords change the figure's parameters."""
    figure = replace(SideDropJump(), **changes)  # type: ignore[arg-type]  # parameters by name, checked by the dataclass
    return figure, side_track(figure)
