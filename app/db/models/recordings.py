"""Uploaded videos, their life, and the keys that make an upload safe to repeat."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.types import Movement, View
from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.lifecycle import RecordingState, Stage, Trigger
from app.domain.screenings import ScreeningContext

_STATES = ", ".join(f"'{state.value}'" for state in RecordingState)


class Recording(TenantMixin, Base):
    """One uploaded video. Its row is the job: a message in the queue is only a hint."""

    __tablename__ = "recording"
    __table_args__ = (
        belongs_to_organisation(),
        tenant_key(),
        ForeignKeyConstraint(
            ["organisation_id", "athlete_id"], ["athlete.organisation_id", "athlete.id"], ondelete="RESTRICT"
        ),
        ForeignKeyConstraint(
            ["organisation_id", "trial_id"], ["trial.organisation_id", "trial.id"], ondelete="RESTRICT"
        ),
        CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        CheckConstraint("(state = 'processing') = (lease_token IS NOT NULL)", name="lease_while_processing"),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress_share"),
        CheckConstraint("size_bytes > 0", name="size_positive"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        Index("ix_recording_newest", "organisation_id", text("created_at DESC"), text("id DESC")),
        Index(
            "ix_recording_athlete_newest",
            "organisation_id",
            "athlete_id",
            text("created_at DESC"),
            text("id DESC"),
        ),
        Index(
            "ix_recording_athlete_screened",
            "organisation_id",
            "athlete_id",
            text("screened_on DESC"),
            text("created_at DESC"),
            text("id DESC"),
        ),
        Index("ix_recording_waiting", "queued_at", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_recording_leased", "lease_until", postgresql_where=text("state = 'processing'")),
        Index(None, "organisation_id", "trial_id"),
        Index(
            "ix_recording_told",
            "organisation_id",
            "id",
            postgresql_include=["athlete_id", "trial_id", "screened_on", "movement", "view"],
        ),
        Index(None, "organisation_id", "sha256"),
        Index("ix_recording_withheld", "id", postgresql_where=text("withheld > 0")),
        Index(
            "ix_recording_with_original",
            "organisation_id",
            "created_at",
            postgresql_where=text("original_deleted_at IS NULL"),
        ),
    )

    id: Mapped[IdKey]
    athlete_id: Mapped[UUID | None]
    """None while it waits in the inbox."""
    trial_id: Mapped[UUID | None]
    screened_on: Mapped[date]
    captured_at: Mapped[Instant | None]
    """When it was filmed, as whoever sent it said."""
    context: Mapped[ScreeningContext] = mapped_column(stored_as_text(ScreeningContext))
    movement: Mapped[Movement] = mapped_column(stored_as_text(Movement))
    view: Mapped[View] = mapped_column(stored_as_text(View))
    box_height_cm: Mapped[float | None]

    state: Mapped[RecordingState] = mapped_column(stored_as_text(RecordingState))
    """Written by `RecordingRepository.transition` alone."""
    stage: Mapped[Stage | None] = mapped_column(stored_as_text(Stage))
    progress: Mapped[float] = mapped_column(server_default=text("0"))
    """Share of the present attempt that is done, 0-1."""
    run: Mapped[int] = mapped_column(server_default=text("1"))
    """Counts how often an analysis was asked for; each run ends in at most one analysis."""
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Attempts claimed within this run."""
    max_attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("3"))
    """Attempts allowed within a run; written by each claim."""
    lease_token: Mapped[UUID | None]
    """Belongs to the present attempt; who does not hold it writes nothing."""
    lease_until: Mapped[Instant | None]
    not_before: Mapped[Instant | None]
    """Not to be claimed earlier: the wait before a retry."""
    queued_at: Mapped[Instant | None]
    is_bulk: Mapped[bool] = mapped_column(server_default=false())
    """Nobody waits for it: served when nothing of anybody waits that somebody does wait for."""
    sent_at: Mapped[Instant | None]
    """When a job was last sent for it; None asks the sweeper to send one."""
    failure_code: Mapped[LongText | None]
    """What the last attempt died of, while failed."""
    dropped_at: Mapped[Instant | None]
    """A person left this trial out; it counts in no mean and on no dashboard until that is undone."""

    filename: Mapped[LongText]
    """As the user named it; for display only."""
    blob_key: Mapped[LongText]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    container: Mapped[LongText]
    codec: Mapped[LongText]
    width_px: Mapped[int]
    height_px: Mapped[int]
    duration_s: Mapped[float]
    """As the quick look at arrival found it; the analysis measures it anew."""
    withheld: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """A `Withheld`: from whom the results are kept; row-level security on `analysis` goes by it."""
    withheld_since: Mapped[Instant | None]
    """Since when they are kept from everybody."""
    original_deleted_at: Mapped[Instant | None]
    pictures_deleted_at: Mapped[Instant | None]
    """Of overlays and stills that there were."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class OrganisationTurn(TenantMixin, Base):
    """When a recording of an organisation was last taken up; written by the function `take_turn` alone."""

    __tablename__ = "organisation_turn"
    __table_args__ = (belongs_to_organisation(),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    served_at: Mapped[Instant]


class RecordingEvent(TenantMixin, Base):
    """One step in the life of a recording; written with the step, never changed."""

    __tablename__ = "recording_event"
    __table_args__ = (
        tenant_reference("recording_id", "recording"),
        Index(None, "organisation_id", "recording_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    recording_id: Mapped[UUID]
    from_state: Mapped[RecordingState | None] = mapped_column(stored_as_text(RecordingState))
    """None for the first."""
    trigger: Mapped[Trigger] = mapped_column(stored_as_text(Trigger))
    to_state: Mapped[RecordingState] = mapped_column(stored_as_text(RecordingState))
    run: Mapped[int]
    attempt: Mapped[int] = mapped_column(SmallInteger)
    detail: Mapped[LongText | None]
    """A stable code of why, when there is more to say than the trigger."""
    actor_user_id: Mapped[UUID | None]
    actor_api_key_id: Mapped[UUID | None]
    """Who asked for it; both None for what happens by itself."""
    created_at: Mapped[CreatedAt]


class IdempotencyKey(TenantMixin, Base):
    """What a repeated request answers with: an upload with its recording, any other with what it was answered."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        # Checked at commit: the key is taken before its recording is written.
        ForeignKeyConstraint(
            ["organisation_id", "recording_id"],
            ["recording.organisation_id", "recording.id"],
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        CheckConstraint("(recording_id IS NULL) = (status IS NOT NULL)", name="recording_or_answer"),
        Index(None, "organisation_id", "recording_id"),
        Index(None, "organisation_id", "created_at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    recording_id: Mapped[UUID | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed; None once somebody it may tell of was erased."""
    created_at: Mapped[CreatedAt]
