"""A stick figure with closed-form truth: the first oracle of every number (docs/method.md, "How it is tested").

Metres, x to the right of the picture, y up, z towards the camera; the athlete faces the camera, so the
left leg stands at positive x. On the floor the legs fold evenly; in the air they are straight.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import MIRROR, N_JOINTS, Joint
from app.biomech.types import PoseSource, PoseTrack, VideoInfo

Array = NDArray[np.float64]
G = 9.81
SEGMENT_M = 0.42
LEG_M = 2.0 * SEGMENT_M
ANKLE_M = 0.08
STANCE_M = 0.10
HIP_M = ANKLE_M + LEG_M


@dataclass(frozen=True, kw_only=True)
class DropJump:
    """Parameters of one drop vertical jump and of the camera that sees it."""

    fps: float = 60.0
    phase: float = 0.0
    """Start of the first frame within a frame interval, 0-1."""
    box_m: float = 0.30
    stand_s: float = 0.8
    contact_s: float = 0.35
    landing_s: float = 0.40
    after_s: float = 0.6
    base_deg: tuple[float, float] = (2.0, 2.0)
    """FPPA left, right outside the landing."""
    rise_deg: tuple[float, float] = (12.0, 12.0)
    """Half-sine added over the contact: the valgus displacement."""
    lean_deg: float = 0.0
    """Lateral trunk lean, positive to the athlete's left."""
    delay_s: float = 0.0
    """How much later the left foot lands."""
    lead_s: float = 0.0
    """How much earlier the right foot leaves the box."""
    yaw_deg: float = 0.0
    """Positive: the athlete turns towards their own left."""
    roll_deg: float = 0.0
    scale_px_m: float = 400.0
    distance_m: float = 0.0
    """Camera distance for a perspective picture; 0 is orthographic."""
    size_px: tuple[int, int] = (720, 1280)
    noise_m: float = 0.0
    seed: int = 0
    slow: float = 1.0
    """Slow-motion factor: the file plays this many times slower than real."""
    world: bool = False

    @property
    def step_off_s(self) -> float:
        """True instant of leaving the box."""
        return self.stand_s

    @property
    def fall_s(self) -> float:
        """Time of the fall."""
        return float(np.sqrt(2.0 * self.box_m / G))

    @property
    def touch_speed(self) -> float:
        """Speed at contact."""
        return G * self.fall_s

    @property
    def contact_at_s(self) -> float:
        """True initial contact."""
        return self.stand_s + self.fall_s

    @property
    def lowest_at_s(self) -> float:
        """True lowest point of the hips."""
        return self.contact_at_s + 0.5 * self.contact_s

    @property
    def take_off_s(self) -> float:
        """True take-off."""
        return self.contact_at_s + self.contact_s

    @property
    def flight_s(self) -> float:
        """Time in the air of the rebound jump."""
        return 2.0 * self.touch_speed / G

    @property
    def second_contact_s(self) -> float:
        """True second contact."""
        return self.take_off_s + self.flight_s

    @property
    def end_s(self) -> float:
        """End of the figure's movement."""
        return self.second_contact_s + self.landing_s + self.after_s

    def frame_times(self) -> Array:
        """Return the true times of the frames."""
        return (np.arange(int(self.end_s * self.fps)) + self.phase) / self.fps

    def hip_height(self, t: Array) -> Array:
        """Return the height of the hips."""
        v = self.touch_speed
        fall, rise = t - self.step_off_s, t - self.take_off_s
        dip = np.sin(np.pi * np.clip((t - self.contact_at_s) / self.contact_s, 0.0, 1.0))
        dip2 = np.sin(np.pi * np.clip((t - self.second_contact_s) / self.landing_s, 0.0, 1.0))
        return HIP_M + np.select(
            [
                t < self.step_off_s,
                t < self.contact_at_s,
                t < self.take_off_s,
                t < self.second_contact_s,
            ],
            [
                np.full_like(t, self.box_m),
                self.box_m - 0.5 * G * fall**2,
                -v * self.contact_s / np.pi * dip,
                v * rise - 0.5 * G * rise**2,
            ],
            -v * self.landing_s / np.pi * dip2,
        )

    def foot_height(self, t: Array, *, left: bool) -> Array:
        """Return the height of a foot above its place on the floor."""
        airborne = np.maximum(self.hip_height(t) - HIP_M, 0.0)
        if left and self.delay_s:
            late = t - self.delay_s
            falling = (t > self.step_off_s) & (late < self.contact_at_s)
            return np.where(falling, np.maximum(self.hip_height(late) - HIP_M, 0.0), airborne)
        if not left and self.lead_s:
            begin, end = self.step_off_s - self.lead_s, self.contact_at_s - 0.12
            inside = np.clip((t - begin) / (end - begin), 0.0, 1.0)
            return airborne - 0.08 * np.sin(np.pi * inside) ** 2
        return airborne

    def fppa(self, t: Array, *, left: bool) -> Array:
        """Return the true frontal-plane projection angle."""
        at = 0 if left else 1
        inside = np.clip((t - self.contact_at_s) / self.contact_s, 0.0, 1.0)
        return self.base_deg[at] + self.rise_deg[at] * np.sin(np.pi * inside)


