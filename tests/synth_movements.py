"""Stick figures of every movement, with closed-form truth (docs/method.md, "How it is tested").

As `tests.synth`: metres, x to the right of the picture, y up, z towards the camera, the athlete faces the
camera. Hips, ankles and the angle of each knee are functions of time; the rest of the body follows. The knee
lies half-way between hip and ankle in the picture, moved sideways so that the angle in an orthographic
picture is exact, and forwards by what is left of the segments.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import MIRROR, N_JOINTS, Joint
from app.biomech.types import Movement, PoseTrack
from tests.synth import ANKLE_M, HIP_M, SEGMENT_M, STANCE_M, to_track

Array = NDArray[np.float64]
G = 9.81
HIP_HALF_M = 0.10


@dataclass(frozen=True, kw_only=True)
class Leg:
    """Where one leg is, each (T,)."""

    ankle_x: Array
    ankle_y: Array
    ankle_z: Array
    fppa_deg: Array
    pitch: Array | float = 0.0
    """Radians; positive lifts the heel over the toe."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """Where a body is over time."""

    hip_x: Array
    hip_y: Array
    hip_z: Array
    left: Leg
    right: Leg
    lean_deg: Array | float = 0.0
    """Lateral trunk lean, positive to the athlete's left."""
    drop_deg: Array | float = 0.0
    """Pelvis: positive when the right hip is lower."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How a figure is filmed; the fields `tests.synth.to_track` asks for."""

    fps: float = 60.0
    phase: float = 0.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    scale_px_m: float = 400.0
    distance_m: float = 0.0
    size_px: tuple[int, int] = (720, 1280)
    noise_m: float = 0.0
    seed: int = 0
    slow: float = 1.0
    world: bool = True


def body_points(body: Body, t: Array) -> Array:
    """Return all landmarks in metres, (T, 33, 3)."""
    points = np.zeros((t.size, N_JOINTS, 3))
    one = np.ones_like(t)
    tilt = np.radians(body.drop_deg) * one
    lean = np.radians(body.lean_deg) * one
    for sign, side, leg in ((1.0, "LEFT", body.left), (-1.0, "RIGHT", body.right)):
        hip = np.stack(
            [
                body.hip_x + sign * HIP_HALF_M * np.cos(tilt),
                body.hip_y + sign * HIP_HALF_M * np.sin(tilt),
                body.hip_z,
            ],
            axis=-1,
        )
        ankle = np.stack([leg.ankle_x * one, leg.ankle_y * one, leg.ankle_z * one], axis=-1)
        points[:, Joint[f"{side}_HIP"]] = hip
        points[:, Joint[f"{side}_KNEE"]] = _knee(hip, ankle, np.radians(leg.fppa_deg * one), sign=sign)
        points[:, Joint[f"{side}_ANKLE"]] = ankle
        pitch = leg.pitch * one
        for part, back, down in (("HEEL", -0.05, -0.06), ("FOOT_INDEX", 0.15, -0.06)):
            # The foot turns about the toe, so the ankle given is the one of a flat foot moved up by its pitch.
            z = back * np.cos(pitch) + down * np.sin(pitch)
            y = -back * np.sin(pitch) + down * np.cos(pitch)
            points[:, Joint[f"{side}_{part}"]] = ankle + np.stack([0.0 * t, y, z], axis=-1)
        top = np.stack([0.5 * np.sin(lean), 0.5 * np.cos(lean), 0.0 * t], axis=-1)
        trunk = np.stack([body.hip_x, body.hip_y, body.hip_z], axis=-1) + top
        for part, x, y, z in (
            ("SHOULDER", 0.18, 0.0, 0.0),
            ("ELBOW", 0.22, -0.25, 0.0),
            ("WRIST", 0.16, -0.42, 0.1),
        ):
            points[:, Joint[f"{side}_{part}"]] = trunk + np.array([sign * x, y, z])
    head = points[:, [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]].mean(axis=1) + np.array([0.0, 0.25, 0.05])
    points[:, : Joint.LEFT_SHOULDER] = head[:, None]
    return points


