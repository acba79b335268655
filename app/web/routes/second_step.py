"""The second step of a sign-in, and proving again who one is before a change of security."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Principal, SignInMethod
from app.domain.errors import InvalidCredentialsError, TooManyRequestsError
from app.domain.sign_in import StepKind
from app.http.access import anybody
from app.http.identity import client_address, login_cookie_name, origin_of
from app.http.parts import Parts
from app.http.post import seal_from
from app.http.rate_limits import SECOND_FACTOR_BY_ACCOUNT, SIGN_IN_BY_ACCOUNT, SIGN_IN_BY_ADDRESS
from app.services import second_factor
from app.services.read_models import SignedIn
from app.services.second_factor import FactorView
from app.services.sign_in_steps import STEP_LIFETIME, look_at_step, take_step
from app.settings import Settings
from app.web.contexts.parts import Problem
from app.web.contexts.sign_in import ConfirmPage, SecondStepPage
from app.web.deps import OWN_FORM, PartsDep, PrincipalDep, SignedInRule, viewer_of
from app.web.forms import form_token, set_private_cookie, visitor_cookie_name
from app.web.paths import MAX_NEXT_CHARS, safe_path
from app.web.render import page_response

router = APIRouter()

HERE = "/sign-in/second-factor"
CodeField = Annotated[str, Form(max_length=1024)]
NextField = Annotated[str, Form(max_length=MAX_NEXT_CHARS)]
TOO_MANY = Problem(message="Too many tries", how_to_fix="Wait a quarter of an hour, then sign in again.")


def step_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that ties the two steps together."""
    name = login_cookie_name(settings)
    return f"{name}-step"


def go_to_second_step(settings: Settings, *, token: str, next_path: str) -> Response:
    """Send the browser on to the second step."""
    query = "" if next_path == "/" else f"?{urlencode({'next': next_path})}"
    response = RedirectResponse(f"{HERE}{query}", status_code=status.HTTP_303_SEE_OTHER)
    lifetime_s = int(STEP_LIFETIME.total_seconds())
    set_private_cookie(response, step_cookie_name(settings), token, settings=settings, max_age_s=lifetime_s)
    return response


def let_in(settings: Settings, signed_in: SignedIn, *, next_path: str) -> Response:
    """Give the browser its login and send it on; what led there is over."""
    response = RedirectResponse(next_path, status_code=status.HTTP_303_SEE_OTHER)
    set_private_cookie(response, login_cookie_name(settings), signed_in.token, settings=settings)
    for name in (visitor_cookie_name(settings), step_cookie_name(settings)):
        response.delete_cookie(name, path="/")
    return response


@router.get(HERE, dependencies=[Depends(anybody)])
def show_second_step(request: Request, parts: PartsDep, next: str = "/") -> Response:  # the query's name
    """Ask for the second factor."""
    return step_page(request, parts, next_path=safe_path(next))


