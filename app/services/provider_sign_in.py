"""Signing in by a club's own identity provider: the way there and back, and who is let in by what a provider says.

A login by a provider opens the organisation that named it, and no other, whatever else the person belongs to: the
provider answers to that organisation alone.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from app.db.models import IdentityProvider, Invitation, Membership, UserAccount
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Principal, Role, SignInMethod
from app.domain.audit import Act
from app.domain.errors import ForbiddenError, InvalidCredentialsError, NotFoundError
from app.domain.sign_in import StepKind
from app.integrations import oidc
from app.integrations.oidc import Client, Fetch, Identity, ProviderError
from app.services.accounts import start_login
from app.services.checks import check_text
from app.services.credentials import is_email, new_token
from app.services.members import limit_newcomer
from app.services.passwords import recommended_passwords
from app.services.provider_setup import SECRET_PURPOSE, ProviderView, view_of
from app.services.read_models import SignedIn
from app.services.sealing import BrokenSealError, Seal
from app.services.sign_in_steps import begin_step, content_of, take_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser goes to sign in, and the token it comes back with."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A login started by a provider, and where the person wanted to be."""

    signed_in: SignedIn
    next_path: str


def find_providers(*, uow: UnitOfWork, email: str) -> list[ProviderView]:
    """Return the providers that answer for addresses of this domain; takes a unit of work of none."""
    address = email.strip().lower()
    if not is_email(address):
        return []
    rows = uow.providers.list_of_domain(address.rpartition("@")[2])
    return [view_of(uow, row) for row in rows]


def look_at_provider(*, uow: UnitOfWork, organisation_id: UUID) -> ProviderView:
    """Return the provider of an organisation, or raise `NotFoundError`; takes a unit of work of none."""
    row = uow.providers.find(organisation_id)
    if row is None or not row.is_enabled:
        raise _no_provider()
    return view_of(uow, row)


def depart(
    *,
    uow: UnitOfWork,
    organisation_id: UUID,
    redirect_uri: str,
    next_path: str,
    seal: Seal,
    fetch: Fetch,
    email: str = "",
    asks_again: bool = False,
) -> Departure:
    """Leave what the way back needs, and return where to go; raise `ProviderError` when the provider is away."""
    row = uow.providers.find(organisation_id)
    if row is None or not row.is_enabled:
        raise _no_provider()
    metadata = oidc.discover(row.issuer, fetch=fetch)
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    token = begin_step(
        uow=uow,
        kind=StepKind.PROVIDER,
        content={
            "organisation_id": str(organisation_id),
            "issuer": row.issuer,
            "nonce": nonce,
            "code_verifier": verifier,
            "next_path": next_path,
        },
        seal=seal,
    )
    url = oidc.authorization_url(
        metadata,
        _client(row, redirect_uri=redirect_uri, seal=seal),
        state=state_of(token),
        nonce=nonce,
        code_verifier=verifier,
        asks_again=asks_again,
        email=email,
    )
    return Departure(url=url, token=token)


def arrive(
    *,
    uow: UnitOfWork,
    token: str,
    state: str,
    code: str,
    issuer: str | None,
    redirect_uri: str,
    seal: Seal,
    fetch: Fetch,
    user_agent: str = "",
    origin: Origin | None = None,
) -> Arrival:
    """Let in whom the provider names. Raise `InvalidCredentialsError`, `ForbiddenError` or `ProviderError`."""
    step = take_step(uow=uow, kind=StepKind.PROVIDER, token=token)
    if not hmac.compare_digest(state_of(token).encode(), state.encode()):
        raise _does_not_hold()
    content = content_of(step, kind=StepKind.PROVIDER, seal=seal)
    row = uow.providers.find(UUID(content["organisation_id"]))
    if row is None or not row.is_enabled or row.issuer != content["issuer"]:
        raise _does_not_hold()
    metadata = oidc.discover(row.issuer, fetch=fetch)
    if issuer != metadata.issuer and (issuer is not None or metadata.names_issuer):
        raise _does_not_hold()
    identity = oidc.redeem(
        metadata,
        _client(row, redirect_uri=redirect_uri, seal=seal),
        code=code,
        code_verifier=content["code_verifier"],
        nonce=content["nonce"],
        fetch=fetch,
    )
    user, membership = _admit(uow, row, identity)
    signed_in = start_login(
        uow=uow,
        user=user,
        membership=membership,
        method=SignInMethod.PROVIDER,
        # whoever belongs to others, too, shows their own password or passkey before a change of security
        is_confirmed=uow.members.n_memberships(user.id) == 1,
        user_agent=user_agent,
        origin=origin,
    )
    return Arrival(signed_in=signed_in, next_path=content["next_path"])


def state_of(token: str) -> str:
    """Return what goes to the provider and back in an address: it belongs to the browser's token, and opens nothing."""
    return hashlib.sha256(b"state:" + token.encode(errors="surrogatepass")).hexdigest()


