"""From a pose track to a judgement: the one door into this package."""

from app.biomech import checks
from app.biomech.kinematics import prepare_paths
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.drop_vertical_jump import DROP_VERTICAL_JUMP
from app.biomech.quality import make_finding, sort_findings
from app.biomech.types import Movement, Outcome, PoseTrack, QualityFinding, Rejected, TrialContext, VideoInfo

MOVEMENTS: dict[Movement, MovementDefinition] = {
    definition.movement: definition for definition in (DROP_VERTICAL_JUMP,)
}
"""Every movement that can be assessed. A new one is a module with a `MovementDefinition` and a line here."""


def assess_trial(
    *,
    video: VideoInfo,
    track: PoseTrack,
    context: TrialContext,
    findings: tuple[QualityFinding, ...] = (),
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

    Returns
    -------
    Outcome
        `Assessed`, or `Rejected` when any finding is an error; refusals are values, not exceptions.
    """
    known = [*findings, *checks.check_people(track), *checks.check_rate(video, track)]
    if not checks.has_athlete(track):
        return Rejected(findings=sort_findings([make_finding("no_person"), *known]))
    paths = prepare_paths(track)
    known += checks.check_size(paths)
    trial = Trial(video=video, track=track, paths=paths, context=context, findings=tuple(known))
    return MOVEMENTS[context.movement].assess(trial)
