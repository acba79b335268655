"""What a clip shows: which movement it looks like, from the paths of hips and feet alone.

One recogniser for all movements: each asks it whether the clip is its own, and refuses what clearly is not,
by name. It decides on coarse features in leg lengths: whether the feet leave the floor and how, where a
raised foot is held, how the hips sink, whether the feet swing in turn. Limits are ours [P], chosen with
room on both sides on stick figures and rendered clips of every movement.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES, BodyPaths
from app.biomech.phases import CoarsePaths, LandingPhases, Refusal, coarse_paths, find_landing
from app.biomech.repetitions import MIN_DEPTH_LEGS, find_repetitions
from app.biomech.signals import contiguous_runs
from app.biomech.types import BoolArray, FloatArray, Movement, Side

LOOKS_LIKE: dict[Movement, str] = {
    Movement.DROP_VERTICAL_JUMP: "a drop vertical jump",
    Movement.JUMP_LANDING: "a jump forward off a box",
    Movement.BILATERAL_DROP_LANDING: "a drop landing on both legs that is held",
    Movement.SINGLE_LEG_LANDING: "a landing on one leg",
    Movement.BILATERAL_SQUAT: "a squat on both legs",
    Movement.SINGLE_LEG_SQUAT: "a squat on one leg",
    Movement.LATERAL_STEP_DOWN: "a step-down",
    Movement.FORWARD_LUNGE: "a forward lunge",
    Movement.RUNNING: "running",
    Movement.SIDE_STEP_CUT: "a cut while running",
    Movement.STANDING: "standing still",
}
FLOOR_JUMP, WALKING = "a jump from the floor", "walking"

RAISED_LEGS = 0.08
"""A foot this much higher in the picture than the other is off the floor, or on something."""
STILL_LEGS = 0.06
"""Feet and hips that move less are still."""
SWING_LEGS = 0.10
"""Least difference between the feet of a stride, either way."""
MIN_SWINGS = 4
SURE_SWINGS = 6
"""From so many on it is a gait even if something in it looks like a landing."""
STRIDE_S = 0.9
"""Longest time from one foot's swing to the other's in walking or running."""
RUNNING_STEP_S = 0.46
"""Steps quicker than this are running, 130 a minute."""
TURN_LEGS_S = 1.2
"""Change of the hips' sideways speed that makes a run a cut."""
BENT_LEG = 0.82
"""Projected hip to ankle over the straight leg, below which the lower of two feet carries a bent leg: a lunge."""
FORWARD_M = (0.45, 0.80)
"""Way from box to landing, by the body's growth in the picture: below the first nobody jumped forward, beyond
the second nobody just dropped. Between them either may be: a drop off a box covers 0.4-0.6 m, the forward
jump of the LESS half the body's height, and the camera's distance is known to 30 % only."""
FORWARD_LEGS = (0.60, 0.95)
"""The same seen from the side: travel of the hips."""
HOP_LEGS = 0.05
"""Rise of the hips above standing on the box: a jump off it, not a drop."""
FOCAL_SHARE = 1.0
"""Focal length over the picture's long side of a phone's main camera, 0.8-1.2."""
LEG_M = 0.84
STRAIGHT_LEG = 0.85
"""Least length in the picture, over the other leg's, of a leg that stands straight too: an oblique view shortens
one leg to 0.89, a foot held up behind to 0.75."""
HELD_UP_LEGS = 0.12
"""A foot held up through a landing on one leg: 10 cm. From an oblique camera two feet on the floor look up to
0.09 apart."""
FALL_LEGS_S = 1.2
"""Speed of hips and foot that fall rather than are lowered, leg lengths per second: 1 m/s, a fall from 5 cm."""
HELD_S = 1.2
"""Time on the floor after a landing that shows it was meant to be held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a clip looks like."""

    movement: Movement | None
    """None when it is none of ours."""
    words: str
    """The same for people; empty when there is no name for it."""
    stance: Side | None = None
    """The leg it is done on, in movements on one leg."""
    or_else: tuple[Movement, ...] = ()
    """What it may be just as well: a picture from one side cannot always tell."""


NOTHING = Recognised(movement=None, words="")


