"""Where the limbs' edges are in the picture, and what they say of how far hips, knees and ankles were read from their joints.

A pose model puts joints where it has learned that they are; the edges of legs and hips are where the picture shows
them. An ankle is in the middle of its shank's end, a knee at a fixed part of the leg's width from its outer edge, the
hips to both sides of the middle of the pelvis: how far the landmarks are from there tells most of the ankle's error
and a good part of the knee's and of what a turned pelvis does to the hips, of the very body that is seen.

Lines run across the body, at places that follow from the landmarks; where each enters and leaves the body is stored
with the pose track, so that everything here can be worked out again without the video.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from app.biomech import signals
from app.biomech.joints import N_LINES, Joint, Line
from app.biomech.types import FloatArray, Side

KNEE_PART, CALF_PART = 0.92, 0.25
"""Where the lines cross thigh and shank, as a part of their length."""
HIPS_ABOVE_LEGS = 0.06
_MOST_SPREADS = 3.0
"""Further from the usual than this many spreads, a measure is followed no further: an arm beside the hips, a skirt [P]."""
_CUTOFF_HZ = 3.0
"""How far a landmark is off changes with the posture, not with every frame [P]."""


class Measure(IntEnum):
    """What is read off the outline of one leg, leg lengths; offsets are positive medial."""

    CALF_MIDDLE = 0
    """From the line between knee and ankle."""
    ANKLE_MIDDLE = 1
    """From the ankle."""
    HIPS_MIDDLE = 2
    """From the point between the hips, sideways."""
    KNEE_EDGE = 3
    """The outer edge, from the line between hip and knee."""
    HIPS_WIDTH = 4
    HIP_DISTANCE = 5
    """Between the hip landmarks themselves, sideways."""
    CALF_WIDTH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineModel:
    """How far medial of their joints the hip, knee and ankle landmarks of one leg are, told from its outline.

    ``straight + bent * shortening + weights @ (measures - usual)``, leg lengths.
    """

    usual: tuple[float, ...]
    """Of each `Measure`."""
    spread: tuple[float, ...]
    """From body to body, of each."""
    weights: tuple[tuple[float, ...], ...]
    """Three rows (hip, knee, ankle) of one number for each `Measure`."""
    straight: tuple[float, float, float]
    """Of hip, knee and ankle of a straight leg that looks as usual."""
    bent: tuple[float, float, float]
    """What a bent leg adds, for each part by which its thigh looks shorter than it is."""


def carry(outline_px: FloatArray, moved_px: FloatArray) -> FloatArray:
    """Return an outline taken along with landmarks that a person moved.

    What an outline says is how far the model's landmarks are from their joints; of a landmark that was put right by
    hand that stays what it was, or the hand's move would be taken back.

    Parameters
    ----------
    outline_px : FloatArray, shape (T, 7, 2, 2)
    moved_px : FloatArray, shape (T, 33, 2)
        What was added to each landmark; NaN counts as nothing.
    """
    moved = np.nan_to_num(moved_px)
    along = np.empty((*moved.shape[:1], N_LINES, 2))
    along[:, Line.HIPS] = 0.5 * (moved[:, Joint.LEFT_HIP] + moved[:, Joint.RIGHT_HIP])
    for side in ("LEFT", "RIGHT"):
        hip, knee, ankle = (moved[:, Joint[f"{side}_{part}"]] for part in ("HIP", "KNEE", "ANKLE"))
        along[:, Line[f"{side}_KNEE"]] = hip + KNEE_PART * (knee - hip)
        along[:, Line[f"{side}_CALF"]] = knee + CALF_PART * (ankle - knee)
        along[:, Line[f"{side}_ANKLE"]] = ankle
    return np.asarray(outline_px + along[:, :, None])


def measure(
    xy_px: FloatArray, outline_px: FloatArray, *, side: Side, outwards: float, leg_px: float
) -> FloatArray:
    """Return what the outline of one leg shows beside its landmarks.

    Parameters
    ----------
    xy_px : FloatArray, shape (T, 33, 2)
        Landmarks.
    outline_px : FloatArray, shape (T, 7, 2, 2)
        Per `Line` the edge at the left and the one at the right of the picture, x and y.
    side
        Which leg.
    outwards
        Sign of x away from the other leg in the picture: 1 or -1.
    leg_px
        Straight leg.

    Returns
    -------
    FloatArray
        (T, 7) per `Measure`, leg lengths; NaN where an edge was not seen.
    """
    hip, knee, ankle = (xy_px[:, Joint[f"{side.name}_{part}"]] for part in ("HIP", "KNEE", "ANKLE"))
    outer = 1 if outwards > 0.0 else 0
    calf, end, hips = (
        outline_px[:, Line[name]] for name in (f"{side.name}_CALF", f"{side.name}_ANKLE", "HIPS")
    )
    apart = xy_px[:, Joint.LEFT_HIP] - xy_px[:, Joint.RIGHT_HIP]
    between = 0.5 * (xy_px[:, Joint.LEFT_HIP] + xy_px[:, Joint.RIGHT_HIP])
    found = {
        Measure.CALF_MIDDLE: _medial(calf.mean(axis=1), knee, ankle, outwards=outwards),
        Measure.ANKLE_MIDDLE: _medial(end.mean(axis=1), knee, ankle, outwards=outwards),
        Measure.HIPS_MIDDLE: -outwards * (hips.mean(axis=1) - between)[:, 0],
        Measure.KNEE_EDGE: _medial(
            outline_px[:, Line[f"{side.name}_KNEE"], outer], hip, knee, outwards=outwards
        ),
        Measure.HIPS_WIDTH: np.hypot(*(hips[:, 1] - hips[:, 0]).T),
        Measure.HIP_DISTANCE: np.abs(apart[:, 0]),
        Measure.CALF_WIDTH: np.hypot(*(calf[:, 1] - calf[:, 0]).T),
    }
    return np.stack([found[one] for one in Measure], axis=-1) / leg_px


def landmark_errors(measures: FloatArray, shortening: FloatArray, model: OutlineModel) -> FloatArray:
    """Return how far medial of their joints hip, knee and ankle were read, leg lengths, (T, 3).

    A measure that is missing in an otherwise seen outline counts as usual.
    """
    spread = np.array(model.spread)
    unusual = np.clip((measures - model.usual) / spread, -_MOST_SPREADS, _MOST_SPREADS) * spread
    told = np.nan_to_num(unusual) @ np.array(model.weights).T
    return np.asarray(model.straight + shortening[:, None] * model.bent + told)


def over_time(time_s: FloatArray, values: FloatArray, *, read_s: FloatArray) -> FloatArray:
    """Return values that were read in some frames for all of them, smoothed; held before the first and after the last.

    Parameters
    ----------
    time_s : FloatArray, shape (T,)
    values : FloatArray, shape (R, K)
    read_s : FloatArray, shape (R,)
        Times at which they were read, at least one.
    """
    whole = np.stack([np.interp(time_s, read_s, column) for column in values.T], axis=-1)
    smooth = signals.smooth(time_s, whole, cutoff_hz=_CUTOFF_HZ)
    return np.where(np.isfinite(smooth), smooth, whole)


def _medial(point: FloatArray, upper: FloatArray, lower: FloatArray, *, outwards: float) -> FloatArray:
    """Return how far medial of the line between two landmarks a point is, px, (T,)."""
    along = lower - upper
    across = along[:, 0] * (point - upper)[:, 1] - along[:, 1] * (point - upper)[:, 0]
    return np.asarray(outwards * across / np.hypot(*along.T))
