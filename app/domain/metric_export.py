"""Measurements as they leave the service: one number per row, with everything needed to read it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from app.biomech.types import Movement, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricExportFilter:
    """Which measurements are wanted; None means all."""

    athlete_id: UUID | None = None
    athlete_ids: frozenset[UUID] | None = None
    """Any of these people."""
    team_id: UUID | None = None
    """Athletes who are in it now."""
    keys: frozenset[str] | None = None
    movements: frozenset[Movement] | None = None
    method_version: str | None = None
    verdict: Verdict | None = None
    screened_from: date | None = None
    screened_to: date | None = None
    """This day included."""
    all_runs: bool = False
    """Also analyses that a later one of the same recording has replaced."""


class MetricRow(NamedTuple):
    """One number; a tuple, because there are millions of them."""

    athlete_id: UUID | None
    athlete_external_id: str | None
    athlete_name: str | None
    """None also for who may not read the roster."""
    screened_on: date
    context: str
    movement: str
    view: str
    recording_id: UUID
    analysis_id: UUID
    run: int
    analysed_at: datetime
    verdict: str
    method_version: str
    metric: str
    side: str
    event: str
    value: float | None
    unit: str
    se: float | None
    """Standard error, in `unit`."""
    repetition: int | None
    """Which repetition of the movement, where it has several."""
    captured_at: datetime | None = None
    """When it was filmed, as whoever sent it said."""
    score: float | None = None
    """Of the whole analysis, 0-100, the same in each of its rows; None where none could be given."""
    score_low: float | None = None
    score_high: float | None = None
    """Ends of the score's 90 % interval."""
    band: str | None = None
