"""A guardian, or an athlete of age, decides by a link that works once. No login; the secret is never in an address."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, status

from app.domain.consent import Purpose, Relation
from app.domain.errors import DomainError, InvalidInputError
from app.http.access import anybody
from app.http.identity import client_address
from app.http.parts import Parts
from app.http.problems import problem_of
from app.http.rate_limits import SIGN_IN_BY_ADDRESS
from app.services import consents
from app.services.door_links import CONSENT_PATH as PATH
from app.services.door_links import consent_link
from app.web.contexts.parts import Choice, Problem
from app.web.contexts.rosters import ConsentPage
from app.web.deps import OWN_FORM, PartsDep
from app.web.forms import form_token, new_visitor, set_private_cookie, visitor_cookie_name
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(anybody)])

PURPOSES = {
    Purpose.SCREENING: ("Analyse the videos and show the result", "Without this nothing is looked at."),
    Purpose.KEEP_VIDEO: ("Keep the videos and pictures", "Otherwise they are deleted after the analysis."),
    Purpose.SHARE_WITH_COACH: ("Show the result to the coaches", "Otherwise only clinicians see it."),
    Purpose.SHOW_FACE: ("Show the face in pictures and videos", "Otherwise it is made unrecognisable."),
    Purpose.RESEARCH: ("Use the numbers for research", "Without the name."),
}
RELATIONS = {
    Relation.PARENT: "mother or father",
    Relation.GUARDIAN: "legal guardian",
    Relation.SELF: "own self, old enough to decide",
    Relation.OTHER: "other",
}
TITLE = "Your decision"

Token = Annotated[str, Form(max_length=200)]


@router.get(PATH)
def show_consent(request: Request, parts: PartsDep) -> Response:
    """Ask for the code; a script takes it from behind the # by itself."""
    return _page(request, parts, step="open")


@router.post(PATH, dependencies=[OWN_FORM])
def open_consent(request: Request, parts: PartsDep, token: Token = "") -> Response:  # empty form fields
    """Show what is asked; the link stays good until it is answered."""
    try:
        return _ask(request, parts, token=token.strip())
    except DomainError as error:
        return _refuse(request, parts, error)


@router.post(f"{PATH}/decide", dependencies=[OWN_FORM])
def decide(
    request: Request,
    parts: PartsDep,
    purpose: Annotated[list[str] | None, Form()] = None,
    given_by: Annotated[str, Form(max_length=400)] = "",
    relation: Annotated[str, Form(max_length=40)] = Relation.PARENT.value,
    token: Token = "",  # an empty form field,  # as above
) -> Response:
    """Keep the decision, and hand out the link for changing it."""
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))
    try:
        organisation_id = consents.organisation_of_token(token)
        with parts.uow_factory(None) as uow:
            uow.enter(organisation_id)
            link = consents.decide_by_link(
                uow=uow,
                organisation_id=organisation_id,
                token=token,
                given_by=given_by,
                relation=Relation(relation) if relation in set(Relation) else Relation.OTHER,
                purposes=consents.purposes_of(each for each in Purpose if each.value in (purpose or ())),
            )
    except InvalidInputError as error:
        return _ask(request, parts, token=token, error=error)
    except DomainError as error:
        return _refuse(request, parts, error)
    return _page(request, parts, step="done", later_url=consent_link(parts.settings.base_url, link.token))


def _ask(request: Request, parts: Parts, *, token: str, error: DomainError | None = None) -> Response:
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))
    organisation_id = consents.organisation_of_token(token)
    with parts.uow_factory(None) as uow:
        uow.enter(organisation_id)
        offer = consents.open_link(uow=uow, organisation_id=organisation_id, token=token)
    return _page(
        request,
        parts,
        step="decide",
        problem=None if error is None else Problem(message=error.message, how_to_fix=error.how_to_fix),
        status_code=status.HTTP_200_OK if error is None else status.HTTP_422_UNPROCESSABLE_CONTENT,
        token=token,
        organisation_name=offer.organisation_name,
        athlete_name=offer.athlete_name,
        paragraphs=tuple(part.strip() for part in offer.text.split("\n") if part.strip()),
        waiting_note=f"The time named above is {offer.waiting_days} days.",
        purposes=tuple(
            Choice(value=each.value, label=label, hint=hint, chosen=offer.granted.get(each, False))
            for each, (label, hint) in PURPOSES.items()
        ),
        relations=tuple(
            Choice(value=each.value, label=label, hint="", chosen=each is Relation.PARENT)
            for each, label in RELATIONS.items()
        ),
    )


def _refuse(request: Request, parts: Parts, error: DomainError) -> Response:
    shown = problem_of(error)
    return _page(
        request,
        parts,
        step="open",
        problem=Problem(message=error.message, how_to_fix=error.how_to_fix),
        status_code=shown.status,
    )


def _page(
    request: Request,
    parts: Parts,
    *,
    step: str,
    status_code: int = status.HTTP_200_OK,
    problem: Problem | None = None,
    **content: object,
) -> Response:
    settings = parts.settings
    token = form_token(request, settings)
    fresh = None if token else new_visitor(settings)
    page = ConsentPage(
        title=TITLE,
        viewer=None,
        csrf_token=fresh[1] if fresh else token,
        step=step,
        problem=problem,
        **content,  # type: ignore[arg-type]  # fields of the page, by name
    )
    response = page_response(page, status=status_code)
    if fresh:
        set_private_cookie(response, visitor_cookie_name(settings), fresh[0], settings=settings)
    return response
