"""Members and invitations of the organisation."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status

from app.api.deps import CursorQuery, ExpectedDep, LimitQuery, PartsDep, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.people import (
    InvitationInput,
    InvitationOutput,
    InvitationPage,
    MemberOutput,
    MemberPage,
    NewInvitationOutput,
    PlaceInput,
    ResetLinkOutput,
    SignInRulesInput,
    SignInRulesOutput,
)
from app.domain.access import Permission
from app.domain.sign_in import SecondFactorRule
from app.domain.versions import tag_of
from app.http.etags import set_etag
from app.http.post import post_of
from app.http.small_bodies import SmallBodyRoute
from app.services import logins, members, second_factor, sign_in_rules
from app.services.door_links import join_link, reset_link
from app.services.members import MemberView, Place

router = APIRouter(
    tags=["people"],
    route_class=SmallBodyRoute,
    dependencies=[Depends(Requires(Permission.MEMBERS_MANAGE))],
)


@router.get("/members", operation_id="list_members", summary="List members", responses=problems(422))
def list_members(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> MemberPage:
    """List the people of your organisation by address; owners only, as everything about members."""
    page = members.list_members(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return MemberPage(
        items=[MemberOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.get("/members/{user_id}", operation_id="get_member", summary="One member", responses=problems(404))
def get_member(user_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response) -> MemberOutput:
    """Return one member."""
    return _shown(members.get_member(uow=uow, principal=principal, user_id=user_id), response)


@router.put(
    "/members/{user_id}",
    operation_id="change_member",
    summary="Change what a member may do",
    responses=problems(400, 404, 409, 413, 422),
)
def change_member(
    user_id: UUID,
    body: PlaceInput,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> MemberOutput:
    """Give a member another role or other teams; it holds from their next request on. The last owner stays one."""
    view = members.change_member(
        uow=uow, principal=principal, user_id=user_id, place=place_of(body), expected=expected
    )
    return _shown(view, response)


@router.delete(
    "/members/{user_id}",
    operation_id="remove_member",
    summary="Remove a member",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 409),
)
def remove_member(user_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """End a membership and its logins at once. The last owner stays."""
    members.remove_member(uow=uow, principal=principal, user_id=user_id, expected=expected)


@router.post(
    "/members/{user_id}/password-reset",
    operation_id="issue_password_reset",
    summary="Help a member to a new password",
    status_code=status.HTTP_201_CREATED,
    responses=problems(404),
)
def issue_password_reset(
    user_id: UUID, uow: UowDep, principal: PrincipalDep, parts: PartsDep
) -> ResetLinkOutput:
    """Mail a link for a new password, or return it where there is no mail server; not for members of others, too."""
    new = logins.issue_reset(uow=uow, principal=principal, user_id=user_id, post=post_of(parts.settings))
    return ResetLinkOutput(
        link=None if new.is_mailed else reset_link(parts.settings.base_url, new.token),
        is_mailed=new.is_mailed,
        expires_at=new.expires_at,
    )


@router.delete(
    "/members/{user_id}/second-factor",
    operation_id="reset_second_factor",
    summary="Take off a member's second factor",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 409),
)
def reset_second_factor(
    user_id: UUID, uow: UowDep, principal: PrincipalDep, parts: PartsDep, expected: ExpectedDep
) -> None:
    """Help a member who lost their second factor: it is off, and their logins end. Not for members of others, too.

    `If-Match` takes the `ETag` of the member.
    """
    second_factor.reset_second_factor(
        uow=uow,
        principal=principal,
        user_id=user_id,
        expected=expected,
        post=post_of(parts.settings),
    )


@router.get(
    "/sign-in-rules",
    operation_id="get_sign_in_rules",
    summary="Who needs a second factor",
    responses=problems(),
)
def get_sign_in_rules(uow: UowDep, principal: PrincipalDep, response: Response) -> SignInRulesOutput:
    """Return of whom your organisation asks a second factor."""
    return _rule_shown(sign_in_rules.get_rule(uow=uow, principal=principal), response)


@router.put(
    "/sign-in-rules",
    operation_id="change_sign_in_rules",
    summary="Ask for a second factor",
    responses=problems(400, 413, 422),
)
def change_sign_in_rules(
    body: SignInRulesInput,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> SignInRulesOutput:
    """Ask a second factor of some roles, after a time in which they are reminded. You need one yourself first."""
    rule = sign_in_rules.change_rule(
        uow=uow,
        principal=principal,
        roles=frozenset(body.roles),
        grace_days=body.grace_days,
        expected=expected,
    )
    return _rule_shown(rule, response)


@router.post(
    "/invitations",
    operation_id="create_invitation",
    summary="Invite somebody",
    status_code=status.HTTP_201_CREATED,
    responses=problems(400, 404, 413, 422),
)
def create_invitation(
    body: InvitationInput, uow: UowDep, principal: PrincipalDep, parts: PartsDep
) -> NewInvitationOutput:
    """Make a link that lets one person in, once, within a week. Inviting an address again ends the link before."""
    new = members.invite(
        uow=uow,
        principal=principal,
        email=body.email,
        place=place_of(body),
        post=post_of(parts.settings),
    )
    shown = InvitationOutput.model_validate(new.invitation).model_dump()
    link = None if new.is_mailed else join_link(parts.settings.base_url, new.token)
    return NewInvitationOutput(**shown, link=link, is_mailed=new.is_mailed)


@router.get(
    "/invitations", operation_id="list_invitations", summary="List invitations", responses=problems(422)
)
def list_invitations(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> InvitationPage:
    """List the invitations nobody has accepted yet, newest first."""
    page = members.list_invitations(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return InvitationPage(
        items=[InvitationOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.delete(
    "/invitations/{invitation_id}",
    operation_id="revoke_invitation",
    summary="End an invitation",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404),
)
def revoke_invitation(invitation_id: UUID, uow: UowDep, principal: PrincipalDep) -> None:
    """End an invitation; its link opens nothing any more."""
    members.revoke_invitation(uow=uow, principal=principal, invitation_id=invitation_id)


def _shown(view: MemberView, response: Response) -> MemberOutput:
    set_etag(response, view.tag)
    return MemberOutput.model_validate(view)


def _rule_shown(rule: SecondFactorRule, response: Response) -> SignInRulesOutput:
    set_etag(response, tag_of(rule))
    return SignInRulesOutput.model_validate(rule)


def place_of(body: PlaceInput) -> Place:
    """Return what somebody is to be."""
    return Place(
        role=body.role,
        team_ids=None if body.team_ids is None else frozenset(body.team_ids),
        athlete_ids=frozenset(body.athlete_ids),
    )
