"""What one recording of a trial showed, as the joining of views takes it."""

from app.biomech.joined_trial import ViewOfTrial
from app.biomech.types import View
from app.db.repositories.analyses import StoredAnalysis

USUAL_RATE_HZ = 60.0


def view_of(view: View, analysis: StoredAnalysis) -> ViewOfTrial:
    """Return what one recording of a trial showed."""
    content = analysis.content
    return ViewOfTrial(
        view=view,
        events=content.events,
        metrics=content.metrics,
        risk_score=content.risk_score,
        rate_hz=USUAL_RATE_HZ if content.video is None else content.video.nominal_fps_hz,
        clap_s=None if content.video is None else content.video.clap_s,
        flash_s=None if content.video is None else content.video.flash_s,
    )
