"""Screening days: a team filmed at stations, the phones that came in there, and the recordings they announced."""

from datetime import date
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.types import Movement, View
from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.screening_days import SaidBy
from app.domain.screenings import ScreeningContext


class ScreeningDay(TenantMixin, Base):
    """A team that is filmed on one day, everybody in the same way."""

    __tablename__ = "screening_day"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        tenant_reference("team_id", "team"),
        CheckConstraint("n_trials > 0", name="trials_positive"),
        CheckConstraint("cardinality(views) > 0", name="seen_from_somewhere"),
        Index("ix_screening_day_newest", "organisation_id", text("held_on DESC"), text("id DESC")),
        Index(None, "organisation_id", "team_id"),
    )

    id: Mapped[IdKey]
    team_id: Mapped[UUID]
    name: Mapped[LongText]
    held_on: Mapped[date]
    """The day at the place; every recording of it is of a screening of this day."""
    context: Mapped[ScreeningContext] = mapped_column(stored_as_text(ScreeningContext))
    movement: Mapped[Movement] = mapped_column(stored_as_text(Movement))
    views: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    """From where each trial is filmed, as values of `View`."""
    box_height_cm: Mapped[float | None]
    n_trials: Mapped[int] = mapped_column(SmallInteger)
    """Trials of each athlete."""
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[Instant | None]
    """Since when no phone sends anything for it any more."""


class DayStation(TenantMixin, Base):
    """A place where one camera films."""

    __tablename__ = "day_station"
    __table_args__ = (
        tenant_key(),
        tenant_reference("day_id", "screening_day"),
        UniqueConstraint("organisation_id", "day_id", "number"),
    )

    id: Mapped[IdKey]
    day_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(SmallInteger)
    """From 1."""
    name: Mapped[LongText]
    view: Mapped[View] = mapped_column(stored_as_text(View))


class StationPass(TenantMixin, Base):
    """A phone's way to a station: a code that opens once, and the stay it opened. Only SHA-256s are kept."""

    __tablename__ = "station_pass"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        tenant_reference("station_id", "day_station"),
        UniqueConstraint("code_sha256"),
        UniqueConstraint("token_sha256"),
        Index(None, "organisation_id", "station_id", "id"),
    )

    id: Mapped[IdKey]
    station_id: Mapped[UUID]
    code_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    code_expires_at: Mapped[Instant]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    opened_at: Mapped[Instant | None]
    """When a phone came in by it; the code opens no more."""
    token_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    user_agent: Mapped[LongText | None]
    last_seen_at: Mapped[Instant | None]
    expires_at: Mapped[Instant | None]
    """When the phone has to go."""
    revoked_at: Mapped[Instant | None]


class DayCapture(TenantMixin, Base):
    """A capture of a screening day: where it was filmed, when, and what the station said of it."""

    __tablename__ = "day_capture"
    __table_args__ = (
        tenant_reference("capture_id", "capture"),
        tenant_reference("day_id", "screening_day"),
        tenant_reference("station_id", "day_station"),
        Index(None, "organisation_id", "day_id", "position"),
        Index(None, "organisation_id", "station_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    capture_id: Mapped[UUID] = mapped_column(primary_key=True)
    day_id: Mapped[UUID]
    station_id: Mapped[UUID]
    pass_id: Mapped[UUID | None]
    """The phone that sent it; None for one that a program announced."""
    position: Mapped[int] = mapped_column(BigInteger, Identity())
    """Grows in the order in which they were announced."""
    said_by: Mapped[SaidBy] = mapped_column(stored_as_text(SaidBy))
    bib: Mapped[LongText | None]
    """As typed at the station."""
    taken_at: Mapped[Instant]
    """When it was filmed, by the phone's clock; else when it was announced."""
    settled_at: Mapped[Instant | None]
    """When a person looked at it and said whose it is; it is doubted no more."""
