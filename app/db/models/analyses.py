"""What was found in a recording. Rows are added, never changed; only the pictures come later."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.biomech.types import EventName, EventSource, Severity, Side, Verdict
from app.db.base import Base, TenantMixin, belongs_to_organisation, tenant_key, tenant_reference
from app.db.types import CreatedAt, IdKey, Instant, LongText, stored_as_text
from app.domain.lifecycle import AnalysisOrigin, PicturesState

_PICTURES_STATES = ", ".join(f"'{state.value}'" for state in PicturesState)


class Analysis(TenantMixin, Base):
    """What one method version found in one recording."""

    __tablename__ = "analysis"
    __table_args__ = (
        tenant_key(),
        tenant_reference("recording_id", "recording"),
        UniqueConstraint("organisation_id", "recording_id", "run"),
        UniqueConstraint("lease_token"),
        Index(
            "ix_analysis_told",
            "organisation_id",
            "id",
            postgresql_include=[
                "recording_id",
                "run",
                "created_at",
                "model_sha256",
                "code_version",
                "input_sha256",
            ],
        ),  # what a page of the feed tells, on a few pages
    )

    id: Mapped[IdKey]
    recording_id: Mapped[UUID]
    run: Mapped[int]
    """The recording's run that this answers; unique, so that nothing is analysed twice."""
    lease_token: Mapped[UUID]
    """Of the attempt that made it."""
    verdict: Mapped[Verdict] = mapped_column(stored_as_text(Verdict))
    method_version: Mapped[LongText]
    model_sha256: Mapped[str] = mapped_column(String(64))
    code_version: Mapped[LongText]
    input_sha256: Mapped[str] = mapped_column(String(64))
    """Of the file that was analysed."""
    video_width_px: Mapped[int | None]
    """This and the other video columns: None when the file could not be opened as a video."""
    video_height_px: Mapped[int | None]
    video_duration_s: Mapped[float | None]
    video_n_frames: Mapped[int | None]
    video_nominal_fps_hz: Mapped[float | None]
    video_rotation_deg: Mapped[int | None]
    """Counter-clockwise."""
    video_codec: Mapped[LongText | None]
    video_clap_s: Mapped[float | None]
    """Where one clap stands out in the sound."""
    video_flash_s: Mapped[float | None]
    """Where one flash stands out in the pictures."""
    video_brightness: Mapped[float | None]
    """Of the usual frame, 0 black to 1 white; with the next two it says how far its landmarks can be trusted."""
    video_contrast: Mapped[float | None]
    video_key_bits_per_pixel: Mapped[float | None]
    track_key: Mapped[LongText | None]
    kinematics_key: Mapped[LongText | None]
    source_track_key: Mapped[LongText | None]
    """The track as it was read from the video, where `track_key` is one that was put right."""
    origin: Mapped[AnalysisOrigin] = mapped_column(
        stored_as_text(AnalysisOrigin), server_default=text("'video'")
    )
    supersedes_id: Mapped[UUID | None]
    """The analysis it was made from or instead of; both stay."""
    pick_id: Mapped[UUID | None]
    """The correction by which the athlete of its track was picked; None: found by themselves."""
    created_at: Mapped[CreatedAt]


