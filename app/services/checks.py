"""Plain answers to values that make no sense."""

import unicodedata
from math import isfinite

from app.domain.errors import InvalidInputError


def check_text(value: str, *, field: str, max_length: int = 200) -> str:
    """Return the text without space around it, in one Unicode form; refuse empty, long and invisible ones."""
    cleaned = unicodedata.normalize("NFC", value).strip()
    words = field.replace("_", " ")
    if not cleaned:
        raise InvalidInputError(f"The {words} is empty.", how_to_fix=f"Give a {words}.", field=field)
    if len(cleaned) > max_length:
        raise InvalidInputError(
            f"The {words} is longer than {max_length} characters.", how_to_fix="Shorten it.", field=field
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in cleaned):
        raise InvalidInputError(
            f"The {words} holds characters that cannot be shown.",
            how_to_fix="Type it again by hand.",
            field=field,
        )
    return cleaned


def check_range(value: float | None, *, field: str, low: float, high: float) -> float | None:
    """Return the number, or refuse one outside of what can be."""
    if value is not None and not (isfinite(value) and low <= value <= high):
        words = field.replace("_cm", " in cm").replace("_", " ")
        raise InvalidInputError(
            f"The {words} must lie between {low:g} and {high:g}.",
            how_to_fix="Check the number and its unit.",
            field=field,
        )
    return value
