"""Screening days and stations as their pages show them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from app.biomech.pipeline import MOVEMENTS
from app.biomech.types import View
from app.domain.day_doubts import Doubt
from app.domain.guess_words import DOUBT_WORDS, REASON_WORDS
from app.domain.screening_days import TrialState
from app.domain.screenings import ScreeningContext
from app.services.day_stations import NewPass, PassView, StationBoard
from app.services.inbox import GuessView, InboxItem
from app.services.read_models import TeamSummary
from app.services.screening_days import BoardRow, DayBoard, DayView, TrialCount
from app.web.contexts.days import (
    AthleteCard,
    BoardLine,
    DayLine,
    InboxCard,
    InboxGuess,
    JoinCode,
    PhoneLine,
    StationCard,
    StationPerson,
    TrialMark,
    ViewMarks,
)
from app.web.contexts.parts import Choice, Tone, When
from app.web.contexts.teams import CountTile
from app.web.present_settings import browser_text
from app.web.qr import qr_code
from app.web.words import MOVEMENT_LABELS, OCCASION_LABELS, VIEW_LABELS, label_of, number_text

_MARKS: Final[Mapping[TrialState | None, TrialMark]] = {
    TrialState.DONE: TrialMark(tone=Tone.GOOD, icon="check", text="done"),
    TrialState.WAITING: TrialMark(tone=Tone.NEUTRAL, icon="clock", text="waiting"),
    TrialState.TO_REPEAT: TrialMark(tone=Tone.AGAIN, icon="again", text="repeat"),
    None: TrialMark(tone=Tone.SOME, icon="empty", text="to film"),
}
LEAVE: Final = ""
"""Chosen for a recording that stays where it is."""


def when_day(day: date) -> When:
    """Return a day, the same everywhere."""
    return When(iso=day.isoformat(), text=f"{day.day} {day:%b %Y}")


def when_minute(instant: datetime) -> When:
    """Return a time of day."""
    return When(iso=instant.isoformat(), text=f"{instant.day} {instant:%b %Y, %H:%M} UTC")


def protocol_text(day: DayView, *, views: Sequence[View] | None = None) -> str:
    """Return how everybody is filmed, in a line; from all views, or from those of one station."""
    parts = [
        label_of(MOVEMENT_LABELS, day.movement.value),
        f"{day.n_trials} {'trial' if day.n_trials == 1 else 'trials'} each",
        " and ".join(label_of(VIEW_LABELS, view.value).lower() for view in views or day.views),
    ]
    if day.box_height_cm is not None:
        parts.append(f"box {number_text(day.box_height_cm, digits=0)} cm")
    return ", ".join(parts)


def present_day_line(day: DayView) -> DayLine:
    """Return a day for the list."""
    return DayLine(
        href=f"/screening-days/{day.id}",
        name=day.name,
        team_name=day.team_name,
        when=when_day(day.held_on),
        protocol=protocol_text(day),
        is_open=day.closed_at is None,
    )


def plan_choices(
    teams: Iterable[TeamSummary], *, team_id: str, movement: str, occasion: str
) -> tuple[tuple[Choice, ...], tuple[Choice, ...], tuple[Choice, ...]]:
    """Return the teams, movements and occasions of the form."""
    return (
        tuple(Choice(value=str(team.id), label=team.name, chosen=str(team.id) == team_id) for team in teams),
        tuple(
            Choice(
                value=each.value,
                label=label_of(MOVEMENT_LABELS, each.value),
                chosen=each.value == movement,
                has_box=definition.has_box,
            )
            for each, definition in MOVEMENTS.items()
        ),
        tuple(
            Choice(
                value=each.value,
                label=label_of(OCCASION_LABELS, each.value),
                chosen=each.value == occasion,
            )
            for each in ScreeningContext
        ),
    )


def present_stations(day: DayView, passes: Sequence[PassView]) -> tuple[StationCard, ...]:
    """Return the stations with the phones there."""
    path = f"/screening-days/{day.id}"
    return tuple(
        StationCard(
            name=station.name,
            view=label_of(VIEW_LABELS, station.view.value),
            open_action=f"{path}/stations/{station.id}/open",
            phones=tuple(
                _phone(each, end_action=f"{path}/passes/{each.id}/end")
                for each in passes
                if each.station_id == station.id
            ),
        )
        for station in day.stations
    )


def present_code(new: NewPass, *, station_name: str, link: str) -> JoinCode:
    """Return a code with the QR of its link."""
    return JoinCode(
        station_name=station_name,
        code=new.code,
        address=link.partition("#")[0],
        qr=qr_code(link, label="Join code as a QR"),
    )


def board_tiles(board: DayBoard) -> tuple[CountTile, ...]:
    """Return the day in numbers."""
    counts = [count for row in board.rows for count in row.counts]
    n_complete = sum(row.n_lacking == 0 for row in board.rows)
    n_planned = len(board.rows) * board.day.n_trials * len(board.day.views)
    filmed = sum(count.n_done + count.n_waiting for count in counts)
    again = sum(count.n_to_repeat for count in counts)
    return (
        CountTile(
            count=n_complete,
            label="Athletes complete",
            hint=f"of {len(board.rows)}",
            tone=Tone.GOOD,
            icon="check",
        ),
        CountTile(
            count=filmed, label="Trials filmed", hint=f"of {n_planned}", tone=Tone.NEUTRAL, icon="clock"
        ),
        CountTile(
            count=again,
            label="To film again",
            hint="The video could not be used",
            tone=Tone.AGAIN,
            icon="again",
        ),
        CountTile(
            count=board.n_without_athlete,
            label="Without an athlete",
            hint="In the inbox",
            tone=Tone.SOME,
            icon="people",
        ),
    )


def present_board(board: DayBoard) -> tuple[BoardLine, ...]:
    """Return everybody's trials, a mark each."""
    several = len(board.day.views) > 1
    return tuple(
        BoardLine(
            name=row.name,
            bib=row.bib,
            views=tuple(
                ViewMarks(
                    view=label_of(VIEW_LABELS, count.view.value) if several else None,
                    marks=_marks(count, n_trials=board.day.n_trials),
                )
                for count in row.counts
            ),
            note=_over_note(row),
            is_complete=row.n_lacking == 0,
        )
        for row in board.rows
    )


