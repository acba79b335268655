"""Teams, athletes, and the occasions on which they are screened."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.types import Movement, Sex
from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.athletes import LegDominance
from app.domain.screenings import ScreeningContext


class Team(TenantMixin, Base):
    """A group of athletes."""

    __tablename__ = "team"
    __table_args__ = (belongs_to_organisation(), tenant_key(), UniqueConstraint("organisation_id", "name"))

    id: Mapped[IdKey]
    name: Mapped[LongText]
    sport: Mapped[LongText | None]
    season: Mapped[LongText | None]
    """As people call it: 2026/27."""
    created_at: Mapped[CreatedAt]
    archived_at: Mapped[Instant | None]
    """Since when it is offered no more; its athletes, days and results stay."""


class Athlete(TenantMixin, Base):
    """A person on the roster."""

    __tablename__ = "athlete"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        UniqueConstraint("organisation_id", "external_id"),
        UniqueConstraint("organisation_id", "sync_id"),
        Index("ix_athlete_by_name", "organisation_id", "name_key", "id"),
        Index("ix_athlete_changed", "organisation_id", "updated_at", "id"),
        CheckConstraint("stature_cm > 0", name="stature_positive"),
        CheckConstraint("mass_kg > 0", name="mass_positive"),
    )

    id: Mapped[IdKey]
    name: Mapped[LongText]
    """As shown; given and family name are its parts where they are known."""
    name_key: Mapped[str] = mapped_column(Text(collation="C"), Computed("fold_text(name)", persisted=True))
    """What lists by name are sorted by. A column, because PostgreSQL lets no function of one into an index
    condition past row-level security unless it is known not to leak."""
    given_name: Mapped[LongText | None]
    family_name: Mapped[LongText | None]
    external_id: Mapped[LongText | None]
    """The organisation's own number for this person."""
    sync_id: Mapped[LongText | None]
    """The key an integration chose for this person."""
    sex: Mapped[Sex] = mapped_column(stored_as_text(Sex))
    """For reference ranges alone."""
    date_of_birth: Mapped[date | None]
    sport: Mapped[LongText | None]
    position: Mapped[LongText | None]
    level: Mapped[LongText | None]
    stature_cm: Mapped[float | None]
    mass_kg: Mapped[float | None]
    leg_dominance: Mapped[LegDominance | None] = mapped_column(stored_as_text(LegDominance))
    email: Mapped[LongText | None]
    phone: Mapped[LongText | None]
    """International, E.164."""
    guardians: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    """Who answers for a child: name, relation, email, phone of each."""
    active: Mapped[bool] = mapped_column(server_default=true())
    """False for those who left."""
    version: Mapped[int] = mapped_column(server_default=text("1"))
    """Counts the changes of the row, its teams and its ids."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class AthleteWord(TenantMixin, Base):
    """A word that an athlete is found by, folded: of the name and of every external id.

    Triggers alone write, change and remove them, for all athletes of a statement at once; so nothing is referred to.
    """

    __tablename__ = "athlete_word"
    __table_args__ = (Index(None, "organisation_id", "athlete_id"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    athlete_id: Mapped[UUID] = mapped_column(primary_key=True)


class AthleteExternalId(TenantMixin, Base):
    """An athlete's id in another system."""

    __tablename__ = "athlete_external_id"
    __table_args__ = (
        tenant_reference("athlete_id", "athlete"),
        # one that is shown per system; ids inherited by merging only lead to the person
        Index(
            "uq_athlete_external_id_shown",
            "organisation_id",
            "athlete_id",
            "system",
            unique=True,
            postgresql_where=text("NOT inherited"),
        ),
        Index(None, "organisation_id", "athlete_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[LongText] = mapped_column(primary_key=True)
    athlete_id: Mapped[UUID]
    inherited: Mapped[bool]
    """True when it came from a record that was merged into this one, which has an id of its own."""


class AthleteTombstone(TenantMixin, Base):
    """What is left of an athlete who is gone: enough for a copy elsewhere to follow, and nothing of the person."""

    __tablename__ = "athlete_tombstone"
    __table_args__ = (belongs_to_organisation(), Index(None, "organisation_id", "deleted_at"))

    id: Mapped[IdKey]
    """The athlete's."""
    reason: Mapped[LongText]
    merged_into: Mapped[UUID | None]
    deleted_at: Mapped[CreatedAt]


class TeamMember(TenantMixin, Base):
    """An athlete's place in a team."""

    __tablename__ = "team_member"
    __table_args__ = (
        tenant_reference("team_id", "team"),
        tenant_reference("athlete_id", "athlete"),
        Index(None, "organisation_id", "athlete_id"),
        UniqueConstraint("organisation_id", "team_id", "bib"),
    )

    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    athlete_id: Mapped[UUID] = mapped_column(primary_key=True)
    bib: Mapped[LongText | None]
    """What the athlete wears in this team."""


class Screening(TenantMixin, Base):
    """One athlete tested on one occasion."""

    __tablename__ = "screening"
    __table_args__ = (
        tenant_key(),
        tenant_reference("athlete_id", "athlete"),
        UniqueConstraint("organisation_id", "athlete_id", "screened_on", "context"),
        Index("ix_screening_newest", "organisation_id", text("screened_on DESC"), text("id DESC")),
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
        Index("ix_trial_told", "organisation_id", "id", postgresql_include=["screening_id"]),
    )

    id: Mapped[IdKey]
    screening_id: Mapped[UUID]
    movement: Mapped[Movement] = mapped_column(stored_as_text(Movement))
    number: Mapped[int] = mapped_column(SmallInteger)
    """From 1 within the screening and movement."""
    created_at: Mapped[CreatedAt]


class ScreeningJudgement(TenantMixin, Base):
    """What a screening was last judged to be, so that a history is read and not judged anew.

    Holds for its inputs and for nothing else; triggers remove it with the results it was made of.
    """

    __tablename__ = "screening_judgement"
    __table_args__ = (tenant_reference("screening_id", "screening"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    screening_id: Mapped[UUID] = mapped_column(primary_key=True)
    inputs_sha256: Mapped[bytes]
    """Of the trials, recordings and analyses that were judged, and of the method that judged them."""
    content: Mapped[LongText]
    """JSON: the movements, as the services know them."""
    judged_at: Mapped[CreatedAt]
