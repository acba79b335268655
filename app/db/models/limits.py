"""How much of an organisation somebody sees: teams for staff and keys, athletes for themselves and guardians.

`subject_id` is a user's or a key's id. The restrictive policies (`limited`) read these tables for whomever the
transaction names in ``app.limited_to``.
"""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, tenant_reference
from app.db.types import CreatedAt


class TeamLimit(TenantMixin, Base):
    """A team that a limited member or key sees."""

    __tablename__ = "team_limit"
    __table_args__ = (tenant_reference("team_id", "team"), Index(None, "organisation_id", "team_id"))

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)


class AthleteLink(TenantMixin, Base):
    """An athlete whom an athlete's or guardian's login sees."""

    __tablename__ = "athlete_link"
    __table_args__ = (tenant_reference("athlete_id", "athlete"), Index(None, "organisation_id", "athlete_id"))

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    athlete_id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[CreatedAt]
