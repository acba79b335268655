"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.errors import InvalidCredentialsError, NotSignedInError, TooManyRequestsError
from app.http.access import anybody
from app.http.identity import authenticate_login, client_address, login_cookie_name, origin_of
from app.http.parts import Parts
from app.http.rate_limits import SIGN_IN_BY_ACCOUNT, SIGN_IN_BY_ADDRESS
from app.services import accounts
from app.services.read_models import SecondStep, SignedIn
from app.web.contexts.parts import Problem
from app.web.contexts.sign_in import SignInPage
from app.web.deps import OWN_FORM, PartsDep, SignedInRule
from app.web.forms import form_token, new_visitor, set_private_cookie, visitor_cookie_name
from app.web.paths import MAX_NEXT_CHARS, safe_path
from app.web.render import page_response
from app.web.routes.second_step import go_to_second_step, let_in

router = APIRouter()


@router.get("/sign-in", dependencies=[Depends(anybody)])
def show_sign_in(request: Request, parts: PartsDep, next: str = "/") -> Response:  # the query's name
    """Show the form, or go on when signed in already."""
    next_path = safe_path(next)
    try:
        authenticate_login(request, parts)
    except NotSignedInError:
        return sign_in_page(request, parts, next_path=next_path)
    return RedirectResponse(next_path, status_code=status.HTTP_303_SEE_OTHER)


@router.post("/sign-in", dependencies=[Depends(anybody), OWN_FORM])
def sign_in(
    request: Request,
    parts: PartsDep,
    email: Annotated[str, Form(max_length=254)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=MAX_NEXT_CHARS)] = "/",  # the form field's name
) -> Response:
    """Start a login and go on to where the visitor wanted to be."""
    next_path = safe_path(next)
    try:
        signed_in = _start_login(request, parts, email=email, password=password)
    except TooManyRequestsError as error:
        problem = Problem(message="Too many tries", how_to_fix=error.how_to_fix)
        return sign_in_page(
            request,
            parts,
            next_path=next_path,
            email=email,
            problem=problem,
            status_code=status.HTTP_429_TOO_MANY_REQUESTS,
            retry_after_s=int(error.context.get("retry_after_s") or 60),
        )
    except InvalidCredentialsError:
        problem = Problem(
            message="The e-mail address and the password do not match",
            how_to_fix="Check both. Capital letters count in the password.",
        )
        return sign_in_page(
            request,
            parts,
            next_path=next_path,
            email=email,
            problem=problem,
            status_code=status.HTTP_401_UNAUTHORIZED,
        )
    if isinstance(signed_in, SecondStep):
        return go_to_second_step(parts.settings, token=signed_in.token, next_path=next_path)
    return let_in(parts.settings, signed_in, next_path=next_path)


@router.post("/sign-out", dependencies=[Depends(SignedInRule()), OWN_FORM])
def sign_out(request: Request, parts: PartsDep) -> Response:
    """End the login here and on the server."""
    name = login_cookie_name(parts.settings)
    if token := request.cookies.get(name):
        with parts.uow_factory(None) as uow:
            accounts.sign_out(uow=uow, token=token, origin=origin_of(request))
    response = RedirectResponse(
        "/sign-in", status_code=status.HTTP_303_SEE_OTHER, headers={"Clear-Site-Data": '"cache", "storage"'}
    )
    response.delete_cookie(name, path="/")
    return response


def _start_login(request: Request, parts: Parts, *, email: str, password: str) -> SignedIn | SecondStep:
    account = email.strip().lower()
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))
    parts.rate_limiter.check(SIGN_IN_BY_ACCOUNT, account)
    try:
        with parts.uow_factory(None) as uow:
            return accounts.sign_in(
                uow=uow,
                email=email,
                password=password,
                user_agent=request.headers.get("user-agent", "")[:300],
                origin=origin_of(request),
            )
    except InvalidCredentialsError:
        parts.rate_limiter.hit(SIGN_IN_BY_ACCOUNT, account)
        raise


def sign_in_page(
    request: Request,
    parts: Parts,
    *,
    next_path: str,
    email: str = "",
    problem: Problem | None = None,
    status_code: int = status.HTTP_200_OK,
    retry_after_s: int | None = None,
) -> Response:
    """Send the sign-in form, tied to this browser."""
    settings = parts.settings
    # a login cookie that is over must not lend its token to the form
    visitor = request.cookies.get(visitor_cookie_name(settings))
    has_login = login_cookie_name(settings) in request.cookies
    fresh = None if visitor and not has_login else new_visitor(settings)
    page = SignInPage(
        title="Sign in",
        viewer=None,
        csrf_token=fresh[1] if fresh else form_token(request, settings),
        email=email,
        next_path=next_path,
        problem=problem,
    )
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    response = page_response(page, status=status_code, headers=headers)
    if fresh:
        set_private_cookie(response, visitor_cookie_name(settings), fresh[0], settings=settings)
        response.delete_cookie(login_cookie_name(settings), path="/")
    return response
