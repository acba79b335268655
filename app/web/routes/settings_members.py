"""Members and invitations of the organisation, for its owners."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.db.unit_of_work import UnitOfWork
from app.domain.access import MEMBER_ROLES, Permission, Principal, Role
from app.domain.errors import (
    ConfirmationNeededError,
    DomainError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
)
from app.http.parts import Parts
from app.http.post import post_of
from app.services import logins, members, roster, second_factor
from app.services.door_links import join_link, reset_link
from app.services.members import Place
from app.web.contexts.parts import OneTimeLink, Problem
from app.web.contexts.settings import MembersPage
from app.web.deps import OWN_FORM, FormVersionDep, PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import form_token
from app.web.present_forms import present_problem
from app.web.present_settings import (
    overtaken,
    present_invitation,
    present_member,
    role_choices,
    settings_tabs,
    team_choices,
)
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.MEMBERS_MANAGE))])

HERE = "/settings/members"
MAX_SHOWN = 200
_DONE = {
    "role": "The role is changed.",
    "removed": "Removed.",
    "ended": "The invitation is withdrawn.",
    "factor": "The second factor is removed.",
}


@router.get(HERE)
def show_members(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show who belongs to the organisation and who is invited."""
    return _page(request, parts, principal, done=_DONE.get(done))


@router.post(f"{HERE}/invite", dependencies=[OWN_FORM])
def invite(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    email: Annotated[str, Form(max_length=400)] = "",
    role: Annotated[str, Form(max_length=40)] = "",
    team_id: Annotated[list[UUID], Form(max_length=MAX_SHOWN)] = [],  # noqa: B006  # the framework copies it,
) -> Response:
    """Make an invitation and show its link, once."""
    try:
        place = Place(role=_role(role), team_ids=frozenset(team_id) or None)
        with parts.uow_factory(principal) as uow:
            new = members.invite(
                uow=uow, principal=principal, email=email, place=place, post=post_of(parts.settings)
            )
    except (InvalidInputError, NotFoundError) as error:
        return _page(request, parts, principal, problem=present_problem(error), entered_email=email)
    if new.is_mailed:
        return _page(
            request, parts, principal, done=f"The invitation is on its way to {new.invitation.email}."
        )
    made = OneTimeLink(
        label=f"The link for {new.invitation.email}",
        value=join_link(parts.settings.base_url, new.token),
        note="Hand it over yourself. It lets one person in, once, within a week.",
    )
    return _page(request, parts, principal, made=made)


