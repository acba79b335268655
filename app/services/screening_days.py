"""Screening days: planned from a team, followed on a board, closed.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.models import ScreeningDay
from app.db.repositories.days import DayAthlete, DayClip, DayRecord, NewDay, OtherRecording
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.captures import CaptureState
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.lifecycle import RecordingState
from app.domain.screening_days import MAX_STATIONS, MAX_TRIALS, TrialState, card_text
from app.domain.screenings import ScreeningContext
from app.domain.versions import tag_of
from app.services.checks import check_range, check_text
from app.services.cursors import check_limit, day_part, decode_cursor, encode_cursor, id_part, split_page
from app.services.read_models import Page
from app.services.roster import get_team, no_team

_FURTHEST_DAYS = 400
"""A day is planned no further ahead, nor entered later."""
_STATES = {
    **dict.fromkeys(RecordingState, TrialState.WAITING),
    RecordingState.ANALYSED: TrialState.DONE,
    RecordingState.PURGED: TrialState.DONE,
    RecordingState.REJECTED: TrialState.TO_REPEAT,
    RecordingState.FAILED: TrialState.TO_REPEAT,
}
_CAPTURE_STATES = {
    CaptureState.AWAITING_UPLOAD: TrialState.WAITING,
    CaptureState.REFUSED: TrialState.TO_REPEAT,
    CaptureState.EXPIRED: TrialState.TO_REPEAT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPlan:
    """A place where one camera films."""

    view: View
    name: str | None = None
    """None: “Station” and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """How everybody of a team is to be filmed."""

    team_id: UUID
    held_on: date
    name: str | None = None
    """None: the team's name."""
    context: ScreeningContext = ScreeningContext.BASELINE
    movement: Movement = Movement.DROP_VERTICAL_JUMP
    box_height_cm: float | None = None
    n_trials: int = 3
    stations: tuple[StationPlan, ...] = (StationPlan(view=View.FRONTAL),)


