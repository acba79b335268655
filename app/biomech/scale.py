"""Centimetres per pixel at the place of the movement."""

from dataclasses import dataclass

import numpy as np

from app.biomech.landmark_model import LandmarkModel

LEG_OF_STATURE = 0.491
"""Hip joint to ankle over stature: 0.530 - 0.039 (Drillis & Contini, Winter 2009)."""
SCALE_SD_STATURE, SCALE_SD_BOX = 0.04, 0.15
"""Relative. The box's height in the picture holds perspective (the box is further away, the camera looks
down on it), so it is the poorer of the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Centimetres per pixel at the landing spot, and its relative error."""

    cm_per_px: float
    relative_sd: float
    source: str
    """Code of the finding that says where it comes from."""


def scale_from_stature(stature_cm: float, *, leg_px: float, model: LandmarkModel) -> Scale:
    """Return the scale from stature and the length of the straight leg in the picture.

    Parameters
    ----------
    stature_cm
        Body height.
    leg_px
        Straight leg between the landmarks, pixels.
    model
        How long that is beside the leg between the joints.

    Examples
    --------
    >>> round(scale_from_stature(171.0, leg_px=336.0, model=LandmarkModel()).cm_per_px, 3)
    0.25
    """
    return Scale(
        cm_per_px=LEG_OF_STATURE * stature_cm * model.leg_share / leg_px,
        relative_sd=float(np.hypot(SCALE_SD_STATURE, model.leg_share_sd)),
        source="scale_from_stature",
    )


def scale_from_box(box_height_cm: float, *, box_px: float) -> Scale:
    """Return the scale from the height of the box, as the feet show it in the picture."""
    return Scale(cm_per_px=box_height_cm / box_px, relative_sd=SCALE_SD_BOX, source="scale_from_box")
