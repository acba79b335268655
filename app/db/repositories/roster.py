"""Teams, athletes, screenings and trials of one organisation."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.biomech.types import Movement
from app.db.models import Athlete, AthleteWord, Screening, Team, TeamMember, Trial
from app.db.repositories.dashboard import DashboardQuery, DashboardResult, read_dashboard
from app.db.types import new_id
from app.domain.screenings import ScreeningContext

NameKey = tuple[str, UUID]
"""Where a list by name goes on: the last row's name and id."""


_LAST_CHARACTER = "\U0010ffff"


class RosterRepository:
    """Teams, athletes, screenings and trials of one organisation."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add_team(self, *, organisation_id: UUID, name: str, team_id: UUID | None = None) -> UUID | None:
        """Insert a team and return its id, or None when the name is taken."""
        return self._session.scalar(
            postgresql.insert(Team)
            .values(id=team_id or new_id(), organisation_id=organisation_id, name=name)
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
        row = self._session.execute(query).one_or_none()
        return None if row is None else (row[0], row[1])

    def list_teams(
        self, *, organisation_id: UUID, after: NameKey | None, limit: int
    ) -> list[tuple[Team, int]]:
        """Return teams with their sizes, by name."""
        query = _teams(organisation_id)
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