def _knee(hip: Array, ankle: Array, fppa: Array, *, sign: float) -> Array:
    """Return the knee: half-way in the picture, sideways by the angle, forwards by what is left."""
    across = ankle[:, :2] - hip[:, :2]
    apart = np.maximum(np.hypot(*across.T), 1e-9)
    inwards = 0.5 * apart * np.tan(0.5 * fppa)
    along = across / apart[:, None]
    # Medial is to the right of the picture for the right leg (sign -1) of an athlete who faces the camera.
    normal = np.stack([along[:, 1], -along[:, 0]], axis=-1) * sign
    middle = 0.5 * (hip[:, :2] + ankle[:, :2]) + normal * inwards[:, None]
    depth = 0.5 * (hip[:, 2] + ankle[:, 2])
    rest = SEGMENT_M**2 - 0.25 * apart**2 - inwards**2 - 0.25 * (hip[:, 2] - ankle[:, 2]) ** 2
    return np.column_stack([middle, depth + np.sqrt(np.maximum(rest, 0.0))])


def bumps(t: Array, starts: tuple[float, ...], *, down_s: float, hold_s: float, up_s: float) -> Array:
    """Return 0 to 1 and back by raised cosines, once from each start."""
    total = np.zeros_like(t)
    for start in starts:
        fall = np.clip((t - start) / down_s, 0.0, 1.0)
        rise = np.clip((t - start - down_s - hold_s) / up_s, 0.0, 1.0)
        total += 0.5 * (1 - np.cos(np.pi * fall)) - 0.5 * (1 - np.cos(np.pi * rise))
    return total


def flat(t: Array, x: float, *, fppa_deg: Array | float = 2.0, y: float = 0.0, z: float = 0.0) -> Leg:
    """Return a leg whose foot stays flat where it is."""
    one = np.ones_like(t)
    return Leg(ankle_x=x * one, ankle_y=(ANKLE_M + y) * one, ankle_z=z * one, fppa_deg=fppa_deg * one)


@dataclass(frozen=True, kw_only=True)
class Reps:
    """Repeated movements on the spot."""

    n: int = 3
    depth_m: float = 0.22
    depths: tuple[float, ...] = ()
    """Depth of each repetition as a share of `depth_m`; empty for all the same."""
    down_s: float = 1.0
    hold_s: float = 0.0
    up_s: float = 1.0
    rest_s: float = 0.6
    lead_s: float = 1.4
    base_deg: tuple[float, float] = (2.0, 2.0)
    rise_deg: tuple[float, float] = (12.0, 8.0)
    lean_deg: float = 6.0
    """Trunk lean towards the standing leg at the lowest point."""
    drop_deg: float = 5.0
    """Pelvic drop on the free side at the lowest point."""
    lifted_always: bool = False

    @property
    def starts(self) -> tuple[float, ...]:
        """When each repetition begins."""
        each = self.down_s + self.hold_s + self.up_s + self.rest_s
        return tuple(self.lead_s + k * each for k in range(self.n))

    @property
    def lowest_s(self) -> tuple[float, ...]:
        """True instants of the lowest point (the middle of a hold)."""
        return tuple(start + self.down_s + 0.5 * self.hold_s for start in self.starts)

    @property
    def end_s(self) -> float:
        """End of the figure's movement."""
        return self.starts[-1] + self.down_s + self.hold_s + self.up_s + self.lead_s

    def bend(self, t: Array) -> Array:
        """Return 0 to 1: how far down."""
        each = {"down_s": self.down_s, "hold_s": self.hold_s, "up_s": self.up_s}
        depths = self.depths or (1.0,) * self.n
        return np.sum(
            [share * bumps(t, (start,), **each) for share, start in zip(depths, self.starts, strict=True)],
            axis=0,
        )

    def fppa(self, t: Array, at: int) -> Array:
        """Return the true angle of the left (0) or right (1) knee."""
        return self.base_deg[at] + self.rise_deg[at] * self.bend(t)


