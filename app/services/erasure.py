"""Forgetting a person: what is to go is written down, the rows go at once, then the files; what is left is a receipt.

Asked for in one transaction, and in the next, which follows at once, nothing tells of the person any more; the files, whose
places are written down, are a job's. Whatever a process that dies leaves undone, the next job does: every step may be
repeated.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db.models import Erasure
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.consent import Withheld
from app.domain.errors import NotFoundError
from app.domain.versions import ANY, Expected, numbered_tag
from app.jobs.names import ERASE_ATHLETE
from app.jobs.queue import DEFAULT, Job
from app.services.athletes import find_record
from app.services.direct_uploads import remove_parts
from app.services.retention import recording_folder
from app.storage.blobs import BlobStore
from app.storage.partials import PartialFiles
from app.storage.staging import StagingArea

_log = logging.getLogger(__name__)

ON_REQUEST = "on_request"
COUNTED = ("n_files", "n_uploads", "n_exports", "n_letters", "n_logins", "n_answers")
"""What a receipt counts besides recordings."""
HELD_FOR_S = 5.0
"""So long a request that just receives a piece of an upload is asked to let go."""
JUST_MADE_S = 5.0
"""Younger files in the staging area may be about to be worked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """What was, or is being, forgotten; nothing of the person stands in it."""

    id: UUID
    athlete_id: UUID
    reason: str
    requested_at: datetime
    completed_at: datetime | None
    n_recordings: int
    n_files: int
    """Of recordings: videos, pictures, tracks."""
    n_uploads: int
    """Announced recordings whose file had not come, or not whole; with them, what had come of it."""
    n_exports: int
    """Finished export files in which the person was."""
    n_letters: int
    """Letters to them that were not sent yet."""
    n_logins: int
    """Memberships of those who saw this person's results and nobody else's."""
    n_answers: int
    """Answers kept for repeated requests, the whole organisation's: any may have told of the person."""


def forget_athlete(
    *, uow_factory: UnitOfWorkFactory, principal: Principal, athlete_id: UUID, expected: Expected = ANY
) -> ErasureReceipt:
    """Forget a person: when this returns nobody finds them any more; the files are gone when the job has run. No undo."""
    with uow_factory(principal) as uow:
        asked = erase_athlete(uow=uow, principal=principal, athlete_id=athlete_id, expected=expected)
    ids = {"organisation_id": principal.organisation_id, "erasure_id": asked.id}
    try:
        _forget(uow_factory, **ids)
    except Exception:  # noqa: BLE001  # it was asked for and is promised: the job does it
        _log.exception("rows_not_removed_at_once", extra={"erasure_id": str(asked.id)})
    with uow_factory(principal) as uow:
        return get_erasure(uow=uow, principal=principal, erasure_id=asked.id)


