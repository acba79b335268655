"""Pictures of one organisation's analyses, and the only writer of how far they are."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, insert, text, update
from sqlalchemy.orm import Session

from app.db.models import Analysis, AnalysisPictures, Recording
from app.db.types import from_now, new_id
from app.domain.errors import StaleStateError
from app.domain.lifecycle import PicturesState, RecordingState


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesClaim:
    """One attempt's hold on the pictures of an analysis."""

    organisation_id: UUID
    analysis_id: UUID
    lease_token: UUID
    attempt: int
    max_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePictures:
    """Pictures nobody is drawing; found across organisations, so no more than ids."""

    organisation_id: UUID
    analysis_id: UUID


class PicturesRepository:
    """Pictures of one organisation's analyses, and the only writer of how far they are."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def order(self, *, organisation_id: UUID, analysis_id: UUID, max_attempts: int) -> None:
        """Ask for the pictures of an analysis; the caller defers the job."""
        self._add(
            organisation_id=organisation_id,
            analysis_id=analysis_id,
            max_attempts=max_attempts,
            attempt=0,
            sent_at=func.now(),
        )

    def order_again(self, *, organisation_id: UUID, analysis_id: UUID, max_attempts: int) -> bool:
        """Ask for pictures that were drawn once more; the caller defers the job. False when they are being drawn."""
        found = self._session.scalar(
            update(AnalysisPictures)
            .where(
                AnalysisPictures.organisation_id == organisation_id,
                AnalysisPictures.analysis_id == analysis_id,
                AnalysisPictures.state == PicturesState.DONE,
            )
            .values(
                state=PicturesState.PENDING,
                # Counted on, so that another attempt never writes where an earlier one wrote.
                max_attempts=AnalysisPictures.attempt + max_attempts,
                sent_at=func.now(),
                updated_at=func.now(),
            )
            .returning(AnalysisPictures.analysis_id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def begin(
        self, *, organisation_id: UUID, analysis_id: UUID, lease_s: float, max_attempts: int
    ) -> PicturesClaim:
        """Ask for the pictures of an analysis and hold them: whoever read the video goes on to draw it."""
        token = new_id()
        self._add(
            organisation_id=organisation_id,
            analysis_id=analysis_id,
            max_attempts=max_attempts,
            attempt=1,
            lease_token=token,
            lease_until=from_now(lease_s),
        )
        return PicturesClaim(
            organisation_id=organisation_id,
            analysis_id=analysis_id,
            lease_token=token,
            attempt=1,
            max_attempts=max_attempts,
        )

    def claim(self, *, organisation_id: UUID, analysis_id: UUID, lease_s: float) -> PicturesClaim | None:
        """Begin another attempt, or return None: drawn, given up, held by somebody, not due, unknown.

        Attempts are counted as they begin, so pictures that kill whoever draws them are given up here.
        """
        token = new_id()
        free = (
            AnalysisPictures.organisation_id == organisation_id,
            AnalysisPictures.analysis_id == analysis_id,
            AnalysisPictures.state == PicturesState.PENDING,
            AnalysisPictures.lease_until.is_(None) | (AnalysisPictures.lease_until < func.now()),
        )
        row = self._session.execute(
            update(AnalysisPictures)
            .where(*free, AnalysisPictures.attempt < AnalysisPictures.max_attempts)
            .values(
                lease_token=token,
                lease_until=from_now(lease_s),
                attempt=AnalysisPictures.attempt + 1,
                updated_at=func.now(),
            )
            .returning(AnalysisPictures.attempt, AnalysisPictures.max_attempts)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if row is None:
            self._session.execute(
                update(AnalysisPictures)
                .where(*free, AnalysisPictures.attempt >= AnalysisPictures.max_attempts)
                .values(
                    state=PicturesState.FAILED,
                    lease_token=None,
                    failure_code="lease_expired",
                    updated_at=func.now(),
                )
                .execution_options(synchronize_session=False)
            )
            return None
        return PicturesClaim(
            organisation_id=organisation_id,
            analysis_id=analysis_id,
            lease_token=token,
            attempt=row.attempt,
            max_attempts=row.max_attempts,
        )

    def heartbeat(self, claim: PicturesClaim, *, lease_s: float) -> bool:
        """Renew the lease; False when the attempt is no longer ours."""
        return self._write(claim, lease_until=from_now(lease_s))

    def finish(
        self,
        claim: PicturesClaim,
        *,
        overlay_key: str | None,
        still_keys: dict[int, str],
        blurred: bool = False,
    ) -> None:
        """Keep the pictures; raise `StaleStateError` when the attempt is no longer ours or the video was erased."""
        kept = (
            exists()
            .where(
                Analysis.organisation_id == AnalysisPictures.organisation_id,
                Analysis.id == AnalysisPictures.analysis_id,
                Recording.organisation_id == Analysis.organisation_id,
                Recording.id == Analysis.recording_id,
                Recording.state != RecordingState.PURGED,
            )
            .correlate(AnalysisPictures)
        )
        self._end(
            claim,
            kept,
            state=PicturesState.DONE,
            overlay_key=overlay_key,
            still_keys={str(frame): key for frame, key in still_keys.items()},
            blurred=blurred,
            failure_code=None,
        )

    def retry(self, claim: PicturesClaim, *, delay_s: float, detail: str) -> None:
        """Leave them to another attempt after the delay; the sweeper sends the job."""
        self._end(claim, lease_until=from_now(delay_s), sent_at=None, failure_code=detail)

    def give_up(self, claim: PicturesClaim, *, detail: str) -> None:
        """End the last attempt without pictures."""
        self._end(claim, state=PicturesState.FAILED, failure_code=detail)

    def find_due(self, *, resend_after_s: float, limit: int) -> list[DuePictures]:
        """Return pictures that need the sweeper, of every organisation."""
        rows = self._session.execute(
            text(
                "SELECT organisation_id, analysis_id"
                " FROM due_pictures(CAST(:resend_after_s AS float8), :max_rows)"
            ),
            {"resend_after_s": resend_after_s, "max_rows": limit},
        )
        return [DuePictures(organisation_id=row.organisation_id, analysis_id=row.analysis_id) for row in rows]

    def note_sent(self, *, organisation_id: UUID, analysis_id: UUID, resend_after_s: float) -> bool:
        """Note that a job is sent; False when another sweeper has just done so or nothing waits any more."""
        found = self._session.scalar(
            update(AnalysisPictures)
            .where(
                AnalysisPictures.organisation_id == organisation_id,
                AnalysisPictures.analysis_id == analysis_id,
                AnalysisPictures.state == PicturesState.PENDING,
                AnalysisPictures.sent_at.is_(None) | (AnalysisPictures.sent_at < from_now(-resend_after_s)),
            )
            .values(sent_at=func.now())
            .returning(AnalysisPictures.analysis_id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def _add(self, **values: Any) -> None:
        self._session.execute(insert(AnalysisPictures).values(state=PicturesState.PENDING, **values))

    def _end(self, claim: PicturesClaim, *only_if: ColumnElement[bool], **values: Any) -> None:
        if not self._write(claim, *only_if, **{"lease_token": None, "lease_until": None, **values}):
            raise StaleStateError(
                "Somebody else was faster: the pictures have changed meanwhile.",
                how_to_fix="Reload the page and look again.",
            )

    def _write(self, claim: PicturesClaim, *only_if: ColumnElement[bool], **values: Any) -> bool:
        found = self._session.scalar(
            update(AnalysisPictures)
            .where(
                AnalysisPictures.organisation_id == claim.organisation_id,
                AnalysisPictures.analysis_id == claim.analysis_id,
                AnalysisPictures.state == PicturesState.PENDING,
                AnalysisPictures.lease_token == claim.lease_token,
                *only_if,
            )
            .values(updated_at=func.now(), **values)
            .returning(AnalysisPictures.analysis_id)
            .execution_options(synchronize_session=False)
        )
        return found is not None
