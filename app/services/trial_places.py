"""Which trial an uploaded recording belongs to: a new one, one that was named, or one by its number."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.models import Screening, Trial
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext

MAX_TRIAL_NUMBER = 99
ROOM = {View.FRONTAL: 1, View.SAGITTAL: 2}
"""Recordings of one trial from one view: one from the front, one of each side."""
_LOST = (RecordingState.REJECTED, RecordingState.FAILED, RecordingState.PURGED)
"""A recording in one of these states may be filmed or sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlace:
    """A trial, and whose it is."""

    trial_id: UUID
    athlete_id: UUID
    screened_on: date
    context: ScreeningContext


def find_place(
    *,
    uow: UnitOfWork,
    principal: Principal,
    trial_id: UUID | None,
    trial_number: int | None,
    athlete_id: UUID | None,
    screened_on: date,
    context: ScreeningContext,
    movement: Movement,
    view: View,
) -> TrialPlace | None:
    """Return the trial of a recording, made where there is none yet; None while nobody knows whose it is.

    A trial that is named brings athlete, day and occasion with it. Raises `NotFoundError` (no such trial or
    athlete) and `InvalidInputError` when the trial is another athlete's, of another movement, or has a
    recording from this view already.
    """
    if trial_id is not None:
        return _named(uow, principal, trial_id=trial_id, athlete_id=athlete_id, movement=movement, view=view)
    if athlete_id is None:
        _check_nobodys(trial_number)
        return None
    organisation_id = principal.organisation_id
    _check_athlete(uow, principal, athlete_id=athlete_id)
    screening_id = uow.roster.ensure_screening(
        organisation_id=organisation_id, athlete_id=athlete_id, screened_on=screened_on, context=context
    )
    found = None
    if trial_number is not None:
        found = uow.roster.find_trial_number(
            organisation_id=organisation_id, screening_id=screening_id, movement=movement, number=trial_number
        )
    if found is None:
        found = uow.roster.add_trial(
            organisation_id=organisation_id, screening_id=screening_id, movement=movement, number=trial_number
        )
    else:
        _check_room(uow, principal, trial_id=found, view=view, field="trial_number")
    return TrialPlace(trial_id=found, athlete_id=athlete_id, screened_on=screened_on, context=context)


def find_owner(*, uow: UnitOfWork, principal: Principal, trial_id: UUID) -> UUID:
    """Return whose trial this is, or raise `NotFoundError`."""
    return _trial(uow, principal, trial_id)[1].athlete_id


def check_place(
    *,
    uow: UnitOfWork,
    principal: Principal,
    trial_id: UUID | None,
    trial_number: int | None,
    athlete_id: UUID | None,
    screened_on: date,
    context: ScreeningContext,
    movement: Movement,
    view: View,
) -> None:
    """Raise as `find_place` would, and make nothing: for a recording whose file is still to come."""
    organisation_id = principal.organisation_id
    if trial_id is not None:
        _check_named(uow, principal, trial_id=trial_id, athlete_id=athlete_id, movement=movement)
        _check_room(uow, principal, trial_id=trial_id, view=view, field="trial_id")
        return
    if athlete_id is None:
        _check_nobodys(trial_number)
        return
    _check_athlete(uow, principal, athlete_id=athlete_id)
    screening_id = uow.placements.find_screening(
        organisation_id=organisation_id, athlete_id=athlete_id, screened_on=screened_on, context=context
    )
    if screening_id is None or trial_number is None:
        return
    found = uow.roster.find_trial_number(
        organisation_id=organisation_id, screening_id=screening_id, movement=movement, number=trial_number
    )
    if found is not None:
        _check_room(uow, principal, trial_id=found, view=view, field="trial_number")


def _check_athlete(uow: UnitOfWork, principal: Principal, *, athlete_id: UUID) -> None:
    if uow.roster.find_athlete(organisation_id=principal.organisation_id, athlete_id=athlete_id) is None:
        raise NotFoundError(
            "There is no such athlete.",
            how_to_fix="Choose somebody who is on your roster, or send the video without an athlete.",
        )


def _check_nobodys(trial_number: int | None) -> None:
    if trial_number is not None:
        raise InvalidInputError(
            "A trial's number means nothing without the athlete.",
            how_to_fix="Send the athlete too, or name the trial by its id.",
            field="trial_number",
        )


def _named(
    uow: UnitOfWork,
    principal: Principal,
    *,
    trial_id: UUID,
    athlete_id: UUID | None,
    movement: Movement,
    view: View,
) -> TrialPlace:
    screening = _check_named(uow, principal, trial_id=trial_id, athlete_id=athlete_id, movement=movement)
    # Holds the screening, so that two uploads at once cannot both find room.
    uow.roster.ensure_screening(
        organisation_id=principal.organisation_id,
        athlete_id=screening.athlete_id,
        screened_on=screening.screened_on,
        context=screening.context,
    )
    _check_room(uow, principal, trial_id=trial_id, view=view, field="trial_id")
    return TrialPlace(
        trial_id=trial_id,
        athlete_id=screening.athlete_id,
        screened_on=screening.screened_on,
        context=screening.context,
    )


def _check_named(
    uow: UnitOfWork, principal: Principal, *, trial_id: UUID, athlete_id: UUID | None, movement: Movement
) -> Screening:
    """Return the screening of a trial that was named, or refuse what does not fit it."""
    trial, screening = _trial(uow, principal, trial_id)
    if athlete_id is not None and athlete_id != screening.athlete_id:
        raise InvalidInputError(
            "That trial is another athlete's.",
            how_to_fix="Leave the athlete out: the trial says whose it is.",
            field="athlete_id",
        )
    if movement is not trial.movement:
        raise InvalidInputError(
            "That trial is of another movement.",
            how_to_fix=f"Send movement={trial.movement.value}, or name another trial.",
            field="movement",
        )
    return screening


def _trial(uow: UnitOfWork, principal: Principal, trial_id: UUID) -> tuple[Trial, Screening]:
    found = uow.roster.find_trial(organisation_id=principal.organisation_id, trial_id=trial_id)
    if found is None:
        raise NotFoundError(
            "There is no such trial.", how_to_fix="Take the trial_id from the recording of its other view."
        )
    return found


def _check_room(uow: UnitOfWork, principal: Principal, *, trial_id: UUID, view: View, field: str) -> None:
    """Refuse a second recording of one trial from the front, and a third from the side."""
    recordings = uow.screenings.recordings_of_trial(
        organisation_id=principal.organisation_id, trial_id=trial_id
    )
    if sum(r.view is view and r.state not in _LOST for r in recordings) >= ROOM[view]:
        raise InvalidInputError(
            f"That trial has its recordings from this view ({view.value}) already.",
            how_to_fix="Name another trial, or leave the trial out to begin a new one.",
            field=field,
        )
