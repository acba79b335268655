"""What is known about a person on the roster, and what may be asked to change in it. Values only, no rules of a form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from enum import Enum, StrEnum
from typing import Any, Final
from uuid import UUID

from app.biomech.types import Sex


class LegDominance(StrEnum):
    """The leg one kicks a ball with."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Unset(Enum):
    """Marks a field that is not asked about, as None asks to clear it."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET

OWN_SYSTEM: Final = "own"
"""The organisation's own numbering: `external_id`."""
SYNC_SYSTEM: Final = "sync"
"""The key an integration chose: `sync_id`."""
RESERVED_SYSTEMS: Final = frozenset({OWN_SYSTEM, SYNC_SYSTEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardian:
    """Who answers for a child, or is called in an emergency."""

    name: str | None = None
    relation: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is known."""
        return self == Guardian()


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteRecord:
    """Everything the roster holds about one person."""

    id: UUID
    name: str
    """As shown everywhere; given and family name are its parts where they are known."""
    given_name: str | None = None
    family_name: str | None = None
    external_id: str | None = None
    """The organisation's own number for this person."""
    sync_id: str | None = None
    """The key an integration chose for this person."""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    """The person's id in other systems, by system."""
    sex: Sex = Sex.UNSPECIFIED
    """Chooses a reference range and nothing else."""
    date_of_birth: date | None = None
    sport: str | None = None
    position: str | None = None
    level: str | None = None
    stature_cm: float | None = None
    mass_kg: float | None = None
    leg_dominance: LegDominance | None = None
    email: str | None = None
    phone: str | None = None
    """International, E.164."""
    guardians: tuple[Guardian, ...] = ()
    active: bool = True
    """False for those who left: kept with their results, no longer offered."""
    bibs: Mapping[UUID, str | None] = field(default_factory=dict)
    """The teams the person is in, and the bib in each."""
    version: int = 1
    """Counts the changes; what an ETag is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteChange:
    """What to write: UNSET leaves a field as it is, None clears it."""

    name: str | Unset = UNSET
    given_name: str | Unset | None = UNSET
    family_name: str | Unset | None = UNSET
    external_id: str | Unset | None = UNSET
    sync_id: str | Unset | None = UNSET
    external_ids: Mapping[str, str | None] | Unset = UNSET
    """Only the systems named are touched; None removes the id."""
    sex: Sex | Unset = UNSET
    date_of_birth: date | Unset | None = UNSET
    sport: str | Unset | None = UNSET
    position: str | Unset | None = UNSET
    level: str | Unset | None = UNSET
    stature_cm: float | Unset | None = UNSET
    mass_kg: float | Unset | None = UNSET
    leg_dominance: LegDominance | Unset | None = UNSET
    email: str | Unset | None = UNSET
    phone: str | Unset | None = UNSET
    guardians: tuple[Guardian, ...] | Unset = UNSET
    """All of them; whoever is not named is a guardian no more."""
    active: bool | Unset = UNSET
    team_ids: frozenset[UUID] | Unset = UNSET
    """The teams to be in, and no other; who stays in a team keeps the bib there."""
    bibs: Mapping[UUID, str | None] | Unset = UNSET
    """Teams to be in, with the bib in each, in addition to `team_ids` or to the teams as they are."""

    def asked(self) -> dict[str, Any]:
        """Return the fields that are asked about, by name."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not UNSET}


_NAMES = frozenset({"given_name", "family_name"})
_OF_THEIR_OWN = frozenset({"name", "external_ids", "team_ids", "bibs"})


def changed_athlete(athlete: AthleteRecord, change: AthleteChange) -> AthleteRecord:
    """Return the person after the change; the same value when it changes nothing."""
    asked = change.asked()
    values = {name: value for name, value in asked.items() if name not in _OF_THEIR_OWN}
    external_ids = {**athlete.external_ids, **asked.get("external_ids", {})}
    name = asked.get("name")
    if name is None and _NAMES & asked.keys():
        name = joined_name(
            asked.get("given_name", athlete.given_name), asked.get("family_name", athlete.family_name)
        )
    return replace(
        athlete,
        **values,
        name=name or athlete.name,
        external_ids={system: value for system, value in external_ids.items() if value is not None},
        bibs=_bibs(athlete, asked),
    )


def _bibs(athlete: AthleteRecord, asked: Mapping[str, Any]) -> dict[UUID, str | None]:
    teams = asked.get("team_ids", athlete.bibs.keys())
    return {**{team_id: athlete.bibs.get(team_id) for team_id in teams}, **asked.get("bibs", {})}


def joined_name(given_name: str | None, family_name: str | None) -> str | None:
    """Return the two names as one is shown, or None when there is neither."""
    return " ".join(part for part in (given_name, family_name) if part) or None


def athlete_to_json(athlete: AthleteRecord) -> dict[str, Any]:
    """Return the record as plain values, to be kept for an undo."""
    plain = {each.name: getattr(athlete, each.name) for each in fields(athlete)}
    return plain | {
        "id": str(athlete.id),
        "external_ids": dict(athlete.external_ids),
        "date_of_birth": None if athlete.date_of_birth is None else athlete.date_of_birth.isoformat(),
        "guardians": [asdict(guardian) for guardian in athlete.guardians],
        "bibs": {str(team_id): bib for team_id, bib in athlete.bibs.items()},
    }


def athlete_from_json(plain: Mapping[str, Any]) -> AthleteRecord:
    """Return the record that `athlete_to_json` was given."""
    born, leg = plain["date_of_birth"], plain["leg_dominance"]
    return AthleteRecord(
        **{
            **plain,
            "id": UUID(plain["id"]),
            "sex": Sex(plain["sex"]),
            "date_of_birth": None if born is None else date.fromisoformat(born),
            "guardians": tuple(Guardian(**guardian) for guardian in plain.get("guardians", ())),
            "leg_dominance": None if leg is None else LegDominance(leg),
            "bibs": {UUID(team_id): bib for team_id, bib in plain["bibs"].items()},
        }
    )


def same_athlete(first: AthleteRecord, second: AthleteRecord) -> bool:
    """Say whether two records hold the same, however often either was changed."""
    return replace(first, version=0) == replace(second, version=0)


def changed_fields(before: AthleteRecord, after: AthleteRecord) -> list[str]:
    """Return the names of the fields that differ; names may be told where values may not."""
    names = (each.name for each in fields(before) if each.name != "version")
    return [name for name in names if getattr(before, name) != getattr(after, name)]
