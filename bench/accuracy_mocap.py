"""Marker recordings seen through virtual cameras: real movement, exact truth, any camera.

Joint centres are worked out from the markers of a TRC file and projected through cameras that stand square or turned,
near or far, level or tilted. Landmarks get jitter and a constant error of their own, depth is as flat as the pose
model's, so that what is asked is whether the measurement recovers the angles within the errors it states.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.biomech.angles import compute_fppa_deg
from app.biomech.joints import N_JOINTS, Joint
from app.biomech.pipeline import assess_trial
from app.biomech.types import EventName, PoseSource, PoseTrack, Side, TrialContext, VideoInfo
from bench.accuracy_truth import ClipResult, Reading

Array = NDArray[np.float64]

KNEE_TO_CENTRE_M, ANKLE_TO_CENTRE_M = 0.052, 0.035
"""From the lateral marker to the joint's centre, towards the other leg."""
JITTER_PX, LANDMARK_SD_LEGS = 1.2, 0.005
"""Of every frame, and of a whole clip: what a pose model adds. The second is 1.4 deg of FPPA a knee: what the
landmark model leaves of it in rendered clips it was not fitted to (hips 0.6 %, knees and ankles 0.4 % of the leg)."""
FLATNESS = 0.62
"""Depth in the pose model's own space over true depth."""
SIZE_PX = (720, 1280)
MARKERS = {
    "HIP": ("R_HJC", "L_HJC"),
    "KNEE": ("r_knee", "L_knee"),
    "ANKLE": ("r_ankle", "L_ankle"),
    "HEEL": ("r_calc", "L_calc"),
    "FOOT_INDEX": ("r_toe", "L_toe"),
    "SHOULDER": ("R_Shoulder", "L_Shoulder"),
    "ELBOW": ("R_elbow_lat", "L_elbow_lat"),
    "WRIST": ("R_wrist_radius", "L_wrist_radius"),
}


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where a virtual camera stands, relative to an athlete who faces it."""

    name: str
    yaw_deg: float = 0.0
    """The athlete turns towards their own left by this much."""
    distance_m: float = 4.0
    height_m: float = 0.8
    pitch_deg: float = 0.0
    """Positive looks down."""
    roll_deg: float = 0.0
    focal_px: float = 1100.0


CAMERAS = (
    Camera(name="square"),
    Camera(name="yaw 5", yaw_deg=5.0),
    Camera(name="yaw 10", yaw_deg=-10.0),
    Camera(name="yaw 20", yaw_deg=20.0),
    Camera(name="near", distance_m=2.8, focal_px=850.0),
    Camera(name="far", distance_m=7.0, focal_px=1900.0),
    Camera(name="tilted", pitch_deg=5.0, roll_deg=2.0),
)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Joint centres of one marker recording: metres, x the athlete's left, y up, z where the athlete faces."""

    name: str
    time_s: Array
    points: Array
    """(T, 33, 3); landmarks that no marker stands for are at the head."""

    @property
    def leg_m(self) -> float:
        """Straight leg."""
        hip, knee, ankle = (self.points[:, Joint[f"LEFT_{part}"]] for part in ("HIP", "KNEE", "ANKLE"))
        lengths = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
        return float(np.median(lengths))

    def frontal_fppa_deg(self, side: Side) -> Array:
        """Return the true angle in the athlete's own frontal plane."""
        return _fppa(self.points[..., :2] * [1.0, -1.0], side)

    def image_fppa_deg(self, side: Side, camera: Camera) -> Array:
        """Return the true angle in a camera's picture."""
        return _fppa(project(self.points, camera), side)


def _fppa(picture: Array, side: Side) -> Array:
    hip, knee, ankle = (picture[:, Joint[f"{side.name}_{part}"]] for part in ("HIP", "KNEE", "ANKLE"))
    return compute_fppa_deg(hip, knee, ankle, side=side)


def read_trc(path: Path) -> Recording:
    """Return a recording of a TRC file in millimetres whose second axis points up."""
    lines = path.read_text().splitlines()
    names = [name for name in lines[3].split("\t")[2:] if name.strip()]
    rows = [line.split("\t") for line in lines[5:] if line.strip()]
    table = np.array([[float(cell) if cell.strip() else np.nan for cell in row] for row in rows])
    time_s = table[:, 1]
    at = {name: table[:, 2 + 3 * k : 5 + 3 * k] / 1000.0 for k, name in enumerate(names)}
    points = np.full((time_s.size, N_JOINTS, 3), np.nan)
    for part, (right, left) in MARKERS.items():
        points[:, Joint[f"RIGHT_{part}"]], points[:, Joint[f"LEFT_{part}"]] = at[right], at[left]
    points = _facing(points)
    for part, inwards_m in (("KNEE", KNEE_TO_CENTRE_M), ("ANKLE", ANKLE_TO_CENTRE_M)):
        points[:, Joint[f"RIGHT_{part}"], 0] += inwards_m
        points[:, Joint[f"LEFT_{part}"], 0] -= inwards_m
    head = points[:, [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]].mean(axis=1) + np.array([0.0, 0.25, 0.05])
    points[:, : Joint.LEFT_SHOULDER] = head[:, None]
    hands = [j for j in Joint if Joint.LEFT_PINKY <= j <= Joint.RIGHT_THUMB]
    points[:, hands] = points[:, [Joint.LEFT_WRIST]]
    return Recording(name=path.stem, time_s=time_s, points=points)


