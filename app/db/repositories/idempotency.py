"""Keys that make a request safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, exists, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.db.models import IdempotencyKey
from app.db.types import digest_of_key, from_now

KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRequest:
    """What a key was used for before."""

    request_sha256: str
    recording_id: UUID | None
    """None: for something else than an upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What an earlier request with a key was answered."""

    request_sha256: str
    status: int | None
    """None: it was an upload."""
    headers: Mapping[str, str]
    body: bytes | None
    """Sealed; None when it is no longer kept."""


class IdempotencyRepository:
    """Keys that make a request safe to repeat."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def is_known(self, *, organisation_id: UUID, key: str) -> bool:
        """Say whether a request with this key was taken, within the time that keys are kept."""
        return bool(
            self._session.scalar(
                select(
                    exists().where(
                        IdempotencyKey.organisation_id == organisation_id,
                        IdempotencyKey.key == digest_of_key(key),
                        IdempotencyKey.created_at >= from_now(-KEPT_S),
                    )
                )
            )
        )

    def claim(
        self, *, organisation_id: UUID, key: str, request_sha256: str, recording_id: UUID
    ) -> EarlierRequest | None:
        """Take the key for this request, or return the earlier one that has it.

        Waits for a request with the same key that is under way, so that only one of them makes a recording.
        """
        mine = (IdempotencyKey.organisation_id == organisation_id, IdempotencyKey.key == digest_of_key(key))
        self._session.execute(
            delete(IdempotencyKey).where(*mine, IdempotencyKey.created_at < from_now(-KEPT_S))
        )
        taken = self._session.scalar(
            postgresql.insert(IdempotencyKey)
            .values(
                organisation_id=organisation_id,
                key=digest_of_key(key),
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

    def hold(self, *, organisation_id: UUID, key: str) -> bool:
        """Hold the key to the end of the transaction; False when another transaction does."""
        taken = self._session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 3))"),
            {"name": f"{organisation_id}:{key}"},
        )
        return bool(taken)

    def find_answer(self, *, organisation_id: UUID, key: str) -> KeptAnswer | None:
        """Return what the request with this key was answered within the last day, or None."""
        row = self._session.execute(
            select(IdempotencyKey).where(
                IdempotencyKey.organisation_id == organisation_id,
                IdempotencyKey.key == digest_of_key(key),
                IdempotencyKey.created_at >= from_now(-KEPT_S),
            )
        ).scalar_one_or_none()
        if row is None:
            return None
        return KeptAnswer(
            request_sha256=row.request_sha256, status=row.status, headers=row.headers or {}, body=row.body
        )

    def add_answer(
        self,
        *,
        organisation_id: UUID,
        key: str,
        request_sha256: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """Keep what a request was answered; hold its key first."""
        self._session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.organisation_id == organisation_id,
                IdempotencyKey.key == digest_of_key(key),
            )
        )
        self._session.execute(
            insert(IdempotencyKey).values(
                organisation_id=organisation_id,
                key=digest_of_key(key),
                request_sha256=request_sha256,
                status=status,
                headers=dict(headers),
                body=body,
            )
        )

    def drop_old(self, *, organisation_id: UUID) -> None:
        """Remove keys that are no longer looked at."""
        self._session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.organisation_id == organisation_id,
                IdempotencyKey.created_at < from_now(-KEPT_S),
            )
        )

    def forget_bodies(self, *, organisation_id: UUID) -> int:
        """Keep that requests were answered, and no longer what; return how many answers went."""
        gone = self._session.scalars(
            update(IdempotencyKey)
            .where(IdempotencyKey.organisation_id == organisation_id, IdempotencyKey.body.is_not(None))
            .values(body=None)
            .returning(IdempotencyKey.key)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())
