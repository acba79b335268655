"""Letters that wait for a mail server."""

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.mail import MailOutcome


class OutgoingMail(TenantMixin, Base):
    """One letter. Address and words are sealed, and gone as soon as it ended."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (
        belongs_to_organisation(),
        Index("ix_outgoing_mail_waiting", "due_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[IdKey]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The letter; None once it ended."""
    n_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[Instant]
    """Not before; while an attempt is made, when it counts as lost."""
    good_until: Mapped[Instant]
    """After this it would tell of something that holds no longer."""
    reason: Mapped[LongText | None]
    """Why the last attempt failed, as a code."""
    outcome: Mapped[MailOutcome | None] = mapped_column(stored_as_text(MailOutcome))
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[Instant | None]