def squat_body(reps: Reps, t: Array) -> Body:
    """Both feet flat, hips sink."""
    return Body(
        hip_x=0.0 * t,
        hip_y=HIP_M - reps.depth_m * reps.bend(t),
        hip_z=0.0 * t,
        left=flat(t, STANCE_M + 0.04, fppa_deg=reps.fppa(t, 0)),
        right=flat(t, -STANCE_M - 0.04, fppa_deg=reps.fppa(t, 1)),
    )


def _on_left(reps: Reps, t: Array, *, free: Leg, y: float) -> Body:
    """Return a body that stands on the left leg."""
    bend = reps.bend(t)
    return Body(
        hip_x=np.full_like(t, 0.05),
        hip_y=HIP_M + y - reps.depth_m * bend,
        hip_z=0.0 * t,
        left=flat(t, STANCE_M, fppa_deg=reps.fppa(t, 0), y=y),
        right=free,
        lean_deg=reps.lean_deg * bend,
        drop_deg=reps.drop_deg * bend,
    )


def single_leg_squat_body(reps: Reps, t: Array) -> Body:
    """Stand on the left, the right foot off the floor behind."""
    up = np.ones_like(t) if reps.lifted_always else _held(t, 0.3, reps.end_s - 0.3)
    lift = 0.30 * up
    free = Leg(
        ankle_x=np.full_like(t, -STANCE_M),
        ankle_y=ANKLE_M + lift - 0.3 * reps.depth_m * reps.bend(t),
        ankle_z=-0.30 * up,
        fppa_deg=np.full_like(t, 2.0),
        pitch=0.8 * up,
    )
    return _on_left(reps, t, free=free, y=0.0)


def step_down_body(reps: Reps, t: Array) -> Body:
    """Stand on a step of 0.15 m with the left, lower the right heel to the floor."""
    step = 0.15
    free = flat(t, -STANCE_M - 0.08)
    lowered = replace(free, ankle_y=ANKLE_M + step - step * reps.bend(t), ankle_z=0.06 + 0.0 * t)
    return _on_left(replace(reps, depth_m=step + 0.02), t, free=lowered, y=step)


def lunge_body(reps: Reps, t: Array) -> Body:
    """Step forward with the left leg, sink, push back."""
    each = reps.down_s + reps.hold_s + reps.up_s
    forward, lift = np.zeros_like(t), np.zeros_like(t)
    for start in reps.starts:
        out = np.clip((t - start + 0.2) / 0.5, 0.0, 1.0)
        back = np.clip((t - start - each + 0.3) / 0.5, 0.0, 1.0)
        forward += 0.5 * (1 - np.cos(np.pi * out)) - 0.5 * (1 - np.cos(np.pi * back))
        lift += 0.10 * (np.sin(np.pi * out) + np.sin(np.pi * back))
    bend = reps.bend(t)
    rear = flat(t, -STANCE_M, fppa_deg=reps.fppa(t, 1))
    lead = flat(t, STANCE_M, fppa_deg=reps.fppa(t, 0))
    return Body(
        hip_x=0.0 * t,
        hip_y=HIP_M - 0.05 * forward - 0.30 * bend,
        hip_z=0.40 * forward,
        left=replace(lead, ankle_y=ANKLE_M + lift, ankle_z=0.80 * forward),
        right=replace(rear, ankle_y=ANKLE_M + 0.08 * forward, ankle_z=-0.05 * forward, pitch=0.7 * forward),
        lean_deg=reps.lean_deg * bend,
    )


