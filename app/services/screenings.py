"""Screenings judged over their valid trials.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from uuid import UUID

from app.biomech.change import Conditions
from app.biomech.joined_trial import join_trial
from app.biomech.norms import find_norm
from app.biomech.screening import TrialResult, merge_views
from app.biomech.types import Movement, Verdict
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.screenings import ScreeningRecord, TrialRecording
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteRecord
from app.domain.audit import Act
from app.domain.errors import NotFoundError
from app.domain.screenings import ScreeningContext
from app.services.read_models import AthleteSummary
from app.services.references import find_alignment, read_team_reference
from app.services.screening_models import (
    JudgedMovement,
    MovementView,
    ScreeningMetric,
    ScreeningView,
    TrialRecordingView,
    TrialView,
)
from app.services.trial_views import view_of

DROPPED = "trial_dropped"
"""The finding of a trial that a person left out."""

Seen = tuple[TrialRecording, StoredAnalysis | None]
"""A recording of a trial, and its latest analysis."""


def get_screening(*, uow: UnitOfWork, principal: Principal, screening_id: UUID) -> ScreeningView:
    """Return a screening judged over its valid trials, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    organisation_id = principal.organisation_id
    screening = find_screening(uow=uow, principal=principal, screening_id=screening_id)
    athlete = uow.athletes.find(organisation_id=organisation_id, athlete_id=screening.athlete_id)
    if athlete is None:
        raise no_screening()
    movements = load_movements(uow=uow, organisation_id=organisation_id, screenings=[screening])[screening.id]
    age_years = age_on(screening.screened_on, athlete.date_of_birth)
    uow.audit.record_reading(actor=principal, act=Act.SCREENING_READ, object_id=screening_id)
    return ScreeningView(
        id=screening.id,
        athlete=AthleteSummary(**{n: getattr(athlete, n) for n in AthleteSummary.__dataclass_fields__}),
        age_years=age_years,
        screened_on=screening.screened_on,
        context=screening.context,
        created_at=screening.created_at,
        movements=tuple(
            _judge(uow, organisation_id, screening, athlete, movement, age_years) for movement in movements
        ),
    )


def find_screening(*, uow: UnitOfWork, principal: Principal, screening_id: UUID) -> ScreeningRecord:
    """Return a screening, or raise `NotFoundError`."""
    found = uow.screenings.find(organisation_id=principal.organisation_id, screening_id=screening_id)
    if found is None:
        raise no_screening()
    return found


def no_screening() -> NotFoundError:
    """Return the answer to an id that is unknown here, or somebody else's."""
    return NotFoundError("There is no such screening.", how_to_fix="Choose one of your own screenings.")


def age_on(day: date, born: date | None) -> int | None:
    """Return somebody's age in whole years on a day; None when the date of birth is not known.

    Examples
    --------
    >>> age_on(date(2026, 5, 1), date(2008, 5, 2)), age_on(date(2026, 5, 2), date(2008, 5, 2))
    (17, 18)
    """
    if born is None:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def load_movements(
    *, uow: UnitOfWork, organisation_id: UUID, screenings: Sequence[ScreeningRecord]
) -> dict[UUID, tuple[MovementView, ...]]:
    """Return the movements of each screening, judged over the valid trials; few queries however many there are."""
    recordings = uow.screenings.recordings_of(
        organisation_id=organisation_id, screening_ids=[screening.id for screening in screenings]
    )
    analyses = uow.analyses.latest_of(
        organisation_id=organisation_id, recording_ids=[recording.recording_id for recording in recordings]
    )
    found: dict[UUID, list[MovementView]] = {screening.id: [] for screening in screenings}
    contexts = {screening.id: screening.context for screening in screenings}
    for (screening_id, movement), group in groupby(recordings, key=lambda r: (r.screening_id, r.movement)):
        seen = [(recording, analyses.get(recording.recording_id)) for recording in group]
        found[screening_id].append(_movement(movement, contexts[screening_id], seen))
    order = list(Movement)
    return {
        screening_id: tuple(sorted(movements, key=lambda view: order.index(view.movement)))
        for screening_id, movements in found.items()
    }


