"""Re-analyses of many recordings with a new version of the method. The rows are the job."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.reanalysis import OPEN, WORKING, ItemState, ReanalysisState, Route, SkipReason

_OPEN = ", ".join(f"'{state.value}'" for state in OPEN)
_WORKING = ", ".join(f"'{state.value}'" for state in WORKING)


class Reanalysis(TenantMixin, Base):
    """One team, or the whole organisation, judged anew; previewed first, then accepted."""

    __tablename__ = "reanalysis"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        ForeignKeyConstraint(
            ["organisation_id", "team_id"], ["team.organisation_id", "team.id"], ondelete="CASCADE"
        ),
        CheckConstraint(f"state IN ({_WORKING}) OR lease_token IS NULL", name="lease_while_working"),
        Index(
            "uq_reanalysis_open",
            "organisation_id",
            unique=True,
            postgresql_where=text(f"state IN ({_OPEN})"),
        ),
        Index("ix_reanalysis_working", "sent_at", postgresql_where=text(f"state IN ({_WORKING})")),
    )

    id: Mapped[IdKey]
    team_id: Mapped[UUID | None]
    """None: the whole organisation."""
    method_version: Mapped[LongText]
    model_sha256: Mapped[str] = mapped_column(String(64))
    code_version: Mapped[LongText]
    state: Mapped[ReanalysisState] = mapped_column(stored_as_text(ReanalysisState))
    n_current: Mapped[int]
    """Recordings that were of this version already."""
    lease_token: Mapped[UUID | None]
    """Of the worker that has it; who does not hold it writes nothing."""
    lease_until: Mapped[Instant | None]
    sent_at: Mapped[Instant | None]
    """When a job was last sent for it."""
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class ReanalysisItem(TenantMixin, Base):
    """One recording of a re-analysis."""

    __tablename__ = "reanalysis_item"
    __table_args__ = (
        tenant_reference("reanalysis_id", "reanalysis"),
        tenant_reference("recording_id", "recording"),
        Index(None, "organisation_id", "recording_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    reanalysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    recording_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[ItemState] = mapped_column(stored_as_text(ItemState))
    route: Mapped[Route | None] = mapped_column(stored_as_text(Route))
    reason: Mapped[SkipReason | None] = mapped_column(stored_as_text(SkipReason))
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Attempts begun in the present state of the re-analysis, counted before each."""
    track_key: Mapped[LongText | None]
    """The track that was read for it, where the video had to be read again."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Verdict, score, band and metrics of the present analysis."""
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The same with the new version."""
    analysis_id: Mapped[UUID | None]
    """The analysis that was accepted."""