def erase_athlete(
    *, uow: UnitOfWork, principal: Principal, athlete_id: UUID, expected: Expected = ANY
) -> ErasureReceipt:
    """Ask that a person be forgotten: results are withheld at once, all is gone when the job has run. No undo.

    Asking twice is asking once. Raises `NotFoundError`.
    """
    principal.require(Permission.PRIVACY_MANAGE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    pending = uow.retention.find_pending(organisation_id=organisation_id, athlete_id=athlete_id)
    if pending:  # the person may be found no more, and the answer is the same
        erasure_id = pending[0]
    else:
        athlete = find_record(uow=uow, principal=principal, athlete_id=athlete_id)
        expected.check(numbered_tag(athlete.version), what="The athlete")
        recording_ids = uow.retention.recording_ids_of(organisation_id=organisation_id, athlete_id=athlete_id)
        uow.privacy.withhold(recording_ids=recording_ids, withheld=Withheld.FROM_EVERYBODY)
        n_exports = uow.export_jobs.withdraw(
            organisation_id=organisation_id, athlete_ids=(athlete_id,), recording_ids=recording_ids
        )
        erasure_id = uow.retention.add_erasure(
            organisation_id=organisation_id,
            athlete_id=athlete_id,
            reason=ON_REQUEST,
            recording_ids=recording_ids,
            receipt={"n_exports": n_exports},
            actor=principal,
        )
        uow.audit.record(
            actor=principal, act=Act.ERASURE_ASKED, object_id=athlete_id, n_recordings=len(recording_ids)
        )
    uow.defer(erasure_job(organisation_id=organisation_id, erasure_id=erasure_id))
    return get_erasure(uow=uow, principal=principal, erasure_id=erasure_id)


def get_erasure(*, uow: UnitOfWork, principal: Principal, erasure_id: UUID) -> ErasureReceipt:
    """Return how far an erasure is, or its receipt; raise `NotFoundError`."""
    principal.require(Permission.PRIVACY_MANAGE)
    found = uow.retention.find_erasure(organisation_id=principal.organisation_id, erasure_id=erasure_id)
    if found is None:
        raise NotFoundError("There is no such erasure.", how_to_fix="Check the id on the receipt.")
    return _receipt(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Everywhere a file of somebody's may lie."""

    blobs: BlobStore
    partials: PartialFiles
    """Pieces of uploads on this machine's disk; on other machines, the process that took them looks every minute."""
    staging: StagingArea


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is to go."""

    recording_ids: list[UUID]
    capture_ids: list[UUID]


def run_erasure(
    *, uow_factory: UnitOfWorkFactory, places: Places, organisation_id: UUID, erasure_id: UUID
) -> bool:
    """Do what an erasure asks for; False when it is done already or unknown."""
    going = _forget(uow_factory, organisation_id=organisation_id, erasure_id=erasure_id)
    if going is None:
        return False
    n_files = _remove_files(places, organisation_id, going)
    with uow_factory(organisation_id) as uow:
        found = uow.retention.find_erasure(organisation_id=organisation_id, erasure_id=erasure_id, lock=True)
        if found is None or found.completed_at is not None:
            return False
        counts = found.receipt
        n_exports = counts.get("n_exports", 0) + uow.export_jobs.withdraw(
            organisation_id=organisation_id,
            athlete_ids=(found.athlete_id,),
            recording_ids=going.recording_ids,
        )
        left_over = uow.export_jobs.withdrawn_files(organisation_id=organisation_id)
        n_answers = counts.get("n_answers", 0) + _remove_traces(uow, organisation_id)
        receipt = counts | {"n_files": n_files, "n_exports": n_exports, "n_answers": n_answers}
        uow.retention.finish_erasure(erasure_id=erasure_id, receipt=receipt)
        uow.audit.record(actor=None, act=Act.ERASURE_DONE, object_id=found.athlete_id, **receipt)
    # what a worker may have written that was at it when the rows went: nobody can name it in a row any more
    _remove_files(places, organisation_id, going)
    for export_id, key in left_over.items():
        places.blobs.delete(key)
        with uow_factory(organisation_id) as uow:
            uow.export_jobs.note_file_gone(export_id=export_id)
    return True


def _forget(uow_factory: UnitOfWorkFactory, *, organisation_id: UUID, erasure_id: UUID) -> _Found | None:
    """Remove every row that tells of the person, unless that is done, and return whose files have to go.

    None when the whole erasure is done, or unknown. It is the service that acts: whoever asked may see less than there is.
    """
    with uow_factory(organisation_id) as uow:
        found = uow.retention.find_erasure(organisation_id=organisation_id, erasure_id=erasure_id, lock=True)
        if found is None or found.completed_at is not None:
            return None
        if found.forgotten_at is not None:
            return _Found(
                recording_ids=[UUID(each) for each in found.recording_ids],
                capture_ids=[UUID(each) for each in found.capture_ids],
            )
        uow.athletes.hold(organisation_id=organisation_id, athlete_id=found.athlete_id)
        going = _find(uow, found)
        uow.retention.note_forgotten(
            erasure_id=erasure_id,
            recording_ids=going.recording_ids,
            capture_ids=going.capture_ids,
            receipt=found.receipt | _remove_rows(uow, found, going=going),
        )
        return going


def resume_erasures(*, uow_factory: UnitOfWorkFactory, places: Places) -> int:
    """Go on with erasures that a dead process left, of every organisation; return how many were done."""
    with uow_factory(None) as uow:
        organisation_ids = uow.retention.organisation_ids()
    n_done = 0
    for organisation_id in organisation_ids:
        with uow_factory(organisation_id) as uow:
            pending = uow.retention.find_pending(organisation_id=organisation_id)
        n_done += sum(
            run_erasure(
                uow_factory=uow_factory, places=places, organisation_id=organisation_id, erasure_id=each
            )
            for each in pending
        )
    return n_done


def erasure_job(*, organisation_id: UUID, erasure_id: UUID) -> Job:
    """Return the hint to the workers that somebody is to be forgotten."""
    return Job(name=ERASE_ATHLETE, args=(str(erasure_id), str(organisation_id)), queue=DEFAULT)


def _find(uow: UnitOfWork, erasure: Erasure) -> _Found:
    """Return what was written down, and what arrived, or was moved to the athlete, since it was asked for."""
    mine = {"organisation_id": erasure.organisation_id, "athlete_id": erasure.athlete_id}
    recording_ids = {UUID(each) for each in erasure.recording_ids} | set(
        uow.retention.recording_ids_of(**mine)
    )
    return _Found(recording_ids=sorted(recording_ids), capture_ids=sorted(uow.captures.unfinished_of(**mine)))


def _remove_files(places: Places, organisation_id: UUID, going: _Found) -> int:
    """Remove what lies of recordings and unfinished uploads; return how many files the recordings had.

    What processes that died left in the staging area goes, too, whoever it is of: its names do not tell.
    """
    folders = [recording_folder(organisation_id, each) for each in going.recording_ids]
    n_files = sum(map(places.blobs.delete_all, folders))
    for each in going.capture_ids:
        places.partials.remove(organisation_id, each, wait_s=HELD_FOR_S)
        remove_parts(blobs=places.blobs, organisation_id=organisation_id, capture_id=each)
    places.staging.remove_abandoned(older_than_s=JUST_MADE_S)
    return n_files


def _remove_rows(uow: UnitOfWork, erasure: Erasure, *, going: _Found) -> dict[str, Any]:
    """Remove every row that tells of the person; the tombstone and the receipt hold ids alone."""
    organisation_id, athlete_id = erasure.organisation_id, erasure.athlete_id
    uow.show_withheld()
    n_recordings = uow.retention.delete_recordings(
        organisation_id=organisation_id, recording_ids=going.recording_ids
    )
    invitation_ids = uow.links.forget_athlete(organisation_id=organisation_id, athlete_id=athlete_id)
    n_letters = uow.mail.call_off(organisation_id=organisation_id, mail_ids=invitation_ids)
    user_ids = uow.members.linked_to_alone(organisation_id=organisation_id, athlete_id=athlete_id)
    for user_id in user_ids:
        uow.members.delete_account(organisation_id=organisation_id, user_id=user_id)
    uow.changes.forget_athlete(organisation_id=organisation_id, athlete_id=athlete_id)
    n_answers = _remove_traces(uow, organisation_id)
    uow.athletes.delete(organisation_id=organisation_id, ids=(athlete_id,))
    uow.athletes.bury(organisation_id=organisation_id, athlete_id=athlete_id, reason="erased")
    return {
        "n_recordings": n_recordings,
        "n_uploads": len(going.capture_ids),
        "n_letters": n_letters,
        "n_logins": len(user_ids),
        "n_answers": n_answers,
    }


def _remove_traces(uow: UnitOfWork, organisation_id: UUID) -> int:
    """Remove what may tell of the person without naming whom it tells of; return how many answers to requests."""
    uow.deliveries.forget_answers(organisation_id=organisation_id)
    uow.imports.drop_unfinished(organisation_id=organisation_id, older_than_s=0)
    return uow.idempotency.forget_bodies(organisation_id=organisation_id)


def _receipt(erasure: Erasure) -> ErasureReceipt:
    return ErasureReceipt(
        id=erasure.id,
        athlete_id=erasure.athlete_id,
        reason=erasure.reason,
        requested_at=erasure.created_at,
        completed_at=erasure.completed_at,
        n_recordings=erasure.receipt.get("n_recordings", len(erasure.recording_ids)),
        **{name: erasure.receipt.get(name, 0) for name in COUNTED},
    )
