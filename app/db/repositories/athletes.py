"""Athletes whole: the row, the ids in other systems, the teams with their bibs. Read and written together, many at once."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, literal, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.models import (
    Athlete,
    AthleteExternalId,
    AthleteTombstone,
    Recording,
    Screening,
    Team,
    TeamMember,
)
from app.domain.athletes import OWN_SYSTEM, SYNC_SYSTEM, AthleteRecord, Guardian
from app.domain.errors import InvalidInputError, NotFoundError

COLUMNS: Final = (
    "name", "given_name", "family_name", "external_id", "sync_id", "sex", "date_of_birth", "sport", "position",
    "level", "stature_cm", "mass_kg", "leg_dominance", "email", "phone", "active",
)  # fmt: skip
"""Fields of the record that are columns of the same name."""
_KEY_COLUMNS: Final = {OWN_SYSTEM: Athlete.external_id, SYNC_SYSTEM: Athlete.sync_id}

Saving = tuple[AthleteRecord | None, AthleteRecord]
"""A person before and after; None before makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteTimes:
    """When a row was made and last changed."""

    created_at: datetime
    updated_at: datetime


class AthleteRepository:
    """Athletes of one organisation, whole."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def lock_roster(self, *, organisation_id: UUID) -> None:
        """Let nobody else change this organisation's roster until the transaction ends; reading goes on."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('roster:' || :organisation_id, 0))"),
            {"organisation_id": str(organisation_id)},
        )

    def hold(self, *, organisation_id: UUID, athlete_id: UUID) -> None:
        """Let nothing new refer to an athlete until the transaction ends."""
        self._session.execute(
            select(Athlete.id)
            .where(Athlete.organisation_id == organisation_id, Athlete.id == athlete_id)
            .with_for_update()
        )

    def load(
        self, *, organisation_id: UUID, ids: Collection[UUID] | None = None
    ) -> dict[UUID, AthleteRecord]:
        """Return the athletes with these ids, or the whole roster; three queries however many there are."""
        query = select(Athlete).where(Athlete.organisation_id == organisation_id)
        systems = select(AthleteExternalId).where(
            AthleteExternalId.organisation_id == organisation_id, ~AthleteExternalId.inherited
        )
        places = select(TeamMember).where(TeamMember.organisation_id == organisation_id)
        if ids is not None:
            query = query.where(Athlete.id == _any(ids))
            systems = systems.where(AthleteExternalId.athlete_id == _any(ids))
            places = places.where(TeamMember.athlete_id == _any(ids))
        external_ids: dict[UUID, dict[str, str]] = defaultdict(dict)
        for row in self._session.scalars(systems.execution_options(populate_existing=True)):
            external_ids[row.athlete_id][row.system] = row.value
        bibs: dict[UUID, dict[UUID, str | None]] = defaultdict(dict)
        for place in self._session.scalars(places.execution_options(populate_existing=True)):
            bibs[place.athlete_id][place.team_id] = place.bib
        return {
            athlete.id: AthleteRecord(
                id=athlete.id,
                external_ids=external_ids.get(athlete.id, {}),
                bibs=bibs.get(athlete.id, {}),
                version=athlete.version,
                guardians=tuple(Guardian(**guardian) for guardian in athlete.guardians),
                **{name: getattr(athlete, name) for name in COLUMNS},
            )
            for athlete in self._session.scalars(query.execution_options(populate_existing=True))
        }

    def find(self, *, organisation_id: UUID, athlete_id: UUID) -> AthleteRecord | None:
        """Return one athlete, or None."""
        return self.load(organisation_id=organisation_id, ids=(athlete_id,)).get(athlete_id)

    def times(self, *, organisation_id: UUID, athlete_id: UUID) -> AthleteTimes:
        """Return when an athlete's row was made and last changed."""
        row = self._session.execute(
            select(Athlete.created_at, Athlete.updated_at).where(
                Athlete.organisation_id == organisation_id, Athlete.id == athlete_id
            )
        ).one()
        return AthleteTimes(created_at=row.created_at, updated_at=row.updated_at)

    def find_id(self, *, organisation_id: UUID, system: str, value: str) -> UUID | None:
        """Return who has this id in that system, ids inherited by merging included, or None."""
        if (column := _KEY_COLUMNS.get(system)) is not None:
            found = self._session.scalar(
                select(Athlete.id).where(Athlete.organisation_id == organisation_id, column == value)
            )
            if found is not None:
                return found
        return self._session.scalar(
            select(AthleteExternalId.athlete_id).where(
                AthleteExternalId.organisation_id == organisation_id,
                AthleteExternalId.system == system,
                AthleteExternalId.value == value,
            )
        )

    def inherited_ids(self, *, organisation_id: UUID, athlete_id: UUID) -> list[tuple[str, str]]:
        """Return the ids that lead here since another record was merged into this one."""
        query = select(AthleteExternalId.system, AthleteExternalId.value).where(
            AthleteExternalId.organisation_id == organisation_id,
            AthleteExternalId.athlete_id == athlete_id,
            AthleteExternalId.inherited,
        )
        return [(row.system, row.value) for row in self._session.execute(query)]

    def all_inherited_ids(self, *, organisation_id: UUID) -> dict[tuple[str, str], UUID]:
        """Return every id of the roster that leads to somebody since a merge."""
        query = select(AthleteExternalId).where(
            AthleteExternalId.organisation_id == organisation_id, AthleteExternalId.inherited
        )
        return {(row.system, row.value): row.athlete_id for row in self._session.scalars(query)}

    def ids_with_results(self, *, organisation_id: UUID, ids: Collection[UUID]) -> set[UUID]:
        """Return those of the athletes who have been screened or filmed."""
        screened = select(Screening.athlete_id).where(
            Screening.organisation_id == organisation_id, Screening.athlete_id == _any(ids)
        )
        filmed = select(Recording.athlete_id).where(
            Recording.organisation_id == organisation_id, Recording.athlete_id == _any(ids)
        )
        return {found for found in self._session.scalars(screened.union(filmed)) if found is not None}

    def inherit_ids(self, *, organisation_id: UUID, athlete_id: UUID, ids: Iterable[tuple[str, str]]) -> None:
        """Let these ids lead to the athlete, unless they lead somewhere already."""
        rows = [
            {"organisation_id": organisation_id, "athlete_id": athlete_id, "inherited": True,
             "system": system, "value": value}
            for system, value in ids
        ]  # fmt: skip
        if rows:
            self._session.execute(postgresql.insert(AthleteExternalId).on_conflict_do_nothing(), rows)

    def drop_inherited_ids(
        self, *, organisation_id: UUID, athlete_id: UUID, ids: Iterable[tuple[str, str]]
    ) -> None:
        """Take inherited ids back."""
        for system, value in ids:
            self._session.execute(
                delete(AthleteExternalId).where(
                    AthleteExternalId.organisation_id == organisation_id,
                    AthleteExternalId.athlete_id == athlete_id,
                    AthleteExternalId.system == system,
                    AthleteExternalId.value == value,
                    AthleteExternalId.inherited,
                )
            )

    def team_names(self, *, organisation_id: UUID) -> dict[UUID, str]:
        """Return every team's name."""
        query = select(Team.id, Team.name).where(Team.organisation_id == organisation_id)
        return {row.id: row.name for row in self._session.execute(query)}

    def save(self, *, organisation_id: UUID, savings: Sequence[Saving]) -> None:
        """Write the differences, all or none of them, and count each changed person one version up.

        Hold the roster. Raises `InvalidInputError` naming the field when an id or a bib is taken, and
        `NotFoundError` for a team that is not ours. What is given up is given up first, so that two people
        may swap a bib or a number.
        """
        try:
            with self._session.begin_nested():
                self._write(organisation_id, savings)
        except IntegrityError as error:
            raise _refusal(error) from None

    def delete(self, *, organisation_id: UUID, ids: Collection[UUID]) -> None:
        """Remove athletes who have no recording; their screenings, teams and ids go with them."""
        self._session.execute(
            delete(Athlete)
            .where(Athlete.organisation_id == organisation_id, Athlete.id == _any(ids))
            .execution_options(synchronize_session=False)
        )

    def bury(
        self, *, organisation_id: UUID, athlete_id: UUID, reason: str, merged_into: UUID | None = None
    ) -> None:
        """Leave a tombstone."""
        self._session.execute(
            postgresql.insert(AthleteTombstone)
            .values(id=athlete_id, organisation_id=organisation_id, reason=reason, merged_into=merged_into)
            .on_conflict_do_nothing()
        )

    def unbury(self, *, organisation_id: UUID, athlete_id: UUID) -> None:
        """Take a tombstone away: the athlete is back."""
        self._session.execute(
            delete(AthleteTombstone).where(
                AthleteTombstone.organisation_id == organisation_id, AthleteTombstone.id == athlete_id
            )
        )

    def find_heir(self, *, organisation_id: UUID, athlete_id: UUID) -> UUID | None:
        """Return the record that this one was merged into, if it was, and if whoever asks sees that one."""
        return self._session.scalar(
            select(AthleteTombstone.merged_into)
            .join(
                Athlete,
                (Athlete.organisation_id == AthleteTombstone.organisation_id)
                & (Athlete.id == AthleteTombstone.merged_into),
            )
            .where(AthleteTombstone.organisation_id == organisation_id, AthleteTombstone.id == athlete_id)
        )

    def list_tombstones(
        self, *, organisation_id: UUID, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[AthleteTombstone]:
        """Return who is gone, oldest first."""
        query = select(AthleteTombstone).where(AthleteTombstone.organisation_id == organisation_id)
        if after is not None:
            query = query.where(
                (AthleteTombstone.deleted_at > after[0])
                | ((AthleteTombstone.deleted_at == after[0]) & (AthleteTombstone.id > after[1]))
            )
        query = query.order_by(AthleteTombstone.deleted_at, AthleteTombstone.id).limit(limit)
        return [*self._session.scalars(query)]

    def _write(self, organisation_id: UUID, savings: Sequence[Saving]) -> None:
        self._give_up(organisation_id, savings)
        made = [after for before, after in savings if before is None]
        if made:
            rows = [
                {
                    "id": after.id,
                    "organisation_id": organisation_id,
                    "version": after.version,
                    **_columns(after),
                }
                for after in made
            ]
            self._session.execute(_ADD, {"rows": _as_json(rows)})
        changed = [(before, after) for before, after in savings if before is not None]
        if changed:
            rows = [
                {"id": after.id, "version": before.version + 1, **_columns(after)}
                for before, after in changed
            ]
            self._session.execute(_CHANGE, {"organisation_id": organisation_id, "rows": _as_json(rows)})
        self._take(organisation_id, savings)

    def _give_up(self, organisation_id: UUID, savings: Sequence[Saving]) -> None:
        gone: list[dict[str, Any]] = []
        left: list[dict[str, Any]] = []
        renumbered: list[dict[str, Any]] = []
        for before, after in savings:
            if before is None:
                continue
            owner = {"of_organisation": organisation_id, "of_athlete": after.id}
            gone += [
                {**owner, "of_system": system}
                for system, value in before.external_ids.items()
                if after.external_ids.get(system) != value
            ]
            left += [{**owner, "of_team": team_id} for team_id, _ in before.bibs.items() - after.bibs.items()]
            if (before.external_id, before.sync_id) != (after.external_id, after.sync_id):
                renumbered.append(owner)
        for statement, rows in (
            (_DROP_IDS, gone),
            (_LEAVE_TEAMS, left),
            (_DROP_NUMBERS, renumbered),
        ):
            if rows:
                self._session.connection().execute(statement, rows)

    def _take(self, organisation_id: UUID, savings: Sequence[Saving]) -> None:
        ids, places = [], []
        for before, after in savings:
            had_ids: Mapping[str, str] = {} if before is None else before.external_ids
            had_bibs: Mapping[UUID, str | None] = {} if before is None else before.bibs
            owner = {"organisation_id": organisation_id, "athlete_id": after.id}
            ids += [
                {**owner, "system": system, "value": value, "inherited": False}
                for system, value in after.external_ids.items()
                if had_ids.get(system) != value
            ]
            places += [
                {**owner, "team_id": team_id, "bib": bib}
                for team_id, bib in sorted(after.bibs.items() - had_bibs.items(), key=str)
            ]
        if ids:
            taken = postgresql.insert(AthleteExternalId)
            # an id inherited by merging becomes the one that is shown, if it leads to the same person
            shown = taken.on_conflict_do_update(
                index_elements=["organisation_id", "system", "value"],
                set_={"inherited": False, "athlete_id": taken.excluded.athlete_id},
                where=AthleteExternalId.inherited
                & (AthleteExternalId.athlete_id == taken.excluded.athlete_id),
            )
            kept = self._session.scalars(shown.returning(AthleteExternalId.value), ids).all()
            if len(kept) < len(ids):
                raise _taken("external_ids", "another athlete has this id in that system")
        if places:
            self._session.execute(_JOIN_TEAMS, {"rows": _as_json(places)})


_COLUMNS: Final = (*COLUMNS, "guardians", "version")
_ADD: Final = text(
    f"INSERT INTO athlete (id, organisation_id, {', '.join(_COLUMNS)})"  # noqa: S608  # names of columns
    f" SELECT id, organisation_id, {', '.join(_COLUMNS)}"
    " FROM jsonb_populate_recordset(NULL::athlete, CAST(:rows AS jsonb))"
)
"""Everybody in one statement, so that triggers that see whole statements run once."""
_CHANGE: Final = text(
    f"UPDATE athlete a SET {', '.join(f'{name} = r.{name}' for name in _COLUMNS)}, updated_at = now()"  # noqa: S608  # names of columns
    " FROM jsonb_populate_recordset(NULL::athlete, CAST(:rows AS jsonb)) r"
    " WHERE a.organisation_id = :organisation_id AND a.id = r.id"
)
_JOIN_TEAMS: Final = text(
    "INSERT INTO team_member (organisation_id, team_id, athlete_id, bib)"
    " SELECT organisation_id, team_id, athlete_id, bib"
    " FROM jsonb_populate_recordset(NULL::team_member, CAST(:rows AS jsonb))"
)
_DROP_IDS: Final = delete(AthleteExternalId).where(
    AthleteExternalId.organisation_id == bindparam("of_organisation"),
    AthleteExternalId.athlete_id == bindparam("of_athlete"),
    AthleteExternalId.system == bindparam("of_system"),
    ~AthleteExternalId.inherited,
)
_LEAVE_TEAMS: Final = delete(TeamMember).where(
    TeamMember.organisation_id == bindparam("of_organisation"),
    TeamMember.athlete_id == bindparam("of_athlete"),
    TeamMember.team_id == bindparam("of_team"),
)
_DROP_NUMBERS: Final = (
    update(Athlete)
    .where(Athlete.organisation_id == bindparam("of_organisation"), Athlete.id == bindparam("of_athlete"))
    .values(external_id=None, sync_id=None)
)


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as PostgreSQL reads them; ids and days are texts there."""
    return json.dumps(rows, default=str)


def _columns(athlete: AthleteRecord) -> dict[str, Any]:
    guardians = [asdict(guardian) for guardian in athlete.guardians]
    return {name: getattr(athlete, name) for name in COLUMNS} | {"guardians": guardians}


def _any(ids: Collection[UUID]) -> Any:
    return any_(literal(list(ids), ARRAY(Uuid())))


def _taken(field: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"This cannot be kept: {why}.",
        how_to_fix="Look whether it is the same person; otherwise choose another.",
        field=field,
    )


_REFUSALS: Final = {
    "uq_athlete_organisation_id_external_id": ("external_id", "another athlete has this external id"),
    "uq_athlete_organisation_id_sync_id": ("sync_id", "another athlete has this sync id"),
    "uq_team_member_organisation_id_team_id_bib": ("bib", "somebody else in the team wears this bib"),
}


def _refusal(error: IntegrityError) -> InvalidInputError | NotFoundError:
    """Return the error in the user's words; raise it again when it is none of theirs."""
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if name == "fk_team_member_team":
        return NotFoundError("There is no such team.", how_to_fix="Choose one of your own teams.")
    if name not in _REFUSALS:
        raise error
    return _taken(*_REFUSALS[name])
