"""Screening days, their stations and the inbox."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from app.web.contexts.parts import Choice, Link, Page, Problem, Tone, When
from app.web.contexts.teams import CountTile


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """A screening day in the list."""

    href: str
    name: str
    team_name: str
    when: When
    protocol: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysPage(Page):
    """Screening days there are, and the form for another."""

    template: ClassVar[str] = "screening_days.html"
    days: tuple[DayLine, ...]
    next_href: str | None
    may_plan: bool
    problem: Problem | None
    teams: tuple[Choice, ...]
    movements: tuple[Choice, ...]
    occasions: tuple[Choice, ...]
    entered: dict[str, str]
    """What stands in the other fields of the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLine:
    """A phone at a station, or a code that waits for one."""

    text: str
    when: When
    end_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StationCard:
    """A station on the trainer's page."""

    name: str
    view: str
    open_action: str
    phones: tuple[PhoneLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCode:
    """A code just made, to be typed or scanned now."""

    station_name: str
    code: str
    address: str
    qr: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMark:
    """One trial of one athlete on the board."""

    tone: Tone
    icon: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMarks:
    """An athlete's trials from one view."""

    view: str | None
    """None where there is only one."""
    marks: tuple[TrialMark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLine:
    """One athlete on the board."""

    name: str
    bib: str | None
    views: tuple[ViewMarks, ...]
    note: str
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPage(Page):
    """A screening day for the trainer: stations, and how far everybody is."""

    template: ClassVar[str] = "screening_day.html"
    day_name: str
    subtitle: str
    is_open: bool
    may_change: bool
    stations: tuple[StationCard, ...]
    made: JoinCode | None
    tiles: tuple[CountTile, ...]
    lines: tuple[BoardLine, ...]
    inbox_href: str | None
    n_inbox: int
    cards_href: str
    state_action: str
    live_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteCard:
    """A card to be printed and worn."""

    name: str | None
    bib: str | None
    qr: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsPage(Page):
    """The cards of everybody of a day."""

    template: ClassVar[str] = "day_cards.html"
    day_name: str
    cards: tuple[AthleteCard, ...]
    other_form: Link
    """The same with or without names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxGuess:
    """Somebody a recording may show."""

    value: str
    label: str
    reasons: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCard:
    """A recording that needs somebody."""

    id: str
    heading: str
    why: str
    where: str
    when: When
    state: str
    still_href: str | None
    video_href: str | None
    guesses: tuple[InboxGuess, ...]
    keep: InboxGuess | None
    """For a doubtful one: it is right as it is."""
    has_choice: bool
    """Something is chosen from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage(Page):
    """Recordings that need somebody."""

    template: ClassVar[str] = "inbox.html"
    subtitle: str
    cards: tuple[InboxCard, ...]
    people: tuple[str, ...]
    """Everybody who may be chosen, as one types them."""
    action: str
    n_likely: int
    done: str | None
    problems: tuple[str, ...]
    undo_ids: tuple[str, ...]
    undo_action: str
    next_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPerson:
    """Somebody to be filmed, in the list of a station."""

    id: str
    card: str
    name: str
    bib: str | None
    note: str
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPage(Page):
    """A phone at a station; before that, the form for its code."""

    template: ClassVar[str] = "station.html"
    is_inside: bool
    token: str
    problem: Problem | None
    done: str | None
    day_name: str
    station_id: str
    station_name: str
    guide: str
    is_open: bool
    people: tuple[StationPerson, ...]
    max_upload_bytes: int
