"""What a pose model's landmarks are, compared with joint centres, and putting that right before anything is measured.

Three things are known of MediaPipe's networks as `app/pose` reads them. The further a knee is bent, the more medial of
its joint the knee is put and the more lateral the ankle, so that a straight leg reads right and a bent one reads more
valgus than it is. And of a body that is turned, the part of the legs' displacement that comes from depth is read at
two thirds of its size: the model draws people squarer to the camera than they stand. And how far this very body's joints are read from where
they are shows in the edges of its legs and hips (`outline`), where those were looked at: this is then taken instead of
the first. All are taken off here, with what is not known about them carried as error.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech import outline
from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths
from app.biomech.outline import OutlineModel
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
    outline: OutlineModel | None = None
    """How far hips, knees and ankles are off where the body's outline was read, instead of the four offsets."""


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
        outline=OutlineModel(
            usual=(-0.0129, 0.0020, 0.0, -0.0662, 0.4266, 0.2299, 0.1466),
            spread=(0.0060, 0.0044, 0.0087, 0.0079, 0.0520, 0.0176, 0.0103),
            weights=(
                (-0.223, 0.006, -0.232, -0.034, -0.041, -0.218, 0.317),
                (-0.530, 0.037, -0.003, -0.530, -0.005, 0.034, -0.222),
                (-0.158, -0.837, -0.003, 0.075, -0.007, -0.008, 0.042),
            ),
            straight=(0.0126, -0.0010, -0.0034),
            bent=(-0.028, 0.007, -0.004),
        ),
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
Outline [D]: the weights are from 400 drawn bodies in landing postures, dressed and lit anew, and no clip; of bodies
left out they take the spread of what a knee is misread by from 2.3 to 1.3 deg (hips 0.72 to 0.58 % of the leg, knees
0.69 to 0.34, ankles 0.50 to 0.32). The offsets are from the seven square clips. With those refitted without the body at
hand, the mean error of a knee in the turned clip goes from 2.8 to 1.6 deg, the largest error of a peak in five jumps
from 4.6 to 2.0, of the rise from contact to peak from 2.2 to 1.4, of the separation ratio from 0.055 to 0.032.
Leg share [D]: seven rendered clips 0.92-0.99, mean 0.96; 27 drawn bodies who stand straight 0.967, spread 0.017; two
real men 0.91 and 1.02. The ankle landmark is above the joint.
"""


def landmark_model_of(source: PoseSource) -> LandmarkModel:
    """Return what is known of an estimator's landmarks; nothing is taken off those of an unknown one."""
    name = source.estimator.lower()
    return next((model for family, model in LANDMARK_MODELS.items() if family in name), LandmarkModel())


def to_joint_centres(paths: BodyPaths, model: LandmarkModel) -> BodyPaths:
    """Return the paths with smooth leg landmarks moved to the joint centres, for views from front or behind.

    By what this body's outline shows where it was read; by what is so of all bodies where it was not, as in older
    tracks. Unsmoothed paths, from which instants are read, stay: a shift to the side moves no instant.
    """
    smooth_px = paths.smooth_px.copy()
    left_is_at_the_right = _sign(smooth_px[:, Joint.LEFT_HIP, 0] - smooth_px[:, Joint.RIGHT_HIP, 0])
    for side, outwards in ((Side.LEFT, left_is_at_the_right), (Side.RIGHT, -left_is_at_the_right)):
        medial_legs = _told_by_outline(paths, model, side, outwards=outwards)
        if medial_legs is None:
            medial_legs = _of_all_bodies(model, _shortening(paths, side))
        for part, shift_legs in zip(("HIP", "KNEE", "ANKLE"), medial_legs.T, strict=True):
            smooth_px[:, Joint[f"{side.name}_{part}"], 0] += outwards * shift_legs * paths.leg_px
    return replace(paths, smooth_px=smooth_px)


def _of_all_bodies(model: LandmarkModel, shortening: FloatArray) -> FloatArray:
    """Return how far medial of their joints hip, knee and ankle are read in the mean of bodies, leg lengths, (T, 3)."""
    straight = np.array([0.0, model.knee_medial_legs, model.ankle_medial_legs])
    bent = np.array([0.0, model.knee_bent_legs, model.ankle_bent_legs])
    return np.asarray(straight + shortening[:, None] * bent)


def _told_by_outline(
    paths: BodyPaths, model: LandmarkModel, side: Side, *, outwards: float
) -> FloatArray | None:
    """Return how far medial of their joints hip, knee and ankle of a leg are read, (T, 3); None without its outline."""
    if model.outline is None or paths.outline_px is None:
        return None
    legs = list(paths.leg(side))
    seen = np.isfinite(np.hstack(legs)).all(axis=1) & np.isfinite(paths.outline_px).any(axis=(1, 2, 3))
    if not seen.any():
        return None
    measures = outline.measure(
        paths.smooth_px[seen], paths.outline_px[seen], side=side, outwards=outwards, leg_px=paths.leg_px
    )
    errors = outline.landmark_errors(measures, _shortening(paths, side)[seen], model.outline)
    return outline.over_time(paths.time_s, errors, read_s=paths.time_s[seen])


def _shortening(paths: BodyPaths, side: Side) -> FloatArray:
    """Return the part by which a thigh looks shorter than it is, (T,), 0 to `MOST_SHORTENED`; 0 where it was not seen."""
    hip, knee, _ = paths.leg(side)
    part = 1.0 - np.hypot(*(knee - hip).T) / paths.thigh_px
    return np.where(np.isfinite(part), np.clip(part, 0.0, MOST_SHORTENED), 0.0)


def _sign(across: FloatArray) -> float:
    known = across[np.isfinite(across)]
    return float(np.sign(np.median(known))) if known.size else 0.0
