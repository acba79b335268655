"""An import of a roster file as values: how it is read, what is asked, and what becomes of each row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.athletes import AthleteRecord


class RowOutcome(StrEnum):
    """What becomes, or became, of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    """Somebody said so."""
    FAILED = "failed"
    ASK = "ask"
    """Not to be decided by a program; nothing is imported before somebody has."""


class MatchBy(StrEnum):
    """How a row finds the person on the roster."""

    AUTO = "auto"
    """By any id in the file; without one, by name and date of birth."""
    EXTERNAL_ID = "external_id"
    SYNC_ID = "sync_id"
    EMAIL = "email"
    NAME_AND_BIRTH = "name_and_birth"


class Verify(StrEnum):
    """What must agree, where both sides know it, before a match counts."""

    NAME = "name"
    DATE_OF_BIRTH = "date_of_birth"
    SEX = "sex"


NEW = "new"
SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is read. What is None is still to be answered, once for the file."""

    mapping: tuple[str, ...]
    """A field for each column."""
    day_first: bool | None = None
    create_teams: bool | None = None
    replace_teams: bool = False
    """True: the teams in the file are all the teams; otherwise they are added."""
    match_by: MatchBy = MatchBy.AUTO
    verify: frozenset[Verify] = frozenset({Verify.NAME, Verify.DATE_OF_BIRTH})
    answers: Mapping[int, str] = field(default_factory=dict)
    """By row number: an athlete's id, `NEW` or `SKIP`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """One row of the file and what is to become of it."""

    row_number: int
    outcome: RowOutcome
    code: str = ""
    """Stable reason, when there is one to give."""
    message: str = ""
    fields: tuple[str, ...] = ()
    """What would change."""
    before: AthleteRecord | None = None
    after: AthleteRecord | None = None
    candidates: tuple[UUID, ...] = ()
    """Who it may be, when that is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DateQuestion:
    """Which comes first, day or month? The same for the whole file."""

    example: str
    n_dates: int
    n_only_day_first: int
    """Dates that make sense only with the day first."""
    n_only_month_first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import would do."""

    rows: tuple[PlannedRow, ...]
    date_question: DateQuestion | None
    """None when it needs no answer, or has one."""
    new_teams: tuple[str, ...]
    """Named in the file and not there yet."""
    asks_about_teams: bool
    new_team_ids: Mapping[UUID, str]

    def counts(self) -> dict[RowOutcome, int]:
        """Return how many rows end how."""
        found = dict.fromkeys(RowOutcome, 0)
        for row in self.rows:
            found[row.outcome] += 1
        return found

    @property
    def is_open(self) -> bool:
        """Say whether something is still to be answered."""
        asked = any(row.outcome is RowOutcome.ASK for row in self.rows)
        return asked or self.asks_about_teams or self.date_question is not None


def options_to_json(options: ImportOptions) -> dict[str, Any]:
    """Return the options as plain values."""
    return {
        "mapping": list(options.mapping),
        "day_first": options.day_first,
        "create_teams": options.create_teams,
        "replace_teams": options.replace_teams,
        "match_by": options.match_by.value,
        "verify": sorted(options.verify),
        "answers": {str(row): answer for row, answer in options.answers.items()},
    }


def options_from_json(plain: Mapping[str, Any]) -> ImportOptions:
    """Return the options that `options_to_json` was given."""
    return ImportOptions(
        mapping=tuple(plain["mapping"]),
        day_first=plain["day_first"],
        create_teams=plain["create_teams"],
        replace_teams=plain["replace_teams"],
        match_by=MatchBy(plain["match_by"]),
        verify=frozenset(Verify(each) for each in plain["verify"]),
        answers={int(row): answer for row, answer in plain["answers"].items()},
    )
