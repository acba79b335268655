"""OAuth2 client credentials (RFC 6749, section 4.4): an API key as client, short-lived opaque tokens.

Both functions take an entered `UnitOfWork` made for nobody.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import InvalidCredentialsError, InvalidInputError
from app.services.accounts import holder_of, resolve_api_key
from app.services.credentials import new_token, sha256_of

TOKEN_LIFETIME = timedelta(minutes=30)
PREFIX = "pl_tok_"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token just made; the only time it can be read."""

    token: str = field(repr=False)
    expires_in_s: int
    scopes: frozenset[Permission]


def issue_token(
    *, uow: UnitOfWork, client_id: str, client_secret: str, scope: str | None = None
) -> AccessToken:
    """Exchange a key for a token with the scopes asked for, or all of the key's.

    `client_id` is the key's visible beginning (``pl_live_<id>``), `client_secret` the rest. Raises
    `InvalidCredentialsError` for a wrong client and `InvalidInputError` for a scope the key does not have.
    """
    principal = resolve_api_key(uow=uow, key=f"{client_id}_{client_secret}")
    held = principal.scopes or frozenset()
    wanted = held if not scope else _scopes_of(scope, held=held)
    token = PREFIX + new_token()
    assert principal.api_key_id is not None  # noqa: S101  # a key resolved to a key
    uow.accounts.add_access_token(
        organisation_id=principal.organisation_id,
        api_key_id=principal.api_key_id,
        token_sha256=sha256_of(token),
        scopes=sorted(wanted),
        lifetime_s=TOKEN_LIFETIME.total_seconds(),
    )
    uow.audit.record(
        actor=principal, act=Act.TOKEN_ISSUED, object_id=principal.api_key_id, scopes=" ".join(sorted(wanted))
    )
    return AccessToken(token=token, expires_in_s=int(TOKEN_LIFETIME.total_seconds()), scopes=wanted)


def resolve_token(*, uow: UnitOfWork, token: str) -> Principal:
    """Say whose token this is, or raise `InvalidCredentialsError`: it ends with its key, at once."""
    found = uow.accounts.find_access_token(token_sha256=sha256_of(token))
    if found is None:
        raise InvalidCredentialsError(
            "The access token does not hold: it is unknown or past its end, or its key was revoked.",
            how_to_fix="Ask for a new one at /oauth/token.",
        )
    row, scopes = found
    uow.accounts.touch_api_key(row.id)
    return holder_of(row, scopes=scopes)


def _scopes_of(text: str, *, held: frozenset[Permission]) -> frozenset[Permission]:
    by_name = {scope.value: scope for scope in held}
    names = set(text.split())
    if not names <= by_name.keys():
        raise InvalidInputError(
            "The key does not have all of these scopes.",
            how_to_fix="Ask for some of the key's own, or leave `scope` out.",
            field="scope",
        )
    return frozenset(by_name[name] for name in names)
