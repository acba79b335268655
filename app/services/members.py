"""The people of an organisation: who they are, what they may do, how much they see; and how they come in.

Functions with a `principal` take an entered `UnitOfWork` made for it; those that open a link take one made for
nobody, because whoever holds the link is not known yet.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.db.models import Invitation
from app.db.repositories.members import MemberRow
from app.db.unit_of_work import UnitOfWork
from app.domain.access import MEMBER_ROLES, Origin, Permission, Principal, Role
from app.domain.audit import Act
from app.domain.errors import InvalidCredentialsError, InvalidInputError, NotFoundError, StaleStateError
from app.domain.versions import ANY, Expected, tag_of
from app.services.checks import check_text
from app.services.credentials import check_password, checked_email, new_token, sha256_of
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, split_page, text_part
from app.services.door_links import join_link
from app.services.letters import invitation_letter
from app.services.outbox import Post
from app.services.passwords import Passwords, recommended_passwords
from app.services.read_models import Page

INVITATION_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """Somebody who belongs to the organisation."""

    user_id: UUID
    email: str
    display_name: str
    role: Role
    team_ids: frozenset[UUID] | None
    """The only teams they see; None: the whole organisation."""
    athlete_ids: frozenset[UUID]
    """For the login of an athlete or guardian: whose results it sees."""
    member_since: datetime
    last_seen_at: datetime | None
    has_second_factor: bool

    @property
    def tag(self) -> str:
        """Name the version of what others can change."""
        return tag_of(self.user_id, self.role, self.team_ids, self.athlete_ids, self.has_second_factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What somebody is to be in an organisation."""

    role: Role
    team_ids: frozenset[UUID] | None = None
    athlete_ids: frozenset[UUID] = frozenset()

    @property
    def is_limited(self) -> bool:
        """Say whether they see less than the whole organisation."""
        return self.team_ids is not None or self.role is Role.ATHLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """Somebody who may become a member."""

    id: UUID
    email: str
    role: Role
    team_ids: frozenset[UUID] | None
    athlete_ids: frozenset[UUID]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """An invitation just made; the only time its token can be read."""

    token: str = field(repr=False)
    invitation: InvitationView
    is_mailed: bool
    """The link is on its way to the address, and nobody else needs to see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """What the holder of an invitation's link is told."""

    organisation_id: UUID
    organisation_name: str
    email: str
    role: Role
    has_account: bool
    """They sign in with the password they have; otherwise they choose one."""


