"""Keeping things no longer than an organisation wants to. Files go first, then the rows say so: safe to repeat.

These take the `UnitOfWorkFactory`: they work for the service itself, in many short transactions.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from uuid import UUID

from app.db.repositories.retention import DueFiles
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.changes import UNDO_FOR
from app.domain.lifecycle import TRANSITIONS, Trigger
from app.domain.privacy import PrivacyRules
from app.services.consent_rules import judge_athletes, obey_consent
from app.services.deliver_webhooks import forget_old_messages
from app.services.direct_uploads import end_unfinished, sweep_parts
from app.services.draw_pictures import pictures_job
from app.services.presenters import no_recording
from app.services.roster_imports import KEEP_UNFINISHED_S
from app.services.run_export import forget_old_exports
from app.services.work_policy import WorkPolicy
from app.storage.blobs import BlobStore

BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """What one run removed."""

    n_originals: int = 0
    n_pictures: int = 0
    n_recordings: int = 0
    """Purged whole: past the time for measures."""
    n_unconsented: int = 0
    """Purged whole: nobody agreed within the time the organisation waits."""
    n_moved: int = 0
    """Recordings whose consent changed by itself, because somebody came of age."""
    n_forgotten: int = 0
    """Roster changes that can no longer be undone, and files nobody imported."""

    def __add__(self, other: "RetentionReport") -> "RetentionReport":
        """Return both together."""
        return RetentionReport(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )


def retain(*, uow_factory: UnitOfWorkFactory, blobs: BlobStore) -> RetentionReport:
    """Remove what is due, of every organisation; more than one at a time does no harm."""
    with uow_factory(None) as uow:
        organisation_ids = uow.retention.organisation_ids()
    total = RetentionReport()
    for organisation_id in organisation_ids:
        total += retain_organisation(uow_factory=uow_factory, blobs=blobs, organisation_id=organisation_id)
    return total


def retain_organisation(
    *, uow_factory: UnitOfWorkFactory, blobs: BlobStore, organisation_id: UUID
) -> RetentionReport:
    """Remove what is due in one organisation, and note it in its audit trail when anything was."""
    with uow_factory(organisation_id) as uow:
        rules = uow.privacy.rules(organisation_id=organisation_id)
        n_moved = obey_consent(uow, organisation_id=organisation_id)
        n_forgotten = uow.changes.drop_old(
            organisation_id=organisation_id, older_than_s=UNDO_FOR.total_seconds()
        )
        forget_old_messages(uow, organisation_id=organisation_id)
        uow.idempotency.drop_old(organisation_id=organisation_id)
        forget_old_exports(uow, organisation_id=organisation_id)
        n_forgotten += uow.imports.drop_unfinished(
            organisation_id=organisation_id, older_than_s=KEEP_UNFINISHED_S
        )
        uow.captures.end_overdue(organisation_id=organisation_id)
    sweep_parts(uow_factory=uow_factory, blobs=blobs, organisation_id=organisation_id)
    end_unfinished(blobs=blobs, organisation_id=organisation_id)
    run = _Run(uow_factory=uow_factory, blobs=blobs, organisation_id=organisation_id)
    report = RetentionReport(
        n_recordings=_purge_due(run, rules.keep_measures_days),
        n_unconsented=run.repeat(
            lambda uow: uow.retention.due_unconsented(
                organisation_id=organisation_id, waiting_days=rules.consent.waiting_days, limit=BATCH
            ),
            run.purge,
        ),
        n_originals=run.drop_originals(_days(rules, rules.keep_original_days)),
        n_pictures=run.drop_pictures(_days(rules, rules.keep_pictures_days)),
        n_moved=n_moved,
        n_forgotten=n_forgotten,
    )
    report += RetentionReport(n_originals=_drop_unwanted(run))
    if report != RetentionReport():
        with uow_factory(organisation_id) as uow:
            uow.audit.record(
                actor=None, act=Act.RETENTION_DONE, organisation_id=organisation_id, **asdict(report)
            )
    return report


def settle_recording(
    *, uow_factory: UnitOfWorkFactory, blobs: BlobStore, organisation_id: UUID, recording_id: UUID
) -> int:
    """Remove the files of a recording that has its result, where they are not to be kept; return how many kinds.

    That is so in numbers-only mode, without a consent to keep the video, and for the original when only blurred
    pictures are kept. Called after each analysis; the nightly run does the same for whatever was missed.
    """
    with uow_factory(organisation_id) as uow:
        rules = uow.privacy.rules(organisation_id=organisation_id)
        record = uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id)
        if record is None:
            return 0
        athlete_id = record.recording.athlete_id
        verdicts = (
            {}
            if athlete_id is None
            else judge_athletes(uow, organisation_id=organisation_id, athlete_ids=(athlete_id,))
        )
    no_video = rules.numbers_only or any(not verdict.may_keep_video for verdict in verdicts.values())
    hides_faces = rules.blur_faces or any(verdict.hides_face for verdict in verdicts.values())
    no_original = no_video or (hides_faces and rules.drop_original_after_blur)
    run = _Run(uow_factory=uow_factory, blobs=blobs, organisation_id=organisation_id)
    n_removed = 0
    if hides_faces and not no_video:
        n_removed += run.hide_faces(recording_id, can_draw=record.recording.original_deleted_at is None)
    n_removed += run.drop_originals(0, only=recording_id) if no_original else 0
    return n_removed + (run.drop_pictures(0, only=recording_id) if no_video else 0)


def drop_videos_without_consent(
    *, uow_factory: UnitOfWorkFactory, blobs: BlobStore, organisation_id: UUID, athlete_id: UUID
) -> int:
    """Remove the videos and pictures of an athlete for whom keeping them was withdrawn; return how many."""
    with uow_factory(organisation_id) as uow:
        found = uow.privacy.recordings_of(organisation_id=organisation_id, athlete_ids=(athlete_id,))
    return sum(
        settle_recording(
            uow_factory=uow_factory, blobs=blobs, organisation_id=organisation_id, recording_id=each[0]
        )
        for each in found
    )


def delete_recording(
    *, uow_factory: UnitOfWorkFactory, blobs: BlobStore, principal: Principal, recording_id: UUID
) -> None:
    """Remove a recording for somebody who does not want it: its video, its pictures and its measures. There is no undo.

    What is left is that there was one: exports of it end, and whoever keeps a copy is told. To ask twice is to ask
    once. A worker that is at it finds it gone and drops what it has. Raises `NotFoundError`, and `StaleStateError`
    when the recording moved on meanwhile.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    organisation_id = principal.organisation_id
    folder = recording_folder(organisation_id, recording_id)
    with uow_factory(principal) as uow:
        uow.show_withheld()
        if uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id) is None:
            raise no_recording()
        blobs.delete_all(folder)
        if _purge_rows(uow, organisation_id=organisation_id, recording_id=recording_id, actor=principal):
            uow.audit.record(actor=principal, act=Act.RECORDING_DELETED, object_id=recording_id)
    # what a worker may have written before the rows said that it is gone: no row names it any more
    blobs.delete_all(folder)


