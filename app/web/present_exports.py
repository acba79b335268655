"""The page about exports: which files there are, and the form for another."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.biomech.pipeline import MOVEMENTS
from app.biomech.types import Movement
from app.domain.exports import OPEN, ExportFormat, ExportState
from app.domain.metric_export import MetricExportFilter
from app.services.exports import ExportView
from app.web.contexts.exports import ExportRow
from app.web.contexts.parts import Badge, Choice, Tone, When
from app.web.words import MOVEMENT_LABELS, label_of, size_text

FORMATS: Final[Mapping[ExportFormat, tuple[str, str]]] = {
    ExportFormat.XLSX: ("Excel workbook", "One analysis per row, units in the second row"),
    ExportFormat.CSV_WIDE: ("CSV, one analysis per line", "A column per number, the unit in its name"),
    ExportFormat.CSV_LONG: ("CSV, one number per line", "With side, instant, unit and standard error"),
    ExportFormat.PARQUET: ("Parquet", "For data warehouses: typed columns"),
    ExportFormat.NDJSON: ("NDJSON", "For programs: one JSON object per line"),
    ExportFormat.TEAMWORKS_AMS: ("Teamworks AMS (Smartabase)", "CSV to import there, with the people's ids"),
    ExportFormat.VALD_JSON: ("VALD-like JSON", "Tests, trials and results, nested"),
}
"""Every form with its name and what it is good for, the usual one first."""
STATES: Final[Mapping[ExportState, Badge]] = {
    ExportState.QUEUED: Badge(tone=Tone.NEUTRAL, icon="clock", text="Waiting"),
    ExportState.WORKING: Badge(tone=Tone.NEUTRAL, icon="clock", text="Being made"),
    ExportState.READY: Badge(tone=Tone.GOOD, icon="check", text="Ready"),
    ExportState.FAILED: Badge(tone=Tone.AGAIN, icon="cross", text="Failed; ask again"),
    ExportState.WITHDRAWN: Badge(
        tone=Tone.AGAIN, icon="cross", text="Withdrawn: somebody in it may not be shown any more"
    ),
    ExportState.EXPIRED: Badge(tone=Tone.NEUTRAL, icon="empty", text="No longer kept"),
    ExportState.REMOVED: Badge(tone=Tone.NEUTRAL, icon="empty", text="Removed"),
}


def present_export(export: ExportView, *, teams: Mapping[UUID, str]) -> ExportRow:
    """Return one export and how far it is."""
    is_open, is_ready = export.state in OPEN, export.state is ExportState.READY
    return ExportRow(
        id=str(export.id),
        title=FORMATS[export.format][0],
        detail=", ".join(filter_words(export.wanted, teams=teams)) or "Everything",
        asked=_when(export.created_at),
        state=STATES[export.state],
        percent=round(100 * export.progress) if is_open else None,
        size=_size(export) if is_ready else "",
        expires=None if export.expires_at is None else _when(export.expires_at),
        file_href=f"/exports/{export.id}/file" if is_ready else None,
        can_remove=is_open or is_ready,
    )


def filter_words(wanted: MetricExportFilter, *, teams: Mapping[UUID, str]) -> list[str]:
    """Return what was asked for, in words; nothing where that is everything."""
    words = []
    if wanted.team_id is not None:
        words.append(teams.get(wanted.team_id, "a team that is gone"))
    if wanted.athlete_ids is not None:
        n_people = len(wanted.athlete_ids)
        words.append("1 athlete" if n_people == 1 else f"{n_people} athletes")
    if wanted.movements is not None:
        words += [label_of(MOVEMENT_LABELS, each.value) for each in sorted(wanted.movements)]
    if wanted.keys is not None:
        words.append("1 metric" if len(wanted.keys) == 1 else f"{len(wanted.keys)} metrics")
    words += _days(wanted.screened_from, wanted.screened_to)
    return words


def format_choices(chosen: str) -> tuple[Choice, ...]:
    """Return the forms of file."""
    return tuple(
        Choice(value=each.value, label=label, hint=hint, chosen=each.value == chosen)
        for each, (label, hint) in FORMATS.items()
    )


def movement_choices(chosen: str) -> tuple[Choice, ...]:
    """Return the movements, and all of them."""
    return (
        Choice(value="", label="All movements", chosen=not chosen),
        *(
            Choice(
                value=movement.value,
                label=label_of(MOVEMENT_LABELS, movement.value),
                chosen=movement.value == chosen,
            )
            for movement in MOVEMENTS
        ),
    )


def movement_of(value: str) -> frozenset[Movement] | None:
    """Return the chosen movement; None for all, and for one there is not."""
    return frozenset({Movement(value)}) if value in {each.value for each in Movement} else None


def _size(export: ExportView) -> str:
    rows = export.n_rows or 0
    return f"{size_text(export.size_bytes or 0)}, {rows:,} {'row' if rows == 1 else 'rows'}"


def _days(first: date | None, last: date | None) -> list[str]:
    if first is not None and last is not None:
        return [f"{first:%d %b %Y} to {last:%d %b %Y}"]
    if first is not None:
        return [f"from {first:%d %b %Y}"]
    return [] if last is None else [f"until {last:%d %b %Y}"]


def _when(at: datetime) -> When:
    return When(iso=at.isoformat(), text=f"{at:%d %b %Y, %H:%M} UTC")
