"""A person's own way in: changing and resetting the password, seeing and ending logins.

The functions that look across organisations, because a password and a login belong to the person, take an entered
`UnitOfWork` made for nobody.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Permission, Principal, Role, SignInMethod
from app.domain.audit import Act
from app.domain.errors import ForbiddenError, InvalidCredentialsError, InvalidInputError, NotFoundError
from app.services.accounts import LOGIN_IDLE
from app.services.credentials import check_password, is_email, new_token, sha256_of
from app.services.door_links import reset_link
from app.services.letters import reset_letter
from app.services.outbox import Post
from app.services.passwords import Passwords, recommended_passwords

RESET_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginView:
    """One browser that is signed in."""

    id: UUID
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReset:
    """A way to a new password, just made; the only time its token can be read."""

    token: str = field(repr=False)
    email: str
    display_name: str
    expires_at: datetime
    is_mailed: bool
    """The link is on its way to the address, and nobody else needs to see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    """An organisation that somebody belongs to."""

    organisation_id: UUID
    name: str
    role: Role
    is_open: bool
    """This login may go there: one by an identity provider stays with the organisation that named it."""


def list_organisations(*, uow: UnitOfWork, principal: Principal) -> list[OrganisationView]:
    """List where the person belongs, by name."""
    stays = principal.method is SignInMethod.PROVIDER
    return [
        OrganisationView(
            organisation_id=membership.organisation_id,
            name=name,
            role=membership.role,
            is_open=not stays or membership.organisation_id == principal.organisation_id,
        )
        for membership, name in uow.accounts.list_memberships(_user_id(principal))
    ]


def enter_organisation(*, uow: UnitOfWork, principal: Principal, organisation_id: UUID) -> None:
    """Let the login go on in another organisation of the person's; raise `NotFoundError` for one that is not theirs.

    What that organisation asks for at its door holds from the next request on.
    """
    found = [
        each
        for each in list_organisations(uow=uow, principal=principal)
        if each.organisation_id == organisation_id
    ]
    if not found or principal.session_id is None:
        raise NotFoundError("There is no such organisation.", how_to_fix="Choose one of yours.")
    if not found[0].is_open:
        raise ForbiddenError(
            "You came in by an organisation's own identity provider, which opens no other.",
            how_to_fix="Sign out, and sign in with your password or passkey.",
        )
    uow.accounts.move_login(principal.session_id, organisation_id=organisation_id)
    there = replace(principal, organisation_id=organisation_id, role=found[0].role)
    uow.audit.record(actor=principal, act=Act.ORGANISATION_LEFT, object_id=principal.session_id)
    uow.audit.record(actor=there, act=Act.ORGANISATION_ENTERED, object_id=principal.session_id)


def list_logins(*, uow: UnitOfWork, principal: Principal) -> list[LoginView]:
    """List where the person is signed in, in whatever organisation, the last used first."""
    rows = uow.accounts.list_logins(user_id=_user_id(principal), idle_s=LOGIN_IDLE.total_seconds())
    return [
        LoginView(
            id=row.id,
            user_agent=row.user_agent,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_this=row.id == principal.session_id,
        )
        for row in rows
    ]


def end_login(*, uow: UnitOfWork, principal: Principal, login_id: UUID) -> None:
    """End one of the person's logins at once; raise `NotFoundError` when it is not theirs."""
    if not uow.accounts.revoke_logins(user_id=_user_id(principal), only=login_id):
        raise NotFoundError("There is no such login.", how_to_fix="Look at the list: it may be over already.")
    uow.audit.record(actor=principal, act=Act.LOGINS_ENDED, object_id=login_id)


def end_other_logins(*, uow: UnitOfWork, principal: Principal) -> int:
    """End every login of the person but this one; return how many."""
    ended = uow.accounts.revoke_logins(user_id=_user_id(principal), except_for=principal.session_id)
    uow.audit.record(actor=principal, act=Act.LOGINS_ENDED, object_id=_user_id(principal), n_logins=ended)
    return ended


def change_password(
    *,
    uow: UnitOfWork,
    principal: Principal,
    current: str,
    new: str,
    post: Post | None = None,
    passwords: Passwords | None = None,
) -> None:
    """Change the person's password and end every other login; raise `InvalidInputError` when the present one is wrong."""
    hasher = passwords or recommended_passwords()
    user = uow.accounts.find_user(_user_id(principal))
    if user is None or not hasher.verify(current, user.password_hash)[0]:
        raise InvalidInputError(
            "This is not your present password.", how_to_fix="Type it again.", field="current_password"
        )
    check_password(new, email=user.email)
    uow.accounts.replace_password_hash(user_id=user.id, password_hash=hasher.hash(new))
    ended = uow.accounts.revoke_logins(user_id=user.id, except_for=principal.session_id)
    uow.audit.record(actor=principal, act=Act.PASSWORD_CHANGED, object_id=user.id, n_logins=ended)
    if post is not None:
        post.notice(
            uow,
            organisation_id=principal.organisation_id,
            email=user.email,
            display_name=user.display_name,
            what="your password was changed, and every other login of yours ended.",
        )


