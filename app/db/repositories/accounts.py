"""Organisations, users, logins and API keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, any_, case, cast, delete, false, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, aliased

from app.db.models import (
    AccessToken,
    ApiKey,
    LoginSession,
    Membership,
    Organisation,
    SignInPolicy,
    UserAccount,
)
from app.db.types import from_now, new_id
from app.domain.access import Role, SignInMethod

_NOTE_USE_AFTER_S = 60.0
"""A use is noted at most this often, so that reading pages writes little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRow:
    """A login that holds, with what is needed to act for it."""

    session_id: UUID
    organisation_id: UUID
    user_id: UUID
    display_name: str
    role: Role
    is_limited: bool
    method: SignInMethod
    n_organisations: int
    is_confirmed: bool
    lacks_second_factor: bool
    second_factor_due: datetime | None


class AccountRepository:
    """Organisations, users, logins and API keys."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add_organisation(self, *, name: str) -> Organisation:
        """Insert an organisation."""
        return self._session.scalars(
            insert(Organisation).values(id=new_id(), name=name).returning(Organisation)
        ).one()

    def find_organisation(self, organisation_id: UUID) -> Organisation | None:
        """Return an organisation, or None."""
        return self._session.get(Organisation, organisation_id)

    def list_organisation_ids(self) -> list[UUID]:
        """Return every organisation there is; needs a unit of work of none."""
        return list(self._session.scalars(select(Organisation.id).order_by(Organisation.id)))

    def names_of(self, ids: set[UUID]) -> dict[UUID, str]:
        """Return what users and keys among these ids are called."""
        users = select(UserAccount.id, UserAccount.display_name).where(UserAccount.id.in_(ids))
        keys = select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(ids))
        return {row[0]: row[1] for query in (users, keys) for row in self._session.execute(query)}

    def add_user(self, *, email: str, display_name: str, password_hash: str) -> UUID | None:
        """Insert a user and return the id, or None when the address is taken."""
        return self._session.scalar(
            postgresql.insert(UserAccount)
            .values(id=new_id(), email=email, display_name=display_name, password_hash=password_hash)
            .on_conflict_do_nothing(index_elements=["email"])
            .returning(UserAccount.id)
        )

    def add_membership(
        self, *, organisation_id: UUID, user_id: UUID, role: Role, is_limited: bool = False
    ) -> bool:
        """Make a user a member; False when they are one."""
        added = self._session.scalar(
            postgresql.insert(Membership)
            .values(organisation_id=organisation_id, user_id=user_id, role=role, is_limited=is_limited)
            .on_conflict_do_nothing()
            .returning(Membership.user_id)
        )
        return added is not None

    def find_user_by_email(self, email: str) -> UserAccount | None:
        """Return the user with this address in lower case, unless disabled."""
        return self._session.scalars(
            select(UserAccount).where(UserAccount.email == email, UserAccount.disabled_at.is_(None))
        ).one_or_none()

    def first_membership(self, user_id: UUID) -> Membership | None:
        """Return the membership a login starts in: the oldest."""
        return self._session.scalars(
            select(Membership)
            .where(Membership.user_id == user_id)
            .order_by(Membership.created_at, Membership.organisation_id)
            .limit(1)
        ).one_or_none()

    def find_membership(self, *, organisation_id: UUID, user_id: UUID) -> Membership | None:
        """Return a user's membership of an organisation, or None."""
        return self._session.get(Membership, (organisation_id, user_id))

    def list_memberships(self, user_id: UUID) -> list[tuple[Membership, str]]:
        """Return a user's memberships with the organisations' names, by name; needs a unit of work of none."""
        rows = self._session.execute(
            select(Membership, Organisation.name)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Membership.user_id == user_id)
            .order_by(Organisation.name, Organisation.id)
        )
        return [(row[0], row[1]) for row in rows]

    def move_login(self, session_id: UUID, *, organisation_id: UUID) -> None:
        """Let a login go on in another organisation."""
        self._session.execute(
            update(LoginSession)
            .where(LoginSession.id == session_id)
            .values(organisation_id=organisation_id)
            .execution_options(synchronize_session=False)
        )

    def find_user(self, user_id: UUID) -> UserAccount | None:
        """Return a user, unless disabled."""
        return self._session.scalars(
            select(UserAccount).where(UserAccount.id == user_id, UserAccount.disabled_at.is_(None))
        ).one_or_none()

    def list_logins(self, *, user_id: UUID, idle_s: float) -> list[LoginSession]:
        """Return a user's logins that hold, the last used first."""
        return list(
            self._session.scalars(
                select(LoginSession)
                .where(LoginSession.user_id == user_id, *_holds(idle_s))
                .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
            )
        )

    def revoke_logins(
        self, *, user_id: UUID, only: UUID | None = None, except_for: UUID | None = None
    ) -> int:
        """End a user's logins: all, one, or all but one; return how many held."""
        query = update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None))
        if only is not None:
            query = query.where(LoginSession.id == only)
        if except_for is not None:
            query = query.where(LoginSession.id != except_for)
        ended = self._session.scalars(query.values(revoked_at=func.now()).returning(LoginSession.id))
        return len(ended.all())

    def replace_password_hash(self, *, user_id: UUID, password_hash: str) -> None:
        """Store a hash of today's cost."""
        self._session.execute(
            update(UserAccount).where(UserAccount.id == user_id).values(password_hash=password_hash)
        )

    def add_login(
        self,
        *,
        organisation_id: UUID,
        user_id: UUID,
        token_sha256: bytes,
        user_agent: str,
        lifetime_s: float,
        method: SignInMethod = SignInMethod.PASSWORD,
        has_second_factor: bool = False,
        is_confirmed: bool = True,
    ) -> tuple[UUID, datetime]:
        """Insert a login and return its id and absolute end."""
        row = self._session.execute(
            insert(LoginSession)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                user_id=user_id,
                token_sha256=token_sha256,
                user_agent=user_agent,
                last_seen_at=func.now(),
                expires_at=from_now(lifetime_s),
                method=method,
                has_second_factor=has_second_factor,
                confirmed_at=func.now() if is_confirmed else None,
            )
            .returning(LoginSession.id, LoginSession.expires_at)
        ).one()
        return row.id, row.expires_at

    def find_login(
        self, *, token_sha256: bytes, idle_s: float, confirmed_for_s: float = 0.0
    ) -> LoginRow | None:
        """Return the login of this token if it holds: not ended, not idle, the user enabled and still a member."""
        row = self._session.execute(
            select(
                LoginSession.id,
                LoginSession.organisation_id,
                UserAccount,
                Membership.role,
                Membership.is_limited,
                LoginSession.method,
                func.coalesce(LoginSession.confirmed_at > from_now(-confirmed_for_s), false()).label(
                    "is_confirmed"
                ),
                _n_organisations(),
                _second_factor_from(),
                (SignInPolicy.second_factor_from <= func.now()).label("is_due"),
            )
            .join(UserAccount, UserAccount.id == LoginSession.user_id)
            .join(
                Membership,
                (Membership.user_id == LoginSession.user_id)
                & (Membership.organisation_id == LoginSession.organisation_id),
            )
            .outerjoin(SignInPolicy, SignInPolicy.organisation_id == LoginSession.organisation_id)
            .where(
                LoginSession.token_sha256 == token_sha256,
                *_holds(idle_s),
                UserAccount.disabled_at.is_(None),
            )
        ).one_or_none()
        if row is None:
            return None
        return LoginRow(
            session_id=row.id,
            organisation_id=row.organisation_id,
            user_id=row.UserAccount.id,
            display_name=row.UserAccount.display_name,
            role=row.role,
            is_limited=row.is_limited,
            method=row.method,
            n_organisations=row.n_organisations,
            is_confirmed=row.is_confirmed,
            lacks_second_factor=row.second_factor_from is not None and row.is_due,
            second_factor_due=None if row.is_due else row.second_factor_from,
        )

    def touch_login(self, session_id: UUID) -> None:
        """Note that a login was used."""
        self._session.execute(
            update(LoginSession)
            .where(LoginSession.id == session_id, LoginSession.last_seen_at < from_now(-_NOTE_USE_AFTER_S))
            .values(last_seen_at=func.now())
        )

    def revoke_login(self, *, token_sha256: bytes) -> LoginSession | None:
        """End a login and return it; None when there was none to end."""
        return self._session.scalars(
            update(LoginSession)
            .where(LoginSession.token_sha256 == token_sha256, LoginSession.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(LoginSession)
        ).one_or_none()

    def add_api_key(
        self,
        *,
        organisation_id: UUID,
        name: str,
        public_id: str,
        secret_sha256: bytes,
        scopes: list[str],
        created_by: UUID | None,
        expires_at: datetime | None,
        is_limited: bool = False,
    ) -> ApiKey:
        """Insert an API key."""
        return self._session.scalars(
            insert(ApiKey)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                name=name,
                public_id=public_id,
                secret_sha256=secret_sha256,
                scopes=scopes,
                created_by=created_by,
                expires_at=expires_at,
                is_limited=is_limited,
            )
            .returning(ApiKey)
        ).one()

    def rotate_api_key(
        self, *, organisation_id: UUID, api_key_id: UUID, secret_sha256: bytes, overlap_s: float
    ) -> ApiKey | None:
        """Give a key that holds a new secret, the old one holding for a while; None when there is no such key."""
        return self._session.scalars(
            update(ApiKey)
            .where(
                ApiKey.organisation_id == organisation_id,
                ApiKey.id == api_key_id,
                ApiKey.revoked_at.is_(None),
                ApiKey.expires_at.is_(None) | (ApiKey.expires_at > func.now()),
            )
            .values(
                previous_secret_sha256=ApiKey.secret_sha256,
                previous_until=from_now(overlap_s),
                secret_sha256=secret_sha256,
            )
            .returning(ApiKey)
            .execution_options(synchronize_session=False, populate_existing=True)
        ).one_or_none()

    def find_api_key(self, public_id: str) -> ApiKey | None:
        """Return a key that is neither revoked nor expired; its secret is still to be compared."""
        return self._session.scalars(
            select(ApiKey).where(
                ApiKey.public_id == public_id,
                ApiKey.revoked_at.is_(None),
                ApiKey.expires_at.is_(None) | (ApiKey.expires_at > func.now()),
            )
        ).one_or_none()

    def add_access_token(
        self,
        *,
        organisation_id: UUID,
        api_key_id: UUID,
        token_sha256: bytes,
        scopes: list[str],
        lifetime_s: float,
    ) -> None:
        """Insert a token; those of the key that are over go."""
        self._session.execute(
            delete(AccessToken).where(
                AccessToken.api_key_id == api_key_id, AccessToken.expires_at <= func.now()
            )
        )
        self._session.execute(
            insert(AccessToken).values(
                id=new_id(),
                organisation_id=organisation_id,
                api_key_id=api_key_id,
                token_sha256=token_sha256,
                scopes=scopes,
                expires_at=from_now(lifetime_s),
            )
        )

    def find_access_token(self, *, token_sha256: bytes) -> tuple[ApiKey, list[str]] | None:
        """Return the key of a token and the token's scopes, if both hold."""
        row = self._session.execute(
            select(ApiKey, AccessToken.scopes)
            .join(AccessToken, AccessToken.api_key_id == ApiKey.id)
            .where(
                AccessToken.token_sha256 == token_sha256,
                AccessToken.expires_at > func.now(),
                ApiKey.revoked_at.is_(None),
                ApiKey.expires_at.is_(None) | (ApiKey.expires_at > func.now()),
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1])

    def touch_api_key(self, api_key_id: UUID) -> None:
        """Note that a key was used."""
        self._session.execute(
            update(ApiKey)
            .where(
                ApiKey.id == api_key_id,
                ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < from_now(-_NOTE_USE_AFTER_S)),
            )
            .values(last_used_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def find_key_of(self, *, organisation_id: UUID, api_key_id: UUID) -> ApiKey | None:
        """Return a key of the organisation, whether it holds or not."""
        return self._session.scalars(
            select(ApiKey).where(ApiKey.organisation_id == organisation_id, ApiKey.id == api_key_id)
        ).one_or_none()

    def list_api_keys(self, *, organisation_id: UUID, before: UUID | None, limit: int) -> list[ApiKey]:
        """Return an organisation's keys, newest first."""
        query = select(ApiKey).where(ApiKey.organisation_id == organisation_id)
        if before is not None:
            query = query.where(ApiKey.id < before)
        return list(self._session.scalars(query.order_by(ApiKey.id.desc()).limit(limit)))

    def revoke_api_key(self, *, organisation_id: UUID, api_key_id: UUID) -> bool:
        """End a key; False when there is no such key. Ending it twice keeps the first time."""
        return (
            self._session.scalar(
                update(ApiKey)
                .where(ApiKey.organisation_id == organisation_id, ApiKey.id == api_key_id)
                .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
                .returning(ApiKey.id)
                .execution_options(synchronize_session=False)
            )
            is not None
        )


def _n_organisations() -> ColumnElement[int]:
    """Return to how many organisations the holder of the login belongs."""
    other = aliased(Membership)
    mine = select(func.count()).select_from(other).where(other.user_id == LoginSession.user_id)
    return mine.correlate(LoginSession).scalar_subquery().label("n_organisations")


def _second_factor_from() -> ColumnElement[datetime | None]:
    """Return from when the login needs a second factor that it does not have; null when it needs none, or has one."""
    asked = cast(Membership.role, String()) == any_(SignInPolicy.second_factor_roles)
    lacking = LoginSession.has_second_factor.is_(False) & (LoginSession.method != SignInMethod.PROVIDER)
    return case((asked & lacking, SignInPolicy.second_factor_from), else_=None).label("second_factor_from")


def _holds(idle_s: float) -> tuple[ColumnElement[bool], ...]:
    return (
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > func.now(),
        LoginSession.last_seen_at > from_now(-idle_s),
    )
