"""The inbox: recordings without an athlete, and those of a screening day whose athlete is doubtful, with best guesses.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``. Who may change the roster looks
after it: the guesses name people.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.repositories.days import DayAthlete, DayClip, DayRecord, OtherRecording
from app.db.repositories.recordings import RecordingRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.consent import Withheld
from app.domain.day_doubts import Doubt
from app.domain.day_guesses import Guess, OpenClip, Reason, guess_athletes, guess_without_day
from app.domain.day_order import Clip, Expected
from app.domain.errors import NotFoundError
from app.domain.lifecycle import RecordingState
from app.domain.screening_days import TrialState
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, instant_part, split_page
from app.services.read_models import Page
from app.services.screening_days import StationView, fills_a_trial, find_day, other_recordings, trial_state

_NEAR_S = 600.0
"""A recording of no day that came within this time of another may show the same athlete."""
_OPEN_LANE = "inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessView:
    """Somebody a recording may show."""

    athlete_id: UUID
    name: str
    bib: str | None
    n_lacking: int | None
    """Trials they still lack from this view; None outside of a screening day."""
    score: float
    """Larger speaks louder; to compare the guesses about one recording with."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """A recording that needs somebody."""

    recording_id: UUID
    doubt: Doubt
    state: RecordingState
    athlete_id: UUID | None
    athlete_name: str | None
    """Whose it is now; None in the inbox proper."""
    movement: Movement
    view: View
    filename: str
    duration_s: float
    created_at: datetime
    taken_at: datetime
    """When it was filmed, as far as that is known."""
    day_id: UUID | None
    day_name: str | None
    station: StationView | None
    bib: str | None
    """As typed at the station."""
    still_frame: int | None
    """Frame of the first still; None while there is none."""
    may_be_watched: bool
    guesses: tuple[GuessView, ...]
    """The best first; at most three."""
    is_likely: bool
    """The first guess leads clearly."""


def list_inbox(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[InboxItem]:
    """List recordings without an athlete, newest first, each with its best guesses."""
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    before = None if cursor is None else decode_cursor(cursor, instant_part, id_part)
    rows = uow.recordings.list_newest(
        organisation_id=organisation_id,
        athlete_id=None,
        team_id=None,
        state=None,
        inbox=True,
        before=None if before is None else (before[0], before[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    ids = [row.recording.id for row in page]
    day_ids = uow.days.days_of(organisation_id=organisation_id, recording_ids=ids)
    of_days = {
        item.recording_id: item
        for day_id in dict.fromkeys(day_ids.values())
        for item in _items_of_day(uow, principal, find_day(uow, principal, day_id), only=ids)
    }
    alone = _items_alone(uow, principal, [row for row in page if row.recording.id not in of_days])
    found = of_days | {item.recording_id: item for item in alone}
    last = page[-1].recording if more else None
    return Page(
        items=tuple(found[each] for each in ids),
        next_cursor=None if last is None else encode_cursor(last.created_at, last.id),
    )


def list_day_inbox(*, uow: UnitOfWork, principal: Principal, day_id: UUID) -> tuple[InboxItem, ...]:
    """Return what of a day needs somebody, doubtful ones included, in the order it was filmed."""
    principal.require(Permission.ROSTER_WRITE)
    return tuple(_items_of_day(uow, principal, find_day(uow, principal, day_id)))


def list_people(
    *, uow: UnitOfWork, principal: Principal, day_id: UUID | None = None
) -> tuple[DayAthlete, ...]:
    """Return who may be chosen: of a day its team, otherwise everybody."""
    principal.require(Permission.ROSTER_WRITE)
    if day_id is None:
        return tuple(uow.days.everybody(organisation_id=principal.organisation_id))
    day = find_day(uow, principal, day_id).day
    return tuple(uow.days.athletes(organisation_id=day.organisation_id, team_id=day.team_id))


def count_inbox(*, uow: UnitOfWork, principal: Principal) -> int:
    """Return how many recordings have no athlete; 0 for who does not look after the inbox."""
    if not principal.may(Permission.ROSTER_WRITE):
        return 0
    return uow.days.count_nobodys(organisation_id=principal.organisation_id)


def _items_of_day(
    uow: UnitOfWork, principal: Principal, record: DayRecord, *, only: Collection[UUID] | None = None
) -> Iterable[InboxItem]:
    """Return what of a day needs somebody; with `only`, of these recordings."""
    day = record.day
    people = uow.days.athletes(organisation_id=day.organisation_id, team_id=day.team_id)
    clips = uow.days.clips(organisation_id=day.organisation_id, day_id=day.id)
    others = other_recordings(uow, day, people, clips)
    known = {clip.recording_id: clip for clip in clips if clip.recording_id is not None}
    opened = guess_athletes(
        [*_clips(clips), *map(_other_clip, others)], expected=_expected(people), n_trials=day.n_trials
    )
    wanted = [each for each in opened if each.clip.id in known and (only is None or each.clip.id in only)]
    lacking = _lacking(clips, others, people, n_trials=day.n_trials)
    by_id = {person.id: person for person in people}
    rows = _rows(uow, principal, [each.clip.id for each in wanted])
    stations = {
        each.id: StationView(id=each.id, number=each.number, name=each.name, view=each.view)
        for each in record.stations
    }
    for each in wanted:
        clip = known[each.clip.id]
        guesses = [
            _guess_view(
                guess, by_id[guess.athlete_id], n_lacking=lacking.get((guess.athlete_id, clip.view), 0)
            )
            for guess in each.guesses
        ]
        yield _item(
            rows[each.clip.id],
            each,
            taken_at=clip.taken_at,
            day=(day.id, day.name),
            station=stations[clip.station_id],
            bib=clip.bib,
            guesses=guesses,
        )


def _items_alone(
    uow: UnitOfWork, principal: Principal, records: Sequence[RecordingRecord]
) -> Iterable[InboxItem]:
    """Return recordings of no day, with what their names and those that came around them say."""
    if not records:
        return
    organisation_id = principal.organisation_id
    times = [record.recording.created_at for record in records]
    near = uow.days.near(organisation_id=organisation_id, times=times, within_s=_NEAR_S)
    people = uow.days.everybody(organisation_id=organisation_id)
    own = [_clip_alone(record) for record in records]
    around = [
        Clip(
            id=each.recording_id,
            lane=_OPEN_LANE,
            view=View.FRONTAL,
            taken_at=each.created_at,
            position=0,
            athlete_id=each.athlete_id,
        )
        for each in near
    ]
    guesses = guess_without_day([*own, *around], expected=_expected(people))
    by_id = {person.id: person for person in people}
    rows = _rows(uow, principal, [record.recording.id for record in records])
    for clip in own:
        found = [_guess_view(guess, by_id[guess.athlete_id], n_lacking=None) for guess in guesses[clip.id]]
        opened = OpenClip(clip=clip, doubt=Doubt.NOBODY, guesses=(), is_likely=False)
        filmed_at = rows[clip.id].record.recording.captured_at or clip.taken_at
        yield _item(rows[clip.id], opened, taken_at=filmed_at, guesses=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    record: RecordingRecord
    still_frame: int | None
    may_be_watched: bool


def _rows(uow: UnitOfWork, principal: Principal, recording_ids: Collection[UUID]) -> dict[UUID, _Row]:
    """Return the recordings with the first still of each."""
    organisation_id = principal.organisation_id
    analyses = uow.analyses.latest_of(organisation_id=organisation_id, recording_ids=recording_ids)
    rows: dict[UUID, _Row] = {}
    for recording_id in recording_ids:
        record = uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id)
        if record is None:
            raise NotFoundError("A recording was erased just now.", how_to_fix="Load the inbox again.")
        stored = analyses.get(recording_id)
        stills = sorted(stored.pictures.still_keys) if stored and stored.pictures else []
        recording = record.recording
        seen = Withheld.NOT if principal.is_coach else Withheld.FROM_COACHES
        rows[recording_id] = _Row(
            record=record,
            still_frame=stills[0] if stills else None,
            may_be_watched=recording.original_deleted_at is None and recording.withheld <= seen,
        )
    return rows


def _item(
    row: _Row,
    opened: OpenClip,
    *,
    taken_at: datetime,
    guesses: Sequence[GuessView],
    day: tuple[UUID, str] | None = None,
    station: StationView | None = None,
    bib: str | None = None,
) -> InboxItem:
    recording, athlete = row.record.recording, row.record.athlete
    return InboxItem(
        recording_id=recording.id,
        doubt=opened.doubt,
        state=recording.state,
        athlete_id=None if athlete is None else athlete.id,
        athlete_name=None if athlete is None else athlete.name,
        movement=recording.movement,
        view=recording.view,
        filename=recording.filename,
        duration_s=recording.duration_s,
        created_at=recording.created_at,
        taken_at=taken_at,
        day_id=None if day is None else day[0],
        day_name=None if day is None else day[1],
        station=station,
        bib=bib,
        still_frame=row.still_frame,
        may_be_watched=row.may_be_watched,
        guesses=tuple(guesses),
        is_likely=opened.is_likely,
    )


def _clips(clips: Iterable[DayClip]) -> Iterable[Clip]:
    """Return what the guesses are made from: a recording once, and nothing of what never came."""
    seen: set[UUID] = set()
    for clip in clips:
        clip_id, state = clip.recording_id or clip.capture_id, trial_state(clip)
        if state is None or clip_id in seen or (clip.recording_id is None and state is TrialState.TO_REPEAT):
            continue
        seen.add(clip_id)
        yield Clip(
            id=clip_id,
            lane=(clip.station_id, clip.view),
            view=clip.view,
            taken_at=clip.taken_at,
            position=clip.position,
            athlete_id=clip.athlete_id,
            counts=state is not TrialState.TO_REPEAT,
            bib=clip.bib,
            filename=clip.filename,
            is_settled=clip.is_settled,
        )


def _other_clip(other: OtherRecording) -> Clip:
    return Clip(
        id=other.recording_id,
        lane=("another way", other.recording_id),
        view=other.view,
        taken_at=other.created_at,
        position=0,
        athlete_id=other.athlete_id,
        counts=fills_a_trial(other.state),
        filename=other.filename,
        is_settled=True,
    )


def _clip_alone(record: RecordingRecord) -> Clip:
    recording = record.recording
    return Clip(
        id=recording.id,
        lane=_OPEN_LANE,
        view=recording.view,
        taken_at=recording.created_at,
        position=0,
        athlete_id=None,
        filename=recording.filename,
    )


def _expected(people: Sequence[DayAthlete]) -> list[Expected]:
    return [
        Expected(athlete_id=person.id, name=person.name, bib=person.bib, place=place)
        for place, person in enumerate(people)
    ]


def _lacking(
    clips: Iterable[DayClip],
    others: Iterable[OtherRecording],
    people: Iterable[DayAthlete],
    *,
    n_trials: int,
) -> dict[tuple[UUID, View], int]:
    """Return how many trials each athlete lacks from each view, as things stand."""
    filmed = [(clip.athlete_id, clip.view) for clip in _clips(clips) if clip.counts]
    filmed += [(each.athlete_id, each.view) for each in others if fills_a_trial(each.state)]
    return {
        (person.id, view): max(0, n_trials - filmed.count((person.id, view)))
        for person in people
        for view in View
    }


def _guess_view(guess: Guess, person: DayAthlete, *, n_lacking: int | None) -> GuessView:
    return GuessView(
        athlete_id=guess.athlete_id,
        name=person.name,
        bib=person.bib,
        n_lacking=n_lacking,
        score=guess.score,
        reasons=guess.reasons,
    )
