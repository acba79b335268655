"""Signing in, API keys, organisations and users.

Every function takes an entered `UnitOfWork`; the caller leaves it, which commits. The functions that
find out who is asking (`sign_in`, `sign_out`, `resolve_login`, `resolve_api_key`) and those that set up an
organisation (`create_organisation`, `create_user`) take one made with ``organisation_id=None``; the others
one made for ``principal.organisation_id``.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.db.models import ApiKey, Membership, UserAccount
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Permission, Principal, Role, SignInMethod
from app.domain.audit import Act
from app.domain.errors import (
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
)
from app.domain.sign_in import StepKind
from app.domain.versions import ANY, Expected
from app.services.checks import check_text
from app.services.credentials import check_password, checked_email, is_email, printable, sha256_of
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, split_page
from app.services.passwords import Passwords, recommended_passwords
from app.services.read_models import (
    ApiKeySummary,
    NewApiKey,
    OrganisationSummary,
    Page,
    SecondStep,
    SignedIn,
    UserSummary,
)
from app.services.sign_in_steps import begin_step, has_second_factor

LOGIN_IDLE = timedelta(minutes=30)
"""A login that nobody uses for so long is over."""
LOGIN_LIFETIME = timedelta(hours=12)
"""However much it is used."""
CONFIRMED_FOR = timedelta(minutes=15)
"""So long after proving who they are may somebody change who can come in."""

_KEY = re.compile(r"pl_live_(?P<public_id>[0-9a-f]{16})_(?P<secret>[A-Za-z0-9_-]{43})")
KEY_OVERLAP = timedelta(days=7)
"""So long the secret before a rotation still opens."""


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
    address = checked_email(email)
    shown = check_text(display_name, field="display_name")
    check_password(password, email=address)
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
) -> SignedIn | SecondStep:
    """Start a login, or with a second factor the step that asks for it.

    Raises `InvalidCredentialsError` after the same time whether or not the address is known.
    """
    hasher = passwords or recommended_passwords()
    address = email.strip().lower()
    user = uow.accounts.find_user_by_email(address) if is_email(address) else None
    matches, updated_hash = hasher.verify(password, None if user is None else user.password_hash)
    membership = uow.accounts.first_membership(user.id) if user is not None and matches else None
    if user is None or membership is None:
        raise InvalidCredentialsError(
            "The e-mail address or the password is not right.",
            how_to_fix="Check both and try again, or ask the owner of your organisation.",
        )
    if updated_hash is not None:
        uow.accounts.replace_password_hash(user_id=user.id, password_hash=updated_hash)
    if has_second_factor(uow, user):
        token = begin_step(uow=uow, kind=StepKind.SECOND_FACTOR, user_id=user.id)
        return SecondStep(token=token, user_id=user.id)
    return start_login(
        uow=uow,
        user=user,
        membership=membership,
        method=SignInMethod.PASSWORD,
        user_agent=user_agent,
        origin=origin,
    )


def start_login(
    *,
    uow: UnitOfWork,
    user: UserAccount,
    membership: Membership,
    method: SignInMethod,
    has_second_factor: bool = False,
    is_confirmed: bool = True,
    user_agent: str = "",
    origin: Origin | None = None,
) -> SignedIn:
    """Start the login of somebody who proved who they are."""
    token = secrets.token_urlsafe(32)
    session_id, expires_at = uow.accounts.add_login(
        organisation_id=membership.organisation_id,
        user_id=user.id,
        token_sha256=sha256_of(token),
        user_agent=printable(user_agent),
        lifetime_s=LOGIN_LIFETIME.total_seconds(),
        method=method,
        has_second_factor=has_second_factor,
        is_confirmed=is_confirmed,
    )
    principal = Principal(
        organisation_id=membership.organisation_id,
        role=membership.role,
        display_name=user.display_name,
        user_id=user.id,
        session_id=session_id,
        limited_to=user.id if membership.is_limited else None,
        origin=origin,
        method=method,
        is_confirmed=is_confirmed,
    )
    uow.audit.record(
        actor=principal,
        act=Act.SIGNED_IN,
        object_id=session_id,
        method=method.value,
        second_factor=has_second_factor,
    )
    return SignedIn(token=token, session_id=session_id, principal=principal, expires_at=expires_at)


def sign_out(*, uow: UnitOfWork, token: str, origin: Origin | None = None) -> None:
    """End the login; an unknown token is no error."""
    login = uow.accounts.revoke_login(token_sha256=sha256_of(token))
    if login is not None:
        actor = Principal(
            organisation_id=login.organisation_id, role=Role.VIEWER, display_name="", user_id=login.user_id,
            origin=origin,
        )  # fmt: skip
        uow.audit.record(actor=actor, act=Act.SIGNED_OUT, object_id=login.id)


def resolve_login(*, uow: UnitOfWork, token: str) -> Principal:
    """Say whose login this is and keep it alive; raise `NotSignedInError` when it is unknown or over."""
    login = uow.accounts.find_login(
        token_sha256=sha256_of(token),
        idle_s=LOGIN_IDLE.total_seconds(),
        confirmed_for_s=CONFIRMED_FOR.total_seconds(),
    )
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
        session_id=login.session_id,
        limited_to=login.user_id if login.is_limited else None,
        method=login.method,
        n_organisations=login.n_organisations,
        is_confirmed=login.is_confirmed,
        lacks_second_factor=login.lacks_second_factor,
        second_factor_due=login.second_factor_due,
    )


def resolve_api_key(*, uow: UnitOfWork, key: str) -> Principal:
    """Say whose key this is and note its use; raise `InvalidCredentialsError` when it does not hold."""
    parts = _KEY.fullmatch(key)
    row = None if parts is None else uow.accounts.find_api_key(parts["public_id"])
    digest = sha256_of("" if parts is None else parts["secret"])
    if row is None or not _opens(row, digest):
        raise InvalidCredentialsError(
            "The API key does not hold: it is unknown, revoked or past its end.",
            how_to_fix="Ask the owner of your organisation for a new key.",
        )
    uow.accounts.touch_api_key(row.id)
    return holder_of(row, scopes=row.scopes)


def holder_of(row: ApiKey, *, scopes: list[str]) -> Principal:
    """Return who works with a key, or with a token of it that has these scopes."""
    return Principal(
        organisation_id=row.organisation_id,
        role=Role.INTEGRATION,
        display_name=row.name,
        api_key_id=row.id,
        scopes=_known(scopes),
        limited_to=row.id if row.is_limited else None,
    )


def create_api_key(
    *,
    uow: UnitOfWork,
    principal: Principal,
    name: str,
    scopes: frozenset[Permission],
    expires_at: datetime | None = None,
    team_ids: tuple[UUID, ...] | None = None,
) -> NewApiKey:
    """Make an API key; owners only, never with more than the maker may do. With `team_ids`, it sees these alone."""
    principal.require(Permission.KEYS_MANAGE)
    principal.require_confirmed()
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
        secret_sha256=sha256_of(secret),
        scopes=sorted(scope.value for scope in scopes),
        created_by=principal.user_id,
        expires_at=expires_at,
        is_limited=team_ids is not None,
    )
    if team_ids is not None:
        _limit_key(uow=uow, principal=principal, key_id=row.id, team_ids=team_ids)
    uow.audit.record(actor=principal, act=Act.API_KEY_CREATED, object_id=row.id, scopes=" ".join(row.scopes))
    return NewApiKey(
        key=f"{_key_prefix(public_id)}_{secret}", summary=_key_summary(row, teams=frozenset(team_ids or ()))
    )


def rotate_api_key(
    *, uow: UnitOfWork, principal: Principal, api_key_id: UUID, expected: Expected = ANY
) -> NewApiKey:
    """Give a key a new secret; the old one opens for another week, so that programs can be changed one by one."""
    principal.require(Permission.KEYS_MANAGE)
    principal.require_confirmed()
    _hold_key(uow, principal, api_key_id, expected)
    secret = secrets.token_urlsafe(32)
    row = uow.accounts.rotate_api_key(
        organisation_id=principal.organisation_id,
        api_key_id=api_key_id,
        secret_sha256=sha256_of(secret),
        overlap_s=KEY_OVERLAP.total_seconds(),
    )
    if row is None:
        raise _no_key()
    uow.audit.record(actor=principal, act=Act.API_KEY_ROTATED, object_id=row.id)
    return NewApiKey(key=f"{_key_prefix(row.public_id)}_{secret}", summary=_summaries(uow, [row])[0])


def list_api_keys(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[ApiKeySummary]:
    """List the organisation's keys, newest first; owners only."""
    principal.require(Permission.KEYS_MANAGE)
    before = None if cursor is None else decode_cursor(cursor, id_part)[0]
    rows = uow.accounts.list_api_keys(
        organisation_id=principal.organisation_id, before=before, limit=check_limit(limit) + 1
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_summaries(uow, page)),
        next_cursor=encode_cursor(page[-1].id) if more else None,
    )


