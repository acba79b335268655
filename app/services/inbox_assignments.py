"""Giving recordings of the inbox out: one by one or in bulk, each for itself, and taking it back.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import DomainError, InvalidInputError
from app.services.moves import move_recording
from app.services.undo_changes import undo_change

MAX_AT_ONCE = 200


class AssignStatus(StrEnum):
    """What became of one assignment."""

    MOVED = "moved"
    KEPT = "kept"
    """It was this athlete's already, and is doubted no more."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Whose a recording is; None sends it back to the inbox."""

    recording_id: UUID
    athlete_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What became of one assignment."""

    recording_id: UUID
    status: AssignStatus
    change_id: UUID | None
    """Undoes it; None unless it was moved."""
    problem: DomainError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of taking one change back."""

    change_id: UUID
    problem: DomainError | None


def assign_recordings(
    *, uow: UnitOfWork, principal: Principal, assignments: Sequence[Assignment]
) -> tuple[Assigned, ...]:
    """Give recordings to athletes, each for itself: what cannot be moved is told and holds nothing else up."""
    principal.require(Permission.ROSTER_WRITE)
    if not 1 <= len(assignments) <= MAX_AT_ONCE:
        raise InvalidInputError(
            f"Give 1 to {MAX_AT_ONCE} recordings out at a time.",
            how_to_fix="Send the others in another request.",
            field="items",
        )
    done = tuple(_assign(uow, principal, each) for each in assignments)
    settled = {each.recording_id for each in done if each.status is not AssignStatus.FAILED}
    given = {each.recording_id for each in assignments if each.athlete_id is not None}
    for ids, is_settled in ((settled & given, True), (settled - given, False)):
        if ids:
            uow.days.settle(organisation_id=principal.organisation_id, recording_ids=ids, settled=is_settled)
    return done


def undo_assignments(
    *, uow: UnitOfWork, principal: Principal, change_ids: Sequence[UUID]
) -> tuple[Undone, ...]:
    """Take assignments back, the last first; what cannot be taken back is told and holds nothing else up."""
    principal.require(Permission.ROSTER_WRITE)
    undone = []
    for change_id in reversed(change_ids[:MAX_AT_ONCE]):
        try:
            with uow.savepoint():
                change = undo_change(uow=uow, principal=principal, change_id=change_id)
        except DomainError as error:
            undone.append(Undone(change_id=change_id, problem=error))
            continue
        uow.days.settle(
            organisation_id=principal.organisation_id, recording_ids=change.recording_ids, settled=False
        )
        undone.append(Undone(change_id=change_id, problem=None))
    return tuple(undone)


def _assign(uow: UnitOfWork, principal: Principal, wanted: Assignment) -> Assigned:
    recording_id = wanted.recording_id
    try:
        with uow.savepoint():
            record = uow.recordings.find(organisation_id=principal.organisation_id, recording_id=recording_id)
            if record is not None and record.recording.athlete_id == wanted.athlete_id:
                uow.audit.record(actor=principal, act=Act.RECORDING_CONFIRMED, object_id=recording_id)
                return Assigned(recording_id=recording_id, status=AssignStatus.KEPT, change_id=None)
            change = move_recording(
                uow=uow, principal=principal, recording_id=recording_id, athlete_id=wanted.athlete_id
            )
    except DomainError as error:
        return Assigned(recording_id=recording_id, status=AssignStatus.FAILED, change_id=None, problem=error)
    return Assigned(recording_id=recording_id, status=AssignStatus.MOVED, change_id=change.id)
