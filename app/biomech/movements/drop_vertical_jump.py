"""The drop vertical jump: off a box, land on both feet, jump as high as possible (method section 1.2)."""

from dataclasses import dataclass

import numpy as np

from app.biomech import checks, metrics
from app.biomech.frontal_extras import EXTRA_KEYS, FrontalExtras
from app.biomech.frontal_plane import FrontalPlane, with_frontal_series
from app.biomech.held import check_hold, sway
from app.biomech.kinematics import SIDES, compute_kinematics
from app.biomech.landing import SLOW_MOTION_FACTORS, Landing, locate_landing, place_by_hand
from app.biomech.landmark_model import landmark_model_of
from app.biomech.measurement import LandingMeasurement
from app.biomech.method import FPPA_CUTOFF_DEG
from app.biomech.metrics import Value, make_metric
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.shared import UNKNOWN_YAW, refuse_other
from app.biomech.phases import Refusal
from app.biomech.quality import judge_verdict, make_finding, sort_findings
from app.biomech.reading import plan_landing
from app.biomech.recognition import NOTHING, Recognised, is_another, recognise
from app.biomech.sagittal import SagittalMeasurement
from app.biomech.sagittal_landing import (
    SAGITTAL_KEYS,
    SIDE_ERRORS,
    SideView,
    sagittal_metrics,
    with_sagittal_series,
)
from app.biomech.scale import Scale, scale_from_box, scale_from_stature
from app.biomech.score import ComponentInput, compute_risk_score
from app.biomech.types import (
    Assessed,
    BoolArray,
    Event,
    EventName,
    FlaggedFrame,
    FloatArray,
    Kinematics,
    Metric,
    Movement,
    Outcome,
    QualityFinding,
    Rejected,
    RiskScore,
    Severity,
    Sex,
    Side,
    View,
)
from app.biomech.view import estimate_yaw

IC, PKF = EventName.INITIAL_CONTACT.value, EventName.PEAK_KNEE_FLEXION.value
PEAK, MINIMUM, LANDING = "peak", "minimum", "landing"
FEET_APART_S = 0.050
"""Difference between the feet from which the landing is not one with both feet [P]; the score's own
component starts at 20 ms."""
CONTACT_RANGE_S = (0.10, 1.20)
"""Method section 2.2, step 10."""
JUMP_HEIGHT_TOLERANCE_CM = 8.0
"""The method's 4 cm is for sagittal views; the scale of a frontal one is known to 4-8 % [P]."""
MIN_THIGH_SHARE = 0.5
"""Projected over full thigh length below which the angle means nothing (method section 1.1)."""
NEARER_KNEES_SD = 0.08
"""Bent knees are 0.3 m nearer to a camera 4 m away than the legs that gave the scale [D]."""
SIDE_VALUE_YAW_DEG = 3.0
"""Largest false angle by yaw with which the worse knee enters the score; else the mean (method section 5.5)."""


