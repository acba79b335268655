"""Passkeys in the browser: each use asks for a question first, and posts the authenticator's answer as a form."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import JSONResponse, RedirectResponse

from app.domain.errors import InvalidCredentialsError, TooManyRequestsError
from app.http.access import anybody
from app.http.identity import client_address, origin_of
from app.http.parts import Parts
from app.http.post import post_of
from app.http.rate_limits import SIGN_IN_BY_ADDRESS
from app.services import passkeys
from app.services.passkeys import MAX_ANSWER_CHARS, Question, RelyingParty
from app.services.read_models import SignedIn
from app.web.contexts.parts import Problem
from app.web.deps import OWN_FORM, PartsDep, PrincipalDep, SignedInRule
from app.web.forms import check_form
from app.web.paths import MAX_NEXT_CHARS, safe_path
from app.web.routes.second_step import confirm_page, let_in, step_cookie_name, step_page
from app.web.routes.settings_second_factor import SECURITY, codes_page
from app.web.routes.sign_in import sign_in_page

visitors = APIRouter(dependencies=[Depends(anybody)])
members = APIRouter(dependencies=[Depends(SignedInRule(while_enrolling=True))])

TokenField = Annotated[str, Form(max_length=200)]
AnswerField = Annotated[str, Form(max_length=MAX_ANSWER_CHARS)]
NameField = Annotated[str, Form(max_length=400)]
NextField = Annotated[str, Form(max_length=MAX_NEXT_CHARS)]
REFUSED = Problem(
    message="The passkey was not taken",
    how_to_fix="Try again, or use another way. It has to be one that was made here.",
)
TOO_MANY = Problem(message="Too many tries", how_to_fix="Wait a minute, then try again.")


@visitors.post("/sign-in/passkey/options")
def ask_to_sign_in(request: Request, parts: PartsDep, csrf_token: TokenField = "") -> Response:
    """Return what to ask the browser."""
    _check_visitor(request, parts, csrf_token)
    with parts.uow_factory(None) as uow:
        return _question(passkeys.ask_to_sign_in(uow=uow, party=_party(parts)))


@visitors.post("/sign-in/passkey")
def sign_in(
    request: Request,
    parts: PartsDep,
    step: TokenField = "",
    answer: AnswerField = "",
    csrf_token: TokenField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Start a login by a passkey alone."""
    next_path = safe_path(next)
    try:
        signed_in = _sign_in(request, parts, csrf_token, token=step, answer=answer)
    except (InvalidCredentialsError, TooManyRequestsError) as error:
        problem, code = _said(error)
        return sign_in_page(request, parts, next_path=next_path, problem=problem, status_code=code)
    return let_in(parts.settings, signed_in, next_path=next_path)


@visitors.post("/sign-in/second-factor/passkey/options")
def ask_for_second_step(request: Request, parts: PartsDep, csrf_token: TokenField = "") -> Response:
    """Return what to ask the browser of somebody whose password was right."""
    _check_visitor(request, parts, csrf_token)
    token = request.cookies.get(step_cookie_name(parts.settings), "")
    with parts.uow_factory(None) as uow:
        return _question(passkeys.ask_for_second_step(uow=uow, party=_party(parts), token=token))


