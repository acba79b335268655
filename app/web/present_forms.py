"""Pages with a form and pages with a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol

from app.biomech.pipeline import MOVEMENTS
from app.biomech.types import Movement, View
from app.services.read_models import AthleteSummary, TeamSummary
from app.web.contexts.parts import Choice, Link, Problem, Viewer
from app.web.contexts.sign_in import ErrorPage
from app.web.contexts.uploads import UploadPage
from app.web.upload_fields import NOBODY
from app.web.words import MOVEMENT_LABELS, VIEW_LABELS, label_of, size_text

_VIEW_HINTS: Final[dict[View, str]] = {
    View.FRONTAL: "Shows how the knees move inward.",
    View.SAGITTAL: "Shows how far knees, hips and trunk bend.",
}

_ERROR_WORDS: Final[dict[int, Problem]] = {
    403: Problem(
        message="You may not open this", how_to_fix="Ask the owner of your organisation for access."
    ),
    404: Problem(
        message="There is nothing here",
        how_to_fix="It may have been deleted, or it belongs to another organisation. Check the address.",
    ),
    405: Problem(message="That does not work here", how_to_fix="Go back and use the buttons of the page."),
    429: Problem(message="Too many tries", how_to_fix="Wait a minute, then try again."),
    500: Problem(
        message="Something went wrong on our side",
        how_to_fix="Nothing you uploaded is lost. Try again in a moment.",
    ),
    503: Problem(
        message="The service is not ready", how_to_fix="Nothing you uploaded is lost. Try again in a moment."
    ),
}


class Refusal(Protocol):
    """Anything that says what is wrong and what to do."""

    @property
    def message(self) -> str: ...  # noqa: D102  # as of an error
    @property
    def how_to_fix(self) -> str: ...  # noqa: D102  # as of an error


def present_problem(refusal: Refusal) -> Problem:
    """Return a refusal as pages say it: its sentence becomes a headline."""
    return Problem(message=refusal.message.rstrip("."), how_to_fix=refusal.how_to_fix)


def present_error(
    *,
    status: int,
    problem: Problem | None = None,
    viewer: Viewer | None = None,
    csrf_token: str = "",
    request_id: str | None = None,
) -> ErrorPage:
    """Build an error page; without a problem, in the words of its status."""
    known = _ERROR_WORDS.get(status)
    shown = (
        problem or known or Problem(message=HTTPStatus(status).phrase, how_to_fix="Go back and try again.")
    )
    return ErrorPage(
        title=shown.message.rstrip("."),
        viewer=viewer,
        csrf_token=csrf_token,
        status=status,
        problem=present_problem(shown),
        home=Link(label="To the team", href="/") if viewer else Link(label="To the sign-in", href="/sign-in"),
        request_id=request_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadEntries:
    """What was entered in the upload form, kept when it comes back."""

    athlete_id: str = ""
    team_id: str = ""
    """Whose athletes are listed; empty: all."""
    movement: str = Movement.DROP_VERTICAL_JUMP.value
    view: str = View.FRONTAL.value
    box_height_cm: str = ""
    trial_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """What the upload page is asked for."""

    viewer: Viewer
    csrf_token: str
    max_upload_bytes: int
    max_duration_s: float
    cancel: Link
    problem: Problem | None = None
    field_errors: Mapping[str, str] = field(default_factory=dict)
    may_use_inbox: bool = False
    """Whether a video of nobody yet may be sent."""
    teams: tuple[TeamSummary, ...] = ()
    is_cut: bool = False
    """Whether there are more athletes than are listed."""


def present_upload(
    athletes: tuple[AthleteSummary, ...], *, entries: UploadEntries, asked: UploadRequest
) -> UploadPage:
    """Build the upload form, with what was entered before."""
    choices = tuple(
        Choice(
            value=str(athlete.id),
            label=f"{athlete.name} (No. {athlete.external_id})" if athlete.external_id else athlete.name,
            chosen=str(athlete.id) == entries.athlete_id,
        )
        for athlete in athletes
    )
    if asked.may_use_inbox:
        nobody = Choice(value=NOBODY, label="Nobody yet: to the inbox", chosen=entries.athlete_id == NOBODY)
        choices = (*choices, nobody)
    if not any(choice.chosen for choice in choices):
        choices = (Choice(value="", label="Choose the athlete", chosen=True), *choices)
    return UploadPage(
        title="Upload a video",
        viewer=asked.viewer,
        csrf_token=asked.csrf_token,
        crumbs=(asked.cancel,),
        athletes=choices,
        teams=(
            Choice(value="", label="All teams", chosen=not entries.team_id),
            *(
                Choice(value=str(team.id), label=team.name, chosen=str(team.id) == entries.team_id)
                for team in asked.teams
            ),
        )
        if asked.teams
        else (),
        athletes_note="These are the first by name; choose the team for the others."
        if asked.is_cut
        else None,
        movements=tuple(
            Choice(
                value=movement.value,
                label=label_of(MOVEMENT_LABELS, movement.value),
                chosen=movement.value == entries.movement,
                hint=definition.protocol,
                has_box=definition.has_box,
            )
            for movement, definition in MOVEMENTS.items()
        ),
        views=tuple(
            Choice(
                value=view.value,
                label=label_of(VIEW_LABELS, view.value),
                chosen=view.value == entries.view,
                hint=_VIEW_HINTS[view],
            )
            for view in View
        ),
        box_height_cm=entries.box_height_cm,
        trial_number=entries.trial_number,
        problem=asked.problem,
        field_errors=dict(asked.field_errors),
        limits=(
            f"MP4 or MOV, up to {size_text(asked.max_upload_bytes)} and {asked.max_duration_s:.0f} seconds."
            " A few seconds around the movement are enough."
        ),
        max_upload_bytes=asked.max_upload_bytes,
        action="/recordings",
        cancel=Link(label="Cancel", href=asked.cancel.href),
    )
