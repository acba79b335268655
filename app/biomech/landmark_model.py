"""What a pose model's landmarks are, compared with joint centres, and putting that right before anything is measured.

Two things are known of MediaPipe's networks as `app/pose` reads them. The further a knee is bent, the more medial of
its joint the knee is put and the more lateral the ankle, so that a straight leg reads right and a bent one reads more
valgus than it is. And of a body that is turned, the part of the legs' displacement that comes from depth is read at
two thirds of its size: the model draws people squarer to the camera than they stand. Both are taken off here, with
what is not known about them carried as error.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths
from app.biomech.types import FloatArray, PoseSource, Side

MOST_SHORTENED = 0.5
"""A thigh that looks shorter still shows no angle (method section 1.1); the offset is not followed further [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkModel:
    """How the landmarks of one family of estimators differ from joint centres, from the front or behind."""

    knee_medial_legs: float = 0.0
    """Landmark medial of the joint centre of a straight leg, leg lengths."""
    ankle_medial_legs: float = 0.0
    """The same for the ankle; negative is lateral."""
    knee_bent_legs: float = 0.0
    """What a bent leg adds to the first, for each part by which its thigh looks shorter than it is."""
    ankle_bent_legs: float = 0.0
    """The same for the ankle."""
    turn_share: float = 1.0
    """Share of a turned leg's sideways displacement that is read; 1 is all of it."""
    turn_share_sd: float = 0.0
    leg_share: float = 1.0
    """Straight leg from hip to ankle landmark over that from joint to joint."""
    leg_share_sd: float = 0.0


LANDMARK_MODELS: dict[str, LandmarkModel] = {
    "mediapipe": LandmarkModel(
        knee_medial_legs=-0.0015,
        ankle_medial_legs=-0.0027,
        knee_bent_legs=0.023,
        ankle_bent_legs=-0.0135,
        turn_share=0.68,
        turn_share_sd=0.09,
        leg_share=0.96,
        leg_share_sd=0.03,
    )
}
"""By a word of the estimator's name; any other estimator is taken as it is.

Offsets [D]: seven square rendered clips with exact joints (jumps, squats, a single-leg squat, standing) and four
variants of each. They come to nothing on a straight leg and to 3 deg of FPPA where the thigh looks 0.6 of its
length. Refitted without the clip at hand they leave 0.7 deg of mean error a knee in jumps, where one offset for all
postures leaves 1.2. A real person with markers (squats at 19 deg, not used for the fit) shows the same course: 0.8 deg
straight, 1.3, 2.8 and 3.3 deg with the thigh at 0.86, 0.73 and 0.58 of its length. The spread from clip to clip, 1-2
deg, is in the standard errors (`metrics.LANDMARK_COMMON_SD_DEG`).
Turn share [D]: a rendered jump at 8 deg 0.56 (hip to knee) and 0.70 (knee to ankle), a real jump at 40 and 35 deg
0.71, 0.70, 0.57 and 0.68, real squats at 19 deg 0.73 and 0.85; 290 drawn bodies in landing postures, each at up to seven
angles to 15 deg, 0.75 (0.68 and 0.75 leave 1.6 and 1.4 deg of what a turn of up to 8 deg does to a knee, nothing done 2.6).
Leg share [D]: seven rendered clips 0.92-0.99, mean 0.96; 27 drawn bodies who stand straight 0.967, spread 0.017; two
real men 0.91 and 1.02. The ankle landmark is above the joint.
"""


def landmark_model_of(source: PoseSource) -> LandmarkModel:
    """Return what is known of an estimator's landmarks; nothing is taken off those of an unknown one."""
    name = source.estimator.lower()
    return next((model for family, model in LANDMARK_MODELS.items() if family in name), LandmarkModel())


def to_joint_centres(paths: BodyPaths, model: LandmarkModel) -> BodyPaths:
    """Return the paths with smooth knees and ankles moved from landmark to joint centre, for views from front or behind.

    Unsmoothed paths, from which instants are read, stay: a shift to the side moves no instant.
    """
    smooth_px = paths.smooth_px.copy()
    left_is_at_the_right = _sign(smooth_px[:, Joint.LEFT_HIP, 0] - smooth_px[:, Joint.RIGHT_HIP, 0])
    for side, outwards in ((Side.LEFT, left_is_at_the_right), (Side.RIGHT, -left_is_at_the_right)):
        bent = _shortening(paths, side)
        for part, straight_legs, bent_legs in (
            ("KNEE", model.knee_medial_legs, model.knee_bent_legs),
            ("ANKLE", model.ankle_medial_legs, model.ankle_bent_legs),
        ):
            shift_px = outwards * (straight_legs + bent_legs * bent) * paths.leg_px
            smooth_px[:, Joint[f"{side.name}_{part}"], 0] += shift_px
    return replace(paths, smooth_px=smooth_px)


def _shortening(paths: BodyPaths, side: Side) -> FloatArray:
    """Return the part by which a thigh looks shorter than it is, (T,), 0 to `MOST_SHORTENED`; 0 where it was not seen."""
    hip, knee, _ = paths.leg(side)
    part = 1.0 - np.hypot(*(knee - hip).T) / paths.thigh_px
    return np.where(np.isfinite(part), np.clip(part, 0.0, MOST_SHORTENED), 0.0)


def _sign(across: FloatArray) -> float:
    known = across[np.isfinite(across)]
    return float(np.sign(np.median(known))) if known.size else 0.0