def _facing(points: Array) -> Array:
    """Return the points with x to the athlete's left, y up and z where the pelvis faces on the whole, feet at the middle."""
    left = np.nanmedian(points[:, Joint.LEFT_HIP] - points[:, Joint.RIGHT_HIP], axis=0) * [1.0, 0.0, 1.0]
    across = left / np.linalg.norm(left)
    forward = np.cross(across, [0.0, 1.0, 0.0])
    axes = np.stack([across, [0.0, 1.0, 0.0], forward])
    turned: Array = points @ axes.T
    feet = np.nanmedian(turned[:, [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE]], axis=(0, 1))
    floor = np.nanmin(turned[:, [Joint.LEFT_FOOT_INDEX, Joint.RIGHT_FOOT_INDEX], 1])
    return np.asarray(turned - [feet[0], floor, feet[2]])


def project(points: Array, camera: Camera) -> Array:
    """Return the picture of points in the athlete's axes, pixels with y down."""
    yaw, pitch, roll = np.radians([camera.yaw_deg, camera.pitch_deg, camera.roll_deg])
    x, y, z = np.moveaxis(points, -1, 0)
    across, towards = np.cos(yaw) * x + np.sin(yaw) * z, -np.sin(yaw) * x + np.cos(yaw) * z
    up, away = y - camera.height_m, camera.distance_m - towards
    up, away = np.cos(pitch) * up + np.sin(pitch) * away, np.cos(pitch) * away - np.sin(pitch) * up
    u, v = camera.focal_px * across / away, -camera.focal_px * up / away
    return np.stack(
        [
            0.5 * SIZE_PX[0] + np.cos(roll) * u - np.sin(roll) * v,
            0.5 * SIZE_PX[1] + np.sin(roll) * u + np.cos(roll) * v,
        ],
        axis=-1,
    )


def to_track(recording: Recording, camera: Camera, *, seed: int) -> PoseTrack:
    """Return the pose track that a pose model would give of a recording."""
    rng = np.random.default_rng(seed)
    xy_px = project(recording.points, camera)
    leg_px = recording.leg_m * camera.focal_px / camera.distance_m
    xy_px = xy_px + rng.normal(0.0, LANDMARK_SD_LEGS * leg_px, (1, N_JOINTS, 2))
    xy_px = xy_px + rng.normal(0.0, JITTER_PX, xy_px.shape)
    yaw = np.radians(camera.yaw_deg)
    x, y, z = np.moveaxis(
        recording.points - recording.points[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP]].mean(axis=1, keepdims=True),
        -1,
        0,
    )
    towards = -np.sin(yaw) * x + np.cos(yaw) * z
    world_m = np.stack([np.cos(yaw) * x + np.sin(yaw) * z, -y, -FLATNESS * towards], axis=-1)
    world_m = world_m + rng.normal(0.0, 0.004, (1, N_JOINTS, 3)) + rng.normal(0.0, 0.006, world_m.shape)
    return PoseTrack(
        time_s=recording.time_s - recording.time_s[0],
        xy_px=xy_px,
        confidence=np.ones(xy_px.shape[:2]),
        world_m=world_m,
        image_size_px=SIZE_PX,
        source=PoseSource(estimator="virtual camera", model=camera.name, model_sha256="-"),
        n_people=np.ones(recording.time_s.size),
    )


def views(folder: Path) -> Iterator[tuple[Recording, Camera, PoseTrack]]:
    """Yield every marker recording of a folder through every camera."""
    for number, path in enumerate(sorted(folder.rglob("*.trc"))):
        recording = read_trc(path)
        for camera in CAMERAS:
            yield recording, camera, to_track(recording, camera, seed=number)


def measure(folder: Path) -> list[ClipResult]:
    """Return what is measured of every drop jump of a folder of marker recordings, through every camera."""
    return [_measure(*view) for view in views(folder) if view[0].name.startswith("DJ")]


def _measure(recording: Recording, camera: Camera, track: PoseTrack) -> ClipResult:
    stature_cm = recording.leg_m / 0.491 * 100.0
    video = VideoInfo(
        width_px=SIZE_PX[0],
        height_px=SIZE_PX[1],
        duration_s=float(track.time_s[-1]),
        n_frames=track.time_s.size,
        nominal_fps_hz=float(1.0 / np.median(np.diff(track.time_s))),
        rotation_deg=0,
        codec="markers",
        sha256="-",
    )
    outcome = assess_trial(video=video, track=track, context=TrialContext(stature_cm=stature_cm))
    result = ClipResult(
        name=f"{recording.name} {camera.name}",
        source="markers",
        verdict=outcome.verdict.value,
        findings=[finding.code for finding in outcome.findings],
    )
    lowest = [event.time_s for event in outcome.events if event.name is EventName.PEAK_KNEE_FLEXION]
    true = {
        key: {side: series(side) for side in (Side.LEFT, Side.RIGHT)}
        for key, series in (
            ("fppa", lambda side: recording.image_fppa_deg(side, camera)),
            ("fppa_frontal", recording.frontal_fppa_deg),
        )
    }
    for metric in outcome.metrics:
        if metric.key not in true or metric.event != "peak_knee_flexion" or metric.value is None:
            continue
        sides = (Side.LEFT, Side.RIGHT) if metric.side is Side.BOTH else (metric.side,)
        known = float(np.mean([np.interp(lowest[0], track.time_s, true[metric.key][side]) for side in sides]))
        result.readings.append(
            Reading(f"dvj {camera.name}", metric.key, metric.side.value, metric.event, "deg",
                    metric.value, known, metric.se)
        )  # fmt: skip
    return result
