"""What a screening is set beside: the athletes of one's own team, and the athlete's own standing leg."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.biomech.asymmetry import SIDE_GATE_DEG
from app.biomech.definitions import LANDING, LOWEST, PKF, STANDING
from app.biomech.metrics import Value
from app.biomech.norms import MIN_TEAM_SIZE, NoNormReason, no_norm, place_in_team
from app.biomech.screening import MetricOverTrials, MovementJudgement, Place
from app.biomech.static import LandingAngles, StandingAngles, StaticJudgement, judge_static
from app.biomech.types import Movement, Sex, Side, Verdict, View
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.screenings import ScreeningRecord, TrialRecording
from app.db.unit_of_work import UnitOfWork
from app.domain.athletes import AthleteRecord
from app.domain.screenings import ScreeningContext
from app.services.screening_models import MovementView, StandingSource, StaticView, TeamNormView

STANDING_MAX_AGE = timedelta(days=365)
"""Method section 3.4: a standing trial older than this is not set beside a landing [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamReference:
    """The values of one's own team, or why there are none."""

    team_id: UUID | None
    team_name: str | None
    values: Mapping[Place, Sequence[float]]
    missing: NoNormReason | None
    """Why nothing of it can be used; None when some can."""

    def place(self, metric: MetricOverTrials) -> TeamNormView:
        """Return where a number lies in the team."""
        if self.missing is None:
            result = place_in_team(metric.over_trials.mean, self.values.get(metric.place, ()))
        else:
            result = no_norm(self.missing)
        return TeamNormView(team_id=self.team_id, team_name=self.team_name, result=result)


def read_team_reference(
    *,
    uow: UnitOfWork,
    organisation_id: UUID,
    screening: ScreeningRecord,
    athlete: AthleteRecord,
    of: MovementView,
) -> TeamReference:
    """Return the values of the athlete's largest team, those of the same sex, measured in the same way."""
    teams = uow.roster.teams_of(organisation_id=organisation_id, athlete_id=athlete.id)
    if not teams:
        return TeamReference(team_id=None, team_name=None, values={}, missing=NoNormReason.NO_TEAM)
    team, size = max(teams, key=lambda one: one[1])
    missing = None
    if athlete.sex is Sex.UNSPECIFIED:
        missing = NoNormReason.SEX_UNKNOWN
    elif size < MIN_TEAM_SIZE:
        missing = NoNormReason.TEAM_TOO_SMALL
    values: Mapping[Place, Sequence[float]] = {}
    if missing is None and of.conditions is not None:
        values = uow.screenings.team_values(
            organisation_id=organisation_id,
            team_id=team.id,
            sex=athlete.sex,
            movement=of.movement,
            method_version=of.conditions.method_version,
            fatigued=screening.context is ScreeningContext.FATIGUED,
        )
    return TeamReference(team_id=team.id, team_name=team.name, values=values, missing=missing)


def find_alignment(
    *, uow: UnitOfWork, organisation_id: UUID, screening: ScreeningRecord, of: MovementView
) -> StaticView | None:
    """Return whether an inward knee is fixed or dynamic, by the athlete's latest valid standing trial.

    That of the same screening, else the newest of the twelve months before it. Only one that the same
    method version and pose model measured: two versions may place the knee differently.
    """
    landings = _landing_angles(of.judgement)
    if not landings or of.conditions is None or of.movement is Movement.STANDING:
        return None
    trials = uow.screenings.standing_trials(
        organisation_id=organisation_id,
        athlete_id=screening.athlete_id,
        screening=screening,
        oldest=screening.screened_on - STANDING_MAX_AGE,
    )
    analyses = uow.analyses.latest_of(
        organisation_id=organisation_id, recording_ids=[trial.recording_id for trial in trials]
    )
    for trial in trials:
        angles = _standing_angles(trial, analyses.get(trial.recording_id), of)
        if angles is not None:
            return StaticView(
                source=StandingSource(
                    recording_id=trial.recording_id,
                    trial_id=trial.trial_id,
                    screening_id=trial.screening_id,
                    screened_on=trial.screened_on,
                    same_screening=trial.screening_id == screening.id,
                ),
                judgements=_judgements(angles, landings),
            )
    return StaticView(source=None, judgements=())


def _judgements(angles: StandingAngles, landings: Sequence[LandingAngles]) -> tuple[StaticJudgement, ...]:
    found = (judge_static(angles, landing) for landing in landings)
    return tuple(judgement for judgement in found if judgement is not None)


def _standing_angles(
    trial: TrialRecording, analysis: StoredAnalysis | None, of: MovementView
) -> StandingAngles | None:
    """Return the standing knee angles of a trial, None when it cannot be used here."""
    if analysis is None or of.conditions is None or trial.view is not View.FRONTAL:
        return None
    content = analysis.content
    same = (content.method.version, content.method.model_sha256) == (
        of.conditions.method_version,
        of.conditions.model_sha256,
    )
    if content.verdict is Verdict.INVALID or not same:
        return None
    fppa = {
        metric.side: Value(value=metric.value, se=metric.se)
        for metric in content.metrics
        if (metric.key, metric.event) == ("fppa", STANDING)
        and metric.value is not None
        and metric.se is not None
    }
    return StandingAngles(fppa=fppa) if fppa else None


def _landing_angles(judgement: MovementJudgement) -> list[LandingAngles]:
    """Return the knee angles to set beside the standing ones: of both knees, and of each that yaw leaves alone."""
    by_place = {metric.place: metric.mean for metric in judgement.metrics}
    false_deg = {side.event: side.asymmetry.yaw_false for side in judgement.sides if side.key == "fppa"}
    found = []
    for event in (PKF, LOWEST):
        paired = ("fppa", Side.BOTH, event) in by_place
        gated = paired and false_deg.get(event, 0.0) > SIDE_GATE_DEG
        for side in (Side.BOTH,) if gated else tuple(Side):
            fppa = by_place.get(("fppa", side, event))
            if fppa is not None:
                displacement = by_place.get(("knee_valgus_displacement", side, LANDING))
                found.append(LandingAngles(side=side, fppa=fppa, displacement=displacement))
    return found
