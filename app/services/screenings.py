"""Screenings judged over their valid trials.

Every function takes an entered `UnitOfWork` made for the principal.
"""

from datetime import date
from uuid import UUID

from app.biomech.norms import find_norm
from app.db.repositories.screenings import ScreeningFilter, ScreeningRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteRecord
from app.domain.audit import Act
from app.domain.errors import NotFoundError
from app.services.analysis_feed import check_whose
from app.services.cursors import check_limit, day_part, decode_cursor, encode_cursor, id_part, split_page
from app.services.judged_movements import load_movements
from app.services.read_models import AthleteSummary, Page
from app.services.references import find_alignment, read_team_reference
from app.services.screening_models import (
    JudgedMovement,
    MovementView,
    ScreeningMetric,
    ScreeningSummary,
    ScreeningView,
)


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
        athlete=_summary(athlete),
        age_years=age_years,
        screened_on=screening.screened_on,
        context=screening.context,
        created_at=screening.created_at,
        movements=tuple(
            _judge(uow, organisation_id, screening, athlete, movement, age_years) for movement in movements
        ),
    )


def list_screenings(
    *,
    uow: UnitOfWork,
    principal: Principal,
    wanted: ScreeningFilter | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ScreeningSummary]:
    """List screenings, the newest day first, each movement with its score over the valid trials."""
    principal.require(Permission.RESULTS_READ)
    organisation_id, chosen = principal.organisation_id, wanted or ScreeningFilter()
    check_whose(uow=uow, principal=principal, athlete_id=chosen.athlete_id, team_id=chosen.team_id)
    before = None if cursor is None else decode_cursor(cursor, day_part, id_part)
    rows = uow.screenings.list_newest(
        organisation_id=organisation_id,
        wanted=chosen,
        before=None if before is None else (before[0], before[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    people = uow.athletes.load(organisation_id=organisation_id, ids={row.athlete_id for row in page})
    movements = load_movements(uow=uow, organisation_id=organisation_id, screenings=page)
    uow.audit.record_reading(
        actor=principal,
        act=Act.ANALYSES_READ,
        object_id=chosen.team_id or chosen.athlete_id or organisation_id,
    )
    return Page(
        items=tuple(
            ScreeningSummary(
                id=row.id,
                athlete=_summary(people[row.athlete_id]),
                screened_on=row.screened_on,
                context=row.context,
                created_at=row.created_at,
                movements=tuple(movements[row.id]),
            )
            for row in page
        ),
        next_cursor=encode_cursor(page[-1].screened_on, page[-1].id) if more else None,
    )


def _summary(athlete: AthleteRecord) -> AthleteSummary:
    return AthleteSummary(**{name: getattr(athlete, name) for name in AthleteSummary.__dataclass_fields__})


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