def recognise(paths: BodyPaths, *, image_size_px: tuple[int, int]) -> Recognised:
    """Return what the clip looks like; nothing when hips or feet were hardly ever seen."""
    if not np.isfinite(paths.leg_px):
        return NOTHING
    coarse = coarse_paths(paths, time_s=paths.time_s)
    if coarse is None:
        return NOTHING
    landing = find_landing(coarse)
    least = SURE_SWINGS if isinstance(landing, LandingPhases) else MIN_SWINGS
    if (gait := _recognise_gait(paths, coarse, least=least)) is not None:
        return gait
    if (stance := _lands_on(paths, coarse)) is not None:
        return _named(Movement.SINGLE_LEG_LANDING, stance)
    if isinstance(landing, LandingPhases):
        return _recognise_landing(paths, coarse, landing, long_side_px=max(image_size_px))
    if landing is Refusal.FLOOR_JUMP:
        return Recognised(movement=None, words=FLOOR_JUMP)
    return _recognise_in_place(paths, coarse)


def is_another(seen: Recognised, *, wanted: tuple[Movement, ...]) -> bool:
    """Return whether a clip clearly shows something else than one of the movements asked for."""
    return bool(seen.words) and not {seen.movement, *seen.or_else} & set(wanted)


def _named(movement: Movement, stance: Side | None = None) -> Recognised:
    return Recognised(movement=movement, words=LOOKS_LIKE[movement], stance=stance)


# --- feet that swing in turn ---


def _recognise_gait(paths: BodyPaths, coarse: CoarsePaths, *, least: int) -> Recognised | None:
    """Return walking, running or a cut when the feet swing in turn, else None."""
    difference = coarse.feet[Side.LEFT] - coarse.feet[Side.RIGHT]
    swings = find_swings(coarse.time_s, difference - float(np.nanmedian(difference)))
    steps_s = np.diff([at_s for at_s, _ in swings])
    if not any(stop - start >= least - 1 for start, stop in contiguous_runs(steps_s < STRIDE_S)):
        return None
    if _turns(paths):
        return _named(Movement.SIDE_STEP_CUT)
    quick = float(np.median(steps_s)) <= RUNNING_STEP_S
    return _named(Movement.RUNNING) if quick else Recognised(movement=None, words=WALKING)


def find_swings(time_s: FloatArray, difference: FloatArray) -> list[tuple[float, Side]]:
    """Return instant and side of each swing: a foot well above the other, sides in turn.

    Parameters
    ----------
    time_s, difference : FloatArray, shape (T,)
        Height of the left foot over the right one, leg lengths.
    """
    found: list[tuple[float, Side]] = []
    best = 0.0
    for at_s, value in zip(time_s, difference, strict=True):
        if not abs(value) > SWING_LEGS:
            continue
        side = Side.LEFT if value > 0 else Side.RIGHT
        if found and found[-1][1] is side:
            if abs(value) > best:
                found[-1], best = (float(at_s), side), abs(value)
        else:
            found.append((float(at_s), side))
            best = abs(value)
    return found


def sideways_speed(paths: BodyPaths) -> FloatArray:
    """Return the hips' speed along the picture, leg lengths per second, smoothed over 0.3 s, (T,)."""
    x = paths.middle("HIP")[:, 0] / paths.leg_px
    good = np.isfinite(x)
    speed = np.full(x.shape, np.nan)
    if np.count_nonzero(good) < 8:
        return speed
    t = paths.time_s[good]
    later, earlier = np.interp(t + 0.15, t, x[good]), np.interp(t - 0.15, t, x[good])
    width = np.minimum(t + 0.15, t[-1]) - np.maximum(t - 0.15, t[0])
    speed[good] = (later - earlier) / width
    return speed


def _turns(paths: BodyPaths) -> bool:
    speed = sideways_speed(paths)
    return bool(np.nanpercentile(speed, 97) - np.nanpercentile(speed, 3) >= TURN_LEGS_S)


# --- landings ---


def _recognise_landing(
    paths: BodyPaths, coarse: CoarsePaths, landing: LandingPhases, *, long_side_px: float
) -> Recognised:
    """Return which landing on both legs it is: with a jump after it, or held."""
    if landing.take_off is not None:
        return _with_jump(paths, coarse, landing, long_side_px=long_side_px)
    known = np.flatnonzero(np.isfinite(coarse.hip))
    after_s = float(coarse.time_s[known[-1]] - coarse.time_s[landing.contact])
    if after_s < HELD_S:  # too short to tell a landing that is held from a jump that did not come
        return NOTHING
    return _named(Movement.BILATERAL_DROP_LANDING)


def _lands_on(paths: BodyPaths, coarse: CoarsePaths) -> Side | None:
    """Return the leg that comes down from a box alone, the other held up, else None."""
    for side in SIDES:
        landing = find_landing(on_foot(coarse, side))
        if not isinstance(landing, LandingPhases):
            continue
        contact_s = float(coarse.time_s[landing.contact])
        fast = all(_falls(coarse, path, contact_s) for path in (coarse.feet[side], coarse.hip))
        if fast and _held_up(paths, coarse, _other(side), landing) >= HELD_UP_LEGS:
            return side
    return None


