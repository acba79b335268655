"""Which groups of frames need not be decoded, because the people stand before and after as they stood.

A landing from a box ends lower than it began: between two key pictures a second apart with everybody in the same
place, nobody can have stepped off, landed, jumped, and climbed back.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.pose.estimator import GroupLike, Reading
from app.pose.people import distance

LONGEST_GROUP_S = 1.6
"""Too much could happen between key pictures further apart [P]."""
LEAST_GROUPS = 4
_SWAY = 0.02
"""How far hips of somebody who stands may move, in body sizes; `people` says the same of a whole clip."""
_GROWTH = 0.04
"""How much the size of somebody who stands may change."""


def can_be_glanced_at(groups: Sequence[GroupLike], time_s: NDArray[np.float64]) -> bool:
    """Return whether key pictures are many and close enough to say what lies between them."""
    keys_s = [float(time_s[group.key]) for group in groups]
    is_even = all(later - earlier <= LONGEST_GROUP_S for earlier, later in pairwise(keys_s))
    return len(groups) >= LEAST_GROUPS and is_even and time_s[-1] - keys_s[-1] <= LONGEST_GROUP_S


def still_groups(groups: Sequence[GroupLike], glances: Mapping[int, list[Reading]]) -> list[GroupLike]:
    """Return the groups in which nobody moved; none when everybody stood all the time.

    Parameters
    ----------
    groups
        All of them, in the order shown.
    glances
        Everybody in each key picture that could be decoded.
    """
    still = []
    for group, following in pairwise(groups):
        before, after = glances.get(group.key), glances.get(following.key)
        if before and after and not group.is_busy and _all_stand(before, after):
            still.append(group)
    moved = len(still) < len(groups) - 1
    # Nothing follows the last group; it is as still as the one before once the movement has been seen.
    if moved and len(groups) > 1 and groups[-2] in still and not groups[-1].is_busy:
        still.append(groups[-1])
    return still if moved else []


def still_rest(
    groups: Sequence[GroupLike],
    glances: Mapping[int, list[Reading]],
    *,
    frame: int,
    looks: Sequence[list[Reading]],
) -> list[GroupLike]:
    """Return the groups whose frames after this one show nobody move: its own, and the last one when that follows.

    Parameters
    ----------
    groups
        All of them, in the order shown.
    glances
        Everybody in each key picture that could be decoded.
    frame
        The latest that was decoded.
    looks
        Everybody in the last two looks before it.
    """
    for group, following in pairwise(groups):
        if not group.key <= frame < following.key:
            continue
        after = glances.get(following.key)
        if len(looks) < 2 or not after or not looks[0] or group.is_busy_after(frame):
            return []
        if not (_all_stand(looks[0], looks[1]) and _all_stand(looks[1], after)):
            return []
        is_last = following is groups[-1] and not following.is_busy
        return [group, following] if is_last else [group]
    return []


def _all_stand(before: list[Reading], after: list[Reading]) -> bool:
    return len(before) == len(after) and all(
        any(_stands(reading, other) for other in after) for reading in before
    )


def _stands(reading: Reading, other: Reading) -> bool:
    size_px = min(reading.size_px, other.size_px)
    apart = distance(reading.hip_mid_px, other.hip_mid_px, size_px=size_px)
    return apart <= _SWAY and abs(reading.size_px / other.size_px - 1.0) <= _GROWTH
