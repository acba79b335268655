"""Acts on the roster that can be undone, and for how long."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

UNDO_FOR = timedelta(days=30)


class ChangeKind(StrEnum):
    """What was done."""

    IMPORT = "import"
    MERGE = "merge"
    """Two records of one person became one."""
    MOVE_RECORDING = "move_recording"
    MOVE_SCREENING = "move_screening"


Placement = dict[str, list[dict[str, Any]]]
"""Whose things are, as rows by table: ``screening`` and ``trial`` whole, of ``recording`` what places it."""


def placement_difference(before: Placement, after: Placement) -> tuple[Placement, Placement]:
    """Return of both placements the rows that are not the same in the other."""
    return _less(before, after), _less(after, before)


def holds_placement(now: Placement, expected: Placement) -> bool:
    """Say whether every row that is expected is there, unchanged."""
    return not any(_less(expected, now).values())


def _less(rows: Placement, other: Placement) -> Placement:
    return {table: [row for row in rows[table] if row not in other[table]] for table in rows}
