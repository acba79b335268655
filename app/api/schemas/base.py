"""What all schemas have in common."""

import re
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_NAME_CHARS = 200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written_as_date(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and not _DATE.fullmatch(value.strip())):
        msg = "Write the date as year-month-day, for example 2026-03-14."
        raise ValueError(msg)
    return value


def _written_as_instant(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and not _DATE.match(value.strip())):
        msg = "Write the time with its date and zone, for example 2026-03-14T16:05:00+01:00."
        raise ValueError(msg)
    return value


CalendarDate = Annotated[date, BeforeValidator(_written_as_date)]
"""A day in a request. The framework alone would take 20260314 for seconds since 1970."""
Instant = Annotated[AwareDatetime, BeforeValidator(_written_as_instant)]
"""A point in time in a request, with its zone; a bare number is refused for the same reason."""


class Input(BaseModel):
    """A body that is sent to us: fields that are not documented are refused, so that typing errors show."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Output(BaseModel):
    """A body that we send, made from a read model."""

    model_config = ConfigDict(from_attributes=True)


class OutputPage(BaseModel):
    """Some of a list, in order."""

    next_cursor: str | None = Field(
        description="Send it back as `cursor` for what follows; null on the last page. The `Link` header holds the address."
    )
