"""What importing a roster file would do, row by row. Pure: the same file, answers and roster give the same plan."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from app.db.types import new_id
from app.domain.athletes import (
    OWN_SYSTEM,
    SYNC_SYSTEM,
    UNSET,
    AthleteChange,
    AthleteRecord,
    changed_athlete,
    changed_fields,
    joined_name,
    same_athlete,
)
from app.domain.errors import InvalidInputError
from app.domain.roster_import import (
    NEW,
    SKIP,
    DateQuestion,
    ImportOptions,
    ImportPlan,
    MatchBy,
    PlannedRow,
    RowOutcome,
    Verify,
)
from app.integrations.roster_files import RosterTable
from app.services.athletes import keys_of, new_record
from app.services.import_cells import (
    ReadRow,
    UndecidedDateError,
    find_ordered_dates,
    merge_guardians,
    read_row,
    team_names,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What is there already."""

    athletes: Mapping[UUID, AthleteRecord]
    inherited_ids: Mapping[tuple[str, str], UUID]
    team_names: Mapping[UUID, str]


def plan_import(table: RosterTable, options: ImportOptions, roster: Roster) -> ImportPlan:
    """Return what would become of each row, and what has to be asked first."""
    planner = _Planner(table, options, roster)
    rows = [planner.plan(number, cells) for number, cells in zip(table.row_numbers, table.rows, strict=True)]
    rows = settle_conflicts(_refuse_doubles(rows), roster.athletes)
    question = _date_question(table, options) if options.day_first is None else None
    return ImportPlan(
        rows=tuple(rows),
        date_question=question,
        new_teams=tuple(planner.new_teams.values()),
        asks_about_teams=bool(planner.new_teams) and options.create_teams is None,
        new_team_ids=planner.new_teams,
    )


def settle_conflicts(rows: list[PlannedRow], athletes: Mapping[UUID, AthleteRecord]) -> list[PlannedRow]:
    """Fail rows whose ids or bibs would then be somebody else's; who keeps theirs may in turn stand in another's way."""
    settled = list(rows)
    while True:
        touched = {row.after.id for row in settled if row.after is not None}
        owners: dict[tuple[str, ...], UUID] = {
            key: athlete.id
            for athlete in athletes.values()
            if athlete.id not in touched
            for key in _unique_keys(athlete)
        }
        failed = False
        for place, row in enumerate(settled):
            if row.after is None:
                continue
            taken = next(
                (key for key in _unique_keys(row.after) if owners.get(key, row.after.id) != row.after.id),
                None,
            )
            if taken is not None:
                settled[place], failed = _taken(row, taken), True
                continue
            owners.update(dict.fromkeys(_unique_keys(row.after), row.after.id))
        if not failed:
            return settled


