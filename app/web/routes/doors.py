"""Coming in by a link: an invitation, or a new password. The link's secret arrives in a form, never in an address."""

import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.errors import DomainError, InvalidCredentialsError, TooManyRequestsError
from app.http.access import anybody
from app.http.identity import client_address, login_cookie_name, origin_of
from app.http.parts import Parts
from app.http.post import post_of
from app.http.problems import problem_of
from app.http.rate_limits import (
    RESET_BY_ACCOUNT,
    RESET_BY_ADDRESS,
    SIGN_IN_BY_ACCOUNT,
    SIGN_IN_BY_ADDRESS,
)
from app.services import logins, members
from app.web.contexts.parts import Page, Problem
from app.web.contexts.sign_in import ForgotPasswordPage, InvitedTo, JoinPage, NewPasswordPage
from app.web.deps import PartsDep
from app.web.forms import check_form, form_token, new_visitor, set_private_cookie, visitor_cookie_name
from app.web.present_forms import present_problem
from app.web.present_settings import ROLE_LABELS
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(anybody)])

TokenField = Annotated[str, Form(max_length=200)]
PasswordField = Annotated[str, Form(max_length=1024)]
ANSWER_AFTER_S = 0.5
"""Longer than it takes to write a letter, so that the time tells nobody whether one was written."""


@router.get("/join")
def show_join(request: Request, parts: PartsDep) -> Response:
    """Ask for the invitation's code; the page takes it from the link's fragment where there is JavaScript."""
    return answer(parts, _join_page(request, parts))


@router.post("/join")
def look_at_invitation(
    request: Request, parts: PartsDep, token: TokenField = "", csrf_token: TokenField = ""
) -> Response:
    """Show what the invitation is for, and ask for name and password."""
    _check(request, parts, csrf_token)
    try:
        page = _join_page(request, parts, token=token, invited=_invited(parts, token))
    except DomainError as error:
        page = _join_page(request, parts, problem=present_problem(error))
        return answer(parts, page, status_code=problem_of(error).status)
    return answer(parts, page)


@router.post("/join/accept")
def accept_invitation(
    request: Request,
    parts: PartsDep,
    token: TokenField = "",
    display_name: Annotated[str, Form(max_length=400)] = "",
    password: PasswordField = "",
    csrf_token: TokenField = "",
) -> Response:
    """Become a member, and go on to the sign-in."""
    _check(request, parts, csrf_token)
    try:
        invited = _invited(parts, token)
        _accept(request, parts, invited, token=token, display_name=display_name, password=password)
    except DomainError as error:
        is_over = isinstance(error, InvalidCredentialsError) and "invitation" in error.message
        page = _join_page(
            request,
            parts,
            token="" if is_over else token,
            invited=None if is_over else invited,
            entered_name=display_name,
            problem=present_problem(error),
        )
        return answer(parts, page, status_code=problem_of(error).status)
    return _to_sign_in(parts)


def _accept(
    request: Request, parts: Parts, invited: InvitedTo, *, token: str, display_name: str, password: str
) -> None:
    """Let them in. Whoever guesses the password of an account here is counted as at the sign-in."""
    if invited.has_account:
        parts.rate_limiter.check(SIGN_IN_BY_ACCOUNT, invited.email)
    try:
        with parts.uow_factory(None) as uow:
            members.accept_invitation(
                uow=uow,
                token=token,
                display_name=display_name,
                password=password,
                origin=origin_of(request),
            )
    except InvalidCredentialsError:
        if invited.has_account:
            parts.rate_limiter.hit(SIGN_IN_BY_ACCOUNT, invited.email)
        raise


@router.get("/new-password")
def show_new_password(request: Request, parts: PartsDep) -> Response:
    """Ask for the link's code and a new password."""
    return answer(parts, _password_page(request, parts))


