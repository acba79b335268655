"""Recordings: the list, one of them, its analysis, trying again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import JSONResponse

from app.api.deps import CursorQuery, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.presenters import present_recording, recording_document
from app.api.responses import problems
from app.api.schemas.analysis import AnalysisDocument
from app.api.schemas.recordings import (
    RecordingDocument,
    RecordingOutput,
    RecordingPage,
    RecordingSummaryOutput,
    recording_url,
)
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.lifecycle import FINAL_STATES, RecordingState
from app.http.parts import Parts
from app.http.small_bodies import SmallBodyRoute
from app.services import analyses, recordings, retention
from app.services.analysis_record import analysis_document
from app.services.read_models import AnalysisView

ASK_AGAIN_S = 2
READ = [Depends(Requires(Permission.RESULTS_READ))]
WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE))]

router = APIRouter(tags=["recordings"], route_class=SmallBodyRoute)

SeriesQuery = Annotated[bool, Query(description="Add the curves over time to the analysis.")]


@router.get(
    "/recordings",
    operation_id="list_recordings",
    summary="List recordings",
    dependencies=READ,
    responses=problems(404, 422),
)
def list_recordings(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    athlete_id: Annotated[UUID | None, Query(description="Only of this athlete.")] = None,
    team_id: Annotated[UUID | None, Query(description="Only of athletes in this team.")] = None,
    state: Annotated[RecordingState | None, Query(description="Only in this state.")] = None,
    inbox: Annotated[bool, Query(description="Only those that belong to nobody yet.")] = False,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> RecordingPage:
    """List recordings, newest first."""
    page = recordings.list_recordings(
        uow=uow,
        principal=principal,
        athlete_id=athlete_id,
        team_id=team_id,
        state=state,
        inbox=inbox,
        cursor=cursor,
        limit=limit,
    )
    add_next_link(request, response, page.next_cursor)
    return RecordingPage(
        items=[RecordingSummaryOutput.model_validate(item) for item in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/recordings/{recording_id}",
    operation_id="get_recording",
    summary="One recording, its state and its result",
    dependencies=READ,
    response_model=RecordingDocument,
    responses=problems(404, 422),
)
def get_recording(
    recording_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep, series: SeriesQuery = False
) -> Response:
    """Return a recording with its latest analysis. `Retry-After` is set while it or its pictures are being made."""
    recording = recordings.get_recording(uow=uow, principal=principal, recording_id=recording_id)
    kinematics = None
    if series and recording.analysis is not None and recording.analysis.has_kinematics:
        kinematics = analyses.get_kinematics(
            uow=uow, blobs=parts.blobs, principal=principal, recording_id=recording_id
        )
    is_whole = recording.state in FINAL_STATES and not recording.awaits_pictures
    headers = {} if is_whole else {"Retry-After": str(ASK_AGAIN_S)}
    return JSONResponse(recording_document(recording, kinematics=kinematics), headers=headers)


@router.get(
    "/recordings/{recording_id}/analysis",
    operation_id="get_analysis",
    summary="The latest analysis of a recording",
    dependencies=READ,
    response_model=AnalysisDocument,
    responses=problems(404, 422),
)
def get_analysis(
    recording_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep, series: SeriesQuery = False
) -> Response:
    """Return the analysis object alone, as `plumbline analyse --json` prints it."""
    view = analyses.get_analysis(uow=uow, principal=principal, recording_id=recording_id)
    return JSONResponse(_document(view, series=series, parts=parts, uow=uow, principal=principal))


def _document(
    view: AnalysisView, *, series: bool, parts: Parts, uow: UnitOfWork, principal: Principal
) -> dict[str, object]:
    if not (series and view.has_kinematics):
        return analysis_document(view.record)
    kinematics = analyses.get_kinematics(
        uow=uow, blobs=parts.blobs, principal=principal, recording_id=view.recording_id
    )
    return analysis_document(view.record, kinematics=kinematics)


@router.post(
    "/recordings/{recording_id}/requeue",
    operation_id="requeue_recording",
    summary="Analyse a recording again",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=WRITE,
    responses=problems(404, 409),
)
def requeue_recording(
    recording_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response
) -> RecordingOutput:
    """Try a failed recording again, or analyse a finished one anew; earlier analyses stay."""
    recording = recordings.requeue_recording(uow=uow, principal=principal, recording_id=recording_id)
    response.headers["Location"] = recording_url(recording_id)
    return present_recording(recording)


@router.delete(
    "/recordings/{recording_id}",
    operation_id="delete_recording",
    summary="Delete a recording for good",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=WRITE,
    responses=problems(404, 409),
)
def delete_recording(recording_id: UUID, parts: PartsDep, principal: PrincipalDep) -> None:
    """Remove its video, pictures and measures, in whatever state it is; that there was one stays known.

    There is no undo. Deleting it again changes nothing.
    """
    retention.delete_recording(
        uow_factory=parts.uow_factory, blobs=parts.blobs, principal=principal, recording_id=recording_id
    )
