"""From a pose track to smooth landmark paths, segment lengths and the series that are shown."""

from dataclasses import dataclass

import numpy as np

from app.biomech import angles, signals
from app.biomech.corrections import HandMarks
from app.biomech.joints import LEFT_RIGHT_PAIRS, MIRROR, MIRROR_LINES, N_JOINTS, Joint
from app.biomech.picture import NO_DOUBT, Doubt
from app.biomech.types import BoolArray, FloatArray, Kinematics, PoseTrack, Side

SIDES: tuple[Side, Side] = (Side.LEFT, Side.RIGHT)
MIN_CONFIDENCE = 0.3
"""Visibility below which a landmark counts as not seen [P]. The heels of a frontal view, behind the
toes, come with 0.5-0.6 in good clips, so a higher limit would drop good points."""
_TRUNK_AND_LEGS = (
    Joint.LEFT_SHOULDER,
    Joint.RIGHT_SHOULDER,
    Joint.LEFT_HIP,
    Joint.RIGHT_HIP,
    Joint.LEFT_KNEE,
    Joint.RIGHT_KNEE,
    Joint.LEFT_ANKLE,
    Joint.RIGHT_ANKLE,
)
_LEGS = _TRUNK_AND_LEGS[2:]
_SPIKE_LEGS = 0.08
"""A lone sample this far (in leg lengths) from its neighbours is a tracking error, not a movement [P]."""
_STRETCH_LIMIT = 1.35
"""A thigh or shank longer than this times its length in the clip is a tracking error [P]: perspective
lengthens a segment by at most a tenth, and foreshortening only shortens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPaths:
    """Landmark paths ready to be measured, pixels, y down."""

    time_s: FloatArray
    """(T,)"""
    rate_hz: float
    raw_px: FloatArray
    """(T, 33, 2) outliers dropped and short gaps filled, not smoothed: for events."""
    smooth_px: FloatArray
    """(T, 33, 2) zero-phase smoothed: for angles."""
    cutoff_hz: float
    jitter_px: float
    """Standard deviation of one coordinate of a leg landmark in the raw paths."""
    leg_px: float
    """Hip to ankle along the straight leg; the unit of length where no scale is known."""
    thigh_px: float
    shank_px: float
    seen: BoolArray
    """(T,) hips, knees and ankles were seen in the frame itself, without filling."""
    measured: BoolArray
    """(T, 33) the landmark was seen in the frame itself, without filling."""
    swapped: BoolArray
    """(T,) left and right were exchanged back."""
    image_size_px: tuple[int, int]
    """(width, height) of the upright picture."""
    doubt: Doubt = NO_DOUBT
    """What the picture itself adds to standard errors."""
    outline_px: FloatArray | None = None
    """(T, 7, 2, 2) edges of hips and legs (`outline`), sides put right; None where they were not looked at."""

    def leg(self, side: Side, *, raw: bool = False) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return hip, knee and ankle of one side, each (T, 2)."""
        paths = self.raw_px if raw else self.smooth_px
        hip, knee, ankle = (Joint[f"{side.name}_{part}"] for part in ("HIP", "KNEE", "ANKLE"))
        return paths[:, hip], paths[:, knee], paths[:, ankle]

    def foot(self, side: Side, part: str) -> FloatArray:
        """Return one landmark of a foot (``FOOT_INDEX``, ``HEEL`` or ``ANKLE``), unsmoothed, (T, 2)."""
        return self.raw_px[:, Joint[f"{side.name}_{part}"]]

    def middle(self, part: str, *, raw: bool = False) -> FloatArray:
        """Return the mid-point of a left-right pair, (T, 2)."""
        paths = self.raw_px if raw else self.smooth_px
        return 0.5 * (paths[:, Joint[f"LEFT_{part}"]] + paths[:, Joint[f"RIGHT_{part}"]])


