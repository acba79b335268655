"""Movements that go down and up on the spot several times: squats, step-downs, lunges."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from app.biomech.events import Instant
from app.biomech.frontal import FrontalMeasurement, towards
from app.biomech.metrics import Value
from app.biomech.movements.base import Trial
from app.biomech.movements.shared import (
    Entry,
    Examined,
    conclude,
    examine,
    make_event,
    make_metrics,
    over_repetitions,
    recognise_or_refuse,
    refuse,
)
from app.biomech.quality import make_finding
from app.biomech.recognition import Recognised
from app.biomech.repetitions import Repetition, Repetitions, find_repetitions
from app.biomech.types import Event, EventName, Movement, Outcome, Rejected, Side, View

LOWEST, PEAK, TRIAL = EventName.LOWEST_POINT.value, "peak", "trial"
MIN_REPETITIONS = 3
"""Fewer say little about how alike they are [P]; the protocols ask for five."""
AROUND_S = 0.2
READ_RATE_HZ = 60.0
"""These movements are slow: more frames a second add nothing to their angles [P]."""
SPREADS = frozenset(
    {
        "fppa",
        "knee_ankle_separation_ratio",
        "trunk_lean_to_stance",
        "pelvic_drop",
        "summated_trunk_knee_angle",
        "fppa_rise",
        "squat_depth",
    }
)
ANY_VIEW_KEYS = frozenset({"squat_depth", "descent_time", "repetitions"})
DEPTH_SD_SHARE = 0.04
"""The hips move away from the camera as they sink [P]."""

Read = Callable[[FrontalMeasurement, Repetition, Side], list[Entry]]
"""The frontal numbers of one repetition; the side is the standing leg, or both."""
Whole = Callable[[Examined, Repetitions, Side], list[Entry]]
"""Numbers of the whole trial."""


def _nothing(_examined: Examined, _found: Repetitions, _stance: Side) -> list[Entry]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedMovement:
    """How one movement of this kind is read."""

    movement: Movement
    on_one_leg: bool
    read: Read
    whole: Whole = field(default=_nothing)


def assess_repeated(trial: Trial, kind: RepeatedMovement) -> Outcome:
    """Return the judgement over one recording of a movement that is repeated on the spot."""
    seen = recognise_or_refuse(trial, kind.movement)
    if isinstance(seen, Rejected):
        return seen
    found = repetitions_in(trial)
    if not found.whole:
        return refuse(trial, make_finding("no_repetition_found"))
    stance = _stance(seen) if kind.on_one_leg else Side.BOTH
    if stance is None:
        return refuse(trial, make_finding("stance_unclear"))
    found = _placed_by_hand(found, trial, stance)
    if not all(item.is_in_order for item in found.whole):
        return refuse(trial, make_finding("events_out_of_order"))
    examined = _examine(trial, found, leg=None if stance is Side.BOTH else stance)
    _tell(examined, found, stance)
    m = examined.measurement
    per_repetition = [[*_always(m, item), *kind.read(m, item, stance)] for item in found.whole]
    metrics = over_repetitions(per_repetition, withheld=lambda key: _withheld(examined, key), spreads=SPREADS)
    metrics += make_metrics([("repetitions", Side.BOTH, TRIAL, _count(found))], withheld=False)
    metrics += make_metrics(kind.whole(examined, found, stance), withheld=not examined.measurable)
    return conclude(
        examined, events=_events(examined, found, stance), metrics=metrics, flagged=_flags(m, found, stance)
    )


def repetitions_in(trial: Trial) -> Repetitions:
    """Return the repetitions of a clip, from the height of the hips."""
    paths = trial.paths
    height = -paths.middle("HIP")[:, 1] / paths.leg_px
    return find_repetitions(paths.time_s, height, noise=paths.jitter_px / paths.leg_px)


def _placed_by_hand(found: Repetitions, trial: Trial, stance: Side) -> Repetitions:
    """Return the repetitions with the instants that a person placed."""

    def placed(name: EventName, item: Repetition, instant: Instant) -> Instant:
        return trial.placed.get((name, stance, item.number), instant)

    whole = tuple(
        replace(
            item,
            start=placed(EventName.DESCENT_START, item, item.start),
            lowest=placed(EventName.LOWEST_POINT, item, item.lowest),
            stop=placed(EventName.ASCENT_STOP, item, item.stop),
        )
        for item in found.whole
    )
    return replace(found, whole=whole)


def _stance(seen: Recognised) -> Side | None:
    return seen.stance


def _examine(trial: Trial, found: Repetitions, *, leg: Side | None) -> Examined:
    t = trial.paths.time_s
    window = (t >= found.whole[0].start.time_s - AROUND_S) & (t <= found.whole[-1].stop.time_s + AROUND_S)
    moving = np.zeros(t.size, dtype=np.bool_)
    for item in found.whole:
        moving |= (t > item.start.time_s) & (t < item.stop.time_s)
    return examine(trial, window=window, still=~moving, leg=leg)


def _tell(examined: Examined, found: Repetitions, stance: Side) -> None:
    """Add what is to be said of the repetitions."""
    m = examined.measurement
    told = examined.findings
    if len(found.whole) < MIN_REPETITIONS:
        told.append(make_finding("few_repetitions", n=len(found.whole)))
    if found.n_partial:
        told.append(make_finding("partial_repetitions", n=found.n_partial))
    if found.n_cut_off:
        told.append(make_finding("repetition_cut_off"))
    if examined.trial.context.view is not View.FRONTAL:
        return
    sides = (Side.LEFT, Side.RIGHT) if stance is Side.BOTH else (stance,)
    deep = [item for item in found.whole if any(m.is_too_deep(side, item.lowest.time_s) for side in sides)]
    if deep:
        told.append(
            make_finding(
                "deep_repetition",
                n=len(deep),
                frame=int(np.argmin(np.abs(m.time_s - deep[0].lowest.time_s))),
            )
        )


def _withheld(examined: Examined, key: str) -> bool:
    return not examined.measurable and key not in ANY_VIEW_KEYS


def _count(found: Repetitions) -> Value:
    return Value(value=float(len(found.whole)), se=0.0)


def _always(m: FrontalMeasurement, item: Repetition) -> list[Entry]:
    """Return the numbers that every view shows."""
    depth = 100.0 * item.depth
    jitter = 100.0 * np.sqrt(2.0) * m.errors.smooth_jitter_px / m.paths.leg_px
    descent = item.lowest.time_s - item.start.time_s
    return [
        (
            "squat_depth",
            Side.BOTH,
            LOWEST,
            Value(value=depth, se=float(np.hypot(jitter, DEPTH_SD_SHARE * depth))),
        ),
        (
            "descent_time",
            Side.BOTH,
            LOWEST,
            Value(value=descent, se=float(np.hypot(item.start.sd_s, item.lowest.sd_s))),
        ),
    ]


def read_knee(m: FrontalMeasurement, item: Repetition, side: Side) -> list[Entry]:
    """Return the knee angle of one leg, or of the mean, in one repetition."""
    standing_s = max(float(m.time_s[0]), item.start.time_s - AROUND_S)
    return [
        ("fppa", side, LOWEST, m.fppa_at(side, item.lowest)),
        ("fppa_frontal", side, LOWEST, m.frontal_at(side, item.lowest)),
        ("fppa", side, PEAK, m.fppa_peak(side, start_s=item.start.time_s, stop_s=item.stop.time_s)),
        ("fppa_rise", side, LOWEST, m.fppa_change(side, start_s=standing_s, stop=item.lowest)),
    ]


def read_stance(m: FrontalMeasurement, item: Repetition, stance: Side) -> list[Entry]:
    """Return knee, trunk and pelvis of a repetition on one leg."""
    return [
        *read_knee(m, item, stance),
        ("trunk_lean_to_stance", stance, LOWEST, towards(stance, m.lean_at(item.lowest))),
        ("pelvic_drop", stance, LOWEST, m.pelvic_drop_at(stance, item.lowest)),
        ("summated_trunk_knee_angle", stance, LOWEST, summated(m, stance, item.lowest)),
    ]


def summated(m: FrontalMeasurement, stance: Side, instant: Instant) -> Value:
    """Return trunk lean towards the standing leg plus its knee angle (Park 2024)."""
    trunk, knee = towards(stance, m.lean_at(instant)), m.fppa_at(stance, instant)
    return Value(value=trunk.value + knee.value, se=float(np.hypot(trunk.se, knee.se)))


def _events(examined: Examined, found: Repetitions, stance: Side) -> list[Event]:
    events = []
    for item in found.whole:
        for name, instant in (
            (EventName.DESCENT_START, item.start),
            (EventName.LOWEST_POINT, item.lowest),
            (EventName.ASCENT_STOP, item.stop),
        ):
            events.append(make_event(examined, name, stance, instant, repetition=item.number))
    return events


def _flags(m: FrontalMeasurement, found: Repetitions, stance: Side) -> list[tuple[float, str, Side]]:
    flags = [(item.lowest.time_s, "lowest_point", stance) for item in found.whole]
    sides = (Side.LEFT, Side.RIGHT) if stance is Side.BOTH else (stance,)
    for side in sides:
        peaks = [
            m.fppa_peak_s(side, start_s=item.start.time_s, stop_s=item.stop.time_s) for item in found.whole
        ]
        angles = [float(np.interp(at_s, m.time_s, m.fppa(side))) for at_s in peaks]
        if np.isfinite(angles).any():
            flags.append((peaks[int(np.nanargmax(angles))], "peak_valgus", side))
    return flags