LANDING_METRICS = (
    "fppa",
    "fppa_frontal",
    "knee_valgus_displacement",
    "knee_ankle_separation_ratio",
    "knee_separation",
    "lateral_trunk_lean",
    *EXTRA_KEYS,
    *SAGITTAL_KEYS,
)
JUMP_METRICS = ("contact_time", "flight_time", "jump_height", "reactive_strength_index")


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of a drop vertical jump, or of another landing on both legs.

    Which one is in the trial's context: a jump-landing is read the same way, a drop landing is held instead of
    jumped from. Only the drop vertical jump has a score, as the score's cut-offs come from it.
    """
    frontal = trial.context.view is View.FRONTAL
    side_view = None if frontal else SideView.of(trial)
    trial = trial if side_view is None else side_view.trial
    landing = _locate(trial)
    if isinstance(landing, Rejected):
        return landing
    landing = landing if side_view is None else side_view.settle(landing)
    if trial.placed:
        landing = place_by_hand(landing, trial.placed)
        if not landing.is_in_order:
            return _refuse_order(trial, landing)
    spans = Spans.of(trial, landing)
    found_yaw = estimate_yaw(trial.track, leg_px=trial.paths.leg_px, frames=spans.view)
    side = None if side_view is None else side_view.measure(landing, found_yaw)
    landing = landing if side is None else side.landing
    yaw = found_yaw or UNKNOWN_YAW
    scale = find_scale(trial, landing)
    findings = list(trial.findings) + _check_trial(trial, landing, spans, scale)
    findings += (checks.check_view(yaw) + checks.check_tilt(trial.paths, spans.before)) if frontal else []
    findings += [] if frontal else [make_finding("frontal_values_left_out")]
    findings += [] if side_view is None else side_view.check(found_yaw)
    plane = FrontalPlane.of(trial.paths, yaw=yaw, model=landmark_model_of(trial.track.source))
    measurement = LandingMeasurement(
        paths=plane.paths if frontal else trial.paths,
        landing=landing,
        kinematics=_kinematics(trial, plane, side),
        plane=plane,
    )
    codes = {finding.code for finding in findings if finding.severity is Severity.ERROR}
    measurable = frontal and yaw.is_frontal and not codes & {"landing_not_tracked", "feet_out_of_frame"}
    if measurable:
        findings += _check_landing(measurement)
    timed = landing.slow_factor is None
    if side is None:
        seen = _frontal_metrics(measurement, scale, withheld=not measurable)
        seen += extras_of(measurement, scale).metrics(withheld=not measurable)
    else:
        seen = sagittal_metrics(side, withheld=bool(codes & SIDE_ERRORS))
    after = (
        _timing_metrics(landing, withheld=not timed)
        if has_rebound(trial)
        else _held_metrics(trial, landing, withheld=not measurable)
    )
    values = (*seen, *after)
    ordered = sort_findings(findings)
    events, flagged = _events(trial, landing), _flag(trial, measurement, ordered, measurable=measurable)
    if any(finding.severity is Severity.ERROR for finding in ordered):
        return Rejected(
            findings=ordered,
            events=events,
            metrics=values,
            flagged_frames=flagged,
            kinematics=measurement.kinematics,
            retimed_by=landing.slow_factor if landing.slow_factor in SLOW_MOTION_FACTORS else None,
        )
    scored = measurable and trial.context.movement is Movement.DROP_VERTICAL_JUMP
    score = _score(measurement, trial.context.sex) if scored else None
    return Assessed(
        verdict=judge_verdict(ordered),
        findings=ordered,
        events=events,
        metrics=values,
        risk_score=score,
        flagged_frames=flagged,
        kinematics=measurement.kinematics,
    )


def _kinematics(trial: Trial, plane: FrontalPlane, side: SagittalMeasurement | None) -> Kinematics:
    """Return the series of the view the camera has."""
    if trial.context.view is View.FRONTAL:
        return with_frontal_series(compute_kinematics(plane.paths), plane)
    seen = with_sagittal_series(compute_kinematics(trial.paths, frontal=False), side)
    return with_frontal_series(seen, None)


def _locate(trial: Trial) -> Landing | Rejected:
    """Return the landing, or the refusal of a clip without one or of another landing."""
    landing = locate_landing(trial.paths, trial.context)
    if isinstance(landing, Refusal):
        return _refuse(trial, landing)
    seen = _recognise(trial, landing)
    if is_another(seen, wanted=(trial.context.movement,)) and not _jumped_instead(trial, seen):
        return refuse_other(trial, seen)
    return landing


def _jumped_instead(trial: Trial, seen: Recognised) -> bool:
    """Return whether a drop was asked for and the athlete jumped forward: what follows contact is the same task.

    It is measured, with a warning.
    """
    return (trial.context.movement, seen.movement) == (Movement.DROP_VERTICAL_JUMP, Movement.JUMP_LANDING)


def _recognise(trial: Trial, landing: Landing | None = None) -> Recognised:
    """Return what the clip shows; nothing when it does not run at its true speed."""
    if landing is not None and landing.slow_factor is not None:
        return NOTHING
    return recognise(trial.paths, image_size_px=trial.track.image_size_px)


def _refuse(trial: Trial, refusal: Refusal) -> Rejected:
    """Return the refusal of a clip without a drop landing, with everything else that is wrong with it."""
    everything = np.ones(trial.paths.time_s.size, dtype=np.bool_)
    findings = list(trial.findings)
    if refusal is Refusal.NOT_TRACKED:
        findings.append(make_finding("landing_not_tracked"))
    else:
        seen = _recognise(trial)
        findings += [make_finding("wrong_movement", looks_like=seen.words)] if seen.words else []
        findings.append(make_finding("no_landing_found"))
    findings += checks.check_frame_edges(trial.track, everything)
    frontal = trial.context.view is View.FRONTAL
    if frontal and np.isfinite(trial.paths.leg_px):
        findings += checks.check_view(estimate_yaw(trial.track, leg_px=trial.paths.leg_px, frames=everything))
    kinematics = compute_kinematics(trial.paths, frontal=frontal)
    return Rejected(findings=sort_findings(findings), kinematics=kinematics)


def _refuse_order(trial: Trial, landing: Landing) -> Rejected:
    """Return the refusal of a trial whose events, as placed by hand, cannot follow each other."""
    kinematics = compute_kinematics(trial.paths, frontal=trial.context.view is View.FRONTAL)
    return Rejected(
        findings=sort_findings([make_finding("events_out_of_order"), *trial.findings]),
        events=_events(trial, landing),
        kinematics=kinematics,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Frames of a trial, each (T,)."""

    landing: BoolArray
    """50 ms before first contact to take-off."""
    view: BoolArray
    """150 ms before first contact to take-off."""
    before: BoolArray
    """On the box."""
    after: BoolArray
    """From take-off to half a second after the second contact."""

    @classmethod
    def of(cls, trial: Trial, landing: Landing) -> "Spans":
        """Return the spans of a landing."""
        t = trial.paths.time_s
        start_s, lowest_s = landing.first_contact.time_s, landing.lowest.time_s
        last = landing.last_take_off
        stop_s = last.time_s if last else lowest_s + 0.2
        again = landing.first_second_contact
        end_s = (again.time_s if again else stop_s) + 0.5
        return cls(
            landing=(t >= start_s - 0.05) & (t <= stop_s),
            view=(t >= start_s - 0.15) & (t <= stop_s),
            before=t < start_s - 0.4,
            after=(t > stop_s) & (t <= end_s),
        )


