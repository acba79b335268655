"""Measurements turned from one number per row to one analysis per row, in bounded memory.

Which columns there are is known only at the end. So the rows go to a file on disk first, and are read back when all
columns are known: one analysis is in memory at a time, however many there are.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from app.domain.metric_export import MetricRow
from app.integrations.metric_files import rounded

_OF_THE_NUMBER: Final = {"metric", "side", "event", "value", "unit", "se"}
SHARED: Final = tuple(name for name in MetricRow._fields if name not in _OF_THE_NUMBER)
"""What all numbers of one row have in common."""
_SUFFIXES: Final = {"1": "", "%": "_pct", "m/s": "_m_per_s"}
_SIDES: Final = {"left": 0, "right": 1, "both": 2}
Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One number of every row."""

    metric: str
    side: str
    event: str
    unit: str

    @property
    def name(self) -> str:
        """``<side>_<metric>_at_<event>``; without a side where the number is of both."""
        side = "" if self.side == "both" else f"{self.side}_"
        return f"{side}{self.metric}_at_{self.event}"

    @property
    def name_with_unit(self) -> str:
        """The name with the unit as its end."""
        return self.name + _SUFFIXES.get(self.unit, f"_{self.unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WideTable:
    """Rows on disk, and the columns they have."""

    columns: tuple[Column, ...]
    n_rows: int
    _path: Path
    _places: tuple[int, ...]
    """Of each column, the number under which the file has it."""

    def rows(self) -> Iterator[tuple[dict[str, Cell], list[float | None]]]:
        """Yield of each row what its numbers have in common, and the numbers in the order of the columns."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                shared, numbers = json.loads(line)
                values = dict(numbers)
                yield (
                    dict(zip(SHARED, shared, strict=True)),
                    [values.get(place) for place in self._places],
                )


def by_analysis(batches: Iterable[tuple[MetricRow, ...]]) -> Iterator[list[MetricRow]]:
    """Yield the numbers of each analysis together; they come together."""
    for rows in batches:
        for _, numbers in groupby(rows, key=lambda row: row.analysis_id):
            yield list(numbers)


def by_repetition(numbers: Iterable[MetricRow]) -> Iterator[list[MetricRow]]:
    """Yield of one analysis the numbers of the whole, then those of each repetition."""
    ordered = sorted(numbers, key=lambda row: row.repetition or 0)
    for _, found in groupby(ordered, key=lambda row: row.repetition):
        yield list(found)


def spool_wide(batches: Iterable[tuple[MetricRow, ...]], *, path: Path) -> WideTable:
    """Write the rows to this file and return the table."""
    places: dict[Column, int] = {}
    n_rows = 0
    with path.open("w", encoding="utf-8") as lines:
        for numbers in by_analysis(batches):
            for row in by_repetition(numbers):
                values = [(_place(places, number), rounded(number.value)) for number in row]
                shared = [_plain(getattr(row[0], name)) for name in SHARED]
                lines.write(json.dumps([shared, values], separators=(",", ":")) + "\n")
                n_rows += 1
    columns = sorted(places, key=lambda each: (each.metric, each.event, _SIDES.get(each.side, 3), each.unit))
    return WideTable(
        columns=tuple(columns), n_rows=n_rows, _path=path, _places=tuple(places[each] for each in columns)
    )


def _place(places: dict[Column, int], row: MetricRow) -> int:
    column = Column(metric=row.metric, side=row.side, event=row.event, unit=row.unit)
    return places.setdefault(column, len(places))


def _plain(value: object) -> Cell:
    if isinstance(value, float):
        return rounded(value)
    if value is None or isinstance(value, int):
        return value
    isoformat = getattr(value, "isoformat", None)
    return str(value) if isoformat is None else str(isoformat())
