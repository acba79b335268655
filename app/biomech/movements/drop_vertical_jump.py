"""The drop vertical jump: off a box, land on both feet, jump as high as possible (method section 1.2)."""

import numpy as np

from app.biomech import checks
from app.biomech.frontal_extras import EXTRA_KEYS
from app.biomech.frontal_plane import FrontalPlane, with_frontal_series
from app.biomech.kinematics import SIDES, compute_kinematics
from app.biomech.landing import SLOW_MOTION_FACTORS, Landing, locate_landing, place_by_hand
from app.biomech.landing_checks import (
    LandingSpans,
    check_landing,
    check_trial,
    has_rebound,
    recognise_landing,
)
from app.biomech.landing_metrics import (
    extras_of,
    find_scale,
    frontal_metrics,
    held_metrics,
    score_landing,
    timing_metrics,
)
from app.biomech.landmark_model import landmark_model_of
from app.biomech.measurement import LandingMeasurement
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.shared import UNKNOWN_YAW, refuse_other
from app.biomech.phases import Refusal
from app.biomech.quality import judge_verdict, make_finding, sort_findings
from app.biomech.reading import plan_landing
from app.biomech.recognition import Recognised, is_another
from app.biomech.sagittal import SagittalMeasurement
from app.biomech.sagittal_landing import (
    SAGITTAL_KEYS,
    SIDE_ERRORS,
    SideView,
    sagittal_metrics,
    with_sagittal_series,
)
from app.biomech.types import (
    Assessed,
    Event,
    EventName,
    FlaggedFrame,
    FloatArray,
    Kinematics,
    Movement,
    Outcome,
    QualityFinding,
    Rejected,
    Severity,
    Side,
    View,
)
from app.biomech.view import estimate_yaw

IC = EventName.INITIAL_CONTACT.value


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
    spans = LandingSpans.of(trial, landing)
    found_yaw = estimate_yaw(trial.track, leg_px=trial.paths.leg_px, frames=spans.view)
    side = None if side_view is None else side_view.measure(landing, found_yaw)
    landing = landing if side is None else side.landing
    yaw = found_yaw or UNKNOWN_YAW
    scale = find_scale(trial, landing)
    findings = list(trial.findings) + check_trial(trial, landing, spans, scale)
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
        findings += check_landing(measurement)
    timed = landing.slow_factor is None
    if side is None:
        seen = frontal_metrics(measurement, scale, withheld=not measurable)
        seen += extras_of(measurement, scale).metrics(withheld=not measurable)
    else:
        seen = sagittal_metrics(side, withheld=bool(codes & SIDE_ERRORS))
    after = (
        timing_metrics(landing, withheld=not timed)
        if has_rebound(trial)
        else held_metrics(trial, landing, withheld=not measurable)
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
    score = score_landing(measurement, trial.context.sex) if scored else None
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
    seen = recognise_landing(trial, landing)
    if is_another(seen, wanted=(trial.context.movement,)) and not _jumped_instead(trial, seen):
        return refuse_other(trial, seen)
    return landing


def _jumped_instead(trial: Trial, seen: Recognised) -> bool:
    """Return whether a drop was asked for and the athlete jumped forward: what follows contact is the same task.

    It is measured, with a warning.
    """
    return (trial.context.movement, seen.movement) == (Movement.DROP_VERTICAL_JUMP, Movement.JUMP_LANDING)


def _refuse(trial: Trial, refusal: Refusal) -> Rejected:
    """Return the refusal of a clip without a drop landing, with everything else that is wrong with it."""
    everything = np.ones(trial.paths.time_s.size, dtype=np.bool_)
    findings = list(trial.findings)
    if refusal is Refusal.NOT_TRACKED:
        findings.append(make_finding("landing_not_tracked"))
    else:
        seen = recognise_landing(trial)
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