@visitors.post("/sign-in/second-factor/passkey")
def take_second_step(
    request: Request,
    parts: PartsDep,
    step: TokenField = "",
    answer: AnswerField = "",
    csrf_token: TokenField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Start the login that waits for a second factor."""
    next_path = safe_path(next)
    waiting = request.cookies.get(step_cookie_name(parts.settings), "")
    try:
        signed_in = _sign_in(request, parts, csrf_token, token=step, answer=answer, second_step_token=waiting)
    except (InvalidCredentialsError, TooManyRequestsError) as error:
        problem, code = _said(error)
        return step_page(request, parts, next_path=next_path, problem=problem, status_code=code)
    return let_in(parts.settings, signed_in, next_path=next_path)


@members.post("/confirm/passkey/options", dependencies=[OWN_FORM])
def ask_to_confirm(parts: PartsDep, principal: PrincipalDep) -> Response:
    """Return what to ask the browser of somebody who is signed in."""
    with parts.uow_factory(None) as uow:
        return _question(passkeys.ask_to_confirm(uow=uow, principal=principal, party=_party(parts)))


@members.post("/confirm/passkey", dependencies=[OWN_FORM])
def confirm(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    step: TokenField = "",
    answer: AnswerField = "",
    next: NextField = "/",  # the form field's name
) -> Response:
    """Note that it is them."""
    next_path = safe_path(next)
    try:
        with parts.uow_factory(None) as uow:
            passkeys.confirm(uow=uow, principal=principal, party=_party(parts), token=step, answer=answer)
    except InvalidCredentialsError:
        return confirm_page(request, parts, principal, next_path=next_path, problem=REFUSED, status_code=401)
    return RedirectResponse(next_path, status_code=status.HTTP_303_SEE_OTHER)


@members.post("/settings/passkeys/options", dependencies=[OWN_FORM])
def ask_for_new(parts: PartsDep, principal: PrincipalDep) -> Response:
    """Return what the browser needs to make a passkey."""
    with parts.uow_factory(None) as uow:
        return _question(passkeys.ask_for_new(uow=uow, principal=principal, party=_party(parts)))


@members.post("/settings/passkeys", dependencies=[OWN_FORM])
def add_passkey(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    step: TokenField = "",
    answer: AnswerField = "",
    name: NameField = "",
) -> Response:
    """Keep the passkey that was made; show recovery codes with the first second factor."""
    try:
        with parts.uow_factory(None) as uow:
            codes = passkeys.add_passkey(
                uow=uow,
                principal=principal,
                party=_party(parts),
                token=step,
                answer=answer,
                name=name,
                post=post_of(parts.settings),
            )
    except InvalidCredentialsError:
        return _back("passkey_refused")
    return codes_page(request, parts, principal, codes=codes) if codes else _back("passkey")


@members.post("/settings/passkeys/{passkey_id}/name", dependencies=[OWN_FORM])
def rename_passkey(
    passkey_id: UUID,
    parts: PartsDep,
    principal: PrincipalDep,
    name: NameField = "",
) -> Response:
    """Call a passkey something else."""
    with parts.uow_factory(None) as uow:
        passkeys.rename_passkey(uow=uow, principal=principal, passkey_id=passkey_id, name=name)
    return _back("passkey_named")


@members.post("/settings/passkeys/{passkey_id}/remove", dependencies=[OWN_FORM])
def remove_passkey(passkey_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Forget a passkey."""
    with parts.uow_factory(None) as uow:
        passkeys.remove_passkey(
            uow=uow, principal=principal, passkey_id=passkey_id, post=post_of(parts.settings)
        )
    return _back("passkey_gone")


def _check_visitor(request: Request, parts: Parts, csrf_token: str) -> None:
    check_form(request, {"csrf_token": csrf_token}, settings=parts.settings)
    parts.rate_limiter.hit(SIGN_IN_BY_ADDRESS, client_address(request))


def _sign_in(
    request: Request,
    parts: Parts,
    csrf_token: str,
    *,
    token: str,
    answer: str,
    second_step_token: str | None = None,
) -> SignedIn:
    """Start a login by what a passkey answered; raises what `_said` has words for."""
    _check_visitor(request, parts, csrf_token)
    with parts.uow_factory(None) as uow:
        return passkeys.sign_in(
            uow=uow,
            party=_party(parts),
            token=token,
            answer=answer,
            second_step_token=second_step_token,
            user_agent=request.headers.get("user-agent", "")[:300],
            origin=origin_of(request),
        )


def _party(parts: Parts) -> RelyingParty:
    return RelyingParty.at(parts.settings.base_url)


def _question(question: Question) -> Response:
    return JSONResponse({"step": question.token, "options": question.options})


def _said(error: InvalidCredentialsError | TooManyRequestsError) -> tuple[Problem, int]:
    return (TOO_MANY, 429) if isinstance(error, TooManyRequestsError) else (REFUSED, 401)


def _back(done: str) -> Response:
    return RedirectResponse(f"{SECURITY}?done={done}", status_code=status.HTTP_303_SEE_OTHER)
