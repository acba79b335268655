"""Putting right whose a result is: moving a recording or a screening, merging two records; and undoing either.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id`` and holds the roster. What was
before is written down in the same transaction, so that the act can be taken back for thirty days.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from app.biomech.types import Sex
from app.db.models import RosterChange
from app.db.repositories.changes import ChangeItem
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import (
    OWN_SYSTEM,
    SYNC_SYSTEM,
    AthleteRecord,
    athlete_from_json,
    athlete_to_json,
    same_athlete,
)
from app.domain.changes import ChangeKind, Placement, holds_placement, placement_difference
from app.domain.errors import InvalidInputError, NotFoundError, StaleStateError
from app.domain.lifecycle import TRANSITIONS, Trigger
from app.domain.screenings import ScreeningContext
from app.jobs.names import ANALYSE_RECORDING
from app.jobs.queue import BULK, Job
from app.services.athletes import find_record
from app.services.consent_rules import obey_consent
from app.services.presenters import no_recording
from app.services.roster_changes import ChangeView, note

_FILLED: Final = (
    "given_name", "family_name", "external_id", "sync_id", "date_of_birth", "sport", "position", "level",
    "stature_cm", "mass_kg", "leg_dominance", "email", "phone",
)  # fmt: skip
"""What a merged record takes from the other where it has nothing itself."""


def move_recording(
    *, uow: UnitOfWork, principal: Principal, recording_id: UUID, athlete_id: UUID | None
) -> ChangeView:
    """Give a recording to the athlete it shows, or with None back to the inbox.

    It joins the athlete's screening of its day and context. Raises `StaleStateError` while it is processed.
    """
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    record = uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id)
    if record is None:
        raise no_recording()
    recording = record.recording
    _check_moves(recording.athlete_id, athlete_id)
    target = None
    if athlete_id is not None:
        find_record(uow=uow, principal=principal, athlete_id=athlete_id)
        target = _find_screening(
            uow, principal, athlete_id, on=recording.screened_on, context=recording.context
        )
    involved = [each for each in (record.screening_id, target) if each is not None]
    before = _read(uow, principal, involved, recording_ids=(recording_id,))
    if athlete_id is None:
        _place(uow, principal, recording_id, trial_id=None, athlete_id=None)
    else:
        target = uow.roster.ensure_screening(
            organisation_id=organisation_id,
            athlete_id=athlete_id,
            screened_on=recording.screened_on,
            context=recording.context,
        )
        _into_screening(uow, principal, before, recording_id, screening_id=target, athlete_id=athlete_id)
    uow.placements.remove_empty(organisation_id=organisation_id, screening_ids=involved)
    after = _read(uow, principal, [*involved, *([target] if target else [])], recording_ids=(recording_id,))
    concerned = [each for each in (recording.athlete_id, athlete_id) if each is not None]
    return _note_move(uow, principal, ChangeKind.MOVE_RECORDING, before, after, athlete_ids=concerned)


def move_screening(
    *, uow: UnitOfWork, principal: Principal, screening_id: UUID, athlete_id: UUID
) -> ChangeView:
    """Give a whole screening to another athlete; it joins theirs of the same day and context, if there is one."""
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    found = _read(uow, principal, [screening_id])
    if not found["screening"]:
        raise NotFoundError("There is no such screening.", how_to_fix="Choose one of your own screenings.")
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    owner = UUID(found["screening"][0]["athlete_id"])
    _check_moves(owner, athlete_id)
    touched = [screening_id, *_target_of(uow, principal, found["screening"][0], athlete_id)]
    before = _read(uow, principal, touched)
    _give_screening(uow, principal, found, athlete_id=athlete_id)
    after = _read(uow, principal, touched)
    return _note_move(
        uow, principal, ChangeKind.MOVE_SCREENING, before, after, athlete_ids=[owner, athlete_id]
    )


def merge_athletes(*, uow: UnitOfWork, principal: Principal, into_id: UUID, other_id: UUID) -> ChangeView:
    """Make two records of one person one: everything of the other's moves, and its ids lead here from now on.

    Where both know something, what `into_id` knows stays.
    """
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    into = find_record(uow=uow, principal=principal, athlete_id=into_id)
    other = find_record(uow=uow, principal=principal, athlete_id=other_id)
    if into_id == other_id:
        raise InvalidInputError(
            "An athlete cannot be merged into the same athlete.", how_to_fix="Name the other record.", field="athlete_id"
        )  # fmt: skip
    theirs = uow.placements.screening_ids_of(organisation_id=organisation_id, athlete_id=other_id)
    mine = uow.placements.screening_ids_of(organisation_id=organisation_id, athlete_id=into_id)
    before = _read(uow, principal, [*theirs, *mine], athlete_ids=(other_id,))
    for screening_id in theirs:
        _give_screening(uow, principal, _read(uow, principal, [screening_id]), athlete_id=into_id)
    for row in _read(uow, principal, (), athlete_ids=(other_id,))["recording"]:
        _place(uow, principal, UUID(row["id"]), trial_id=None, athlete_id=into_id)
    merged = _merged(into, other)
    inherited = _inherited(uow, principal, merged=merged, other=other)
    uow.privacy.give_decisions(organisation_id=organisation_id, from_id=other_id, to_id=into_id)
    uow.captures.give(organisation_id=organisation_id, from_id=other_id, to_id=into_id)
    uow.athletes.delete(organisation_id=organisation_id, ids=(other_id,))
    uow.athletes.save(organisation_id=organisation_id, savings=[(into, merged)])
    uow.athletes.inherit_ids(organisation_id=organisation_id, athlete_id=into_id, ids=inherited)
    uow.athletes.bury(
        organisation_id=organisation_id, athlete_id=other_id, reason=ChangeKind.MERGE.value, merged_into=into_id
    )  # fmt: skip
    recording_ids = [UUID(row["id"]) for row in before["recording"]]
    after = _read(uow, principal, [*theirs, *mine], recording_ids=recording_ids)
    return _note(
        uow,
        principal,
        ChangeKind.MERGE,
        placements=(before, after),
        items=[
            ChangeItem(athlete_id=into_id, before=athlete_to_json(into), after=athlete_to_json(merged)),
            ChangeItem(athlete_id=other_id, before=athlete_to_json(other), after=None),
        ],
        detail={"inherited": [list(each) for each in inherited]},
        gone=other,
    )


def undo_placement(*, uow: UnitOfWork, principal: Principal, change: RosterChange) -> None:
    """Take a move or a merge back; raise `StaleStateError` when what it moved has changed since."""
    placed = change.detail["before"], change.detail["after"]
    items = uow.changes.items(organisation_id=principal.organisation_id, change_id=change.id)
    _check_unchanged(uow, principal, after=placed[1], items=items)
    if change.kind is ChangeKind.MERGE:
        _part_again(uow, principal, change, items)
    uow.placements.restore(organisation_id=principal.organisation_id, before=placed[0], after=placed[1])
    _reanalyse(uow, principal, before=placed[1], after=placed[0])
    concerned = [item.athlete_id for item in items]
    obey_consent(uow, organisation_id=principal.organisation_id, athlete_ids=concerned, inbox=True)


def _check_moves(owner: UUID | None, athlete_id: UUID | None) -> None:
    if owner == athlete_id:
        raise InvalidInputError(
            "It belongs to this athlete already.", how_to_fix="Choose somebody else.", field="athlete_id"
        )


def _read(
    uow: UnitOfWork,
    principal: Principal,
    screening_ids: Collection[UUID],
    *,
    athlete_ids: Collection[UUID] = (),
    recording_ids: Collection[UUID] = (),
) -> Placement:
    return uow.placements.read(
        organisation_id=principal.organisation_id,
        screening_ids=screening_ids,
        athlete_ids=athlete_ids,
        recording_ids=recording_ids,
    )


def _find_screening(
    uow: UnitOfWork, principal: Principal, athlete_id: UUID, *, on: date, context: ScreeningContext
) -> UUID | None:
    return uow.placements.find_screening(
        organisation_id=principal.organisation_id, athlete_id=athlete_id, screened_on=on, context=context
    )


def _target_of(
    uow: UnitOfWork, principal: Principal, screening: Mapping[str, Any], athlete_id: UUID
) -> list[UUID]:
    """Return the athlete's own screening of the same occasion; none or one."""
    day, context = date.fromisoformat(screening["screened_on"]), ScreeningContext(screening["context"])
    found = _find_screening(uow, principal, athlete_id, on=day, context=context)
    return [] if found is None else [found]


