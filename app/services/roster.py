"""Teams, athletes and the team dashboard.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from uuid import UUID

from app.biomech.types import Sex
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.services.read_models import (
    AthleteDetail,
    AthleteSummary,
    DashboardSort,
    Page,
    TeamDashboard,
    TeamSummary,
)


def create_team(*, uow: UnitOfWork, principal: Principal, name: str) -> TeamSummary:
    """Make a team; raise `InvalidInputError` when the name is empty or taken."""
    raise NotImplementedError


def create_athlete(
    *,
    uow: UnitOfWork,
    principal: Principal,
    name: str,
    team_ids: tuple[UUID, ...] = (),
    external_id: str | None = None,
    sex: Sex = Sex.UNSPECIFIED,
    stature_cm: float | None = None,
) -> AthleteSummary:
    """Put a person on the roster, in the teams named; raise `NotFoundError` for a team we do not have."""
    raise NotImplementedError


def get_athlete(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> AthleteDetail:
    """Return one person of the roster, or raise `NotFoundError`."""
    raise NotImplementedError


def list_athletes(
    *,
    uow: UnitOfWork,
    principal: Principal,
    team_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AthleteSummary]:
    """List the roster, or one team of it, by name."""
    raise NotImplementedError


def get_team(*, uow: UnitOfWork, principal: Principal, team_id: UUID) -> TeamSummary:
    """Return one team, or raise `NotFoundError`."""
    raise NotImplementedError


def list_teams(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[TeamSummary]:
    """List the teams by name."""
    raise NotImplementedError


def team_dashboard(
    *,
    uow: UnitOfWork,
    principal: Principal,
    team_id: UUID,
    sort: DashboardSort = DashboardSort.ATTENTION,
    descending: bool | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> TeamDashboard:
    """Return a team at a glance, every athlete in it with the latest recording and result.

    `descending` None means the order one expects: scores and dates from the top, names from A. Athletes
    without a value in the sorted column come last either way. A cursor belongs to one sort and direction;
    with another it raises `InvalidInputError`.
    """
    raise NotImplementedError
