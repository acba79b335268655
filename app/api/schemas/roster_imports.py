"""Importing a roster file, as REST takes and shows it."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Input, Output
from app.domain.athletes import AthleteRecord
from app.domain.roster_import import MatchBy, PlannedRow, RowOutcome, Verify
from app.services.roster_imports import ImportDraft, ImportReport


class ImportAnswers(Input):
    """Answers about a file; what is left out stays as it is."""

    mapping: list[str] | None = Field(
        default=None,
        max_length=100,
        description="A field for each column, in order: a field of an athlete, `teams`, `bib`, `guardian1_name` and so"
        " on, `id:<system>`, or `ignore`.",
    )
    day_first: bool | None = Field(
        default=None, description="In dates such as 03/04/2009, the day comes first; once for the whole file."
    )
    create_teams: bool | None = Field(default=None, description="Make teams that are not there yet.")
    replace_teams: bool | None = Field(
        default=None, description="The teams in the file are all the teams, instead of being added."
    )
    match_by: MatchBy | None = None
    verify: list[Verify] | None = Field(
        default=None, description="What must agree before a match by id counts."
    )
    answers: dict[int, str] | None = Field(
        default=None,
        max_length=20_000,
        description="By row number: the id of the athlete meant, `new`, or `skip`. Added to earlier answers.",
    )

    def changes(self) -> dict[str, Any]:
        """Return what was answered."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        given = {name: value for name, value in sent.items() if value is not None}
        if self.mapping is not None:
            given["mapping"] = tuple(self.mapping)
        if self.verify is not None:
            given["verify"] = frozenset(self.verify)
        return given


class ImportColumnOutput(Output):
    """A column and what it is taken for."""

    header: str
    field: str
    samples: list[str]


class CandidateOutput(Output):
    """Somebody a row may be about."""

    athlete_id: UUID
    name: str
    date_of_birth: str | None
    external_id: str | None
    teams: list[str]


class PlannedRowOutput(Output):
    """A row and what would become of it."""

    row_number: int = Field(description="As a spreadsheet counts it.")
    outcome: RowOutcome
    code: str
    message: str
    fields: list[str] = Field(description="What would change.")
    name: str | None
    candidates: list[CandidateOutput]


class DateQuestionOutput(Output):
    """Which comes first, day or month."""

    example: str
    n_dates: int
    n_only_day_first: int = Field(description="Dates that make sense only with the day first.")
    n_only_month_first: int


class ImportQuestions(Output):
    """What is to be answered before the file can be imported."""

    date_order: DateQuestionOutput | None
    create_teams: list[str] = Field(description="Teams that are not there yet.")
    rows: list[int] = Field(description="Rows that need an answer of their own; see `rows`.")


class ImportDraftOutput(Output):
    """A file that is being looked at, and a dry run of it."""

    id: UUID
    filename: str
    kind: str
    encoding: str
    delimiter: str
    sheet: str
    columns: list[ImportColumnOutput]
    day_first: bool | None
    create_teams: bool | None
    replace_teams: bool
    match_by: MatchBy
    verify: list[Verify]
    counts: dict[RowOutcome, int]
    questions: ImportQuestions
    ready: bool = Field(description="Nothing is left to be answered.")
    rows: list[PlannedRowOutput]
    created_at: datetime

    @classmethod
    def of(cls, draft: ImportDraft) -> Self:
        """Return a draft as it is shown."""
        plan, options = draft.plan, draft.options
        return cls(
            id=draft.id,
            filename=draft.filename,
            kind=draft.kind,
            encoding=draft.encoding,
            delimiter=draft.delimiter,
            sheet=draft.sheet,
            columns=[ImportColumnOutput.model_validate(column) for column in draft.columns],
            day_first=options.day_first,
            create_teams=options.create_teams,
            replace_teams=options.replace_teams,
            match_by=options.match_by,
            verify=sorted(options.verify),
            counts=plan.counts(),
            questions=ImportQuestions(
                date_order=None
                if plan.date_question is None
                else DateQuestionOutput.model_validate(plan.date_question),
                create_teams=list(plan.new_teams) if plan.asks_about_teams else [],
                rows=[row.row_number for row in plan.rows if row.candidates],
            ),
            ready=not plan.is_open,
            rows=[_row(row, draft) for row in plan.rows],
            created_at=draft.created_at,
        )


def _row(row: PlannedRow, draft: ImportDraft) -> PlannedRowOutput:
    return PlannedRowOutput(
        row_number=row.row_number,
        outcome=row.outcome,
        code=row.code,
        message=row.message,
        fields=list(row.fields),
        name=None if row.after is None else row.after.name,
        candidates=[_candidate(draft.people[each], draft) for each in row.candidates],
    )


def _candidate(athlete: AthleteRecord, draft: ImportDraft) -> CandidateOutput:
    return CandidateOutput(
        athlete_id=athlete.id,
        name=athlete.name,
        date_of_birth=None if athlete.date_of_birth is None else athlete.date_of_birth.isoformat(),
        external_id=athlete.external_id,
        teams=sorted(draft.team_names[team_id] for team_id in athlete.bibs),
    )


class ReportRowOutput(Output):
    """What became of a row."""

    row_number: int
    outcome: RowOutcome
    code: str
    message: str
    fields: list[str]


class ImportReportOutput(Output):
    """What became of a file."""

    id: UUID
    filename: str
    change_id: UUID = Field(description="Undo it with `POST /api/v1/roster-changes/{change_id}/undo`.")
    imported_at: datetime
    counts: dict[RowOutcome, int]
    rows: list[ReportRowOutput]

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Return a report as it is shown."""
        return cls.model_validate(report)
