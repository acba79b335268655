"""The team dashboard."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from app.web.contexts.parts import Badge, Link, Page, Progress, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTile:
    """One number at the top of the dashboard."""

    count: int
    label: str
    hint: str
    tone: Tone
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortHeading:
    """A column heading that sorts."""

    key: str
    label: str
    href: str | None
    sorted_as: str | None
    """``ascending``, ``descending`` or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMark:
    """A score with what is needed to read it."""

    value: str
    interval: str
    scope_note: str | None
    scale: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """One athlete on the team dashboard, with the latest recording."""

    athlete_name: str
    detail: str | None
    athlete_href: str
    href: str | None
    """The latest recording; None before there is one."""
    upload_href: str | None
    band: Badge | None
    verdict: Badge | None
    score: ScoreMark | None
    fppa: str | None
    fppa_error: str | None
    date_iso: str | None
    date_text: str | None
    note: str | None
    progress: Progress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPage(Page):
    """A team: who needs attention, and who has not been screened."""

    template: ClassVar[str] = "dashboard.html"
    team_name: str
    teams: tuple[Link, ...]
    tiles: tuple[CountTile, ...]
    headings: tuple[SortHeading, ...]
    rows: tuple[RosterRow, ...]
    n_athletes: str
    n_running: int
    live_href: str
    """Where the live part of the page is fetched again."""
    sort_links: tuple[Link, ...]
    next_href: str | None
    nothing_recorded: bool
    first_upload_href: str | None
    may_keep_roster: bool
    """May say who is on the roster, and whose recording is whose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTeamsPage(Page):
    """Signed in, and nothing there yet."""

    template: ClassVar[str] = "no_teams.html"
    may_keep_roster: bool
