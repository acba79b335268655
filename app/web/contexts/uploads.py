"""The upload form."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.contexts.parts import Choice, Link, Page, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage(Page):
    """The upload form."""

    template: ClassVar[str] = "upload.html"
    teams: tuple[Choice, ...]
    """By which the athletes are listed; empty where there is no team."""
    athletes: tuple[Choice, ...]
    athletes_note: str | None
    movements: tuple[Choice, ...]
    views: tuple[Choice, ...]
    box_height_cm: str
    trial_number: str
    problem: Problem | None
    field_errors: dict[str, str]
    limits: str
    max_upload_bytes: int
    action: str
    cancel: Link