@router.post(HERE, dependencies=[Depends(anybody), OWN_FORM])
def take_second_step(
    request: Request,
    parts: PartsDep,
    code: CodeField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Start the login if the code is right."""
    next_path = safe_path(next)
    token = request.cookies.get(step_cookie_name(parts.settings), "")
    try:
        parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))
        signed_in = _finish(request, parts, token=token, code=code)
    except InvalidCredentialsError:
        return RedirectResponse("/sign-in", status_code=status.HTTP_303_SEE_OTHER)
    except TooManyRequestsError:
        return step_page(request, parts, next_path=next_path, problem=TOO_MANY, status_code=429)
    if signed_in is None:
        problem = Problem(
            message="This code is not right",
            how_to_fix="Each code of the app opens once: wait for the next. A recovery code opens once, too.",
        )
        return step_page(request, parts, next_path=next_path, problem=problem, status_code=401)
    return let_in(parts.settings, signed_in, next_path=next_path)


def _finish(request: Request, parts: Parts, *, token: str, code: str) -> SignedIn | None:
    """Return the login, or None for a wrong code; after too many of them the first step has to be taken again."""
    with parts.uow_factory(None) as uow:
        subject = str(look_at_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token).user_id)
    try:
        parts.rate_limiter.check(SECOND_FACTOR_BY_ACCOUNT, subject)
    except TooManyRequestsError:
        with parts.uow_factory(None) as uow:
            take_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token)
        raise
    with parts.uow_factory(None) as uow:
        signed_in = second_factor.finish_sign_in(
            uow=uow,
            token=token,
            code=code,
            seal=seal_from(parts.settings),
            user_agent=request.headers.get("user-agent", "")[:300],
            origin=origin_of(request),
        )
    if signed_in is None:
        parts.rate_limiter.hit(SECOND_FACTOR_BY_ACCOUNT, subject)
    return signed_in


@router.get("/confirm", dependencies=[Depends(SignedInRule(while_enrolling=True))])
def show_confirm(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    next: str = "/",  # the query's name
) -> Response:
    """Ask for what proves who somebody is."""
    next_path = safe_path(next)
    if principal.is_confirmed:
        return RedirectResponse(next_path, status_code=status.HTTP_303_SEE_OTHER)
    return confirm_page(request, parts, principal, next_path=next_path)


@router.post("/confirm", dependencies=[Depends(SignedInRule(while_enrolling=True)), OWN_FORM])
def confirm(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    answer: CodeField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Note that it is them, and go back to what they wanted to change."""
    next_path = safe_path(next)
    subject = f"password:{principal.user_id}"
    rates = ((SIGN_IN_BY_ACCOUNT, subject), (SECOND_FACTOR_BY_ACCOUNT, str(principal.user_id)))
    try:
        for rate, whose in rates:
            parts.rate_limiter.check(rate, whose)
    except TooManyRequestsError:
        return confirm_page(request, parts, principal, next_path=next_path, problem=TOO_MANY, status_code=429)
    with parts.uow_factory(None) as uow:
        is_right = second_factor.confirm(
            uow=uow, principal=principal, answer=answer, seal=seal_from(parts.settings)
        )
    if not is_right:
        for rate, whose in rates:
            parts.rate_limiter.hit(rate, whose)
        problem = Problem(message="This is not right", how_to_fix="Try it once more.")
        return confirm_page(request, parts, principal, next_path=next_path, problem=problem, status_code=401)
    return RedirectResponse(next_path, status_code=status.HTTP_303_SEE_OTHER)


def step_page(
    request: Request,
    parts: Parts,
    *,
    next_path: str,
    problem: Problem | None = None,
    status_code: int = status.HTTP_200_OK,
) -> Response:
    """Ask for the second factor, by what the person has; without a first step, go back to it."""
    token = request.cookies.get(step_cookie_name(parts.settings), "")
    try:
        with parts.uow_factory(None) as uow:
            factors = second_factor.factors_at_step(uow=uow, token=token)
    except InvalidCredentialsError:
        if problem is not TOO_MANY:
            return RedirectResponse("/sign-in", status_code=status.HTTP_303_SEE_OTHER)
        factors = FactorView(has_app=True, n_passkeys=0, n_recovery_codes=0)
    page = SecondStepPage(
        title="Second step",
        viewer=None,
        csrf_token=form_token(request, parts.settings),
        next_path=next_path,
        has_app=factors.has_app,
        has_passkeys=factors.n_passkeys > 0,
        problem=problem,
    )
    return page_response(page, status=status_code)


def confirm_page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    next_path: str,
    problem: Problem | None = None,
    status_code: int = status.HTTP_200_OK,
) -> Response:
    """Ask for what proves who somebody is."""
    with parts.uow_factory(None) as uow:
        factors = second_factor.get_factors(uow=uow, principal=principal)
        viewer = viewer_of(principal, uow=uow)
    page = ConfirmPage(
        title="Is it you?",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        next_path=next_path,
        asks_code=factors.has_app,
        organisation_id=str(principal.organisation_id)
        if principal.method is SignInMethod.PROVIDER and principal.n_organisations == 1
        else None,
        has_passkeys=factors.n_passkeys > 0,
        problem=problem,
    )
    return page_response(page, status=status_code)