def find_scale(trial: Trial, landing: Landing) -> Scale | None:
    """Return the scale at the landing spot: from stature, else from the box, else None."""
    if trial.context.stature_cm is not None:
        return scale_from_stature(trial.context.stature_cm, leg_px=trial.paths.leg_px)
    if trial.context.box_height_cm is not None and landing.box_px > 0.0:
        return scale_from_box(trial.context.box_height_cm, box_px=landing.box_px)
    return None


def _check_trial(trial: Trial, landing: Landing, spans: Spans, scale: Scale | None) -> list[QualityFinding]:
    """Return what is wrong with the recording or the performance of the trial."""
    findings = checks.check_tracking(trial.paths, spans.landing)
    findings += checks.check_missing_frames(trial.paths.time_s, spans.landing)
    findings += checks.check_sides(trial.paths, spans.landing)
    findings += checks.check_frame_edges(trial.track, spans.landing)
    findings += checks.check_later_feet(trial.track, spans.after)
    seen = _recognise(trial, landing)
    if is_another(seen, wanted=(trial.context.movement,)):
        findings.append(make_finding("wrong_movement", severity=Severity.WARNING, looks_like=seen.words))
    if landing.slow_factor is not None:
        slow = landing.slow_factor
        pace = "slower" if slow > 1.0 else "faster"
        findings.append(make_finding("retimed_video", times=max(slow, 1.0 / slow), pace=pace))
    else:
        findings += _check_times(landing, has_rebound=has_rebound(trial))
    if not has_rebound(trial):
        findings += check_hold(
            trial.paths,
            contact_s=landing.first_contact.time_s,
            lowest_s=landing.lowest.time_s,
            legs=SIDES,
        )
    if landing.step_off is None:
        findings.append(make_finding("step_off_unclear" if landing.starts_in_view else "starts_too_late"))
    findings.append(make_finding("scale_unknown" if scale is None else scale.source))
    if trial.context.sex is Sex.UNSPECIFIED and trial.context.view is View.FRONTAL:
        findings.append(make_finding("sex_unknown"))
    return findings


