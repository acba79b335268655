"""What the movements have in common: refusing another movement, checking the recording, the outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.biomech import checks
from app.biomech.events import Instant
from app.biomech.frontal import MODEL_SD_DEG, MODEL_SD_OF_DEG, FrontalMeasurement, mean_of, spread_of
from app.biomech.frontal_plane import FrontalPlane, with_frontal_series
from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths, compute_kinematics
from app.biomech.landmark_model import landmark_model_of
from app.biomech.metrics import Value, make_metric
from app.biomech.movements.base import Trial
from app.biomech.quality import judge_verdict, make_finding, sort_findings
from app.biomech.recognition import Recognised, is_another, recognise
from app.biomech.scale import Scale, scale_from_stature
from app.biomech.types import (
    Assessed,
    BoolArray,
    Event,
    EventName,
    FlaggedFrame,
    Kinematics,
    Metric,
    Movement,
    Outcome,
    QualityFinding,
    Rejected,
    RiskScore,
    Severity,
    Side,
    View,
)
from app.biomech.view import Yaw, estimate_yaw

UNKNOWN_YAW = Yaw(yaw_deg=0.0, sd_deg=8.0)
"""Where the track holds no sign of yaw at all."""
MIN_STILL_FRAMES = 5
LEGS = tuple(Joint[f"{side}_{part}"] for part in ("HIP", "KNEE", "ANKLE") for side in ("LEFT", "RIGHT"))
_UNTRUSTED = {"landing_not_tracked", "feet_out_of_frame"}

Entry = tuple[str, Side, str, Value | None]
"""Key, side, event, and the value where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A recording that shows the movement asked for, ready to be read."""

    trial: Trial
    measurement: FrontalMeasurement
    findings: list[QualityFinding]
    measurable: bool
    """Frontal angles may be reported."""


def recognise_or_refuse(trial: Trial, *wanted: Movement) -> Recognised | Rejected:
    """Return what the clip shows, or its refusal when that clearly is none of the movements wanted."""
    seen = recognise(trial.paths, image_size_px=trial.track.image_size_px)
    return refuse_other(trial, seen) if is_another(seen, wanted=wanted) else seen


def refuse_other(trial: Trial, seen: Recognised) -> Rejected:
    """Return the refusal of a clip of another movement, by name."""
    return refuse(trial, make_finding("wrong_movement", looks_like=seen.words))


def refuse(trial: Trial, *findings: QualityFinding) -> Rejected:
    """Return a refusal, with everything else that is wrong with the recording."""
    everything = np.ones(trial.paths.time_s.size, dtype=np.bool_)
    frontal = trial.context.view is View.FRONTAL
    told = [*trial.findings, *findings, *checks.check_frame_edges(trial.track, everything)]
    if frontal and np.isfinite(trial.paths.leg_px):
        told += checks.check_view(
            estimate_yaw(trial.track, leg_px=trial.paths.leg_px, frames=everything), behind_is_fine=True
        )
    kinematics = with_frontal_series(compute_kinematics(trial.paths, frontal=frontal), None)
    return Rejected(findings=sort_findings(told), kinematics=kinematics)


def examine(
    trial: Trial,
    *,
    window: BoolArray,
    still: BoolArray,
    leg: Side | None = None,
) -> Examined:
    """Return the recording ready to be read, with what is wrong with it.

    Parameters
    ----------
    trial
        The recording.
    window : BoolArray, shape (T,)
        The movement itself.
    still : BoolArray, shape (T,)
        Where the athlete stands: for yaw and camera tilt. The whole window where that is too short.
    leg
        In movements on one leg, the one whose length is the leg's: the other is bent and looks short.
    """
    paths = trial.paths if leg is None else with_leg(trial.paths, leg)
    frontal = trial.context.view is View.FRONTAL
    seen_still = still if np.count_nonzero(still) >= MIN_STILL_FRAMES else window
    yaw = estimate_yaw(trial.track, leg_px=paths.leg_px, frames=seen_still) or UNKNOWN_YAW
    findings = list(trial.findings)
    findings += checks.check_tracking(_filled(paths), window)
    findings += checks.check_missing_frames(paths.time_s, window)
    findings += checks.check_sides(paths, window)
    findings += checks.check_frame_edges(trial.track, window)
    scale = _scale(trial, paths)
    findings.append(make_finding("scale_unknown" if scale is None else scale.source))
    if frontal:
        findings += checks.check_view(yaw) + checks.check_tilt(paths, still)
    else:
        findings.append(make_finding("frontal_values_left_out"))
    codes = {finding.code for finding in findings if finding.severity is Severity.ERROR}
    plane = FrontalPlane.of(paths, yaw=yaw, model=landmark_model_of(trial.track.source))
    measurement = FrontalMeasurement(
        paths=plane.paths if frontal else paths,
        kinematics=_kinematics(plane.paths if frontal else paths, plane if frontal else None),
        plane=plane,
        scale=scale,
        model_sd_deg=MODEL_SD_OF_DEG.get(trial.context.movement, MODEL_SD_DEG),
    )
    measurable = frontal and yaw.is_frontal and not codes & _UNTRUSTED
    return Examined(trial=trial, measurement=measurement, findings=findings, measurable=measurable)


def _filled(paths: BodyPaths) -> BodyPaths:
    """Return the paths with short gaps counted as seen: who stands still is looked at ten times a second only."""
    return replace(paths, seen=np.asarray(np.isfinite(paths.raw_px[:, LEGS]).all(axis=(1, 2))))


def _kinematics(paths: BodyPaths, plane: FrontalPlane | None) -> Kinematics:
    """Return the series of the view the camera has; without a plane, it stands at the side."""
    return with_frontal_series(compute_kinematics(paths, frontal=plane is not None), plane)


def _scale(trial: Trial, paths: BodyPaths) -> Scale | None:
    if trial.context.stature_cm is None:
        return None
    model = landmark_model_of(trial.track.source)
    return scale_from_stature(trial.context.stature_cm, leg_px=paths.leg_px, model=model)


def with_leg(paths: BodyPaths, side: Side) -> BodyPaths:
    """Return the paths with the segment lengths of one leg alone."""
    hip, knee, ankle = paths.leg(side, raw=True)
    lengths = [np.hypot(*(knee - hip).T), np.hypot(*(ankle - knee).T)]
    if not all(np.isfinite(length).any() for length in lengths):
        return paths
    thigh_px, shank_px = (float(np.nanpercentile(length, 85)) for length in lengths)
    return replace(paths, thigh_px=thigh_px, shank_px=shank_px, leg_px=thigh_px + shank_px)


def conclude(
    examined: Examined,
    *,
    events: Sequence[Event],
    metrics: Sequence[Metric],
    flagged: Sequence[tuple[float, str, Side]],
    risk_score: RiskScore | None = None,
) -> Outcome:
    """Return the outcome: rejected when any finding is an error, with whatever can be trusted kept."""
    findings = sort_findings(examined.findings)
    in_order = tuple(sorted(events, key=_by_time))
    frames = flag_frames(examined, flagged, findings)
    kinematics = examined.measurement.kinematics
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Rejected(
            findings=findings,
            events=in_order,
            metrics=tuple(metrics),
            flagged_frames=frames,
            kinematics=kinematics,
        )
    return Assessed(
        verdict=judge_verdict(findings),
        findings=findings,
        events=in_order,
        metrics=tuple(metrics),
        risk_score=risk_score,
        flagged_frames=frames,
        kinematics=kinematics,
    )


_ORDER = {name: place for place, name in enumerate(EventName)}


def _by_time(event: Event) -> tuple[float, int, str]:
    return event.time_s, _ORDER[event.name], event.side.value


def make_event(
    examined: Examined, name: EventName, side: Side, instant: Instant, *, repetition: int | None = None
) -> Event:
    """Return an event at an instant, with its nearest frame."""
    return Event(
        name=name,
        side=side,
        time_s=instant.time_s,
        frame=nearest_frame(examined, instant.time_s),
        sd_s=instant.sd_s,
        repetition=repetition,
    )


def nearest_frame(examined: Examined, at_s: float) -> int:
    """Return the frame nearest to a time."""
    return int(np.argmin(np.abs(examined.measurement.time_s - at_s)))


def flag_frames(
    examined: Examined, wanted: Sequence[tuple[float, str, Side]], findings: Sequence[QualityFinding]
) -> tuple[FlaggedFrame, ...]:
    """Return the frames worth looking at, in order of time: those asked for, and what findings point at."""
    time_s = examined.measurement.time_s
    told = [(float(time_s[f.frame]), f.code, Side.BOTH) for f in findings if f.frame is not None]
    frames = [
        (nearest_frame(examined, at_s), reason, side)
        for at_s, reason, side in (*wanted, *told)
        if np.isfinite(at_s)
    ]
    return tuple(
        FlaggedFrame(frame=frame, time_s=float(time_s[frame]), reason=reason, side=side)
        for frame, reason, side in sorted(frames, key=lambda item: item[0])
    )


def make_metrics(entries: Sequence[Entry], *, withheld: bool, repetition: int | None = None) -> list[Metric]:
    """Return metrics; without their numbers where they are withheld."""
    return [
        make_metric(key, side, None if withheld else value, event=event, repetition=repetition)
        for key, side, event, value in entries
    ]


def over_repetitions(
    per_repetition: Sequence[Sequence[Entry]], *, withheld: Callable[[str], bool], spreads: frozenset[str]
) -> list[Metric]:
    """Return the mean over repetitions, the spread of some metrics, and each repetition's values.

    Parameters
    ----------
    per_repetition
        The same entries for every repetition, in order.
    withheld
        Whether a key's numbers are withheld in this recording.
    spreads
        Keys whose spread is reported as ``KEY_spread``.
    """
    found: list[Metric] = []
    for entries in zip(*per_repetition, strict=True):
        key, side, event, _ = entries[0]
        values = [entry[3] for entry in entries if entry[3] is not None]
        hide = withheld(key)
        found.append(make_metric(key, side, None if hide else mean_of(values), event=event))
        if key in spreads and len(entries) > 2 and event == EventName.LOWEST_POINT.value:
            value = None if hide else spread_of(values)
            found.append(make_metric(f"{key}_spread", side, value, event=event))
    for number, single in enumerate(per_repetition, start=1):
        for key, side, event, value in single:
            found.append(
                make_metric(key, side, None if withheld(key) else value, event=event, repetition=number)
            )
    return found
