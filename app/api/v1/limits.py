"""Limits, told before somebody runs into them."""

from fastapi import APIRouter, Depends

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.limits import LimitsOutput, QuotaOutput, QuotasOutput, RateLimits, VideoLimits
from app.domain.access import Permission
from app.http.rate_limits import REQUESTS, UPLOADS
from app.http.small_bodies import SmallBodyRoute
from app.services.idempotency import KEPT_S
from app.services.quotas import get_quotas

router = APIRouter(tags=["recordings"], route_class=SmallBodyRoute)


@router.get(
    "/limits",
    operation_id="get_limits",
    summary="What may be sent, how often, and how much is left",
    dependencies=[Depends(Requires(Permission.RECORDINGS_WRITE))],
    responses=problems(),
)
def get_limits(parts: PartsDep, uow: UowDep, principal: PrincipalDep) -> LimitsOutput:
    """Return every limit there is for this key."""
    settings = parts.settings
    quotas, used = get_quotas(uow=uow, principal=principal, defaults=settings.quotas)
    return LimitsOutput(
        video=VideoLimits(
            max_bytes=settings.max_upload_bytes,
            max_duration_s=settings.max_duration_s,
            containers=["mp4", "mov", "webm"],
        ),
        rates=RateLimits(requests_per_minute=REQUESTS.limit.amount, uploads_per_minute=UPLOADS.limit.amount),
        quotas=QuotasOutput(
            **{name: _shown(getattr(quotas, name), getattr(used, name)) for name in QuotasOutput.model_fields}
        ),
        upload_expires_s=settings.upload_expires_s,
        idempotency_key_kept_s=KEPT_S,
    )


def _shown(limit: int | None, used: int) -> QuotaOutput:
    return QuotaOutput(limit=limit, used=used, remaining=None if limit is None else max(0, limit - used))
