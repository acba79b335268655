"""Measurements as files, read back by readers that are not ours: the same numbers in every form, in bounded memory."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.domain.exports import ExportFormat
from app.domain.metric_export import MetricRow
from app.integrations import export_files
from app.integrations.export_files import FORMS, ExportContext
from app.integrations.wide_rows import Column

ADA, BEA = UUID(int=1), UUID(int=2)
METRICS = (
    ("fppa", "left", "peak_knee_flexion", 12.34567, "deg", 2.0),
    ("fppa", "right", "peak_knee_flexion", -3.5, "deg", 2.0),
    ("knee_ankle_separation_ratio", "both", "initial_contact", 0.81, "1", None),
    ("jump_height", "both", "trial", None, "m", None),
    ("depth", "both", "lowest_point", 41.0, "%", 1.5),
)


def row(number: int, metric: tuple[Any, ...], *, repetition: int | None = None) -> MetricRow:
    key, side, event, value, unit, se = metric
    return MetricRow(
        athlete_id=(ADA, BEA, None)[number % 3],
        athlete_external_id=("=1+1", "7", None)[number % 3],
        athlete_name=("@SUM(A1)", "Bea", None)[number % 3],
        screened_on=date(2026, 3, 14),
        context="baseline",
        movement="drop_vertical_jump",
        view="frontal",
        recording_id=UUID(int=1000 + number),
        analysis_id=UUID(int=2000 + number),
        run=1,
        analysed_at=datetime(2026, 3, 14, 16, 5, tzinfo=UTC),
        verdict="valid",
        method_version="1.0.0",
        metric=key,
        side=side,
        event=event,
        value=None if value is None else value + number,
        unit=unit,
        se=se,
        repetition=repetition,
        captured_at=datetime(2026, 3, 14, 15, 5, tzinfo=UTC) if number % 2 else None,
        score=61.23456 + number,
        score_low=33.0,
        score_high=83.0,
        band="marked deviations",
    )


def batches() -> Iterator[tuple[MetricRow, ...]]:
    """Three analyses; the last of a movement with two repetitions, and with a metric of its own."""
    yield tuple(row(number, metric) for number in range(2) for metric in METRICS)
    squat = ("squat_depth", "both", "lowest_point", 90.0, "deg", 4.0)
    yield (
        row(2, METRICS[0]),
        row(2, squat, repetition=1),
        row(2, squat, repetition=2),
        row(2, METRICS[0], repetition=1),
    )


EXPECTED = [each for batch in batches() for each in batch]


def write(tmp_path: Path, file_format: ExportFormat, **ids: str) -> tuple[Path, int]:
    folder = tmp_path / "spool"
    folder.mkdir()
    path = tmp_path / "file"
    named = {ADA: ids["ada"]} if ids else {}
    return path, FORMS[file_format].write(batches(), path, ExportContext(folder=folder, ids=named))


def _wide(rows: Iterator[dict[str, Any]]) -> dict[tuple[str, str, str], Any]:
    """Take wide rows apart into (analysis, repetition, column) -> number as text."""
    found = {}
    for each in rows:
        for name, value in each.items():
            if "_at_" in name and value not in {"", None}:
                found[each["analysis_id"], str(each["repetition"] or ""), name] = float(value)
    return found


def _expected_wide(*, with_unit: bool) -> dict[tuple[str, str, str], float]:
    found = {}
    for each in EXPECTED:
        if each.value is not None:
            column = Column(metric=each.metric, side=each.side, event=each.event, unit=each.unit)
            name = column.name_with_unit if with_unit else column.name
            found[str(each.analysis_id), str(each.repetition or ""), name] = round(each.value, 4)
    return found


def test_csv_long_when_read_back_then_the_same_numbers(tmp_path: Path) -> None:
    path, n_rows = write(tmp_path, ExportFormat.CSV_LONG)
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert n_rows == len(found) == len(EXPECTED)
    assert [each["value"] for each in found] == [
        "" if each.value is None else str(round(each.value, 4)) for each in EXPECTED
    ]
    assert (found[0]["athlete_name"], found[0]["athlete_external_id"]) == ("'@SUM(A1)", "'=1+1")


def test_csv_wide_when_read_back_then_the_same_numbers_under_names_with_their_units(tmp_path: Path) -> None:
    path, n_rows = write(tmp_path, ExportFormat.CSV_WIDE)
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert n_rows == len(found) == 5
    assert _wide(iter(found)) == _expected_wide(with_unit=True)
    assert {
        "left_fppa_at_peak_knee_flexion_deg",
        "knee_ankle_separation_ratio_at_initial_contact",
        "depth_at_lowest_point_pct",
    } <= found[0].keys()
    assert found[0]["athlete_name"] == "'@SUM(A1)"
    assert found[1]["right_fppa_at_peak_knee_flexion_deg"] == "-2.5"


def test_xlsx_when_read_back_then_names_units_and_numbers_and_no_formula(tmp_path: Path) -> None:
    path, n_rows = write(tmp_path, ExportFormat.XLSX)
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    [sheet] = book.worksheets
    names, units, *rows = sheet.iter_rows(values_only=True)
    assert n_rows == len(rows) == 5
    assert dict(zip(names, units, strict=True))["left_fppa_at_peak_knee_flexion"] == "deg"
    assert dict(zip(names, units, strict=True))["athlete_name"] is None
    found = [dict(zip(names, each, strict=True)) for each in rows]
    assert _wide(iter(found)) == _expected_wide(with_unit=False)
    assert found[0]["screened_on"].date() == date(2026, 3, 14)
    assert found[0]["athlete_name"] == "'@SUM(A1)"
    assert {cell.data_type for line in sheet.iter_rows() for cell in line} <= {
        "s", "inlineStr", "n", "d",
    }  # fmt: skip
    assert sheet.freeze_panes == "A3"


def test_xlsx_when_a_sheet_is_full_then_the_rest_stands_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "MAX_SHEET_ROWS", 4)
    path, _ = write(tmp_path, ExportFormat.XLSX)
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    sheets = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
    assert [len(rows) - 2 for rows in sheets] == [2, 2, 1]
    assert sheets[0][:2] == sheets[1][:2] == sheets[2][:2]


def test_parquet_when_read_back_then_typed_and_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "ROWS_PER_GROUP", 5)
    path, n_rows = write(tmp_path, ExportFormat.PARQUET)
    table = parquet.read_table(path)
    assert n_rows == table.num_rows == len(EXPECTED)
    assert parquet.ParquetFile(path).num_row_groups == 2
    assert table.schema.field("screened_on").type == pa.date32()
    assert table.schema.field("value").type == pa.float64()
    assert b"positive on both sides" in table.schema.metadata[b"sign_convention"]
    assert table.column("value").to_pylist() == [
        None if each.value is None else round(each.value, 4) for each in EXPECTED
    ]
    assert table.column("athlete_name").to_pylist()[0] == "@SUM(A1)"
    assert table.column("analysed_at").to_pylist()[0] == EXPECTED[0].analysed_at


def test_ndjson_when_read_back_then_the_same_numbers(tmp_path: Path) -> None:
    path, n_rows = write(tmp_path, ExportFormat.NDJSON)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert n_rows == len(found) == len(EXPECTED)
    assert [each["value"] for each in found] == [
        None if each.value is None else round(each.value, 4) for each in EXPECTED
    ]


def test_teamworks_when_written_then_its_day_its_person_and_one_row_per_analysis(tmp_path: Path) -> None:
    path, _ = write(tmp_path, ExportFormat.TEAMWORKS_AMS, ada="=4711")
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0])[:3] == ["start_date", "user_id", "about"]
    assert [(each["start_date"], each["user_id"], each["about"]) for each in found] == [
        ("14/03/2026", "'=4711", "'@SUM(A1)"),
        ("14/03/2026", "", "Bea"),
    ], "nothing of recordings without an athlete"
    theirs = {str(each.analysis_id) for each in EXPECTED if each.athlete_id is not None}
    assert {each["analysis_id"] for each in found} == theirs
    expected = _expected_wide(with_unit=True)
    assert _wide(iter(found)) == {place: value for place, value in expected.items() if place[0] in theirs}


def test_vald_when_read_back_then_tests_trials_and_results(tmp_path: Path) -> None:
    path, n_rows = write(tmp_path, ExportFormat.VALD_JSON, ada="v-1")
    document = json.loads(path.read_text())
    assert n_rows == len(EXPECTED)
    assert [len(test["trials"]) for test in document["tests"]] == [1, 1, 3]
    first = document["tests"][0]
    assert (first["profileId"], first["syncId"], first["externalId"]) == ("v-1", str(ADA), "=1+1")
    assert first["trials"][0]["results"][0] == {
        "resultId": "fppa@peak_knee_flexion",
        "limb": "Left",
        "value": 12.3457,
        "unit": "deg",
        "standardError": 2.0,
    }
    results = [
        result["value"]
        for test in document["tests"]
        for trial in test["trials"]
        for result in trial["results"]
    ]
    assert sorted(map(str, results)) == sorted(
        str(None if each.value is None else round(each.value, 4)) for each in EXPECTED
    )
    assert {"resultId": "squat_depth@lowest_point", "unit": "deg"} in document["resultDefinitions"]


def test_files_when_there_is_nothing_then_whole_and_empty(tmp_path: Path) -> None:
    for file_format, form in FORMS.items():
        folder = tmp_path / file_format.value
        folder.mkdir()
        path = folder / "file"
        assert form.write(iter(()), path, ExportContext(folder=folder)) == 0
        assert path.exists(), file_format
    assert parquet.read_table(tmp_path / "parquet" / "file").num_rows == 0
    assert json.loads((tmp_path / "vald-json" / "file").read_text())["tests"] == []


MEMORY_PROGRAM = """
import resource, sys
from pathlib import Path
from app.domain.exports import ExportFormat
from app.integrations.export_files import FORMS, ExportContext
from tests.unit.integrations.test_export_files import METRICS, row

def batches(n_rows):
    for start in range(0, n_rows // 5, 200):
        yield tuple(row(number, metric) for number in range(start, start + 200) for metric in METRICS)

folder = Path(sys.argv[2])
write = FORMS[ExportFormat(sys.argv[1])].write
n_rows = int(sys.argv[3])
write(batches(n_rows // 10), folder / "small", ExportContext(folder=folder))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert write(batches(n_rows), folder / "large", ExportContext(folder=folder)) > 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("file_format", "n_rows"), [(ExportFormat.PARQUET, 200_000), (ExportFormat.XLSX, 100_000)]
)
def test_memory_when_ten_times_as_many_rows_are_written_then_it_does_not_grow_with_them(
    tmp_path: Path, file_format: ExportFormat, n_rows: int
) -> None:
    """The rows alone would take some hundred MB as objects."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_PROGRAM, file_format.value, str(tmp_path), str(n_rows)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 * 1024, f"grew by {int(done.stdout) // 1024} MB"