def _place(
    uow: UnitOfWork, principal: Principal, recording_id: UUID, *, trial_id: UUID | None, athlete_id: UUID | None
) -> None:  # fmt: skip
    uow.placements.give_recording(
        organisation_id=principal.organisation_id,
        recording_id=recording_id,
        trial_id=trial_id,
        athlete_id=athlete_id,
    )


def _into_screening(
    uow: UnitOfWork,
    principal: Principal,
    before: Placement,
    recording_id: UUID,
    *,
    screening_id: UUID,
    athlete_id: UUID,
) -> None:
    """Move the trial itself when this recording is all there is of it; else begin a trial of its own."""
    organisation_id = principal.organisation_id
    trial_ids = {row["id"]: row["trial_id"] for row in before["recording"]}
    trial_id = trial_ids[str(recording_id)]
    if trial_id is not None and list(trial_ids.values()).count(trial_id) == 1:
        uow.placements.give_trial(
            organisation_id=organisation_id,
            trial_id=UUID(trial_id),
            screening_id=screening_id,
            athlete_id=athlete_id,
        )
        return
    record = uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id)
    if record is None:
        raise no_recording()
    made = uow.roster.add_trial(
        organisation_id=organisation_id, screening_id=screening_id, movement=record.recording.movement
    )
    _place(uow, principal, recording_id, trial_id=made, athlete_id=athlete_id)


