"""Realistic read models for the pages: a team in every state, and a recording in every state."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from app.biomech.change import Conditions, Obstacle
from app.biomech.quality import make_finding
from app.biomech.screening import TrialResult, judge_movement
from app.biomech.types import (
    Event,
    EventName,
    FlaggedFrame,
    Kinematics,
    MethodStamp,
    Metric,
    Movement,
    QualityFinding,
    RiskScore,
    ScoreComponent,
    Sex,
    Side,
    Verdict,
    VideoInfo,
    View,
)
from app.domain.athletes import AthleteRecord
from app.domain.exports import ExportFormat, ExportState
from app.domain.lifecycle import PicturesState, RecordingState, Stage
from app.domain.metric_export import MetricExportFilter
from app.domain.screenings import ScreeningContext
from app.domain.webhooks import DeliveryState, PostFailure, WebhookEvent
from app.services.analysis_record import AnalysisRecord
from app.services.athlete_history import compare_entries
from app.services.exports import ExportView
from app.services.read_models import (
    AnalysisView,
    AthleteDetail,
    AthleteSummary,
    DashboardCounts,
    DashboardRow,
    DashboardSort,
    RecordingView,
    TeamDashboard,
    TeamMembership,
    TeamSummary,
)
from app.services.screening_models import (
    HistoryEntry,
    HistoryMovement,
    MovementView,
    ScreeningChange,
    TrialRecordingView,
    TrialView,
)
from app.services.webhooks import AttemptView, DeliveryView, EndpointView

NOW = datetime(2026, 3, 14, 16, 5, tzinfo=UTC)
TEAM = TeamSummary(id=UUID(int=7), name="U17 girls", n_athletes=9)
WITHIN, SOME, MARKED = "within expected range", "some deviations", "marked deviations"
SHA = "9f2c41d7a8e05b6319c2f4d8e7a1b0c3d5e6f7089a1b2c3d4e5f60718293a4b5"


def athlete(number: int, name: str, *, sex: Sex = Sex.FEMALE) -> AthleteSummary:
    return AthleteSummary(
        id=UUID(int=100 + number), name=name, external_id=str(number), sex=sex, stature_cm=164.0
    )


def row(number: int, name: str, **changes: Any) -> DashboardRow:
    values: dict[str, Any] = {
        "athlete": athlete(number, name),
        "flagged": False,
        "recording_id": UUID(int=200 + number),
        "state": RecordingState.ANALYSED,
        "stage": None,
        "progress": 1.0,
        "recorded_at": NOW - timedelta(hours=number),
        "result_recording_id": UUID(int=200 + number),
        "result_at": NOW,
        "screened_on": NOW.date(),
        "verdict": Verdict.VALID,
        "score": None,
        "band": None,
        "band_probability": None,
        "coverage": 0.6,
        "scope": "frontal",
        "finding_codes": (),
    }
    return DashboardRow(**values | changes)


def _scored(number: int, name: str, score: float, band: str, **changes: Any) -> DashboardRow:
    values: dict[str, Any] = {
        "score": score,
        "band": band,
        "band_probability": 0.83,
        "interval_90": (max(score - 17, 0), min(score + 19, 100)),
        "fppa_both_deg": score / 5 + 2,
        "fppa_both_se_deg": 3.1,
    }
    return row(number, name, **values | changes)


def dashboard(*, rows: tuple[DashboardRow, ...] | None = None) -> TeamDashboard:
    shown = ROWS if rows is None else rows
    return TeamDashboard(
        team=TEAM,
        sort=DashboardSort.ATTENTION,
        descending=True,
        rows=shown,
        next_cursor=None,
        counts=DashboardCounts(
            n_athletes=len(shown),
            n_screened=sum(item.score is not None for item in shown),
            n_flagged=sum(item.flagged for item in shown),
            n_film_again=sum(item.state is RecordingState.REJECTED for item in shown),
            n_in_progress=sum(
                item.state in (RecordingState.QUEUED, RecordingState.PROCESSING) for item in shown
            ),
            n_not_filmed=sum(item.recording_id is None for item in shown),
        ),
    )


_NEVER: dict[str, Any] = dict.fromkeys(
    ("recording_id", "state", "progress", "recorded_at", "result_recording_id", "result_at", "screened_on")
) | {"verdict": None, "coverage": None, "scope": None}

ROWS = (
    _scored(4, "Amara Okonkwo", 78.0, MARKED, flagged=True, scope="full", coverage=1.0),
    _scored(
        11,
        "Elisabeth von Hohenfels-Waldburg",
        66.0,
        MARKED,
        band_probability=0.64,
        flagged=True,
    ),
    row(
        9,
        "Noor van Dijk",
        flagged=True,
        state=RecordingState.REJECTED,
        verdict=Verdict.INVALID,
        finding_codes=("view_not_frontal",),
    ),
    row(2, "Mia Lindqvist", flagged=True, state=RecordingState.FAILED, verdict=None),
    _scored(7, "Sofia Marchetti", 43.6, SOME, verdict=Verdict.ATTENTION),
    _scored(10, "Zoë Brontë-Ruiz", 14.0, WITHIN),
    row(3, "Hannah Kim", state=RecordingState.PROCESSING, stage=Stage.POSE, progress=0.46, verdict=None),
    row(5, "Grace Adeyemi", state=RecordingState.QUEUED, progress=0.0, queue_position=3, verdict=None),
    row(8, "Lucía Fernández", **_NEVER),
)

NEVER_FILMED = tuple(row(number, name, **_NEVER) for number, name in ((1, "Ada Berg"), (2, "Bo Larsen")))


def kinematics(*, fps_hz: float = 60.0, duration_s: float = 3.5) -> Kinematics:
    """Two knees that fall inward at the lowest point, the left one more; noise and a gap in the air."""
    time_s = np.arange(round(duration_s * fps_hz)) / fps_hz
    landing = np.exp(-(((time_s - 1.52) / 0.14) ** 2))
    second = 0.6 * np.exp(-(((time_s - 2.62) / 0.12) ** 2))
    wobble = np.sin(17 * time_s) * 0.8
    left = 2.5 + 15.5 * (landing + second) + wobble
    right = 1.0 + 9.0 * (landing + second) - wobble
    right[(time_s > 2.05) & (time_s < 2.12)] = np.nan
    return Kinematics(time_s=time_s, rate_hz=fps_hz, series={"fppa_left_deg": left, "fppa_right_deg": right})


def _event(name: EventName, time_s: float, side: Side = Side.BOTH) -> Event:
    return Event(name=name, side=side, time_s=time_s, frame=round(time_s * 60), sd_s=0.006)


EVENTS = (
    _event(EventName.STEP_OFF, 0.92),
    _event(EventName.INITIAL_CONTACT, 1.318, Side.LEFT),
    _event(EventName.INITIAL_CONTACT, 1.326, Side.RIGHT),
    _event(EventName.PEAK_KNEE_FLEXION, 1.53),
    _event(EventName.TAKE_OFF, 1.84),
    _event(EventName.SECOND_CONTACT, 2.4),
)


def _metric(key: str, side: Side, value: float | None, unit: str, event: str, se: float | None) -> Metric:
    return Metric(key=key, side=side, value=value, unit=unit, event=event, se=se)


METRICS = (
    _metric("fppa", Side.LEFT, 3.4, "deg", "initial_contact", 4.6),
    _metric("fppa", Side.RIGHT, -0.8, "deg", "initial_contact", 4.6),
    _metric("fppa", Side.BOTH, 1.3, "deg", "initial_contact", 3.1),
    _metric("fppa", Side.LEFT, 17.9, "deg", "peak_knee_flexion", 5.2),
    _metric("fppa", Side.RIGHT, 10.1, "deg", "peak_knee_flexion", 5.2),
    _metric("fppa", Side.BOTH, 14.0, "deg", "peak_knee_flexion", 3.7),
    _metric("fppa", Side.LEFT, 18.3, "deg", "peak", 5.4),
    _metric("fppa", Side.RIGHT, None, "deg", "peak", None),
    _metric("knee_valgus_displacement", Side.BOTH, 12.4, "deg", "landing", 4.0),
    _metric("knee_ankle_separation_ratio", Side.BOTH, 0.74, "1", "peak_knee_flexion", 0.08),
    _metric("knee_separation", Side.BOTH, 19.6, "cm", "peak_knee_flexion", 1.9),
    _metric("lateral_trunk_lean", Side.BOTH, 4.1, "deg", "peak", 2.5),
    _metric("contact_time", Side.BOTH, 0.518, "s", "landing", 0.011),
    _metric("flight_time", Side.BOTH, 0.56, "s", "landing", 0.012),
    _metric("jump_height", Side.BOTH, 0.382, "m", "landing", 0.019),
    _metric("reactive_strength_index", Side.BOTH, 0.74, "m/s", "landing", 0.05),
)


def score(*, scope: str = "frontal", band: str = SOME) -> RiskScore:
    """A borderline score in the middle; at either end a certain one."""
    value, share = {WITHIN: (12.4, 0.93), SOME: (43.65, 0.70), MARKED: (74.2, 0.88)}[band]

    def part(
        key: str, value: float, unit: str, cutoff: float, share: float, weight: float, mark: str
    ) -> ScoreComponent:
        return ScoreComponent(
            key=key,
            side=Side.BOTH,
            value=value,
            unit=unit,
            cutoff=cutoff,
            probability=share,
            weight=weight,
            mark=mark,
        )

    return RiskScore(
        value=value,
        band=band,
        band_probability=share,
        interval_90=(max(value - 23.5, 0.0), min(value + 22.2, 100.0)),
        coverage=0.6 if scope == "frontal" else 1.0,
        scope=scope,
        components=(
            part("knee_valgus_displacement", 12.4, "deg", 10.6, 0.6736, 20, "V"),
            part("knee_ankle_separation_ratio", 0.74, "1", 0.80, 0.7734, 15, "P"),
            part("fppa", 15.0, "deg", 13.0, 0.6497, 10, "V"),
            part("lateral_trunk_lean", 4.0, "deg", 5.0, 0.3446, 10, "P"),
            part("foot_contact_difference", 12.0, "ms", 20.0, 0.2119, 5, "M"),
        ),
    )


FLAGGED = (
    FlaggedFrame(frame=79, time_s=1.318, reason="initial_contact", side=Side.LEFT),
    FlaggedFrame(frame=92, time_s=1.53, reason="lowest_point", side=Side.BOTH),
    FlaggedFrame(frame=92, time_s=1.53, reason="peak_valgus", side=Side.LEFT),
    FlaggedFrame(frame=93, time_s=1.55, reason="peak_valgus", side=Side.RIGHT),
)

VIDEO = VideoInfo(
    width_px=720,
    height_px=1280,
    duration_s=3.5,
    n_frames=210,
    nominal_fps_hz=60.0,
    rotation_deg=0,
    codec="h264",
    sha256=SHA,
)


def analysis(
    *,
    verdict: Verdict = Verdict.VALID,
    findings: tuple[QualityFinding, ...] = (),
    risk_score: RiskScore | None = None,
    has_pictures: bool = True,
    pictures: PicturesState = PicturesState.DONE,
) -> AnalysisView:
    return AnalysisView(
        id=UUID(int=900),
        recording_id=UUID(int=204),
        created_at=NOW,
        record=AnalysisRecord(
            verdict=verdict,
            findings=findings,
            video=VIDEO,
            method=MethodStamp(version="1.0.0", model_sha256=SHA[::-1], code_version="0.1.0+ea6b351"),
            events=EVENTS if has_pictures else (),
            metrics=METRICS if has_pictures else (),
            risk_score=risk_score,
            flagged_frames=FLAGGED if has_pictures else (),
        ),
        pictures=pictures if has_pictures else None,
        has_overlay=has_pictures and pictures is PicturesState.DONE,
        has_kinematics=has_pictures,
        still_frames=(79, 92, 93) if has_pictures and pictures is PicturesState.DONE else (),
    )


def recording(**changes: Any) -> RecordingView:
    values: dict[str, Any] = {
        "id": UUID(int=204),
        "state": RecordingState.ANALYSED,
        "stage": None,
        "progress": 1.0,
        "attempt": 1,
        "max_attempts": 3,
        "queue_position": None,
        "athlete": athlete(4, "Amara Okonkwo"),
        "screening_id": UUID(int=300),
        "trial_id": UUID(int=301),
        "screened_on": date(2026, 3, 14),
        "context": ScreeningContext.BASELINE,
        "movement": Movement.DROP_VERTICAL_JUMP,
        "view": View.FRONTAL,
        "box_height_cm": 31.0,
        "filename": "IMG_4711.MOV",
        "size_bytes": 18_400_000,
        "sha256": SHA,
        "created_at": NOW,
        "updated_at": NOW,
        "analysis": None,
        "findings": (),
        "failure": None,
    }
    return RecordingView(**values | changes)


def analysed(*, scope: str = "frontal", band: str = SOME) -> RecordingView:
    findings = (
        make_finding("multiple_people", frame=92, ratio=0.41),
        make_finding("asymmetry_not_interpretable"),
    )
    view = analysis(verdict=Verdict.ATTENTION, findings=findings, risk_score=score(scope=scope, band=band))
    return recording(analysis=view, findings=findings)


def good() -> RecordingView:
    return recording(analysis=analysis(risk_score=score(scope="full", band=WITHIN)))


def drawing(pictures: PicturesState = PicturesState.PENDING) -> RecordingView:
    """Analysed, the pictures still to come."""
    return recording(analysis=analysis(risk_score=score(scope="full", band=WITHIN), pictures=pictures))


def rejected() -> RecordingView:
    findings = (make_finding("view_not_frontal", yaw_deg=32, sd_deg=6), make_finding("fps_low", fps_hz=30))
    view = analysis(verdict=Verdict.INVALID, findings=findings, has_pictures=False)
    return recording(state=RecordingState.REJECTED, analysis=view, findings=findings)


def refused() -> RecordingView:
    """Turned away before any analysis."""
    return recording(state=RecordingState.REJECTED, findings=(make_finding("corrupt_video"),))


def failed() -> RecordingView:
    return recording(state=RecordingState.FAILED, attempt=3, failure="reader_died")


def processing(*, attempt: int = 1) -> RecordingView:
    return recording(state=RecordingState.PROCESSING, stage=Stage.POSE, progress=0.46, attempt=attempt)


def queued() -> RecordingView:
    return recording(state=RecordingState.QUEUED, progress=0.0, attempt=0, queue_position=3)


def _entry(number: int, day: date, *, more_deg: float, version: str, breaks: bool = False) -> HistoryEntry:
    """A screening of three landings, the knees so much further in than today's."""
    moved = tuple(
        replace(metric, value=metric.value + more_deg)
        if metric.key == "fppa" and metric.value is not None
        else metric
        for metric in METRICS
    )
    trials = [TrialResult(number=n, metrics=moved, risk_score=score()) for n in (1, 2, 3)]
    view = MovementView(
        movement=Movement.DROP_VERTICAL_JUMP,
        conditions=Conditions(
            movement=Movement.DROP_VERTICAL_JUMP,
            views=frozenset({View.FRONTAL}),
            box_height_cm=31.0,
            context=ScreeningContext.BASELINE.value,
            method_version=version,
            model_sha256=SHA,
        ),
        trials=tuple(_trial_view(number, n, version=version) for n in (1, 2, 3)),
        judgement=judge_movement(trials, movement=Movement.DROP_VERTICAL_JUMP),
    )
    movement = HistoryMovement(
        of=view, breaks=(Obstacle.METHOD_VERSION,) if breaks else (), previous_screening_id=None
    )
    return HistoryEntry(
        id=UUID(int=number), screened_on=day, context=ScreeningContext.BASELINE, movements=(movement,)
    )


