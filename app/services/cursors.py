"""Where a list goes on: opaque to callers, checked when it comes back."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from app.domain.errors import InvalidInputError

T = TypeVar("T")
MAX_LIMIT = 200
_MAX_CURSOR_LENGTH = 4000
_MAX_NUMBER = 2**31 - 1


def encode_cursor(*parts: str | float | UUID | date) -> str:
    """Return a cursor that holds these values."""
    plain = [
        part.isoformat() if isinstance(part, date) else str(part) if isinstance(part, UUID) else part
        for part in parts
    ]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: Callable[[Any], Any]) -> list[Any]:
    """Return the values of a cursor, each through its kind, or raise `InvalidInputError`."""
    try:
        if len(cursor) > _MAX_CURSOR_LENGTH:
            raise ValueError(cursor)
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
        return [kind(part) for kind, part in zip(kinds, parts, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error, RecursionError):
        raise InvalidInputError(
            "The cursor does not belong to this list.",
            how_to_fix="Start from the first page, without a cursor.",
            field="cursor",
        ) from None


def check_limit(limit: int) -> int:
    """Return the limit, or raise `InvalidInputError`."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(
            f"The limit must lie between 1 and {MAX_LIMIT}.",
            how_to_fix="Ask for fewer at a time.",
            field="limit",
        )
    return limit


def split_page(rows: Sequence[T], *, limit: int) -> tuple[Sequence[T], bool]:
    """Return the page, and whether there is more; ask the database for one row more than the page holds."""
    return rows[:limit], len(rows) > limit


def text_part(value: object) -> str:
    """Return a text of a cursor; a number there is a forgery."""
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError(value)
    value.encode()  # half a surrogate pair is no text
    return value


def instant_part(value: object) -> datetime:
    """Return an aware time of a cursor."""
    instant = datetime.fromisoformat(text_part(value))
    if instant.tzinfo is None:
        raise ValueError(value)
    return instant


def day_part(value: object) -> date:
    """Return a day of a cursor."""
    return date.fromisoformat(text_part(value))


def number_part(value: object) -> int:
    """Return a number of a cursor that the database can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_NUMBER:
        raise TypeError(value)
    return value


def id_part(value: object) -> UUID:
    """Return an id of a cursor."""
    return UUID(text_part(value))
