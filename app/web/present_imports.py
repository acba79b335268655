"""A roster file as its page shows it: what each column is, what is asked, what becomes of each row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.roster_fields import ALIASES, IGNORE
from app.domain.roster_import import NEW, SKIP, PlannedRow, RowOutcome
from app.services.roster_imports import ImportColumn, ImportDraft, ImportReport
from app.web.contexts.parts import Choice, Problem, Viewer
from app.web.contexts.rosters import ImportColumnField, ImportQuestion, ImportReviewPage, ImportRow
from app.web.words import plural

MAX_SHOWN = 300
"""Rows shown at most; those that need somebody come first."""
_ORDER = (
    RowOutcome.ASK,
    RowOutcome.FAILED,
    RowOutcome.CREATED,
    RowOutcome.UPDATED,
    RowOutcome.SKIPPED,
    RowOutcome.UNCHANGED,
)
_ANSWER = "row-"
_YES_NO = {"yes": True, "no": False}


def present_draft(
    draft: ImportDraft, *, viewer: Viewer, csrf_token: str, problem: Problem | None = None
) -> ImportReviewPage:
    """Return the page of a file that is being looked at."""
    path = f"/roster-imports/{draft.id}"
    rows = sorted(draft.plan.rows, key=lambda row: (_ORDER.index(row.outcome), row.row_number))
    return ImportReviewPage(
        title=f"Import {draft.filename}",
        viewer=viewer,
        csrf_token=csrf_token,
        filename=draft.filename,
        summary=_summary(draft.plan.counts(), dry=True),
        problem=problem,
        finished=False,
        action=path,
        columns=tuple(map(_column, draft.columns)),
        questions=tuple(_questions(draft)),
        caption=_caption(len(rows)),
        rows=tuple(
            ImportRow(
                number=row.row_number,
                outcome=row.outcome.value,
                who="" if row.after is None else row.after.name,
                why=row.message or ", ".join(_words(each) for each in row.fields),
            )
            for row in rows[:MAX_SHOWN]
        ),
        confirm_action=None if draft.plan.is_open else f"{path}/confirm",
        undo_action=None,
    )


def present_report(report: ImportReport, *, viewer: Viewer, csrf_token: str) -> ImportReviewPage:
    """Return the page of a file that is imported."""
    rows = sorted(report.rows, key=lambda row: (_ORDER.index(row.outcome), row.row_number))
    return ImportReviewPage(
        title=f"Imported {report.filename}",
        viewer=viewer,
        csrf_token=csrf_token,
        filename=report.filename,
        summary=_summary(report.counts, dry=False),
        problem=None,
        finished=True,
        action="",
        columns=(),
        questions=(),
        caption=_caption(len(rows)),
        rows=tuple(
            ImportRow(
                number=row.row_number,
                outcome=row.outcome.value,
                who="",
                why=row.message or ", ".join(_words(each) for each in row.fields),
            )
            for row in rows[:MAX_SHOWN]
        ),
        confirm_action=None,
        undo_action=f"/roster-changes/{report.change_id}/undo",
    )


def read_answers(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return what the form of the page says, as the service takes it."""
    changes: dict[str, Any] = {}
    columns = tuple(value for name, value in fields if name == "column")
    if columns:
        changes["mapping"] = columns
    for name, value in fields:
        if name in {"day_first", "create_teams"} and value in _YES_NO:
            changes[name] = _YES_NO[value]
        elif name.startswith(_ANSWER) and name.removeprefix(_ANSWER).isdecimal():
            changes.setdefault("answers", {})[int(name.removeprefix(_ANSWER))] = value
    return changes


def _questions(draft: ImportDraft) -> Iterable[ImportQuestion]:
    plan, options = draft.plan, draft.options
    if plan.date_question is not None:
        question = plan.date_question
        yield ImportQuestion(
            name="day_first",
            legend=f"In a date such as {question.example}, what comes first?",
            hint=f"{question.n_dates} dates are written so. {question.n_only_day_first} make sense only with the"
            f" day first, {question.n_only_month_first} only with the month first.",
            choices=_yes_no(options.day_first, yes="The day", no="The month"),
        )
    if plan.asks_about_teams:
        yield ImportQuestion(
            name="create_teams",
            legend="Make the teams that are not there yet?",
            hint=", ".join(plan.new_teams[:20]),
            choices=_yes_no(options.create_teams, yes="Make them", no="No, rows that name them fail"),
        )
    for row in plan.rows:
        if row.candidates:
            yield _who_question(row, draft)


def _who_question(row: PlannedRow, draft: ImportDraft) -> ImportQuestion:
    people = [
        Choice(value=str(each), label=draft.people[each].name, hint=_about(draft, each), chosen=False)
        for each in row.candidates
    ]
    others = [
        Choice(value=NEW, label="Somebody new", chosen=False),
        Choice(value=SKIP, label="Leave this row out", chosen=False),
    ]
    return ImportQuestion(
        name=f"{_ANSWER}{row.row_number}",
        legend=f"Row {row.row_number}: who is it?",
        hint=row.message,
        choices=(*people, *others),
    )


def _about(draft: ImportDraft, athlete_id: UUID) -> str:
    athlete = draft.people[athlete_id]
    teams = ", ".join(sorted(draft.team_names[team_id] for team_id in athlete.bibs))
    born = "" if athlete.date_of_birth is None else f"born {athlete.date_of_birth.isoformat()}"
    return " · ".join(part for part in (born, athlete.external_id, teams) if part)


def _column(column: ImportColumn) -> ImportColumnField:
    fields = [IGNORE, *ALIASES]
    if column.field not in fields:
        fields.append(column.field)
    return ImportColumnField(
        header=column.header or "(no name)",
        samples=", ".join(column.samples),
        choices=tuple(Choice(value=each, label=_words(each), chosen=each == column.field) for each in fields),
    )


def _yes_no(answer: bool | None, *, yes: str, no: str) -> tuple[Choice, ...]:
    return (
        Choice(value="yes", label=yes, chosen=answer is True),
        Choice(value="no", label=no, chosen=answer is False),
    )


def _words(field: str) -> str:
    if field == IGNORE:
        return "not taken"
    return f"id in {field[3:]}" if field.startswith("id:") else field.replace("_", " ")


def _summary(counts: Mapping[RowOutcome, int], *, dry: bool) -> str:
    found = Counter(counts)
    parts = [f"{found[each]} {each.value}" for each in _ORDER if found[each] and each is not RowOutcome.ASK]
    asked = f"{found[RowOutcome.ASK]} to be answered" if found[RowOutcome.ASK] else ""
    words = ", ".join([*parts, *([asked] if asked else [])]) or "nothing to do"
    return f"Nothing is changed yet. It would be: {words}." if dry else f"Imported: {words}."


def _caption(n_rows: int) -> str:
    return (
        plural(n_rows, "row")
        if n_rows <= MAX_SHOWN
        else f"{MAX_SHOWN} of {n_rows} rows; those that need you first"
    )