def prepare_paths(track: PoseTrack, marks: HandMarks | None = None) -> BodyPaths:
    """Return clean paths: doubtful points dropped, sides put right, short gaps filled, smoothed.

    Parameters
    ----------
    track
        As the estimator gave it, or as it was put right. NaN is "not measured".
    marks
        What a person settled; it is neither dropped nor exchanged.
    """
    seen_px = np.where(track.confidence[..., None] >= MIN_CONFIDENCE, track.xy_px, np.nan)
    seen_px, swapped = _unswap(seen_px, settled=None if marks is None else marks.sides)
    leg_px = _straight_leg_px(seen_px)[0]
    if np.isfinite(leg_px):
        cleaned = _drop_stretched(signals.drop_outliers(seen_px, limit=_SPIKE_LEGS * leg_px))
        if marks is not None and marks.points.any():
            exchanged = swapped[:, None] & (np.arange(N_JOINTS) >= Joint.LEFT_HIP)
            placed = np.where(exchanged, marks.points[:, MIRROR], marks.points)
            cleaned = np.where(placed[..., None], seen_px, cleaned)
        seen_px = cleaned
    leg_px, thigh_px, shank_px = _straight_leg_px(seen_px)
    raw_px = signals.fill_gaps(track.time_s, seen_px)
    rate_hz = signals.median_rate_hz(track.time_s)
    legs = raw_px[:, _LEGS].reshape(raw_px.shape[0], -1)
    cutoff_hz = signals.choose_cutoff_hz(track.time_s, legs)
    smooth_px = signals.smooth(track.time_s, raw_px, cutoff_hz=cutoff_hz)
    jitter_px = signals.residual_sd(
        signals.with_neighbours(seen_px[:, _LEGS].reshape(legs.shape)),
        smooth_px[:, _LEGS].reshape(legs.shape),
        cutoff_hz=cutoff_hz,
        rate_hz=rate_hz,
    )
    return BodyPaths(
        time_s=track.time_s,
        rate_hz=rate_hz,
        raw_px=raw_px,
        smooth_px=smooth_px,
        cutoff_hz=cutoff_hz,
        jitter_px=jitter_px,
        leg_px=leg_px,
        thigh_px=thigh_px,
        shank_px=shank_px,
        seen=np.asarray(np.isfinite(seen_px[:, _LEGS]).all(axis=(1, 2))),
        measured=np.asarray(np.isfinite(seen_px).all(axis=-1)),
        swapped=swapped,
        image_size_px=track.image_size_px,
        outline_px=_outline(track, swapped),
    )


def _outline(track: PoseTrack, swapped: BoolArray) -> FloatArray | None:
    """Return the track's outline with left and right exchanged back where the landmarks were."""
    if track.outline_px is None or not swapped.any():
        return track.outline_px
    return np.where(swapped[:, None, None, None], track.outline_px[:, MIRROR_LINES], track.outline_px)


def _straight_leg_px(xy_px: FloatArray) -> tuple[float, float, float]:
    """Return the straight leg, thigh and shank in pixels: high percentiles, as foreshortening only shortens."""
    lengths = []
    for upper, lower in (("HIP", "KNEE"), ("KNEE", "ANKLE")):
        both = [xy_px[:, Joint[f"{s}_{upper}"]] - xy_px[:, Joint[f"{s}_{lower}"]] for s in ("LEFT", "RIGHT")]
        lengths.append(np.hypot(*np.moveaxis(np.stack(both), -1, 0)).mean(axis=0))
    if not np.isfinite(lengths[0] + lengths[1]).any():
        return float("nan"), float("nan"), float("nan")
    thigh, shank = (float(np.nanpercentile(length, 85)) for length in lengths)
    return thigh + shank, thigh, shank