def has_rebound(trial: Trial) -> bool:
    """Return whether a jump belongs to the movement asked for; else the landing is held."""
    return trial.context.movement is not Movement.BILATERAL_DROP_LANDING


def _check_times(landing: Landing, *, has_rebound: bool) -> list[QualityFinding]:
    """Return what is wrong with the timing of contact, take-off and second landing."""
    findings: list[QualityFinding] = []
    contacts = landing.contact
    if len(contacts) == len(SIDES):
        gap_s = contacts[Side.LEFT].time_s - contacts[Side.RIGHT].time_s
        if abs(gap_s) > FEET_APART_S + landing.first_contact.sd_s:
            first = "The left foot" if gap_s < 0 else "The right foot"
            findings.append(make_finding("feet_not_together", side=first, gap_ms=abs(gap_s) * 1000.0))
    worst = max(contacts.values(), key=lambda instant: instant.disagreement_s)
    if worst.sd_s > 0.012 and worst.disagreement_s > 0.025:
        findings.append(make_finding("contact_uncertain", gap_ms=worst.disagreement_s * 1000.0))
    last = landing.last_take_off
    if not has_rebound:
        return findings
    if last is None:
        return [*findings, make_finding("no_rebound_jump")]
    contact_s = last.time_s - landing.first_contact.time_s
    if not CONTACT_RANGE_S[0] <= contact_s <= CONTACT_RANGE_S[1]:
        findings.append(make_finding("contact_time_implausible", contact_s=contact_s))
    if landing.first_second_contact is None:
        findings.append(make_finding("second_landing_missing"))
    return findings


def _check_landing(measurement: LandingMeasurement) -> list[QualityFinding]:
    """Return what is wrong with the posture of the landing."""
    share = min(measurement.thigh_share(side) for side in SIDES)
    if share < MIN_THIGH_SHARE:
        frame = int(np.argmin(np.abs(measurement.time_s - measurement.lowest_s)))
        return [make_finding("deep_landing", frame=frame)]
    return []


def _frontal_metrics(measurement: LandingMeasurement, scale: Scale | None, *, withheld: bool) -> list[Metric]:
    """Return the frontal metrics, without their numbers when the view does not allow them."""
    m = measurement
    lowest_s, lowest_sd_s = m.lowest_s, m.landing.lowest.sd_s
    contact_s, contact_sd_s = m.landing.first_contact.time_s, m.landing.first_contact.sd_s
    entries: list[tuple[str, Side, str, Value | None]] = []
    for side in (Side.LEFT, Side.RIGHT, Side.BOTH):
        entries += [
            ("fppa", side, IC, m.fppa_at_contact(side)),
            ("fppa", side, PKF, m.fppa_at(side, lowest_s, sd_s=lowest_sd_s)),
            ("fppa", side, PEAK, m.fppa_peak(side)),
            ("knee_valgus_displacement", side, LANDING, m.displacement(side)),
            ("fppa_frontal", side, IC, m.frontal_at(side, contact_s, sd_s=contact_sd_s)),
            ("fppa_frontal", side, PKF, m.frontal_at(side, lowest_s, sd_s=lowest_sd_s)),
            ("fppa_frontal", side, PEAK, m.frontal_peak(side)),
        ]
    entries += [
        ("knee_ankle_separation_ratio", Side.BOTH, IC, m.ratio_at(contact_s, sd_s=contact_sd_s)),
        ("knee_ankle_separation_ratio", Side.BOTH, PKF, m.ratio_at(lowest_s, sd_s=lowest_sd_s)),
        ("knee_ankle_separation_ratio", Side.BOTH, MINIMUM, m.least_ratio()),
    ]
    for event, at_s in ((IC, contact_s), (PKF, lowest_s), (MINIMUM, m.least_knee_separation_s())):
        entries.append(("knee_separation", Side.BOTH, event, _knee_separation(m, scale, at_s)))
    entries += [
        ("lateral_trunk_lean", Side.BOTH, IC, m.lean_at(contact_s, sd_s=contact_sd_s)),
        ("lateral_trunk_lean", Side.BOTH, PKF, m.lean_at(lowest_s, sd_s=lowest_sd_s)),
        ("lateral_trunk_lean", Side.BOTH, PEAK, m.largest_lean()),
    ]
    return [
        make_metric(key, side, None if withheld else value, event=event)
        for key, side, event, value in entries
    ]