@router.post("/new-password")
def set_new_password(
    request: Request,
    parts: PartsDep,
    token: TokenField = "",
    password: PasswordField = "",
    csrf_token: TokenField = "",
) -> Response:
    """Set the password, end every login, and go on to the sign-in."""
    _check(request, parts, csrf_token)
    try:
        with parts.uow_factory(None) as uow:
            logins.use_reset(
                uow=uow,
                token=token,
                new=password,
                origin=origin_of(request),
                post=post_of(parts.settings),
            )
    except DomainError as error:
        page = _password_page(request, parts, token=token, problem=present_problem(error))
        return answer(parts, page, status_code=problem_of(error).status)
    return _to_sign_in(parts)


@router.get("/forgot-password")
def show_forgot_password(request: Request, parts: PartsDep) -> Response:
    """Ask for the address of whoever lost their password."""
    return answer(parts, _forgot_page(request, parts))


@router.post("/forgot-password")
def ask_for_new_password(
    request: Request,
    parts: PartsDep,
    email: Annotated[str, Form(max_length=400)] = "",
    csrf_token: TokenField = "",
) -> Response:
    """Mail a link to the address if somebody has it; the answer is the same, and as quick, when nobody does."""
    started_s = time.monotonic()
    check_form(request, {"csrf_token": csrf_token}, settings=parts.settings)
    parts.rate_limiter.hit(RESET_BY_ADDRESS, client_address(request))
    _mail_reset(request, parts, email=email)
    time.sleep(max(0.0, ANSWER_AFTER_S - (time.monotonic() - started_s)))
    return answer(parts, _forgot_page(request, parts, asked=True))


def _mail_reset(request: Request, parts: Parts, *, email: str) -> None:
    post = post_of(parts.settings)
    if post is None:
        return
    try:
        parts.rate_limiter.hit(RESET_BY_ACCOUNT, email.strip().lower())
    except TooManyRequestsError:
        return  # to say so would be no harm, but to say it for one address alone
    with parts.uow_factory(None) as uow:
        logins.find_and_issue_reset(uow=uow, email=email, origin=origin_of(request), post=post)


def _check(request: Request, parts: Parts, csrf_token: str) -> None:
    check_form(request, {"csrf_token": csrf_token}, settings=parts.settings)
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))


def _invited(parts: Parts, token: str) -> InvitedTo:
    with parts.uow_factory(None) as uow:
        found = members.look_at_invitation(uow=uow, token=token)
    return InvitedTo(
        organisation_name=found.organisation_name,
        role=ROLE_LABELS[found.role],
        email=found.email,
        has_account=found.has_account,
    )


def _join_page(
    request: Request,
    parts: Parts,
    *,
    token: str = "",
    invited: InvitedTo | None = None,
    entered_name: str = "",
    problem: Problem | None = None,
) -> JoinPage:
    return JoinPage(
        title="Join",
        viewer=None,
        csrf_token=form_token(request, parts.settings),
        token=token,
        invited=invited,
        entered_name=entered_name,
        problem=problem,
    )


def _password_page(
    request: Request, parts: Parts, *, token: str = "", problem: Problem | None = None
) -> NewPasswordPage:
    return NewPasswordPage(
        title="New password",
        viewer=None,
        csrf_token=form_token(request, parts.settings),
        token=token,
        problem=problem,
    )


def _forgot_page(request: Request, parts: Parts, *, asked: bool = False) -> ForgotPasswordPage:
    return ForgotPasswordPage(
        title="Forgot your password?",
        viewer=None,
        csrf_token=form_token(request, parts.settings),
        can_mail=parts.settings.smtp_host is not None,
        asked=asked,
    )


def answer(parts: Parts, page: Page, *, status_code: int = status.HTTP_200_OK) -> Response:
    """Send the page; a browser that has neither login nor visitor cookie gets one to tie its forms to."""
    if page.csrf_token:
        return page_response(page, status=status_code)
    visitor, token = new_visitor(parts.settings)
    response = page_response(replace(page, csrf_token=token), status=status_code)
    set_private_cookie(response, visitor_cookie_name(parts.settings), visitor, settings=parts.settings)
    return response


def _to_sign_in(parts: Parts) -> Response:
    response = RedirectResponse("/sign-in", status_code=status.HTTP_303_SEE_OTHER)
    response.delete_cookie(login_cookie_name(parts.settings), path="/")
    return response
