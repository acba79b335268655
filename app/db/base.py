"""The declarative base: one metadata, one way to name a constraint."""

from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What every table has in common."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[object, object]] = {}


class TenantMixin:
    """A row of one organisation; row-level security compares this column with ``app.org_id``."""

    organisation_id: Mapped[UUID] = mapped_column()


def tenant_key() -> UniqueConstraint:
    """Let rows of the same organisation, and no other, refer to this table."""
    return UniqueConstraint("organisation_id", "id")


def tenant_reference(column: str, table: str, *, cascade: bool = True) -> ForeignKeyConstraint:
    """Refer to a row of the same organisation.

    Foreign keys are checked past row-level security, so the organisation is part of the key: otherwise
    a row could be hung on another organisation's athlete.
    """
    return ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{table}.organisation_id", f"{table}.id"],
        ondelete="CASCADE" if cascade else "RESTRICT",
    )


def belongs_to_organisation() -> ForeignKeyConstraint:
    """Refer to the organisation itself."""
    return ForeignKeyConstraint(["organisation_id"], ["organisation.id"], ondelete="RESTRICT")
