"""What several pages are made of, and what every page has."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Tone(StrEnum):
    """How a badge looks; its icon and words say the same without colour."""

    NEUTRAL = "neutral"
    GOOD = "good"
    SOME = "some"
    MARKED = "marked"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A few words with an icon."""

    tone: Tone
    icon: str
    text: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who is signed in."""

    display_name: str
    organisation_name: str | None = None
    may_switch: bool = False
    """They belong to more than one organisation."""
    second_factor_due: str | None = None
    """From this day on the organisation asks for a second factor, and they have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Somewhere to go."""

    label: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What every page has."""

    template: ClassVar[str]
    title: str
    viewer: Viewer | None
    csrf_token: str
    crumbs: tuple[Link, ...] = ()
    refresh_s: int | None = None
    """Reload after so many seconds where there is no JavaScript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong and what to do next."""

    message: str
    how_to_fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the work on a recording."""

    label: str
    is_done: bool
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a recording is."""

    headline: str
    detail: str
    percent: int
    is_waiting: bool
    stages: tuple[Stage, ...] = ()
    attempt_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An option of a select or a radio group."""

    value: str
    label: str
    chosen: bool
    hint: str = ""
    has_box: bool = False
    """Of a movement: it starts on a box or step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of the provenance list."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A time, for programs and for readers."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLink:
    """A link or key just made, to be copied now."""

    label: str
    value: str
    note: str
