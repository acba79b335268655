"""Judging a team's recordings anew with a new version of the method: preview, then accept."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status

from app.api.deps import CursorQuery, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.reanalyses import (
    PreviewOutput,
    ReanalysisInput,
    ReanalysisOutput,
    ReanalysisPage,
    ReanalysisSummaryOutput,
    reanalysis_url,
)
from app.api.v1.analyses import IdempotencyKey
from app.domain.access import Permission
from app.domain.reanalysis import WORKING
from app.http.small_bodies import SmallBodyRoute
from app.services import reanalyses
from app.services.reanalyses import ReanalysisView

ASK_AGAIN_S = 5
READ = [Depends(Requires(Permission.RESULTS_READ))]
WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]

router = APIRouter(tags=["analyses"], route_class=SmallBodyRoute)


@router.post(
    "/reanalyses",
    operation_id="start_reanalysis",
    summary="Preview a new version of the method",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=WRITE,
    responses=problems(400, 404, 409, 413, 422),
)
def start_reanalysis(
    body: ReanalysisInput,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ReanalysisOutput:
    """Judge every recording that is of another version with the present one, in the background; change nothing yet."""
    view = reanalyses.start_reanalysis(
        uow=uow,
        principal=principal,
        method=parts.method,
        team_id=body.team_id,
        idempotency_key=idempotency_key,
    )
    response.headers["Location"] = reanalysis_url(view.summary.id)
    if view.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return _output(view, response)


@router.get(
    "/reanalyses",
    operation_id="list_reanalyses",
    summary="List re-analyses",
    dependencies=READ,
    responses=problems(422),
)
def list_reanalyses(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> ReanalysisPage:
    """List re-analyses, newest first."""
    page = reanalyses.list_reanalyses(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return ReanalysisPage(
        items=[ReanalysisSummaryOutput.model_validate(item) for item in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/reanalyses/{reanalysis_id}",
    operation_id="get_reanalysis",
    summary="What a new version would change",
    dependencies=READ,
    responses=problems(404),
)
def get_reanalysis(
    reanalysis_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response
) -> ReanalysisOutput:
    """Return how far a re-analysis is and what it would change. `Retry-After` is set while workers are at it."""
    return _output(
        reanalyses.get_reanalysis(uow=uow, principal=principal, reanalysis_id=reanalysis_id), response
    )


@router.post(
    "/reanalyses/{reanalysis_id}/accept",
    operation_id="accept_reanalysis",
    summary="Put the new analyses in place",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=WRITE,
    responses=problems(404, 409),
)
def accept_reanalysis(
    reanalysis_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response
) -> ReanalysisOutput:
    """Put the new analyses in place, in the background. The old ones stay and can be read by their ids."""
    return _output(
        reanalyses.accept_reanalysis(uow=uow, principal=principal, reanalysis_id=reanalysis_id), response
    )


@router.post(
    "/reanalyses/{reanalysis_id}/cancel",
    operation_id="cancel_reanalysis",
    summary="Call a re-analysis off",
    dependencies=WRITE,
    responses=problems(404, 409),
)
def cancel_reanalysis(
    reanalysis_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep, response: Response
) -> ReanalysisOutput:
    """Call it off. What had been accepted by then stays."""
    view = reanalyses.cancel_reanalysis(
        uow=uow, blobs=parts.blobs, principal=principal, reanalysis_id=reanalysis_id
    )
    return _output(view, response)


def _output(view: ReanalysisView, response: Response) -> ReanalysisOutput:
    if view.summary.state in WORKING:
        response.headers["Retry-After"] = str(ASK_AGAIN_S)
    return ReanalysisOutput(
        **ReanalysisSummaryOutput.model_validate(view.summary).model_dump(),
        preview=PreviewOutput.model_validate(view.preview),
    )