def extras_of(measurement: LandingMeasurement, scale: Scale | None) -> FrontalExtras:
    """Return the further frontal numbers, in centimetres where a scale is known."""
    return FrontalExtras(
        measurement=measurement,
        cm_per_px=None if scale is None else scale.cm_per_px,
        scale_sd=0.0 if scale is None else float(np.hypot(scale.relative_sd, NEARER_KNEES_SD)),
    )


def _knee_separation(m: LandingMeasurement, scale: Scale | None, at_s: float) -> Value | None:
    """Return the distance between the knees in centimetres, None without a scale."""
    if scale is None:
        return None
    centimetres = m.knee_separation_at(at_s) * scale.cm_per_px
    own = m.errors.separation_se_px() * scale.cm_per_px
    relative = np.hypot(scale.relative_sd, NEARER_KNEES_SD)
    return Value(value=centimetres, se=float(np.hypot(own, relative * centimetres)))


def _timing_metrics(landing: Landing, *, withheld: bool) -> list[Metric]:
    """Return the times and what follows from them."""
    last, again = landing.last_take_off, landing.first_second_contact
    first = landing.first_contact
    contact = flight = height = index = None
    if last is not None and not withheld:
        contact = metrics.time_between(first, last)
        if again is not None:
            flight = metrics.time_between(last, again)
            height = metrics.jump_height_m(flight)
            index = metrics.reactive_strength_index(height, contact)
    again_event = EventName.SECOND_CONTACT.value
    return [
        make_metric("contact_time", Side.BOTH, contact, event=EventName.TAKE_OFF.value),
        make_metric("flight_time", Side.BOTH, flight, event=again_event),
        make_metric("jump_height", Side.BOTH, height, event=again_event),
        make_metric("reactive_strength_index", Side.BOTH, index, event=again_event),
    ]


def _held_metrics(trial: Trial, landing: Landing, *, withheld: bool) -> list[Metric]:
    """Return how quietly a landing is held."""
    value = sway(trial.paths, lowest_s=landing.lowest.time_s)
    return [make_metric("landing_sway", Side.BOTH, None if withheld else value, event=LANDING)]


def _score(measurement: LandingMeasurement, sex: Sex) -> RiskScore | None:
    """Return the composite of what a frontal view shows; the knee angle only where the sex is known."""
    m = measurement
    inputs: list[ComponentInput] = []
    side = m.score_side(limit_deg=SIDE_VALUE_YAW_DEG)
    displacement = m.displacement(side)
    if displacement is not None:
        inputs.append(
            _input("knee_valgus_displacement", side, m.with_yaw_error(side, displacement, m.lowest_s))
        )
    inputs.append(
        _input("knee_ankle_separation_ratio", Side.BOTH, m.ratio_at(m.lowest_s, sd_s=m.landing.lowest.sd_s))
    )
    if sex in FPPA_CUTOFF_DEG:
        fppa = m.fppa_at(side, m.lowest_s, sd_s=m.landing.lowest.sd_s)
        inputs.append(
            _input("fppa", side, m.with_yaw_error(side, fppa, m.lowest_s), cutoff=FPPA_CUTOFF_DEG[sex])
        )
    lean = m.largest_lean()
    inputs.append(_input("lateral_trunk_lean", Side.BOTH, Value(value=abs(lean.value), se=lean.se)))
    contacts = m.landing.contact
    if len(contacts) == len(SIDES):
        left, right = contacts[Side.LEFT], contacts[Side.RIGHT]
        gap = Value(
            value=1000.0 * abs(left.time_s - right.time_s), se=1000.0 * float(np.hypot(left.sd_s, right.sd_s))
        )
        inputs.append(_input("foot_contact_difference", Side.BOTH, gap))
    return compute_risk_score([item for item in inputs if np.isfinite(item.value)])


