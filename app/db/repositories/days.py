"""Screening days of one organisation: who is to be filmed, and what was."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.biomech.types import Movement, View
from app.db.models import Athlete, Capture, DayCapture, DayStation, Recording, ScreeningDay, Team, TeamMember
from app.db.types import new_id
from app.domain.access import Principal
from app.domain.captures import CaptureState
from app.domain.lifecycle import RecordingState
from app.domain.screening_days import SaidBy
from app.domain.screenings import ScreeningContext

_MAX_NEAR = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDay:
    """A day that is planned."""

    team_id: UUID
    name: str
    held_on: date
    context: ScreeningContext
    movement: Movement
    views: tuple[View, ...]
    box_height_cm: float | None
    n_trials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """A day, its team and its stations in order."""

    day: ScreeningDay
    team_name: str
    stations: tuple[DayStation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAthlete:
    """Somebody who is to be filmed."""

    id: UUID
    name: str
    bib: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClip:
    """A capture of a day and the recording it became."""

    capture_id: UUID
    day_id: UUID
    station_id: UUID
    position: int
    said_by: SaidBy
    bib: str | None
    taken_at: datetime
    view: View
    filename: str
    capture_state: CaptureState
    recording_id: UUID | None
    recording_state: RecordingState | None
    """None while there is no recording."""
    is_dropped: bool
    """A person left this trial out."""
    is_settled: bool
    """A person said whose it is."""
    athlete_id: UUID | None
    """Whose it is now; before there is a recording, whom the station named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRecording:
    """A recording of an athlete of the day that came another way."""

    recording_id: UUID
    athlete_id: UUID
    view: View
    state: RecordingState
    filename: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRecording:
    """A recording with an athlete that came shortly before or after one without."""

    recording_id: UUID
    athlete_id: UUID
    created_at: datetime


