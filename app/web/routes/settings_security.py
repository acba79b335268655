"""A person's own way in: the password, and where they are signed in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Principal
from app.domain.errors import InvalidInputError
from app.http.parts import Parts
from app.http.post import post_of
from app.http.rate_limits import SIGN_IN_BY_ACCOUNT
from app.services import logins, passkeys, second_factor
from app.web.contexts.parts import Problem
from app.web.contexts.settings import Factors, SecurityPage
from app.web.deps import OWN_FORM, PartsDep, PrincipalDep, SignedInRule, viewer_of
from app.web.forms import form_token
from app.web.present_forms import present_problem
from app.web.present_settings import present_login, present_passkey, settings_tabs
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(SignedInRule(while_enrolling=True))])

HERE = "/settings/security"
_DONE = {
    "password": "Your password is changed, and you are signed out everywhere else.",
    "ended": "Ended.",
    "app_off": "The authenticator app is turned off.",
    "passkey": "The passkey is ready: you can sign in with it alone.",
    "passkey_named": "Renamed.",
    "passkey_gone": "The passkey is removed.",
}
PasswordField = Annotated[str, Form(max_length=1024)]


@router.get(HERE)
def show_security(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show where the person is signed in, and the form for a new password."""
    if done == "passkey_refused":
        problem = Problem(message="The passkey was not taken", how_to_fix="It took too long. Try again.")
        return _page(request, parts, principal, problem=problem)
    return _page(request, parts, principal, done=_DONE.get(done))


@router.post(f"{HERE}/password", dependencies=[OWN_FORM])
def change_password(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    current: PasswordField = "",
    new: PasswordField = "",
) -> Response:
    """Change the password and end every other login."""
    subject = f"password:{principal.user_id}"
    parts.rate_limiter.check(SIGN_IN_BY_ACCOUNT, subject)
    try:
        with parts.uow_factory(None) as uow:
            logins.change_password(
                uow=uow, principal=principal, current=current, new=new, post=post_of(parts.settings)
            )
    except InvalidInputError as error:
        parts.rate_limiter.hit(SIGN_IN_BY_ACCOUNT, subject)
        return _page(request, parts, principal, problem=present_problem(error))
    return _back("password")


@router.post(f"{HERE}/logins/end-others", dependencies=[OWN_FORM])
def end_other_logins(parts: PartsDep, principal: PrincipalDep) -> Response:
    """End every login but this one."""
    with parts.uow_factory(None) as uow:
        logins.end_other_logins(uow=uow, principal=principal)
    return _back("ended")


@router.post(HERE + "/logins/{login_id}/end", dependencies=[OWN_FORM])
def end_login(login_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """End one login of the person's own."""
    with parts.uow_factory(None) as uow:
        logins.end_login(uow=uow, principal=principal, login_id=login_id)
    return _back("ended")


def _back(done: str) -> Response:
    return RedirectResponse(f"{HERE}?done={done}", status_code=status.HTTP_303_SEE_OTHER)


def _page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    problem: Problem | None = None,
    done: str | None = None,
) -> Response:
    with parts.uow_factory(None) as uow:
        found = logins.list_logins(uow=uow, principal=principal)
        factors = second_factor.get_factors(uow=uow, principal=principal)
        keys = passkeys.list_passkeys(uow=uow, principal=principal)
        viewer = viewer_of(principal, uow=uow)
    page = SecurityPage(
        title="My security",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        factors=Factors(
            has_app=factors.has_app,
            n_recovery_codes=factors.n_recovery_codes,
            passkeys=tuple(present_passkey(key) for key in keys),
        ),
        is_required=principal.lacks_second_factor,
        logins=tuple(present_login(login) for login in found),
    )
    return page_response(page, status=422 if problem else 200)
