"""What athletes and guardians see of themselves, and the organisations somebody may go between."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.contexts.parts import Choice, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """An athlete linked to the login that looks."""

    name: str
    screenings: str
    consent: str
    results_href: str
    consent_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage(Page):
    """The home of an athlete's or guardian's login."""

    template: ClassVar[str] = "own.html"
    done: str | None
    athletes: tuple[OwnRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConsentPage(Page):
    """Deciding about a linked athlete, signed in."""

    template: ClassVar[str] = "own_consent.html"
    action: str
    athlete_name: str
    paragraphs: tuple[str, ...]
    waiting_note: str
    purposes: tuple[Choice, ...]
    relations: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRow:
    """An organisation of somebody's."""

    id: str
    name: str
    role: str
    is_this: bool
    is_open: bool
    """This login may go there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationsPage(Page):
    """Where somebody belongs."""

    template: ClassVar[str] = "organisations.html"
    organisations: tuple[OrganisationRow, ...]