def list_members(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[MemberView]:
    """List the organisation's members by address."""
    principal.require(Permission.MEMBERS_MANAGE)
    after = None if cursor is None else decode_cursor(cursor, text_part, id_part)
    rows = uow.members.list_by_email(
        organisation_id=principal.organisation_id,
        after=None if after is None else (after[0], after[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_views(uow, principal, page)),
        next_cursor=encode_cursor(page[-1].email, page[-1].user_id) if more else None,
    )


def get_member(*, uow: UnitOfWork, principal: Principal, user_id: UUID) -> MemberView:
    """Return one member, or raise `NotFoundError`."""
    principal.require(Permission.MEMBERS_MANAGE)
    return _views(uow, principal, [_find(uow, principal, user_id)])[0]


def change_member(
    *, uow: UnitOfWork, principal: Principal, user_id: UUID, place: Place, expected: Expected = ANY
) -> MemberView:
    """Make a member something else; the last owner stays one (`StaleStateError`)."""
    principal.require(Permission.MEMBERS_MANAGE)
    principal.require_confirmed()
    before = hold_member(uow=uow, principal=principal, user_id=user_id, expected=expected)
    _check_place(uow, principal, place)
    if place.role is not Role.OWNER:
        _keep_an_owner(uow, principal, user_id)
    uow.members.change(
        organisation_id=principal.organisation_id,
        user_id=user_id,
        role=place.role,
        is_limited=place.is_limited,
    )
    uow.members.set_limits(
        organisation_id=principal.organisation_id,
        subject_id=user_id,
        team_ids=place.team_ids or (),
        athlete_ids=place.athlete_ids,
    )
    uow.audit.record(
        actor=principal,
        act=Act.MEMBER_CHANGED,
        object_id=user_id,
        from_role=before.role.value,
        to_role=place.role.value,
        n_teams=None if place.team_ids is None else len(place.team_ids),
    )
    return get_member(uow=uow, principal=principal, user_id=user_id)


def remove_member(*, uow: UnitOfWork, principal: Principal, user_id: UUID, expected: Expected = ANY) -> None:
    """End a membership and its logins at once; the last owner stays (`StaleStateError`)."""
    principal.require(Permission.MEMBERS_MANAGE)
    principal.require_confirmed()
    before = hold_member(uow=uow, principal=principal, user_id=user_id, expected=expected)
    _keep_an_owner(uow, principal, user_id)
    uow.members.remove(organisation_id=principal.organisation_id, user_id=user_id)
    uow.audit.record(actor=principal, act=Act.MEMBER_REMOVED, object_id=user_id, from_role=before.role.value)


def hold_member(*, uow: UnitOfWork, principal: Principal, user_id: UUID, expected: Expected) -> MemberView:
    """Return a member whom nobody else changes until the end; raise unless it is the expected version of them."""
    uow.hold(f"member:{principal.organisation_id}:{user_id}")
    member = get_member(uow=uow, principal=principal, user_id=user_id)
    expected.check(member.tag, what="The member")
    return member


def invite(
    *, uow: UnitOfWork, principal: Principal, email: str, place: Place, post: Post | None = None
) -> NewInvitation:
    """Make a link that lets somebody in once, within a week. An earlier invitation of this address ends.

    With `post` it is mailed to the address; otherwise the caller shows it, to be handed over.
    """
    principal.require(Permission.MEMBERS_MANAGE)
    principal.require_confirmed()
    address = checked_email(email)
    _check_place(uow, principal, place)
    token = new_token()
    row = uow.links.add_invitation(
        organisation_id=principal.organisation_id,
        email=address,
        role=place.role,
        is_limited=place.is_limited,
        team_ids=sorted(place.team_ids or ()),
        athlete_ids=sorted(place.athlete_ids),
        token_sha256=sha256_of(token),
        created_by=principal.user_id,
        lifetime_s=INVITATION_LIFETIME.total_seconds(),
    )
    uow.audit.record(actor=principal, act=Act.MEMBER_INVITED, object_id=row.id, role=place.role.value)
    if post is not None:
        organisation = uow.accounts.find_organisation(principal.organisation_id)
        letter = invitation_letter(
            to=address,
            organisation_name="" if organisation is None else organisation.name,
            link=join_link(post.base_url, token),
        )
        post.write(
            uow,
            letter,
            organisation_id=principal.organisation_id,
            good_for_s=INVITATION_LIFETIME.total_seconds(),
            mail_id=row.id,
        )
    return NewInvitation(token=token, invitation=_invitation_view(row), is_mailed=post is not None)


def list_invitations(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[InvitationView]:
    """List the invitations nobody has accepted yet, newest first."""
    principal.require(Permission.MEMBERS_MANAGE)
    rows = uow.links.list_invitations(
        organisation_id=principal.organisation_id,
        before=None if cursor is None else decode_cursor(cursor, id_part)[0],
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_invitation_view(row) for row in page),
        next_cursor=encode_cursor(page[-1].id) if more else None,
    )


def revoke_invitation(*, uow: UnitOfWork, principal: Principal, invitation_id: UUID) -> None:
    """End an invitation; its link opens nothing any more."""
    principal.require(Permission.MEMBERS_MANAGE)
    organisation_id = principal.organisation_id
    if not uow.links.revoke_invitation(organisation_id=organisation_id, invitation_id=invitation_id):
        raise NotFoundError(
            "There is no such invitation, or it was accepted.", how_to_fix="Look at the list of members."
        )
    uow.audit.record(actor=principal, act=Act.INVITATION_REVOKED, object_id=invitation_id)


def look_at_invitation(*, uow: UnitOfWork, token: str) -> OpenInvitation:
    """Say what a link invites to, or raise `InvalidCredentialsError`; the link stays good."""
    row = _find_invitation(uow, token)
    organisation = uow.accounts.find_organisation(row.organisation_id)
    return OpenInvitation(
        organisation_id=row.organisation_id,
        organisation_name="" if organisation is None else organisation.name,
        email=row.email,
        role=row.role,
        has_account=uow.accounts.find_user_by_email(row.email) is not None,
    )


def accept_invitation(
    *,
    uow: UnitOfWork,
    token: str,
    display_name: str,
    password: str,
    origin: Origin | None = None,
    passwords: Passwords | None = None,
) -> UUID:
    """Come in by a link and return the member's id.

    Whoever has an account proves it with their password; others get one with this name and password. The link
    is spent only when it worked.
    """
    hasher = passwords or recommended_passwords()
    row = _find_invitation(uow, token)
    user = uow.accounts.find_user_by_email(row.email)
    if user is None:
        check_password(password, email=row.email)
        user_id = uow.accounts.add_user(
            email=row.email,
            display_name=check_text(display_name, field="display_name"),
            password_hash=hasher.hash(password),
        )
    else:
        user_id = user.id if hasher.verify(password, user.password_hash)[0] else None
    if user_id is None:
        raise InvalidCredentialsError(
            "This is not the password of your account.",
            how_to_fix="Use the password you sign in with here already.",
        )
    is_new = uow.accounts.add_membership(
        organisation_id=row.organisation_id, user_id=user_id, role=row.role, is_limited=row.is_limited
    )
    if not is_new:
        raise StaleStateError(
            "You are a member of this organisation already.", how_to_fix="Sign in as usual."
        )
    uow.links.note_accepted(row.id)
    uow.enter(row.organisation_id)
    limit_newcomer(uow, row, user_id)
    actor = Principal(
        organisation_id=row.organisation_id, role=row.role, display_name="", user_id=user_id, origin=origin
    )
    uow.audit.record(actor=actor, act=Act.MEMBER_JOINED, object_id=row.id, role=row.role.value)
    return user_id


def limit_newcomer(uow: UnitOfWork, row: Invitation, user_id: UUID) -> None:
    """Set the limits of the invitation; a team or athlete that is gone meanwhile is simply not seen."""
    organisation_id = row.organisation_id
    uow.members.set_limits(
        organisation_id=organisation_id,
        subject_id=user_id,
        team_ids=uow.members.known_team_ids(organisation_id=organisation_id, team_ids=row.team_ids),
        athlete_ids=uow.members.known_athlete_ids(
            organisation_id=organisation_id, athlete_ids=row.athlete_ids
        ),
    )


def _find_invitation(uow: UnitOfWork, token: str) -> Invitation:
    row = uow.links.find_invitation(token_sha256=sha256_of(token.strip()))
    if row is None:
        raise InvalidCredentialsError(
            "This invitation does not hold: it was used, ended, or is older than a week.",
            how_to_fix="Ask the owner of the organisation for a new one.",
        )
    return row


def _find(uow: UnitOfWork, principal: Principal, user_id: UUID) -> MemberRow:
    rows = uow.members.list_by_email(
        organisation_id=principal.organisation_id, after=None, limit=1, user_id=user_id
    )
    if not rows:
        raise NotFoundError("There is no such member.", how_to_fix="List the members and choose one.")
    return rows[0]


def _keep_an_owner(uow: UnitOfWork, principal: Principal, user_id: UUID) -> None:
    if uow.members.hold_owners(organisation_id=principal.organisation_id) == {user_id}:
        raise StaleStateError(
            "This is the last owner: somebody has to look after the organisation.",
            how_to_fix="Make somebody else an owner first.",
        )


def _check_place(uow: UnitOfWork, principal: Principal, place: Place) -> None:
    if place.role not in MEMBER_ROLES:
        raise InvalidInputError(
            "A person cannot have this role.", how_to_fix="Make an API key for a program.", field="role"
        )
    if place.team_ids is not None and place.role in (Role.OWNER, Role.ATHLETE):
        raise InvalidInputError(
            "Neither owners nor athletes are limited to teams.",
            how_to_fix="Leave the teams out, or choose another role.",
            field="team_ids",
        )
    if bool(place.athlete_ids) != (place.role is Role.ATHLETE):
        raise InvalidInputError(
            "An athlete's or guardian's login is linked to at least one athlete; nobody else's is.",
            how_to_fix="Name the athletes it may see.",
            field="athlete_ids",
        )
    organisation_id = principal.organisation_id
    teams = place.team_ids or frozenset()
    known = uow.members.known_team_ids(organisation_id=organisation_id, team_ids=teams)
    linked = uow.members.known_athlete_ids(organisation_id=organisation_id, athlete_ids=place.athlete_ids)
    if known != teams or linked != place.athlete_ids:
        raise NotFoundError(
            "There is no such team or athlete.", how_to_fix="Choose among those of your organisation."
        )


def _views(uow: UnitOfWork, principal: Principal, rows: Collection[MemberRow]) -> list[MemberView]:
    ids = {row.user_id for row in rows if row.is_limited}
    organisation_id = principal.organisation_id
    teams = uow.members.limits_of(organisation_id=organisation_id, subject_ids=ids)
    links = uow.members.links_of(organisation_id=organisation_id, subject_ids=ids)
    return [
        MemberView(
            user_id=row.user_id,
            email=row.email,
            display_name=row.display_name,
            role=row.role,
            team_ids=_teams(row.role, row.is_limited, teams.get(row.user_id, ())),
            athlete_ids=frozenset(links.get(row.user_id, ())),
            member_since=row.member_since,
            last_seen_at=row.last_seen_at,
            has_second_factor=row.has_second_factor,
        )
        for row in rows
    ]


def _invitation_view(row: Invitation) -> InvitationView:
    return InvitationView(
        id=row.id,
        email=row.email,
        role=row.role,
        team_ids=_teams(row.role, row.is_limited, row.team_ids),
        athlete_ids=frozenset(row.athlete_ids),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _teams(role: Role, is_limited: bool, team_ids: Collection[UUID]) -> frozenset[UUID] | None:
    return frozenset(team_ids) if is_limited and role is not Role.ATHLETE else None
