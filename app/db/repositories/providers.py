"""Identity providers of organisations, and who somebody there is here."""

from uuid import UUID

from sqlalchemy import any_, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db.models import IdentityProvider, LoginSession, ProviderLink
from app.domain.access import Role, SignInMethod

MAX_OF_DOMAIN = 20


class ProviderRepository:
    """Identity providers and links."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def find(self, organisation_id: UUID) -> IdentityProvider | None:
        """Return an organisation's provider, enabled or not."""
        return self._session.scalars(
            select(IdentityProvider)
            .where(IdentityProvider.organisation_id == organisation_id)
            .execution_options(populate_existing=True)
        ).one_or_none()

    def list_of_domain(self, domain: str) -> list[IdentityProvider]:
        """Return the enabled providers that may vouch for addresses of a domain; needs a unit of work of none."""
        return list(
            self._session.scalars(
                select(IdentityProvider)
                .where(literal(domain) == any_(IdentityProvider.email_domains), IdentityProvider.is_enabled)
                .order_by(IdentityProvider.name, IdentityProvider.organisation_id)
                .limit(MAX_OF_DOMAIN)
            )
        )

    def save(
        self,
        *,
        organisation_id: UUID,
        name: str,
        issuer: str,
        client_id: str,
        secret_sealed: bytes | None,
        email_domains: list[str],
        default_role: Role | None,
        is_enabled: bool,
    ) -> None:
        """Write an organisation's provider; without a secret the one before stays."""
        values: dict[str, object] = {
            "name": name,
            "issuer": issuer,
            "client_id": client_id,
            "email_domains": email_domains,
            "default_role": default_role,
            "is_enabled": is_enabled,
            "updated_at": func.now(),
        }
        if secret_sealed is not None:
            values["secret_sealed"] = secret_sealed
        self._session.execute(
            postgresql.insert(IdentityProvider)
            .values(organisation_id=organisation_id, **values)
            .on_conflict_do_update(index_elements=["organisation_id"], set_=values)
        )

    def remove(self, organisation_id: UUID) -> bool:
        """Forget an organisation's provider and who was who there; False when there was none."""
        self._session.execute(delete(ProviderLink).where(ProviderLink.organisation_id == organisation_id))
        removed = self._session.scalar(
            delete(IdentityProvider)
            .where(IdentityProvider.organisation_id == organisation_id)
            .returning(IdentityProvider.organisation_id)
        )
        return removed is not None

    def end_logins(self, organisation_id: UUID) -> None:
        """End every login that an organisation's provider started."""
        self._session.execute(
            update(LoginSession)
            .where(
                LoginSession.organisation_id == organisation_id,
                LoginSession.method == SignInMethod.PROVIDER,
                LoginSession.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def find_link(self, *, organisation_id: UUID, issuer: str, subject: str) -> UUID | None:
        """Return who somebody at the provider is here."""
        return self._session.scalar(
            select(ProviderLink.user_id).where(
                ProviderLink.organisation_id == organisation_id,
                ProviderLink.issuer == issuer,
                ProviderLink.subject == subject,
            )
        )

    def add_link(self, *, organisation_id: UUID, issuer: str, subject: str, user_id: UUID) -> None:
        """Remember who somebody at the provider is here."""
        self._session.execute(
            insert(ProviderLink).values(
                organisation_id=organisation_id, issuer=issuer, subject=subject, user_id=user_id
            )
        )
