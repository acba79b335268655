"""Importing a roster file: sent, looked at, answered, tried dry, imported, taken back.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``. A file is kept as text until it is
imported or a day has passed; afterwards only row numbers, outcomes and reasons are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.db.models import RosterChange, RosterImport
from app.db.repositories.changes import ChangeItem
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteRecord, athlete_from_json, athlete_to_json, same_athlete
from app.domain.audit import Act
from app.domain.changes import ChangeKind
from app.domain.errors import InvalidInputError, NotFoundError, StaleStateError
from app.domain.roster_fields import IGNORE, guess_mapping, is_field
from app.domain.roster_import import (
    NEW,
    SKIP,
    ImportOptions,
    ImportPlan,
    PlannedRow,
    RowOutcome,
    options_from_json,
    options_to_json,
)
from app.domain.versions import ANY, Expected, tag_of
from app.integrations.roster_files import RosterTable, read_roster
from app.services.consent_rules import obey_consent
from app.services.import_plan import Roster, plan_import
from app.services.roster_changes import note

N_SAMPLES: Final = 3
KEEP_UNFINISHED_S: Final = 24 * 3600.0
_ANSWERS: Final = "What was answered about the file"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportColumn:
    """One column of the file and what it is taken for."""

    header: str
    field: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDraft:
    """A file that is being looked at, and what importing it would do now."""

    id: UUID
    filename: str
    kind: str
    encoding: str
    delimiter: str
    sheet: str
    columns: tuple[ImportColumn, ...]
    options: ImportOptions
    plan: ImportPlan
    people: Mapping[UUID, AthleteRecord]
    """Who rows may be, where that is asked."""
    team_names: Mapping[UUID, str]
    created_at: datetime

    @property
    def tag(self) -> str:
        """Name the version of the answers."""
        return _tag_of(self.id, self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """What became of one row."""

    row_number: int
    outcome: RowOutcome
    code: str
    message: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of a file."""

    id: UUID
    filename: str
    change_id: UUID
    imported_at: datetime
    rows: tuple[ReportRow, ...]
    counts: Mapping[RowOutcome, int]


def start_import(*, uow: UnitOfWork, principal: Principal, filename: str, content: bytes) -> UUID:
    """Read a file and keep it to be looked at; raise `UnreadableRosterError`, an `InvalidInputError`."""
    principal.require(Permission.ROSTER_WRITE)
    table = read_roster(content)
    uow.imports.drop_unfinished(organisation_id=principal.organisation_id, older_than_s=KEEP_UNFINISHED_S)
    options = ImportOptions(mapping=guess_mapping(table.headers))
    import_id = uow.imports.add(
        organisation_id=principal.organisation_id,
        filename=_shown(filename),
        table=asdict(table),
        options=options_to_json(options),
    )
    uow.audit.record(actor=principal, act=Act.IMPORT_STARTED, object_id=import_id, n_rows=len(table.rows))
    return import_id


def get_draft(*, uow: UnitOfWork, principal: Principal, import_id: UUID) -> ImportDraft:
    """Return the file with a dry run of it; nothing is changed."""
    principal.require(Permission.ROSTER_WRITE)
    row, table = _open(uow, principal, import_id)
    options = options_from_json(row.options)
    roster = _roster(uow, principal)
    plan = plan_import(table, options, roster)
    asked = {each for planned in plan.rows for each in planned.candidates}
    return ImportDraft(
        id=row.id,
        filename=row.filename,
        kind=table.kind,
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        columns=tuple(
            ImportColumn(header=header, field=field, samples=_samples(table, place))
            for place, (header, field) in enumerate(zip(table.headers, options.mapping, strict=True))
        ),
        options=options,
        plan=plan,
        people={each: roster.athletes[each] for each in asked},
        team_names=roster.team_names,
        created_at=row.created_at,
    )


def answer_import(
    *,
    uow: UnitOfWork,
    principal: Principal,
    import_id: UUID,
    changes: Mapping[str, Any],
    expected: Expected = ANY,
) -> ImportDraft:
    """Keep answers about a file (fields of `ImportOptions`); answers about rows are added to earlier ones."""
    principal.require(Permission.ROSTER_WRITE)
    row, table = _open(uow, principal, import_id, lock=True)
    options = options_from_json(row.options)
    expected.check(_tag_of(import_id, options), what=_ANSWERS)
    answers = {**options.answers, **changes.get("answers", {})}
    changed = replace(options, **{**changes, "answers": answers})
    _check_options(uow, principal, changed, table)
    uow.imports.answer(
        organisation_id=principal.organisation_id, import_id=import_id, options=options_to_json(changed)
    )
    return get_draft(uow=uow, principal=principal, import_id=import_id)


