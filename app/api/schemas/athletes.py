"""Athletes whole as REST takes and shows them, and acts on the roster that can be undone."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from app.api.schemas.base import MAX_NAME_CHARS, CalendarDate, Input, Output, OutputPage
from app.api.schemas.problem import FieldError
from app.api.schemas.roster import AthleteOutput
from app.biomech.types import Sex
from app.domain.athletes import UNSET, AthleteChange, Guardian, LegDominance
from app.domain.changes import ChangeKind
from app.domain.errors import DomainError, InvalidInputError
from app.services.athletes import MAX_BATCH, BatchItem, BatchResult, SaveOutcome
from app.services.read_models import AthleteDetail

NameText = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
IdText = Annotated[str, Field(min_length=1, max_length=200)]
_PERSON: JsonDict = {
    "given_name": "Alex",
    "family_name": "Doe",
    "external_id": "S-1042",
    "external_ids": {"vald": "8f0c2f1e"},
    "sex": "female",
    "date_of_birth": "2009-04-30",
    "stature_cm": 168,
    "team_ids": ["01995b5e-7f3a-7c1e-8d2f-2a5c7d9e1f30"],
}


class MembershipInput(Input):
    """A team to be in."""

    team_id: UUID
    bib: Annotated[str, Field(min_length=1, max_length=12)] | None = Field(
        default=None, description="Worn in this team, by nobody else in it."
    )


class GuardianInput(Input):
    """Who answers for a child."""

    name: NameText | None = None
    relation: NameText | None = Field(default=None, description="Mother, father, legal guardian …")
    email: Annotated[str, Field(max_length=254)] | None = None
    phone: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="With + and the country."
    )


class GuardianOutput(Output):
    """Who answers for a child."""

    name: str | None
    relation: str | None
    email: str | None
    phone: str | None


class AthleteFields(Input):
    """What can be known about a person. A field left out stays as it is; null clears it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PERSON]})

    name: NameText | None = Field(
        default=None,
        description="As shown. Without it, given and family name make it up; it cannot be cleared.",
    )
    given_name: NameText | None = None
    family_name: NameText | None = None
    external_id: IdText | None = Field(
        default=None, description="Your own number for this person; unique in your organisation."
    )
    sync_id: IdText | None = Field(
        default=None, description="A key of your integration's choice; unique in your organisation."
    )
    external_ids: dict[str, IdText | None] | None = Field(
        default=None,
        max_length=20,
        description="Ids in other systems, by the system's short name; each unique within its system."
        " Systems not named stay as they are; null removes one.",
    )
    sex: Sex | None = Field(default=None, description="Used only to choose a reference range.")
    date_of_birth: CalendarDate | None = None
    sport: NameText | None = None
    position: NameText | None = None
    level: NameText | None = None
    stature_cm: float | None = Field(default=None, ge=50, le=260, description="Standing height in cm.")
    mass_kg: float | None = Field(default=None, ge=5, le=350)
    leg_dominance: LegDominance | None = Field(default=None, description="The leg one kicks a ball with.")
    email: Annotated[str, Field(max_length=254)] | None = None
    phone: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="With + and the country."
    )
    guardians: list[GuardianInput] | None = Field(
        default=None, max_length=4, description="All of them; whoever is not named is a guardian no more."
    )
    active: bool | None = Field(
        default=None, description="False for those who left; they keep their results."
    )
    team_ids: list[UUID] | None = Field(
        default=None, max_length=50, description="The teams to be in, and no other; bibs stay."
    )
    teams: list[MembershipInput] | None = Field(
        default=None, max_length=50, description="The same with bibs. Give one of both."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.team_ids is not None and self.teams is not None:
            msg = "Give team_ids or teams, not both."
            raise ValueError(msg)
        return self

    def change(self) -> AthleteChange:
        """Return what is asked for: only the fields that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set if name in _PLAIN}
        for name in _NEVER_NULL:  # null means: as if it had never been set
            if name in sent and sent[name] is None:
                sent[name] = _NEVER_NULL[name]
        if self.guardians is not None:
            sent["guardians"] = tuple(Guardian(**each.model_dump()) for each in self.guardians)
        if self.teams is not None:
            sent["team_ids"] = frozenset(team.team_id for team in self.teams)
            sent["bibs"] = {team.team_id: team.bib for team in self.teams}
        elif self.team_ids is not None:
            sent["team_ids"] = frozenset(self.team_ids)
        return AthleteChange(**sent)


_PLAIN = frozenset(AthleteFields.model_fields) - {"team_ids", "teams", "guardians"}
_NEVER_NULL: dict[str, Any] = {"name": UNSET, "external_ids": UNSET, "sex": Sex.UNSPECIFIED, "active": UNSET}


class BatchAthleteInput(AthleteFields):
    """One person of a batch, found by `id`, `sync_id`, `external_id` or an id in `external_ids`; made when not found."""

    id: UUID | None = Field(default=None, description="Ours; must exist.")


class AthleteBatchInput(Input):
    """Many people at once."""

    items: list[Annotated[dict[str, Any], WithJsonSchema({"$ref": "#/components/schemas/BatchAthleteInput"})]] = Field(
        min_length=1, max_length=MAX_BATCH
    )  # fmt: skip

    def read(self) -> list[BatchItem | DomainError]:
        """Return each item, or what is wrong with it; one bad item leaves the others alone."""
        return [_read_item(item) for item in self.items]


_ITEM = TypeAdapter(BatchAthleteInput)


def _read_item(item: dict[str, Any]) -> BatchItem | DomainError:
    try:
        read = _ITEM.validate_python(item)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return InvalidInputError(
            f"{first['msg'].removeprefix('Value error, ').rstrip('.')}.", how_to_fix="Correct this item.", field=field
        )  # fmt: skip
    return BatchItem(athlete_id=read.id, change=read.change())


class AthleteTeamOutput(Output):
    """A team somebody is in."""

    id: UUID
    name: str
    n_athletes: int = Field(description="People in the team.")
    bib: str | None = Field(description="Worn in this team.")


class AthleteDetailOutput(AthleteOutput):
    """A person on the roster, whole. The `ETag` header names this version."""

    given_name: str | None
    family_name: str | None
    sync_id: str | None
    external_ids: dict[str, str]
    date_of_birth: date | None
    sport: str | None
    position: str | None
    level: str | None
    mass_kg: float | None
    leg_dominance: LegDominance | None
    email: str | None
    phone: str | None
    guardians: list[GuardianOutput]
    active: bool
    teams: list[AthleteTeamOutput]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, detail: AthleteDetail) -> Self:
        """Return a person as they are shown."""
        own = {"teams", "guardians", "created_at", "updated_at"}
        return cls(
            **{name: getattr(detail.record, name) for name in cls.model_fields if name not in own},
            guardians=[GuardianOutput.model_validate(each) for each in detail.record.guardians],
            teams=[AthleteTeamOutput.model_validate(team) for team in detail.teams],
            created_at=detail.created_at,
            updated_at=detail.updated_at,
        )


class ItemProblem(Output):
    """Why an item failed."""

    code: str
    message: str
    how_to_fix: str
    errors: list[FieldError]


class BatchItemOutput(Output):
    """What became of one item."""

    index: int = Field(description="Its place in the request, from 0.")
    status: SaveOutcome
    athlete_id: UUID | None
    version: int | None
    problem: ItemProblem | None

    @classmethod
    def of(cls, index: int, result: BatchResult) -> Self:
        """Return an item's result as it is shown."""
        return cls(
            index=index,
            status=result.outcome,
            athlete_id=result.athlete_id,
            version=result.version,
            problem=None if result.error is None else _problem(result.error),
        )


def _problem(error: DomainError) -> ItemProblem:
    field = error.context.get("field")
    return ItemProblem(
        code=error.code,
        message=error.message,
        how_to_fix=error.how_to_fix,
        errors=[] if field is None else [FieldError(field=str(field), message=error.message)],
    )


class AthleteBatchOutput(Output):
    """What became of each, in the order they were sent."""

    items: list[BatchItemOutput]
    counts: dict[SaveOutcome, int]


class MergeInput(Input):
    """The other record of the same person."""

    athlete_id: UUID = Field(
        description="Everything of this record moves; its ids lead to the remaining one."
    )


class MoveRecordingInput(Input):
    """Whom a recording shows."""

    athlete_id: UUID | None = Field(description="Null sends it back to the inbox.")


class MoveScreeningInput(Input):
    """Whose a screening is."""

    athlete_id: UUID


class RosterChangeOutput(Output):
    """An act on the roster that can be undone."""

    id: UUID
    kind: ChangeKind
    created_at: datetime
    undone_at: datetime | None
    undo_until: datetime
    athlete_ids: list[UUID]
    recording_ids: list[UUID] = Field(description="What was moved.")
    n_reanalysed: int = Field(
        description="Recordings analysed anew, because their athlete now has another sex or stature."
    )
    n_undone: int | None = Field(description="Of an import that was undone: people who are as before.")
    n_kept: int | None = Field(
        description="Of an import that was undone: people left alone, because they changed or were filmed since."
    )


class RosterChangePage(OutputPage):
    """Acts on the roster, newest first."""

    items: list[RosterChangeOutput]


class AthleteTombstoneOutput(Output):
    """An athlete who is gone."""

    id: UUID
    reason: str
    merged_into: UUID | None = Field(description="The record that took over, when two were merged.")
    deleted_at: datetime


class AthleteTombstonePage(OutputPage):
    """Athletes who are gone, oldest first."""

    items: list[AthleteTombstoneOutput]
