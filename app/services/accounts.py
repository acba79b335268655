"""Signing in, API keys, organisations and users.

Every function takes an entered `UnitOfWork`; the caller leaves it, which commits. The functions that
find out who is asking (`sign_in`, `sign_out`, `resolve_login`, `resolve_api_key`) and those that set up an
organisation (`create_organisation`, `create_user`) take one made with ``organisation_id=None``; the others
one made for ``principal.organisation_id``.
"""

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.db.models import ApiKey
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Permission, Principal, Role
from app.domain.audit import Act
from app.domain.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
)
from app.services.checks import check_text
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, split_page
from app.services.passwords import MAX_LENGTH, MIN_LENGTH, Passwords, recommended_passwords
from app.services.read_models import (
    ApiKeySummary,
    NewApiKey,
    OrganisationSummary,
    Page,
    SignedIn,
    UserSummary,
)

LOGIN_IDLE = timedelta(minutes=30)
"""A login that nobody uses for so long is over."""
LOGIN_LIFETIME = timedelta(hours=12)
"""However much it is used."""

_KEY = re.compile(r"pl_live_(?P<public_id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})")
_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\ud800-\udfff]+@[^@\s\x00-\x1f\ud800-\udfff]+\.[^@\s\x00-\x1f\ud800-\udfff]+"
)
_NOBODY = bytes(32)
"""No SHA-256 we could be sent; compared with when the key is unknown, so that it takes as long."""


def create_organisation(*, uow: UnitOfWork, name: str) -> OrganisationSummary:
    """Make an organisation."""
    row = uow.accounts.add_organisation(name=check_text(name, field="name"))
    uow.audit.record(actor=None, act=Act.ORGANISATION_CREATED, object_id=row.id, organisation_id=row.id)
    return OrganisationSummary(id=row.id, name=row.name, created_at=row.created_at)


def get_organisation(*, uow: UnitOfWork, principal: Principal) -> OrganisationSummary:
    """Return the organisation of whoever is asking."""
    row = uow.accounts.find_organisation(principal.organisation_id)
    if row is None:
        raise NotFoundError("There is no such organisation.")
    return OrganisationSummary(id=row.id, name=row.name, created_at=row.created_at)


def create_user(
    *,
    uow: UnitOfWork,
    organisation_id: UUID,
    email: str,
    display_name: str,
    password: str,
    role: Role,
    passwords: Passwords | None = None,
) -> UserSummary:
    """Make a user and their membership; raise `InvalidInputError` when the address is taken or a value is bad."""
    address = _checked_email(email)
    shown = check_text(display_name, field="display_name")
    _check_password(password, email=address)
    if uow.accounts.find_organisation(organisation_id) is None:
        raise NotFoundError("There is no such organisation.", how_to_fix="Check the id.")
    password_hash = (passwords or recommended_passwords()).hash(password)
    user_id = uow.accounts.add_user(email=address, display_name=shown, password_hash=password_hash)
    if user_id is None:
        raise InvalidInputError(
            "There is already a user with this e-mail address.",
            how_to_fix="Use another address, or sign in with this one.",
            field="email",
        )
    uow.accounts.add_membership(organisation_id=organisation_id, user_id=user_id, role=role)
    uow.audit.record(
        actor=None, act=Act.USER_CREATED, object_id=user_id, organisation_id=organisation_id, role=role.value
    )
    return UserSummary(
        id=user_id, organisation_id=organisation_id, email=address, display_name=shown, role=role
    )


def sign_in(
    *,
    uow: UnitOfWork,
    email: str,
    password: str,
    user_agent: str = "",
    origin: Origin | None = None,
    passwords: Passwords | None = None,
) -> SignedIn:
    """Start a login; raise `InvalidCredentialsError` after the same time whether or not the address is known."""
    hasher = passwords or recommended_passwords()
    address = email.strip().lower()
    user = uow.accounts.find_user_by_email(address) if _EMAIL.fullmatch(address) else None
    matches, updated_hash = hasher.verify(password, None if user is None else user.password_hash)
    membership = uow.accounts.first_membership(user.id) if user is not None and matches else None
    if user is None or membership is None:
        raise InvalidCredentialsError(
            "The e-mail address or the password is not right.",
            how_to_fix="Check both and try again, or ask the owner of your organisation.",
        )
    if updated_hash is not None:
        uow.accounts.replace_password_hash(user_id=user.id, password_hash=updated_hash)
    token = secrets.token_urlsafe(32)
    session_id, expires_at = uow.accounts.add_login(
        organisation_id=membership.organisation_id,
        user_id=user.id,
        token_sha256=_sha256(token),
        user_agent=_printable(user_agent),
        lifetime_s=LOGIN_LIFETIME.total_seconds(),
    )
    principal = Principal(
        organisation_id=membership.organisation_id,
        role=membership.role,
        display_name=user.display_name,
        user_id=user.id,
        origin=origin,
    )
    uow.audit.record(actor=principal, act=Act.SIGNED_IN, object_id=session_id)
    return SignedIn(token=token, session_id=session_id, principal=principal, expires_at=expires_at)


def sign_out(*, uow: UnitOfWork, token: str, origin: Origin | None = None) -> None:
    """End the login; an unknown token is no error."""
    login = uow.accounts.revoke_login(token_sha256=_sha256(token))
    if login is not None:
        actor = Principal(
            organisation_id=login.organisation_id, role=Role.VIEWER, display_name="", user_id=login.user_id,
            origin=origin,
        )  # fmt: skip
        uow.audit.record(actor=actor, act=Act.SIGNED_OUT, object_id=login.id)


