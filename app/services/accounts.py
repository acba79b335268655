"""Signing in, API keys, organisations and users.

Every function takes an entered `UnitOfWork`; the caller leaves it, which commits. The functions that
find out who is asking (`sign_in`, `sign_out`, `resolve_login`, `resolve_api_key`) and those that set up an
organisation (`create_organisation`, `create_user`) take one made with ``organisation_id=None``; the others
one made for ``principal.organisation_id``.
"""

from datetime import datetime
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal, Role
from app.services.passwords import Passwords
from app.services.read_models import (
    ApiKeySummary,
    NewApiKey,
    OrganisationSummary,
    Page,
    SignedIn,
    UserSummary,
)


def create_organisation(*, uow: UnitOfWork, name: str) -> OrganisationSummary:
    """Make an organisation."""
    raise NotImplementedError


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
    raise NotImplementedError


def sign_in(
    *,
    uow: UnitOfWork,
    email: str,
    password: str,
    user_agent: str = "",
    passwords: Passwords | None = None,
) -> SignedIn:
    """Start a login; raise `InvalidCredentialsError` after the same time whether or not the address is known."""
    raise NotImplementedError


def sign_out(*, uow: UnitOfWork, token: str) -> None:
    """End the login; an unknown token is no error."""
    raise NotImplementedError


def resolve_login(*, uow: UnitOfWork, token: str) -> Principal:
    """Say whose login this is and keep it alive; raise `NotSignedInError` when it is unknown or over."""
    raise NotImplementedError


def resolve_api_key(*, uow: UnitOfWork, key: str) -> Principal:
    """Say whose key this is and note its use; raise `InvalidCredentialsError` when it does not hold."""
    raise NotImplementedError


def create_api_key(
    *,
    uow: UnitOfWork,
    principal: Principal,
    name: str,
    scopes: frozenset[Permission],
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make an API key; owners only, and never with more than the maker may do."""
    raise NotImplementedError


def list_api_keys(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[ApiKeySummary]:
    """List the organisation's keys, newest first; owners only."""
    raise NotImplementedError


def revoke_api_key(*, uow: UnitOfWork, principal: Principal, api_key_id: UUID) -> None:
    """End a key at once; owners only."""
    raise NotImplementedError
