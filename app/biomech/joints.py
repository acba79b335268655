"""Body landmarks and the conventions of every number in this package.

Conventions
-----------
* Image coordinates are pixels, x to the right, **y down**, origin at the top left corner of the
  upright picture (rotation metadata already applied).
* Left and right are the **athlete's**. An athlete who faces the camera has the right leg at the
  left of the picture.
* A positive frontal-plane projection angle (FPPA) means the knee is medial (valgus), on both sides.
* Angles are degrees at module borders and radians inside a function.
* A filter cut-off is the effective -3 dB frequency after both passes.
* NaN means "not measured". It is never replaced by a guess, and never by zero.
"""

from enum import IntEnum


class Joint(IntEnum):
    """The 33 landmarks of a pose track, in the order of its second axis (BlazePose topology)."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32


N_JOINTS = len(Joint)

LEFT_RIGHT_PAIRS: tuple[tuple[Joint, Joint], ...] = tuple(
    (joint, Joint[joint.name.replace("LEFT", "RIGHT")]) for joint in Joint if "LEFT" in joint.name
)
"""Every (left, right) pair; the nose is its own mirror image."""

_PARTNER = dict(LEFT_RIGHT_PAIRS) | {right: left for left, right in LEFT_RIGHT_PAIRS}

MIRROR: tuple[int, ...] = tuple(int(_PARTNER.get(joint, joint)) for joint in Joint)
"""Index of each joint's mirror image: ``xy[:, MIRROR]`` exchanges left and right."""


class Line(IntEnum):
    """Lines across the body, in the order of the second axis of an outline: where they enter and leave it is stored."""

    HIPS = 0
    """Level in an upright trunk's picture, a little above the point between the hips."""
    LEFT_KNEE = 1
    """Square to the thigh, just above the knee."""
    LEFT_CALF = 2
    """Square to the shank, a quarter down."""
    LEFT_ANKLE = 3
    RIGHT_KNEE = 4
    RIGHT_CALF = 5
    RIGHT_ANKLE = 6


N_LINES = len(Line)
MIRROR_LINES = (0, 4, 5, 6, 1, 2, 3)
"""Index of each line's mirror image."""