def _input(key: str, side: Side, value: Value, *, cutoff: float | None = None) -> ComponentInput:
    return ComponentInput(key=key, side=side, value=value.value, se=value.se, cutoff=cutoff)


def _events(trial: Trial, landing: Landing) -> tuple[Event, ...]:
    """Return the events in order of time."""
    time_s: FloatArray = trial.paths.time_s
    found = [
        *((EventName.INITIAL_CONTACT, side, instant) for side, instant in landing.contact.items()),
        (EventName.PEAK_KNEE_FLEXION, Side.BOTH, landing.lowest),
        *((EventName.TAKE_OFF, side, instant) for side, instant in landing.take_off.items()),
        *((EventName.SECOND_CONTACT, side, instant) for side, instant in landing.second_contact.items()),
    ]
    if landing.step_off is not None:
        found.insert(0, (EventName.STEP_OFF, Side.BOTH, landing.step_off))
    events = [
        Event(
            name=name,
            side=side,
            time_s=instant.time_s,
            frame=int(np.argmin(np.abs(time_s - instant.time_s))),
            sd_s=instant.sd_s,
        )
        for name, side, instant in found
    ]
    order = list(EventName)
    return tuple(sorted(events, key=lambda event: (event.time_s, order.index(event.name), event.side)))


def _flag(
    trial: Trial,
    measurement: LandingMeasurement,
    findings: tuple[QualityFinding, ...],
    *,
    measurable: bool,
) -> tuple[FlaggedFrame, ...]:
    """Return the frames worth looking at: contact, peak valgus per side, lowest point, and what findings point at."""
    time_s = trial.paths.time_s
    wanted: list[tuple[float, str, Side]] = [
        (instant.time_s, IC, side) for side, instant in measurement.landing.contact.items()
    ]
    if measurable:
        wanted += [(measurement.peak(side)[0], "peak_valgus", side) for side in SIDES]
    wanted.append((measurement.lowest_s, "lowest_point", Side.BOTH))
    wanted += [(float(time_s[f.frame]), f.code, Side.BOTH) for f in findings if f.frame is not None]
    frames = [
        FlaggedFrame(frame=int(np.argmin(np.abs(time_s - at_s))), time_s=0.0, reason=reason, side=side)
        for at_s, reason, side in wanted
        if np.isfinite(at_s)
    ]
    return tuple(
        FlaggedFrame(frame=item.frame, time_s=float(time_s[item.frame]), reason=item.reason, side=item.side)
        for item in sorted(frames, key=lambda item: item.frame)
    )


DROP_VERTICAL_JUMP = MovementDefinition(
    movement=Movement.DROP_VERTICAL_JUMP,
    name="Drop vertical jump",
    protocol=(
        "Stand on a 30 cm box, feet about 35 cm apart. Drop straight off without jumping up, land on both "
        "feet at the same time and jump straight up as high as you can at once. Land and stand still."
    ),
    phases=(
        "standing on the box",
        "drop",
        "landing, from first contact to the lowest point",
        "push-off",
        "flight",
        "second landing",
    ),
    valid_when=(
        "The athlete leaves the box with both feet and without jumping up.",
        "Both feet land together on the landing spot.",
        "A jump follows at once, without a step or a touch of the hands.",
    ),
    metrics=(*LANDING_METRICS, *JUMP_METRICS),
    flagged_frames=(IC, "peak_valgus", "lowest_point"),
    views=(View.FRONTAL, View.SAGITTAL),
    has_box=True,
    plan_reading=plan_landing,
    assess=assess,
)
