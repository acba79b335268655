"""What changed among an organisation's analyses, in the order it could first be seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Select, and_, or_, select, true, tuple_, union_all
from sqlalchemy.orm import Session

from app.biomech.types import Verdict
from app.db.models import (
    Analysis,
    AnalysisFeed,
    AnalysisPictures,
    AnalysisSummary,
    Athlete,
    Recording,
    TeamMember,
    Trial,
)
from app.domain.analysis_feed import FedAnalysis, FeedRecord

FeedKey = tuple[datetime, UUID]
"""Where the feed goes on: the last row's time and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedQuery:
    """What is asked of the feed. A deletion passes every filter: its analysis has nothing left to compare."""

    organisation_id: UUID
    modified_from: datetime | None
    """This instant included."""
    after: FeedKey | None
    athlete_id: UUID | None
    team_id: UUID | None
    method_version: str | None
    verdict: Verdict | None
    limit: int


class FeedRepository:
    """What changed among an organisation's analyses; written by triggers, read here."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def list_changed(self, query: FeedQuery) -> list[FeedRecord]:
        """Return changes in ascending order of time, one query however many there are."""
        return [_record(row) for row in self._session.execute(_with_content(_page(query)))]


def _page(query: FeedQuery) -> CTE:
    """Return the lines of the page, read off an index in order."""
    feed = AnalysisFeed
    place: list[ColumnElement[bool]] = [feed.organisation_id == query.organisation_id]
    if query.modified_from is not None:
        place.append(feed.modified_at >= query.modified_from)
    if query.after is not None:
        place.append(tuple_(feed.modified_at, feed.analysis_id) > query.after)
    filters = _filters(query)
    deleted = feed.deleted_at.is_not(None)
    if query.athlete_id is None and query.team_id is None:
        wanted = or_(deleted, and_(*filters)) if filters else true()
        return _walk(query, *place, wanted).cte("page")
    # Short walks along the athletes' index: one for each of them, and one for what is deleted.
    living = _walk(query, *place, feed.athlete_id == query.athlete_id, *filters).subquery()
    if query.team_id is not None:
        each = _walk(query, *place, feed.athlete_id == TeamMember.athlete_id, *filters)
        members = [TeamMember.organisation_id == query.organisation_id, TeamMember.team_id == query.team_id]
        if query.athlete_id is not None:
            members.append(TeamMember.athlete_id == query.athlete_id)
        walks = each.correlate(TeamMember).lateral("walk")
        living = select(walks).select_from(TeamMember).join(walks, true()).where(*members).subquery()
    gone = _walk(query, *place, feed.athlete_id.is_(None), deleted).subquery()
    both = union_all(select(living), select(gone)).subquery()
    return select(both).order_by(both.c.modified_at, both.c.analysis_id).limit(query.limit).cte("page")


def _walk(query: FeedQuery, *conditions: ColumnElement[bool]) -> Select[AnalysisFeed]:
    feed = AnalysisFeed
    return select(feed).where(*conditions).order_by(feed.modified_at, feed.analysis_id).limit(query.limit)


def _filters(query: FeedQuery) -> list[ColumnElement[bool]]:
    feed, filters = AnalysisFeed, []
    if query.method_version is not None:
        filters.append(feed.method_version == query.method_version)
    if query.verdict is not None:
        filters.append(feed.verdict == query.verdict)
    return filters


def _with_content(page: CTE) -> Select[Any]:
    """Return the page with what each analysis says."""
    org, analysis_id = page.c.organisation_id, page.c.analysis_id
    return (
        select(
            page,
            Analysis.run,
            Analysis.created_at,
            Analysis.model_sha256,
            Analysis.code_version,
            Analysis.input_sha256,
            Recording.screened_on,
            Recording.captured_at,
            Recording.movement,
            Recording.view,
            Athlete.external_id,
            Trial.screening_id,
            AnalysisPictures.state.label("pictures"),
            AnalysisSummary.content.label("summary"),
        )
        .select_from(page)
        .outerjoin(Analysis, (Analysis.organisation_id == org) & (Analysis.id == analysis_id))
        .outerjoin(Recording, (Recording.organisation_id == org) & (Recording.id == page.c.recording_id))
        .outerjoin(Athlete, (Athlete.organisation_id == org) & (Athlete.id == page.c.athlete_id))
        .outerjoin(Trial, (Trial.organisation_id == org) & (Trial.id == Recording.trial_id))
        .outerjoin(
            AnalysisPictures,
            (AnalysisPictures.organisation_id == org) & (AnalysisPictures.analysis_id == analysis_id),
        )
        .outerjoin(
            AnalysisSummary,
            (AnalysisSummary.organisation_id == org) & (AnalysisSummary.analysis_id == analysis_id),
        )
        .order_by(page.c.modified_at, page.c.analysis_id)
    )


def _record(row: Any) -> FeedRecord:
    # One that may not be seen (consent withdrawn) is told like a deleted one; when it may be again, it comes again.
    is_gone = row.deleted_at is not None or row.run is None
    return FeedRecord(
        analysis_id=row.analysis_id,
        modified_at=row.modified_at,
        deleted_at=row.deleted_at or (row.modified_at if is_gone else None),
        analysis=None if is_gone else _content(row),
    )


def _content(row: Any) -> FedAnalysis:
    return FedAnalysis(
        recording_id=row.recording_id,
        athlete_id=row.athlete_id,
        athlete_external_id=row.external_id,
        screening_id=row.screening_id,
        screened_on=row.screened_on,
        captured_at=row.captured_at,
        movement=row.movement,
        view=row.view,
        run=row.run,
        created_at=row.created_at,
        verdict=row.verdict,
        method_version=row.method_version,
        model_sha256=row.model_sha256,
        code_version=row.code_version,
        input_sha256=row.input_sha256,
        pictures=row.pictures,
        summary=row.summary,
    )
