"""Teams, athletes, and the occasions on which they are screened."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.types import Movement, Sex
from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, LongText, stored_as_text
from app.domain.screenings import ScreeningContext


class Team(TenantMixin, Base):
    """A group of athletes."""

    __tablename__ = "team"
    __table_args__ = (belongs_to_organisation(), tenant_key(), UniqueConstraint("organisation_id", "name"))

    id: Mapped[IdKey]
    name: Mapped[LongText]
    created_at: Mapped[CreatedAt]


class Athlete(TenantMixin, Base):
    """A person on the roster."""

    __tablename__ = "athlete"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        UniqueConstraint("organisation_id", "external_id"),
        Index("ix_athlete_by_name", "organisation_id", text("lower(name)"), "id"),
        CheckConstraint("stature_cm > 0", name="stature_positive"),
    )

    id: Mapped[IdKey]
    name: Mapped[LongText]
    external_id: Mapped[LongText | None]
    """The organisation's own number for this person."""
    sex: Mapped[Sex] = mapped_column(stored_as_text(Sex))
    stature_cm: Mapped[float | None]
    created_at: Mapped[CreatedAt]


class TeamMember(TenantMixin, Base):
    """An athlete's place in a team."""

    __tablename__ = "team_member"
    __table_args__ = (
        tenant_reference("team_id", "team"),
        tenant_reference("athlete_id", "athlete"),
        Index(None, "organisation_id", "athlete_id"),
    )

    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    athlete_id: Mapped[UUID] = mapped_column(primary_key=True)


class Screening(TenantMixin, Base):
    """One athlete tested on one occasion."""

    __tablename__ = "screening"
    __table_args__ = (
        tenant_key(),
        tenant_reference("athlete_id", "athlete"),
        UniqueConstraint("organisation_id", "athlete_id", "screened_on", "context"),
    )

    id: Mapped[IdKey]
    athlete_id: Mapped[UUID]
    screened_on: Mapped[date]
    """The day at the place of the screening, as the user gave it."""
    context: Mapped[ScreeningContext] = mapped_column(stored_as_text(ScreeningContext))
    created_at: Mapped[CreatedAt]


class Trial(TenantMixin, Base):
    """One performance of one movement."""

    __tablename__ = "trial"
    __table_args__ = (
        tenant_key(),
        tenant_reference("screening_id", "screening"),
        UniqueConstraint("organisation_id", "screening_id", "movement", "number"),
    )

    id: Mapped[IdKey]
    screening_id: Mapped[UUID]
    movement: Mapped[Movement] = mapped_column(stored_as_text(Movement))
    number: Mapped[int] = mapped_column(SmallInteger)
    """From 1 within the screening and movement."""
    created_at: Mapped[CreatedAt]