@dataclass(frozen=True, slots=True, kw_only=True)
class StationView:
    """A station of a day."""

    id: UUID
    number: int
    name: str
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A screening day."""

    id: UUID
    team_id: UUID
    team_name: str
    name: str
    held_on: date
    context: ScreeningContext
    movement: Movement
    views: tuple[View, ...]
    box_height_cm: float | None
    n_trials: int
    """Trials of each athlete."""
    stations: tuple[StationView, ...]
    created_at: datetime
    closed_at: datetime | None

    @property
    def tag(self) -> str:
        """Name the version: the plan, its stations, and whether it is closed; not how far it is."""
        plan = (self.team_id, self.name, self.held_on, self.context, self.movement, self.box_height_cm)
        return tag_of(self.id, plan, self.n_trials, self.stations, self.closed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCount:
    """How far one athlete is, from one view."""

    view: View
    n_done: int
    n_waiting: int
    n_to_repeat: int
    """Filmed, cannot be used, and nothing in their place yet."""
    n_lacking: int
    """Still to be filmed, those to be repeated included."""
    n_over: int
    """More than the protocol asks for: some may be another athlete's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One athlete on the board."""

    athlete_id: UUID
    name: str
    bib: str | None
    card: str
    """What the QR of their card holds."""
    counts: tuple[TrialCount, ...]

    @property
    def n_lacking(self) -> int:
        """Trials still to be filmed, from all views."""
        return sum(count.n_lacking for count in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBoard:
    """A day and how far everybody is."""

    day: DayView
    rows: tuple[BoardRow, ...]
    n_without_athlete: int
    """Recordings of the day in the inbox."""


def plan_day(*, uow: UnitOfWork, principal: Principal, plan: DayPlan) -> DayView:
    """Make a screening day; raise `NotFoundError` (no such team) or `InvalidInputError`."""
    principal.require(Permission.RECORDINGS_WRITE)
    team_name = hold_team_for_day(uow, principal, plan.team_id)
    _check_plan(plan)
    views = tuple(dict.fromkeys(station.view for station in plan.stations))
    new = NewDay(
        team_id=plan.team_id,
        name=check_text(plan.name or team_name, field="name"),
        held_on=plan.held_on,
        context=plan.context,
        movement=plan.movement,
        views=views,
        box_height_cm=check_box_height(plan.box_height_cm),
        n_trials=plan.n_trials,
    )
    stations = [
        (check_text(station.name or f"Station {number}", field="station_name", max_length=60), station.view)
        for number, station in enumerate(plan.stations, start=1)
    ]
    day_id = uow.days.add(new, stations=stations, actor=principal)
    uow.audit.record(
        actor=principal,
        act=Act.DAY_PLANNED,
        object_id=day_id,
        team=str(plan.team_id),
        n_stations=len(stations),
    )
    return day_view(find_day(uow, principal, day_id))


def get_day(*, uow: UnitOfWork, principal: Principal, day_id: UUID) -> DayView:
    """Return a screening day, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    return day_view(find_day(uow, principal, day_id))


def list_days(
    *,
    uow: UnitOfWork,
    principal: Principal,
    team_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DayView]:
    """List screening days, latest first."""
    principal.require(Permission.ROSTER_READ)
    before = None if cursor is None else decode_cursor(cursor, day_part, id_part)
    rows = uow.days.list_newest(
        organisation_id=principal.organisation_id,
        team_id=team_id,
        before=None if before is None else (before[0], before[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    last = page[-1].day if more else None
    return Page(
        items=tuple(day_view(record) for record in page),
        next_cursor=None if last is None else encode_cursor(last.held_on, last.id),
    )


def close_day(*, uow: UnitOfWork, principal: Principal, day_id: UUID, closed: bool = True) -> DayView:
    """Take no new recordings for a day any more, or again; what was announced may still come."""
    principal.require(Permission.RECORDINGS_WRITE)
    hold_day(uow, principal, day_id, to_change=True)
    uow.days.close(organisation_id=principal.organisation_id, day_id=day_id, closed=closed)
    uow.audit.record(actor=principal, act=Act.DAY_CLOSED if closed else Act.DAY_REOPENED, object_id=day_id)
    return day_view(find_day(uow, principal, day_id))


def get_board(*, uow: UnitOfWork, principal: Principal, day_id: UUID) -> DayBoard:
    """Return how far everybody is, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    return read_board(uow, find_day(uow, principal, day_id))


def read_board(uow: UnitOfWork, record: DayRecord) -> DayBoard:
    """Return the board of a day; for services that have already asked who may see it."""
    day = record.day
    people = uow.days.athletes(organisation_id=day.organisation_id, team_id=day.team_id)
    clips = uow.days.clips(organisation_id=day.organisation_id, day_id=day.id)
    others = other_recordings(uow, day, people, clips)
    states = [*_states_of(clips), *((each.athlete_id, each.view, _STATES[each.state]) for each in others)]
    filmed = Counter(states)
    views = tuple(View(value) for value in day.views)
    return DayBoard(
        day=day_view(record),
        rows=tuple(_row(person, views=views, filmed=filmed, n_trials=day.n_trials) for person in people),
        n_without_athlete=len(
            {clip.recording_id for clip in clips if clip.recording_id and clip.athlete_id is None}
        ),
    )


def other_recordings(
    uow: UnitOfWork, day: ScreeningDay, people: Collection[DayAthlete], clips: Collection[DayClip]
) -> list[OtherRecording]:
    """Return the day's recordings of these athletes that came another way than by a station."""
    return uow.days.other_recordings(
        day=day,
        athlete_ids=[person.id for person in people],
        known={clip.recording_id for clip in clips if clip.recording_id is not None},
    )


def trial_state(clip: DayClip) -> TrialState | None:
    """Return where a trial is; None for a capture that was called off."""
    if clip.recording_state is None:
        return _CAPTURE_STATES.get(clip.capture_state)
    return TrialState.TO_REPEAT if clip.is_dropped else _STATES[clip.recording_state]


def fills_a_trial(state: RecordingState) -> bool:
    """Say whether a recording in this state counts as one of the athlete's trials."""
    return _STATES[state] is not TrialState.TO_REPEAT


def hold_day(uow: UnitOfWork, principal: Principal, day_id: UUID, *, to_change: bool = False) -> DayRecord:
    """Return a day whose plan nobody changes until the transaction ends; with `to_change`, nobody announces either."""
    if not uow.days.hold(organisation_id=principal.organisation_id, day_id=day_id, to_change=to_change):
        raise _no_day()
    return find_day(uow, principal, day_id)


def find_day(uow: UnitOfWork, principal: Principal, day_id: UUID) -> DayRecord:
    """Return a day, or raise `NotFoundError`."""
    record = uow.days.find(organisation_id=principal.organisation_id, day_id=day_id)
    if record is None:
        raise _no_day()
    return record


def _no_day() -> NotFoundError:
    return NotFoundError(
        "There is no such screening day.", how_to_fix="List the screening days and choose one."
    )


def day_view(record: DayRecord) -> DayView:
    """Return a day as services show it."""
    day = record.day
    return DayView(
        id=day.id,
        team_id=day.team_id,
        team_name=record.team_name,
        name=day.name,
        held_on=day.held_on,
        context=day.context,
        movement=day.movement,
        views=tuple(View(value) for value in day.views),
        box_height_cm=day.box_height_cm,
        n_trials=day.n_trials,
        stations=tuple(
            StationView(id=station.id, number=station.number, name=station.name, view=station.view)
            for station in record.stations
        ),
        created_at=day.created_at,
        closed_at=day.closed_at,
    )


def hold_team_for_day(uow: UnitOfWork, principal: Principal, team_id: UUID) -> str:
    """Return the name of a team that a day can be made of, and that nobody removes meanwhile."""
    organisation_id = principal.organisation_id
    if not uow.roster.hold_team(organisation_id=organisation_id, team_id=team_id):
        raise no_team()
    team = get_team(uow=uow, principal=principal, team_id=team_id)
    if team.archived_at is not None:
        raise InvalidInputError(
            "The team is archived.", how_to_fix="Take it back first, or choose another.", field="team_id"
        )
    return team.name


def check_held_on(day: date) -> date:
    """Return the day, or refuse one that can only be a mistake."""
    if abs(day - datetime.now(UTC).date()) > timedelta(days=_FURTHEST_DAYS):
        raise InvalidInputError(
            "The day lies too far back or ahead.", how_to_fix="Check the date: year, month, day.", field="held_on"
        )  # fmt: skip
    return day


def check_n_trials(n_trials: int) -> int:
    """Return how many trials each athlete has, or refuse too many and none."""
    if not 1 <= n_trials <= MAX_TRIALS:
        raise InvalidInputError(
            f"Each athlete has 1 to {MAX_TRIALS} trials.", how_to_fix="Three are usual.", field="n_trials"
        )
    return n_trials


def check_n_stations(n_stations: int) -> None:
    """Refuse a day without a station, and one with too many."""
    if not 1 <= n_stations <= MAX_STATIONS:
        raise InvalidInputError(
            f"A day has 1 to {MAX_STATIONS} stations.", how_to_fix="One per camera.", field="stations"
        )


def check_box_height(box_height_cm: float | None) -> float | None:
    """Return the height of the box, or refuse what no box is."""
    return check_range(box_height_cm, field="box_height_cm", low=1.0, high=150.0)


def _check_plan(plan: DayPlan) -> None:
    check_held_on(plan.held_on)
    check_n_trials(plan.n_trials)
    check_n_stations(len(plan.stations))


def _states_of(clips: Iterable[DayClip]) -> Iterable[tuple[UUID, View, TrialState]]:
    seen: set[UUID] = set()
    for clip in clips:
        state = trial_state(clip)
        if clip.athlete_id is None or state is None or clip.recording_id in seen:
            continue
        if clip.recording_id is not None:
            seen.add(clip.recording_id)
        yield clip.athlete_id, clip.view, state


def _row(
    person: DayAthlete,
    *,
    views: tuple[View, ...],
    filmed: Counter[tuple[UUID, View, TrialState]],
    n_trials: int,
) -> BoardRow:
    counts = []
    for view in views:
        done, waiting, again = (filmed[person.id, view, state] for state in TrialState)
        n_lacking = max(0, n_trials - done - waiting)
        counts.append(
            TrialCount(
                view=view,
                n_done=done,
                n_waiting=waiting,
                n_to_repeat=min(again, n_lacking),
                n_lacking=n_lacking,
                n_over=max(0, done + waiting - n_trials),
            )
        )
    return BoardRow(
        athlete_id=person.id,
        name=person.name,
        bib=person.bib,
        card=card_text(person.id),
        counts=tuple(counts),
    )