def _purge_rows(
    uow: UnitOfWork, *, organisation_id: UUID, recording_id: UUID, actor: Principal | None = None
) -> bool:
    """Remove every row that tells of what a recording showed; False when it is gone already."""
    uow.show_withheld()
    record = uow.recordings.find(organisation_id=organisation_id, recording_id=recording_id)
    if record is None or (record.recording.state, Trigger.ERASED) not in TRANSITIONS:
        return False
    uow.recordings.transition(
        recording_id,
        from_state=record.recording.state,
        trigger=Trigger.ERASED,
        values={"filename": ""},
        actor=actor,
    )
    uow.retention.note_original_deleted(recording_id=recording_id)
    uow.captures.forget(organisation_id=organisation_id, recording_id=recording_id)
    uow.export_jobs.withdraw(organisation_id=organisation_id, recording_ids=(recording_id,))
    uow.analyses.delete_of(organisation_id=organisation_id, recording_id=recording_id)
    return True


def recording_folder(organisation_id: UUID, recording_id: UUID) -> str:
    """Return where every file of a recording lies, whatever it is called."""
    return f"{organisation_id}/{recording_id}"


def _drop_unwanted(run: "_Run") -> int:
    """Remove what was not agreed to, videos and faces, should the job after the analysis or the decision be lost."""
    with run.uow_factory(run.organisation_id) as uow:
        verdicts = judge_athletes(uow, organisation_id=run.organisation_id)
        unwanted = [
            athlete_id
            for athlete_id, verdict in verdicts.items()
            if not verdict.may_keep_video or verdict.hides_face
        ]
        found = [
            each[0]
            for each in uow.privacy.recordings_of(organisation_id=run.organisation_id, athlete_ids=unwanted)
        ]
        rules = uow.privacy.rules(organisation_id=run.organisation_id)
        if rules.blur_faces:
            found += uow.retention.with_faces(organisation_id=run.organisation_id)
        if rules.drops_originals_with_faces:  # asked for after their pictures had been drawn, perhaps
            uow.show_withheld()
            kept = uow.retention.due_originals(
                organisation_id=run.organisation_id, older_than_days=0, limit=None
            )
            found += [each.recording_id for each in kept]
    return sum(_settle(run, recording_id=each) for each in dict.fromkeys(found))


