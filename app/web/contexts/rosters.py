"""Roster files, and a guardian's decision."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.contexts.parts import Choice, Page, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage(Page):
    """Somebody decides for an athlete, by a link: the code, the decision, the thanks."""

    template: ClassVar[str] = "consent.html"
    step: str
    """``open``, ``decide`` or ``done``."""
    problem: Problem | None = None
    token: str = ""
    organisation_name: str = ""
    athlete_name: str = ""
    paragraphs: tuple[str, ...] = ()
    waiting_note: str = ""
    purposes: tuple[Choice, ...] = ()
    relations: tuple[Choice, ...] = ()
    given_by: str = ""
    later_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStartPage(Page):
    """A roster file is chosen."""

    template: ClassVar[str] = "import_start.html"
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportColumnField:
    """A column of the file, and what it may be taken for."""

    header: str
    samples: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportQuestion:
    """Something only a person can know."""

    name: str
    legend: str
    hint: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A row of the file and what becomes of it."""

    number: int
    outcome: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReviewPage(Page):
    """A roster file before it is imported, and after."""

    template: ClassVar[str] = "import_review.html"
    filename: str
    summary: str
    problem: Problem | None
    finished: bool
    action: str
    columns: tuple[ImportColumnField, ...]
    questions: tuple[ImportQuestion, ...]
    caption: str
    rows: tuple[ImportRow, ...]
    confirm_action: str | None
    undo_action: str | None
