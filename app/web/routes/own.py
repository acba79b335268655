"""The home of an athlete's or guardian's login: their results, and what they decided."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.consent import Purpose, Relation
from app.services import athlete_history, own_results
from app.services.own_results import OwnAthlete
from app.web.contexts.own import OwnConsentPage, OwnPage, OwnRow
from app.web.contexts.parts import Choice, Link
from app.web.deps import OWN_FORM, OwnRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import form_token
from app.web.present_athlete import AthleteRequest, present_own_athlete
from app.web.render import page_response
from app.web.routes.athletes import SCREENINGS
from app.web.routes.consent import PURPOSES, RELATIONS

router = APIRouter(dependencies=[Depends(OwnRule())])

HERE = "/own"
HOME = Link(label="My results", href=HERE)


@router.get(HERE)
def show_own(
    request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep, done: str = ""
) -> Response:
    """Show the athletes that the login is linked to."""
    page = OwnPage(
        title="My results",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        done="Your decision is saved, and holds from now on." if done == "decided" else None,
        athletes=tuple(_row(each) for each in own_results.list_own(uow=uow, principal=principal)),
    )
    return page_response(page)


@router.get(HERE + "/{athlete_id}")
def show_results(
    athlete_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Show the results of one of them over time."""
    detail = own_results.get_own(uow=uow, principal=principal, athlete_id=athlete_id)
    history = athlete_history.list_newest(
        uow=uow, principal=principal, athlete_id=athlete_id, limit=SCREENINGS
    )
    change = athlete_history.get_change(uow=uow, principal=principal, athlete_id=athlete_id)
    asked = AthleteRequest(
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        may_upload=False,
    )
    return page_response(present_own_athlete(detail, history, change=change, asked=asked, home=HOME))


@router.get(HERE + "/{athlete_id}/consent")
def show_consent(
    athlete_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Ask what may be done with recordings of one of them."""
    offer = own_results.get_offer(uow=uow, principal=principal, athlete_id=athlete_id)
    page = OwnConsentPage(
        title="Your decision",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        crumbs=(HOME,),
        action=f"{HERE}/{athlete_id}/consent",
        athlete_name=offer.athlete_name,
        paragraphs=tuple(part for part in offer.text.splitlines() if part.strip()),
        waiting_note=f"The time named above is {offer.waiting_days} days.",
        purposes=tuple(
            Choice(
                value=purpose.value,
                label=label,
                chosen=offer.granted.get(purpose, False),
                hint=hint,
            )
            for purpose, (label, hint) in PURPOSES.items()
        ),
        relations=tuple(
            Choice(value=relation.value, label=label, chosen=relation is Relation.PARENT)
            for relation, label in RELATIONS.items()
        ),
    )
    return page_response(page)


@router.post(HERE + "/{athlete_id}/consent", dependencies=[OWN_FORM])
def decide(
    athlete_id: UUID,
    parts: PartsDep,
    principal: PrincipalDep,
    purpose: Annotated[list[str] | None, Form()] = None,
    relation: Annotated[str, Form(max_length=40)] = Relation.OTHER.value,
) -> Response:
    """Keep the decision."""
    with parts.uow_factory(principal) as uow:
        own_results.decide_own(
            uow=uow,
            principal=principal,
            athlete_id=athlete_id,
            relation=Relation(relation) if relation in set(Relation) else Relation.OTHER,
            granted=[Purpose(each) for each in purpose or () if each in set(Purpose)],
        )
    return RedirectResponse(f"{HERE}?done=decided", status_code=status.HTTP_303_SEE_OTHER)


def _row(athlete: OwnAthlete) -> OwnRow:
    day = athlete.last_screened_on
    return OwnRow(
        name=athlete.name,
        screenings="Not screened yet." if day is None else f"Last screened on {day:%d %b %Y}.",
        consent=_consent_text(athlete),
        results_href=f"{HERE}/{athlete.id}",
        consent_href=f"{HERE}/{athlete.id}/consent",
    )


def _consent_text(athlete: OwnAthlete) -> str:
    allowed = [label for purpose, (label, _) in PURPOSES.items() if purpose in athlete.verdict.granted]
    if allowed:
        return f"You allow: {'; '.join(label[0].lower() + label[1:] for label in allowed)}."
    if athlete.verdict.needed:
        return "Your decision is needed before anything is analysed."
    return "Nothing is decided yet."