def confirm_import(
    *, uow: UnitOfWork, principal: Principal, import_id: UUID, expected: Expected = ANY
) -> ImportReport:
    """Import the file as it would be now; raise `StaleStateError` while something is still to be answered.

    Rows that fail are reported and left out; the others are written, all in this transaction.
    """
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    row, table = _open(uow, principal, import_id, lock=True)
    options = options_from_json(row.options)
    expected.check(_tag_of(import_id, options), what=_ANSWERS)
    roster = _roster(uow, principal)
    plan = plan_import(table, options, roster)
    if plan.is_open:
        raise StaleStateError(
            "Something about this file is still to be answered.",
            how_to_fix="Look at its dry run: it says what is asked.",
        )
    used = {team_id for each in plan.rows if each.after is not None for team_id in each.after.bibs}
    made_teams = {team_id: name for team_id, name in plan.new_team_ids.items() if team_id in used}
    for team_id, name in made_teams.items():
        uow.roster.add_team(organisation_id=organisation_id, name=name, team_id=team_id)
    written = [each for each in plan.rows if each.outcome in (RowOutcome.CREATED, RowOutcome.UPDATED)]
    uow.athletes.save(
        organisation_id=organisation_id,
        savings=[(each.before, each.after) for each in written if each.after is not None],
    )
    obey_consent(
        uow,
        organisation_id=organisation_id,
        athlete_ids=[each.before.id for each in written if each.before and "date_of_birth" in each.fields],
    )
    counts = {outcome.value: n for outcome, n in plan.counts().items() if outcome is not RowOutcome.ASK}
    change = note(
        uow,
        principal,
        ChangeKind.IMPORT,
        items=[_item(each) for each in written],
        detail={"teams": [str(each) for each in made_teams], "counts": counts},
        n_teams=len(made_teams),
        **counts,
    )
    report = [_report_row(each) for each in plan.rows]
    uow.imports.finish(
        organisation_id=organisation_id, import_id=import_id, change_id=change.id, report=report
    )
    return get_report(uow=uow, principal=principal, import_id=import_id)


def get_report(*, uow: UnitOfWork, principal: Principal, import_id: UUID) -> ImportReport:
    """Return what became of each row, or raise `NotFoundError` for a file that is not imported."""
    principal.require(Permission.ROSTER_READ)
    row = uow.imports.find(organisation_id=principal.organisation_id, import_id=import_id)
    if row is None or row.report is None or row.change_id is None or row.imported_at is None:
        raise _no_import()
    rows = tuple(
        ReportRow(**{**each, "outcome": RowOutcome(each["outcome"]), "fields": tuple(each["fields"])})
        for each in row.report
    )
    counts: dict[RowOutcome, int] = dict.fromkeys(RowOutcome, 0)
    del counts[RowOutcome.ASK]
    for each in rows:
        counts[each.outcome] += 1
    return ImportReport(
        id=row.id,
        filename=row.filename,
        change_id=row.change_id,
        imported_at=row.imported_at,
        rows=rows,
        counts=counts,
    )


