"""What an athlete or guardian sees and decides with a login of their own: of the athletes linked to it, and nobody else.

The database shows such a login the linked athletes alone (docs/decisions/0051). Every function takes an entered
`UnitOfWork` made for the principal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal, Role
from app.domain.consent import ConsentSource, ConsentVerdict, Purpose, Relation
from app.domain.errors import ForbiddenError
from app.services.athletes import athlete_detail
from app.services.consent_rules import judge_athletes
from app.services.consents import LinkOffer, decide, offer_for, purposes_of
from app.services.read_models import AthleteDetail

MAX_LINKED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAthlete:
    """Somebody linked to the login."""

    id: UUID
    name: str
    last_screened_on: date | None
    verdict: ConsentVerdict


def list_own(*, uow: UnitOfWork, principal: Principal) -> list[OwnAthlete]:
    """List the athletes linked to the login, by name."""
    require_own(principal)
    organisation_id = principal.organisation_id
    rows = uow.roster.list_athletes(
        organisation_id=organisation_id, team_id=None, active=None, search=None, after=None, limit=MAX_LINKED
    )
    verdicts = judge_athletes(uow, organisation_id=organisation_id, athlete_ids=tuple(row.id for row in rows))
    return [
        OwnAthlete(
            id=row.id,
            name=row.name,
            last_screened_on=_last_day(uow, principal, row.id),
            verdict=verdicts[row.id],
        )
        for row in rows
    ]


def get_own(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> AthleteDetail:
    """Return a linked athlete, or raise `NotFoundError`."""
    require_own(principal)
    return athlete_detail(uow, principal, athlete_id)


def get_offer(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> LinkOffer:
    """Return what is asked about a linked athlete, and what was decided last; or raise `NotFoundError`."""
    require_own(principal)
    athlete = athlete_detail(uow, principal, athlete_id).record
    return offer_for(uow, organisation_id=principal.organisation_id, athlete_id=athlete.id, name=athlete.name)


def decide_own(
    *,
    uow: UnitOfWork,
    principal: Principal,
    athlete_id: UUID,
    relation: Relation,
    granted: Iterable[Purpose],
) -> None:
    """Keep what the holder of the login decided about a linked athlete: these yes, all others no."""
    require_own(principal)
    athlete_detail(uow, principal, athlete_id)
    decide(
        uow,
        organisation_id=principal.organisation_id,
        athlete_id=athlete_id,
        given_by=principal.display_name,
        relation=relation,
        purposes=purposes_of(granted),
        text_version=None,
        source=ConsentSource.LOGIN,
        actor=principal,
    )


def _last_day(uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> date | None:
    rows = uow.screenings.list_last(
        organisation_id=principal.organisation_id, athlete_id=athlete_id, before=None, limit=1
    )
    return rows[0].screened_on if rows else None


def require_own(principal: Principal) -> None:
    """Raise `ForbiddenError` unless this is the login of an athlete or guardian."""
    principal.require(Permission.RESULTS_READ)
    if principal.role is not Role.ATHLETE:
        raise ForbiddenError(
            "This is for the logins of athletes and guardians.", how_to_fix="Look at the team's page."
        )
