"""Going over to another organisation of one's own."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi.responses import RedirectResponse

from app.services import logins
from app.web.contexts.own import OrganisationRow, OrganisationsPage
from app.web.deps import OWN_FORM, PartsDep, PrincipalDep, SignedInRule, viewer_of
from app.web.forms import form_token
from app.web.present_settings import ROLE_LABELS
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(SignedInRule(while_enrolling=True))])

HERE = "/organisations"


@router.get(HERE)
def show_organisations(request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Show the organisations that the person belongs to."""
    with parts.uow_factory(None) as uow:
        found = logins.list_organisations(uow=uow, principal=principal)
        viewer = viewer_of(principal, uow=uow)
    page = OrganisationsPage(
        title="Your organisations",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        organisations=tuple(
            OrganisationRow(
                id=str(each.organisation_id),
                name=each.name,
                role=ROLE_LABELS[each.role],
                is_this=each.organisation_id == principal.organisation_id,
                is_open=each.is_open,
            )
            for each in found
        ),
    )
    return page_response(page)


@router.post(HERE + "/{organisation_id}/enter", dependencies=[OWN_FORM])
def enter_organisation(organisation_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Go on as a member of another organisation, in the same login."""
    with parts.uow_factory(None) as uow:
        logins.enter_organisation(uow=uow, principal=principal, organisation_id=organisation_id)
    return RedirectResponse("/", status_code=status.HTTP_303_SEE_OTHER)
