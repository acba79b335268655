"""Teams, athletes, screenings and trials of one organisation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.biomech.types import Movement
from app.db.models import (
    Athlete,
    AthleteWord,
    Reanalysis,
    Screening,
    ScreeningDay,
    Team,
    TeamLimit,
    TeamMember,
    Trial,
)
from app.db.repositories.dashboard import DashboardQuery, DashboardResult, read_dashboard
from app.db.types import new_id
from app.domain.screenings import ScreeningContext

NameKey = tuple[str, UUID]
"""Where a list by name goes on: the last row's name and id."""


_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamUses:
    """What refers to a team besides the athletes in it."""

    n_limits: int
    """Members, keys and webhooks that are limited to it."""
    n_days: int
    n_reanalyses: int


class RosterRepository:
    """Teams, athletes, screenings and trials of one organisation."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add_team(
        self,
        *,
        organisation_id: UUID,
        name: str,
        team_id: UUID | None = None,
        sport: str | None = None,
        season: str | None = None,
    ) -> UUID | None:
        """Insert a team and return its id, or None when the name is taken."""
        return self._session.scalar(
            postgresql.insert(Team)
            .values(
                id=team_id or new_id(), organisation_id=organisation_id, name=name, sport=sport, season=season
            )
            .on_conflict_do_nothing(index_elements=["organisation_id", "name"])
            .returning(Team.id)
        )

    def remove_empty_teams(self, *, organisation_id: UUID, team_ids: Collection[UUID]) -> None:
        """Remove those of the teams that nobody is in."""
        filled = select(TeamMember.team_id).where(TeamMember.organisation_id == organisation_id)
        self._session.execute(
            delete(Team)
            .where(Team.organisation_id == organisation_id, Team.id.in_(team_ids), Team.id.not_in(filled))
            .execution_options(synchronize_session=False)
        )

    def find_team(self, *, organisation_id: UUID, team_id: UUID) -> tuple[Team, int] | None:
        """Return a team and how many athletes it has, or None."""
        query = _teams(organisation_id).where(Team.id == team_id)
        row = self._session.execute(query.execution_options(populate_existing=True)).one_or_none()
        return None if row is None else (row[0], row[1])

    def hold_team(self, *, organisation_id: UUID, team_id: UUID, to_change: bool = False) -> bool:
        """Let nobody remove a team, or with `to_change` change it, until the transaction ends; False when it is gone."""
        query = select(Team.id).where(Team.organisation_id == organisation_id, Team.id == team_id)
        held = query.with_for_update() if to_change else query.with_for_update(read=True, key_share=True)
        return self._session.scalar(held) is not None

    def change_team(self, *, organisation_id: UUID, team_id: UUID, values: Mapping[str, Any]) -> bool:
        """Write these columns of a team; False when its name is taken."""
        change = update(Team).where(Team.organisation_id == organisation_id, Team.id == team_id)
        try:
            with self._session.begin_nested():
                self._session.execute(change.values(**values).execution_options(synchronize_session=False))
        except IntegrityError:
            return False
        return True

    def remove_team(self, *, organisation_id: UUID, team_id: UUID) -> None:
        """Remove a team; who was in it is in it no more."""
        self._session.execute(
            delete(Team)
            .where(Team.organisation_id == organisation_id, Team.id == team_id)
            .execution_options(synchronize_session=False)
        )

    def uses_of_team(self, *, organisation_id: UUID, team_id: UUID) -> TeamUses:
        """Return what would go or lose its meaning with a team."""

        def count(table: type[TeamLimit | ScreeningDay | Reanalysis]) -> int:
            query = select(func.count()).where(
                table.organisation_id == organisation_id, table.team_id == team_id
            )
            return self._session.scalars(query).one()

        return TeamUses(n_limits=count(TeamLimit), n_days=count(ScreeningDay), n_reanalyses=count(Reanalysis))

    def member_ids(self, *, organisation_id: UUID, team_id: UUID) -> list[UUID]:
        """Return who is in a team."""
        query = select(TeamMember.athlete_id).where(
            TeamMember.organisation_id == organisation_id, TeamMember.team_id == team_id
        )
        return list(self._session.scalars(query))

    def list_teams(
        self, *, organisation_id: UUID, after: NameKey | None, limit: int, archived: bool | None = None
    ) -> list[tuple[Team, int]]:
        """Return teams with their sizes, by name; all, or those that are archived, or the others."""
        query = _teams(organisation_id)
        if archived is not None:
            query = query.where(Team.archived_at.is_not(None) if archived else Team.archived_at.is_(None))
        if after is not None:
            query = query.where(
                tuple_(func.lower(Team.name), Team.id) > tuple_(func.lower(after[0]), after[1])
            )
        rows = self._session.execute(query.order_by(func.lower(Team.name), Team.id).limit(limit))
        return [(row[0], row[1]) for row in rows]

    def teams_of(self, *, organisation_id: UUID, athlete_id: UUID) -> list[tuple[Team, int]]:
        """Return the teams an athlete is in, by name."""
        mine = select(TeamMember.team_id).where(
            TeamMember.organisation_id == organisation_id, TeamMember.athlete_id == athlete_id
        )
        query = _teams(organisation_id).where(Team.id.in_(mine)).order_by(func.lower(Team.name), Team.id)
        return [(row[0], row[1]) for row in self._session.execute(query)]

    def find_athlete(self, *, organisation_id: UUID, athlete_id: UUID) -> Athlete | None:
        """Return an athlete, or None."""
        return self._session.scalars(
            select(Athlete).where(Athlete.organisation_id == organisation_id, Athlete.id == athlete_id)
        ).one_or_none()

    def find_athlete_by_external_id(self, *, organisation_id: UUID, external_id: str) -> Athlete | None:
        """Return the athlete the organisation gave this number, or None."""
        return self._session.scalars(
            select(Athlete).where(
                Athlete.organisation_id == organisation_id, Athlete.external_id == external_id
            )
        ).one_or_none()

    def list_athletes(
        self,
        *,
        organisation_id: UUID,
        team_id: UUID | None,
        active: bool | None,
        search: str | None,
        after: NameKey | None,
        limit: int,
    ) -> list[Athlete]:
        """Return athletes by name, all or those of a team, those who left included unless `active` says.

        Each word of `search` must begin a word of the name or of an external id; case and accents do not count.
        """
        query = select(Athlete).where(Athlete.organisation_id == organisation_id)
        if search is not None:
            words: list[str] = self._session.scalar(select(func.search_words(search))) or []
            if not words:
                return []
            for word in words:
                query = query.where(Athlete.id.in_(_named(organisation_id, word)))
        if active is not None:
            query = query.where(Athlete.active.is_(active))
        if team_id is not None:
            members = select(TeamMember.athlete_id).where(
                TeamMember.organisation_id == organisation_id, TeamMember.team_id == team_id
            )
            query = query.where(Athlete.id.in_(members))
        if after is not None:
            query = query.where(
                tuple_(Athlete.name_key, Athlete.id) > tuple_(func.fold_text(after[0]), after[1])
            )
        return list(self._session.scalars(query.order_by(Athlete.name_key, Athlete.id).limit(limit)))

    def dashboard(self, query: DashboardQuery) -> DashboardResult:
        """Return a page of a team's dashboard and the counts of the whole team, in one query."""
        return read_dashboard(self._session, query)

    def ensure_screening(
        self, *, organisation_id: UUID, athlete_id: UUID, screened_on: date, context: ScreeningContext
    ) -> UUID:
        """Return the athlete's screening of that day and context, made when missing, and hold it.

        The no-op update locks the row, so that trials of one screening are numbered one after the other.
        """
        return self._session.scalars(
            postgresql.insert(Screening)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                athlete_id=athlete_id,
                screened_on=screened_on,
                context=context,
            )
            .on_conflict_do_update(
                index_elements=["organisation_id", "athlete_id", "screened_on", "context"],
                set_={"context": context},
            )
            .returning(Screening.id)
        ).one()

    def find_trial(self, *, organisation_id: UUID, trial_id: UUID) -> tuple[Trial, Screening] | None:
        """Return a trial and its screening, or None."""
        row = self._session.execute(
            select(Trial, Screening)
            .join(
                Screening,
                (Screening.organisation_id == Trial.organisation_id) & (Screening.id == Trial.screening_id),
            )
            .where(Trial.organisation_id == organisation_id, Trial.id == trial_id)
        ).one_or_none()
        return None if row is None else (row[0], row[1])

    def find_trial_number(
        self, *, organisation_id: UUID, screening_id: UUID, movement: Movement, number: int
    ) -> UUID | None:
        """Return the screening's trial of a movement and number, or None."""
        return self._session.scalar(
            select(Trial.id).where(
                Trial.organisation_id == organisation_id,
                Trial.screening_id == screening_id,
                Trial.movement == movement,
                Trial.number == number,
            )
        )

    def add_trial(
        self, *, organisation_id: UUID, screening_id: UUID, movement: Movement, number: int | None = None
    ) -> UUID:
        """Insert a trial of a screening, the next one unless its number is given; the screening must be held."""
        taken = select(func.coalesce(func.max(Trial.number), 0) + 1).where(
            Trial.organisation_id == organisation_id,
            Trial.screening_id == screening_id,
            Trial.movement == movement,
        )
        return self._session.scalars(
            insert(Trial)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                screening_id=screening_id,
                movement=movement,
                number=taken.scalar_subquery() if number is None else number,
            )
            .returning(Trial.id)
        ).one()


def _named(organisation_id: UUID, beginning: str) -> Select[UUID]:
    """Return who has a word that begins so; a range, because row-level security keeps LIKE off the index."""
    return select(AthleteWord.athlete_id).where(
        AthleteWord.organisation_id == organisation_id,
        AthleteWord.word >= beginning,
        AthleteWord.word < beginning + _LAST_CHARACTER,
    )


def _teams(organisation_id: UUID) -> Select[Team, int]:
    size = (
        select(func.count())
        .where(TeamMember.organisation_id == Team.organisation_id, TeamMember.team_id == Team.id)
        .correlate(Team)
        .scalar_subquery()
    )
    return select(Team, size).where(Team.organisation_id == organisation_id)
