"""Second factors, what organisations ask for, and the steps of a sign-in under way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import any_, delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db.models import LoginSession, Passkey, SignInPolicy, SignInStep, UserAccount
from app.db.types import from_now, new_id
from app.domain.access import Role
from app.domain.sign_in import SecondFactorRule, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A sign-in under way."""

    id: UUID
    user_id: UUID | None
    sealed: bytes | None = field(repr=False)


class SignInRepository:
    """Second factors, policies and steps. What belongs to a person needs a unit of work of none."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    # -- an authenticator app, and recovery codes

    def prepare_totp(self, *, user_id: UUID, sealed: bytes) -> bool:
        """Keep a secret that is not confirmed yet; False when one is in use."""
        return self._change_user(
            user_id, UserAccount.totp_since.is_(None), totp_sealed=sealed, totp_last_step=None
        )

    def start_totp(self, *, user_id: UUID, step: int) -> bool:
        """Put the prepared secret to use; False when there is none, or it is in use."""
        return self._change_user(
            user_id,
            UserAccount.totp_since.is_(None) & UserAccount.totp_sealed.is_not(None),
            totp_since=func.now(),
            totp_last_step=step,
        )

    def use_totp_step(self, *, user_id: UUID, step: int) -> bool:
        """Spend the code of this half minute; False when it or a later one was used. Of two at once, one gets it."""
        unused = UserAccount.totp_last_step.is_(None) | (UserAccount.totp_last_step < step)
        return self._change_user(user_id, UserAccount.totp_since.is_not(None) & unused, totp_last_step=step)

    def stop_totp(self, *, user_id: UUID) -> bool:
        """Forget the app's secret; False when there was none in use."""
        return self._change_user(
            user_id,
            UserAccount.totp_since.is_not(None),
            totp_sealed=None,
            totp_since=None,
            totp_last_step=None,
        )

    def set_recovery_codes(self, *, user_id: UUID, recovery_sha256: Sequence[bytes]) -> None:
        """Keep these instead of those before."""
        self._change_user(user_id, recovery_sha256=list(recovery_sha256))

    def use_recovery_code(self, *, user_id: UUID, sha256: bytes) -> bool:
        """Spend a recovery code; False when it is none of theirs, or spent."""
        return self._change_user(
            user_id,
            literal(sha256) == any_(UserAccount.recovery_sha256),
            recovery_sha256=func.array_remove(UserAccount.recovery_sha256, sha256),
        )

    # -- passkeys

    def list_passkeys(self, user_id: UUID) -> list[Passkey]:
        """Return a person's passkeys, the oldest first."""
        query = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
        return list(self._session.scalars(query))

    def has_passkey(self, user_id: UUID) -> bool:
        """Say whether a person has any."""
        return bool(self._session.scalar(select(exists().where(Passkey.user_id == user_id))))

    def add_passkey(
        self,
        *,
        user_id: UUID,
        credential_id: bytes,
        public_key: bytes,
        sign_count: int,
        name: str,
        is_synced: bool,
    ) -> bool:
        """Keep a passkey; False when somebody has it already."""
        added = self._session.scalar(
            postgresql.insert(Passkey)
            .values(
                id=new_id(),
                user_id=user_id,
                credential_id=credential_id,
                public_key=public_key,
                sign_count=sign_count,
                name=name,
                is_synced=is_synced,
            )
            .on_conflict_do_nothing(index_elements=["credential_id"])
            .returning(Passkey.id)
        )
        return added is not None

    def find_passkey(self, credential_id: bytes) -> Passkey | None:
        """Return the passkey of this name, held for this transaction, so that its count only goes up."""
        return self._session.scalars(
            select(Passkey).where(Passkey.credential_id == credential_id).with_for_update()
        ).one_or_none()

    def note_passkey_used(self, passkey_id: UUID, *, sign_count: int) -> None:
        """Note that a passkey was used."""
        self._session.execute(
            update(Passkey)
            .where(Passkey.id == passkey_id)
            .values(sign_count=sign_count, last_used_at=func.now())
        )

    def rename_passkey(self, *, user_id: UUID, passkey_id: UUID, name: str) -> None:
        """Call a passkey something else, if it is theirs."""
        self._session.execute(
            update(Passkey)
            .where(Passkey.id == passkey_id, Passkey.user_id == user_id)
            .values(name=name)
            .execution_options(synchronize_session=False)
        )

    def remove_passkey(self, *, user_id: UUID, passkey_id: UUID | None = None) -> bool:
        """Forget one of a person's passkeys, or all; False when there was none."""
        query = delete(Passkey).where(Passkey.user_id == user_id)
        if passkey_id is not None:
            query = query.where(Passkey.id == passkey_id)
        return bool(self._session.scalars(query.returning(Passkey.id)).all())

    # -- logins

    def note_confirmed(self, session_id: UUID, *, has_second_factor: bool = False) -> None:
        """Note that the person behind a login has just proved again who they are."""
        values: dict[str, object] = {"confirmed_at": func.now()}
        if has_second_factor:
            values["has_second_factor"] = True
        self._session.execute(update(LoginSession).where(LoginSession.id == session_id).values(values))

    # -- what an organisation asks for

    def rule(self, *, organisation_id: UUID) -> SecondFactorRule:
        """Return who needs a second factor."""
        row = self._session.scalars(
            select(SignInPolicy)
            .where(SignInPolicy.organisation_id == organisation_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if row is None or not row.second_factor_roles:
            return SecondFactorRule()
        return SecondFactorRule(
            roles=frozenset(Role(each) for each in row.second_factor_roles), starts_at=row.second_factor_from
        )

    def set_rule(self, *, organisation_id: UUID, roles: frozenset[Role], grace_s: float) -> None:
        """Say who needs a second factor, and how long those without have."""
        values = {
            "second_factor_roles": sorted(role.value for role in roles),
            "second_factor_from": from_now(grace_s),
        }
        self._session.execute(
            postgresql.insert(SignInPolicy)
            .values(organisation_id=organisation_id, **values)
            .on_conflict_do_update(index_elements=["organisation_id"], set_=values)
        )

    # -- steps

    def add_step(
        self,
        *,
        step_id: UUID,
        token_sha256: bytes,
        kind: StepKind,
        user_id: UUID | None,
        sealed: bytes | None,
        lifetime_s: float,
    ) -> None:
        """Begin a step; those that are over go."""
        self._session.execute(delete(SignInStep).where(SignInStep.expires_at <= func.now()))
        self._session.execute(
            insert(SignInStep).values(
                id=step_id,
                token_sha256=token_sha256,
                kind=kind,
                user_id=user_id,
                sealed=sealed,
                expires_at=from_now(lifetime_s),
            )
        )

    def find_step(self, *, token_sha256: bytes, kind: StepKind) -> StepRow | None:
        """Return the step of this token if it still waits."""
        row = self._session.execute(
            select(SignInStep.id, SignInStep.user_id, SignInStep.sealed).where(
                SignInStep.token_sha256 == token_sha256,
                SignInStep.kind == kind,
                SignInStep.expires_at > func.now(),
            )
        ).one_or_none()
        return None if row is None else StepRow(id=row.id, user_id=row.user_id, sealed=row.sealed)

    def take_step(self, *, token_sha256: bytes, kind: StepKind) -> StepRow | None:
        """Return the step of this token and end it, at once: of two who try, one gets it."""
        row = self._session.execute(
            delete(SignInStep)
            .where(
                SignInStep.token_sha256 == token_sha256,
                SignInStep.kind == kind,
                SignInStep.expires_at > func.now(),
            )
            .returning(SignInStep.id, SignInStep.user_id, SignInStep.sealed)
        ).one_or_none()
        return None if row is None else StepRow(id=row.id, user_id=row.user_id, sealed=row.sealed)

    def _change_user(self, user_id: UUID, *conditions: object, **values: object) -> bool:
        changed = self._session.scalar(
            update(UserAccount)
            .where(UserAccount.id == user_id, *conditions)  # type: ignore[arg-type]  # each is a column compared
            .values(values)
            .returning(UserAccount.id)
            .execution_options(synchronize_session=False)
        )
        return changed is not None
