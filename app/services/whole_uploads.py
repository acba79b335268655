"""Files that came whole and became no recording, because a process or the database went away at the last byte."""

import logging
from pathlib import Path
from uuid import UUID

from app.db.models import Capture
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Principal, Role
from app.domain.errors import DomainError, UnreadableVideoError
from app.services.captures import finish_capture
from app.services.uploads import StagedUpload
from app.services.video_prober import VideoProber
from app.storage.blobs import BlobStore
from app.storage.partials import PartialFiles

_log = logging.getLogger(__name__)


def finish_whole_files(
    *,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    partials: PartialFiles,
    staging: Path,
    prober: VideoProber,
) -> int:
    """Make the recordings of files that are here whole, as whoever sent them would have; return how many.

    Clients that come back do it themselves; this is for those that have gone. A file that a request holds just now,
    and one that cannot be finished yet, is left for the next time.
    """
    n_finished = 0
    for organisation_id, capture_id in partials.list_all():
        if _whole(uow_factory, organisation_id, capture_id) is None:
            continue
        with partials.hold_now(organisation_id, capture_id) as file:
            capture = None if file is None else _whole(uow_factory, organisation_id, capture_id)
            if file is None or capture is None or file.size_bytes < (capture.size_bytes or 0):
                continue
            file.cut(capture.received_bytes)
            sha256 = file.sha256()
            if capture.sha256 not in {None, sha256}:
                continue  # its client is told so, and begins anew
            try:
                with file.copy_in(staging) as path:
                    finish_capture(
                        uow_factory=uow_factory,
                        blobs=blobs,
                        principal=_sender(capture),
                        capture_id=capture_id,
                        upload=StagedUpload(
                            path=path,
                            filename=capture.filename,
                            size_bytes=capture.received_bytes,
                            sha256=sha256,
                        ),
                        prober=prober,
                    )
            except UnreadableVideoError:
                pass  # the capture says so now
            except (DomainError, OSError):
                _log.exception("whole_file_not_finished", extra={"capture_id": str(capture_id)})
                continue
            file.remove()
            n_finished += 1
    return n_finished


def _whole(uow_factory: UnitOfWorkFactory, organisation_id: UUID, capture_id: UUID) -> Capture | None:
    """Return a capture that waits for nothing but its recording; one that ran out meanwhile, too: the file is here."""
    with uow_factory(organisation_id) as uow:
        record = uow.captures.find(organisation_id=organisation_id, capture_id=capture_id)
    if record is None or record.capture.outcome is not None:
        return None
    is_whole = record.capture.size_bytes is not None
    return record.capture if is_whole and record.capture.received_bytes == record.capture.size_bytes else None


def _sender(capture: Capture) -> Principal:
    """Return who announced the file: it is their act. Where it belongs was checked when they did."""
    return Principal(
        organisation_id=capture.organisation_id,
        role=Role.INTEGRATION,
        display_name="",
        user_id=capture.actor_user_id,
        api_key_id=capture.actor_api_key_id,
    )
