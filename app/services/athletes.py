"""Athletes whole: made, edited, upserted one by one or many at once.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``. Each that writes holds the
roster first, so that two integrations that send the same person at the same time make one athlete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
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
from app.domain.audit import Act
from app.domain.errors import (
    DomainError,
    InvalidInputError,
    NotFoundError,
)
from app.domain.versions import ANY, Expected, numbered_tag
from app.services.athlete_fields import check_change, check_system
from app.services.consent_rules import obey_consent
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, instant_part, split_page
from app.services.read_models import AthleteDetail, Page, TeamMembership

MAX_BATCH: Final = 500


class SaveOutcome(StrEnum):
    """What became of one athlete that was sent."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAthlete:
    """An athlete as it now is, and what was done to get there."""

    outcome: SaveOutcome
    detail: AthleteDetail


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """An athlete who is gone, and why."""

    id: UUID
    reason: str
    merged_into: UUID | None
    deleted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One athlete of a batch: who, by any id, and what to write."""

    athlete_id: UUID | None = None
    change: AthleteChange


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one item of a batch."""

    outcome: SaveOutcome
    athlete_id: UUID | None
    version: int | None
    error: DomainError | None = None


def add_athlete(*, uow: UnitOfWork, principal: Principal, change: AthleteChange) -> AthleteDetail:
    """Put a person on the roster; raise `NotFoundError` for a team that is not ours."""
    principal.require(Permission.ROSTER_WRITE)
    uow.athletes.lock_roster(organisation_id=principal.organisation_id)
    return athlete_detail(uow, principal, _add(uow, principal, change))


def edit_athlete(
    *,
    uow: UnitOfWork,
    principal: Principal,
    athlete_id: UUID,
    change: AthleteChange,
    expected: Expected = ANY,
) -> AthleteDetail:
    """Change a person; only in an expected version, else raise `PreconditionFailedError`."""
    principal.require(Permission.ROSTER_WRITE)
    uow.athletes.lock_roster(organisation_id=principal.organisation_id)
    athlete = find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    expected.check(numbered_tag(athlete.version), what="The athlete")
    _edit(uow, principal, athlete, change)
    return athlete_detail(uow, principal, athlete_id)


def leave_team(
    *, uow: UnitOfWork, principal: Principal, athlete_id: UUID, team_id: UUID, expected: Expected = ANY
) -> None:
    """Take a person out of a team; whoever sees that team alone sees them no more."""
    principal.require(Permission.ROSTER_WRITE)
    uow.athletes.lock_roster(organisation_id=principal.organisation_id)
    athlete = find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    expected.check(numbered_tag(athlete.version), what="The athlete")
    if team_id not in athlete.bibs:
        raise NotFoundError(
            "The athlete is not in this team.", how_to_fix="Look at the teams of the athlete."
        )
    _edit(uow, principal, athlete, AthleteChange(team_ids=frozenset(athlete.bibs) - {team_id}))


def upsert_athlete(
    *,
    uow: UnitOfWork,
    principal: Principal,
    system: str,
    value: str,
    change: AthleteChange,
    expected: Expected = ANY,
) -> SavedAthlete:
    """Make or change the person who has this id in that system; fields that are not sent stay as they are.

    `system` is ``own`` for the organisation's own number, ``sync`` for a sync id, or another system's name.
    """
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    found = uow.athletes.find_id(organisation_id=organisation_id, system=system, value=value)
    if found is None:
        expected.check(numbered_tag(0), what="The athlete")
        made = _add(uow, principal, _with_key(change, system=system, value=value))
        return SavedAthlete(outcome=SaveOutcome.CREATED, detail=athlete_detail(uow, principal, made))
    athlete = find_record(uow=uow, principal=principal, athlete_id=found)
    expected.check(numbered_tag(athlete.version), what="The athlete")
    changed = _edit(uow, principal, athlete, change)
    outcome = SaveOutcome.UPDATED if changed else SaveOutcome.UNCHANGED
    return SavedAthlete(outcome=outcome, detail=athlete_detail(uow, principal, found))


