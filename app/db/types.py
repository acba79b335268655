"""Names for the column idioms of this schema."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Enum, Text, Uuid, func
from sqlalchemy.orm import mapped_column
from uuid_utils.compat import uuid7

E = TypeVar("E", bound=StrEnum)


def new_id() -> UUID:
    """Return a UUIDv7: unguessable enough for an id, and close to its neighbours in an index."""
    return uuid7()


def stored_as_text(enum: type[E]) -> Enum:
    """Return a column type that stores a `StrEnum` by value; adding a member then needs no migration."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


IdKey = Annotated[UUID, mapped_column(Uuid, primary_key=True, default=new_id)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
"""An aware time, UTC."""
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
"""When the transaction that made the row began, by the database's clock."""
LongText = Annotated[str, mapped_column(Text)]


def from_now(seconds: float) -> ColumnElement[datetime]:
    """Return the database's time moved by some seconds; hosts' clocks are never compared."""
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
