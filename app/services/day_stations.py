"""Phones at stations: let in by a code that opens once, and allowed to send videos of their day, nothing else.

Functions with a `principal` take an entered `UnitOfWork` made for it; those that let a phone in take one made for
nobody, because whoever holds the code is not known yet.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.db.models import StationPass
from app.db.repositories.days import DayRecord
from app.db.repositories.stations import StationRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Permission, Principal, Role
from app.domain.audit import Act
from app.domain.captures import CaptureState
from app.domain.errors import (
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    StaleStateError,
)
from app.domain.screening_days import (
    CODE_LIFETIME_S,
    PASS_LIFETIME_S,
    SaidBy,
    TrialState,
    athlete_of_card,
    new_join_code,
    plain_code,
)
from app.services.captures import (
    EXPIRES_S,
    AnnouncedCapture,
    CaptureRequest,
    announce_capture,
    get_capture,
)
from app.services.checks import check_text
from app.services.credentials import new_token, printable, sha256_of
from app.services.screening_days import (
    DayBoard,
    StationView,
    find_day,
    hold_day,
    read_board,
    trial_state,
)

_CLOCKS_DIFFER = timedelta(minutes=5)
_LATE = timedelta(days=3)
"""A phone's time that lies further from the day is no time of filming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassView:
    """A phone at a station, or a code that still opens."""

    id: UUID
    station_id: UUID
    created_at: datetime
    code_expires_at: datetime
    opened_at: datetime | None
    """None: nobody came in by it yet."""
    last_seen_at: datetime | None
    user_agent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPass:
    """A code just made; the only time it can be read."""

    code: str = field(repr=False)
    station_pass: PassView


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A phone that came in; the only time its token can be read."""

    token: str = field(repr=False)
    stay: "Stay"
    lifetime_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A phone at its station."""

    principal: Principal
    """May send videos; the functions of this module keep it to its day."""
    station_id: UUID
    day_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StationBoard:
    """What a phone at a station is shown."""

    station: StationView
    board: DayBoard


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """What a station says of a video before it comes."""

    station_id: UUID
    athlete_id: UUID | None = None
    card: str | None = None
    """What the QR of the athlete's card holds, instead of the id."""
    bib: str | None = None
    """The number on the athlete, instead of either."""
    taken_at: datetime | None = None
    """By the phone's clock."""
    filename: str = "video"
    size_bytes: int | None = None
    sha256: str | None = None
    client_ref: str | None = None


def make_pass(*, uow: UnitOfWork, principal: Principal, day_id: UUID, station_id: UUID) -> NewPass:
    """Make a code that lets one phone come to a station, within half an hour."""
    principal.require(Permission.RECORDINGS_WRITE)
    record = _open_day(uow, principal, day_id)
    _station(record, station_id)
    code = new_join_code()
    row = uow.stations.add_pass(
        actor=principal,
        station_id=station_id,
        code_sha256=_code_sha256(code),
        lifetime_s=CODE_LIFETIME_S,
    )
    uow.audit.record(actor=principal, act=Act.STATION_CODE_MADE, object_id=row.id, station=str(station_id))
    return NewPass(code=code, station_pass=_pass_view(row))


def list_passes(*, uow: UnitOfWork, principal: Principal, day_id: UUID) -> tuple[PassView, ...]:
    """Return the phones at a day's stations and the codes that still open, newest first."""
    principal.require(Permission.RECORDINGS_WRITE)
    record = find_day(uow, principal, day_id)
    rows = uow.stations.list_passes(
        organisation_id=principal.organisation_id, station_ids=[each.id for each in record.stations]
    )
    return tuple(_pass_view(row) for row in rows)


def revoke_pass(*, uow: UnitOfWork, principal: Principal, day_id: UUID, pass_id: UUID) -> None:
    """Send a phone away, or end a code, at once; raise `NotFoundError`."""
    principal.require(Permission.RECORDINGS_WRITE)
    record = find_day(uow, principal, day_id)
    n_ended = uow.stations.revoke(
        organisation_id=principal.organisation_id,
        station_ids=[each.id for each in record.stations],
        pass_id=pass_id,
    )
    if not n_ended:
        raise NotFoundError("There is no such phone at this day.", how_to_fix="Look at the day's stations.")
    uow.audit.record(actor=principal, act=Act.STATION_ENDED, object_id=pass_id)


def enter(*, uow: UnitOfWork, code: str, user_agent: str = "", origin: Origin | None = None) -> Entered:
    """Come to a station by a code, which is spent by it; raise `InvalidCredentialsError`."""
    token = new_token()
    row = uow.stations.open_pass(
        code_sha256=_code_sha256(code),
        token_sha256=sha256_of(token),
        user_agent=printable(user_agent),
        lifetime_s=PASS_LIFETIME_S,
    )
    if row is None:
        raise InvalidCredentialsError(
            "This code does not open a station: it was used, or is older than half an hour.",
            how_to_fix="Ask the trainer for a new one.",
        )
    uow.enter(row.organisation_id)
    stay = _stay(uow, row, origin=origin)
    uow.audit.record(
        actor=stay.principal, act=Act.STATION_ENTERED, object_id=row.id, station=str(row.station_id)
    )
    return Entered(token=token, stay=stay, lifetime_s=PASS_LIFETIME_S)