def _other(side: Side) -> Side:
    return Side.RIGHT if side is Side.LEFT else Side.LEFT


def _held_up(paths: BodyPaths, coarse: CoarsePaths, free: Side, landing: LandingPhases) -> float:
    """Return how much higher a foot is than the other from contact until after the lowest point, leg lengths."""
    t = coarse.time_s
    held = (t >= t[landing.contact]) & (t <= t[landing.lowest] + 0.2)
    apart = coarse.feet[Side.LEFT] - coarse.feet[Side.RIGHT]
    left_up = _median(apart[held]) - _apart_by_the_camera(paths, coarse, apart)
    return left_up if free is Side.LEFT else -left_up


def _falls(coarse: CoarsePaths, height: FloatArray, contact_s: float) -> bool:
    """Return whether something comes down as in a fall just before contact, not lowered or swung."""
    last = (coarse.time_s >= contact_s - 0.25) & (coarse.time_s <= contact_s) & np.isfinite(height)
    if np.count_nonzero(last) < 3:
        return False
    return float(np.min(np.gradient(height[last], coarse.time_s[last]))) <= -FALL_LEGS_S


def on_foot(coarse: CoarsePaths, side: Side) -> CoarsePaths:
    """Return the paths of a body that has one foot only: what a landing on one leg looks for."""
    return replace(coarse, feet=dict.fromkeys(SIDES, coarse.feet[side]))


def _with_jump(
    paths: BodyPaths, coarse: CoarsePaths, landing: LandingPhases, *, long_side_px: float
) -> Recognised:
    """Return whether the athlete dropped off the box or jumped forward off it."""
    t = paths.time_s
    contact_s = t[landing.contact]
    before = t < contact_s - 0.5
    after = t > t[landing.take_off if landing.take_off is not None else landing.lowest] - 0.05
    distance_m = FOCAL_SHARE * long_side_px * LEG_M / paths.leg_px
    forward_m = (_ratio(trunk_px(paths), before, after) - 1.0) * distance_m
    travel = paths.middle("HIP")[:, 0] / paths.leg_px
    along = abs(_median(travel[after]) - _median(travel[before]))
    standing = _median(coarse.hip[t < contact_s - 0.8])
    air = coarse.hip[(t >= contact_s - 0.8) & (t <= contact_s)]
    hop = float(np.nanmax(air)) - standing if np.isfinite(air).any() else 0.0
    if along > FORWARD_LEGS[1] or (forward_m > FORWARD_M[1] and hop > HOP_LEGS):
        return _named(Movement.JUMP_LANDING)
    if along < FORWARD_LEGS[0] and forward_m < FORWARD_M[0] and not hop > HOP_LEGS:
        return _named(Movement.DROP_VERTICAL_JUMP)
    return replace(_named(Movement.DROP_VERTICAL_JUMP), or_else=(Movement.JUMP_LANDING,))


def standing_leg(paths: BodyPaths, coarse: CoarsePaths, at_s: float) -> Side | None:
    """Return the leg whose foot is lower at an instant, None when both are level or it cannot be told.

    Where both legs stand straight, a difference between the feet is the camera's doing (an oblique view, a
    tilted phone) and taken off.
    """
    near = np.abs(coarse.time_s - at_s) <= 0.06
    apart = coarse.feet[Side.LEFT] - coarse.feet[Side.RIGHT]
    now = _median(apart[near])
    if not np.isfinite(now):
        return None
    now -= _apart_by_the_camera(paths, coarse, apart)
    if abs(now) < RAISED_LEGS:
        return None
    return Side.RIGHT if now > 0 else Side.LEFT


def _apart_by_the_camera(paths: BodyPaths, coarse: CoarsePaths, apart: FloatArray) -> float:
    """Return how much higher the left foot looks while both legs stand straight, 0 when one is bent then."""
    with np.errstate(invalid="ignore"):
        upright = coarse.hip >= np.nanpercentile(coarse.hip, 80)
    shares = []
    for side in SIDES:
        hip, _, ankle = paths.leg(side)
        shares.append(_median(np.hypot(*(ankle - hip).T)[upright]) / paths.leg_px)
    straight = min(shares) >= STRAIGHT_LEG * max(shares)
    return _median(apart[upright]) if straight and np.isfinite(apart[upright]).any() else 0.0


