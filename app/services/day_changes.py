"""Screening days and their stations put right: what was filmed keeps the day, the place and the plan it was filmed by.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id`` and holds the day: whoever announces a
recording at the same moment does so before the change, or after it and by the new plan.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.repositories.days import DayRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import UNSET, Unset
from app.domain.audit import Act
from app.domain.captures import CaptureState
from app.domain.errors import InvalidInputError, NotFoundError, StaleStateError
from app.domain.screenings import ScreeningContext
from app.domain.versions import ANY, Expected
from app.services.checks import check_text
from app.services.screening_days import (
    DayView,
    StationPlan,
    check_box_height,
    check_held_on,
    check_n_stations,
    check_n_trials,
    day_view,
    find_day,
    hold_day,
    hold_team_for_day,
)

_FIXED: Final = frozenset({"team_id", "held_on", "context", "movement"})
"""What every recording of the day was filed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """What to write: UNSET leaves a field as it is, None clears it."""

    team_id: UUID | Unset = UNSET
    name: str | Unset = UNSET
    held_on: date | Unset = UNSET
    context: ScreeningContext | Unset = UNSET
    movement: Movement | Unset = UNSET
    box_height_cm: float | Unset | None = UNSET
    n_trials: int | Unset = UNSET

    def asked(self) -> dict[str, Any]:
        """Return the fields that are asked about, by name."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not UNSET}


def edit_day(
    *, uow: UnitOfWork, principal: Principal, day_id: UUID, change: DayChange, expected: Expected = ANY
) -> DayView:
    """Change the plan of a day; raise `StaleStateError` when it is one that recordings were filed by already."""
    record = _hold(uow, principal, day_id, expected=expected)
    values = {name: value for name, value in change.asked().items() if getattr(record.day, name) != value}
    checked = {name: _CHECKS[name](value) if name in _CHECKS else value for name, value in values.items()}
    if _FIXED & values.keys() and _was_filmed(uow, record):
        raise StaleStateError(
            "Something was filmed on this day already: its team, date, occasion and movement stay.",
            how_to_fix="Plan another day for what is still to come. What was filed wrongly can be moved.",
        )
    if "team_id" in values:
        hold_team_for_day(uow, principal, values["team_id"])
    if not checked:
        return day_view(record)
    uow.days.change(organisation_id=principal.organisation_id, day_id=day_id, values=checked)
    return _changed(uow, principal, day_id, fields=sorted(checked))


def remove_day(*, uow: UnitOfWork, principal: Principal, day_id: UUID, expected: Expected = ANY) -> None:
    """Remove a day on which nothing was filmed; raise `StaleStateError` when something was, or a phone is there."""
    record = _hold(uow, principal, day_id, expected=expected)
    if _was_filmed(uow, record):
        raise StaleStateError(
            "Something was filmed on this day already.",
            how_to_fix="Close it instead: nothing new is taken, and everything of it stays.",
        )
    _check_no_phone(uow, principal, (station.id for station in record.stations))
    uow.days.remove(organisation_id=principal.organisation_id, day_id=day_id)
    uow.audit.record(actor=principal, act=Act.DAY_REMOVED, object_id=day_id, team=str(record.day.team_id))


def add_station(
    *, uow: UnitOfWork, principal: Principal, day_id: UUID, plan: StationPlan, expected: Expected = ANY
) -> DayView:
    """Add a camera to a day, running or not; a view that none had before is lacking of everybody from now on."""
    record = _hold(uow, principal, day_id, expected=expected)
    check_n_stations(len(record.stations) + 1)
    number = max((station.number for station in record.stations), default=0) + 1
    uow.days.add_station(
        organisation_id=principal.organisation_id,
        day_id=day_id,
        number=number,
        name=_station_name(plan.name or f"Station {number}"),
        view=plan.view,
    )
    return _changed(uow, principal, day_id, fields=("stations",))


def edit_station(
    *,
    uow: UnitOfWork,
    principal: Principal,
    day_id: UUID,
    station_id: UUID,
    name: str | None = None,
    view: View | None = None,
    expected: Expected = ANY,
) -> DayView:
    """Call a station something else, or say from where it films; the latter only while nothing was filmed there."""
    record = _hold(uow, principal, day_id, expected=expected)
    station = _station(record, station_id)
    if view is not None and view is not station.view and _was_filmed(uow, record, at=station_id):
        raise StaleStateError(
            "Something was filmed at this station already, from where it stood.",
            how_to_fix="Add another station for the other view.",
        )
    after = (station.name if name is None else _station_name(name), view or station.view)
    if after == (station.name, station.view):
        return day_view(record)
    uow.days.change_station(
        organisation_id=principal.organisation_id, station_id=station_id, name=after[0], view=after[1]
    )
    return _changed(uow, principal, day_id, fields=("stations",))


def remove_station(
    *, uow: UnitOfWork, principal: Principal, day_id: UUID, station_id: UUID, expected: Expected = ANY
) -> None:
    """Remove a station at which nothing was filmed and no phone is; a day keeps at least one."""
    record = _hold(uow, principal, day_id, expected=expected)
    _station(record, station_id)
    if _was_filmed(uow, record, at=station_id):
        raise StaleStateError(
            "Something was filmed at this station already.", how_to_fix="Leave it; nobody has to film there."
        )
    if len(record.stations) == 1:
        raise InvalidInputError(
            "A day has at least one station.", how_to_fix="Add the other one first.", field="stations"
        )
    _check_no_phone(uow, principal, (station_id,))
    uow.days.remove_station(organisation_id=principal.organisation_id, station_id=station_id)
    _changed(uow, principal, day_id, fields=("stations",))


def _hold(uow: UnitOfWork, principal: Principal, day_id: UUID, *, expected: Expected) -> DayRecord:
    """Return a day in an expected version that nobody else changes, and for which nothing is announced meanwhile."""
    principal.require(Permission.RECORDINGS_WRITE)
    principal.require(Permission.ROSTER_READ)
    record = hold_day(uow, principal, day_id, to_change=True)
    expected.check(day_view(record).tag, what="The screening day")
    return record


def _was_filmed(uow: UnitOfWork, record: DayRecord, *, at: UUID | None = None) -> bool:
    """Say whether a recording is there or on its way, of the day or of one station."""
    clips = uow.days.clips(organisation_id=record.day.organisation_id, day_id=record.day.id)
    return any(
        clip.recording_id is not None or clip.capture_state is CaptureState.AWAITING_UPLOAD
        for clip in clips
        if at is None or clip.station_id == at
    )


def _check_no_phone(uow: UnitOfWork, principal: Principal, station_ids: Iterable[UUID]) -> None:
    """Refuse while a phone is there: it may keep videos that it has not announced yet."""
    passes = uow.stations.list_passes(
        organisation_id=principal.organisation_id, station_ids=list(station_ids)
    )
    if any(each.opened_at is not None for each in passes):
        raise StaleStateError(
            "A phone is at this station, and may still hold videos.",
            how_to_fix="Look whether it says that all were sent, and send it away first.",
        )


def _changed(uow: UnitOfWork, principal: Principal, day_id: UUID, *, fields: Iterable[str]) -> DayView:
    """Let the day's views be those of its stations, write the act down, and return the day as it is now."""
    record = find_day(uow, principal, day_id)
    views = list(dict.fromkeys(station.view.value for station in record.stations))
    if views != record.day.views:
        uow.days.change(organisation_id=principal.organisation_id, day_id=day_id, values={"views": views})
        record = find_day(uow, principal, day_id)
    uow.audit.record(actor=principal, act=Act.DAY_CHANGED, object_id=day_id, fields=",".join(fields))
    return day_view(record)


def _station(record: DayRecord, station_id: UUID) -> Any:
    for station in record.stations:
        if station.id == station_id:
            return station
    raise NotFoundError(
        "There is no such station at this day.", how_to_fix="Choose one of the day's stations."
    )


def _station_name(name: str) -> str:
    return check_text(name, field="station_name", max_length=60)


def _day_name(name: str) -> str:
    return check_text(name, field="name")


_CHECKS: Final[dict[str, Callable[[Any], object]]] = {
    "name": _day_name,
    "held_on": check_held_on,
    "box_height_cm": check_box_height,
    "n_trials": check_n_trials,
}
