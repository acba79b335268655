"""What is due to be removed, and erasures with their receipts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update

from app.db.engine import TenantSession
from app.db.models import Analysis, AnalysisPictures, Erasure, Organisation, Recording, Screening, Trial
from app.db.types import from_now, new_id
from app.domain.access import Principal
from app.domain.consent import Withheld
from app.domain.lifecycle import FINAL_STATES, PicturesState, RecordingState

DAY_S = 24 * 3600.0
_SETTLED = frozenset(FINAL_STATES) - {RecordingState.FAILED}
"""States after which nobody needs the video for this run any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFiles:
    """A recording some of whose files are due."""

    recording_id: UUID
    analysis_ids: tuple[UUID, ...]
    keys: tuple[str, ...]


class RetentionRepository:
    """What one organisation is to remove, and its erasures."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def organisation_ids(self) -> list[UUID]:
        """Return every organisation; for a unit of work that names none."""
        return list(self._session.scalars(select(Organisation.id).order_by(Organisation.id)))

    def due_originals(
        self, *, organisation_id: UUID, older_than_days: int, limit: int | None, only: UUID | None = None
    ) -> list[DueFiles]:
        """Return settled recordings whose uploaded video has been kept long enough, none being drawn from."""
        drawing = (
            select(AnalysisPictures.analysis_id)
            .join(
                Analysis,
                (Analysis.organisation_id == AnalysisPictures.organisation_id)
                & (Analysis.id == AnalysisPictures.analysis_id),
            )
            .where(
                Analysis.organisation_id == Recording.organisation_id,
                Analysis.recording_id == Recording.id,
                AnalysisPictures.state == PicturesState.PENDING,
            )
            .exists()
        )
        query = select(Recording.id, Recording.blob_key).where(
            Recording.organisation_id == organisation_id,
            Recording.original_deleted_at.is_(None),
            Recording.state.in_(_SETTLED),
            Recording.created_at <= from_now(-older_than_days * DAY_S),
            ~drawing,
        )
        if only is not None:
            query = query.where(Recording.id == only)
        rows = self._session.execute(query.order_by(Recording.created_at).limit(limit))
        return [DueFiles(recording_id=row.id, analysis_ids=(), keys=(row.blob_key,)) for row in rows]

    def due_pictures(
        self, *, organisation_id: UUID, older_than_days: int, limit: int | None, only: UUID | None = None
    ) -> list[DueFiles]:
        """Return recordings whose overlays and stills have been kept long enough."""
        query = (
            select(Recording.id, AnalysisPictures)
            .join(
                Analysis,
                (Analysis.organisation_id == Recording.organisation_id)
                & (Analysis.recording_id == Recording.id),
            )
            .join(
                AnalysisPictures,
                (AnalysisPictures.organisation_id == Analysis.organisation_id)
                & (AnalysisPictures.analysis_id == Analysis.id),
            )
            .where(
                Recording.organisation_id == organisation_id,
                Recording.created_at <= from_now(-older_than_days * DAY_S),
                AnalysisPictures.state == PicturesState.DONE,
                AnalysisPictures.overlay_key.is_not(None) | (AnalysisPictures.still_keys != {}),
            )
        )
        if only is not None:
            query = query.where(Recording.id == only)
        found: dict[UUID, list[AnalysisPictures]] = {}
        for row in self._session.execute(query.order_by(Recording.created_at).limit(limit)):
            found.setdefault(row.id, []).append(row.AnalysisPictures)
        return [
            DueFiles(
                recording_id=recording_id,
                analysis_ids=tuple(each.analysis_id for each in pictures),
                keys=tuple(key for each in pictures for key in _keys(each)),
            )
            for recording_id, pictures in found.items()
        ]

    def unblurred_pictures(self, *, organisation_id: UUID, recording_id: UUID) -> DueFiles | None:
        """Return a recording's pictures in which faces are not hidden, or None."""
        query = (
            select(AnalysisPictures)
            .join(
                Analysis,
                (Analysis.organisation_id == AnalysisPictures.organisation_id)
                & (Analysis.id == AnalysisPictures.analysis_id),
            )
            .where(
                Analysis.organisation_id == organisation_id,
                Analysis.recording_id == recording_id,
                *_SHOW_FACES,
            )
        )
        pictures = list(self._session.scalars(query))
        if not pictures:
            return None
        return DueFiles(
            recording_id=recording_id,
            analysis_ids=tuple(each.analysis_id for each in pictures),
            keys=tuple(key for each in pictures for key in _keys(each)),
        )

    def with_faces(self, *, organisation_id: UUID) -> list[UUID]:
        """Return every recording with pictures in which faces are not hidden."""
        query = (
            select(Analysis.recording_id)
            .join(
                AnalysisPictures,
                (AnalysisPictures.organisation_id == Analysis.organisation_id)
                & (AnalysisPictures.analysis_id == Analysis.id),
            )
            .where(Analysis.organisation_id == organisation_id, *_SHOW_FACES)
            .distinct()
        )
        return list(self._session.scalars(query))

    def due_recordings(self, *, organisation_id: UUID, older_than_days: int, limit: int | None) -> list[UUID]:
        """Return recordings everything of which has been kept long enough."""
        query = select(Recording.id).where(
            Recording.organisation_id == organisation_id,
            Recording.state.in_(FINAL_STATES - {RecordingState.PURGED}),
            Recording.created_at <= from_now(-older_than_days * DAY_S),
        )
        return list(self._session.scalars(query.order_by(Recording.created_at).limit(limit)))

    def due_unconsented(self, *, organisation_id: UUID, waiting_days: int, limit: int | None) -> list[UUID]:
        """Return recordings nobody agreed to within the time the organisation waits."""
        query = select(Recording.id).where(
            Recording.organisation_id == organisation_id,
            Recording.withheld == int(Withheld.FROM_EVERYBODY),
            Recording.state != RecordingState.PURGED,
            Recording.withheld_since <= from_now(-waiting_days * DAY_S),
        )
        return list(self._session.scalars(query.order_by(Recording.withheld_since).limit(limit)))

    def note_original_deleted(self, *, recording_id: UUID) -> None:
        """Note that the uploaded video is gone."""
        self._session.execute(
            update(Recording)
            .where(self._session.own(Recording), Recording.id == recording_id)
            .values(original_deleted_at=func.now(), updated_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def note_pictures_deleted(self, *, due: DueFiles) -> None:
        """Note that overlays and stills are gone."""
        self._session.execute(
            update(AnalysisPictures)
            .where(self._session.own(AnalysisPictures), AnalysisPictures.analysis_id.in_(due.analysis_ids))
            .values(overlay_key=None, still_keys={}, updated_at=func.now())
            .execution_options(synchronize_session=False)
        )
        self._session.execute(
            update(Recording)
            .where(self._session.own(Recording), Recording.id == due.recording_id)
            .values(pictures_deleted_at=func.now(), updated_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def add_erasure(
        self,
        *,
        organisation_id: UUID,
        athlete_id: UUID,
        reason: str,
        recording_ids: Collection[UUID],
        receipt: dict[str, Any],
        actor: Principal | None,
    ) -> UUID:
        """Write down that an athlete is to be forgotten, and what is gone already."""
        erasure_id = new_id()
        self._session.execute(
            insert(Erasure).values(
                id=erasure_id,
                organisation_id=organisation_id,
                athlete_id=athlete_id,
                reason=reason,
                recording_ids=[str(each) for each in recording_ids],
                receipt=receipt,
                actor_user_id=None if actor is None else actor.user_id,
                actor_api_key_id=None if actor is None else actor.api_key_id,
            )
        )
        return erasure_id

    def find_erasure(self, *, organisation_id: UUID, erasure_id: UUID, lock: bool = False) -> Erasure | None:
        """Return an erasure, held for this transaction when asked, or None."""
        query = select(Erasure).where(Erasure.organisation_id == organisation_id, Erasure.id == erasure_id)
        if lock:
            query = query.with_for_update()
        return self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def find_pending(self, *, organisation_id: UUID, athlete_id: UUID | None = None) -> list[UUID]:
        """Return erasures that are not done, oldest first."""
        query = select(Erasure.id).where(
            Erasure.organisation_id == organisation_id, Erasure.completed_at.is_(None)
        )
        if athlete_id is not None:
            query = query.where(Erasure.athlete_id == athlete_id)
        return list(self._session.scalars(query.order_by(Erasure.id)))

    def note_forgotten(
        self,
        *,
        erasure_id: UUID,
        recording_ids: Collection[UUID],
        capture_ids: Collection[UUID],
        receipt: dict[str, Any],
    ) -> None:
        """Note that the rows are gone, whose files are still to go, and what was removed so far."""
        self._session.execute(
            update(Erasure)
            .where(self._session.own(Erasure), Erasure.id == erasure_id)
            .values(
                recording_ids=[str(each) for each in recording_ids],
                capture_ids=[str(each) for each in capture_ids],
                receipt=receipt,
                forgotten_at=func.now(),
            )
            .execution_options(synchronize_session=False)
        )

    def finish_erasure(self, *, erasure_id: UUID, receipt: dict[str, Any]) -> None:
        """Note that it is done, and what was removed."""
        self._session.execute(
            update(Erasure)
            .where(self._session.own(Erasure), Erasure.id == erasure_id)
            .values(receipt=receipt, completed_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def recording_ids_of(self, *, organisation_id: UUID, athlete_id: UUID) -> list[UUID]:
        """Return every recording of an athlete, held for this transaction, purged ones included."""
        query = select(Recording.id).where(
            Recording.organisation_id == organisation_id, Recording.athlete_id == athlete_id
        )
        return list(self._session.scalars(query.order_by(Recording.id).with_for_update()))

    def delete_recordings(self, *, organisation_id: UUID, recording_ids: Collection[UUID]) -> int:
        """Remove recordings with their history, analyses and measures; return how many there were."""
        trial_ids = list(
            self._session.scalars(
                delete(Recording)
                .where(Recording.organisation_id == organisation_id, Recording.id.in_(recording_ids))
                .returning(Recording.trial_id)
                .execution_options(synchronize_session=False)
            )
        )
        self._remove_empty(organisation_id, [each for each in trial_ids if each is not None])
        return len(trial_ids)

    def _remove_empty(self, organisation_id: UUID, trial_ids: list[UUID]) -> None:
        """Remove trials nobody has filmed any more, and screenings without a trial."""
        filmed = select(Recording.trial_id).where(
            Recording.organisation_id == organisation_id, Recording.trial_id.in_(trial_ids)
        )
        screening_ids = list(
            self._session.scalars(
                delete(Trial)
                .where(Trial.organisation_id == organisation_id, Trial.id.in_(trial_ids), Trial.id.not_in(filmed))
                .returning(Trial.screening_id)
                .execution_options(synchronize_session=False)
            )
        )  # fmt: skip
        left = select(Trial.screening_id).where(
            Trial.organisation_id == organisation_id, Trial.screening_id.in_(screening_ids)
        )
        self._session.execute(
            delete(Screening)
            .where(
                Screening.organisation_id == organisation_id,
                Screening.id.in_(screening_ids),
                Screening.id.not_in(left),
            )
            .execution_options(synchronize_session=False)
        )

    def hold(self, name: str) -> bool:
        """Take a lock of this name to the end of the transaction, if nobody has it."""
        taken = self._session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 1))"), {"name": name}
        )
        return bool(taken)


_SHOW_FACES = (
    AnalysisPictures.state == PicturesState.DONE,
    ~AnalysisPictures.blurred,
    AnalysisPictures.overlay_key.is_not(None) | (AnalysisPictures.still_keys != {}),
)
"""Of pictures."""


def _keys(pictures: AnalysisPictures) -> list[str]:
    overlay = [] if pictures.overlay_key is None else [pictures.overlay_key]
    return [*overlay, *pictures.still_keys.values()]