def _trial_view(screening: int, number: int, *, version: str) -> TrialView:
    recording = TrialRecordingView(
        id=UUID(int=10 * screening + number),
        view=View.FRONTAL,
        state=RecordingState.ANALYSED,
        verdict=Verdict.VALID,
        method_version=version,
    )
    return TrialView(
        id=UUID(int=20 * screening + number),
        number=number,
        counts=True,
        why_not=None,
        recordings=(recording,),
    )


def history() -> tuple[HistoryEntry, ...]:
    """Four screenings over a season, the method renewed in between."""
    return (
        _entry(296, date(2025, 8, 30), more_deg=9.0, version="0.9.0"),
        _entry(297, date(2025, 11, 2), more_deg=16.0, version="1.0.0", breaks=True),
        _entry(299, date(2026, 1, 10), more_deg=14.0, version="1.0.0"),
        _entry(300, date(2026, 3, 14), more_deg=0.0, version="1.0.0"),
    )


def athlete_detail() -> AthleteDetail:
    """Somebody in two teams."""
    return AthleteDetail(
        record=AthleteRecord(id=UUID(int=104), name="Amara Okonkwo", sex=Sex.FEMALE, stature_cm=164.0),
        teams=(
            TeamMembership(id=TEAM.id, name=TEAM.name, n_athletes=9, bib="4"),
            TeamMembership(id=UUID(int=8), name="First team", n_athletes=21, bib=None),
        ),
        created_at=NOW,
        updated_at=NOW,
    )


