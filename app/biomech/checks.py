"""Checks of a clip that hold for every movement: people, picture, frame rate, tracking.

Each returns findings; none raises. Limits are ours [P] unless a source is named.
"""

import numpy as np

from app.biomech import signals
from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths
from app.biomech.quality import make_finding
from app.biomech.types import BoolArray, FloatArray, PoseTrack, QualityFinding, Severity, VideoInfo
from app.biomech.view import Yaw

Findings = list[QualityFinding]

LOW_RATE_HZ = 50.0
"""Below, values at contact and times get a warning; 60 Hz is accepted with wider errors (method section 1.1)."""
UNUSABLE_RATE_HZ = 20.0
SMALL_THIGH_PX = 80.0
MIN_PERSON_FRAMES = 4
"""Fewer readings are taken for a false alarm [P]: a person who stands still is read ten times a second only."""
CROWD_RATIO = 0.35
"""A smaller second person is far behind and not mistaken for the athlete [P]."""
SWAP_SHARE = 0.03
"""Method section 9.3."""
LOST_GAP_S = 0.200
"""Longest stretch without hips, knees and ankles between contact and take-off (method section 9.4)."""
UNSEEN_SHARE = 0.25
OUT_OF_FRAME_S = 0.05
TILT_LIMIT_DEG = 4.0
BEHIND_DEG = 120.0
_FEET = tuple(Joint[f"{s}_{p}"] for s in ("LEFT", "RIGHT") for p in ("ANKLE", "FOOT_INDEX"))
_BODY = tuple(Joint[f"{s}_{p}"] for s in ("LEFT", "RIGHT") for p in ("SHOULDER", "HIP", "KNEE"))


def has_athlete(track: PoseTrack) -> bool:
    """Return whether a body was found in enough frames to look for a movement."""
    hips = track.xy_px[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP]]
    found = int(np.count_nonzero(np.isfinite(hips).all(axis=(1, 2))))
    return found >= MIN_PERSON_FRAMES


def check_rate(video: VideoInfo, track: PoseTrack) -> Findings:
    """Return what the frame rate allows, by the time stamps and not by the file's own claim."""
    rate_hz = signals.median_rate_hz(track.time_s)
    rate_hz = video.nominal_fps_hz if not np.isfinite(rate_hz) else rate_hz
    if rate_hz < UNUSABLE_RATE_HZ:
        return [make_finding("fps_too_low", fps_hz=rate_hz)]
    return [make_finding("fps_low", fps_hz=rate_hz)] if rate_hz < LOW_RATE_HZ else []


def check_people(track: PoseTrack) -> Findings:
    """Return a warning when somebody else of some size stands in the picture."""
    if track.bystander_ratio < CROWD_RATIO:
        return []
    return [make_finding("multiple_people", ratio=track.bystander_ratio)]


def check_size(paths: BodyPaths) -> Findings:
    """Return a warning when the athlete is so small that a pixel is a large angle."""
    if paths.thigh_px >= SMALL_THIGH_PX:
        return []
    return [make_finding("athlete_too_small", thigh_px=paths.thigh_px, limit_px=SMALL_THIGH_PX)]


def check_sides(paths: BodyPaths, window: BoolArray) -> Findings:
    """Return a warning when the model exchanged left and right, in the landing or often."""
    n = int(np.count_nonzero(paths.swapped))
    if n == 0 or (n <= SWAP_SHARE * paths.swapped.size and not np.any(paths.swapped & window)):
        return []
    return [make_finding("left_right_swapped", n_frames=n, frame=int(np.flatnonzero(paths.swapped)[0]))]


def check_tracking(paths: BodyPaths, window: BoolArray) -> Findings:
    """Return whether hips, knees and ankles were followed through the landing.

    Parameters
    ----------
    paths
        Clean paths.
    window : BoolArray, shape (T,)
        From just before contact to take-off.
    """
    time_s, seen = paths.time_s[window], paths.seen[window]
    if time_s.size < 2:
        return [make_finding("landing_not_tracked")]
    gap_s = signals.longest_gap_s(time_s, seen)
    first = int(np.flatnonzero(window & ~paths.seen)[0]) if not seen.all() else None
    if gap_s > LOST_GAP_S:
        return [make_finding("landing_not_tracked", gap_ms=gap_s * 1000.0, frame=first)]
    share = float(np.mean(~seen))
    if gap_s > signals.MAX_GAP_S or share > UNSEEN_SHARE:
        return [make_finding("low_confidence", share=share, frame=first)]
    return []


