"""Analyses in the order of their changes, for a copy of them elsewhere."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.deps import CursorQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.analysis_feed import AnalysisFeedPage
from app.api.schemas.base import Instant
from app.api.schemas.recordings import recording_url
from app.biomech.types import Verdict
from app.domain.access import Permission
from app.domain.analysis_feed import FedAnalysis, FeedRecord
from app.services import analysis_feed
from app.services.analysis_feed import MAX_FEED_LIMIT

router = APIRouter(tags=["recordings"])


@router.get(
    "/analyses",
    operation_id="list_changed_analyses",
    summary="What changed among the analyses",
    dependencies=[Depends(Requires(Permission.RESULTS_READ))],
    response_model=AnalysisFeedPage,
    responses=problems(404, 422),
)
def list_changed_analyses(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    modified_from: Annotated[
        Instant | None,
        Query(
            description="Only what changed at this instant or later, with time zone; without it, everything."
        ),
    ] = None,
    athlete_id: Annotated[UUID | None, Query(description="Only of this athlete.")] = None,
    team_id: Annotated[UUID | None, Query(description="Only of athletes who are in this team now.")] = None,
    method_version: Annotated[
        str | None, Query(max_length=50, description="Only of this version of the method.")
    ] = None,
    verdict: Verdict | None = None,
    cursor: CursorQuery = None,
    limit: Annotated[int, Query(ge=1, le=MAX_FEED_LIMIT, description="At most so many items.")] = 100,
) -> Response:
    """List analyses as they were made, moved to another athlete, or deleted; oldest change first.

    Read until there is no `next_cursor`, keep the last `modified_at`, and begin there the next time: the instant is
    included, and no change ever appears before one you have seen. Filters let deletions through.
    """
    page = analysis_feed.list_changed_analyses(
        uow=uow,
        principal=principal,
        modified_from=modified_from,
        athlete_id=athlete_id,
        team_id=team_id,
        method_version=method_version,
        verdict=verdict,
        cursor=cursor,
        limit=limit,
    )
    # A page may hold ten thousand numbers, which lie ready as text: nothing is parsed, and nothing written anew.
    body = f'{{"items":[{",".join(map(_item, page.items))}],"next_cursor":{json.dumps(page.next_cursor)}}}'
    response = Response(body, media_type="application/json")
    add_next_link(request, response, page.next_cursor)
    return response


def _item(record: FeedRecord) -> str:
    analysis = record.analysis
    head: dict[str, Any] = {
        "id": str(record.analysis_id),
        "modified_at": record.modified_at.isoformat(),
        "deleted_at": None if record.deleted_at is None else record.deleted_at.isoformat(),
    }
    if analysis is None:
        return json.dumps(head)
    # The summary is an object too: its members follow those of the head.
    return f"{json.dumps(head | _about(analysis))[:-1]},{analysis.summary[1:]}"


def _about(analysis: FedAnalysis) -> dict[str, Any]:
    url = recording_url(analysis.recording_id)
    return {
        "recording_id": str(analysis.recording_id),
        "athlete_id": None if analysis.athlete_id is None else str(analysis.athlete_id),
        "athlete_external_id": analysis.athlete_external_id,
        "screening_id": None if analysis.screening_id is None else str(analysis.screening_id),
        "screened_on": analysis.screened_on.isoformat(),
        "captured_at": None if analysis.captured_at is None else analysis.captured_at.isoformat(),
        "movement": analysis.movement,
        "view": analysis.view,
        "run": analysis.run,
        "created_at": analysis.created_at.isoformat(),
        "verdict": analysis.verdict,
        "method": {
            "version": analysis.method_version,
            "model_sha256": analysis.model_sha256,
            "code_version": analysis.code_version,
        },
        "input_sha256": analysis.input_sha256,
        "pictures": analysis.pictures,
        "links": {"recording": url, "analysis": f"{url}/analysis"},
    }
