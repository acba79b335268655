"""Signing in by a club's own identity provider: finding it, going there, coming back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status

from app.domain.errors import DomainError
from app.http.access import anybody
from app.http.identity import client_address, login_cookie_name, origin_of
from app.http.parts import Parts
from app.http.post import seal_from
from app.http.problems import problem_of
from app.http.provider import fetch_from, redirect_uri
from app.http.rate_limits import SIGN_IN_BY_ADDRESS
from app.integrations.oidc import ProviderError
from app.services import accounts, provider_sign_in
from app.services.provider_setup import ProviderView
from app.services.provider_sign_in import Departure
from app.services.sign_in_steps import STEP_LIFETIME
from app.settings import Settings
from app.web.contexts.parts import Choice, Problem
from app.web.contexts.sign_in import FindProviderPage, LeavingPage
from app.web.deps import PartsDep
from app.web.forms import check_form, form_token, set_private_cookie
from app.web.paths import MAX_NEXT_CHARS, safe_path
from app.web.present_forms import present_problem
from app.web.render import page_response
from app.web.routes.doors import answer
from app.web.routes.second_step import let_in
from app.web.routes.sign_in import sign_in_page

router = APIRouter(dependencies=[Depends(anybody)])

HERE = "/sign-in/provider"
TokenField = Annotated[str, Form(max_length=200)]
EmailField = Annotated[str, Form(max_length=400)]
NextField = Annotated[str, Form(max_length=MAX_NEXT_CHARS)]


def departure_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that ties the way there to the way back."""
    return f"{login_cookie_name(settings)}-provider"


@router.get(HERE)
def show_find_provider(
    request: Request,
    parts: PartsDep,
    club: UUID | None = None,
    next: str = "/",  # the query's name
) -> Response:
    """Ask for the address, by whose domain the provider is found; or offer the one of a club."""
    found: list[ProviderView] = []
    if club is not None:
        with parts.uow_factory(None) as uow:
            found = [provider_sign_in.look_at_provider(uow=uow, organisation_id=club)]
    return _find_page(request, parts, next_path=safe_path(next), found=found)


@router.post(HERE)
def find_provider(
    request: Request,
    parts: PartsDep,
    email: EmailField = "",
    csrf_token: TokenField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Go to the provider of the address's domain; let the person choose when there are several."""
    _check(request, parts, csrf_token)
    next_path = safe_path(next)
    with parts.uow_factory(None) as uow:
        found = provider_sign_in.find_providers(uow=uow, email=email)
    if len(found) == 1:
        return _leave(request, parts, found[0].organisation_id, next_path=next_path, email=email)
    problem = None
    if not found:
        problem = Problem(
            message="No organisation signs in by addresses of this domain",
            how_to_fix="Check the address, or sign in with your password.",
        )
    return _find_page(request, parts, next_path=next_path, found=found, email=email, problem=problem)


@router.post(f"{HERE}/start")
def start(
    request: Request,
    parts: PartsDep,
    organisation_id: Annotated[UUID, Form()],
    email: EmailField = "",
    again: Annotated[bool, Form()] = False,
    csrf_token: TokenField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Go to the provider of an organisation; `again` although one may be signed in there."""
    _check(request, parts, csrf_token)
    return _leave(request, parts, organisation_id, next_path=safe_path(next), email=email, asks_again=again)


@router.get(f"{HERE}/callback")
def come_back(
    request: Request,
    parts: PartsDep,
    state: str = "",
    code: str = "",
    error: str = "",
    iss: str | None = None,
) -> Response:
    """Start the login of whom the provider names."""
    settings = parts.settings
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))
    try:
        if error or not code:
            raise ProviderError("It did not let you in, or you went back.")
        with parts.uow_factory(None) as uow:
            arrival = provider_sign_in.arrive(
                uow=uow,
                token=request.cookies.get(departure_cookie_name(settings), ""),
                state=state,
                code=code,
                issuer=iss,
                redirect_uri=redirect_uri(settings),
                seal=seal_from(settings),
                fetch=fetch_from(settings),
                user_agent=request.headers.get("user-agent", "")[:300],
                origin=origin_of(request),
            )
    except (DomainError, ProviderError) as refusal:
        response = _refuse(request, parts, refusal)
    else:
        _end_login_before(request, parts)
        response = let_in(settings, arrival.signed_in, next_path=safe_path(arrival.next_path))
    response.delete_cookie(departure_cookie_name(settings), path="/")
    return response


def _leave(
    request: Request,
    parts: Parts,
    organisation_id: UUID,
    *,
    next_path: str,
    email: str = "",
    asks_again: bool = False,
) -> Response:
    settings = parts.settings
    try:
        with parts.uow_factory(None) as uow:
            name = provider_sign_in.look_at_provider(uow=uow, organisation_id=organisation_id).name
            departure = provider_sign_in.depart(
                uow=uow,
                organisation_id=organisation_id,
                redirect_uri=redirect_uri(settings),
                next_path=next_path,
                seal=seal_from(settings),
                fetch=fetch_from(settings),
                email=email,
                asks_again=asks_again,
            )
    except (DomainError, ProviderError) as refusal:
        return _refuse(request, parts, refusal)
    return _leaving_page(request, parts, departure, name=name)


def _leaving_page(request: Request, parts: Parts, departure: Departure, *, name: str) -> Response:
    """Send a page that goes on by itself: a form of ours may lead nowhere else, not even by a redirect."""
    settings = parts.settings
    page = LeavingPage(
        title="On to the sign-in",
        viewer=None,
        csrf_token=form_token(request, settings),
        provider_name=name,
        url=departure.url,
    )
    response = page_response(page, headers={"Refresh": f"0; url={departure.url}"})
    set_private_cookie(
        response,
        departure_cookie_name(settings),
        departure.token,
        settings=settings,
        max_age_s=int(STEP_LIFETIME.total_seconds()),
    )
    return response


def _check(request: Request, parts: Parts, csrf_token: str) -> None:
    check_form(request, {"csrf_token": csrf_token}, settings=parts.settings)
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))


def _refuse(request: Request, parts: Parts, refusal: DomainError | ProviderError) -> Response:
    if isinstance(refusal, DomainError):
        problem = present_problem(refusal)
        code = problem_of(refusal).status
    else:
        problem = Problem(message="The identity provider could not be used", how_to_fix=str(refusal))
        code = status.HTTP_502_BAD_GATEWAY
    return sign_in_page(request, parts, next_path="/", problem=problem, status_code=code)


def _end_login_before(request: Request, parts: Parts) -> None:
    if token := request.cookies.get(login_cookie_name(parts.settings)):
        with parts.uow_factory(None) as uow:
            accounts.sign_out(uow=uow, token=token, origin=origin_of(request))


def _find_page(
    request: Request,
    parts: Parts,
    *,
    next_path: str,
    found: list[ProviderView],
    email: str = "",
    problem: Problem | None = None,
) -> Response:
    page = FindProviderPage(
        title="Sign in with your organisation",
        viewer=None,
        csrf_token=form_token(request, parts.settings),
        next_path=next_path,
        email=email,
        problem=problem,
        providers=tuple(
            Choice(
                value=str(each.organisation_id), label=each.organisation_name, chosen=False, hint=each.name
            )
            for each in found
        ),
    )
    return answer(parts, page, status_code=422 if problem else 200)