def find_report(*, uow: UnitOfWork, principal: Principal, import_id: UUID) -> ImportReport | None:
    """Return what became of a file, None while it is still looked at; raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    row = uow.imports.find(organisation_id=principal.organisation_id, import_id=import_id)
    if row is None:
        raise _no_import()
    return None if row.report is None else get_report(uow=uow, principal=principal, import_id=import_id)


def drop_import(*, uow: UnitOfWork, principal: Principal, import_id: UUID, expected: Expected = ANY) -> None:
    """Forget a file that shall not be imported."""
    principal.require(Permission.ROSTER_WRITE)
    row, _ = _open(uow, principal, import_id, lock=True)
    expected.check(_tag_of(import_id, options_from_json(row.options)), what=_ANSWERS)
    uow.imports.drop(organisation_id=principal.organisation_id, import_id=import_id)
    uow.audit.record(actor=principal, act=Act.IMPORT_DROPPED, object_id=import_id)


def undo_import(*, uow: UnitOfWork, principal: Principal, change: RosterChange) -> dict[str, int]:
    """Put everybody back as they were before an import; return how many, and how many were left as they are.

    Left are people who have changed again since, and new ones who have been filmed meanwhile: an undo never throws
    away what somebody did later.
    """
    organisation_id = principal.organisation_id
    items = uow.changes.items(organisation_id=organisation_id, change_id=change.id)
    now = uow.athletes.load(organisation_id=organisation_id, ids=[item.athlete_id for item in items])
    filmed = uow.athletes.ids_with_results(organisation_id=organisation_id, ids=now.keys())
    same = [item for item in items if _is_as_left(item, now)]
    made = [item.athlete_id for item in same if item.before is None and item.athlete_id not in filmed]
    changed = [item for item in same if item.before is not None]
    uow.athletes.delete(organisation_id=organisation_id, ids=made)
    uow.athletes.save(
        organisation_id=organisation_id,
        savings=[(now[item.athlete_id], athlete_from_json(item.before or {})) for item in changed],
    )
    obey_consent(uow, organisation_id=organisation_id, athlete_ids=[item.athlete_id for item in changed])
    uow.roster.remove_empty_teams(
        organisation_id=organisation_id, team_ids=[UUID(each) for each in change.detail["teams"]]
    )
    n_undone = len(made) + len(changed)
    return {"n_undone": n_undone, "n_kept": len(items) - n_undone}


def _is_as_left(item: ChangeItem, now: Mapping[UUID, AthleteRecord]) -> bool:
    found = now.get(item.athlete_id)
    return found is not None and item.after is not None and same_athlete(found, athlete_from_json(item.after))


def _tag_of(import_id: UUID, options: ImportOptions) -> str:
    return tag_of(import_id, options_to_json(options))


def _open(
    uow: UnitOfWork, principal: Principal, import_id: UUID, *, lock: bool = False
) -> tuple[RosterImport, RosterTable]:
    row = uow.imports.find(organisation_id=principal.organisation_id, import_id=import_id, lock=lock)
    if row is None:
        raise _no_import()
    if row.table is None:
        raise StaleStateError("This file is imported already.", how_to_fix="Look at its report.")
    plain = row.table
    return row, RosterTable(
        **{
            **plain,
            "headers": tuple(plain["headers"]),
            "rows": tuple(tuple(cells) for cells in plain["rows"]),
            "row_numbers": tuple(plain["row_numbers"]),
        }
    )


def _roster(uow: UnitOfWork, principal: Principal) -> Roster:
    return Roster(
        athletes=uow.athletes.load(organisation_id=principal.organisation_id),
        inherited_ids=uow.athletes.all_inherited_ids(organisation_id=principal.organisation_id),
        team_names=uow.athletes.team_names(organisation_id=principal.organisation_id),
    )


def _check_options(uow: UnitOfWork, principal: Principal, options: ImportOptions, table: RosterTable) -> None:
    mapped = [field for field in options.mapping if field != IGNORE]
    if len(options.mapping) != len(table.headers) or not all(map(is_field, options.mapping)):
        raise InvalidInputError(
            "The mapping does not fit the columns.", how_to_fix="Give a known field for each column.", field="mapping"
        )  # fmt: skip
    if len(mapped) != len(set(mapped)):
        raise InvalidInputError(
            "Two columns are taken for the same field.", how_to_fix="Leave one of them out.", field="mapping"
        )
    named = {answer for answer in options.answers.values() if answer not in (NEW, SKIP)}
    ids = {each for each in map(_id, named) if each is not None}
    known = uow.athletes.load(organisation_id=principal.organisation_id, ids=ids)
    if len(known) < len(named) or not set(options.answers) <= set(table.row_numbers):
        raise InvalidInputError(
            "An answer names a row or an athlete that is not there.",
            how_to_fix=f"Answer with an athlete's id, {NEW} or {SKIP}.",
            field="answers",
        )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _samples(table: RosterTable, place: int) -> tuple[str, ...]:
    filled = (row[place] for row in table.rows if row[place])
    return tuple(text for text, _ in zip(filled, range(N_SAMPLES), strict=False))


def _shown(filename: str) -> str:
    return "".join(character for character in filename if character.isprintable())[:200] or "roster"


def _item(row: PlannedRow) -> ChangeItem:
    before, after = row.before, row.after
    if after is None:
        msg = "a row that is written has somebody to write"
        raise ValueError(msg)
    return ChangeItem(
        athlete_id=after.id,
        before=None if before is None else athlete_to_json(before),
        after=athlete_to_json(after),
    )


def _report_row(row: PlannedRow) -> dict[str, Any]:
    return {
        "row_number": row.row_number,
        "outcome": row.outcome.value,
        "code": row.code,
        "message": row.message,
        "fields": list(row.fields),
    }


def _no_import() -> NotFoundError:
    return NotFoundError("There is no such import.", how_to_fix="Send the file again.")