def resolve_stay(*, uow: UnitOfWork, token: str, origin: Origin | None = None) -> Stay:
    """Say at which station a phone is; raise `NotSignedInError` when it is at none any more."""
    row = uow.stations.find_stay(token_sha256=sha256_of(token))
    if row is None:
        raise NotSignedInError(
            "This phone is at no station any more.", how_to_fix="Ask the trainer for a new code."
        )
    uow.stations.note_seen(row.id)
    uow.enter(row.organisation_id)
    return _stay(uow, row, origin=origin)


def leave(*, uow: UnitOfWork, stay: Stay) -> None:
    """End a phone's stay from its own side; takes a unit of work made for nobody."""
    principal = stay.principal
    uow.enter(principal.organisation_id)
    uow.stations.revoke(
        organisation_id=principal.organisation_id,
        station_ids=(stay.station_id,),
        pass_id=principal.station_pass_id,
    )
    uow.audit.record(actor=principal, act=Act.STATION_ENDED, object_id=principal.station_pass_id)


def show_station(*, uow: UnitOfWork, stay: Stay) -> StationBoard:
    """Return what the phone is shown: its station, and who still is to be filmed."""
    record = find_day(uow, stay.principal, stay.day_id)
    board = read_board(uow, record)
    station = next(each for each in board.day.stations if each.id == stay.station_id)
    return StationBoard(station=station, board=board)


def announce_clip(
    *,
    uow: UnitOfWork,
    principal: Principal,
    day_id: UUID,
    request: ClipRequest,
    max_bytes: int,
    expires_s: float = EXPIRES_S,
) -> AnnouncedCapture:
    """Announce a video of a screening day, of somebody of its team or of nobody yet.

    Raises `NotFoundError` (no such day or station), `InvalidInputError` (whoever is named is not of the team) and
    `StaleStateError` (the day is closed).
    """
    principal.require(Permission.RECORDINGS_WRITE)
    before = _announced_before(uow, principal, request)
    if before is not None:
        return before
    record = _open_day(uow, principal, day_id)
    station = _station(record, request.station_id)
    athlete_id, said_by = _whom(uow, record, request)
    capture = CaptureRequest(
        athlete_id=athlete_id,
        movement=record.day.movement,
        view=station.view,
        box_height_cm=record.day.box_height_cm,
        screened_on=record.day.held_on,
        context=record.day.context,
        trial_number=_trial_number(uow, record, athlete_id, station=station),
        filename=request.filename,
        size_bytes=request.size_bytes,
        sha256=request.sha256,
        client_ref=request.client_ref,
        captured_at=_believable(request.taken_at, record),
    )
    announced = _announce(uow, principal=principal, request=capture, max_bytes=max_bytes, expires_s=expires_s)
    organisation_id, capture_id = principal.organisation_id, announced.capture.id
    if uow.days.find_place(organisation_id=organisation_id, capture_id=capture_id) is None:
        uow.days.add_clip(
            organisation_id=organisation_id,
            capture_id=capture_id,
            day_id=day_id,
            station_id=station.id,
            pass_id=principal.station_pass_id,
            said_by=said_by,
            bib=None if request.bib is None else check_text(request.bib, field="bib", max_length=40),
            taken_at=_believable(request.taken_at, record),
        )
    return announced


def check_own_clip(*, uow: UnitOfWork, stay: Stay, capture_id: UUID) -> None:
    """Raise `NotFoundError` unless a phone of this station announced it; its station's other phones count, too."""
    place = uow.days.find_place(organisation_id=stay.principal.organisation_id, capture_id=capture_id)
    if place is None or place.station_id != stay.station_id:
        raise NotFoundError("There is no such capture.", how_to_fix="Choose the video again.")


def _announced_before(uow: UnitOfWork, principal: Principal, request: ClipRequest) -> AnnouncedCapture | None:
    """Return what a phone announced by this reference already, when the answer was lost on the way."""
    if principal.station_pass_id is None or request.client_ref is None:
        return None
    organisation_id, client_ref = principal.organisation_id, request.client_ref
    uow.captures.hold_reference(organisation_id=organisation_id, client_ref=client_ref)
    found = uow.captures.list_newest(
        organisation_id=organisation_id, client_ref=client_ref, state=None, before=None, limit=10
    )
    for record in found:
        place = uow.days.find_place(organisation_id=organisation_id, capture_id=record.capture.id)
        if (
            place is not None
            and place.station_id == request.station_id
            and record.state in {CaptureState.AWAITING_UPLOAD, CaptureState.RECEIVED}
        ):
            view = get_capture(uow=uow, principal=principal, capture_id=record.capture.id)
            return AnnouncedCapture(capture=view, existing=True)
    return None


