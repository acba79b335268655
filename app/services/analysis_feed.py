"""What changed among the analyses, for a copy of them elsewhere.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from datetime import datetime
from uuid import UUID

from app.biomech.types import Verdict
from app.db.repositories.feed import FeedQuery
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.analysis_feed import FeedRecord
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError
from app.services.cursors import decode_cursor, encode_cursor, id_part, instant_part, split_page
from app.services.read_models import Page

MAX_FEED_LIMIT = 500


def list_changed_analyses(
    *,
    uow: UnitOfWork,
    principal: Principal,
    modified_from: datetime | None = None,
    athlete_id: UUID | None = None,
    team_id: UUID | None = None,
    method_version: str | None = None,
    verdict: Verdict | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[FeedRecord]:
    """List what was made, moved or deleted at `modified_from` or later, oldest change first.

    Times follow the order in which changes could first be seen: who has read up to an instant has missed nothing
    before it, however long a transaction took. An analysis is listed once, at its latest change; a deleted one
    whatever the filters say.
    """
    principal.require(Permission.RESULTS_READ)
    if modified_from is not None and modified_from.tzinfo is None:
        raise InvalidInputError(
            "The time has no time zone.",
            how_to_fix="Write it as 2026-03-14T16:05:00Z.",
            field="modified_from",
        )
    if not 1 <= limit <= MAX_FEED_LIMIT:
        raise InvalidInputError(
            f"The limit must lie between 1 and {MAX_FEED_LIMIT}.",
            how_to_fix="Ask for fewer at a time.",
            field="limit",
        )
    check_whose(uow=uow, principal=principal, athlete_id=athlete_id, team_id=team_id)
    rows = uow.feed.list_changed(
        FeedQuery(
            organisation_id=principal.organisation_id,
            modified_from=modified_from,
            after=None if cursor is None else _key(cursor),
            athlete_id=athlete_id,
            team_id=team_id,
            method_version=method_version,
            verdict=verdict,
            limit=limit + 1,
        )
    )
    uow.audit.record_reading(
        actor=principal, act=Act.ANALYSES_READ, object_id=team_id or athlete_id or principal.organisation_id
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(page),
        next_cursor=encode_cursor(page[-1].modified_at, page[-1].analysis_id) if more else None,
    )


def check_whose(
    *, uow: UnitOfWork, principal: Principal, athlete_id: UUID | None, team_id: UUID | None
) -> None:
    """Raise `NotFoundError` when results of somebody are asked for whom the organisation does not have."""
    organisation_id = principal.organisation_id
    if (
        athlete_id is not None
        and uow.roster.find_athlete(organisation_id=organisation_id, athlete_id=athlete_id) is None
    ):
        raise NotFoundError("There is no such athlete.", how_to_fix="Choose somebody who is on your roster.")
    if team_id is not None and uow.roster.find_team(organisation_id=organisation_id, team_id=team_id) is None:
        raise NotFoundError("There is no such team.", how_to_fix="Choose one of your own teams.")


def _key(cursor: str) -> tuple[datetime, UUID]:
    modified_at, analysis_id = decode_cursor(cursor, instant_part, id_part)
    return modified_at, analysis_id
