"""From a pose track to a judgement: the one door into this package."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.biomech import checks, corrections
from app.biomech.corrections import Corrected, Correction
from app.biomech.kinematics import BodyPaths, prepare_paths
from app.biomech.landmark_model import landmark_model_of, to_joint_centres
from app.biomech.movements import find_movements
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.picture import check_picture, doubt_of
from app.biomech.quality import judge_verdict, make_finding, sort_findings
from app.biomech.retiming import at_true_speed, on_video_clock
from app.biomech.types import (
    Assessed,
    Event,
    EventSource,
    Movement,
    Outcome,
    PoseTrack,
    QualityFinding,
    Rejected,
    TrialContext,
    VideoInfo,
    View,
)
from app.biomech.view import estimate_yaw

OUTLINE_LIMIT_DEG = 10.0
"""Yaw from which the outline is not used: it was tried on bodies at up to 8 deg, and squats of a real person at 19 deg
were read no better with it [D]."""
MOVEMENTS: dict[Movement, MovementDefinition] = find_movements()
"""Every movement that can be assessed."""


def assess_trial(
    *,
    video: VideoInfo,
    track: PoseTrack,
    context: TrialContext,
    findings: tuple[QualityFinding, ...] = (),
    by_hand: Sequence[Correction] = (),
) -> Outcome:
    """Return the judgement over one recording; the same input always gives the same result.

    Parameters
    ----------
    video
        What the file is.
    track
        Landmarks of the athlete, pixels, y down.
    context
        What is known apart from the video.
    findings
        What the reading of the video found already; kept, and counted in the verdict.
    by_hand
        Corrections, in their order. Their events come back with source ``manual``; a dropped trial comes
        back as `Rejected`, so that it counts in no mean.

    Returns
    -------
    Outcome
        `Assessed`, or `Rejected` when any finding is an error; refusals are values, not exceptions.
    """
    return assess_corrected(video=video, track=track, context=context, findings=findings, by_hand=by_hand)[0]


def assess_corrected(
    *,
    video: VideoInfo,
    track: PoseTrack,
    context: TrialContext,
    findings: tuple[QualityFinding, ...] = (),
    by_hand: Sequence[Correction] = (),
) -> tuple[Outcome, Corrected]:
    """Return what `assess_trial` does, and the track as it was put right."""
    corrected = corrections.apply(track, by_hand)
    outcome = _assess(video, corrected, context=context, findings=findings)
    if isinstance(outcome, Rejected) and outcome.retimed_by is not None:
        faster = at_true_speed(corrected, factor=outcome.retimed_by)
        measured = _assess(video, faster, context=context, findings=findings)
        outcome = on_video_clock(measured, factor=outcome.retimed_by)
    return _marked(outcome, corrected), corrected


def _assess(
    video: VideoInfo, corrected: Corrected, *, context: TrialContext, findings: tuple[QualityFinding, ...]
) -> Outcome:
    track = corrected.track
    known = [
        *findings,
        *checks.check_people(track),
        *checks.check_rate(video, track),
        *check_picture(video),
    ]
    if not checks.has_athlete(track):
        return Rejected(findings=sort_findings([make_finding("no_person"), *known]))
    paths = replace(prepare_paths(track, corrected.marks), doubt=doubt_of(video))
    if context.view is View.FRONTAL:
        paths = to_joint_centres(_outlined_from_the_front(track, paths), landmark_model_of(track.source))
    known += checks.check_size(paths)
    trial = Trial(
        video=video,
        track=track,
        paths=paths,
        context=context,
        findings=tuple(known),
        placed=corrected.events,
    )
    return MOVEMENTS[context.movement].assess(trial)


def _outlined_from_the_front(track: PoseTrack, paths: BodyPaths) -> BodyPaths:
    """Return the paths with the outline only when the athlete faces the camera: turned further it says other things."""
    if paths.outline_px is None:
        return paths
    frames = np.asarray(np.isfinite(paths.outline_px).any(axis=(1, 2, 3)))
    yaw = estimate_yaw(track, leg_px=paths.leg_px, frames=frames)
    faces_camera = yaw is not None and abs(yaw.yaw_deg) <= OUTLINE_LIMIT_DEG
    return paths if faces_camera else replace(paths, outline_px=None)


def _marked(outcome: Outcome, corrected: Corrected) -> Outcome:
    """Return the outcome with what a person put right marked as such, and rejected when they dropped it."""
    if not corrected.n_corrections:
        return outcome
    events = tuple(_as_placed(event, corrected) for event in outcome.events)
    used = {
        (event.name, event.side, event.repetition) for event in events if event.source is EventSource.MANUAL
    }
    told = [make_finding("corrected_by_hand", n=corrected.n_corrections)]
    told += [make_finding("correction_without_effect")] if corrected.events.keys() - used else []
    told += [make_finding("trial_dropped")] if corrected.is_dropped else []
    findings = sort_findings([*outcome.findings, *told])
    if isinstance(outcome, Assessed) and not corrected.is_dropped:
        return replace(outcome, events=events, findings=findings, verdict=judge_verdict(findings))
    return Rejected(
        findings=findings,
        events=events,
        metrics=outcome.metrics,
        flagged_frames=outcome.flagged_frames,
        kinematics=outcome.kinematics,
    )


def _as_placed(event: Event, corrected: Corrected) -> Event:
    placed = corrected.events.get((event.name, event.side, event.repetition))
    if placed is None or placed.time_s != event.time_s:
        return event
    return replace(event, source=EventSource.MANUAL)