def present_cards(board: DayBoard, *, names: bool) -> tuple[AthleteCard, ...]:
    """Return everybody's card; without names, those without a bib keep theirs."""
    return tuple(
        AthleteCard(
            name=row.name if names or row.bib is None else None,
            bib=row.bib,
            qr=qr_code(row.card, label=f"Card of {row.name}"),
        )
        for row in board.rows
    )


def present_people(shown: StationBoard) -> tuple[StationPerson, ...]:
    """Return who is to be filmed at a station, with what is missing from its view."""
    day = shown.board.day
    people = []
    for row in shown.board.rows:
        count = next(each for each in row.counts if each.view is shown.station.view)
        n_filmed = min(count.n_done + count.n_waiting, day.n_trials)
        note = f"{n_filmed} of {day.n_trials}"
        if count.n_to_repeat:
            note = f"{note}, {count.n_to_repeat} to repeat"
        people.append(
            StationPerson(
                id=str(row.athlete_id),
                card=row.card,
                name=row.name,
                bib=row.bib,
                note=note,
                is_complete=count.n_lacking == 0,
            )
        )
    return tuple(people)


def person_label(name: str, bib: str | None) -> str:
    """Return somebody as one types them."""
    return name if bib is None else f"{bib} · {name}"


def present_item(item: InboxItem) -> InboxCard:
    """Return a recording of the inbox with its guesses; a likely first one is chosen already."""
    keep = None
    if item.athlete_id is not None:
        keep = InboxGuess(
            value=str(item.athlete_id),
            label=f"It is {item.athlete_name}",
            reasons="as it is now",
            chosen=False,
        )
    guesses = tuple(
        _guess(guess, chosen=item.is_likely and place == 0)
        for place, guess in enumerate(item.guesses)
        if guess.athlete_id != item.athlete_id
    )
    return InboxCard(
        id=str(item.recording_id),
        heading=item.athlete_name or "Nobody yet",
        why=DOUBT_WORDS[item.doubt],
        where=_where(item),
        when=when_minute(item.taken_at),
        state=item.state.value.replace("_", " "),
        still_href=None
        if item.still_frame is None
        else f"/recordings/{item.recording_id}/stills/{item.still_frame}",
        video_href=f"/recordings/{item.recording_id}/original" if item.may_be_watched else None,
        guesses=guesses,
        keep=keep,
        has_choice=any(guess.chosen for guess in guesses),
    )


def inbox_subtitle(items: Sequence[InboxItem], *, day_name: str | None) -> str:
    """Return what the inbox holds, in words."""
    found = Counter(item.doubt is Doubt.NOBODY for item in items)
    parts = [f"{found[True]} without an athlete"]
    if found[False]:
        parts.append(f"{found[False]} to be looked at")
    return ", ".join(parts) + ("" if day_name is None else f", {day_name}")


def _guess(guess: GuessView, *, chosen: bool) -> InboxGuess:
    reasons = [REASON_WORDS[each] for each in guess.reasons]
    if guess.n_lacking:
        reasons = [each for each in reasons if each != "still lacks trials"]
        reasons.append(f"lacks {guess.n_lacking}")
    return InboxGuess(
        value=str(guess.athlete_id),
        label=person_label(guess.name, guess.bib),
        reasons="; ".join(reasons),
        chosen=chosen,
    )


def _where(item: InboxItem) -> str:
    parts = [each for each in (item.day_name, None if item.station is None else item.station.name) if each]
    if item.bib is not None:
        parts.append(f"bib {item.bib} was typed")
    return ", ".join([*parts, item.filename])


def _phone(each: PassView, *, end_action: str) -> PhoneLine:
    if each.opened_at is None:
        return PhoneLine(
            text="Waiting for a phone until",
            when=when_minute(each.code_expires_at),
            end_action=end_action,
        )
    seen = each.last_seen_at or each.opened_at
    return PhoneLine(
        text=f"{browser_text(each.user_agent or '')}, last seen",
        when=when_minute(seen),
        end_action=end_action,
    )


def _marks(count: TrialCount, *, n_trials: int) -> tuple[TrialMark, ...]:
    states: list[TrialState | None] = [TrialState.DONE] * count.n_done
    states += [TrialState.WAITING] * count.n_waiting
    states += [TrialState.TO_REPEAT] * count.n_to_repeat
    states += [None] * max(0, n_trials - len(states))
    return tuple(_MARKS[state] for state in states)


def _over_note(row: BoardRow) -> str:
    n_over = sum(count.n_over for count in row.counts)
    return "" if not n_over else f"{n_over} more than planned: look into the inbox"
