"""Slow-motion exports: a clip that plays 2, 4 or 8 times slower than real, measured at its true speed.

A phone's export keeps every frame and stretches the clock. The fall of the hips tells by how much, and where one of
the factors that phones use makes the fall as fast as gravity asks, the clip is as good as the original: it is measured
on the true clock, and everything that names a place in the video is put back on the video's own clock.
"""

from dataclasses import replace

from app.biomech.corrections import Corrected
from app.biomech.quality import judge_verdict, make_finding, sort_findings
from app.biomech.types import Assessed, Kinematics, Outcome


def at_true_speed(corrected: Corrected, *, factor: float) -> Corrected:
    """Return what is measured, on a clock that runs `factor` times faster than the video's."""
    track = replace(corrected.track, time_s=corrected.track.time_s / factor)
    events = {
        key: replace(instant, time_s=instant.time_s / factor, sd_s=instant.sd_s / factor)
        for key, instant in corrected.events.items()
    }
    return replace(corrected, track=track, events=events)


def on_video_clock(outcome: Outcome, *, factor: float) -> Outcome:
    """Return the outcome with events, frames and curves on the video's own clock, and a finding that says what was done.

    Metrics stay as they are: contact and flight times are the athlete's, not the video's.
    """
    findings = sort_findings([*outcome.findings, make_finding("retimed_corrected", times=factor)])
    events = tuple(
        replace(event, time_s=event.time_s * factor, sd_s=event.sd_s * factor) for event in outcome.events
    )
    flagged = tuple(replace(item, time_s=item.time_s * factor) for item in outcome.flagged_frames)
    if isinstance(outcome, Assessed):
        return replace(
            outcome,
            findings=findings,
            verdict=judge_verdict(findings),
            events=events,
            flagged_frames=flagged,
            kinematics=_stretched(outcome.kinematics, factor),
        )
    curves = None if outcome.kinematics is None else _stretched(outcome.kinematics, factor)
    return replace(outcome, findings=findings, events=events, flagged_frames=flagged, kinematics=curves)


def _stretched(kinematics: Kinematics, factor: float) -> Kinematics:
    return replace(kinematics, time_s=kinematics.time_s * factor, rate_hz=kinematics.rate_hz / factor)
