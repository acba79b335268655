"""Letters of one organisation, and the only writer of how far they are."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, text, update

from app.db.engine import TenantSession
from app.db.models import OutgoingMail
from app.db.types import from_now
from app.domain.mail import MailOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A letter that waits; found across organisations, so no more than ids."""

    organisation_id: UUID
    mail_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MailClaim:
    """One worker's hold on a letter."""

    mail_id: UUID
    attempt: int
    sealed: bytes = field(repr=False)
    is_too_late: bool
    left_s: float
    """So long it will be good for."""


class MailRepository:
    """Letters of one organisation."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(self, *, organisation_id: UUID, mail_id: UUID, sealed: bytes, good_for_s: float) -> None:
        """Put a letter into the outbox."""
        self._session.execute(
            insert(OutgoingMail).values(
                id=mail_id,
                organisation_id=organisation_id,
                sealed=sealed,
                due_at=func.now(),
                good_until=from_now(good_for_s),
            )
        )

    def call_off(self, *, organisation_id: UUID, mail_ids: Collection[UUID]) -> int:
        """Remove letters that are not sent yet; return how many."""
        gone = self._session.scalars(
            delete(OutgoingMail)
            .where(
                OutgoingMail.organisation_id == organisation_id,
                OutgoingMail.id.in_(mail_ids),
                OutgoingMail.sealed.is_not(None),
            )
            .returning(OutgoingMail.id)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())

    def find_due(self, *, limit: int) -> list[DueMail]:
        """Return letters that nobody is sending, of every organisation."""
        rows = self._session.execute(
            text("SELECT organisation_id, mail_id FROM due_mail(:max_rows)"), {"max_rows": limit}
        )
        return [DueMail(organisation_id=row.organisation_id, mail_id=row.mail_id) for row in rows]

    def claim(self, mail_id: UUID, *, lease_s: float) -> MailClaim | None:
        """Begin an attempt; None when the letter ended, is not due, or somebody else is sending it."""
        row = self._session.execute(
            update(OutgoingMail)
            .where(
                self._session.own(OutgoingMail),
                OutgoingMail.id == mail_id,
                OutgoingMail.ended_at.is_(None),
                OutgoingMail.due_at <= func.now(),
            )
            .values(n_attempts=OutgoingMail.n_attempts + 1, due_at=from_now(lease_s))
            .returning(
                OutgoingMail.n_attempts,
                OutgoingMail.sealed,
                (OutgoingMail.good_until - func.now()).label("left"),
            )
        ).one_or_none()
        if row is None or row.sealed is None:
            return None
        left: timedelta = row.left
        return MailClaim(
            mail_id=mail_id,
            attempt=row.n_attempts,
            sealed=row.sealed,
            is_too_late=left <= timedelta(),
            left_s=left.total_seconds(),
        )

    def end(self, claim: MailClaim, *, outcome: MailOutcome, reason: str | None = None) -> bool:
        """Note how it ended and forget what it said; False when the attempt is not ours any more."""
        return self._write(claim, ended_at=func.now(), outcome=outcome, reason=reason, sealed=None)

    def put_back(self, claim: MailClaim, *, delay_s: float, reason: str) -> bool:
        """Let it wait for another attempt; False when this one is not ours any more."""
        return self._write(claim, due_at=from_now(delay_s), reason=reason)

    def remove_ended(self, *, organisation_id: UUID, older_than_s: float) -> int:
        """Forget that letters were sent; return how many."""
        gone = self._session.scalars(
            delete(OutgoingMail)
            .where(
                OutgoingMail.organisation_id == organisation_id,
                OutgoingMail.ended_at < from_now(-older_than_s),
            )
            .returning(OutgoingMail.id)
        )
        return len(gone.all())

    def _write(self, claim: MailClaim, **values: object) -> bool:
        written = self._session.scalar(
            update(OutgoingMail)
            .where(
                self._session.own(OutgoingMail),
                OutgoingMail.id == claim.mail_id,
                OutgoingMail.n_attempts == claim.attempt,
                OutgoingMail.ended_at.is_(None),
            )
            .values(values)
            .returning(OutgoingMail.id)
            .execution_options(synchronize_session=False)
        )
        return written is not None
