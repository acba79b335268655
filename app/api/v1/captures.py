"""Captures: a recording is announced, the answer says where its file goes, and how far it is can be asked."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status

from app.api.deps import CursorQuery, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.present_captures import present_capture
from app.api.responses import problems
from app.api.schemas.captures import CaptureInput, CaptureOutput, CapturePage, capture_url
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.captures import CaptureState
from app.domain.lifecycle import FINAL_STATES
from app.http.rate_limits import UPLOADS
from app.http.small_bodies import SmallBodyRoute
from app.services import captures, roster
from app.services.captures import CaptureView
from app.services.direct_uploads import remove_parts, takes_parts

ASK_AGAIN_S = 2
WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE))]
DEDUPLICATED = {
    "Deduplicated": {
        "description": "`true` when this file of this athlete and movement is known already.",
        "schema": {"type": "string"},
    }
}

router = APIRouter(tags=["recordings"], route_class=SmallBodyRoute)


@router.post(
    "/captures",
    operation_id="announce_capture",
    summary="Announce a recording",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses={
        200: {
            "model": CaptureOutput,
            "description": "The same file, athlete and movement again: what there is already.",
            "headers": DEDUPLICATED,
        },
        201: {
            "description": "Its file is waited for; `uploads` says where to send it.",
            "headers": {"Location": {"description": "Where to follow it.", "schema": {"type": "string"}}},
        },
        **problems(400, 404, 413, 422),
    },
)
def announce_capture(
    body: CaptureInput, parts: PartsDep, uow: UowDep, principal: PrincipalDep, response: Response
) -> CaptureOutput:
    """Say what will come, with an athlete or without one, and learn where to send the file."""
    parts.rate_limiter.hit(UPLOADS, str(principal.organisation_id))
    announced = captures.announce_capture(
        uow=uow,
        principal=principal,
        request=body.request(athlete_id=_athlete_id(body, uow=uow, principal=principal)),
        max_bytes=parts.settings.max_upload_bytes,
        quotas=parts.settings.quotas,
        expires_s=parts.settings.upload_expires_s,
    )
    response.headers["Location"] = capture_url(announced.capture.id)
    if announced.existing:
        response.status_code = status.HTTP_200_OK
        response.headers["Deduplicated"] = "true"
    return present_capture(announced.capture, direct=takes_parts(parts.blobs))


@router.get(
    "/captures",
    operation_id="list_captures",
    summary="List captures",
    dependencies=WRITE,
    responses=problems(404, 422),
)
def list_captures(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    client_ref: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Only those you call so.")
    ] = None,
    state: Annotated[CaptureState | None, Query(description="Only in this state.")] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> CapturePage:
    """List captures, newest first."""
    page = captures.list_captures(
        uow=uow, principal=principal, client_ref=client_ref, state=state, cursor=cursor, limit=limit
    )
    add_next_link(request, response, page.next_cursor)
    return CapturePage(items=[present_capture(item) for item in page.items], next_cursor=page.next_cursor)


@router.get(
    "/captures/{capture_id}",
    operation_id="get_capture",
    summary="One capture, and how far it is",
    dependencies=WRITE,
    responses=problems(404),
)
def get_capture(
    capture_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep, response: Response
) -> CaptureOutput:
    """Return a capture and the recording it became; `Retry-After` is set until that is final."""
    capture = captures.get_capture(uow=uow, principal=principal, capture_id=capture_id)
    if _is_under_way(capture):
        response.headers["Retry-After"] = str(ASK_AGAIN_S)
    return present_capture(capture, direct=takes_parts(parts.blobs))


@router.delete(
    "/captures/{capture_id}",
    operation_id="cancel_capture",
    summary="Call a capture off",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 409),
)
def cancel_capture(capture_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> None:
    """Wait for the file no longer; 409 when it has come."""
    captures.cancel_capture(uow=uow, principal=principal, capture_id=capture_id)
    if takes_parts(parts.blobs):
        remove_parts(blobs=parts.blobs, organisation_id=principal.organisation_id, capture_id=capture_id)


def _is_under_way(capture: CaptureView) -> bool:
    if capture.recording is None:
        return capture.state is CaptureState.AWAITING_UPLOAD
    return capture.recording.state not in FINAL_STATES


def _athlete_id(body: CaptureInput, *, uow: UnitOfWork, principal: Principal) -> UUID | None:
    if body.athlete_external_id is None:
        return body.athlete_id
    return roster.get_athlete_by_external_id(
        uow=uow, principal=principal, external_id=body.athlete_external_id
    ).id
