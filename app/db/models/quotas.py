"""What single organisations may have, where it is not what everybody may."""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation
from app.db.types import CreatedAt


class OrganisationQuota(TenantMixin, Base):
    """In place of the settings of the service, all three; null is no limit."""

    __tablename__ = "organisation_quota"
    __table_args__ = (
        belongs_to_organisation(),
        CheckConstraint(
            "stored_bytes >= 0 AND recordings_a_month >= 0 AND open_uploads >= 0", name="not_negative"
        ),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    stored_bytes: Mapped[int | None] = mapped_column(BigInteger)
    recordings_a_month: Mapped[int | None]
    open_uploads: Mapped[int | None]
    updated_at: Mapped[CreatedAt]
