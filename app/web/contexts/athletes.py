"""One athlete over time."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from app.web.contexts.parts import Badge, Link, Page
from app.web.contexts.results import ChangePanel


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One number over the screenings."""

    label: str
    hint: str
    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRow:
    """One movement of one screening, as a line of the table."""

    date_iso: str
    date_text: str
    occasion: str
    score: str
    band: Badge | None
    fppa: str
    trials: str
    method: str
    break_note: str | None
    """Why the series does not go on from the line below."""
    recordings: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementTrend:
    """One movement over time: drawings, and the table that says the same."""

    key: str
    label: str
    trends: tuple[Trend, ...]
    rows: tuple[ScreeningRow, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AthletePage(Page):
    """One athlete over time."""

    template: ClassVar[str] = "athlete.html"
    is_own: bool
    """Seen by the athlete's or guardian's own login."""
    athlete_name: str
    detail: str
    teams: tuple[Link, ...]
    change: ChangePanel | None
    """The newest screening against the nearest earlier one, in the movement screened last."""
    movements: tuple[MovementTrend, ...]
    upload_href: str | None
