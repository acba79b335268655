"""An athlete over time: the screenings in order, and one against another.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from collections.abc import Sequence
from uuid import UUID

from app.biomech.change import (
    Change,
    ChangeVerdict,
    Obstacle,
    Reading,
    compare_readings,
    compare_scores,
    direction_of,
    find_obstacles,
    published_mdc,
)
from app.biomech.definitions import METRICS
from app.biomech.screening import MetricOverTrials, Place
from app.biomech.types import Movement
from app.db.repositories.screenings import ScreeningRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import InvalidInputError
from app.services.athletes import find_record
from app.services.cursors import check_limit, day_part, decode_cursor, encode_cursor, id_part, split_page
from app.services.judged_movements import load_movements
from app.services.read_models import Page
from app.services.screening_models import (
    HistoryEntry,
    HistoryMovement,
    MetricChange,
    MovementChange,
    MovementView,
    ScreeningChange,
)
from app.services.screenings import find_screening, no_screening

LOOK_BACK = 10
"""Screenings looked through for the one that a movement goes on from."""


def get_history(
    *, uow: UnitOfWork, principal: Principal, athlete_id: UUID, cursor: str | None = None, limit: int = 50
) -> Page[HistoryEntry]:
    """List an athlete's screenings, oldest first, each movement with what breaks its series.

    Numbers of different method versions stand in one list, but never without a marker between them.
    """
    principal.require(Permission.RESULTS_READ)
    organisation_id = principal.organisation_id
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    after = None if cursor is None else decode_cursor(cursor, day_part, id_part)
    rows = uow.screenings.list_of_athlete(
        organisation_id=organisation_id,
        athlete_id=athlete_id,
        after=None if after is None else (after[0], after[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    earlier: list[ScreeningRecord] = []
    if after is not None and page:
        earlier = uow.screenings.list_last(
            organisation_id=organisation_id,
            athlete_id=athlete_id,
            before=(page[0].screened_on, page[0].id),
            limit=LOOK_BACK,
        )[::-1]
    entries = _entries(uow, organisation_id, [*earlier, *page])
    uow.audit.record_reading(actor=principal, act=Act.HISTORY_READ, object_id=athlete_id)
    return Page(
        items=entries[len(earlier) :],
        next_cursor=encode_cursor(page[-1].screened_on, page[-1].id) if more else None,
    )


def list_newest(
    *, uow: UnitOfWork, principal: Principal, athlete_id: UUID, limit: int = 50
) -> tuple[HistoryEntry, ...]:
    """List the newest screenings of an athlete, oldest first, as `get_history` does."""
    principal.require(Permission.RESULTS_READ)
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    rows = uow.screenings.list_last(
        organisation_id=principal.organisation_id,
        athlete_id=athlete_id,
        before=None,
        limit=check_limit(limit) + LOOK_BACK,
    )
    entries = _entries(uow, principal.organisation_id, rows[::-1])
    uow.audit.record_reading(actor=principal, act=Act.HISTORY_READ, object_id=athlete_id)
    return tuple(entries[-limit:])


def get_change(
    *,
    uow: UnitOfWork,
    principal: Principal,
    athlete_id: UUID,
    before_id: UUID | None = None,
    after_id: UUID | None = None,
) -> ScreeningChange:
    """Set one screening of an athlete against an earlier one.

    Without `after_id` the newest; without `before_id` the nearest before it that has a movement in common
    and can be compared, else the nearest. Raises `NotFoundError` for a screening that is not the
    athlete's, `InvalidInputError` when they are not in order of time.
    """
    principal.require(Permission.RESULTS_READ)
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    after = _chosen(uow, principal, athlete_id, after_id)
    before = None if before_id is None else _chosen(uow, principal, athlete_id, before_id)
    uow.audit.record_reading(actor=principal, act=Act.HISTORY_READ, object_id=athlete_id)
    if after is None:
        return ScreeningChange(athlete_id=athlete_id, before=None, after=None, movements=())
    if before is not None and (before.screened_on, before.id) >= (after.screened_on, after.id):
        raise InvalidInputError(
            "The first screening must be the earlier one.",
            how_to_fix="Exchange `from` and `to`.",
            field="from",
        )
    earlier = [before] if before is not None else _earlier(uow, principal, after)
    entries = _entries(uow, principal.organisation_id, [*earlier[::-1], after])
    now = entries[-1]
    then = _best(entries[:-1], now)
    return ScreeningChange(
        athlete_id=athlete_id, before=then, after=now, movements=compare_entries(then, now)
    )


def _chosen(
    uow: UnitOfWork, principal: Principal, athlete_id: UUID, screening_id: UUID | None
) -> ScreeningRecord | None:
    """Return the named screening of this athlete, or the newest."""
    if screening_id is None:
        newest = uow.screenings.list_last(
            organisation_id=principal.organisation_id, athlete_id=athlete_id, before=None, limit=1
        )
        return newest[0] if newest else None
    found = find_screening(uow=uow, principal=principal, screening_id=screening_id)
    if found.athlete_id != athlete_id:
        raise no_screening()
    return found


def _earlier(uow: UnitOfWork, principal: Principal, after: ScreeningRecord) -> list[ScreeningRecord]:
    return uow.screenings.list_last(
        organisation_id=principal.organisation_id,
        athlete_id=after.athlete_id,
        before=(after.screened_on, after.id),
        limit=LOOK_BACK,
    )


def _entries(
    uow: UnitOfWork, organisation_id: UUID, screenings: Sequence[ScreeningRecord]
) -> tuple[HistoryEntry, ...]:
    """Return screenings with their movements, each set against the one before that had it; oldest first."""
    movements = load_movements(uow=uow, organisation_id=organisation_id, screenings=screenings)
    last: dict[Movement, tuple[UUID, MovementView]] = {}
    entries = []
    for screening in screenings:
        found = []
        for view in movements[screening.id]:
            previous = last.get(view.movement)
            found.append(
                HistoryMovement(
                    of=view,
                    breaks=() if previous is None else _obstacles(previous[1], view),
                    previous_screening_id=None if previous is None else previous[0],
                )
            )
            if view.conditions is not None:
                last[view.movement] = (screening.id, view)
        entries.append(
            HistoryEntry(
                id=screening.id,
                screened_on=screening.screened_on,
                context=screening.context,
                movements=tuple(found),
            )
        )
    return tuple(entries)


def _obstacles(before: MovementView, after: MovementView) -> tuple[Obstacle, ...]:
    """Return why a movement of two screenings cannot be compared."""
    if before.conditions is None or after.conditions is None:
        return (Obstacle.NOT_MEASURED,)
    return find_obstacles(before.conditions, after.conditions)


def _best(earlier: Sequence[HistoryEntry], now: HistoryEntry) -> HistoryEntry | None:
    """Return the nearest earlier screening that can be compared, else the nearest with a movement in common."""
    mine = {item.of.movement: item.of for item in now.movements}
    shared = [
        (
            entry,
            [
                _obstacles(item.of, mine[item.of.movement])
                for item in entry.movements
                if item.of.movement in mine
            ],
        )
        for entry in reversed(earlier)
    ]
    shared = [(entry, found) for entry, found in shared if found]
    comparable = (entry for entry, found in shared if () in found)
    nearest = shared[0][0] if shared else (earlier[-1] if earlier else None)
    return next(comparable, nearest)


def compare_entries(then: HistoryEntry | None, now: HistoryEntry) -> tuple[MovementChange, ...]:
    """Return what became of every movement that either screening has."""
    befores = {} if then is None else {item.of.movement: item.of for item in then.movements}
    afters = {item.of.movement: item.of for item in now.movements}
    return tuple(
        _compare_movement(movement, befores.get(movement), afters.get(movement), alone=then is None)
        for movement in Movement
        if movement in befores or movement in afters
    )


def _compare_movement(
    movement: Movement, before: MovementView | None, after: MovementView | None, *, alone: bool
) -> MovementChange:
    if alone:
        obstacles: tuple[Obstacle, ...] = (Obstacle.NO_EARLIER_SCREENING,)
    elif before is None or after is None:
        obstacles = (Obstacle.NOT_MEASURED,)
    else:
        obstacles = _obstacles(before, after)
    scores = [None if view is None else view.judgement.risk_score for view in (before, after)]
    n_before, n_after = (0 if view is None else view.judgement.n_trials for view in (before, after))
    return MovementChange(
        movement=movement,
        obstacles=obstacles,
        before=before,
        after=after,
        score=compare_scores(scores[0], scores[1], n_trials=(n_before, n_after), obstacles=obstacles),
        metrics=_compare_metrics(before, after, obstacles),
    )


def _compare_metrics(
    before: MovementView | None, after: MovementView | None, obstacles: tuple[Obstacle, ...]
) -> tuple[MetricChange, ...]:
    """Return what became of every number, in the order of the newer screening."""
    numbers: list[dict[Place, MetricOverTrials]] = [
        {} if view is None else {metric.place: metric for metric in view.judgement.metrics}
        for view in (before, after)
    ]
    changes = []
    for place in [*numbers[1], *(place for place in numbers[0] if place not in numbers[1])]:
        key, side, event = place
        then, now = (found.get(place) for found in numbers)
        known = now or then
        if known is None or key not in METRICS:
            continue
        readings = (_reading(before, then), _reading(after, now))
        changes.append(
            MetricChange(
                key=key,
                side=side,
                event=event,
                unit=known.unit,
                change=_compare_metric(key, readings, obstacles),
            )
        )
    return tuple(changes)


def _compare_metric(
    key: str, readings: tuple[Reading | None, Reading | None], obstacles: tuple[Obstacle, ...]
) -> Change:
    definition = METRICS[key]
    return compare_readings(
        *readings,
        direction=direction_of(definition),
        mdc=published_mdc(definition),
        mdc_source=definition.error_source,
        obstacles=obstacles,
    )


def _reading(view: MovementView | None, metric: MetricOverTrials | None) -> Reading | None:
    """Return a number as it may be compared; the athlete may be turned differently in the other screening."""
    if view is None or metric is None:
        return None
    value = view.judgement.value_of(metric)
    return Reading(value=value.value, se=value.se, n_trials=metric.over_trials.n_trials)


def count_verdicts(change: MovementChange) -> dict[ChangeVerdict, int]:
    """Return how many numbers of a movement went which way."""
    return {
        verdict: sum(item.change.verdict is verdict for item in change.metrics) for verdict in ChangeVerdict
    }
