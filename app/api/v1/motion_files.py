"""One analysis as files for biomechanics software."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.domain.access import Permission
from app.integrations.motion_files import Motion, motion_to_c3d, motion_to_mot, motion_to_trc
from app.services import motion_files

READ = [Depends(Requires(Permission.RESULTS_READ))]
TEXT, BINARY = "text/plain", "application/octet-stream"

router = APIRouter(tags=["exports"])


def _file(media_type: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "string"} if media_type == TEXT else {"type": "string", "format": "binary"}
    return {
        200: {"description": "The file.", "content": {media_type: {"schema": schema}}},
        **problems(*statuses),
    }


@router.get(
    "/analyses/{analysis_id}/motion.trc",
    operation_id="get_motion_trc",
    summary="Markers over time as TRC",
    dependencies=READ,
    response_class=Response,
    responses=_file(TEXT, 404, 422),
)
def get_motion_trc(analysis_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> Response:
    """Send the markers in metres, z zero, at the true times of the frames. Needs the athlete's stature."""
    motion = motion_files.get_marker_motion(
        uow=uow, blobs=parts.blobs, principal=principal, analysis_id=analysis_id
    )
    return _sent(motion, motion_to_trc(motion), media_type=TEXT, extension="trc")


@router.get(
    "/analyses/{analysis_id}/motion.mot",
    operation_id="get_motion_mot",
    summary="Angles over time as MOT",
    dependencies=READ,
    response_class=Response,
    responses=_file(TEXT, 404),
)
def get_motion_mot(analysis_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> Response:
    """Send the angles of knees and trunk in degrees, at the true times of the frames; the signs stand in the head."""
    motion = motion_files.get_angle_motion(
        uow=uow, blobs=parts.blobs, principal=principal, analysis_id=analysis_id
    )
    return _sent(motion, motion_to_mot(motion), media_type=TEXT, extension="mot")


@router.get(
    "/analyses/{analysis_id}/motion.c3d",
    operation_id="get_motion_c3d",
    summary="Markers and events as C3D",
    dependencies=READ,
    response_class=Response,
    responses=_file(BINARY, 404, 422),
)
def get_motion_c3d(analysis_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> Response:
    """Send the markers in millimetres at the true rate, and contacts and take-offs. Needs the athlete's stature."""
    motion = motion_files.get_marker_motion(
        uow=uow, blobs=parts.blobs, principal=principal, analysis_id=analysis_id
    )
    return _sent(motion, motion_to_c3d(motion), media_type=BINARY, extension="c3d")


def _sent(motion: Motion, content: bytes, *, media_type: str, extension: str) -> Response:
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{motion.name}.{extension}"',
            "Cache-Control": "no-store",
        },
    )