class AnalysisPictures(TenantMixin, Base):
    """The pictures of one analysis, and the work of drawing them: like a recording, the row is the job.

    A row of its own, because an analysis never changes and its numbers do not wait for pictures.
    """

    __tablename__ = "analysis_pictures"
    __table_args__ = (
        tenant_reference("analysis_id", "analysis"),
        CheckConstraint(f"state IN ({_PICTURES_STATES})", name="state_known"),
        CheckConstraint("state = 'pending' OR lease_token IS NULL", name="lease_while_pending"),
        Index("ix_analysis_pictures_told", "organisation_id", "analysis_id", postgresql_include=["state"]),
        Index("ix_analysis_pictures_pending", "lease_until", postgresql_where=text("state = 'pending'")),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[PicturesState] = mapped_column(stored_as_text(PicturesState))
    attempt: Mapped[int] = mapped_column(SmallInteger)
    """Attempts begun, the one that follows the analysis included."""
    max_attempts: Mapped[int] = mapped_column(SmallInteger)
    lease_token: Mapped[UUID | None]
    """Belongs to the present attempt; who does not hold it writes nothing."""
    lease_until: Mapped[Instant | None]
    """Nobody else may begin earlier: the present attempt's lease, or the wait before the next."""
    sent_at: Mapped[Instant | None]
    """When a job was last sent for it; None while the attempt that follows the analysis has it."""
    failure_code: Mapped[LongText | None]
    """What the last attempt died of."""
    overlay_key: Mapped[LongText | None]
    still_keys: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Blob key by frame."""
    blurred: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether faces are hidden in them."""
    updated_at: Mapped[CreatedAt]


class AnalysisFeed(TenantMixin, Base):
    """When an analysis was made, moved to another athlete, or deleted: what a copy elsewhere follows.

    Kept by triggers that run while a transaction commits, one organisation's one after the other; so `modified_at`
    follows the commits, and whoever has seen one instant has seen all before it.
    """

    __tablename__ = "analysis_feed"
    __table_args__ = (
        belongs_to_organisation(),
        Index(None, "organisation_id", "modified_at", "analysis_id"),
        Index(None, "organisation_id", "athlete_id", "modified_at", "analysis_id"),
        Index(None, "organisation_id", "recording_id"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    """Stays when the analysis is deleted."""
    recording_id: Mapped[UUID]
    athlete_id: Mapped[UUID | None]
    """None while nobody is known, and again once the analysis is deleted."""
    verdict: Mapped[Verdict] = mapped_column(stored_as_text(Verdict))
    method_version: Mapped[LongText]
    modified_at: Mapped[Instant]
    deleted_at: Mapped[Instant | None]


class AnalysisSummary(TenantMixin, Base):
    """What an analysis says, in one text: many analyses are then read without reading their numbers one by one.

    Written by a trigger when the transaction that makes the analysis commits, and never changed.
    """

    __tablename__ = "analysis_summary"
    __table_args__ = (tenant_reference("analysis_id", "analysis"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(primary_key=True)
    content: Mapped[LongText]
    """JSON: score, findings and metrics, numbers rounded as documents round them."""


def _part_of_analysis(*more: Any) -> tuple[Any, ...]:
    return (
        tenant_reference("analysis_id", "analysis"),
        UniqueConstraint("organisation_id", "analysis_id", "position"),
        *more,
    )


class AnalysisEvent(TenantMixin, Base):
    """An instant of the movement."""

    __tablename__ = "analysis_event"
    __table_args__ = _part_of_analysis()

    id: Mapped[IdKey]
    analysis_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    """Order within the analysis, from 0."""
    name: Mapped[EventName] = mapped_column(stored_as_text(EventName))
    side: Mapped[Side] = mapped_column(stored_as_text(Side))
    time_s: Mapped[float]
    frame: Mapped[int]
    sd_s: Mapped[float]
    source: Mapped[EventSource] = mapped_column(stored_as_text(EventSource))
    repetition: Mapped[int | None] = mapped_column(SmallInteger)
    """From 1; None in a movement that is done once."""


class Metric(TenantMixin, Base):
    """One number of the result."""

    __tablename__ = "metric"
    __table_args__ = _part_of_analysis(
        Index(None, "organisation_id", "key", "side", "event"),
    )

    id: Mapped[IdKey]
    analysis_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    key: Mapped[LongText]
    side: Mapped[Side] = mapped_column(stored_as_text(Side))
    value: Mapped[float | None]
    """In `unit`; None where the recording does not allow the number."""
    unit: Mapped[LongText]
    event: Mapped[LongText]
    se: Mapped[float | None]
    """Standard error, in `unit`."""
    repetition: Mapped[int | None] = mapped_column(SmallInteger)
    """From 1; None for the value of the whole trial."""


class Finding(TenantMixin, Base):
    """Something about the recording that the user should know, in the words it was told in."""

    __tablename__ = "finding"
    __table_args__ = _part_of_analysis(Index(None, "organisation_id", "code"))

    id: Mapped[IdKey]
    analysis_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    code: Mapped[LongText]
    severity: Mapped[Severity] = mapped_column(stored_as_text(Severity))
    message: Mapped[LongText]
    how_to_fix: Mapped[LongText]
    frame: Mapped[int | None]


class FlaggedFrame(TenantMixin, Base):
    """A frame worth looking at."""

    __tablename__ = "flagged_frame"
    __table_args__ = _part_of_analysis()

    id: Mapped[IdKey]
    analysis_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    frame: Mapped[int]
    time_s: Mapped[float]
    reason: Mapped[LongText]
    side: Mapped[Side] = mapped_column(stored_as_text(Side))


class Assessment(TenantMixin, Base):
    """The judgement: how far from good landing, 0-100, and how sure."""

    __tablename__ = "assessment"
    __table_args__ = (
        tenant_key(),
        tenant_reference("analysis_id", "analysis"),
        UniqueConstraint("organisation_id", "analysis_id"),
    )

    id: Mapped[IdKey]
    analysis_id: Mapped[UUID]
    value: Mapped[float]
    """0-100, higher is further from good landing."""
    band: Mapped[LongText]
    band_probability: Mapped[float]
    interval_90_low: Mapped[float]
    interval_90_high: Mapped[float]
    coverage: Mapped[float]
    """Share of the full score's weight that was seen, 0-1."""
    scope: Mapped[LongText]
    created_at: Mapped[CreatedAt]


class AssessmentComponent(TenantMixin, Base):
    """One part of the score."""

    __tablename__ = "assessment_component"
    __table_args__ = (
        tenant_reference("assessment_id", "assessment"),
        UniqueConstraint("organisation_id", "assessment_id", "position"),
    )

    id: Mapped[IdKey]
    assessment_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    key: Mapped[LongText]
    side: Mapped[Side] = mapped_column(stored_as_text(Side))
    value: Mapped[float]
    unit: Mapped[LongText]
    cutoff: Mapped[float]
    probability: Mapped[float]
    """That the true value lies beyond the cut-off, 0-1."""
    weight: Mapped[float]
    mark: Mapped[LongText]