def _movement(movement: Movement, context: ScreeningContext, seen: Sequence[Seen]) -> MovementView:
    """Return one movement over those of its valid trials that the newest method version measured."""
    usable = [analysis for _, analysis in seen if analysis is not None and _is_usable(analysis)]
    newest = max(usable, key=lambda analysis: (analysis.created_at, analysis.id), default=None)
    stamp = None if newest is None else newest.content.method
    version = None if stamp is None else stamp.version
    trials = [(list(group), number) for number, group in groupby(seen, key=lambda one: one[0].number)]
    views = tuple(_trial(group, version=version) for group, _ in trials)
    counted = [group for (group, _), view in zip(trials, views, strict=True) if view.counts]
    used = [
        (recording, analysis)
        for group in counted
        for recording, analysis in group
        if analysis is not None and _counts(analysis, version)
    ]
    boxes = {recording.box_height_cm for recording, _ in used}
    conditions = (
        None
        if stamp is None
        else Conditions(
            movement=movement,
            views=frozenset(recording.view for recording, _ in used),
            box_height_cm=boxes.pop() if len(boxes) == 1 else float("nan"),
            context=context.value,
            method_version=stamp.version,
            model_sha256=stamp.model_sha256,
        )
    )
    return MovementView(
        movement=movement,
        conditions=conditions,
        trials=views,
        results=tuple(_result(group, version) for group in counted),
    )


def _is_usable(analysis: StoredAnalysis) -> bool:
    return analysis.content.verdict is not Verdict.INVALID


def _counts(analysis: StoredAnalysis, version: str | None) -> bool:
    return _is_usable(analysis) and analysis.content.method.version == version


def _trial(seen: Sequence[Seen], *, version: str | None) -> TrialView:
    analyses = [analysis for _, analysis in seen if analysis is not None]
    why_not = None
    if not analyses:
        why_not = "not_analysed"
    elif any(finding.code == DROPPED for analysis in analyses for finding in analysis.content.findings):
        why_not = "left_out"
    elif not any(_is_usable(analysis) for analysis in analyses):
        why_not = "invalid"
    elif not any(_counts(analysis, version) for analysis in analyses):
        why_not = "other_method_version"
    first = seen[0][0]
    return TrialView(
        id=first.trial_id,
        number=first.number,
        counts=why_not is None,
        why_not=why_not,
        recordings=tuple(
            TrialRecordingView(
                id=recording.recording_id,
                view=recording.view,
                state=recording.state,
                verdict=None if analysis is None else analysis.content.verdict,
                method_version=None if analysis is None else analysis.content.method.version,
            )
            for recording, analysis in seen
        ),
    )


def _result(seen: Sequence[Seen], version: str | None) -> TrialResult:
    """Return what a trial showed in all its views, put together where they show the same trial.

    Without two views the score is that of the recording with the most of it.
    """
    counted = [
        (recording.view, analysis)
        for recording, analysis in seen
        if analysis is not None and _counts(analysis, version)
    ]
    contents = [analysis.content for _, analysis in counted]
    scores = [content.risk_score for content in contents if content.risk_score is not None]
    repeated = [metric for content in contents for metric in content.metrics if metric.repetition is not None]
    if len({view for view, _ in counted}) > 1:
        joined = join_trial([view_of(view, analysis) for view, analysis in counted])
        return TrialResult(
            number=seen[0][0].number, metrics=(*joined.metrics, *repeated), risk_score=joined.risk_score
        )
    return TrialResult(
        number=seen[0][0].number,
        metrics=(*merge_views(content.metrics for content in contents), *repeated),
        risk_score=max(scores, key=lambda score: score.coverage, default=None),
    )


def _judge(
    uow: UnitOfWork,
    organisation_id: UUID,
    screening: ScreeningRecord,
    athlete: AthleteRecord,
    of: MovementView,
    age_years: int | None,
) -> JudgedMovement:
    """Set a movement beside the references there are and the athlete's own standing leg."""
    team = read_team_reference(
        uow=uow, organisation_id=organisation_id, screening=screening, athlete=athlete, of=of
    )
    metrics = tuple(
        ScreeningMetric(
            metric=metric,
            norm=find_norm(
                of.judgement.value_of(metric),
                key=metric.key,
                event=metric.event,
                movement=of.movement,
                sex=athlete.sex,
                age_years=age_years,
            ),
            team_norm=team.place(metric),
        )
        for metric in of.judgement.metrics
    )
    static = find_alignment(uow=uow, organisation_id=organisation_id, screening=screening, of=of)
    return JudgedMovement(of=of, metrics=metrics, static=static)
