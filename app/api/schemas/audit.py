"""The audit trail as REST shows it."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Output, OutputPage
from app.domain.audit import ActorKind


class AuditEntryOutput(Output):
    """One act."""

    sequence: int = Field(description="1, 2, 3 … within your organisation, without a gap.")
    created_at: datetime
    act: str = Field(description="What was done, for example `recording.original_read`.")
    actor_kind: ActorKind
    actor_id: UUID | None = Field(description="The user's or the key's; null for the service itself.")
    actor_name: str | None = Field(description="As the user or key is called today.")
    object_id: UUID | None = Field(description="What it was done to.")
    detail: dict[str, str | int | float | bool | None] = Field(description="Counts, states and ids.")
    address: str = Field(description="Network address of the request; empty for the service itself.")
    request_id: str
    hash: str = Field(description="SHA-256 over this record and the hash of the one before.")


class AuditPage(OutputPage):
    """Acts, newest first."""

    items: list[AuditEntryOutput]