def body_points(figure: DropJump, t: Array) -> Array:
    """Return all landmarks in metres, (T, 33, 3)."""
    points = np.zeros((t.size, N_JOINTS, 3))
    hip_y = figure.hip_height(t)
    for left, side in ((True, "LEFT"), (False, "RIGHT")):
        sign = 1.0 if left else -1.0
        ankle_y = figure.foot_height(t, left=left) + ANKLE_M
        half = np.minimum(0.5 * (hip_y - ankle_y), SEGMENT_M)
        inwards = half * np.tan(np.radians(figure.fppa(t, left=left)) / 2.0)
        forwards = np.sqrt(np.maximum(SEGMENT_M**2 - half**2, 0.0))
        x = np.full_like(t, sign * STANCE_M)
        zero = np.zeros_like(t)
        parts = {
            "HIP": (x, hip_y, zero),
            "KNEE": (x - sign * inwards, 0.5 * (hip_y + ankle_y), forwards),
            "ANKLE": (x, ankle_y, zero),
            "HEEL": (x, ankle_y - 0.06, zero - 0.05),
            "FOOT_INDEX": (x, ankle_y - 0.06, zero + 0.15),
        }
        tilt = np.radians(figure.lean_deg)
        top = (0.5 * np.sin(tilt), 0.5 * np.cos(tilt))
        parts["SHOULDER"] = (sign * 0.18 + top[0] + zero, hip_y + top[1], zero)
        parts["ELBOW"] = (sign * 0.22 + top[0] + zero, hip_y + top[1] - 0.25, zero)
        parts["WRIST"] = (sign * 0.22 + top[0] + zero, hip_y + top[1] - 0.45, zero + 0.1)
        for part, coordinates in parts.items():
            points[:, Joint[f"{side}_{part}"]] = np.stack(coordinates, axis=-1)
    head = points[:, [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]].mean(axis=1) + np.array([0.0, 0.25, 0.05])
    points[:, : Joint.LEFT_SHOULDER] = head[:, None]
    return points


def turned(points: Array, yaw_deg: float) -> Array:
    """Return the points turned about the vertical, positive towards the athlete's left."""
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([c * x + s * z, y, -s * x + c * z], axis=-1)


def project(figure: DropJump, points: Array) -> Array:
    """Return the picture of the points, pixels with y down."""
    eye = np.array([0.0, 0.9])
    near = figure.distance_m / (figure.distance_m - points[..., 2:]) if figure.distance_m else 1.0
    plane = (points[..., :2] - eye) * near * figure.scale_px_m
    c, s = np.cos(np.radians(figure.roll_deg)), np.sin(np.radians(figure.roll_deg))
    x, y = c * plane[..., 0] - s * plane[..., 1], s * plane[..., 0] + c * plane[..., 1]
    width, height = figure.size_px
    return np.stack([0.5 * width + x, 0.5 * height - y], axis=-1)


