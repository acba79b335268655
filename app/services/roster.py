"""Teams, athletes and the team dashboard.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from uuid import UUID

from app.biomech.types import Sex
from app.db.repositories.dashboard import DashboardKey, DashboardQuery, DashboardRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteChange
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError
from app.services import athletes
from app.services.checks import check_text
from app.services.cursors import (
    check_limit,
    decode_cursor,
    encode_cursor,
    id_part,
    split_page,
    text_part,
)
from app.services.presenters import athlete_summary, team_summary
from app.services.read_models import (
    AthleteSummary,
    DashboardCounts,
    DashboardRow,
    DashboardSort,
    Page,
    TeamDashboard,
    TeamSummary,
)

_FALLING = frozenset({DashboardSort.SCORE, DashboardSort.DATE, DashboardSort.BAND})
"""Orders that one expects from the top."""


def create_team(
    *,
    uow: UnitOfWork,
    principal: Principal,
    name: str,
    sport: str | None = None,
    season: str | None = None,
) -> TeamSummary:
    """Make a team; raise `InvalidInputError` when the name is empty or taken."""
    principal.require(Permission.ROSTER_WRITE)
    team_id = uow.roster.add_team(
        organisation_id=principal.organisation_id,
        name=check_text(name, field="name"),
        sport=None if sport is None else check_text(sport, field="sport"),
        season=None if season is None else check_text(season, field="season"),
    )
    if team_id is None:
        raise name_taken()
    uow.audit.record(actor=principal, act=Act.TEAM_CREATED, object_id=team_id)
    return get_team(uow=uow, principal=principal, team_id=team_id)


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
    made = athletes.add_athlete(
        uow=uow,
        principal=principal,
        change=AthleteChange(
            name=name, team_ids=frozenset(team_ids), external_id=external_id, sex=sex, stature_cm=stature_cm
        ),
    ).record
    return AthleteSummary(
        id=made.id, name=made.name, external_id=made.external_id, sex=made.sex, stature_cm=made.stature_cm
    )


def get_athlete_by_external_id(*, uow: UnitOfWork, principal: Principal, external_id: str) -> AthleteSummary:
    """Return the person the organisation gave this number, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    athlete = uow.roster.find_athlete_by_external_id(
        organisation_id=principal.organisation_id, external_id=external_id
    )
    if athlete is None:
        raise NotFoundError(
            "There is no athlete with this external id.",
            how_to_fix="Put the person on the roster first, or check the number.",
        )
    return athlete_summary(athlete)


def list_athletes(
    *,
    uow: UnitOfWork,
    principal: Principal,
    team_id: UUID | None = None,
    active: bool | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AthleteSummary]:
    """List the roster, or one team of it, by name; `active` leaves out those who left, or all others.

    `search` keeps those who have, for each of its words, a name or an external id with a word that begins so.
    """
    principal.require(Permission.ROSTER_READ)
    rows = uow.roster.list_athletes(
        organisation_id=principal.organisation_id,
        team_id=team_id,
        active=active,
        search=None if search is None else check_text(search, field="search", max_length=100),
        after=_name_key(cursor),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(athlete_summary(athlete) for athlete in page),
        next_cursor=encode_cursor(page[-1].name, page[-1].id) if more else None,
    )


def get_team(*, uow: UnitOfWork, principal: Principal, team_id: UUID) -> TeamSummary:
    """Return one team, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    found = uow.roster.find_team(organisation_id=principal.organisation_id, team_id=team_id)
    if found is None:
        raise no_team()
    return team_summary(*found)


def list_teams(
    *,
    uow: UnitOfWork,
    principal: Principal,
    archived: bool | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[TeamSummary]:
    """List the teams by name; `archived` leaves out those that are offered no more, or all others."""
    principal.require(Permission.ROSTER_READ)
    rows = uow.roster.list_teams(
        organisation_id=principal.organisation_id,
        after=_name_key(cursor),
        limit=check_limit(limit) + 1,
        archived=archived,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(team_summary(team, size) for team, size in page),
        next_cursor=encode_cursor(page[-1][0].name, page[-1][0].id) if more else None,
    )


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
    principal.require(Permission.RESULTS_READ)
    team = get_team(uow=uow, principal=principal, team_id=team_id)
    falling = sort in _FALLING if descending is None else descending
    result = uow.roster.dashboard(
        DashboardQuery(
            organisation_id=principal.organisation_id,
            team_id=team_id,
            sort=sort.value,
            descending=falling,
            after=None if cursor is None else _dashboard_key(cursor, sort=sort, descending=falling),
            limit=check_limit(limit) + 1,
        )
    )
    page, more = split_page(result.records, limit=limit)
    return TeamDashboard(
        team=team,
        sort=sort,
        descending=falling,
        rows=tuple(_dashboard_row(record) for record in page),
        next_cursor=_dashboard_cursor(page[-1].key, sort=sort, descending=falling) if more else None,
        counts=DashboardCounts(
            **{name: getattr(result, name) for name in DashboardCounts.__dataclass_fields__}
        ),
    )


def no_team() -> NotFoundError:
    """Return the answer to a team that is unknown here."""
    return NotFoundError("There is no such team.", how_to_fix="Choose one of your own teams.")


def name_taken() -> InvalidInputError:
    """Return the answer to a name that another team has."""
    return InvalidInputError(
        "There is already a team with this name.", how_to_fix="Choose another name.", field="name"
    )


def _name_key(cursor: str | None) -> tuple[str, UUID] | None:
    if cursor is None:
        return None
    name, row_id = decode_cursor(cursor, text_part, id_part)
    return name, row_id


def _dashboard_cursor(key: DashboardKey, *, sort: DashboardSort, descending: bool) -> str:
    return encode_cursor(sort.value, descending, key.missing, key.number, key.name, key.athlete_id)


def _dashboard_key(cursor: str, *, sort: DashboardSort, descending: bool) -> DashboardKey:
    order, falling, missing, number, name, athlete_id = decode_cursor(
        cursor, text_part, bool, bool, float, text_part, id_part
    )
    if (order, falling) != (sort.value, descending):
        raise InvalidInputError(
            "The cursor belongs to another order of the list.",
            how_to_fix="Start from the first page, without a cursor.",
            field="cursor",
        )
    return DashboardKey(missing=missing, number=number, name=name, athlete_id=athlete_id)


def _dashboard_row(record: DashboardRecord) -> DashboardRow:
    shared = DashboardRow.__dataclass_fields__.keys() & DashboardRecord.__dataclass_fields__.keys()
    athlete = AthleteSummary(
        id=record.athlete_id,
        name=record.name,
        external_id=record.external_id,
        sex=record.sex,
        stature_cm=record.stature_cm,
    )
    return DashboardRow(athlete=athlete, **{name: getattr(record, name) for name in shared})
