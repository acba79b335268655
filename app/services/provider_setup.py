"""An organisation's own identity provider: what an owner sets up, over the pages or REST."""

import re
from dataclasses import dataclass, field
from uuid import UUID

from app.db.models import IdentityProvider
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal, Role
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.versions import ANY, Expected, tag_of
from app.integrations import oidc
from app.integrations.oidc import Fetch, ProviderError
from app.services.checks import check_text
from app.services.sealing import Seal

SECRET_PURPOSE = "provider_secret"  # noqa: S105  # what it is for
_WHAT = "The identity provider"
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
DEFAULT_ROLES = (Role.VIEWER, Role.TRAINER, Role.CLINICIAN)
"""What a newcomer nobody invited can become."""
MAX_DOMAINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChange:
    """What an owner enters."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    """Empty: the one before stays, or there is none."""
    email_domains: tuple[str, ...]
    default_role: Role | None
    """None: only members and those who were invited come in."""
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """What is set up; the secret is never shown."""

    organisation_id: UUID
    organisation_name: str
    name: str
    issuer: str
    client_id: str
    has_secret: bool
    email_domains: tuple[str, ...]
    default_role: Role | None
    is_enabled: bool
    tag: str
    """Names the version of what an owner can change, the secret among it."""


def find_provider(*, uow: UnitOfWork, principal: Principal) -> ProviderView | None:
    """Return what is set up, if anything; owners only."""
    principal.require(Permission.KEYS_MANAGE)
    row = uow.providers.find(principal.organisation_id)
    return None if row is None else view_of(uow, row)


def get_provider(*, uow: UnitOfWork, principal: Principal) -> ProviderView:
    """Return what is set up, or raise `NotFoundError`; owners only."""
    found = find_provider(uow=uow, principal=principal)
    if found is None:
        raise _none_set_up()
    return found


def save_provider(
    *,
    uow: UnitOfWork,
    principal: Principal,
    change: ProviderChange,
    seal: Seal,
    fetch: Fetch,
    expected: Expected = ANY,
) -> ProviderView:
    """Set the identity provider up; it is asked what it says of itself first.

    Raises `InvalidInputError`, and `PreconditionFailedError` when what is set up is not the expected version any more.
    """
    principal.require(Permission.KEYS_MANAGE)
    principal.require_confirmed()
    checked = _checked(change)
    try:
        oidc.discover(checked.issuer, fetch=fetch)
    except ProviderError as error:
        raise InvalidInputError(
            f"The identity provider cannot be used. {error}",
            how_to_fix="Check the issuer: what stands before /.well-known/openid-configuration.",
            field="issuer",
        ) from None
    organisation_id = principal.organisation_id
    before = _hold(uow, organisation_id)
    expected.check(_tag(before), what=_WHAT)
    is_another = before is not None and before.issuer != checked.issuer
    if is_another and before is not None and before.secret_sealed and not checked.client_secret:
        raise InvalidInputError(
            "The client secret that is kept belongs to another issuer, and is not sent to this one.",
            how_to_fix="Enter the client secret of this issuer; if it has none, remove the provider first.",
            field="client_secret",
        )
    if not checked.is_enabled or is_another:
        uow.providers.end_logins(organisation_id)
    sealed = None
    if checked.client_secret:
        sealed = seal.seal(checked.client_secret, purpose=SECRET_PURPOSE, owner=organisation_id)
    uow.providers.save(
        organisation_id=organisation_id,
        name=checked.name,
        issuer=checked.issuer,
        client_id=checked.client_id,
        secret_sealed=sealed,
        email_domains=list(checked.email_domains),
        default_role=checked.default_role,
        is_enabled=checked.is_enabled,
    )
    uow.audit.record(
        actor=principal,
        act=Act.PROVIDER_CHANGED,
        object_id=organisation_id,
        is_enabled=checked.is_enabled,
        default_role=None if checked.default_role is None else checked.default_role.value,
    )
    return get_provider(uow=uow, principal=principal)


def remove_provider(*, uow: UnitOfWork, principal: Principal, expected: Expected = ANY) -> None:
    """Forget the provider, and end every login by it. Raise `NotFoundError` or `PreconditionFailedError`."""
    principal.require(Permission.KEYS_MANAGE)
    principal.require_confirmed()
    before = _hold(uow, principal.organisation_id)
    if before is None:
        raise _none_set_up()
    expected.check(_tag(before), what=_WHAT)
    uow.providers.remove(principal.organisation_id)
    uow.providers.end_logins(principal.organisation_id)
    uow.audit.record(actor=principal, act=Act.PROVIDER_REMOVED, object_id=principal.organisation_id)


def view_of(uow: UnitOfWork, row: IdentityProvider) -> ProviderView:
    """Return a provider as it is shown; it must be one that the unit of work may see."""
    organisation = uow.accounts.find_organisation(row.organisation_id)
    return ProviderView(
        organisation_id=row.organisation_id,
        organisation_name="" if organisation is None else organisation.name,
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        has_secret=row.secret_sealed is not None,
        email_domains=tuple(row.email_domains),
        default_role=row.default_role,
        is_enabled=row.is_enabled,
        tag=_tag(row),
    )


def _checked(change: ProviderChange) -> ProviderChange:
    domains = tuple(dict.fromkeys(each.strip().lower().lstrip("@") for each in change.email_domains))
    if not 0 < len(domains) <= MAX_DOMAINS or not all(_DOMAIN.fullmatch(each) for each in domains):
        raise InvalidInputError(
            f"Name 1 to {MAX_DOMAINS} domains of e-mail addresses.",
            how_to_fix="Write them like example.org, one a line.",
            field="email_domains",
        )
    if change.default_role is not None and change.default_role not in DEFAULT_ROLES:
        raise InvalidInputError(
            "A newcomer cannot become this.", how_to_fix="Choose one of the list.", field="default_role"
        )
    issuer = check_text(change.issuer, field="issuer", max_length=500)
    if not issuer.startswith(("https://", "http://")) or "?" in issuer or "#" in issuer:
        raise InvalidInputError(
            "The issuer is an address that begins with https://.",
            how_to_fix="The identity provider's own pages tell it.",
            field="issuer",
        )
    return ProviderChange(
        name=check_text(change.name, field="name", max_length=80),
        issuer=issuer,
        client_id=check_text(change.client_id, field="client_id", max_length=500),
        client_secret=change.client_secret.strip()[:2000],
        email_domains=domains,
        default_role=change.default_role,
        is_enabled=change.is_enabled,
    )


def _hold(uow: UnitOfWork, organisation_id: UUID) -> IdentityProvider | None:
    """Return what is set up, and let nobody else change it before this transaction ends."""
    uow.hold(f"provider:{organisation_id}")
    return uow.providers.find(organisation_id)


def _tag(row: IdentityProvider | None) -> str:
    """Name the version of what is set up, also of nothing."""
    if row is None:
        return tag_of(None)
    secret = None if row.secret_sealed is None else row.secret_sealed.hex()
    return tag_of(
        row.name, row.issuer, row.client_id, secret, row.email_domains, row.default_role, row.is_enabled
    )


def _none_set_up() -> NotFoundError:
    return NotFoundError("This organisation has no identity provider.", how_to_fix="Set one up first.")
