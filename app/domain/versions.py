"""Versions of what can be edited, so that nobody overwrites what somebody else changed since they looked."""

import hashlib
import json
from collections.abc import Set
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date
from typing import Final
from uuid import UUID

from app.domain.errors import PreconditionFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Which versions of a thing a change is meant for."""

    tags: frozenset[str] | None = None
    """None: whichever it is in."""

    def check(self, present: str, *, what: str) -> None:
        """Raise `PreconditionFailedError` unless the present version is among them.

        Ask only once nobody else can change the thing before this transaction ends.
        """
        if self.tags is not None and present not in self.tags:
            raise PreconditionFailedError(
                f"{what} has changed since you read it; nothing was done.",
                how_to_fix="Read it again, and send your change with the new ETag.",
            )


ANY: Final = Expected()
"""For whoever did not look before, or wants it whatever it is."""


def tag_of(*parts: object) -> str:
    """Return a short name of a version: the same for the same parts, another as soon as one of them differs.

    Give all that can be changed by an edit, and nothing that changes by itself.
    """
    text = json.dumps(parts, default=_plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def numbered_tag(version: int) -> str:
    """Return the name of a version of what counts its changes."""
    return f"v{version}"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Set):
        return sorted(str(each) for each in value)
    if isinstance(value, date | UUID):  # a time is a date, too
        return str(value)
    raise TypeError(f"no part of a version: {type(value).__name__}")
