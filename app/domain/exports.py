"""Exports made in the background: the forms there are, how far one is, and how long its file is kept."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

KEPT_FOR: Final = timedelta(days=7)
"""How long a file can be fetched."""
LISTED_FOR: Final = timedelta(days=90)
"""How long it is remembered that there was one."""
MAX_OPEN: Final = 5
"""Exports of one organisation that may wait or be made at the same time."""


class ExportFormat(StrEnum):
    """A form of file; stored by value."""

    CSV_LONG = "csv-long"
    """One number per line."""
    CSV_WIDE = "csv-wide"
    """One analysis per line, a column per number, the unit at the end of its name."""
    XLSX = "xlsx"
    """The same as a workbook, with a row of units under the row of names."""
    PARQUET = "parquet"
    """One number per row, typed columns."""
    NDJSON = "ndjson"
    """One number per line as JSON."""
    TEAMWORKS_AMS = "teamworks-ams"
    """Rows that Teamworks AMS (Smartabase) imports: `start_date` as DD/MM/YYYY and the person's `user_id` there."""
    VALD_JSON = "vald-json"
    """Tests, trials and results nested as in VALD's interface."""


class ExportState(StrEnum):
    """Where an export is."""

    QUEUED = "queued"
    WORKING = "working"
    READY = "ready"
    FAILED = "failed"
    """Every attempt failed on our side."""
    WITHDRAWN = "withdrawn"
    """Somebody in it was erased, or may not be shown any more; the file is gone. Ask for another."""
    EXPIRED = "expired"
    """The file was kept long enough."""
    REMOVED = "removed"
    """Somebody removed the file."""


OPEN: Final = frozenset({ExportState.QUEUED, ExportState.WORKING})
"""States in which there is work to do."""
ENDED: Final = frozenset(
    {ExportState.FAILED, ExportState.WITHDRAWN, ExportState.EXPIRED, ExportState.REMOVED}
)
"""States in which there is, or soon will be, no file."""