class _Planner:
    """Goes through the rows with the roster at hand."""

    def __init__(self, table: RosterTable, options: ImportOptions, roster: Roster) -> None:
        self._options = options
        self._roster = roster
        self._day_first = options.day_first
        self._teams = {plain(name): team_id for team_id, name in roster.team_names.items()}
        self.new_teams: dict[UUID, str] = {}
        self._by_key: dict[tuple[str, str], UUID] = dict(roster.inherited_ids)
        self._by_name: dict[str, list[AthleteRecord]] = defaultdict(list)
        self._by_email: dict[str, list[AthleteRecord]] = defaultdict(list)
        for athlete in roster.athletes.values():
            self._by_key.update(dict.fromkeys(_person_keys(athlete), athlete.id))
            self._by_name[plain(athlete.name)].append(athlete)
            if athlete.email:
                self._by_email[plain(athlete.email)].append(athlete)
        if options.create_teams is not False:  # asked about once, whatever else is still open
            columns = [place for place, field in enumerate(options.mapping) if field == "teams"]
            for name in (name for row in table.rows for place in columns for name in team_names(row[place])):
                self._team_id(name)

    def plan(self, row_number: int, cells: tuple[str, ...]) -> PlannedRow:
        try:
            row = read_row(cells, mapping=self._options.mapping, day_first=self._day_first)
            found = self._find(row)
            return self._decide(row_number, row, found)
        except UndecidedDateError:
            return PlannedRow(
                row_number=row_number,
                outcome=RowOutcome.ASK,
                code="date_order",
                message="Say first whether day or month comes first in this file.",
            )
        except InvalidInputError as error:
            field = error.context.get("field")
            return PlannedRow(
                row_number=row_number,
                outcome=RowOutcome.FAILED,
                code=str(field or "row"),
                message=error.message,
            )

    def _decide(self, row_number: int, row: ReadRow, found: "_Found") -> PlannedRow:
        answer = self._options.answers.get(row_number)
        if answer == SKIP:
            return PlannedRow(
                row_number=row_number,
                outcome=RowOutcome.SKIPPED,
                code="skipped",
                message="You chose to skip it.",
            )
        athlete = found.athlete
        if answer == NEW:
            athlete = None
        elif answer is not None:
            athlete = self._roster.athletes.get(UUID(answer))
        elif found.asks:
            return PlannedRow(
                row_number=row_number,
                outcome=RowOutcome.ASK,
                code=found.code,
                message=found.message,
                candidates=tuple(each.id for each in found.candidates),
            )
        return self._planned(row_number, row, athlete)

    def _planned(self, row_number: int, row: ReadRow, athlete: AthleteRecord | None) -> PlannedRow:
        change = self._with_teams(row, athlete)
        if row.guardian_parts:
            guardians = () if athlete is None else athlete.guardians
            change = replace(change, guardians=merge_guardians(guardians, row.guardian_parts))
        if athlete is None:
            made = new_record(change)
            return PlannedRow(row_number=row_number, outcome=RowOutcome.CREATED, after=made)
        after = changed_athlete(athlete, change)
        if same_athlete(athlete, after):
            return PlannedRow(
                row_number=row_number, outcome=RowOutcome.UNCHANGED, before=athlete, after=athlete
            )
        return PlannedRow(
            row_number=row_number,
            outcome=RowOutcome.UPDATED,
            fields=tuple(changed_fields(athlete, after)),
            before=athlete,
            after=after,
        )

    def _with_teams(self, row: ReadRow, athlete: AthleteRecord | None) -> AthleteChange:
        """Return the change with teams by id; a bib alone goes to the only team there is."""
        named = row.team_names
        if named is None:
            teams = () if athlete is None else tuple(athlete.bibs)
            if row.bibs and len(teams) != 1:
                raise InvalidInputError("The bib needs the team it belongs to.", field="bib")
            bibs = dict(zip(teams, row.bibs, strict=False)) if row.bibs else None
            return row.change if bibs is None else replace(row.change, bibs=bibs)
        ids = [self._team_id(name) for name in named]
        if len(row.bibs) > max(1, len(ids)) or (row.bibs and not ids):
            raise InvalidInputError("There are more bibs than teams.", field="bib")
        replaces = self._options.replace_teams or not named
        change = replace(row.change, bibs=dict(zip(ids, row.bibs, strict=False)))
        kept = frozenset() if replaces or athlete is None else frozenset(athlete.bibs)
        return replace(change, team_ids=kept | frozenset(ids))

    def _team_id(self, name: str) -> UUID:
        found = self._teams.get(plain(name))
        if found is None and self._options.create_teams is False:
            raise InvalidInputError(f"There is no team called {name}.", field="teams")
        if found is None:
            found = self._teams[plain(name)] = new_id()
            self.new_teams[found] = name
        return found

    def _find(self, row: ReadRow) -> "_Found":
        change, match_by = row.change, self._options.match_by
        ids = [key for key in keys_of(change) if match_by in _KEYS_USED.get(key[0], _OTHER_KEYS)]
        by_id = {found for key in ids if (found := self._by_key.get(key)) is not None}
        if len(by_id) > 1:
            return _Found.ask("ids_disagree", "Its ids lead to different athletes.", self._records(by_id))
        if by_id:
            return self._verified(change, self._roster.athletes[by_id.pop()])
        if match_by is MatchBy.EMAIL:
            return self._one_of(change, self._by_email.get(plain(_known(change.email)), []), sure=True)
        if match_by in (MatchBy.AUTO, MatchBy.NAME_AND_BIRTH):
            return self._by_name_and_birth(change)
        return _Found()

    def _by_name_and_birth(self, change: AthleteChange) -> "_Found":
        name = _known(change.name) or joined_name(_known(change.given_name), _known(change.family_name))
        namesakes = self._by_name.get(plain(name or ""), [])
        born = None if change.date_of_birth is UNSET else change.date_of_birth
        possible = [
            each for each in namesakes if None in (born, each.date_of_birth) or born == each.date_of_birth
        ]
        possible = [each for each in possible if not _other_number(change, each)]
        sure = [each for each in possible if born is not None and each.date_of_birth == born]
        return self._one_of(change, sure or possible, sure=bool(sure))

    def _one_of(self, change: AthleteChange, possible: list[AthleteRecord], *, sure: bool) -> "_Found":
        if not possible:
            return _Found()
        if len(possible) > 1:
            return _Found.ask("several", "Several athletes could be meant.", possible)
        if not sure:
            return _Found.ask(
                "name_alone", "Somebody of this name is on the roster; no date of birth tells whether it is the same.",
                possible,
            )  # fmt: skip
        return self._verified(change, possible[0])

    def _verified(self, change: AthleteChange, athlete: AthleteRecord) -> "_Found":
        """Ask when what should agree does not."""
        name = _known(change.name) or joined_name(_known(change.given_name), _known(change.family_name))
        pairs = {
            Verify.NAME: (plain(name or ""), plain(athlete.name)),
            Verify.DATE_OF_BIRTH: (None if change.date_of_birth is UNSET else change.date_of_birth, athlete.date_of_birth),
            Verify.SEX: (None if change.sex is UNSET else change.sex, athlete.sex),
        }  # fmt: skip
        for each in sorted(self._options.verify):
            ours, theirs = pairs[each]
            if ours and theirs and ours != theirs and "unspecified" not in (ours, theirs):
                words = each.value.replace("_", " ")
                return _Found.ask("not_verified", f"The id matches, the {words} does not.", [athlete])
        return _Found(athlete=athlete)

    def _records(self, ids: Iterable[UUID]) -> list[AthleteRecord]:
        return [self._roster.athletes[each] for each in sorted(ids)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Who a row may be."""

    athlete: AthleteRecord | None = None
    asks: bool = False
    code: str = ""
    message: str = ""
    candidates: tuple[AthleteRecord, ...] = ()

    @classmethod
    def ask(cls, code: str, message: str, candidates: list[AthleteRecord]) -> "_Found":
        return cls(asks=True, code=code, message=message, candidates=tuple(candidates))


_KEYS_USED: Mapping[str, frozenset[MatchBy]] = {
    OWN_SYSTEM: frozenset({MatchBy.AUTO, MatchBy.EXTERNAL_ID}),
    SYNC_SYSTEM: frozenset({MatchBy.AUTO, MatchBy.SYNC_ID}),
}
_OTHER_KEYS = frozenset({MatchBy.AUTO})


def plain(text: str) -> str:
    """Return a text as names are compared: no case, no accents' encodings, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _known(value: object) -> str:
    return value if isinstance(value, str) else ""


def _other_number(change: AthleteChange, athlete: AthleteRecord) -> bool:
    """Say whether file and roster give two different numbers of one system: then it is somebody else."""
    theirs = dict(_person_keys(athlete))
    return any(theirs.get(system, value) != value for system, value in keys_of(change))


def _person_keys(athlete: AthleteRecord) -> list[tuple[str, str]]:
    keys = [(OWN_SYSTEM, athlete.external_id), (SYNC_SYSTEM, athlete.sync_id), *athlete.external_ids.items()]
    return [(system, value) for system, value in keys if value is not None]


def _unique_keys(athlete: AthleteRecord) -> list[tuple[str, ...]]:
    bibs = [("bib", str(team_id), bib) for team_id, bib in athlete.bibs.items() if bib is not None]
    return [*_person_keys(athlete), *bibs]


def _refuse_doubles(rows: list[PlannedRow]) -> list[PlannedRow]:
    """Fail a row about a person who stands further up already, on the roster or new."""
    first: dict[object, int] = {}
    kept = []
    for row in rows:
        keys = _identities(row)
        above = next((first[key] for key in keys if key in first), None)
        if above is not None:
            row = PlannedRow(
                row_number=row.row_number,
                outcome=RowOutcome.FAILED,
                code="double",
                message=f"The same person stands in row {above}.",
            )
        else:
            first.update(dict.fromkeys(keys, row.row_number))
        kept.append(row)
    return kept


def _identities(row: PlannedRow) -> list[object]:
    if row.after is None:
        return []
    if row.before is not None:
        return [row.before.id]
    born = [(plain(row.after.name), row.after.date_of_birth)] if row.after.date_of_birth else []
    return [*_person_keys(row.after), *born]


def _taken(row: PlannedRow, key: tuple[str, ...]) -> PlannedRow:
    what = {"bib": "bib", OWN_SYSTEM: "external id", SYNC_SYSTEM: "sync id"}.get(key[0], f"{key[0]} id")
    return PlannedRow(
        row_number=row.row_number,
        outcome=RowOutcome.FAILED,
        code="taken",
        message=f"Somebody else has this {what}.",
    )


def _date_question(table: RosterTable, options: ImportOptions) -> DateQuestion | None:
    columns = [place for place, field in enumerate(options.mapping) if field == "date_of_birth"]
    dates = [each for place in columns for each in find_ordered_dates([row[place] for row in table.rows])]
    if not dates:
        return None
    telling = next(
        (text for text, first, second in dates if first != second and max(first, second) <= 12), dates[0][0]
    )
    return DateQuestion(
        example=telling,
        n_dates=len(dates),
        n_only_day_first=sum(first > 12 for _, first, _ in dates),
        n_only_month_first=sum(second > 12 for _, _, second in dates),
    )