def _settle(run: "_Run", *, recording_id: UUID) -> int:
    return settle_recording(
        uow_factory=run.uow_factory,
        blobs=run.blobs,
        organisation_id=run.organisation_id,
        recording_id=recording_id,
    )


def _days(rules: PrivacyRules, days: int | None) -> int | None:
    return 0 if rules.numbers_only else days


def _purge_due(run: "_Run", days: int | None) -> int:
    if days is None:
        return 0
    return run.repeat(
        lambda uow: uow.retention.due_recordings(
            organisation_id=run.organisation_id, older_than_days=days, limit=BATCH
        ),
        run.purge,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One organisation's turn."""

    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    organisation_id: UUID

    def repeat(self, find: Callable[[UnitOfWork], list[UUID]], remove: Callable[[UUID], bool]) -> int:
        """Remove batch by batch; stop when a batch brought nothing forward."""
        n_removed = 0
        while True:
            with self.uow_factory(self.organisation_id) as uow:
                uow.show_withheld()
                due = find(uow)
            n_now = sum(map(remove, due))
            n_removed += n_now
            if len(due) < BATCH or n_now == 0:
                return n_removed

    def purge(self, recording_id: UUID) -> bool:
        """Remove everything of a recording but that there was one."""
        self.blobs.delete_all(recording_folder(self.organisation_id, recording_id))
        with self.uow_factory(self.organisation_id) as uow:
            return _purge_rows(uow, organisation_id=self.organisation_id, recording_id=recording_id)

    def drop_originals(self, days: int | None, *, only: UUID | None = None) -> int:
        """Remove uploaded videos that have been kept for so many days."""
        if days is None:
            return 0
        n_removed = 0
        while True:
            with self.uow_factory(self.organisation_id) as uow:
                uow.show_withheld()
                due = uow.retention.due_originals(
                    organisation_id=self.organisation_id, older_than_days=days, limit=BATCH, only=only
                )
            for item in due:
                self._delete(item)
                with self.uow_factory(self.organisation_id) as uow:
                    uow.retention.note_original_deleted(recording_id=item.recording_id)
            n_removed += len(due)
            if len(due) < BATCH:
                return n_removed

    def drop_pictures(self, days: int | None, *, only: UUID | None = None) -> int:
        """Remove overlays and stills that have been kept for so many days."""
        if days is None:
            return 0
        n_removed = 0
        while True:
            with self.uow_factory(self.organisation_id) as uow:
                uow.show_withheld()
                due = uow.retention.due_pictures(
                    organisation_id=self.organisation_id, older_than_days=days, limit=BATCH, only=only
                )
            for item in due:
                self._delete(item)
                with self.uow_factory(self.organisation_id) as uow:
                    uow.retention.note_pictures_deleted(due=item)
            n_removed += len(due)
            if len(due) < BATCH:
                return n_removed

    def hide_faces(self, recording_id: UUID, *, can_draw: bool) -> int:
        """Remove pictures that show faces, and have them drawn without; return 1 when there were any."""
        with self.uow_factory(self.organisation_id) as uow:
            uow.show_withheld()
            due = uow.retention.unblurred_pictures(
                organisation_id=self.organisation_id, recording_id=recording_id
            )
        if due is None:
            return 0
        self._delete(due)
        with self.uow_factory(self.organisation_id) as uow:
            uow.retention.note_pictures_deleted(due=due)
            latest = uow.analyses.latest_id(organisation_id=self.organisation_id, recording_id=recording_id)
            if can_draw and latest in due.analysis_ids:
                ids = {"organisation_id": self.organisation_id, "analysis_id": latest}
                if uow.pictures.order_again(**ids, max_attempts=WorkPolicy().max_attempts):
                    uow.defer(pictures_job(**ids))
        return 1

    def _delete(self, item: DueFiles) -> None:
        for key in item.keys:
            self.blobs.delete(key)
