"""Measurements as files of every form, written to disk a batch at a time: memory does not grow with their number.

Numbers are rounded alike in every form (four decimals), so that two files of the same measurements agree.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from app.domain.exports import ExportFormat
from app.domain.metric_export import MetricRow
from app.integrations.metric_files import guarded, metrics_to_csv, metrics_to_ndjson, rounded
from app.integrations.wide_rows import (
    SHARED,
    Cell,
    WideTable,
    by_analysis,
    by_repetition,
    spool_wide,
)

SIGN: Final = "Valgus (knee inward) is positive on both sides; left and right are the athlete's."
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_SHEET_ROWS: Final = 1_048_576
"""What a sheet of a workbook can hold; what is more goes on the next sheet."""
ROWS_PER_GROUP: Final = 50_000
Batches = Iterable[tuple[MetricRow, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContext:
    """What a writer needs besides the numbers."""

    folder: Path
    """For files on the way; empty, and removed afterwards."""
    ids: Mapping[UUID, str] = field(default_factory=dict)
    """What each athlete is called in the system the form is for."""


Writer = Callable[[Batches, Path, ExportContext], int]
"""Writes the file and returns how many rows it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """A form of file."""

    extension: str
    media_type: str
    write: Writer
    system: str | None = None
    """Whose ids of athletes it wants."""


def write_csv_long(batches: Batches, path: Path, _context: ExportContext) -> int:
    """Write one number per line."""
    return _write_lines(metrics_to_csv, batches, path)


def write_ndjson(batches: Batches, path: Path, _context: ExportContext) -> int:
    """Write one JSON object per line and number."""
    return _write_lines(metrics_to_ndjson, batches, path)


def write_csv_wide(batches: Batches, path: Path, context: ExportContext) -> int:
    """Write one analysis per line (one line per repetition where a movement has several), the unit in the name."""
    table = spool_wide(batches, path=context.folder / "rows")
    head = (*SHARED, *(column.name_with_unit for column in table.columns))
    lines = ((*_guarded(shared), *_numbers(values)) for shared, values in table.rows())
    return _write_csv(path, head, lines)


def write_xlsx(batches: Batches, path: Path, context: ExportContext) -> int:
    """Write the same as a workbook: a row of names, a row of units, numbers as numbers, dates as dates."""
    from openpyxl import Workbook

    table = spool_wide(batches, path=context.folder / "rows")
    book = Workbook(write_only=True)
    rows, is_full = table.rows(), True
    while is_full:
        n_sheets = len(book.worksheets)
        sheet = book.create_sheet(f"Measurements {n_sheets + 1}" if n_sheets else "Measurements")
        sheet.freeze_panes = "A3"
        for head in _heads(table):
            sheet.append(head)
        is_full = _fill(sheet, rows, room=MAX_SHEET_ROWS - 2)
    book.properties.description = SIGN
    book.save(path)
    return table.n_rows


