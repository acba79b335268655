"""The team dashboard: from the read model to the page."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from app.biomech.types import RiskScore, Sex
from app.domain.lifecycle import RecordingState
from app.services.read_models import (
    AthleteSummary,
    DashboardCounts,
    DashboardRow,
    DashboardSort,
    TeamDashboard,
)
from app.web.badges import FRONTAL, band_badge, state_badge, verdict_badge
from app.web.charts import draw_mini_scale
from app.web.contexts.parts import Badge, Link, Tone, Viewer
from app.web.contexts.teams import CountTile, DashboardPage, RosterRow, ScoreMark, SortHeading
from app.web.progress import describe_progress
from app.web.words import EN_DASH, error_text, number_text, percent_text, plural, quantity_text

_COLUMNS: Final[tuple[tuple[str, str, DashboardSort | None], ...]] = (
    ("name", "Athlete", DashboardSort.NAME),
    ("band", "Movement deviation", DashboardSort.BAND),
    ("score", "Score", DashboardSort.SCORE),
    ("fppa", "Knee angle", None),
    ("verdict", "Video", DashboardSort.VERDICT),
    ("date", "Date", DashboardSort.DATE),
)

_SORT_LABELS: Final[dict[DashboardSort, str]] = {
    DashboardSort.ATTENTION: "Flagged first",
    DashboardSort.SCORE: "Score",
    DashboardSort.DATE: "Date",
    DashboardSort.NAME: "Name",
    DashboardSort.BAND: "Band",
    DashboardSort.VERDICT: "Video",
}

_FIRST_DIRECTION: Final[dict[DashboardSort, bool]] = {DashboardSort.NAME: False}
"""Descending at the first click unless said otherwise here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardRequest:
    """What the page is asked for, beside the team."""

    viewer: Viewer
    csrf_token: str
    teams: tuple[Link, ...]
    may_upload: bool
    may_keep_roster: bool
    cursor: str | None


def present_dashboard(board: TeamDashboard, *, asked: DashboardRequest) -> DashboardPage:
    """Build the dashboard page."""
    path = f"/teams/{board.team.id}"
    rows = tuple(_row(row, may_upload=asked.may_upload) for row in board.rows)
    n_running = board.counts.n_in_progress
    here = _query(sort=board.sort, descending=board.descending, cursor=asked.cursor)
    following = _query(sort=board.sort, descending=board.descending, cursor=board.next_cursor)
    return DashboardPage(
        title=board.team.name,
        viewer=asked.viewer,
        csrf_token=asked.csrf_token,
        refresh_s=10 if n_running else None,
        team_name=board.team.name,
        teams=asked.teams,
        tiles=_tiles(board.counts),
        headings=_headings(board, path=path),
        sort_links=_sort_links(board, path=path),
        rows=rows,
        n_athletes=_team_size(board.counts),
        n_running=n_running,
        live_href=f"{path}/roster?{here}",
        next_href=f"{path}?{following}" if board.next_cursor else None,
        nothing_recorded=bool(rows) and board.counts.n_not_filmed == board.counts.n_athletes,
        first_upload_href="/recordings/new" if asked.may_upload else None,
        may_keep_roster=asked.may_keep_roster,
    )


def _team_size(counts: DashboardCounts) -> str:
    size = plural(counts.n_athletes, "athlete")
    running = plural(counts.n_in_progress, "video") + " being processed"
    return f"{size}, {running}" if counts.n_in_progress else size


def _query(*, sort: DashboardSort, descending: bool, cursor: str | None) -> str:
    query = {"sort": sort.value, "order": "desc" if descending else "asc"}
    return urlencode(query | ({"cursor": cursor} if cursor else {}))


def _tiles(counts: DashboardCounts) -> tuple[CountTile, ...]:
    within = max(0, counts.n_screened - max(0, counts.n_flagged - counts.n_film_again))
    return (
        CountTile(
            count=counts.n_flagged,
            label="Flagged",
            hint="Marked deviations, or no usable video",
            tone=Tone.MARKED,
            icon="full",
        ),
        CountTile(
            count=counts.n_film_again,
            label="Repeat needed",
            hint="The last video could not be used",
            tone=Tone.AGAIN,
            icon="again",
        ),
        CountTile(
            count=within,
            label="Not flagged",
            hint="Screened, no marked deviations",
            tone=Tone.GOOD,
            icon="check",
        ),
        CountTile(
            count=counts.n_not_filmed,
            label="Not screened yet",
            hint="No video so far",
            tone=Tone.NEUTRAL,
            icon="empty",
        ),
    )


