"""Names for the column idioms of this schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from itertools import count
from typing import Annotated, TypeVar
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, DateTime, Enum, Text, Uuid, func
from sqlalchemy.orm import mapped_column
from uuid_utils.compat import uuid7

E = TypeVar("E", bound=StrEnum)


_made_up: ContextVar[Iterator[UUID] | None] = ContextVar("made_up_ids", default=None)


def new_id() -> UUID:
    """Return a UUIDv7: unguessable enough for an id, and close to its neighbours in an index."""
    made_up = _made_up.get()
    return uuid7() if made_up is None else next(made_up)


def digest_of_key(key: str) -> str:
    """Return what is kept of an Idempotency-Key: clients choose them, and may put a name in."""
    return sha256(key.encode()).hexdigest()


@contextmanager
def fixed_ids(namespace: UUID, name: str) -> Iterator[UUID]:
    """Make the ids of what is made inside the same every time, and yield the first: for made-up data alone.

    Only in this thread; whoever knows the name knows the ids.
    """
    token = _made_up.set(uuid5(namespace, f"{name}/{number}") for number in count())
    try:
        yield uuid5(namespace, f"{name}/0")
    finally:
        _made_up.reset(token)


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