def _open_day(uow: UnitOfWork, principal: Principal, day_id: UUID) -> DayRecord:
    record = hold_day(uow, principal, day_id)
    if record.day.closed_at is not None:
        raise StaleStateError(
            "This screening day is closed.",
            how_to_fix="Keep the video on the phone, and ask the trainer to open the day again.",
        )
    return record


def _station(record: DayRecord, station_id: UUID) -> StationView:
    for each in record.stations:
        if each.id == station_id:
            return StationView(id=each.id, number=each.number, name=each.name, view=each.view)
    raise NotFoundError(
        "There is no such station at this day.", how_to_fix="Choose one of the day's stations."
    )


def _whom(uow: UnitOfWork, record: DayRecord, request: ClipRequest) -> tuple[UUID | None, SaidBy]:
    """Return whom the station named and how; a bib that nobody has names nobody, and stays as a hint."""
    day = record.day
    people = uow.days.athletes(organisation_id=day.organisation_id, team_id=day.team_id)
    wanted, said_by = request.athlete_id, SaidBy.LIST
    if request.card is not None:
        wanted, said_by = athlete_of_card(request.card), SaidBy.CARD
        if wanted is None:
            raise _not_of_the_team("card")
    elif wanted is None and request.bib is not None:
        bib = request.bib.strip().casefold()
        wearing = [each.id for each in people if each.bib is not None and each.bib.casefold() == bib]
        wanted, said_by = (wearing[0], SaidBy.BIB) if len(wearing) == 1 else (None, SaidBy.NOBODY)
    if wanted is None:
        return None, SaidBy.NOBODY
    if wanted not in {each.id for each in people}:
        raise _not_of_the_team("card" if request.card is not None else "athlete_id")
    return wanted, said_by


def _not_of_the_team(name: str) -> InvalidInputError:
    return InvalidInputError(
        "This is nobody of the day's team.",
        how_to_fix="Choose somebody from the list, or send the video without a name: it waits in the inbox.",
        field=name,
    )


def _trial_number(
    uow: UnitOfWork, record: DayRecord, athlete_id: UUID | None, *, station: StationView
) -> int | None:
    """Return which trial it is where two cameras film the same ones: the first from this view that is missing."""
    if athlete_id is None or len(record.day.views) == 1:
        return None
    uow.hold(
        f"trials:{record.day.id}:{athlete_id}"
    )  # two phones that tell of the athlete at once tell of two trials
    filmed = sum(
        clip.athlete_id == athlete_id
        and clip.view is station.view
        and trial_state(clip) in {TrialState.DONE, TrialState.WAITING}
        for clip in uow.days.clips(organisation_id=record.day.organisation_id, day_id=record.day.id)
    )
    return filmed + 1


def _announce(
    uow: UnitOfWork, *, principal: Principal, request: CaptureRequest, max_bytes: int, expires_s: float
) -> AnnouncedCapture:
    """Announce it; a trial that has its recording from this view already is no reason to refuse a video."""
    try:
        return announce_capture(
            uow=uow, principal=principal, request=request, max_bytes=max_bytes, expires_s=expires_s
        )
    except InvalidInputError as error:
        if request.trial_number is None or error.context.get("field") != "trial_number":
            raise
    return announce_capture(
        uow=uow,
        principal=principal,
        request=replace(request, trial_number=None),
        max_bytes=max_bytes,
        expires_s=expires_s,
    )


def _believable(taken_at: datetime | None, record: DayRecord) -> datetime | None:
    """Return the phone's time of filming, unless its clock is plainly wrong."""
    if taken_at is None or taken_at > datetime.now(UTC) + _CLOCKS_DIFFER:
        return None
    noon = datetime.combine(record.day.held_on, datetime.min.time(), UTC) + timedelta(hours=12)
    return taken_at if abs(taken_at - noon) <= _LATE else None


def _stay(uow: UnitOfWork, row: StationPass, *, origin: Origin | None) -> Stay:
    found: StationRecord | None = uow.stations.find(
        organisation_id=row.organisation_id, station_id=row.station_id
    )
    if found is None:
        raise NotSignedInError("This station is no more.", how_to_fix="Ask the trainer for a new code.")
    principal = Principal(
        organisation_id=row.organisation_id,
        role=Role.STATION,
        display_name=found.station.name,
        station_pass_id=row.id,
        origin=origin,
    )
    return Stay(principal=principal, station_id=row.station_id, day_id=found.day.id)


def _pass_view(row: StationPass) -> PassView:
    return PassView(**{name: getattr(row, name) for name in PassView.__slots__})


def _code_sha256(code: str) -> bytes:
    return sha256_of(plain_code(code))
