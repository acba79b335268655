"""The files of a recording: the original, the overlay video, stills. Whole or in part."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.domain.access import Permission
from app.http.files import send_recording
from app.services.read_models import BlobKind

VIDEOS = [Depends(Requires(Permission.VIDEOS_READ))]
MAX_FRAME = 1_000_000

router = APIRouter(tags=["recordings"])


def _binary(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route that sends a file documents."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": "The whole file.", "content": content},
        206: {"description": "The part asked for by `Range`.", "content": content},
        304: {"description": "Unchanged since the `ETag` sent in `If-None-Match`."},
        **problems(404, 416),
    }


@router.get(
    "/recordings/{recording_id}/original",
    operation_id="get_original",
    summary="The video as it was uploaded",
    dependencies=VIDEOS,
    response_class=StreamingResponse,
    responses=_binary("video/mp4"),
)
def get_original(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the uploaded video; `Range` is honoured."""
    return send_recording(
        recording_id,
        BlobKind.ORIGINAL,
        request=request,
        parts=parts,
        uow=uow,
        principal=principal,
        disposition="attachment",
    )


@router.get(
    "/recordings/{recording_id}/overlay",
    operation_id="get_overlay",
    summary="The video with the skeleton drawn in",
    dependencies=VIDEOS,
    response_class=StreamingResponse,
    responses=_binary("video/mp4"),
)
def get_overlay(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the overlay video of the latest analysis; `Range` is honoured."""
    return send_recording(
        recording_id, BlobKind.OVERLAY, request=request, parts=parts, uow=uow, principal=principal
    )


@router.get(
    "/recordings/{recording_id}/stills/{frame}",
    operation_id="get_still",
    summary="A still picture of a flagged frame",
    dependencies=VIDEOS,
    response_class=StreamingResponse,
    responses=_binary("image/jpeg"),
)
def get_still(
    recording_id: UUID,
    frame: Annotated[int, Path(ge=0, le=MAX_FRAME)],
    request: Request,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
) -> Response:
    """Return the picture of a flagged frame of the latest analysis."""
    return send_recording(
        recording_id, BlobKind.STILL, request=request, parts=parts, uow=uow, principal=principal, frame=frame
    )