def _headings(board: TeamDashboard, *, path: str) -> tuple[SortHeading, ...]:
    made = []
    for key, label, sort in _COLUMNS:
        is_current = sort is board.sort
        made.append(
            SortHeading(
                key=key,
                label=label,
                href=None if sort is None else _sort_href(board, sort=sort, path=path),
                sorted_as=("descending" if board.descending else "ascending") if is_current else None,
            )
        )
    return tuple(made)


def _sort_href(board: TeamDashboard, *, sort: DashboardSort, path: str) -> str:
    descending = not board.descending if sort is board.sort else _FIRST_DIRECTION.get(sort, True)
    return f"{path}?{_query(sort=sort, descending=descending, cursor=None)}"


def _sort_links(board: TeamDashboard, *, path: str) -> tuple[Link, ...]:
    return tuple(
        Link(
            label=label,
            href=f"{path}?{_query(sort=sort, descending=_FIRST_DIRECTION.get(sort, True), cursor=None)}",
            current=sort is board.sort,
        )
        for sort, label in _SORT_LABELS.items()
    )


def _row(row: DashboardRow, *, may_upload: bool) -> RosterRow:
    progress = (
        None
        if row.state is None
        else describe_progress(
            state=row.state, stage=row.stage, progress=row.progress, queue_position=row.queue_position
        )
    )
    shown_at: date | datetime | None = row.recorded_at or row.screened_on
    return RosterRow(
        athlete_name=row.athlete.name,
        detail=_athlete_detail(row.athlete),
        athlete_href=f"/athletes/{row.athlete.id}",
        href=None if row.recording_id is None else f"/recordings/{row.recording_id}",
        upload_href=_upload_href(row.athlete.id) if may_upload else None,
        band=_band(row),
        verdict=_verdict(row),
        score=None if row.score is None or _is_unusable(row) else _score_mark(row),
        fppa=None
        if row.fppa_both_deg is None or _is_unusable(row)
        else quantity_text(row.fppa_both_deg, "deg"),
        fppa_error=None if _is_unusable(row) else error_text(row.fppa_both_se_deg, "deg"),
        date_iso=None if shown_at is None else shown_at.isoformat(),
        date_text=None if shown_at is None else f"{shown_at.day} {shown_at:%b %Y}",
        note=_note(row),
        progress=progress,
    )


def _upload_href(athlete_id: UUID) -> str:
    return f"/recordings/new?{urlencode({'athlete': str(athlete_id)})}"


def _athlete_detail(athlete: AthleteSummary) -> str | None:
    parts = [
        f"No. {athlete.external_id}" if athlete.external_id else "",
        "" if athlete.sex is Sex.UNSPECIFIED else athlete.sex.value,
    ]
    return ", ".join(part for part in parts if part) or None


def _is_unusable(row: DashboardRow) -> bool:
    """Say whether the latest recording ended without a result; numbers of an older one would mislead."""
    return row.state in (RecordingState.REJECTED, RecordingState.FAILED, RecordingState.PURGED)


def _band(row: DashboardRow) -> Badge | None:
    score = None if _is_unusable(row) else _score(row)
    return None if score is None else band_badge(score)


def _score(row: DashboardRow) -> RiskScore | None:
    """Return what the row holds of the score, enough to put its band into words."""
    if row.score is None or row.band is None:
        return None
    return RiskScore(
        value=row.score,
        band=row.band,
        band_probability=row.band_probability or 0.0,
        interval_90=row.interval_90 or (row.score, row.score),
        coverage=row.coverage or 0.0,
        scope=row.scope or "",
        components=(),
    )


def _verdict(row: DashboardRow) -> Badge | None:
    if row.state is not None and (badge := state_badge(row.state)):
        return badge
    return None if row.verdict is None else verdict_badge(row.verdict)


def _note(row: DashboardRow) -> str | None:
    match row.state:
        case None:
            return "Not screened yet"
        case RecordingState.REJECTED:
            return "No result: the video could not be used"
        case RecordingState.FAILED:
            return "No result: the analysis did not finish"
        case _:
            return "No score from this video" if row.score is None else None


def _score_mark(row: DashboardRow) -> ScoreMark | None:
    if row.score is None:
        return None
    interval = row.interval_90 or (row.score, row.score)
    low, high = (number_text(end, digits=0) for end in interval)
    coverage = "" if row.coverage is None else f", covers {percent_text(row.coverage)}"
    return ScoreMark(
        value=number_text(row.score, digits=0),
        interval=f"{low}{EN_DASH}{high}" if row.interval_90 else "",
        scope_note=f"Front view only{coverage}" if row.scope == FRONTAL else None,
        scale=draw_mini_scale(value=row.score, interval=interval),
    )