def _give_screening(uow: UnitOfWork, principal: Principal, found: Placement, *, athlete_id: UUID) -> None:
    """Make one screening the athlete's: as it stands, or trial by trial into theirs of the same occasion."""
    organisation_id = principal.organisation_id
    screening = found["screening"][0]
    screening_id = UUID(screening["id"])
    target = _target_of(uow, principal, screening, athlete_id)
    if not target:
        uow.placements.give_screening(
            organisation_id=organisation_id, screening_id=screening_id, athlete_id=athlete_id
        )
        return
    for trial in sorted(found["trial"], key=lambda row: (row["movement"], row["number"])):
        uow.placements.give_trial(
            organisation_id=organisation_id,
            trial_id=UUID(trial["id"]),
            screening_id=target[0],
            athlete_id=athlete_id,
        )
    uow.placements.remove_empty(organisation_id=organisation_id, screening_ids=[screening_id])


def _merged(into: AthleteRecord, other: AthleteRecord) -> AthleteRecord:
    filled = {name: getattr(other, name) for name in _FILLED if getattr(into, name) is None}
    return replace(
        into,
        **filled,
        guardians=into.guardians or other.guardians,
        sex=other.sex if into.sex is Sex.UNSPECIFIED else into.sex,
        external_ids={**other.external_ids, **into.external_ids},
        bibs={**other.bibs, **into.bibs},
        active=into.active or other.active,
    )


def _inherited(
    uow: UnitOfWork, principal: Principal, *, merged: AthleteRecord, other: AthleteRecord
) -> list[tuple[str, str]]:
    """Return the other's ids that the merged record does not show itself."""
    theirs = [*other.external_ids.items(), (OWN_SYSTEM, other.external_id), (SYNC_SYSTEM, other.sync_id)]
    shown = {*merged.external_ids.items(), (OWN_SYSTEM, merged.external_id), (SYNC_SYSTEM, merged.sync_id)}
    earlier = uow.athletes.inherited_ids(organisation_id=principal.organisation_id, athlete_id=other.id)
    return earlier + [
        (system, value) for system, value in theirs if value is not None and (system, value) not in shown
    ]


def _note_move(
    uow: UnitOfWork,
    principal: Principal,
    kind: ChangeKind,
    before: Placement,
    after: Placement,
    *,
    athlete_ids: list[UUID],
) -> ChangeView:
    items = [ChangeItem(athlete_id=each, before=None, after=None) for each in athlete_ids]
    return _note(uow, principal, kind, placements=(before, after), items=items, detail={})


def _note(
    uow: UnitOfWork,
    principal: Principal,
    kind: ChangeKind,
    *,
    placements: tuple[Placement, Placement],
    items: list[ChangeItem],
    detail: dict[str, Any],
    gone: AthleteRecord | None = None,
) -> ChangeView:
    before, after = placement_difference(*placements)
    n_reanalysed = _reanalyse(uow, principal, before=before, after=after, gone=gone)
    known = {"before": before, "after": after, "n_reanalysed": n_reanalysed}
    athlete_ids = [item.athlete_id for item in items]
    obey_consent(uow, organisation_id=principal.organisation_id, athlete_ids=athlete_ids, inbox=True)
    concerned = " ".join(map(str, athlete_ids))
    n_recordings = len(after["recording"])
    return note(
        uow,
        principal,
        kind,
        items=items,
        detail=known | detail,
        athletes=concerned,
        n_recordings=n_recordings,
    )


