"""What the organisation asks for at its door, for its owners."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Permission, Principal, Role
from app.domain.errors import InvalidInputError
from app.http.parts import Parts
from app.services import sign_in_rules
from app.web.contexts import Problem, SignInRulesPage
from app.web.deps import PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import check_form, form_token
from app.web.present_settings import grace_choices, second_factor_choices, settings_tabs, when_of
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.MEMBERS_MANAGE))])

HERE = "/settings/sign-in"
TokenField = Annotated[str, Form(max_length=200)]


@router.get(HERE)
def show_rules(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show who needs a second factor."""
    words = {"rule": "Saved. Whoever has no second factor is reminded, and asked when the time comes."}
    return _page(request, parts, principal, done=words.get(done))


@router.post(f"{HERE}/second-factor")
def change_rule(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    role: Annotated[list[str], Form(max_length=10)] = [],  # noqa: B006  # the framework copies it
    grace_days: Annotated[int, Form(ge=0, le=1000)] = 7,
    csrf_token: TokenField = "",
) -> Response:
    """Say who needs a second factor, and from when."""
    check_form(request, {"csrf_token": csrf_token}, settings=parts.settings)
    try:
        with parts.uow_factory(principal) as uow:
            sign_in_rules.change_rule(
                uow=uow,
                principal=principal,
                roles=frozenset(Role(each) for each in role if each in set(Role)),
                grace_days=grace_days,
            )
    except InvalidInputError as error:
        problem = Problem(message=error.message.rstrip("."), how_to_fix=error.how_to_fix)
        return _page(request, parts, principal, problem=problem)
    return RedirectResponse(f"{HERE}?done=rule", status_code=status.HTTP_303_SEE_OTHER)


def _page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    problem: Problem | None = None,
    done: str | None = None,
) -> Response:
    with parts.uow_factory(principal) as uow:
        rule = sign_in_rules.get_rule(uow=uow, principal=principal)
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
    )
    return page_response(page, status=422 if problem else 200)
