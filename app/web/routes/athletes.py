"""The page of one athlete."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.domain.access import Permission
from app.services import athlete_history, athletes
from app.web.deps import PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import form_token
from app.web.present_athlete import AthleteRequest, present_athlete
from app.web.render import page_response

router = APIRouter(
    dependencies=[Depends(PageRule(Permission.ROSTER_READ)), Depends(PageRule(Permission.RESULTS_READ))]
)

SCREENINGS = 24
"""As many as a drawing holds apart; all of them are in the API and in the export."""


@router.get("/athletes/{athlete_id}")
def show_athlete(
    athlete_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Show the athlete's screenings over time, and what changed since the one before."""
    detail = athletes.get_athlete(uow=uow, principal=principal, athlete_id=athlete_id)
    history = athlete_history.list_newest(
        uow=uow, principal=principal, athlete_id=athlete_id, limit=SCREENINGS
    )
    change = athlete_history.get_change(uow=uow, principal=principal, athlete_id=athlete_id)
    asked = AthleteRequest(
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        may_upload=principal.may(Permission.RECORDINGS_WRITE),
    )
    return page_response(present_athlete(detail, history, change=change, asked=asked))