def _reanalyse(
    uow: UnitOfWork,
    principal: Principal,
    *,
    before: Placement,
    after: Placement,
    gone: AthleteRecord | None = None,
) -> int:
    """Queue finished recordings again whose new athlete has another sex or stature; refuse one being read just now.

    Lengths are scaled with the stature and the reference range chosen by the sex, so a moved result would be
    somebody else's.
    """
    owners = {row["id"]: row["athlete_id"] for row in before["recording"]}
    moved = [(row["id"], owners.get(row["id"]), row["athlete_id"]) for row in after["recording"]]
    ids = {UUID(each) for _, old, new in moved for each in (old, new) if each is not None}
    people = uow.athletes.load(organisation_id=principal.organisation_id, ids=ids)
    if gone is not None:
        people[gone.id] = gone
    n_queued = 0
    for recording_id, old, new in moved:
        differs = _read_with(people, old) != _read_with(people, new)
        n_queued += _requeue(uow, principal, UUID(recording_id), anew=differs and old is not None)
    return n_queued


def _read_with(people: Mapping[UUID, AthleteRecord], athlete_id: str | None) -> tuple[Any, ...] | None:
    person = None if athlete_id is None else people.get(UUID(athlete_id))
    return None if person is None else (person.sex, person.stature_cm)


def _requeue(uow: UnitOfWork, principal: Principal, recording_id: UUID, *, anew: bool) -> int:
    record = uow.recordings.find(organisation_id=principal.organisation_id, recording_id=recording_id)
    state = None if record is None else record.recording.state
    if state is None:
        return 0
    if (state, Trigger.ASSESSED) in TRANSITIONS:
        raise StaleStateError(
            "The recording is being analysed just now.", how_to_fix="Wait for its result, then move it."
        )
    video_is_gone = record is not None and record.recording.original_deleted_at is not None
    if not anew or video_is_gone or (state, Trigger.REANALYSE) not in TRANSITIONS:
        return 0
    uow.recordings.enqueue(
        recording_id, from_state=state, trigger=Trigger.REANALYSE, actor=principal, bulk=True
    )
    args = (str(recording_id), str(principal.organisation_id))
    uow.defer(Job(name=ANALYSE_RECORDING, args=args, queue=BULK))
    return 1


def _check_unchanged(
    uow: UnitOfWork, principal: Principal, *, after: Placement, items: Collection[ChangeItem]
) -> None:
    """Raise `StaleStateError` unless everything is as the act left it."""
    now = _read(
        uow,
        principal,
        [*{UUID(row["id"]) for row in after["screening"]}, *{UUID(row["screening_id"]) for row in after["trial"]}],
        recording_ids=[UUID(row["id"]) for row in after["recording"]],
    )  # fmt: skip
    left = [athlete_from_json(item.after) for item in items if item.after is not None]
    people = uow.athletes.load(organisation_id=principal.organisation_id, ids=[each.id for each in left])
    if not holds_placement(now, after) or not all(
        each.id in people and same_athlete(people[each.id], each) for each in left
    ):
        raise StaleStateError(
            "It cannot be undone: what it changed has changed again since.",
            how_to_fix="Undo the later change first, or move the recordings by hand.",
        )


def _part_again(
    uow: UnitOfWork, principal: Principal, change: RosterChange, items: Collection[ChangeItem]
) -> None:
    """Give each of two merged records its own again."""
    organisation_id = principal.organisation_id
    into, other = items
    inherited = [(system, value) for system, value in change.detail["inherited"]]
    was, gone = athlete_from_json(into.before or {}), athlete_from_json(other.before or {})
    uow.athletes.drop_inherited_ids(organisation_id=organisation_id, athlete_id=was.id, ids=inherited)
    now = find_record(uow=uow, principal=principal, athlete_id=was.id)
    uow.athletes.unbury(organisation_id=organisation_id, athlete_id=gone.id)
    uow.athletes.save(organisation_id=organisation_id, savings=[(now, was), (None, gone)])
    shown = {*gone.external_ids.items(), (OWN_SYSTEM, gone.external_id), (SYNC_SYSTEM, gone.sync_id)}
    uow.athletes.inherit_ids(
        organisation_id=organisation_id, athlete_id=gone.id, ids=[each for each in inherited if each not in shown]
    )  # fmt: skip
