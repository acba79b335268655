"""Measurements as CSV and as NDJSON, a batch at a time."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from math import isfinite

from app.domain.metric_export import MetricRow

_DIGITS = 4
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def guarded(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before what could begin one."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def metrics_to_csv(batches: Iterable[tuple[MetricRow, ...]]) -> Iterator[bytes]:
    """Yield CSV (RFC 4180, UTF-8), the header first; the unit of each number stands beside it."""
    yield _lines([MetricRow._fields])
    for rows in batches:
        yield _lines(map(_cells, rows))


def metrics_to_ndjson(batches: Iterable[tuple[MetricRow, ...]]) -> Iterator[bytes]:
    """Yield one JSON object per line."""
    for rows in batches:
        lines = (json.dumps(_document(row), ensure_ascii=False, separators=(",", ":")) for row in rows)
        yield "".join(f"{line}\n" for line in lines).encode()


def _lines(rows: Iterable[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(row: MetricRow) -> tuple[object, ...]:
    # Only what people have typed can begin like a formula; a negative number must stay one.
    named = row._replace(
        athlete_external_id=guarded(row.athlete_external_id), athlete_name=guarded(row.athlete_name)
    )
    return tuple(_document(named).values())


def _document(row: MetricRow) -> dict[str, object]:
    return {
        **row._asdict(),
        "athlete_id": None if row.athlete_id is None else str(row.athlete_id),
        "screened_on": row.screened_on.isoformat(),
        "recording_id": str(row.recording_id),
        "analysis_id": str(row.analysis_id),
        "analysed_at": row.analysed_at.isoformat(),
        "value": rounded(row.value),
        "se": rounded(row.se),
        "captured_at": None if row.captured_at is None else row.captured_at.isoformat(),
        "score": rounded(row.score),
        "score_low": rounded(row.score_low),
        "score_high": rounded(row.score_high),
    }


def rounded(value: float | None) -> float | None:
    """Return a number as it is written in every form of file; None where there is none."""
    return None if value is None or not isfinite(value) else round(value, _DIGITS) + 0.0
