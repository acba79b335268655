"""Links that open a door once: invitations and password resets, found by the SHA-256 of their token."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, any_, func, insert, literal, select, update
from sqlalchemy.orm import Session

from app.db.models import Invitation, PasswordReset
from app.db.types import from_now, new_id
from app.domain.access import Role


class LinkRepository:
    """Invitations and password resets."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def forget_athlete(self, *, organisation_id: UUID, athlete_id: UUID) -> list[UUID]:
        """Take an athlete out of every invitation; one to nobody else's results ends, and no longer says who was invited.

        Return those that ended.
        """
        ended = self._session.scalars(
            update(Invitation)
            .where(
                Invitation.organisation_id == organisation_id,
                Invitation.role == Role.ATHLETE,
                Invitation.athlete_ids == [athlete_id],
            )
            .values(email="", revoked_at=func.coalesce(Invitation.revoked_at, func.now()))
            .returning(Invitation.id)
            .execution_options(synchronize_session=False)
        ).all()
        self._session.execute(
            update(Invitation)
            .where(
                Invitation.organisation_id == organisation_id,
                literal(athlete_id) == any_(Invitation.athlete_ids),
            )
            .values(athlete_ids=func.array_remove(Invitation.athlete_ids, athlete_id))
            .execution_options(synchronize_session=False)
        )
        return [*ended]

    def add_invitation(
        self,
        *,
        organisation_id: UUID,
        email: str,
        role: Role,
        is_limited: bool,
        team_ids: list[UUID],
        athlete_ids: list[UUID],
        token_sha256: bytes,
        created_by: UUID | None,
        lifetime_s: float,
    ) -> Invitation:
        """Insert an invitation; an earlier one for the same address ends."""
        self._session.execute(
            update(Invitation)
            .where(Invitation.organisation_id == organisation_id, Invitation.email == email, *_open())
            .values(revoked_at=func.now())
        )
        return self._session.scalars(
            insert(Invitation)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                email=email,
                role=role,
                is_limited=is_limited,
                team_ids=team_ids,
                athlete_ids=athlete_ids,
                token_sha256=token_sha256,
                created_by=created_by,
                expires_at=from_now(lifetime_s),
            )
            .returning(Invitation)
        ).one()

    def list_invitations(self, *, organisation_id: UUID, before: UUID | None, limit: int) -> list[Invitation]:
        """Return invitations that nobody has accepted or ended, newest first; past their end, too."""
        query = select(Invitation).where(
            Invitation.organisation_id == organisation_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        if before is not None:
            query = query.where(Invitation.id < before)
        return list(self._session.scalars(query.order_by(Invitation.id.desc()).limit(limit)))

    def revoke_invitation(self, *, organisation_id: UUID, invitation_id: UUID) -> bool:
        """End an invitation; False when there is none to end."""
        ended = self._session.scalar(
            update(Invitation)
            .where(
                Invitation.organisation_id == organisation_id,
                Invitation.id == invitation_id,
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
            )
            .values(revoked_at=func.now())
            .returning(Invitation.id)
        )
        return ended is not None

    def find_invitation(self, *, token_sha256: bytes) -> Invitation | None:
        """Return the invitation of this token if it still opens, held for this transaction: it opens once."""
        return self._session.scalars(
            select(Invitation).where(Invitation.token_sha256 == token_sha256, *_open()).with_for_update()
        ).one_or_none()

    def find_invitation_of(self, *, organisation_id: UUID, email: str) -> Invitation | None:
        """Return the invitation of an address if it still opens, held for this transaction."""
        return self._session.scalars(
            select(Invitation)
            .where(Invitation.organisation_id == organisation_id, Invitation.email == email, *_open())
            .order_by(Invitation.id.desc())
            .limit(1)
            .with_for_update()
        ).one_or_none()

    def note_accepted(self, invitation_id: UUID) -> None:
        """Close an invitation behind whoever came in."""
        self._session.execute(
            update(Invitation).where(Invitation.id == invitation_id).values(accepted_at=func.now())
        )

    def add_reset(
        self, *, organisation_id: UUID, user_id: UUID, token_sha256: bytes, lifetime_s: float
    ) -> tuple[UUID, datetime]:
        """Insert a password reset and return its id and end; earlier ones of the user are spent."""
        self._spend(user_id)
        row = self._session.execute(
            insert(PasswordReset)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                user_id=user_id,
                token_sha256=token_sha256,
                expires_at=from_now(lifetime_s),
            )
            .returning(PasswordReset.id, PasswordReset.expires_at)
        ).one()
        return row.id, row.expires_at

    def use_reset(self, *, token_sha256: bytes) -> PasswordReset | None:
        """Return the reset of this token and spend it, in one step: of two who try, one gets it."""
        return self._session.scalars(
            update(PasswordReset)
            .where(
                PasswordReset.token_sha256 == token_sha256,
                PasswordReset.used_at.is_(None),
                PasswordReset.expires_at > func.now(),
            )
            .values(used_at=func.now())
            .returning(PasswordReset)
        ).one_or_none()

    def _spend(self, user_id: UUID) -> None:
        self._session.execute(
            update(PasswordReset)
            .where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
            .values(used_at=func.now())
        )


def _open() -> tuple[ColumnElement[bool], ...]:
    return (
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > func.now(),
    )