def _held(t: Array, start_s: float, stop_s: float, ramp_s: float = 0.3) -> Array:
    return np.clip(np.minimum(t - start_s, stop_s - t) / ramp_s, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A drop off a box that is held, or jumped forward into."""

    box_m: float = 0.30
    stand_s: float = 1.2
    brake_s: float = 0.20
    """Contact to lowest point."""
    hold_s: float = 2.0
    base_deg: tuple[float, float] = (2.0, 2.0)
    rise_deg: tuple[float, float] = (12.0, 8.0)
    stance: str = "both"
    lean_deg: float = 0.0

    @property
    def contact_s(self) -> float:
        """True contact."""
        return self.stand_s + float(np.sqrt(2.0 * self.box_m / G))

    @property
    def lowest_s(self) -> float:
        """True lowest point."""
        return self.contact_s + self.brake_s

    @property
    def end_s(self) -> float:
        """End of the figure's movement."""
        return self.contact_s + self.hold_s

    def brake(self, t: Array) -> Array:
        """Return 0 to 1 to 0: rises as a body that is braked, and comes back slowly."""
        u = np.maximum(t - self.contact_s, 0.0) / self.brake_s
        return u * np.exp(1.0 - u)

    def hip_above(self, t: Array) -> Array:
        """Return the height of the hips over standing."""
        touch = G * (self.contact_s - self.stand_s)
        fall = np.maximum(t - self.stand_s, 0.0)
        sunk = touch * self.brake_s / np.e * self.brake(t)
        return np.where(t < self.contact_s, self.box_m - 0.5 * G * fall**2, -sunk)

    def fppa(self, t: Array, at: int) -> Array:
        """Return the true angle of the left (0) or right (1) knee."""
        return self.base_deg[at] + self.rise_deg[at] * self.brake(t)


def drop_landing_body(drop: Drop, t: Array) -> Body:
    """Land on both feet, or on the left with the right foot held up behind."""
    above = drop.hip_above(t)
    feet = np.maximum(above, 0.0)
    left = replace(flat(t, STANCE_M, fppa_deg=drop.fppa(t, 0)), ankle_y=ANKLE_M + feet)
    right = replace(flat(t, -STANCE_M, fppa_deg=drop.fppa(t, 1)), ankle_y=ANKLE_M + feet)
    lean: Array = 0.0 * t
    hip_x = 0.0 * t
    if drop.stance == "left":
        up = np.clip((t - drop.stand_s + 0.5) / 0.4, 0.0, 1.0)
        right = replace(
            right,
            ankle_y=ANKLE_M + feet + 0.28 * up,
            ankle_z=-0.25 * up,
            pitch=0.8 * up,
            fppa_deg=2.0 + 0.0 * t,
        )
        lean = drop.lean_deg * drop.brake(t)
        hip_x = 0.05 * up
    return Body(hip_x=hip_x, hip_y=HIP_M + above, hip_z=0.0 * t, left=left, right=right, lean_deg=lean)


@dataclass(frozen=True, kw_only=True)
class JumpOff:
    """A jump forward off a box with a rebound: the task of the LESS."""

    box_m: float = 0.30
    ahead_m: float = 0.95
    stand_s: float = 1.2
    flight_s: float = 0.42
    """From the box to the floor: longer than a fall, as it starts with a hop."""
    contact_s_long: float = 0.40
    after_s: float = 0.7
    base_deg: tuple[float, float] = (2.0, 2.0)
    rise_deg: tuple[float, float] = (12.0, 8.0)

    @property
    def hop(self) -> float:
        """Upward speed off the box."""
        return 0.5 * G * self.flight_s - self.box_m / self.flight_s

    @property
    def contact_s(self) -> float:
        """True contact."""
        return self.stand_s + self.flight_s

    @property
    def touch(self) -> float:
        """Speed at contact."""
        return G * self.flight_s - self.hop

    @property
    def take_off_s(self) -> float:
        """True take-off."""
        return self.contact_s + self.contact_s_long

    @property
    def second_contact_s(self) -> float:
        """True second contact."""
        return self.take_off_s + 2.0 * self.touch / G

    @property
    def end_s(self) -> float:
        """End of the figure's movement."""
        return self.second_contact_s + self.after_s

    def load(self, t: Array) -> Array:
        """Return 0 to 1 to 0 over the contact."""
        return np.sin(np.pi * np.clip((t - self.contact_s) / self.contact_s_long, 0.0, 1.0))

    def hip_above(self, t: Array) -> Array:
        """Return the height of the hips over standing."""
        off, up = np.maximum(t - self.stand_s, 0.0), t - self.take_off_s
        sunk = self.touch * self.contact_s_long / np.pi * self.load(t)
        last = np.sin(np.pi * np.clip((t - self.second_contact_s) / 0.4, 0.0, 1.0))
        return np.select(
            [t < self.contact_s, t < self.take_off_s, t < self.second_contact_s],
            [self.box_m + self.hop * off - 0.5 * G * off**2, -sunk, self.touch * up - 0.5 * G * up**2],
            -self.touch * 0.4 / np.pi * last,
        )


def jump_landing_body(jump: JumpOff, t: Array) -> Body:
    """Forward from the box to the landing spot, then straight up."""
    above = jump.hip_above(t)
    feet = np.maximum(above, 0.0)
    z = -jump.ahead_m * (1.0 - np.clip((t - jump.stand_s) / jump.flight_s, 0.0, 1.0))
    legs = [
        replace(
            flat(t, sign * STANCE_M, fppa_deg=jump.base_deg[at] + jump.rise_deg[at] * jump.load(t)),
            ankle_y=ANKLE_M + feet,
            ankle_z=z,
        )
        for at, sign in enumerate((1.0, -1.0))
    ]
    return Body(hip_x=0.0 * t, hip_y=HIP_M + above, hip_z=z, left=legs[0], right=legs[1])


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Quiet standing."""

    end_s: float = 3.0
    base_deg: tuple[float, float] = (6.0, 3.0)
    sway_m: float = 0.004


def standing_body(stand: Stand, t: Array) -> Body:
    """Both feet flat, a little sway."""
    sway = stand.sway_m * np.sin(2 * np.pi * 0.4 * t)
    return Body(
        hip_x=sway,
        hip_y=HIP_M - 0.002 + 0.0 * t,
        hip_z=0.0 * t,
        left=flat(t, STANCE_M, fppa_deg=stand.base_deg[0]),
        right=flat(t, -STANCE_M, fppa_deg=stand.base_deg[1]),
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """Steady running on the spot (a treadmill), or a run-up and a cut."""

    n_strides: int = 7
    cycle_s: float = 0.70
    stance_s: float = 0.26
    width_m: float = 0.10
    """Between the ankles."""
    base_deg: tuple[float, float] = (1.0, 1.0)
    rise_deg: tuple[float, float] = (8.0, 5.0)
    lean_deg: float = 3.0
    drop_deg: float = 4.0

    @property
    def end_s(self) -> float:
        """End of the figure's movement."""
        return self.n_strides * self.cycle_s

    def strikes(self, left: bool) -> list[float]:
        """True foot strikes."""
        shift = 0.0 if left else 0.5
        return [(k + shift) * self.cycle_s for k in range(self.n_strides + 1)]

    def stance(self, t: Array, *, left: bool) -> Array:
        """Return 0 at strike to 1 at toe-off, NaN in swing."""
        since = np.mod(t - (0.0 if left else 0.5 * self.cycle_s), self.cycle_s)
        return np.where(since < self.stance_s, since / self.stance_s, np.nan)

    def swing(self, t: Array, *, left: bool) -> Array:
        """Return 0 at toe-off to 1 at strike, 0 in stance."""
        since = np.mod(t - (0.0 if left else 0.5 * self.cycle_s), self.cycle_s) - self.stance_s
        return np.clip(since / (self.cycle_s - self.stance_s), 0.0, 1.0)

    def load(self, t: Array, *, left: bool) -> Array:
        """Return 0 to 1 to 0 over stance: greatest in its middle."""
        return np.nan_to_num(np.sin(np.pi * self.stance(t, left=left)))


def running_body(run: Run, t: Array) -> Body:
    """Feet in turn; hips lowest in the middle of each stance."""
    legs = []
    loads = [run.load(t, left=left) for left in (True, False)]
    for at, (sign, left) in enumerate(((1.0, True), (-1.0, False))):
        swing = run.swing(t, left=left)
        lift = 0.32 * np.sin(np.pi * swing)
        legs.append(
            Leg(
                ankle_x=np.full_like(t, sign * 0.5 * run.width_m),
                ankle_y=ANKLE_M + lift,
                ankle_z=-0.30 * np.sin(np.pi * swing),
                fppa_deg=run.base_deg[at] + run.rise_deg[at] * loads[at],
                pitch=0.9 * np.sin(np.pi * swing),
            )
        )
    return Body(
        hip_x=0.02 * (loads[0] - loads[1]),
        hip_y=HIP_M - 0.02 - 0.05 * (loads[0] + loads[1]),
        hip_z=0.0 * t,
        left=legs[0],
        right=legs[1],
        lean_deg=run.lean_deg * (loads[0] - loads[1]),
        drop_deg=run.drop_deg * (loads[0] - loads[1]),
    )


def cut_body(run: Run, t: Array) -> Body:
    """Run towards the camera, plant the left foot wide, go off to the right."""
    body = running_body(run, t)
    plant_s = cut_plant_s(run)
    after = np.maximum(t - plant_s - 0.10, 0.0)
    aside = -2.6 * np.where(after < 0.2, after**2 / 0.4, after - 0.1)
    near_plant = np.exp(-(((t - plant_s - 0.12) / 0.12) ** 2))
    ahead = np.minimum(t, plant_s + 0.1) - plant_s
    # The planted foot swings out before it is set and stays where it is until it leaves.
    out = np.clip((t - plant_s + 0.20) / 0.18, 0.0, 1.0)
    back = np.clip((t - plant_s - run.stance_s - 0.02) / 0.20, 0.0, 1.0)
    left_x = 0.5 * run.width_m + (CUT_WIDE_M - 0.5 * run.width_m) * out
    left_x = (1.0 - back) * left_x + back * (0.5 * run.width_m + aside)
    left_z = (1.0 - back) * np.minimum(1.5 * ahead, 0.0) + back * 1.5 * ahead
    return replace(
        body,
        hip_x=aside,
        hip_z=1.5 * ahead,
        left=replace(body.left, ankle_x=left_x, ankle_z=body.left.ankle_z + left_z),
        right=replace(
            body.right, ankle_x=body.right.ankle_x + aside, ankle_z=body.right.ankle_z + 1.5 * ahead
        ),
        lean_deg=8.0 * near_plant,
        drop_deg=0.0,
    )


CUT_WIDE_M = 0.45
"""Where the cut's planted foot is set, from the middle."""


def cut_plant_s(run: Run) -> float:
    """True instant of the plant: a strike of the left foot after two thirds of the run."""
    return run.strikes(left=True)[(2 * run.n_strides) // 3]


Mover = Reps | Drop | JumpOff | Stand | Run
_BODIES: dict[Movement, tuple[Mover, Callable[[Mover, Array], Body]]] = {
    Movement.BILATERAL_SQUAT: (Reps(), squat_body),
    Movement.SINGLE_LEG_SQUAT: (Reps(depth_m=0.15), single_leg_squat_body),
    Movement.LATERAL_STEP_DOWN: (Reps(), step_down_body),
    Movement.FORWARD_LUNGE: (Reps(), lunge_body),
    Movement.JUMP_LANDING: (JumpOff(), jump_landing_body),
    Movement.BILATERAL_DROP_LANDING: (Drop(), drop_landing_body),
    Movement.SINGLE_LEG_LANDING: (Drop(stance="left", lean_deg=6.0), drop_landing_body),
    Movement.STANDING: (Stand(), standing_body),
    Movement.RUNNING: (Run(), running_body),
    Movement.SIDE_STEP_CUT: (Run(), cut_body),
}  # type: ignore[assignment]  # each figure goes with its own body


def mover(
    movement: Movement, *, camera: Camera | None = None, mirrored: bool = False, **changes: object
) -> tuple[Mover, PoseTrack]:
    """Return a figure of a movement and its track.

    Keywords change the figure's parameters. Mirrored, left and right exchange their parts: what the left leg
    did, the right one does.
    """
    figure, build = _BODIES[movement]
    figure = replace(figure, **changes)  # type: ignore[arg-type, type-var]  # parameters by name, checked by the dataclass
    film = camera or Camera()
    t = (np.arange(int(figure.end_s * film.fps)) + film.phase) / film.fps
    points = body_points(build(figure, t), t)
    if mirrored:
        points = points[:, MIRROR] * np.array([-1.0, 1.0, 1.0])
    return figure, to_track(film, t, points)  # type: ignore[arg-type]  # a camera is all it reads