def get_api_key(*, uow: UnitOfWork, principal: Principal, api_key_id: UUID) -> ApiKeySummary:
    """Return one key, an ended one too, or raise `NotFoundError`; owners only."""
    principal.require(Permission.KEYS_MANAGE)
    row = uow.accounts.find_key_of(organisation_id=principal.organisation_id, api_key_id=api_key_id)
    if row is None:
        raise _no_key()
    return _summaries(uow, [row])[0]


def revoke_api_key(
    *, uow: UnitOfWork, principal: Principal, api_key_id: UUID, expected: Expected = ANY
) -> None:
    """End a key at once; owners only."""
    principal.require(Permission.KEYS_MANAGE)
    _hold_key(uow, principal, api_key_id, expected)
    uow.accounts.revoke_api_key(organisation_id=principal.organisation_id, api_key_id=api_key_id)
    uow.audit.record(actor=principal, act=Act.API_KEY_REVOKED, object_id=api_key_id)


def _hold_key(uow: UnitOfWork, principal: Principal, api_key_id: UUID, expected: Expected) -> None:
    uow.hold(f"key:{api_key_id}")
    present = get_api_key(uow=uow, principal=principal, api_key_id=api_key_id)
    expected.check(present.tag, what="The key")


def _opens(row: ApiKey, digest: bytes) -> bool:
    """Compare with the secret, and with the one before it while that still holds."""
    matches = hmac.compare_digest(digest, row.secret_sha256)
    before, until = row.previous_secret_sha256, row.previous_until
    if before is not None and until is not None and until > datetime.now(UTC):
        matches |= hmac.compare_digest(digest, before)
    return matches