def issue_reset(
    *, uow: UnitOfWork, principal: Principal, user_id: UUID, post: Post | None = None
) -> NewReset:
    """Make a link by which a member sets a new password, once and within the hour.

    An owner may do so only for somebody who belongs to this organisation alone: the password opens the others'
    doors, too. Takes the unit of work of the principal.
    """
    principal.require(Permission.MEMBERS_MANAGE)
    principal.require_confirmed()
    rows = uow.members.list_by_email(
        organisation_id=principal.organisation_id, after=None, limit=1, user_id=user_id
    )
    if not rows:
        raise NotFoundError("There is no such member.", how_to_fix="List the members and choose one.")
    if uow.members.n_memberships(user_id) != 1:
        raise ForbiddenError(
            "This person belongs to another organisation, too: their password is not yours to change.",
            how_to_fix="Ask whoever runs the service.",
        )
    return _new_reset(
        uow, organisation_id=principal.organisation_id, user_id=user_id, actor=principal,
        email=rows[0].email, display_name=rows[0].display_name, post=post,
    )  # fmt: skip


def find_and_issue_reset(
    *, uow: UnitOfWork, email: str, origin: Origin | None = None, post: Post | None = None
) -> NewReset | None:
    """Make such a link for an address, for whoever runs the service or to be sent to that address; None: no such user.

    What the caller shows must not depend on the answer.
    """
    address = email.strip().lower()
    user = uow.accounts.find_user_by_email(address) if is_email(address) else None
    membership = None if user is None else uow.accounts.first_membership(user.id)
    if user is None or membership is None:
        return None
    actor = None
    if origin is not None:
        actor = Principal(
            organisation_id=membership.organisation_id, role=Role.VIEWER, display_name="", user_id=user.id,
            origin=origin,
        )  # fmt: skip
    return _new_reset(
        uow, organisation_id=membership.organisation_id, user_id=user.id, actor=actor,
        email=user.email, display_name=user.display_name, post=post,
    )  # fmt: skip


def use_reset(
    *,
    uow: UnitOfWork,
    token: str,
    new: str,
    origin: Origin | None = None,
    post: Post | None = None,
    passwords: Passwords | None = None,
) -> None:
    """Set a new password by a link and end every login; a link works once.

    Raises `InvalidCredentialsError` when the link does not hold, and `InvalidInputError` for a bad password; then
    the link is not spent.
    """
    hasher = passwords or recommended_passwords()
    reset = uow.links.use_reset(token_sha256=sha256_of(token.strip()))
    user = None if reset is None else uow.accounts.find_user(reset.user_id)
    if reset is None or user is None:
        raise InvalidCredentialsError(
            "This link does not hold: it was used, or is older than an hour.",
            how_to_fix="Ask for a new one.",
        )
    check_password(new, email=user.email)
    uow.accounts.replace_password_hash(user_id=user.id, password_hash=hasher.hash(new))
    uow.accounts.revoke_logins(user_id=user.id)
    actor = Principal(
        organisation_id=reset.organisation_id,
        role=Role.VIEWER,
        display_name="",
        user_id=user.id,
        origin=origin,
    )
    uow.audit.record(actor=actor, act=Act.PASSWORD_RESET_USED, object_id=user.id)
    if post is not None:
        post.notice(
            uow,
            organisation_id=reset.organisation_id,
            email=user.email,
            display_name=user.display_name,
            what="a new password was set by a link that was made for you, and every login of yours ended.",
        )


def _new_reset(
    uow: UnitOfWork,
    *,
    organisation_id: UUID,
    user_id: UUID,
    actor: Principal | None,
    email: str,
    display_name: str,
    post: Post | None,
) -> NewReset:
    token = new_token()
    _, expires_at = uow.links.add_reset(
        organisation_id=organisation_id,
        user_id=user_id,
        token_sha256=sha256_of(token),
        lifetime_s=RESET_LIFETIME.total_seconds(),
    )
    uow.audit.record(
        actor=actor, act=Act.PASSWORD_RESET_ISSUED, object_id=user_id, organisation_id=organisation_id
    )
    if post is not None:
        letter = reset_letter(to=email, display_name=display_name, link=reset_link(post.base_url, token))
        post.write(uow, letter, organisation_id=organisation_id, good_for_s=RESET_LIFETIME.total_seconds())
    return NewReset(
        token=token,
        email=email,
        display_name=display_name,
        expires_at=expires_at,
        is_mailed=post is not None,
    )


def _user_id(principal: Principal) -> UUID:
    if principal.user_id is None:
        raise ForbiddenError("This is for people, not for keys.", how_to_fix="Sign in at the pages.")
    return principal.user_id
