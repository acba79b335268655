"""The upload form's fields, read from text."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar
from uuid import UUID

from app.biomech.pipeline import MOVEMENTS
from app.biomech.types import Movement, View
from app.domain.errors import InvalidInputError
from app.services.trial_places import MAX_TRIAL_NUMBER

E = TypeVar("E", Movement, View)

MIN_BOX_CM, MAX_BOX_CM = 5.0, 100.0
NOBODY = "nobody"
"""In place of the athlete: the recording waits in the inbox. The script of the page knows it, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFields:
    """What was entered, understood."""

    athlete_id: UUID | None
    """None: to the inbox."""
    movement: Movement
    view: View
    box_height_cm: float | None
    trial_number: int | None


class FormFieldsError(InvalidInputError):
    """Several fields need correcting; `by_field` says how, each in one sentence."""

    def __init__(self, by_field: Mapping[str, str]) -> None:
        """Keep the sentences."""
        super().__init__("Something needs correcting", how_to_fix="See the marked fields.")
        self.by_field = by_field


def read_fields(fields: Mapping[str, str]) -> UploadFields:
    """Read the form; raise `FormFieldsError` that names every field that needs correcting."""
    errors: dict[str, str] = {}
    whom = fields.get("athlete_id", "")
    athlete_id = find_id(whom)
    if athlete_id is None and whom != NOBODY:
        errors["athlete_id"] = "Choose the athlete."
    movement = _find_member(Movement, fields.get("movement", ""))
    if movement is None:
        errors["movement"] = "Choose the movement that was filmed."
    view = _find_member(View, fields.get("view", ""))
    if view is None:
        errors["view"] = "Say where the camera stood."
    box_height_cm: float | None = None
    try:
        box_height_cm = read_box_height(fields.get("box_height_cm", ""))
    except ValueError:
        errors["box_height_cm"] = "Enter the height in centimetres, for example 31, or leave it empty."
    trial_number: int | None = None
    try:
        trial_number = read_trial_number(fields.get("trial_number", ""))
    except ValueError:
        errors["trial_number"] = "Enter the number of the trial, 1 for the first, or leave it empty."
    if errors or movement is None or view is None:
        raise FormFieldsError(errors)
    if not MOVEMENTS[movement].has_box:  # hidden by the form, but kept by the browser
        box_height_cm = None
    return UploadFields(
        athlete_id=athlete_id,
        movement=movement,
        view=view,
        box_height_cm=box_height_cm,
        trial_number=trial_number,
    )


def read_trial_number(text: str) -> int | None:
    """Return the number, None for an empty field; raise `ValueError` for what cannot be one."""
    plain = text.strip()
    if not plain:
        return None
    number = int(plain)
    if not 1 <= number <= MAX_TRIAL_NUMBER:
        msg = f"trials are numbered 1 to {MAX_TRIAL_NUMBER}"
        raise ValueError(msg)
    return number


def read_box_height(text: str) -> float | None:
    """Return the height, None for an empty field; raise `ValueError` for what cannot be one. A comma is fine."""
    plain = text.strip().lower().removesuffix("cm").strip().replace(",", ".")
    if not plain:
        return None
    height = float(plain)
    if not isfinite(height) or not MIN_BOX_CM <= height <= MAX_BOX_CM:
        msg = f"a box is {MIN_BOX_CM} to {MAX_BOX_CM} cm high"
        raise ValueError(msg)
    return height


def find_id(text: str) -> UUID | None:
    """Return the id that was sent, None for anything else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _find_member(kind: type[E], text: str) -> E | None:
    try:
        return kind(text)
    except ValueError:
        return None