def _drop_stretched(xy_px: FloatArray) -> FloatArray:
    """Return the points with both ends of a segment that is impossibly long set to NaN."""
    result = xy_px.copy()
    for side in ("LEFT", "RIGHT"):
        for upper, lower in (("HIP", "KNEE"), ("KNEE", "ANKLE")):
            ends = (Joint[f"{side}_{upper}"], Joint[f"{side}_{lower}"])
            length = np.hypot(*(xy_px[:, ends[0]] - xy_px[:, ends[1]]).T)
            if np.isfinite(length).any():
                with np.errstate(invalid="ignore"):
                    bad = length > _STRETCH_LIMIT * np.nanpercentile(length, 85)
                for end in ends:
                    result[bad, end] = np.nan
    return result


def _unswap(xy_px: FloatArray, *, settled: BoolArray | None = None) -> tuple[FloatArray, BoolArray]:
    """Return the points with lone left-right exchanges of the legs put right, and where that was.

    From the front the order of hips, knees and ankles along x does not change, so a frame in which
    hips and ankles stand the other way round than in most frames was exchanged by the model. From
    the side the order says nothing: nothing is touched unless the hips are clearly apart. Frames that
    a person has settled stay as they are.
    """
    pairs = [(Joint[f"LEFT_{part}"], Joint[f"RIGHT_{part}"]) for part in ("HIP", "KNEE", "ANKLE")]
    apart = np.stack([xy_px[:, left, 0] - xy_px[:, right, 0] for left, right in pairs])
    usual = np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in apart])
    if not np.isfinite(usual).all() or not (np.all(usual > 0) or np.all(usual < 0)):
        return xy_px, np.zeros(xy_px.shape[0], dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        relative = apart / usual[:, None]
        swapped = (relative[0] < -0.5) & (relative[2] < -0.3)
    if settled is not None:
        swapped &= ~settled
    if not 0 < np.count_nonzero(swapped) <= 0.3 * swapped.size:
        return xy_px, np.zeros(xy_px.shape[0], dtype=np.bool_)
    result = xy_px.copy()
    for left, right in LEFT_RIGHT_PAIRS:
        if left >= Joint.LEFT_HIP:
            result[swapped, left], result[swapped, right] = xy_px[swapped, right], xy_px[swapped, left]
    return result, np.asarray(swapped)


def compute_kinematics(paths: BodyPaths, *, frontal: bool = True) -> Kinematics:
    """Return the series that are shown and stored, at the frame times.

    ``knee_flexion_*_deg`` is NaN from the front: foreshortening of the thigh cannot tell 10 degrees
    of flexion from landmark error. From the side the roles are exchanged: the angle at the knee in
    the picture is flexion, and the frontal series are NaN.

    Parameters
    ----------
    paths
        Clean paths.
    frontal
        Whether the camera stands in front; else at the side.
    """
    nothing = np.full(paths.time_s.shape, np.nan)
    series: dict[str, FloatArray] = {}
    for side in SIDES:
        hip, knee, ankle = paths.leg(side)
        fppa = angles.compute_fppa_deg(hip, knee, ankle, side=side)
        flexion = 180.0 - angles.compute_interior_angle_deg(hip, knee, ankle)
        series[f"fppa_{side.value}_deg"] = fppa if frontal else nothing.copy()
        series[f"knee_flexion_{side.value}_deg"] = nothing.copy() if frontal else flexion
    lean = angles.compute_trunk_lean_deg(paths.middle("SHOULDER"), paths.middle("HIP"))
    series["trunk_lean_deg"] = lean if frontal else nothing.copy()
    series["knee_ankle_separation_ratio"] = compute_ratio(paths) if frontal else nothing.copy()
    return Kinematics(time_s=paths.time_s, rate_hz=paths.rate_hz, series=series)


def compute_ratio(paths: BodyPaths) -> FloatArray:
    """Return the knee-ankle separation ratio, (T,)."""
    _, left_knee, left_ankle = paths.leg(Side.LEFT)
    _, right_knee, right_ankle = paths.leg(Side.RIGHT)
    return angles.compute_separation_ratio(
        left_knee=left_knee, right_knee=right_knee, left_ankle=left_ankle, right_ankle=right_ankle
    )