def _limit_key(*, uow: UnitOfWork, principal: Principal, key_id: UUID, team_ids: tuple[UUID, ...]) -> None:
    organisation_id = principal.organisation_id
    known = uow.members.known_team_ids(organisation_id=organisation_id, team_ids=team_ids)
    if not team_ids or known != set(team_ids):
        raise InvalidInputError(
            "A key with limits needs at least one team, all of them yours.",
            how_to_fix="List the teams and choose among them.",
            field="team_ids",
        )
    uow.members.set_limits(organisation_id=organisation_id, subject_id=key_id, team_ids=known, athlete_ids=())


def _no_key() -> NotFoundError:
    return NotFoundError("There is no such API key.", how_to_fix="List the keys and choose one of them.")


def _key_prefix(public_id: str) -> str:
    return f"pl_live_{public_id}"


def _known(scopes: list[str]) -> frozenset[Permission]:
    """Return what these scopes allow; a permission that exists no more gives nothing."""
    known = {permission.value: permission for permission in Permission}
    return frozenset(known[scope] for scope in scopes if scope in known)


def _summaries(uow: UnitOfWork, rows: Sequence[ApiKey]) -> list[ApiKeySummary]:
    limited = {row.id: row.organisation_id for row in rows if row.is_limited}
    teams = (
        uow.members.limits_of(organisation_id=next(iter(limited.values())), subject_ids=limited)
        if limited
        else {}
    )
    return [_key_summary(row, teams=frozenset(teams.get(row.id, ()))) for row in rows]


def _key_summary(row: ApiKey, *, teams: frozenset[UUID]) -> ApiKeySummary:
    return ApiKeySummary(
        id=row.id,
        name=row.name,
        prefix=_key_prefix(row.public_id),
        scopes=_known(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        team_ids=teams if row.is_limited else None,
        previous_until=row.previous_until,
    )
