"""Keys that make an upload safe to repeat."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db.models import IdempotencyKey
from app.db.types import from_now

KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRequest:
    """What a key was used for before."""

    request_sha256: str
    recording_id: UUID


class IdempotencyRepository:
    """Keys that make an upload safe to repeat."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def claim(
        self, *, organisation_id: UUID, key: str, request_sha256: str, recording_id: UUID
    ) -> EarlierRequest | None:
        """Take the key for this request, or return the earlier one that has it.

        Waits for a request with the same key that is under way, so that only one of them makes a recording.
        """
        mine = (IdempotencyKey.organisation_id == organisation_id, IdempotencyKey.key == key)
        self._session.execute(
            delete(IdempotencyKey).where(*mine, IdempotencyKey.created_at < from_now(-KEPT_S))
        )
        taken = self._session.scalar(
            postgresql.insert(IdempotencyKey)
            .values(
                organisation_id=organisation_id,
                key=key,
                request_sha256=request_sha256,
                recording_id=recording_id,
            )
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
        if taken is not None:
            return None
        earlier = self._session.execute(
            select(IdempotencyKey.request_sha256, IdempotencyKey.recording_id).where(*mine)
        ).one()
        return EarlierRequest(request_sha256=earlier.request_sha256, recording_id=earlier.recording_id)