def check_missing_frames(time_s: FloatArray, window: BoolArray) -> Findings:
    """Return a warning when the file itself lacks frames around the landing."""
    steps = np.diff(time_s[window])
    usual = float(np.median(np.diff(time_s)))
    if steps.size == 0 or float(steps.max()) < max(2.5 * usual, 0.025):
        return []
    at = int(np.flatnonzero(window)[int(np.argmax(steps))])
    return [make_finding("frames_missing", gap_ms=float(steps.max()) * 1000.0, frame=at)]


def check_frame_edges(track: PoseTrack, window: BoolArray) -> Findings:
    """Return whether feet or body leave the picture in a window.

    A pose model guesses points beyond the edge, so a landmark outside the picture was not seen.
    """
    outside = points_outside(track)
    findings: Findings = []
    feet = outside[:, _FEET].any(axis=1) & window
    if _lasts(track.time_s, feet):
        findings.append(make_finding("feet_out_of_frame", frame=int(np.flatnonzero(feet)[0])))
    body = outside[:, _BODY].any(axis=1) & window
    if _lasts(track.time_s, body):
        findings.append(make_finding("body_out_of_frame", frame=int(np.flatnonzero(body)[0])))
    return findings


def check_later_feet(track: PoseTrack, window: BoolArray) -> Findings:
    """Return a warning when the feet leave the picture outside the landing itself."""
    feet = points_outside(track)[:, _FEET].any(axis=1) & window
    if not _lasts(track.time_s, feet):
        return []
    return [make_finding("feet_out_of_frame", severity=Severity.WARNING, frame=int(np.flatnonzero(feet)[0]))]


def points_outside(track: PoseTrack) -> BoolArray:
    """Return which landmarks lie outside the picture, (T, 33); a missing one does not."""
    width, height = track.image_size_px
    x, y = track.xy_px[..., 0], track.xy_px[..., 1]
    with np.errstate(invalid="ignore"):
        return np.asarray((x < 0) | (x > width) | (y < 0) | (y > height))


def _lasts(time_s: FloatArray, mask: BoolArray) -> bool:
    """Return whether a mask holds for longer than `OUT_OF_FRAME_S` in all."""
    if time_s.size < 2:
        return False
    return float(np.count_nonzero(mask) * np.median(np.diff(time_s))) > OUT_OF_FRAME_S


def check_view(yaw: Yaw | None, *, behind_is_fine: bool = False) -> Findings:
    """Return whether the camera stands in front, and whether the sides may be compared."""
    if yaw is None or (behind_is_fine and abs(yaw.yaw_deg) > BEHIND_DEG):
        return []
    turned_deg = abs(yaw.yaw_deg)
    if not yaw.is_frontal:
        behind = [make_finding("facing_away")] if turned_deg > BEHIND_DEG else []
        return [make_finding("view_not_frontal", yaw_deg=turned_deg, sd_deg=yaw.sd_deg), *behind]
    return (
        [] if yaw.is_square else [make_finding("athlete_not_square", yaw_deg=turned_deg, sd_deg=yaw.sd_deg)]
    )


def check_tilt(paths: BodyPaths, still: BoolArray) -> Findings:
    """Return a warning when the standing athlete leans as a whole, which is a tilted camera."""
    body = paths.middle("SHOULDER") - paths.middle("ANKLE")
    lean = np.degrees(np.arctan2(body[:, 0], -body[:, 1]))[still]
    lean = lean[np.isfinite(lean)]
    if lean.size < 5 or abs(float(np.median(lean))) < TILT_LIMIT_DEG:
        return []
    return [make_finding("camera_tilted", roll_deg=abs(float(np.median(lean))))]