def upsert_batch(
    *, uow: UnitOfWork, principal: Principal, items: Sequence[BatchItem | DomainError]
) -> list[BatchResult]:
    """Upsert up to `MAX_BATCH` people, each for itself: one that cannot be kept leaves the others alone.

    A person is found by id, sync id, external id, or an id in another system; ids that lead to two people are
    refused. An item that is an error already fails with it.
    """
    principal.require(Permission.ROSTER_WRITE)
    if len(items) > MAX_BATCH:
        raise InvalidInputError(
            f"At most {MAX_BATCH} athletes at a time.", how_to_fix="Send the rest in another request.", field="items"
        )  # fmt: skip
    uow.athletes.lock_roster(organisation_id=principal.organisation_id)
    return [_save_item(uow, principal, item) for item in items]


def get_athlete(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> AthleteDetail:
    """Return one person of the roster, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    return athlete_detail(uow, principal, athlete_id)


def find_athlete_id(*, uow: UnitOfWork, principal: Principal, system: str, value: str) -> UUID:
    """Return who has this id in that system, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    found = uow.athletes.find_id(organisation_id=principal.organisation_id, system=system, value=value)
    if found is None:
        raise NotFoundError(
            "There is no athlete with this external id.",
            how_to_fix="Put the person on the roster first, or check the number.",
        )
    return found


def list_tombstones(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[Tombstone]:
    """List who is gone, oldest first."""
    principal.require(Permission.ROSTER_READ)
    after = None if cursor is None else decode_cursor(cursor, instant_part, id_part)
    rows = uow.athletes.list_tombstones(
        organisation_id=principal.organisation_id,
        after=None if after is None else (after[0], after[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(
            Tombstone(id=row.id, reason=row.reason, merged_into=row.merged_into, deleted_at=row.deleted_at)
            for row in page
        ),
        next_cursor=encode_cursor(page[-1].deleted_at, page[-1].id) if more else None,
    )


def find_record(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> AthleteRecord:
    """Return everything about a person, or raise `NotFoundError`."""
    ids = {"organisation_id": principal.organisation_id, "athlete_id": athlete_id}
    found = uow.athletes.find(**ids)
    if found is None:
        heir_id = uow.athletes.find_heir(**ids)
        raise no_athlete() if heir_id is None else _merged_into(heir_id)
    return found


def no_athlete() -> NotFoundError:
    """Return the answer to an id that is unknown here."""
    return NotFoundError("There is no such athlete.", how_to_fix="Choose somebody who is on your roster.")


def _merged_into(heir_id: UUID) -> NotFoundError:
    return NotFoundError(
        f"This record was merged into the athlete {heir_id}.", how_to_fix="Ask for that one instead."
    )


def new_record(change: AthleteChange, *, athlete_id: UUID | None = None) -> AthleteRecord:
    """Return the person that a checked change makes, or raise `InvalidInputError` when there is no name."""
    name = change.name if isinstance(change.name, str) else _joined(change)
    if not name:
        raise InvalidInputError(
            "The name is missing.", how_to_fix="Give a name, or a given and a family name.", field="name"
        )
    return changed_athlete(AthleteRecord(id=athlete_id or new_id(), name=name), change)


def _joined(change: AthleteChange) -> str | None:
    parts = (change.given_name, change.family_name)
    return joined_name(*(part if isinstance(part, str) else None for part in parts))


def _add(uow: UnitOfWork, principal: Principal, change: AthleteChange) -> UUID:
    made = new_record(check_change(change))
    uow.athletes.save(organisation_id=principal.organisation_id, savings=[(None, made)])
    uow.audit.record(actor=principal, act=Act.ATHLETE_CREATED, object_id=made.id, n_teams=len(made.bibs))
    return made.id


def _edit(uow: UnitOfWork, principal: Principal, athlete: AthleteRecord, change: AthleteChange) -> bool:
    """Write what differs; False when nothing does."""
    after = changed_athlete(athlete, check_change(change))
    if same_athlete(athlete, after):
        return False
    uow.athletes.save(organisation_id=principal.organisation_id, savings=[(athlete, after)])
    if athlete.date_of_birth != after.date_of_birth:
        obey_consent(uow, organisation_id=principal.organisation_id, athlete_ids=(athlete.id,))
    uow.audit.record(
        actor=principal,
        act=Act.ATHLETE_EDITED,
        object_id=athlete.id,
        fields=",".join(changed_fields(athlete, after)),
    )
    return True


def _with_key(change: AthleteChange, *, system: str, value: str) -> AthleteChange:
    """Return the change that also gives the id by which the person was looked for."""
    if system == OWN_SYSTEM:
        return replace(change, external_id=value) if change.external_id is UNSET else change
    if system == SYNC_SYSTEM:
        return replace(change, sync_id=value) if change.sync_id is UNSET else change
    asked = {} if change.external_ids is UNSET else change.external_ids
    return replace(change, external_ids={**asked, check_system(system): value})


def _save_item(uow: UnitOfWork, principal: Principal, item: BatchItem | DomainError) -> BatchResult:
    if isinstance(item, DomainError):
        return _failed(item)
    try:
        with uow.savepoint():
            return _upsert_item(uow, principal, item)
    except DomainError as error:
        return _failed(error)


def _failed(error: DomainError) -> BatchResult:
    return BatchResult(outcome=SaveOutcome.FAILED, athlete_id=None, version=None, error=error)


def _upsert_item(uow: UnitOfWork, principal: Principal, item: BatchItem) -> BatchResult:
    change = check_change(item.change)
    found = _match(uow, principal, athlete_id=item.athlete_id, change=change)
    if found is None:
        made = _add(uow, principal, change)
        return BatchResult(outcome=SaveOutcome.CREATED, athlete_id=made, version=1)
    athlete = find_record(uow=uow, principal=principal, athlete_id=found)
    changed = _edit(uow, principal, athlete, change)
    return BatchResult(
        outcome=SaveOutcome.UPDATED if changed else SaveOutcome.UNCHANGED,
        athlete_id=found,
        version=athlete.version + (1 if changed else 0),
    )


def _match(
    uow: UnitOfWork, principal: Principal, *, athlete_id: UUID | None, change: AthleteChange
) -> UUID | None:
    """Return the one person all ids of an item lead to, None when they lead nowhere."""
    if athlete_id is not None:
        return find_record(uow=uow, principal=principal, athlete_id=athlete_id).id
    found = {
        uow.athletes.find_id(organisation_id=principal.organisation_id, system=system, value=value)
        for system, value in keys_of(change)
    } - {None}
    if len(found) > 1:
        raise InvalidInputError(
            "The ids of this item lead to different athletes.",
            how_to_fix="Merge the two records if they are one person, or correct the ids.",
        )
    return found.pop() if found else None


def keys_of(change: AthleteChange) -> Iterable[tuple[str, str]]:
    """Yield the ids in a change by which a person can be found, as system and value."""
    if isinstance(change.sync_id, str):
        yield SYNC_SYSTEM, change.sync_id
    if isinstance(change.external_id, str):
        yield OWN_SYSTEM, change.external_id
    if change.external_ids is not UNSET:
        yield from ((system, value) for system, value in change.external_ids.items() if value is not None)


def athlete_detail(uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> AthleteDetail:
    """Return one person as far as the principal sees them, or raise `NotFoundError`; the caller asked whether it may."""
    organisation_id = principal.organisation_id
    record = find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    times = uow.athletes.times(organisation_id=organisation_id, athlete_id=athlete_id)
    teams = uow.roster.teams_of(organisation_id=organisation_id, athlete_id=athlete_id)
    return AthleteDetail(
        record=record,
        teams=tuple(
            TeamMembership(id=team.id, name=team.name, n_athletes=size, bib=record.bibs.get(team.id))
            for team, size in teams
        ),
        created_at=times.created_at,
        updated_at=times.updated_at,
    )
