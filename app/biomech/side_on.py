"""Which leg a camera at the side sees, and putting a model's left and right in order there.

From the side one leg hides the other. The pose model still gives both, and sometimes exchanges their
names; the names are therefore not believed. The near leg is the one the model sees better, frame by
frame; whose leg it is follows from the way the athlete faces, which the model does not get wrong: who
faces the left of the picture shows the left side.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech.joints import LEFT_RIGHT_PAIRS, MIRROR, Joint
from app.biomech.kinematics import MIN_CONFIDENCE
from app.biomech.types import BoolArray, FloatArray, PoseTrack, Side

SWITCH_COST = 1.5
"""What an exchange must win, in units of half the scale of a jump, to be believed in one frame [P]."""
JUMP_SCALE_LEGS = 0.05
"""A landmark that moves this much further under one naming than under the other speaks clearly [P]."""
SEEN_WEIGHT = 4.0
"""Weight of the difference in visibility of the two legs, 0-1, against the path's continuity [P]."""
CLEARLY_SEEN = 0.05
"""Mean visibility difference from which visibility alone names the near leg [P]; 0.3-0.5 in clear clips."""
_LEG_PARTS = ("HIP", "KNEE", "ANKLE", "HEEL", "FOOT_INDEX")
_BODY = tuple((left, right) for left, right in LEFT_RIGHT_PAIRS if left >= Joint.LEFT_SHOULDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideOn:
    """The near side of an athlete seen from the side."""

    side: Side
    """Whose leg is near, by the way the athlete faces."""
    facing: int
    """+1 when the athlete faces the right of the picture, -1 the left."""
    exchanged: BoolArray
    """(T,) frames in which the near leg came under the other leg's name."""
    visibility_gap: float
    """Mean visibility of the near leg less that of the far one."""

    @property
    def n_flips(self) -> int:
        """How often the naming changed within the clip."""
        return int(np.count_nonzero(np.diff(self.exchanged.astype(np.int8))))


def find_side_on(track: PoseTrack) -> SideOn | None:
    """Return the near side, None when the feet were never seen pointing anywhere.

    Facing comes from heel to toe of both feet and from shoulders to nose, over the whole clip. The
    naming of the legs is found by the cheapest way through the clip (Viterbi, two namings a frame):
    a naming costs the visibility it gives to the hidden leg and the way its landmarks jump from frame
    to frame (method section 9.3).

    Parameters
    ----------
    track
        As estimated. NaN frames say nothing and keep the naming before.
    """
    facing = _find_facing(track)
    if facing == 0:
        return None
    side = Side.LEFT if facing < 0 else Side.RIGHT
    exchanged = _follow_naming(track, near_is_left=side is Side.LEFT)
    gap = _visibility(track, "LEFT") - _visibility(track, "RIGHT")
    gap = np.where(exchanged, -gap, gap) * (1.0 if side is Side.LEFT else -1.0)
    known = gap[np.isfinite(gap)]
    return SideOn(
        side=side,
        facing=facing,
        exchanged=exchanged,
        visibility_gap=float(np.mean(known)) if known.size else 0.0,
    )


def near_limb_track(track: PoseTrack, near: SideOn) -> PoseTrack:
    """Return the track with the near arm, trunk side and leg under both names.

    Whatever looks at "both" sides then looks at what the camera saw, and no guess about the hidden leg
    decides anything.
    """
    take = np.arange(len(Joint))
    for left, right in _BODY:
        take[[left, right]] = left if near.side is Side.LEFT else right
    order = np.where(near.exchanged[:, None], np.array(MIRROR)[take], take)
    rows = np.arange(track.time_s.size)[:, None]
    return replace(track, xy_px=track.xy_px[rows, order], confidence=track.confidence[rows, order])


def _find_facing(track: PoseTrack) -> int:
    """Return +1 or -1 for the way the athlete faces along x, 0 when it cannot be told."""
    xy = np.where(track.confidence[..., None] >= MIN_CONFIDENCE, track.xy_px, np.nan)[..., 0]
    pointing = [xy[:, Joint[f"{s}_FOOT_INDEX"]] - xy[:, Joint[f"{s}_HEEL"]] for s in ("LEFT", "RIGHT")]
    shoulders = 0.5 * (xy[:, Joint.LEFT_SHOULDER] + xy[:, Joint.RIGHT_SHOULDER])
    votes = np.concatenate([*pointing, xy[:, Joint.NOSE] - shoulders])
    votes = votes[np.isfinite(votes)]
    return int(np.sign(np.median(votes))) if votes.size else 0


def _visibility(track: PoseTrack, side: str) -> FloatArray:
    """Return the mean visibility of one leg without the hip, which is always guessed well, (T,)."""
    parts = [Joint[f"{side}_{part}"] for part in _LEG_PARTS[1:]]
    return np.asarray(track.confidence[:, parts].mean(axis=1))


def _follow_naming(track: PoseTrack, *, near_is_left: bool) -> BoolArray:
    """Return in which frames the near leg came under the far leg's name, (T,)."""
    left = track.xy_px[:, [Joint[f"LEFT_{part}"] for part in _LEG_PARTS]]
    right = track.xy_px[:, [Joint[f"RIGHT_{part}"] for part in _LEG_PARTS]]
    near, far = (left, right) if near_is_left else (right, left)
    seen = _visibility(track, "LEFT") - _visibility(track, "RIGHT")
    seen = np.nan_to_num(seen if near_is_left else -seen)
    if abs(float(np.mean(seen))) < CLEARLY_SEEN:
        # Nothing hides anything here (a figure without depth): the names are believed as a whole.
        seen = np.zeros_like(seen)
    leg_px = _leg_px(track)
    keep, swap = _jump_costs(near, far, scale_px=JUMP_SCALE_LEGS * leg_px)
    return _cheapest_way(keep=keep, swap=swap, seen=SEEN_WEIGHT * seen)


def _leg_px(track: PoseTrack) -> float:
    ends = [
        track.xy_px[:, Joint[f"{s}_HIP"]] - track.xy_px[:, Joint[f"{s}_ANKLE"]] for s in ("LEFT", "RIGHT")
    ]
    lengths = np.hypot(*np.moveaxis(np.stack(ends), -1, 0))
    known = lengths[np.isfinite(lengths)]
    return float(np.percentile(known, 85)) if known.size else float("nan")


def _jump_costs(near: FloatArray, far: FloatArray, *, scale_px: float) -> tuple[FloatArray, FloatArray]:
    """Return what it costs from each frame to the next to keep the naming and to change it, each (T - 1,).

    Positions are compared with where a steady movement would have brought them; 0 next to a gap.
    """

    def cost(a: FloatArray, b: FloatArray) -> FloatArray:
        steady = np.zeros_like(a[1:])
        steady[1:] = 0.5 * (a[1:-1] - a[:-2] + b[1:-1] - b[:-2])  # both legs' mean, the same either way
        steady = np.nan_to_num(steady)
        jump = np.hypot(*np.moveaxis(b[1:] - a[:-1] - steady, -1, 0)).mean(axis=1) / scale_px
        return np.asarray(np.nan_to_num(jump))

    return cost(near, near) + cost(far, far), cost(near, far) + cost(far, near)


def _cheapest_way(*, keep: FloatArray, swap: FloatArray, seen: FloatArray) -> BoolArray:
    """Return the naming of each frame, True where it is the other way round, by dynamic programming."""
    n = seen.size
    total = np.array([0.0, seen[0]])  # naming 1 costs what naming 0 shows
    total[0] = -seen[0]
    back = np.zeros((n, 2), dtype=np.int8)
    for frame in range(1, n):
        stay, change = keep[frame - 1], swap[frame - 1] + SWITCH_COST
        ways = np.array([[stay, change], [change, stay]]) + total[:, None]
        back[frame] = np.argmin(ways, axis=0)
        total = ways.min(axis=0) + np.array([-seen[frame], seen[frame]])
    state = int(np.argmin(total))
    naming = np.zeros(n, dtype=np.bool_)
    for frame in range(n - 1, -1, -1):
        naming[frame] = bool(state)
        state = int(back[frame, state])
    return naming
