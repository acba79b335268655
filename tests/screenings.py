"""Screenings with chosen numbers, made through the services."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

from app.biomech.pipeline import assess_trial
from app.biomech.score import ComponentInput, compute_risk_score
from app.biomech.types import (
    Assessed,
    MethodStamp,
    Metric,
    Movement,
    PoseTrack,
    Sex,
    Side,
    TrialContext,
    Verdict,
    View,
)
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.athletes import AthleteChange
from app.domain.screenings import ScreeningContext
from app.services import athletes, recording_intake
from app.services.analysis_record import AnalysisRecord
from app.services.read_models import TeamSummary
from app.storage.blobs import BlobStore
from tests.factories import METHOD, PROBED, Club, finish_recording, make_record, stage_upload
from tests.synth import video_of

DAY = date(2024, 9, 1)


def fppa_metrics(
    *, left: float, right: float, event: str = "peak_knee_flexion", side_se: float = 2.3, both_se: float = 2.0
) -> tuple[Metric, ...]:
    """The knee angle of both sides and their mean; errors as of an athlete square to the camera."""
    values = {Side.LEFT: left, Side.RIGHT: right, Side.BOTH: 0.5 * (left + right)}
    return tuple(
        Metric(
            key="fppa", side=side, value=value, unit="deg", event=event,
            se=both_se if side is Side.BOTH else side_se,
        )
        for side, value in values.items()
    )  # fmt: skip


def landing_record(
    *,
    fppa: tuple[float, float] = (10.0, 10.0),
    displacement: float = 8.0,
    side_se: float = 2.3,
    version: str = METHOD.version,
    verdict: Verdict = Verdict.VALID,
) -> AnalysisRecord:
    """A drop jump with these knee angles (left, right) at the lowest point."""
    metrics = (
        *fppa_metrics(left=fppa[0], right=fppa[1], side_se=side_se),
        Metric(
            key="knee_valgus_displacement", side=Side.BOTH, value=displacement, unit="deg", event="landing", se=2.0
        ),
        Metric(key="contact_time", side=Side.BOTH, value=0.35, unit="s", event="take_off", se=0.01),
        Metric(key="jump_height", side=Side.BOTH, value=None, unit="m", event="second_contact", se=None),
    )  # fmt: skip
    score = compute_risk_score(
        [ComponentInput(key="knee_valgus_displacement", side=Side.BOTH, value=displacement)]
    )
    return replace(
        make_record(),
        metrics=metrics,
        risk_score=score,
        verdict=verdict,
        method=MethodStamp(version=version, model_sha256="a" * 64, code_version="0.1.0"),
    )


def standing_record(*, left: float, right: float, version: str = METHOD.version) -> AnalysisRecord:
    return replace(
        landing_record(version=version),
        metrics=fppa_metrics(left=left, right=right, event="standing"),
        risk_score=None,
    )


def record_of(track: PoseTrack, view: View) -> AnalysisRecord:
    """What the whole pipeline makes of a stick figure's track."""
    video = video_of(track)
    outcome = assess_trial(
        video=video, track=track, context=TrialContext(view=view, stature_cm=171.0, sex=Sex.FEMALE)
    )
    assert isinstance(outcome, Assessed)
    return AnalysisRecord(
        verdict=outcome.verdict,
        findings=outcome.findings,
        video=video,
        method=METHOD,
        events=outcome.events,
        metrics=outcome.metrics,
        risk_score=outcome.risk_score,
        flagged_frames=outcome.flagged_frames,
    )


@dataclass(kw_only=True)
class ScreeningMaker:
    """Puts trials with chosen results on record."""

    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    club: Club
    folder: Path

    def athlete(
        self,
        *,
        name: str = "Ada Berg",
        sex: Sex = Sex.FEMALE,
        born: date | None = date(2005, 1, 1),
        team: TeamSummary | None = None,
    ) -> UUID:
        change = AthleteChange(
            name=name, sex=sex, date_of_birth=born, team_ids=frozenset() if team is None else frozenset({team.id})
        )  # fmt: skip
        with self.uow_factory(self.club.principal) as uow:
            return athletes.add_athlete(uow=uow, principal=self.club.principal, change=change).record.id

    def trial(
        self,
        athlete_id: UUID,
        record: AnalysisRecord | None,
        *,
        day: date = DAY,
        context: ScreeningContext = ScreeningContext.BASELINE,
        movement: Movement = Movement.DROP_VERTICAL_JUMP,
        box_height_cm: float | None = 30.0,
        view: View = View.FRONTAL,
        number: int | None = None,
    ) -> tuple[UUID, UUID]:
        """Record one trial; return the ids of its screening and recording. Without a record it stays queued."""
        with self.uow_factory(self.club.principal) as uow:
            received = recording_intake.receive_recording(
                uow=uow,
                blobs=self.blobs,
                principal=self.club.principal,
                upload=stage_upload(self.folder),
                probed=PROBED,
                athlete_id=athlete_id,
                movement=movement,
                box_height_cm=box_height_cm,
                screened_on=day,
                context=context,
                view=view,
                trial_number=number,
            ).recording
        if record is not None:
            finish_recording(self.uow_factory, self.club, received.id, record=record)
        assert received.screening_id is not None
        return received.screening_id, received.id

    def landings(self, athlete_id: UUID, *records: AnalysisRecord, **how: object) -> UUID:
        """Record several trials of one screening; return its id."""
        made = [self.trial(athlete_id, record, **how)[0] for record in records]  # type: ignore[arg-type]  # of `trial`
        assert len(set(made)) == 1
        return made[0]
