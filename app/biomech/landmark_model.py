"""What a pose model's landmarks are, compared with joint centres, and putting that right before anything is measured.

Two things are known of MediaPipe's networks as `app/pose` reads them. Knees are put a little medial and ankles a
little lateral of the joint, so that every leg reads more valgus than it is. And of a body that is turned, the part
of the legs' displacement that comes from depth is read at two thirds of its size: the model draws people squarer to
the camera than they stand. Both are taken off here, with what is not known about them carried as error.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths
from app.biomech.types import FloatArray, PoseSource


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkModel:
    """How the landmarks of one family of estimators differ from joint centres, from the front or behind."""

    knee_medial_legs: float = 0.0
    """Landmark medial of the joint centre, leg lengths."""
    ankle_medial_legs: float = 0.0
    """The same for the ankle; negative is lateral."""
    turn_share: float = 1.0
    """Share of a turned leg's sideways displacement that is read; 1 is all of it."""
    turn_share_sd: float = 0.0


LANDMARK_MODELS: dict[str, LandmarkModel] = {
    "mediapipe": LandmarkModel(
        knee_medial_legs=0.0025, ankle_medial_legs=-0.006, turn_share=0.68, turn_share_sd=0.09
    )
}
"""By a word of the estimator's name; any other estimator is taken as it is.

Offsets [D]: eight rendered clips with exact joints, sixteen legs: knee +0.2 cm (SD 0.4), ankle -0.5 cm (SD 0.5), hip
none. Together they are 1.3 deg of FPPA on a straight leg; on real people with markers (squats at 19 deg, a jump at
35 deg) that sum came out at 2.6 and 2.9 deg, the single joints too noisy to tell. The spread from clip to clip, about
1.5 deg, is in the standard errors (`metrics.LANDMARK_COMMON_SD_DEG`).
Turn share [D]: a rendered jump at 8 deg 0.56 (hip to knee) and 0.70 (knee to ankle), a real jump at 40 and 35 deg
0.71, 0.70, 0.57 and 0.68, real squats at 19 deg 0.73 and 0.85.
"""


def landmark_model_of(source: PoseSource) -> LandmarkModel:
    """Return what is known of an estimator's landmarks; nothing is taken off those of an unknown one."""
    name = source.estimator.lower()
    return next((model for family, model in LANDMARK_MODELS.items() if family in name), LandmarkModel())


def to_joint_centres(paths: BodyPaths, model: LandmarkModel) -> BodyPaths:
    """Return the paths with smooth knees and ankles moved from landmark to joint centre, for views from front or behind.

    Unsmoothed paths, from which instants are read, stay: a constant shift to the side moves no instant.
    """
    smooth_px = paths.smooth_px.copy()
    left_is_at_the_right = _sign(smooth_px[:, Joint.LEFT_HIP, 0] - smooth_px[:, Joint.RIGHT_HIP, 0])
    for side, outwards in (("LEFT", left_is_at_the_right), ("RIGHT", -left_is_at_the_right)):
        for part, medial_legs in (("KNEE", model.knee_medial_legs), ("ANKLE", model.ankle_medial_legs)):
            smooth_px[:, Joint[f"{side}_{part}"], 0] += outwards * medial_legs * paths.leg_px
    return replace(paths, smooth_px=smooth_px)


def _sign(across: FloatArray) -> float:
    known = across[np.isfinite(across)]
    return float(np.sign(np.median(known))) if known.size else 0.0
