"""The settings page about privacy."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.contexts.parts import Choice
from app.web.contexts.settings import SettingsPage


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryField:
    """A field somebody writes in."""

    name: str
    label: str
    unit: str
    value: str
    hint: str
    error: str | None
    yours: str | None
    """What was entered while somebody else was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Something that is so or not."""

    name: str
    label: str
    hint: str
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalNote:
    """What a run would remove, in words."""

    title: str
    lines: tuple[str, ...]
    """Empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyForm:
    """The rules, as they are or as they were entered."""

    version: str
    noted: str
    who: tuple[Choice, ...]
    who_error: str | None
    age: EntryField
    unknown_age: Switch
    waiting: EntryField
    consent_text: EntryField
    our_text: str
    kept: tuple[EntryField, ...]
    switches: tuple[Switch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyPage(SettingsPage):
    """Whose consent is asked for, and what is kept how long."""

    template: ClassVar[str] = "settings_privacy.html"
    form: PrivacyForm
    tried: RemovalNote | None
    """Of the rules as entered, before they are saved."""
    is_asked: bool
    """Saving them needs another yes."""
    due: RemovalNote
    """Of the rules as they are."""
