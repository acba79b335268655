"""API keys of the organisation, for its owners."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.domain.access import Permission, Principal
from app.domain.errors import InvalidInputError
from app.http.parts import Parts
from app.services import accounts, roster
from app.services.read_models import NewApiKey
from app.web.contexts.parts import OneTimeLink, Problem
from app.web.contexts.settings import KeysPage
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import form_token
from app.web.present_forms import present_problem
from app.web.present_settings import present_key, scope_choices, settings_tabs, team_choices
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.KEYS_MANAGE))])

HERE = "/settings/keys"
MAX_SHOWN = 200


@router.get(HERE)
def show_keys(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show the keys there are, and the form for another."""
    return _page(request, parts, principal, done="The key is revoked." if done == "ended" else None)


@router.post(HERE, dependencies=[OWN_FORM])
def create_key(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    name: Annotated[str, Form(max_length=400)] = "",
    scope: Annotated[list[Permission], Form(max_length=50)] = [],  # noqa: B006  # the framework copies it
    team_id: Annotated[list[UUID], Form(max_length=MAX_SHOWN)] = [],  # noqa: B006  # the framework copies it,
) -> Response:
    """Make a key and show it, once."""
    try:
        with parts.uow_factory(principal) as uow:
            new = accounts.create_api_key(
                uow=uow,
                principal=principal,
                name=name,
                scopes=frozenset(scope),
                team_ids=tuple(team_id) or None,
            )
    except InvalidInputError as error:
        return _page(
            request, parts, principal, problem=present_problem(error), entered_name=name, chosen=set(scope)
        )
    return _page(request, parts, principal, made=_made(new))


@router.post(HERE + "/{api_key_id}/rotate", dependencies=[OWN_FORM])
def rotate_key(api_key_id: UUID, request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Give a key a new secret and show it, once."""
    with parts.uow_factory(principal) as uow:
        new = accounts.rotate_api_key(uow=uow, principal=principal, api_key_id=api_key_id)
    return _page(request, parts, principal, made=_made(new))


@router.post(HERE + "/{api_key_id}/end", dependencies=[OWN_FORM])
def end_key(api_key_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """End a key."""
    with parts.uow_factory(principal) as uow:
        accounts.revoke_api_key(uow=uow, principal=principal, api_key_id=api_key_id)
    return RedirectResponse(f"{HERE}?done=ended", status_code=status.HTTP_303_SEE_OTHER)


def _made(new: NewApiKey) -> OneTimeLink:
    note = "Programs send it in a header, never in an address: Authorization: Bearer …"
    if new.summary.previous_until is not None:
        note = f"{note} The old secret opens until {new.summary.previous_until:%d %b %Y}."
    return OneTimeLink(label=f"The key “{new.summary.name}”", value=new.key, note=note)


def _page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    problem: Problem | None = None,
    done: str | None = None,
    made: OneTimeLink | None = None,
    entered_name: str = "",
    chosen: Collection[str] = ("roster:read", "results:read"),
) -> Response:
    with parts.uow_factory(principal) as uow:
        keys = accounts.list_api_keys(uow=uow, principal=principal, limit=MAX_SHOWN).items
        teams = roster.list_teams(uow=uow, principal=principal, limit=MAX_SHOWN).items
        viewer = viewer_of(principal, uow=uow)
    now = datetime.now(UTC)
    page = KeysPage(
        title="API keys",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        made=made,
        keys=tuple(present_key(key, now=now) for key in keys),
        scopes=scope_choices(chosen),
        teams=team_choices(teams, chosen=()),
        entered_name=entered_name,
    )
    return page_response(page, status=422 if problem else 200)