@router.post(HERE + "/{user_id}/role", dependencies=[OWN_FORM])
def change_role(
    user_id: UUID,
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    expected: FormVersionDep,
    role: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Give a member another role; teams they are limited to stay."""
    try:
        with parts.uow_factory(principal) as uow:
            before = members.get_member(uow=uow, principal=principal, user_id=user_id)
            wanted = _role(role)
            team_ids = None if wanted is Role.OWNER else before.team_ids
            members.change_member(
                uow=uow,
                principal=principal,
                user_id=user_id,
                place=Place(role=wanted, team_ids=team_ids),
                expected=expected,
            )
    except PreconditionFailedError:
        return _late(request, parts, principal, what="the member")
    except (NotFoundError, ConfirmationNeededError):
        raise
    except DomainError as error:
        return _page(request, parts, principal, problem=present_problem(error))
    return _back("role")


@router.post(HERE + "/{user_id}/remove", dependencies=[OWN_FORM])
def remove(
    user_id: UUID,
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    expected: FormVersionDep,
) -> Response:
    """End a membership."""
    try:
        with parts.uow_factory(principal) as uow:
            members.remove_member(uow=uow, principal=principal, user_id=user_id, expected=expected)
    except PreconditionFailedError:
        return _late(request, parts, principal, what="the member")
    except (NotFoundError, ConfirmationNeededError):
        raise
    except DomainError as error:
        return _page(request, parts, principal, problem=present_problem(error))
    return _back("removed")


@router.post(HERE + "/{user_id}/reset", dependencies=[OWN_FORM])
def issue_reset(user_id: UUID, request: Request, parts: PartsDep, principal: PrincipalDep) -> Response:
    """Make a link for a new password and show it, once."""
    try:
        with parts.uow_factory(principal) as uow:
            new = logins.issue_reset(
                uow=uow, principal=principal, user_id=user_id, post=post_of(parts.settings)
            )
    except (NotFoundError, ConfirmationNeededError):
        raise
    except DomainError as error:
        return _page(request, parts, principal, problem=present_problem(error))
    if new.is_mailed:
        return _page(
            request, parts, principal, done=f"A link for a new password is on its way to {new.email}."
        )
    made = OneTimeLink(
        label=f"A new password for {new.display_name}",
        value=reset_link(parts.settings.base_url, new.token),
        note="Hand the link over yourself. It works once, within the hour.",
    )
    return _page(request, parts, principal, made=made)


@router.post(HERE + "/{user_id}/second-factor/reset", dependencies=[OWN_FORM])
def reset_second_factor(
    user_id: UUID,
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    expected: FormVersionDep,
) -> Response:
    """Take the second factor off a member who lost it."""
    try:
        with parts.uow_factory(principal) as uow:
            second_factor.reset_second_factor(
                uow=uow,
                principal=principal,
                user_id=user_id,
                post=post_of(parts.settings),
                expected=expected,
            )
    except PreconditionFailedError:
        return _late(request, parts, principal, what="the member")
    except (NotFoundError, ConfirmationNeededError):
        raise
    except DomainError as error:
        return _page(request, parts, principal, problem=present_problem(error))
    return _back("factor")


@router.post("/settings/invitations/{invitation_id}/end", dependencies=[OWN_FORM])
def end_invitation(invitation_id: UUID, parts: PartsDep, principal: PrincipalDep) -> Response:
    """End an invitation."""
    with parts.uow_factory(principal) as uow:
        members.revoke_invitation(uow=uow, principal=principal, invitation_id=invitation_id)
    return _back("ended")


def _role(text: str) -> Role:
    try:
        role = Role(text)
    except ValueError:
        role = Role.INTEGRATION
    if role not in MEMBER_ROLES:
        raise InvalidInputError(
            "There is no such role.", how_to_fix="Choose one from the list.", field="role"
        )
    return role


def _back(done: str) -> Response:
    return RedirectResponse(f"{HERE}?done={done}", status_code=status.HTTP_303_SEE_OTHER)


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
    made: OneTimeLink | None = None,
    entered_email: str = "",
    status_code: int = status.HTTP_422_UNPROCESSABLE_CONTENT,
) -> Response:
    with parts.uow_factory(principal) as uow:
        page = _build(
            request, parts, principal, uow, problem=problem, done=done, made=made, entered_email=entered_email
        )
    return page_response(page, status=status_code if problem else 200)


def _build(
    request: Request,
    parts: Parts,
    principal: Principal,
    uow: UnitOfWork,
    *,
    problem: Problem | None,
    done: str | None,
    made: OneTimeLink | None,
    entered_email: str,
) -> MembersPage:
    found = members.list_members(uow=uow, principal=principal, limit=MAX_SHOWN).items
    invited = members.list_invitations(uow=uow, principal=principal, limit=MAX_SHOWN).items
    teams = roster.list_teams(uow=uow, principal=principal, limit=MAX_SHOWN).items
    names = {str(team.id): team.name for team in teams}
    return MembersPage(
        title="Members",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        made=made,
        members=tuple(present_member(member, teams=names) for member in found),
        invitations=tuple(present_invitation(invitation) for invitation in invited),
        new_roles=role_choices(Role.TRAINER),
        teams=team_choices(teams, chosen=()),
        entered_email=entered_email,
        can_mail=parts.settings.smtp_host is not None,
    )