def write_parquet(batches: Batches, path: Path, _context: ExportContext) -> int:
    """Write typed columns, some tens of thousands of rows at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [(name, _arrow_type(pa, name)) for name in MetricRow._fields], metadata={"sign_convention": SIGN}
    )
    n_rows = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in _groups(batches):
            columns = zip(*(_arrow_cells(row) for row in rows), strict=True)
            arrays = [
                pa.array(list(cells), type=part.type) for cells, part in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            n_rows += len(rows)
    return n_rows


def write_teamworks(batches: Batches, path: Path, context: ExportContext) -> int:
    """Write what Teamworks AMS (Smartabase) imports: a day as DD/MM/YYYY, the person, one row per analysis of somebody."""
    table = spool_wide(batches, path=context.folder / "rows")
    kept = tuple(name for name in SHARED if name not in {"athlete_id", "athlete_name", "screened_on"})
    head = ("start_date", "user_id", "about", *kept, *(column.name_with_unit for column in table.columns))

    def lines() -> Iterator[tuple[object, ...]]:
        for shared, values in table.rows():
            if shared["athlete_id"] is None:  # it waits in the inbox: an import of nobody would fail whole
                continue
            known = dict(zip(SHARED, _guarded(shared), strict=True))
            day = date.fromisoformat(str(shared["screened_on"]))
            yield (
                day.strftime("%d/%m/%Y"),
                guarded(_id_of(context, shared["athlete_id"])),
                known["athlete_name"],
                *(known[name] for name in kept),
                *_numbers(values),
            )

    return _write_csv(path, head, lines())


def write_vald(batches: Batches, path: Path, context: ExportContext) -> int:
    """Write tests, their trials and the trials' results, nested as in VALD's interface."""
    n_rows = 0
    definitions: dict[str, str] = {}
    with path.open("w", encoding="utf-8") as file:
        file.write('{"source":"Plumbline","signConvention":' + json.dumps(SIGN) + ',"tests":[')
        for number, numbers in enumerate(by_analysis(batches)):
            file.write("," if number else "")
            file.write(json.dumps(_vald_test(numbers, context), ensure_ascii=False, separators=(",", ":")))
            definitions |= {_result_id(row): row.unit for row in numbers}
            n_rows += len(numbers)
        listed = [{"resultId": name, "unit": unit} for name, unit in sorted(definitions.items())]
        file.write('],"resultDefinitions":' + json.dumps(listed) + "}\n")
    return n_rows


FORMS: Final[Mapping[ExportFormat, FileForm]] = {
    ExportFormat.CSV_LONG: FileForm(
        extension="csv", media_type="text/csv; charset=utf-8", write=write_csv_long
    ),
    ExportFormat.CSV_WIDE: FileForm(
        extension="csv", media_type="text/csv; charset=utf-8", write=write_csv_wide
    ),
    ExportFormat.XLSX: FileForm(extension="xlsx", media_type=XLSX_TYPE, write=write_xlsx),
    ExportFormat.PARQUET: FileForm(
        extension="parquet", media_type="application/vnd.apache.parquet", write=write_parquet
    ),
    ExportFormat.NDJSON: FileForm(extension="ndjson", media_type="application/x-ndjson", write=write_ndjson),
    ExportFormat.TEAMWORKS_AMS: FileForm(
        extension="csv", media_type="text/csv; charset=utf-8", write=write_teamworks, system="teamworks_ams"
    ),
    ExportFormat.VALD_JSON: FileForm(
        extension="json", media_type="application/json", write=write_vald, system="vald"
    ),
}


def _write_lines(make: Callable[[Batches], Iterator[bytes]], batches: Batches, path: Path) -> int:
    n_rows = 0

    def counted() -> Iterator[tuple[MetricRow, ...]]:
        nonlocal n_rows
        for rows in batches:
            n_rows += len(rows)
            yield rows

    with path.open("wb") as file:
        for chunk in make(counted()):
            file.write(chunk)
    return n_rows


def _write_csv(path: Path, head: Iterable[object], lines: Iterable[Iterable[object]]) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for line in lines:
            writer.writerow(line)
            n_rows += 1
    return n_rows


def _guarded(shared: Mapping[str, Cell]) -> list[Cell]:
    """Return the cells with everything a spreadsheet could take for a formula made harmless."""
    return [guarded(cell) if isinstance(cell, str) else cell for cell in shared.values()]


def _numbers(values: Iterable[float | None]) -> Iterator[object]:
    return ("" if value is None else value for value in values)


def _heads(table: WideTable) -> tuple[list[str], list[str]]:
    names = [*SHARED, *(column.name for column in table.columns)]
    units = [*("" for _ in SHARED), *(column.unit for column in table.columns)]
    return names, units


def _fill(sheet: Any, rows: Iterator[tuple[dict[str, Cell], list[float | None]]], *, room: int) -> bool:
    """Put rows on a sheet; say whether it is full before there are no more."""
    for _ in range(room):
        found = next(rows, None)
        if found is None:
            return False
        shared, values = found
        cells: list[object] = [*_guarded(shared), *values]
        cells[SHARED.index("screened_on")] = date.fromisoformat(str(shared["screened_on"]))
        sheet.append(cells)
    return True


def _groups(batches: Batches) -> Iterator[list[MetricRow]]:
    group: list[MetricRow] = []
    for rows in batches:
        group += rows
        if len(group) >= ROWS_PER_GROUP:
            yield group
            group = []
    if group:
        yield group


def _arrow_type(pa: Any, name: str) -> Any:
    types = {
        "screened_on": pa.date32(),
        "analysed_at": pa.timestamp("us", tz="UTC"),
        "run": pa.int32(),
        "repetition": pa.int16(),
        "value": pa.float64(),
        "se": pa.float64(),
        "captured_at": pa.timestamp("us", tz="UTC"),
        **dict.fromkeys(("score", "score_low", "score_high"), pa.float64()),
    }
    return types.get(name, pa.string())


def _arrow_cells(row: MetricRow) -> Iterator[object]:
    for cell in row:
        yield str(cell) if isinstance(cell, UUID) else rounded(cell) if isinstance(cell, float) else cell


def _id_of(context: ExportContext, athlete_id: Cell | UUID) -> str:
    return "" if athlete_id is None else context.ids.get(UUID(str(athlete_id)), "")


def _vald_test(numbers: list[MetricRow], context: ExportContext) -> dict[str, object]:
    first = numbers[0]
    return {
        "testId": str(first.analysis_id),
        "profileId": _id_of(context, first.athlete_id) or None,
        "syncId": None if first.athlete_id is None else str(first.athlete_id),
        "externalId": first.athlete_external_id,
        "name": first.athlete_name,
        "testType": first.movement,
        "testDate": first.screened_on.isoformat(),
        "modifiedDateUtc": first.analysed_at.isoformat(),
        "notes": first.context,
        "attributes": {
            "recordingId": str(first.recording_id),
            "view": first.view,
            "verdict": first.verdict,
            "methodVersion": first.method_version,
        },
        "trials": [
            {
                "id": f"{first.analysis_id}-{rows[0].repetition or 0}",
                "repetition": rows[0].repetition,
                "results": [
                    {
                        "resultId": _result_id(row),
                        "limb": {"left": "Left", "right": "Right"}.get(row.side, "Trial"),
                        "value": rounded(row.value),
                        "unit": row.unit,
                        "standardError": rounded(row.se),
                    }
                    for row in rows
                ],
            }
            for rows in by_repetition(numbers)
        ],
    }


def _result_id(row: MetricRow) -> str:
    return f"{row.metric}@{row.event}"