def trunk_px(paths: BodyPaths) -> FloatArray:
    """Return the distance from hips to shoulders in the picture, which bent legs do not change, (T,).

    A forward lean shortens it, so it is compared while standing or in the air.
    """
    return np.asarray(np.hypot(*(paths.middle("SHOULDER") - paths.middle("HIP")).T))


def _ratio(values: FloatArray, before: BoolArray, after: BoolArray) -> float:
    early, late = values[before & np.isfinite(values)], values[after & np.isfinite(values)]
    if early.size == 0 or late.size == 0:
        return float("nan")
    return float(np.median(late) / np.median(early))


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


# --- movements on the spot ---


def _recognise_in_place(paths: BodyPaths, coarse: CoarsePaths) -> Recognised:
    """Return which of standing, squats, step-downs and lunges it is, nothing when none."""
    travel = {
        side: float(np.nanpercentile(path, 98) - np.nanpercentile(path, 2))
        for side, path in coarse.feet.items()
    }
    sink = float(np.nanpercentile(coarse.hip, 98) - np.nanpercentile(coarse.hip, 2))
    if sink < STILL_LEGS and max(travel.values()) < STILL_LEGS:
        return NOTHING if _one_foot_up(paths, coarse) else _named(Movement.STANDING)
    repetitions = find_repetitions(coarse.time_s, coarse.hip, noise=0.0).whole
    if not repetitions:
        return NOTHING if sink < MIN_DEPTH_LEGS else _by_deepest(paths, coarse)
    kinds = [_kind_at(paths, coarse, repetition.lowest.time_s) for repetition in repetitions]
    return max(kinds, key=lambda kind: sum(other.movement is kind.movement for other in kinds))


def _by_deepest(paths: BodyPaths, coarse: CoarsePaths) -> Recognised:
    """Return the movement at the lowest point of all, for clips that hold no whole repetition."""
    return _kind_at(paths, coarse, float(coarse.time_s[int(np.nanargmin(coarse.hip))]))


def _one_foot_up(paths: BodyPaths, coarse: CoarsePaths) -> bool:
    apart = coarse.feet[Side.LEFT] - coarse.feet[Side.RIGHT]
    return abs(float(np.nanmedian(apart)) - _apart_by_the_camera(paths, coarse, apart)) >= RAISED_LEGS


def _kind_at(paths: BodyPaths, coarse: CoarsePaths, at_s: float) -> Recognised:
    """Return which movement a low point of the hips belongs to, from where the feet are then."""
    stepped = _stepped_foot(coarse, at_s)
    lower = standing_leg(paths, coarse, at_s)
    if lower is None:
        return _named(Movement.BILATERAL_SQUAT if stepped is None else Movement.FORWARD_LUNGE, stepped)
    upper = _other(lower)
    if not _came_down(coarse, lower, at_s):
        return _named(Movement.SINGLE_LEG_SQUAT, lower)
    if leg_share(paths, lower, at_s) < BENT_LEG:
        return _named(Movement.FORWARD_LUNGE, lower)
    return _named(Movement.LATERAL_STEP_DOWN, upper)


def _came_down(coarse: CoarsePaths, side: Side, at_s: float) -> bool:
    """Return whether a foot is lower in the picture at an instant than it usually is."""
    path = coarse.feet[side]
    near = np.abs(coarse.time_s - at_s) <= 0.06
    return bool(np.nanpercentile(path, 90) - _median(path[near]) >= RAISED_LEGS)


def _stepped_foot(coarse: CoarsePaths, at_s: float) -> Side | None:
    """Return the foot that was lifted and put down again within two seconds before an instant, else None."""
    before = (coarse.time_s > at_s - 2.0) & (coarse.time_s < at_s)
    now = np.abs(coarse.time_s - at_s) <= 0.06
    lifted = {
        side: float(np.nanmax(path[before]) - _median(path[now]))
        for side, path in coarse.feet.items()
        if np.isfinite(path[before]).any()
    }
    side = max(lifted, key=lambda side: lifted[side], default=None)
    return side if side is not None and lifted[side] >= RAISED_LEGS else None


def leg_share(paths: BodyPaths, side: Side, at_s: float) -> float:
    """Return the projected distance hip to ankle over the straight leg near an instant."""
    near = np.abs(paths.time_s - at_s) <= 0.06
    hip = paths.smooth_px[near, Joint[f"{side.name}_HIP"]]
    ankle = paths.smooth_px[near, Joint[f"{side.name}_ANKLE"]]
    return _median(np.hypot(*(ankle - hip).T)) / paths.leg_px