class DayRepository:
    """Screening days of one organisation."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(self, new: NewDay, *, stations: Sequence[tuple[str, View]], actor: Principal) -> UUID:
        """Insert a day and its stations; return its id."""
        day_id, organisation_id = new_id(), actor.organisation_id
        fields = {name: getattr(new, name) for name in NewDay.__slots__}
        self._session.execute(
            insert(ScreeningDay).values(
                **fields | {"views": [view.value for view in new.views]},
                id=day_id,
                organisation_id=organisation_id,
                created_by=actor.user_id,
            )
        )
        self._session.execute(
            insert(DayStation).values(
                [
                    {"id": new_id(), "organisation_id": organisation_id, "day_id": day_id, "number": number,
                     "name": name, "view": view}
                    for number, (name, view) in enumerate(stations, start=1)
                ]
            )
        )  # fmt: skip
        return day_id

    def find(self, *, organisation_id: UUID, day_id: UUID) -> DayRecord | None:
        """Return a day, or None."""
        found = self._records(
            organisation_id=organisation_id, rows=self._rows(organisation_id=organisation_id, day_id=day_id)
        )
        return found[0] if found else None

    def hold(self, *, organisation_id: UUID, day_id: UUID, to_change: bool) -> bool:
        """Let nobody change a day, or with `to_change` announce anything for it either; False when it is not there."""
        query = select(ScreeningDay.id).where(
            ScreeningDay.organisation_id == organisation_id, ScreeningDay.id == day_id
        )
        held = query.with_for_update() if to_change else query.with_for_update(read=True)
        return self._session.scalar(held) is not None

    def change(self, *, organisation_id: UUID, day_id: UUID, values: Mapping[str, Any]) -> None:
        """Write these columns of a day that is held."""
        self._session.execute(
            update(ScreeningDay)
            .where(ScreeningDay.organisation_id == organisation_id, ScreeningDay.id == day_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )

    def remove(self, *, organisation_id: UUID, day_id: UUID) -> None:
        """Remove a day that is held, with its stations, codes and places."""
        self._session.execute(
            delete(ScreeningDay)
            .where(ScreeningDay.organisation_id == organisation_id, ScreeningDay.id == day_id)
            .execution_options(synchronize_session=False)
        )

    def add_station(self, *, organisation_id: UUID, day_id: UUID, number: int, name: str, view: View) -> UUID:
        """Insert a station of a day that is held."""
        return self._session.scalars(
            insert(DayStation)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                day_id=day_id,
                number=number,
                name=name,
                view=view,
            )
            .returning(DayStation.id)
        ).one()

    def change_station(self, *, organisation_id: UUID, station_id: UUID, name: str, view: View) -> None:
        """Write what a station is called and where its camera stands."""
        self._session.execute(
            update(DayStation)
            .where(DayStation.organisation_id == organisation_id, DayStation.id == station_id)
            .values(name=name, view=view)
            .execution_options(synchronize_session=False)
        )

    def remove_station(self, *, organisation_id: UUID, station_id: UUID) -> None:
        """Remove a station with its codes and the places of what was called off there."""
        self._session.execute(
            delete(DayStation)
            .where(DayStation.organisation_id == organisation_id, DayStation.id == station_id)
            .execution_options(synchronize_session=False)
        )

    def list_newest(
        self, *, organisation_id: UUID, team_id: UUID | None, before: tuple[date, UUID] | None, limit: int
    ) -> list[DayRecord]:
        """Return days, latest first."""
        rows = self._rows(organisation_id=organisation_id, team_id=team_id, before=before, limit=limit)
        return self._records(organisation_id=organisation_id, rows=rows)

    def close(self, *, organisation_id: UUID, day_id: UUID, closed: bool) -> None:
        """Close a day, or open it again."""
        self._session.execute(
            update(ScreeningDay)
            .where(ScreeningDay.organisation_id == organisation_id, ScreeningDay.id == day_id)
            .values(closed_at=func.coalesce(ScreeningDay.closed_at, func.now()) if closed else None)
            .execution_options(synchronize_session=False)
        )

    def athletes(self, *, organisation_id: UUID, team_id: UUID) -> list[DayAthlete]:
        """Return the active athletes of a team: those with a bib first, by its number, then by name."""
        rows = self._session.execute(
            select(Athlete.id, Athlete.name, TeamMember.bib)
            .join(
                TeamMember,
                (TeamMember.organisation_id == Athlete.organisation_id)
                & (TeamMember.athlete_id == Athlete.id),
            )
            .where(
                Athlete.organisation_id == organisation_id,
                TeamMember.team_id == team_id,
                Athlete.active.is_(True),
            )
            .order_by(Athlete.name_key, Athlete.id)
        )
        found = [DayAthlete(id=row.id, name=row.name, bib=row.bib) for row in rows]
        return sorted(found, key=_by_bib)

    def everybody(self, *, organisation_id: UUID) -> list[DayAthlete]:
        """Return all active athletes of the organisation, by name; their bibs are those of teams, and not given."""
        rows = self._session.execute(
            select(Athlete.id, Athlete.name)
            .where(Athlete.organisation_id == organisation_id, Athlete.active.is_(True))
            .order_by(Athlete.name_key, Athlete.id)
        )
        return [DayAthlete(id=row.id, name=row.name, bib=None) for row in rows]

    def count_nobodys(self, *, organisation_id: UUID) -> int:
        """Return how many recordings have no athlete."""
        return self._session.scalars(
            select(func.count()).where(
                Recording.organisation_id == organisation_id,
                Recording.athlete_id.is_(None),
                Recording.state != RecordingState.PURGED,
            )
        ).one()

    def add_clip(
        self,
        *,
        organisation_id: UUID,
        capture_id: UUID,
        day_id: UUID,
        station_id: UUID,
        pass_id: UUID | None,
        said_by: SaidBy,
        bib: str | None,
        taken_at: datetime | None,
    ) -> None:
        """Write down where and when a capture was filmed."""
        self._session.execute(
            insert(DayCapture).values(
                organisation_id=organisation_id,
                capture_id=capture_id,
                day_id=day_id,
                station_id=station_id,
                pass_id=pass_id,
                said_by=said_by,
                bib=bib,
                taken_at=func.now() if taken_at is None else taken_at,
            )
        )

    def find_place(self, *, organisation_id: UUID, capture_id: UUID) -> DayCapture | None:
        """Return where a capture was filmed, or None when it is of no screening day."""
        return self._session.scalars(
            select(DayCapture).where(
                DayCapture.organisation_id == organisation_id, DayCapture.capture_id == capture_id
            )
        ).one_or_none()

    def clips(self, *, organisation_id: UUID, day_id: UUID) -> list[DayClip]:
        """Return what was announced for a day, in the order it was filmed."""
        rows = self._session.execute(
            select(DayCapture, Capture, Recording, (Capture.expires_at <= func.now()).label("is_over"))
            .join(
                Capture,
                (Capture.organisation_id == DayCapture.organisation_id)
                & (Capture.id == DayCapture.capture_id),
            )
            .outerjoin(
                Recording,
                (Recording.organisation_id == Capture.organisation_id)
                & (Recording.id == Capture.recording_id),
            )
            .where(DayCapture.organisation_id == organisation_id, DayCapture.day_id == day_id)
            .order_by(DayCapture.taken_at, DayCapture.position)
            .execution_options(populate_existing=True)
        )
        return [
            _clip(row.DayCapture, row.Capture, recording=row.Recording, is_over=row.is_over) for row in rows
        ]

    def other_recordings(
        self, *, day: ScreeningDay, athlete_ids: Collection[UUID], known: Collection[UUID]
    ) -> list[OtherRecording]:
        """Return what else there is of these athletes, this day, occasion and movement."""
        rows = self._session.scalars(
            select(Recording).where(
                Recording.organisation_id == day.organisation_id,
                Recording.athlete_id.in_(athlete_ids),
                Recording.screened_on == day.held_on,
                Recording.context == day.context,
                Recording.movement == day.movement,
                Recording.dropped_at.is_(None),
                Recording.state != RecordingState.PURGED,
            )
        )
        return [
            OtherRecording(
                recording_id=row.id,
                athlete_id=row.athlete_id,
                view=row.view,
                state=row.state,
                filename=row.filename,
                created_at=row.created_at,
            )
            for row in rows
            if row.id not in known and row.athlete_id is not None
        ]

    def settle(self, *, organisation_id: UUID, recording_ids: Collection[UUID], settled: bool) -> None:
        """Note that a person said whose these recordings are, or took it back."""
        captures = select(Capture.id).where(
            Capture.organisation_id == organisation_id, Capture.recording_id.in_(recording_ids)
        )
        self._session.execute(
            update(DayCapture)
            .where(DayCapture.organisation_id == organisation_id, DayCapture.capture_id.in_(captures))
            .values(settled_at=func.now() if settled else None)
            .execution_options(synchronize_session=False)
        )

    def near(
        self, *, organisation_id: UUID, times: Collection[datetime], within_s: float
    ) -> list[NearRecording]:
        """Return what came for somebody around these times, in order."""
        if not times:
            return []
        around = timedelta(seconds=within_s)
        rows = self._session.execute(
            select(Recording.id, Recording.athlete_id, Recording.created_at)
            .where(
                Recording.organisation_id == organisation_id,
                Recording.athlete_id.is_not(None),
                Recording.created_at >= min(times) - around,
                Recording.created_at <= max(times) + around,
            )
            .order_by(Recording.created_at, Recording.id)
            .limit(_MAX_NEAR)
        )
        return [
            NearRecording(recording_id=row.id, athlete_id=row.athlete_id, created_at=row.created_at)
            for row in rows
            if any(abs(row.created_at - each) <= around for each in times)
        ]

    def days_of(self, *, organisation_id: UUID, recording_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return of which day each of these recordings is; those of none are not in it."""
        rows = self._session.execute(
            select(Capture.recording_id, DayCapture.day_id)
            .join(
                DayCapture,
                (DayCapture.organisation_id == Capture.organisation_id)
                & (DayCapture.capture_id == Capture.id),
            )
            .where(Capture.organisation_id == organisation_id, Capture.recording_id.in_(recording_ids))
        )
        return {row.recording_id: row.day_id for row in rows}

    def _rows(
        self,
        *,
        organisation_id: UUID,
        day_id: UUID | None = None,
        team_id: UUID | None = None,
        before: tuple[date, UUID] | None = None,
        limit: int = 1,
    ) -> list[tuple[ScreeningDay, str]]:
        query = (
            select(ScreeningDay, Team.name)
            .join(
                Team,
                (Team.organisation_id == ScreeningDay.organisation_id) & (Team.id == ScreeningDay.team_id),
            )
            .where(ScreeningDay.organisation_id == organisation_id)
        )
        if day_id is not None:
            query = query.where(ScreeningDay.id == day_id)
        if team_id is not None:
            query = query.where(ScreeningDay.team_id == team_id)
        if before is not None:
            query = query.where(tuple_(ScreeningDay.held_on, ScreeningDay.id) < before)
        query = query.order_by(ScreeningDay.held_on.desc(), ScreeningDay.id.desc()).limit(limit)
        rows = self._session.execute(query.execution_options(populate_existing=True))
        return [(row[0], row[1]) for row in rows]

    def _records(self, *, organisation_id: UUID, rows: list[tuple[ScreeningDay, str]]) -> list[DayRecord]:
        stations: dict[UUID, list[DayStation]] = {day.id: [] for day, _ in rows}
        query = select(DayStation).where(
            DayStation.organisation_id == organisation_id, DayStation.day_id.in_(stations)
        )
        query = query.order_by(DayStation.number).execution_options(populate_existing=True)
        for station in self._session.scalars(query):
            stations[station.day_id].append(station)
        return [
            DayRecord(day=day, team_name=team_name, stations=tuple(stations[day.id]))
            for day, team_name in rows
        ]


def _clip(place: DayCapture, capture: Capture, *, recording: Recording | None, is_over: bool) -> DayClip:
    waits = CaptureState.EXPIRED if is_over else CaptureState.AWAITING_UPLOAD
    return DayClip(
        capture_id=capture.id,
        day_id=place.day_id,
        station_id=place.station_id,
        position=place.position,
        said_by=place.said_by,
        bib=place.bib,
        taken_at=place.taken_at,
        view=capture.view,
        filename=capture.filename,
        capture_state=capture.outcome or waits,
        recording_id=capture.recording_id,
        recording_state=None if recording is None else recording.state,
        is_dropped=recording is not None and recording.dropped_at is not None,
        is_settled=place.settled_at is not None,
        athlete_id=capture.athlete_id if recording is None else recording.athlete_id,
    )


def _by_bib(athlete: DayAthlete) -> tuple[bool, int, str]:
    bib = athlete.bib or ""
    digits = "".join(character for character in bib if character.isdecimal())
    return athlete.bib is None, int(digits) if digits else 10**9, bib.casefold()