def resolve_login(*, uow: UnitOfWork, token: str) -> Principal:
    """Say whose login this is and keep it alive; raise `NotSignedInError` when it is unknown or over."""
    login = uow.accounts.find_login(token_sha256=_sha256(token), idle_s=LOGIN_IDLE.total_seconds())
    if login is None:
        raise NotSignedInError(
            "You are not signed in, or were away for too long.", how_to_fix="Sign in again."
        )
    uow.accounts.touch_login(login.session_id)
    return Principal(
        organisation_id=login.organisation_id,
        role=login.role,
        display_name=login.display_name,
        user_id=login.user_id,
    )


def resolve_api_key(*, uow: UnitOfWork, key: str) -> Principal:
    """Say whose key this is and note its use; raise `InvalidCredentialsError` when it does not hold."""
    parts = _KEY.fullmatch(key)
    row = None if parts is None else uow.accounts.find_api_key(parts["public_id"])
    digest = _sha256("" if parts is None else parts["secret"])
    if not hmac.compare_digest(digest, _NOBODY if row is None else row.secret_sha256) or row is None:
        raise InvalidCredentialsError(
            "The API key does not hold: it is unknown, revoked or past its end.",
            how_to_fix="Ask the owner of your organisation for a new key.",
        )
    uow.accounts.touch_api_key(row.id)
    return Principal(
        organisation_id=row.organisation_id,
        role=Role.INTEGRATION,
        display_name=row.name,
        api_key_id=row.id,
        scopes=_scopes(row),
    )


def create_api_key(
    *,
    uow: UnitOfWork,
    principal: Principal,
    name: str,
    scopes: frozenset[Permission],
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make an API key; owners only, and never with more than the maker may do."""
    _require_owner(principal)
    shown = check_text(name, field="name")
    if not scopes or not all(principal.may(scope) for scope in scopes):
        raise InvalidInputError(
            "A key needs at least one scope, and can have none that you lack.",
            how_to_fix="Choose among your own permissions.",
            field="scopes",
        )
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= datetime.now(UTC)):
        raise InvalidInputError(
            "The end of the key lies in the past, or has no time zone.",
            how_to_fix="Give a later time, with its zone.",
            field="expires_at",
        )
    public_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row = uow.accounts.add_api_key(
        organisation_id=principal.organisation_id,
        name=shown,
        public_id=public_id,
        secret_sha256=_sha256(secret),
        scopes=sorted(scope.value for scope in scopes),
        created_by=principal.user_id,
        expires_at=expires_at,
    )
    uow.audit.record(actor=principal, act=Act.API_KEY_CREATED, object_id=row.id, scopes=" ".join(row.scopes))
    return NewApiKey(key=f"{_key_prefix(public_id)}_{secret}", summary=_key_summary(row))


def list_api_keys(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[ApiKeySummary]:
    """List the organisation's keys, newest first; owners only."""
    _require_owner(principal)
    before = None if cursor is None else decode_cursor(cursor, id_part)[0]
    rows = uow.accounts.list_api_keys(
        organisation_id=principal.organisation_id, before=before, limit=check_limit(limit) + 1
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_key_summary(row) for row in page),
        next_cursor=encode_cursor(page[-1].id) if more else None,
    )


def revoke_api_key(*, uow: UnitOfWork, principal: Principal, api_key_id: UUID) -> None:
    """End a key at once; owners only."""
    _require_owner(principal)
    if not uow.accounts.revoke_api_key(organisation_id=principal.organisation_id, api_key_id=api_key_id):
        raise NotFoundError("There is no such API key.", how_to_fix="List the keys and choose one of them.")
    uow.audit.record(actor=principal, act=Act.API_KEY_REVOKED, object_id=api_key_id)


def _sha256(secret: str) -> bytes:
    """Enough for 256 random bits; a password would need argon2."""
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).digest()


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:300]


def _checked_email(email: str) -> str:
    address = email.strip().lower()
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise InvalidInputError(
            "This is not an e-mail address.", how_to_fix="Write it like name@example.org.", field="email"
        )
    return address


def _check_password(password: str, *, email: str) -> None:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInputError(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.",
            how_to_fix="A few words in a row make a good one.",
            field="password",
        )
    if password.lower() in {email, email.partition("@")[0]} or len(set(password)) < 4:
        raise InvalidInputError(
            "This password is too easy to guess.",
            how_to_fix="A few words in a row make a good one.",
            field="password",
        )


def _require_owner(principal: Principal) -> None:
    if principal.role is not Role.OWNER:
        raise ForbiddenError(
            "Only an owner of the organisation may look after API keys.",
            how_to_fix="Ask the owner of your organisation.",
        )


def _key_prefix(public_id: str) -> str:
    return f"pl_live_{public_id}"


def _scopes(row: ApiKey) -> frozenset[Permission]:
    """Return what a key may do; a permission that exists no more gives nothing."""
    known = {permission.value: permission for permission in Permission}
    return frozenset(known[scope] for scope in row.scopes if scope in known)


def _key_summary(row: ApiKey) -> ApiKeySummary:
    return ApiKeySummary(
        id=row.id,
        name=row.name,
        prefix=_key_prefix(row.public_id),
        scopes=_scopes(row),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
