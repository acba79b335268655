"""What a client may send, how often, and how much of it is left."""

from pydantic import Field

from app.api.schemas.base import Output


class VideoLimits(Output):
    """Of one video."""

    max_bytes: int
    max_duration_s: float
    containers: list[str]


class RateLimits(Output):
    """How often; `RateLimit-*` headers say how much is left, `Retry-After` when to come back."""

    requests_per_minute: int = Field(description="Per key or login.")
    uploads_per_minute: int = Field(description="Per organisation.")


class QuotaOutput(Output):
    """Something an organisation may have so much of."""

    limit: int | None = Field(description="Null: no limit.")
    used: int
    remaining: int | None


class QuotasOutput(Output):
    """What the organisation may have, and has."""

    stored_bytes: QuotaOutput = Field(description="Bytes of original videos.")
    recordings_a_month: QuotaOutput = Field(description="Since the first of the month, UTC.")
    open_uploads: QuotaOutput = Field(description="Announced and not here yet.")


class LimitsOutput(Output):
    """What a client may send, how often, and how much of it is left."""

    video: VideoLimits
    rates: RateLimits
    quotas: QuotasOutput
    upload_expires_s: float = Field(description="So long after the last byte an upload is waited for.")
    idempotency_key_kept_s: float
