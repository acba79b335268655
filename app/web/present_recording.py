"""The page of one recording: from the read model to the page."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from app.biomech.types import Kinematics, MethodStamp, QualityFinding, Verdict, VideoInfo
from app.domain.lifecycle import PicturesState, RecordingState
from app.services.read_models import RecordingView
from app.services.screening_models import ScreeningChange
from app.services.trial_models import ScreeningLessView, TrialResultView
from app.web.badges import finding_card, state_badge, verdict_badge
from app.web.contexts.parts import Badge, Fact, Link, Tone, Viewer
from app.web.contexts.results import FindingCard, Player, RecordingPage, ScorePanel, VerdictPanel
from app.web.present_change import present_change
from app.web.present_less import present_less
from app.web.present_result import (
    present_curves,
    present_metrics,
    present_moments,
    present_score,
    present_stills,
)
from app.web.progress import describe_progress
from app.web.words import MOVEMENT_LABELS, TIMES, VIEW_LABELS, label_of, number_text, size_text

_FAILURES: Final[dict[str, str]] = {
    "reader_died": "The program that reads the video stopped each time it came to this file.",
    "lease_expired": "The machine that worked on it stopped answering each time.",
    "internal_error": "Something went wrong on our side each time.",
}

_SHORT_HASH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRequest:
    """What the page is asked for, beside the recording."""

    viewer: Viewer
    csrf_token: str
    team: Link | None
    may_upload: bool
    may_watch: bool
    trial: TrialResultView | None = None
    """The trial it belongs to, put together from all its recordings."""
    less: ScreeningLessView | None = None
    """The LESS over all trials of its screening; None where the trial has no total."""


def present_recording(
    view: RecordingView,
    *,
    kinematics: Kinematics | None,
    asked: RecordingRequest,
    change: ScreeningChange | None = None,
) -> RecordingPage:
    """Build the page of one recording."""
    path = f"/recordings/{view.id}"
    record = view.analysis.record if view.analysis else None
    progress = describe_progress(
        state=view.state,
        stage=view.stage,
        progress=view.progress,
        queue_position=view.queue_position,
        attempt=view.attempt,
        max_attempts=view.max_attempts,
    )
    stills = (
        present_stills(record.flagged_frames, frames=view.analysis.still_frames, base_href=f"{path}/stills")
        if view.analysis and record and asked.may_watch
        else ()
    )
    pictures_href = f"{path}/pictures" if asked.may_watch and view.awaits_pictures else None
    name = view.athlete.name if view.athlete else "Athlete not assigned"
    return RecordingPage(
        title=f"{name}, {label_of(MOVEMENT_LABELS, view.movement.value).lower()}",
        viewer=asked.viewer,
        csrf_token=asked.csrf_token,
        crumbs=(asked.team or Link(label="Team", href="/"),),
        refresh_s=4 if progress or pictures_href else None,
        athlete_name=name,
        subtitle=f"{label_of(MOVEMENT_LABELS, view.movement.value)}, {label_of(VIEW_LABELS, view.view.value).lower()}",
        date_iso=view.created_at.isoformat(),
        date_text=f"{view.created_at.day} {view.created_at:%b %Y, %H:%M} UTC",
        live_href=f"{path}/progress",
        came_again=False,
        progress=progress,
        verdict=None if progress else _verdict(view),
        findings=_findings(view, shown={still.dom_id for still in stills}),
        player=_player(view, kinematics=kinematics) if asked.may_watch else None,
        curves=present_curves(kinematics, record.events)
        if record and kinematics and record.shows_knee_angle
        else None,
        stills=stills,
        pictures_href=pictures_href,
        pictures_note=_pictures_note(view) if asked.may_watch else None,
        change=None if change is None else present_change(change, movement=view.movement),
        score=_score(view, asked.trial),
        less=present_less(asked.trial, screening=asked.less) if asked.trial else None,
        metrics=present_metrics(record.metrics) if record else None,
        facts=_facts(view),
        upload_href=_upload_href(view) if asked.may_upload else None,
        delete_href=f"{path}/delete"
        if asked.may_upload and view.state is not RecordingState.PURGED
        else None,
        retry_href=f"{path}/retry" if asked.may_upload and view.state is RecordingState.FAILED else None,
    )


def _score(view: RecordingView, trial: TrialResultView | None) -> ScorePanel | None:
    """Return the score of the trial where two views of it were joined, else of the recording."""
    if trial is not None and trial.judgement is not None and trial.judgement.is_joined:
        score = trial.judgement.risk_score
    else:
        score = view.analysis.record.risk_score if view.analysis else None
    return None if score is None else present_score(score)


def _upload_href(view: RecordingView) -> str:
    query = {"athlete": str(view.athlete.id)} if view.athlete else {}
    return f"/recordings/new?{urlencode(query)}" if query else "/recordings/new"


def _verdict(view: RecordingView) -> VerdictPanel:
    match view.state:
        case RecordingState.FAILED:
            return VerdictPanel(
                badge=_badge_of(view.state),
                headline="This video was not analysed",
                sentence=(
                    f"{_FAILURES.get(view.failure or '', _FAILURES['internal_error'])} We tried {view.attempt} times."
                    " The video is kept and you can watch it below. Try it again, or upload another video."
                ),
            )
        case RecordingState.PURGED:
            return VerdictPanel(
                badge=_badge_of(view.state),
                headline="This video was deleted",
                sentence="It was removed on request or because its time was over. Upload a new one to screen again.",
            )
        case RecordingState.REJECTED:
            return _rejected(view.findings)
        case _:
            return _analysed(view.analysis.record.verdict if view.analysis else Verdict.VALID)


def _badge_of(state: RecordingState) -> Badge:
    return state_badge(state) or Badge(tone=Tone.AGAIN, icon="cross", text=state.value.capitalize())


def _rejected(findings: tuple[QualityFinding, ...]) -> VerdictPanel:
    return VerdictPanel(
        badge=verdict_badge(Verdict.INVALID),
        headline="This video cannot be used",
        sentence="Below is why, and what to change before you film again."
        if findings
        else "Film the jump again and send the original file from the phone.",
    )


_ANALYSED: Final[dict[Verdict, tuple[str, str]]] = {
    Verdict.VALID: (
        "The video can be used",
        "The landing was followed well. Read the score together with its interval.",
    ),
    Verdict.ATTENTION: (
        "The video can be used with care",
        "Something makes the numbers less exact. Read the notes below before you act on them.",
    ),
    Verdict.INVALID: (
        "Film this jump again",
        "The video does not allow a result you could act on. The notes below say why and what to change.",
    ),
}


def _analysed(verdict: Verdict) -> VerdictPanel:
    headline, sentence = _ANALYSED[verdict]
    return VerdictPanel(badge=verdict_badge(verdict), headline=headline, sentence=sentence)


def _findings(view: RecordingView, *, shown: set[str]) -> tuple[FindingCard, ...]:
    return tuple(
        finding_card(
            finding,
            still_href=f"#still-{finding.frame}" if f"still-{finding.frame}" in shown else None,
        )
        for finding in view.findings
    )


def _pictures_note(view: RecordingView) -> str | None:
    if view.analysis is None or view.analysis.pictures is not PicturesState.FAILED:
        return None
    return "The pictures could not be drawn. The numbers do not depend on them and are complete."


def _player(view: RecordingView, *, kinematics: Kinematics | None) -> Player | None:
    overlay = view.analysis is not None and view.analysis.has_overlay
    if view.state is RecordingState.PURGED or not (overlay or view.has_original):
        return None
    path = f"/recordings/{view.id}"
    events = view.analysis.record.events if view.analysis else ()
    times = [] if kinematics is None else kinematics.time_s.tolist()
    return Player(
        src=f"{path}/overlay" if overlay else f"{path}/original",
        media_type="video/mp4" if overlay or not view.filename.lower().endswith(".webm") else "video/webm",
        is_overlay=overlay,
        poster=None,
        original_href=f"{path}/original" if view.has_original else None,
        frame_times=",".join(f"{time_s:.4f}" for time_s in times),
        moments=present_moments(events),
    )


def _facts(view: RecordingView) -> tuple[Fact, ...]:
    facts = [
        Fact(label="File", value=f"{view.filename}, {size_text(view.size_bytes)}"),
        Fact(label="Day of the screening", value=f"{view.screened_on.day} {view.screened_on:%B %Y}"),
    ]
    if view.box_height_cm is not None:
        facts.append(Fact(label="Box height", value=f"{number_text(view.box_height_cm, digits=0)} cm"))
    if view.analysis:
        record = view.analysis.record
        facts += _video_facts(record.video) if record.video else []
        facts += _method_facts(record.method)
    facts.append(Fact(label="Checksum of the video (SHA-256)", value=view.sha256, is_code=True))
    return tuple(facts)


def _video_facts(video: VideoInfo) -> list[Fact]:
    return [
        Fact(
            label="Video",
            value=(
                f"{video.width_px} {TIMES} {video.height_px} pixels, {number_text(video.nominal_fps_hz, digits=0)} frames per"
                f" second, {number_text(video.duration_s, digits=1)} s, {video.codec}"
            ),
        )
    ]


def _method_facts(method: MethodStamp) -> list[Fact]:
    return [
        Fact(label="Method version", value=method.version),
        Fact(label="Code version", value=method.code_version, is_code=True),
        Fact(label="Pose model (SHA-256)", value=method.model_sha256[:_SHORT_HASH] + "…", is_code=True),
    ]
