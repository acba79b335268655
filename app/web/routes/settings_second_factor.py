"""Setting up a second factor of one's own, and turning it off."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Principal
from app.domain.errors import InvalidInputError
from app.http.parts import Parts
from app.http.post import post_of, seal_from
from app.http.rate_limits import SECOND_FACTOR_BY_ACCOUNT
from app.services import second_factor
from app.services.second_factor import AppSetup
from app.web.contexts.parts import Problem
from app.web.contexts.settings import AppSetupPage, RecoveryCodesPage
from app.web.deps import OWN_FORM, PartsDep, PrincipalDep, SignedInRule, viewer_of
from app.web.forms import form_token
from app.web.present_forms import present_problem
from app.web.present_settings import settings_tabs
from app.web.qr import qr_code
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(SignedInRule(while_enrolling=True))])

SECURITY = "/settings/security"
HERE = "/settings/second-factor"


@router.post(f"{HERE}/prepare", dependencies=[OWN_FORM])
def prepare(request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Make a secret and show what the app must be told."""
    with parts.uow_factory(None) as uow:
        setup = second_factor.prepare_app(uow=uow, principal=principal, seal=seal_from(parts.settings))
    return _setup_page(request, parts, principal, setup=setup)


@router.post(f"{HERE}/start", dependencies=[OWN_FORM])
def start(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    code: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Put the app to use by its first code, and show the recovery codes."""
    seal, subject = seal_from(parts.settings), str(principal.user_id)
    parts.rate_limiter.check(SECOND_FACTOR_BY_ACCOUNT, subject)
    try:
        with parts.uow_factory(None) as uow:
            codes = second_factor.start_app(
                uow=uow, principal=principal, code=code, seal=seal, post=post_of(parts.settings)
            )
    except InvalidInputError as error:
        parts.rate_limiter.hit(SECOND_FACTOR_BY_ACCOUNT, subject)
        with parts.uow_factory(None) as uow:
            setup = second_factor.prepared_app(uow=uow, principal=principal, seal=seal)
        return _setup_page(request, parts, principal, setup=setup, problem=present_problem(error))
    return codes_page(request, parts, principal, codes=codes)


@router.post(f"{HERE}/stop", dependencies=[OWN_FORM])
def stop(parts: PartsDep, principal: PrincipalDep) -> Response:
    """Turn the app off."""
    with parts.uow_factory(None) as uow:
        second_factor.stop_app(uow=uow, principal=principal, post=post_of(parts.settings))
    return RedirectResponse(f"{SECURITY}?done=app_off", status_code=status.HTTP_303_SEE_OTHER)


@router.post(f"{HERE}/codes", dependencies=[OWN_FORM])
def renew_codes(request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Make new recovery codes and show them, once."""
    with parts.uow_factory(None) as uow:
        codes = second_factor.renew_recovery_codes(uow=uow, principal=principal, post=post_of(parts.settings))
    return codes_page(request, parts, principal, codes=codes)


def codes_page(request: Request, parts: Parts, principal: Principal, *, codes: tuple[str, ...]) -> Response:
    """Show recovery codes, the only time they can be read."""
    with parts.uow_factory(None) as uow:
        viewer = viewer_of(principal, uow=uow)
    page = RecoveryCodesPage(
        title="Recovery codes",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=SECURITY),
        codes=codes,
    )
    return page_response(page)


def _setup_page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    setup: AppSetup,
    problem: Problem | None = None,
) -> Response:
    with parts.uow_factory(None) as uow:
        viewer = viewer_of(principal, uow=uow)
    page = AppSetupPage(
        title="Set up an authenticator app",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=SECURITY),
        problem=problem,
        qr_code=qr_code(setup.address, label="QR code for the authenticator app"),
        secret=" ".join(setup.secret[start : start + 4] for start in range(0, len(setup.secret), 4)),
        address=setup.address,
    )
    return page_response(page, status=422 if problem else 200)
