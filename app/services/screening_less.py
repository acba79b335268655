"""The LESS of a screening: over its trials, beside published totals, and beside the screening before.

Nothing here is stored, as with single trials. Every function takes an entered `UnitOfWork` made for the principal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.biomech.change import Obstacle, find_obstacles
from app.biomech.joined_trial import JoinedTrial
from app.biomech.less import LessScore, combine_less
from app.biomech.less_change import compare_less, find_less_norm
from app.biomech.less_items import LimbRule
from app.biomech.less_rt import score_less_rt
from app.biomech.types import MethodStamp, Movement
from app.db.repositories.screenings import ScreeningRecord, TrialRecording
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteRecord
from app.domain.audit import Act
from app.domain.errors import InvalidInputError
from app.services.judged_movements import load_movements
from app.services.screening_models import MovementView
from app.services.screenings import age_on, find_screening
from app.services.trial_models import LessOverTrials, ScreeningLessView, TrialLess
from app.services.trials import (
    LESS_MOVEMENTS,
    athlete_of,
    choose_analyses,
    judge_trial,
    same_method,
    stamp_of,
    usable_analyses,
)

EARLIER_LOOKED_AT: Final = 10
"""Screenings looked through for the one whose total the newest is set beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earlier:
    """The total of an earlier screening, if there is one, and why it cannot be compared."""

    obstacles: tuple[Obstacle, ...]
    screening: ScreeningRecord | None = None
    combined: LessScore | None = None


def get_screening_less(
    *,
    uow: UnitOfWork,
    principal: Principal,
    screening_id: UUID,
    movement: Movement | None = None,
    limb_rule: LimbRule = LimbRule.EITHER,
) -> ScreeningLessView:
    """Return the LESS over the trials of a screening; raises `NotFoundError`, `InvalidInputError`.

    Without a movement it is over the jump-landings, or over the drop vertical jumps where there are none.
    """
    principal.require(Permission.RESULTS_READ)
    if movement is not None and movement not in LESS_MOVEMENTS:
        raise InvalidInputError(
            "The LESS scores jump-landings and drop vertical jumps.",
            how_to_fix="Ask for one of those movements.",
            field="movement",
        )
    screening = find_screening(uow=uow, principal=principal, screening_id=screening_id)
    athlete = athlete_of(uow, principal, screening)
    found = uow.screenings.recordings_of(
        organisation_id=principal.organisation_id, screening_ids=[screening_id]
    )
    if movement is None:
        there = {recording.movement for recording in found}
        movement = next((m for m in LESS_MOVEMENTS if m in there), LESS_MOVEMENTS[0])
    now = _over_trials(uow, principal, found, athlete=athlete, movement=movement, limb_rule=limb_rule)
    uow.audit.record_reading(actor=principal, act=Act.SCREENING_READ, object_id=screening_id)
    earlier = _Earlier(obstacles=(Obstacle.NOT_MEASURED,))
    if now.combined is not None and now.combined.is_total:
        earlier = _earlier_total(
            uow, principal, screening, athlete=athlete, movement=movement, limb_rule=limb_rule
        )
    return ScreeningLessView(
        screening_id=screening_id,
        movement=movement,
        now=now,
        norm=find_less_norm(
            now.combined,
            movement=movement,
            sex=athlete.sex,
            age_years=age_on(screening.screened_on, athlete.date_of_birth),
        ),
        change=compare_less(earlier.combined, now.combined, obstacles=earlier.obstacles),
        previous_screening_id=None if earlier.screening is None else earlier.screening.id,
        previous_screened_on=None if earlier.screening is None else earlier.screening.screened_on,
    )


def _over_trials(
    uow: UnitOfWork,
    principal: Principal,
    found: Sequence[TrialRecording],
    *,
    athlete: AthleteRecord,
    movement: Movement,
    limb_rule: LimbRule,
) -> LessOverTrials:
    """Return the LESS over those trials of a screening that its newest method version measured."""
    recordings = [recording for recording in found if recording.movement is movement]
    judged: list[tuple[TrialRecording, MethodStamp, JoinedTrial]] = []
    for trial_id in dict.fromkeys(recording.trial_id for recording in recordings):
        own = [recording for recording in recordings if recording.trial_id == trial_id]
        seen = usable_analyses(uow, principal, own)
        chosen, _ = choose_analyses(seen)
        judgement = judge_trial(seen, chosen, athlete=athlete, limb_rule=limb_rule)
        stamp = stamp_of(chosen)
        if judgement is not None and stamp is not None:
            judged.append((own[0], stamp, judgement))
    newest = judged[-1][1] if judged else None
    counted = [item for item in judged if newest is not None and same_method(item[1], newest)]
    return LessOverTrials(
        screening_id=recordings[0].screening_id if recordings else None,
        method=newest,
        trials=tuple(
            TrialLess(trial_id=recording.trial_id, number=recording.number, score=judgement.less)
            for recording, _, judgement in counted
        ),
        n_other_versions=len(judged) - len(counted),
        combined=combine_less([judgement.less for _, _, judgement in counted]),
        real_time=score_less_rt([judgement.evidence for _, _, judgement in counted]),
    )


def _earlier_total(
    uow: UnitOfWork,
    principal: Principal,
    screening: ScreeningRecord,
    *,
    athlete: AthleteRecord,
    movement: Movement,
    limb_rule: LimbRule,
) -> _Earlier:
    """Return the nearest earlier total that can be compared, else the nearest with why it cannot."""
    earlier = uow.screenings.list_last(
        organisation_id=principal.organisation_id,
        athlete_id=screening.athlete_id,
        before=(screening.screened_on, screening.id),
        limit=EARLIER_LOOKED_AT,
    )
    views = load_movements(
        uow=uow, organisation_id=principal.organisation_id, screenings=[*earlier, screening]
    )
    now = _view_of(views[screening.id], movement)
    nearest: _Earlier | None = None
    for one in earlier:
        then = _view_of(views[one.id], movement)
        if then is None:
            continue
        obstacles = _obstacles(then, now)
        if obstacles and nearest is not None:
            continue
        found = uow.screenings.recordings_of(
            organisation_id=principal.organisation_id, screening_ids=[one.id]
        )
        total = _over_trials(uow, principal, found, athlete=athlete, movement=movement, limb_rule=limb_rule)
        if total.combined is None or not total.combined.is_total:
            continue
        nearest = _Earlier(obstacles=obstacles, screening=one, combined=total.combined)
        if not obstacles:
            break
    return nearest or _Earlier(obstacles=(Obstacle.NO_EARLIER_SCREENING,))


def _view_of(views: Sequence[MovementView], movement: Movement) -> MovementView | None:
    return next((view for view in views if view.movement is movement), None)


def _obstacles(before: MovementView, after: MovementView | None) -> tuple[Obstacle, ...]:
    if after is None or before.conditions is None or after.conditions is None:
        return (Obstacle.NOT_MEASURED,)
    return find_obstacles(before.conditions, after.conditions)
