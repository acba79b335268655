"""The page of one recording, its live progress, its pictures and videos."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status
from fastapi.responses import RedirectResponse

from app.biomech.types import Kinematics
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import NotFoundError
from app.domain.lifecycle import RecordingState
from app.http.files import send_recording
from app.http.parts import Parts
from app.services import analyses, athlete_history, athletes, recordings, retention, screening_less, trials
from app.services.read_models import BlobKind, RecordingView
from app.services.screening_models import ScreeningChange
from app.services.trial_models import ScreeningLessView, TrialResultView
from app.web.contexts.parts import Link
from app.web.contexts.results import RecordingPage
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import form_token
from app.web.present_recording import RecordingRequest, present_recording
from app.web.render import page_response

router = APIRouter()

RESULTS = [Depends(PageRule(Permission.RESULTS_READ))]
VIDEOS = [Depends(PageRule(Permission.VIDEOS_READ))]
MAX_FRAME = 1_000_000


@router.get("/recordings/{recording_id}", dependencies=RESULTS)
def show_recording(
    recording_id: UUID,
    request: Request,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    again: str = "",
) -> Response:
    """Show the result, or how far it is, or why there is none; and that the file just sent was known already."""
    view = recordings.get_recording(uow=uow, principal=principal, recording_id=recording_id)
    page = _page(view, request, parts=parts, uow=uow, principal=principal)
    return page_response(replace(page, came_again=again == "1"))


@router.get("/recordings/{recording_id}/progress", dependencies=RESULTS)
def show_progress(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the live part of the page alone; once there is a result, ask the browser for the whole page."""
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(f"/recordings/{recording_id}", status_code=status.HTTP_303_SEE_OTHER)
    view = recordings.get_recording(uow=uow, principal=principal, recording_id=recording_id)
    page = _page(view, request, parts=parts, uow=uow, principal=principal)
    if page.progress is None:
        return Response(headers={"HX-Refresh": "true"})
    return page_response(page, template="_progress.html")


@router.get("/recordings/{recording_id}/pictures", dependencies=RESULTS)
def show_pictures(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the part of the page with the pictures alone, drawn or still to come."""
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(f"/recordings/{recording_id}", status_code=status.HTTP_303_SEE_OTHER)
    view = recordings.get_recording(uow=uow, principal=principal, recording_id=recording_id)
    page = _page(view, request, parts=parts, uow=uow, principal=principal)
    return page_response(page, template="_stills.html")


@router.post(
    "/recordings/{recording_id}/retry",
    dependencies=[Depends(PageRule(Permission.RECORDINGS_WRITE)), OWN_FORM],
)
def retry(recording_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Try a recording again that failed."""
    recordings.requeue_recording(uow=uow, principal=principal, recording_id=recording_id)
    return RedirectResponse(f"/recordings/{recording_id}", status_code=status.HTTP_303_SEE_OTHER)


@router.post(
    "/recordings/{recording_id}/delete",
    dependencies=[Depends(PageRule(Permission.RECORDINGS_WRITE)), OWN_FORM],
)
def delete(recording_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Remove a recording for good, and show that it is gone."""
    retention.delete_recording(
        uow_factory=parts.uow_factory, blobs=parts.blobs, principal=principal, recording_id=recording_id
    )
    return RedirectResponse(f"/recordings/{recording_id}", status_code=status.HTTP_303_SEE_OTHER)


@router.get("/recordings/{recording_id}/original", dependencies=VIDEOS)
def watch_original(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Send the video as it was uploaded."""
    return send_recording(
        recording_id, BlobKind.ORIGINAL, request=request, parts=parts, uow=uow, principal=principal
    )


@router.get("/recordings/{recording_id}/overlay", dependencies=VIDEOS)
def watch_overlay(
    recording_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Send the video with the measured skeleton."""
    return send_recording(
        recording_id, BlobKind.OVERLAY, request=request, parts=parts, uow=uow, principal=principal
    )


@router.get("/recordings/{recording_id}/stills/{frame}", dependencies=VIDEOS)
def show_still(
    recording_id: UUID,
    frame: Annotated[int, Path(ge=0, le=MAX_FRAME)],
    request: Request,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
) -> Response:
    """Send the picture of a flagged frame."""
    return send_recording(
        recording_id, BlobKind.STILL, request=request, parts=parts, uow=uow, principal=principal, frame=frame
    )


def _page(
    view: RecordingView, request: Request, *, parts: Parts, uow: UnitOfWork, principal: Principal
) -> RecordingPage:
    trial = _trial(view, uow=uow, principal=principal)
    asked = RecordingRequest(
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        team=_team(view, uow=uow, principal=principal),
        may_upload=principal.may(Permission.RECORDINGS_WRITE),
        may_watch=principal.may(Permission.VIDEOS_READ),
        trial=trial,
        less=None if trial is None else _less(trial, uow=uow, principal=principal),
    )
    return present_recording(
        view,
        kinematics=_kinematics(view, parts=parts, uow=uow, principal=principal),
        asked=asked,
        change=_change(view, uow=uow, principal=principal),
    )


def _change(view: RecordingView, *, uow: UnitOfWork, principal: Principal) -> ScreeningChange | None:
    """Return the recording's screening against the nearest earlier one, once it has a usable result."""
    if view.athlete is None or view.screening_id is None or view.state is not RecordingState.ANALYSED:
        return None
    return athlete_history.get_change(
        uow=uow, principal=principal, athlete_id=view.athlete.id, after_id=view.screening_id
    )


def _trial(view: RecordingView, *, uow: UnitOfWork, principal: Principal) -> TrialResultView | None:
    """Return the trial of a recording that has a result."""
    if view.trial_id is None or view.state is not RecordingState.ANALYSED:
        return None
    return trials.get_trial(uow=uow, principal=principal, trial_id=view.trial_id)


def _less(trial: TrialResultView, *, uow: UnitOfWork, principal: Principal) -> ScreeningLessView | None:
    """Return the LESS of the trial's screening where the trial itself has a total."""
    if trial.judgement is None or not trial.has_less or not trial.judgement.less.is_total:
        return None
    return screening_less.get_screening_less(
        uow=uow, principal=principal, screening_id=trial.screening_id, movement=trial.movement
    )


def _team(view: RecordingView, *, uow: UnitOfWork, principal: Principal) -> Link | None:
    """Return the way back to the athlete's team."""
    if view.athlete is None or not principal.may(Permission.ROSTER_READ):
        return None
    teams = athletes.get_athlete(uow=uow, principal=principal, athlete_id=view.athlete.id).teams
    return Link(label=teams[0].name, href=f"/teams/{teams[0].id}") if teams else None


def _kinematics(
    view: RecordingView, *, parts: Parts, uow: UnitOfWork, principal: Principal
) -> Kinematics | None:
    if view.analysis is None or not view.analysis.has_kinematics:
        return None
    try:
        return analyses.get_kinematics(uow=uow, blobs=parts.blobs, principal=principal, recording_id=view.id)
    except NotFoundError:
        return None
