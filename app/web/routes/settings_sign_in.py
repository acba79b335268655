"""What the organisation asks for at its door, for its owners."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Permission, Principal, Role
from app.domain.errors import InvalidInputError, PreconditionFailedError
from app.domain.versions import ANY, Expected, tag_of
from app.http.parts import Parts
from app.http.post import seal_from
from app.http.provider import fetch_from, redirect_uri, start_link
from app.services import provider_setup, sign_in_rules
from app.services.provider_setup import DEFAULT_ROLES, ProviderChange
from app.web.contexts.parts import Problem
from app.web.contexts.settings import SignInRulesPage
from app.web.deps import OWN_FORM, FormVersionDep, PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import form_token
from app.web.present_forms import present_problem
from app.web.present_settings import (
    grace_choices,
    overtaken,
    present_provider,
    second_factor_choices,
    settings_tabs,
    when_of,
)
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.MEMBERS_MANAGE))])

HERE = "/settings/sign-in"
_DONE = {
    "rule": "Saved. Whoever has no second factor is reminded, and asked when the time comes.",
    "provider": "Saved. The identity provider answered as it should.",
    "provider_gone": "Removed. Its logins ended.",
}
TextField = Annotated[str, Form(max_length=1000)]


@router.get(HERE)
def show_rules(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show who needs a second factor."""
    return _page(request, parts, principal, done=_DONE.get(done))


@router.post(f"{HERE}/second-factor", dependencies=[OWN_FORM])
def change_rule(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    expected: FormVersionDep,
    role: Annotated[list[str], Form(max_length=10)] = [],  # noqa: B006  # the framework copies it
    grace_days: Annotated[int, Form(ge=0, le=1000)] = 7,
) -> Response:
    """Say who needs a second factor, and from when."""
    try:
        with parts.uow_factory(principal) as uow:
            sign_in_rules.change_rule(
                uow=uow,
                principal=principal,
                roles=frozenset(Role(each) for each in role if each in set(Role)),
                grace_days=grace_days,
                expected=expected,
            )
    except PreconditionFailedError:
        return _late(request, parts, principal, what="this")
    except InvalidInputError as error:
        return _page(request, parts, principal, problem=present_problem(error))
    return RedirectResponse(f"{HERE}?done=rule", status_code=status.HTTP_303_SEE_OTHER)


@router.post(f"{HERE}/provider", dependencies=[OWN_FORM])
def save_provider(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    expected: FormVersionDep,
    name: TextField = "",
    issuer: TextField = "",
    client_id: TextField = "",
    client_secret: Annotated[str, Form(max_length=4000)] = "",
    domains: Annotated[str, Form(max_length=8000)] = "",
    default_role: TextField = "",
    is_enabled: Annotated[bool, Form()] = False,
) -> Response:
    """Ask the identity provider what it says of itself, and keep what was entered."""
    change = ProviderChange(
        name=name,
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        email_domains=tuple(re.split(r"[\s,;]+", domains.strip())),
        default_role=next((role for role in DEFAULT_ROLES if role == default_role), None),
        is_enabled=is_enabled,
    )
    try:
        with parts.uow_factory(principal) as uow:
            provider_setup.save_provider(
                uow=uow,
                principal=principal,
                change=change,
                seal=seal_from(parts.settings),
                fetch=fetch_from(parts.settings),
                expected=expected,
            )
    except PreconditionFailedError:
        return _late(request, parts, principal, what="the identity provider")
    except InvalidInputError as error:
        return _page(
            request, parts, principal, problem=present_problem(error), entered=change, expected=expected
        )
    return RedirectResponse(f"{HERE}?done=provider", status_code=status.HTTP_303_SEE_OTHER)


@router.post(f"{HERE}/provider/remove", dependencies=[OWN_FORM])
def remove_provider(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    expected: FormVersionDep,
) -> Response:
    """Forget the identity provider."""
    try:
        with parts.uow_factory(principal) as uow:
            provider_setup.remove_provider(uow=uow, principal=principal, expected=expected)
    except PreconditionFailedError:
        return _late(request, parts, principal, what="the identity provider")
    return RedirectResponse(f"{HERE}?done=provider_gone", status_code=status.HTTP_303_SEE_OTHER)


def _late(request: Request, parts: Parts, principal: Principal, *, what: str) -> Response:
    """Show how it is now to somebody whose form was filled before it changed."""
    return _page(
        request,
        parts,
        principal,
        problem=overtaken(what),
        status_code=status.HTTP_412_PRECONDITION_FAILED,
    )


def _page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    problem: Problem | None = None,
    done: str | None = None,
    entered: ProviderChange | None = None,
    expected: Expected = ANY,
    status_code: int = status.HTTP_422_UNPROCESSABLE_CONTENT,
) -> Response:
    with parts.uow_factory(principal) as uow:
        rule = sign_in_rules.get_rule(uow=uow, principal=principal)
        provider = provider_setup.find_provider(uow=uow, principal=principal)
        viewer = viewer_of(principal, uow=uow)
    page = SignInRulesPage(
        title="Sign-in",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        roles=second_factor_choices(rule.roles),
        grace=grace_choices(),
        starts=None if rule.starts_at is None else when_of(rule.starts_at),
        rule_version=tag_of(rule),
        provider=present_provider(
            provider,
            entered=entered,
            # a form that comes back keeps the version that it was filled with
            version=next(iter(expected.tags or ()), None),
            redirect_uri=redirect_uri(parts.settings),
            start_link=start_link(parts.settings, principal.organisation_id),
        ),
    )
    return page_response(page, status=status_code if problem else 200)