def _admit(uow: UnitOfWork, row: IdentityProvider, identity: Identity) -> tuple[UserAccount, Membership]:
    """Return the member whom the provider names, made one if that is allowed."""
    organisation_id = row.organisation_id
    linked_id = uow.providers.find_link(
        organisation_id=organisation_id, issuer=row.issuer, subject=identity.subject
    )
    user = None
    if linked_id is not None:
        user = uow.accounts.find_user(linked_id)
        if user is None:
            raise _not_let_in()
    else:
        email = _vouched_email(row, identity)
        user = uow.accounts.find_user_by_email(email) or _make_newcomer(uow, row, identity, email)
    membership = uow.accounts.find_membership(organisation_id=organisation_id, user_id=user.id)
    if membership is None and linked_id is not None:  # removed once, and invited again
        invitation = uow.links.find_invitation_of(organisation_id=organisation_id, email=user.email)
        if invitation is not None:
            _join(uow, user_id=user.id, organisation_id=organisation_id, role=invitation.role, by=invitation)
            membership = uow.accounts.find_membership(organisation_id=organisation_id, user_id=user.id)
    if membership is None:
        raise _not_let_in()
    if linked_id is None:
        uow.providers.add_link(
            organisation_id=organisation_id, issuer=row.issuer, subject=identity.subject, user_id=user.id
        )
        actor = Principal(
            organisation_id=organisation_id, role=membership.role, display_name="", user_id=user.id
        )
        uow.audit.record(actor=actor, act=Act.PROVIDER_LINKED, object_id=user.id)
    return user, membership


def _vouched_email(row: IdentityProvider, identity: Identity) -> str:
    """Return the address if the provider may and does vouch for it."""
    email = identity.email
    if email is None or not is_email(email) or not identity.is_email_verified:
        raise ForbiddenError(
            "The identity provider does not vouch for your e-mail address.",
            how_to_fix="Whoever looks after it must mark the address as verified.",
        )
    if email.rpartition("@")[2] not in row.email_domains:
        raise ForbiddenError(
            "Your e-mail address is not of a domain that this organisation lets in.",
            how_to_fix="Ask the owner of the organisation to add the domain.",
        )
    return email


def _make_newcomer(uow: UnitOfWork, row: IdentityProvider, identity: Identity, email: str) -> UserAccount:
    """Make an account for somebody who was invited, or may come uninvited; it has no password."""
    organisation_id = row.organisation_id
    invitation = uow.links.find_invitation_of(organisation_id=organisation_id, email=email)
    role = row.default_role if invitation is None else invitation.role
    if role is None:
        raise _not_let_in()
    name = check_text(identity.name or email.partition("@")[0], field="display_name")
    user_id = uow.accounts.add_user(email=email, display_name=name, password_hash=_no_password())
    user = None if user_id is None else uow.accounts.find_user(user_id)
    if user is None:
        raise _not_let_in()
    _join(uow, user_id=user.id, organisation_id=organisation_id, role=role, by=invitation)
    return user


def _join(
    uow: UnitOfWork, *, user_id: UUID, organisation_id: UUID, role: Role, by: Invitation | None
) -> None:
    """Make somebody a member, by an invitation or without; the transaction becomes the organisation's."""
    uow.accounts.add_membership(
        organisation_id=organisation_id,
        user_id=user_id,
        role=role,
        is_limited=by is not None and by.is_limited,
    )
    uow.enter(organisation_id)
    if by is not None:
        uow.links.note_accepted(by.id)
        limit_newcomer(uow, by, user_id)
    actor = Principal(organisation_id=organisation_id, role=role, display_name="", user_id=user_id)
    uow.audit.record(
        actor=actor, act=Act.MEMBER_JOINED, object_id=user_id if by is None else by.id, role=role.value
    )


def _no_password() -> str:
    """Return the hash of a password that nobody knows: a link by mail sets one that somebody does."""
    return recommended_passwords().hash(new_token())


def _client(row: IdentityProvider, *, redirect_uri: str, seal: Seal) -> Client:
    secret = None
    if row.secret_sealed is not None:
        try:
            secret = seal.open(row.secret_sealed, purpose=SECRET_PURPOSE, owner=row.organisation_id)
        except BrokenSealError:
            raise ProviderError("Its client secret has to be entered again.") from None
    return Client(client_id=row.client_id, client_secret=secret, redirect_uri=redirect_uri)


def _no_provider() -> NotFoundError:
    return NotFoundError(
        "This organisation has no identity provider.", how_to_fix="Sign in with your password or a passkey."
    )


def _not_let_in() -> ForbiddenError:
    return ForbiddenError(
        "You are not a member of this organisation.",
        how_to_fix="Ask its owner for an invitation. If you have an account here already, join with its password.",
    )


def _does_not_hold() -> InvalidCredentialsError:
    return InvalidCredentialsError("This sign-in does not hold.", how_to_fix="Begin again.")