def to_track(figure: DropJump, t: Array, points: Array) -> PoseTrack:
    """Return the pose track that a perfect estimator with some jitter would give."""
    points = turned(points, figure.yaw_deg)
    jitter = np.random.default_rng(figure.seed).normal(0.0, 1.0, (*points.shape[:2], 2)) * figure.noise_m
    xy_px = project(figure, points) + jitter * figure.scale_px_m
    world_m = None
    if figure.world:
        # The model's space: x right, y down, z away from the camera, centred on the hips, too shallow.
        centred = points - points[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP]].mean(axis=1, keepdims=True)
        world_m = centred * [1.0, -1.0, -0.62]
    return PoseTrack(
        time_s=t * figure.slow,
        xy_px=xy_px,
        confidence=np.ones(xy_px.shape[:2]),
        world_m=world_m,
        image_size_px=figure.size_px,
        source=PoseSource(estimator="stick figure", model="analytic", model_sha256="-"),
        n_people=np.ones(t.size),
    )


def drop_jump(**changes: object) -> tuple[DropJump, PoseTrack]:
    """Return a figure and its track; keywords change the figure's parameters."""
    figure = replace(DropJump(), **changes)  # type: ignore[arg-type]  # parameters by name, checked by the dataclass
    t = figure.frame_times()
    return figure, to_track(figure, t, body_points(figure, t))


def with_hips(figure: DropJump, t: Array, sink_m: Array, *, lift_left_m: float = 0.0) -> PoseTrack:
    """Return a track of somebody who stays on the spot and sinks by so much; one foot may be held up."""
    points = body_points(replace(figure, box_m=1e-9), np.full_like(t, -1.0))
    upper = [j for j in Joint if j <= Joint.RIGHT_HIP]
    points[:, upper, 1] -= sink_m[:, None]
    for left, side in ((True, "LEFT"), (False, "RIGHT")):
        lift = (
            lift_left_m * np.clip(np.minimum(t - 0.3, t[-1] - 0.3 - t) / 0.3, 0.0, 1.0) if left else 0.0 * t
        )
        for part in ("ANKLE", "HEEL", "FOOT_INDEX"):
            points[:, Joint[f"{side}_{part}"], 1] += lift
        hip, ankle = points[:, Joint[f"{side}_HIP"], 1], points[:, Joint[f"{side}_ANKLE"], 1]
        points[:, Joint[f"{side}_KNEE"], 1] = 0.5 * (hip + ankle)
    return to_track(figure, t, points)


def cut(track: PoseTrack, *, start_s: float = -np.inf, stop_s: float = np.inf) -> PoseTrack:
    """Return the part of a track between two times."""
    keep = (track.time_s >= start_s) & (track.time_s <= stop_s)
    return replace(
        track,
        time_s=track.time_s[keep],
        xy_px=track.xy_px[keep],
        confidence=track.confidence[keep],
        world_m=None if track.world_m is None else track.world_m[keep],
        n_people=track.n_people[keep],
    )


def without(track: PoseTrack, *, start_s: float, stop_s: float) -> PoseTrack:
    """Return a track in which the athlete was not found for a while."""
    gone = (track.time_s > start_s) & (track.time_s < stop_s)
    xy_px, confidence = track.xy_px.copy(), track.confidence.copy()
    xy_px[gone], confidence[gone] = np.nan, np.nan
    return replace(track, xy_px=xy_px, confidence=confidence)


def mirrored(track: PoseTrack) -> PoseTrack:
    """Return the track of the mirrored picture."""
    xy_px = track.xy_px[:, MIRROR] * [-1.0, 1.0] + [track.image_size_px[0], 0.0]
    world_m = None if track.world_m is None else track.world_m[:, MIRROR] * [-1.0, 1.0, 1.0]
    return replace(track, xy_px=xy_px, confidence=track.confidence[:, MIRROR], world_m=world_m)


def video_of(track: PoseTrack) -> VideoInfo:
    """Return the description of a file that would give this track."""
    width, height = track.image_size_px
    return VideoInfo(
        width_px=width,
        height_px=height,
        duration_s=float(track.time_s[-1] - track.time_s[0]),
        n_frames=track.time_s.size,
        nominal_fps_hz=float(1.0 / np.median(np.diff(track.time_s))),
        rotation_deg=0,
        codec="h264",
        sha256="0" * 64,
    )
