"""Exports."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.contexts.parts import Badge, Choice, Page, Problem, When


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One export."""

    id: str
    title: str
    detail: str
    """What was asked for, in words."""
    asked: When
    state: Badge
    percent: int | None
    """How far it is; None once it is not being made any more."""
    size: str
    expires: When | None
    file_href: str | None
    can_remove: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportsPage(Page):
    """Files of measurements: asked for, being made, ready to be fetched."""

    template: ClassVar[str] = "exports.html"
    problem: Problem | None
    done: str | None
    exports: tuple[ExportRow, ...]
    is_live: bool
    """Something is being made: the list is asked for again."""
    formats: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    movements: tuple[Choice, ...]
    entered_from: str
    entered_to: str
