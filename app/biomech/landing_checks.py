"""What is wrong with the recording, the performance or the posture of a landing on both feet."""

from dataclasses import dataclass

import numpy as np

from app.biomech import checks
from app.biomech.frontal import MIN_THIGH_SHARE
from app.biomech.held import check_hold
from app.biomech.kinematics import SIDES
from app.biomech.landing import Landing
from app.biomech.measurement import LandingMeasurement
from app.biomech.movements.base import Trial
from app.biomech.quality import make_finding
from app.biomech.recognition import NOTHING, Recognised, is_another, recognise
from app.biomech.scale import Scale
from app.biomech.types import BoolArray, Movement, QualityFinding, Severity, Sex, Side, View

FEET_APART_S = 0.050
"""Difference between the feet from which the landing is not one with both feet [P]; the score's own
component starts at 20 ms."""
CONTACT_RANGE_S = (0.10, 1.20)
"""Method section 2.2, step 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingSpans:
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
    def of(cls, trial: Trial, landing: Landing) -> "LandingSpans":
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


def recognise_landing(trial: Trial, landing: Landing | None = None) -> Recognised:
    """Return what the clip shows; nothing when it does not run at its true speed."""
    if landing is not None and landing.slow_factor is not None:
        return NOTHING
    return recognise(trial.paths, image_size_px=trial.track.image_size_px)


def check_trial(
    trial: Trial, landing: Landing, spans: LandingSpans, scale: Scale | None
) -> list[QualityFinding]:
    """Return what is wrong with the recording or the performance of the trial."""
    findings = checks.check_tracking(trial.paths, spans.landing)
    findings += checks.check_missing_frames(trial.paths.time_s, spans.landing)
    findings += checks.check_sides(trial.paths, spans.landing)
    findings += checks.check_frame_edges(trial.track, spans.landing)
    findings += checks.check_later_feet(trial.track, spans.after)
    seen = recognise_landing(trial, landing)
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


def check_landing(measurement: LandingMeasurement) -> list[QualityFinding]:
    """Return what is wrong with the posture of the landing."""
    share = min(measurement.thigh_share(side) for side in SIDES)
    if share < MIN_THIGH_SHARE:
        frame = int(np.argmin(np.abs(measurement.time_s - measurement.lowest_s)))
        return [make_finding("deep_landing", frame=frame)]
    return []