def change(*, more_deg: float = 14.0, version: str = "1.0.0") -> ScreeningChange:
    """This screening against one in January: the knees came in less, the rest is noise."""
    before = _entry(299, date(2026, 1, 10), more_deg=more_deg, version=version)
    after = _entry(300, date(2026, 3, 14), more_deg=0.0, version="1.0.0")
    return ScreeningChange(
        athlete_id=UUID(int=104), before=before, after=after, movements=compare_entries(before, after)
    )


WEBHOOK = EndpointView(
    id=UUID(int=901),
    url="https://club-database.example.org/hooks/plumbline?source=screening",
    description="Club database",
    events=("recording.ready", "analysis.corrected", "athlete.erased"),
    team_ids=frozenset({TEAM.id}),
    enabled=True,
    disabled_reason=None,
    disabled_at=None,
    failing_since=NOW - timedelta(hours=3),
    last_delivered_at=NOW - timedelta(hours=4),
    previous_until=None,
    n_pending=12,
    n_failed=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


def deliveries() -> list[DeliveryView]:
    """One message in each state."""
    refused = AttemptView(
        at=NOW, duration_ms=812, status=502, failure=PostFailure.STATUS, answer="<h1>Bad gateway</h1>"
    )
    taken = AttemptView(at=NOW, duration_ms=41, status=204, failure=None, answer="")
    hung = AttemptView(at=NOW, duration_ms=15002, status=None, failure=PostFailure.TIMEOUT, answer="")
    waiting = DeliveryView(
        id=UUID(int=911),
        message_id=UUID(int=921),
        event=WebhookEvent.RECORDING_READY,
        content={},
        happened_at=NOW,
        state=DeliveryState.PENDING,
        n_attempts=2,
        next_attempt_at=NOW + timedelta(minutes=5),
        finished_at=None,
        last_attempt=refused,
    )
    done = replace(waiting, next_attempt_at=None, finished_at=NOW)
    return [
        replace(waiting, n_attempts=0, last_attempt=None, event=WebhookEvent.TEST),
        waiting,
        replace(done, state=DeliveryState.DELIVERED, n_attempts=1, last_attempt=taken),
        replace(done, state=DeliveryState.FAILED, n_attempts=10, last_attempt=hung),
    ]


def exports() -> list[ExportView]:
    """One export in each state."""
    ready = ExportView(
        id=UUID(int=931),
        format=ExportFormat.XLSX,
        wanted=MetricExportFilter(team_id=TEAM.id, screened_from=date(2026, 1, 1)),
        state=ExportState.READY,
        progress=1.0,
        n_rows=1284,
        size_bytes=412_930,
        sha256=SHA,
        created_at=NOW,
        finished_at=NOW,
        expires_at=NOW + timedelta(days=7),
        is_own=True,
    )
    none = replace(ready, n_rows=None, size_bytes=None, finished_at=None, expires_at=None)
    return [
        replace(none, state=ExportState.QUEUED, progress=0.0, format=ExportFormat.PARQUET, wanted=MetricExportFilter()),
        replace(none, state=ExportState.WORKING, progress=0.42, format=ExportFormat.TEAMWORKS_AMS),
        ready,
        *(
            replace(none, state=state)
            for state in (
                ExportState.FAILED, ExportState.WITHDRAWN, ExportState.EXPIRED, ExportState.REMOVED,
            )
        ),
    ]  # fmt: skip
