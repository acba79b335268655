"""Steady running from the front or from behind (method section 1.2)."""

import itertools
from dataclasses import replace

import numpy as np

from app.biomech import strides
from app.biomech.frontal import FrontalMeasurement, mean_of, towards
from app.biomech.kinematics import SIDES
from app.biomech.metrics import Value, make_metric, value_at
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.shared import (
    Examined,
    conclude,
    examine,
    make_event,
    recognise_or_refuse,
    refuse,
)
from app.biomech.quality import make_finding
from app.biomech.strides import Stance
from app.biomech.types import Event, EventName, Metric, Movement, Outcome, Rejected, Side, View

MID_STANCE, TRIAL = EventName.MID_STANCE.value, "trial"
MIN_STANCES = 5
"""Fewer of a side give a mean that moves [P]; the protocol asks for ten."""
WIDTH_SD = 1.5
"""Per cent of the leg: ankle landmarks [P]."""


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of running."""
    seen = recognise_or_refuse(trial, Movement.RUNNING)
    if isinstance(seen, Rejected):
        return seen
    behind = strides.seen_from_behind(trial.paths)
    if behind:
        width_px = trial.track.image_size_px[0]
        trial = replace(
            trial,
            paths=strides.mirrored(trial.paths, width_px=width_px),
            track=strides.mirrored_track(trial.track),
        )
    stances = strides.find_stances(trial.paths)
    if not all(any(stance.side is side for stance in stances) for side in SIDES):
        return refuse(trial, make_finding("no_strides_found"))
    t = trial.paths.time_s
    window = (t >= stances[0].strike.time_s) & (t <= stances[-1].toe_off.time_s)
    examined = examine(trial, window=window, still=window)
    if behind:
        examined.findings.append(make_finding("filmed_from_behind"))
    fewest = min(sum(stance.side is side for stance in stances) for side in SIDES)
    if fewest < MIN_STANCES:
        examined.findings.append(make_finding("few_strides", n=fewest))
    metrics = _metrics(examined, stances)
    return conclude(
        examined,
        events=_events(examined, stances),
        metrics=metrics,
        flagged=_flags(examined.measurement, stances),
    )


def _metrics(examined: Examined, stances: list[Stance]) -> list[Metric]:
    m, hide = examined.measurement, not examined.measurable
    per_stance: list[Metric] = []
    means: list[Metric] = []
    knees: list[Value] = []
    for side in SIDES:
        own = [stance for stance in stances if stance.side is side]
        for key in ("fppa", "fppa_frontal", "trunk_lean_to_stance", "pelvic_drop"):
            values = [_read(m, key, stance) for stance in own]
            mean = mean_of(values)
            means.append(make_metric(key, side, None if hide else mean, event=MID_STANCE))
            per_stance += [
                make_metric(key, side, None if hide else value, event=MID_STANCE, repetition=stance.number)
                for stance, value in zip(own, values, strict=True)
            ]
            if key == "fppa" and mean is not None:
                knees.append(mean)
        times = [_stance_time(stance) for stance in own]
        means.append(make_metric("stance_time", side, mean_of(times), event=TRIAL))
    both = None
    if len(knees) == len(SIDES) and not hide:
        at = {stance.side: stance.middle.time_s for stance in stances[:2]}
        se = m.errors.fppa_se(at if len(at) == len(SIDES) else dict.fromkeys(SIDES, stances[0].middle.time_s))
        se = float(np.hypot(se, m.model_sd_deg))
        both = Value(value=float(np.mean([knee.value for knee in knees])), se=se)
    width, cadence = (None if hide else step_width(m, stances)), _cadence(stances)
    return [
        *means,
        make_metric("fppa", Side.BOTH, both, event=MID_STANCE),
        make_metric("step_width", Side.BOTH, width, event=MID_STANCE),
        make_metric("cadence", Side.BOTH, cadence, event=TRIAL),
        *per_stance,
    ]


def _read(m: FrontalMeasurement, key: str, stance: Stance) -> Value:
    if key == "fppa":
        return m.fppa_at(stance.side, stance.middle)
    if key == "fppa_frontal":
        return m.frontal_at(stance.side, stance.middle)
    if key == "pelvic_drop":
        return m.pelvic_drop_at(stance.side, stance.middle)
    return towards(stance.side, m.lean_at(stance.middle))


def _stance_time(stance: Stance) -> Value:
    sd_s = float(np.hypot(stance.strike.sd_s, stance.toe_off.sd_s))
    return Value(value=stance.toe_off.time_s - stance.strike.time_s, se=sd_s)


def step_width(m: FrontalMeasurement, stances: list[Stance]) -> Value | None:
    """Return how far apart the feet are set, per cent of the leg; negative where they cross the middle line."""
    widths = []
    for one, next_ in itertools.pairwise(stances):
        if one.side is next_.side:
            continue
        left, right = (one, next_) if one.side is Side.LEFT else (next_, one)
        x_left = value_at(m.time_s, m.paths.leg(Side.LEFT)[2][:, 0], left.middle.time_s)
        x_right = value_at(m.time_s, m.paths.leg(Side.RIGHT)[2][:, 0], right.middle.time_s)
        widths.append(Value(value=100.0 * (x_left - x_right) / m.paths.leg_px, se=WIDTH_SD))
    return mean_of(widths)


def _cadence(stances: list[Stance]) -> Value | None:
    """Return steps per minute, from the first strike to the last."""
    strikes = [stance.strike for stance in stances]
    span_s = strikes[-1].time_s - strikes[0].time_s
    if len(strikes) < 3 or span_s <= 0.0:
        return None
    cadence = 60.0 * (len(strikes) - 1) / span_s
    return Value(value=cadence, se=cadence * float(np.hypot(strikes[0].sd_s, strikes[-1].sd_s)) / span_s)


def _events(examined: Examined, stances: list[Stance]) -> list[Event]:
    return [
        make_event(examined, name, stance.side, instant, repetition=stance.number)
        for stance in stances
        for name, instant in (
            (EventName.FOOT_STRIKE, stance.strike),
            (EventName.MID_STANCE, stance.middle),
            (EventName.TOE_OFF, stance.toe_off),
        )
    ]


def _flags(m: FrontalMeasurement, stances: list[Stance]) -> list[tuple[float, str, Side]]:
    """Return one middle stance of each side, and the one with the knee furthest inward."""
    flags = []
    for side in SIDES:
        own = [stance for stance in stances if stance.side is side]
        flags.append((own[len(own) // 2].middle.time_s, MID_STANCE, side))
        angles = [m.fppa_at(side, stance.middle).value for stance in own]
        if np.isfinite(angles).any():
            flags.append((own[int(np.nanargmax(angles))].middle.time_s, "peak_valgus", side))
    return flags


RUNNING = MovementDefinition(
    movement=Movement.RUNNING,
    name="Running",
    protocol=(
        "Run at your own steady pace on a treadmill or towards the camera, at least ten steps with each foot. Film "
        "from straight in front or straight behind, at 120 frames per second or more."
    ),
    phases=("foot strike", "mid-stance", "toe-off", "flight"),
    valid_when=("The pace is steady.", "At least ten steps of each foot are in the video."),
    metrics=(
        "fppa",
        "fppa_frontal",
        "trunk_lean_to_stance",
        "pelvic_drop",
        "step_width",
        "stance_time",
        "cadence",
    ),
    flagged_frames=(MID_STANCE, "peak_valgus"),
    views=(View.FRONTAL,),
    is_repeated=True,
    assess=assess,
)
