"""Files that came whole and became no recording, because a process or the database went away at the last byte."""

import hashlib
import logging
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from app.db.models import Capture
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Principal, Role
from app.domain.errors import DomainError, InvalidInputError, UnreadableVideoError
from app.services.captures import finish_capture
from app.services.direct_uploads import lie_still, read_file, remove_parts, takes_parts
from app.services.uploads import StagedUpload
from app.services.video_prober import VideoProber
from app.storage.blobs import BlobStore
from app.storage.disk import full_disk_as_storage_error
from app.storage.partials import PartialFiles
from app.storage.staging import working_folder

_log = logging.getLogger(__name__)

QUIET_S = 600.0
"""So long after the last part, its client has gone without saying that the file is whole."""


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


class PartsFinisher:
    """Makes the recordings of files whose parts are all in the store and whose client never said so."""

    def __init__(
        self,
        *,
        uow_factory: UnitOfWorkFactory,
        blobs: BlobStore,
        staging: Path,
        prober: VideoProber,
        quiet_s: float = QUIET_S,
    ) -> None:
        """Work in `staging`, and remember what could not be finished, until another part of it comes."""
        self._quiet_s = quiet_s
        self._uow_factory = uow_factory
        self._blobs = blobs
        self._staging = staging
        self._prober = prober
        self._given_up: dict[UUID, datetime] = {}

    def run(self) -> int:
        """Look once at every capture that waits; return how many became recordings, or were told why not."""
        if not takes_parts(self._blobs):
            return 0
        with self._uow_factory(None) as uow:
            organisation_ids = uow.retention.organisation_ids()
        n_finished = 0
        for organisation_id in organisation_ids:
            with self._uow_factory(organisation_id) as uow:
                waiting = uow.captures.list_waiting(organisation_id=organisation_id)
            n_finished += sum(map(self._finish, waiting))
        return n_finished

    def _finish(self, capture: Capture) -> bool:
        ids = {"organisation_id": capture.organisation_id, "capture_id": capture.id}
        last = lie_still(blobs=self._blobs, **ids, for_s=self._quiet_s)
        if last is None or self._given_up.get(capture.id) == last:
            return False
        try:
            chunks = read_file(blobs=self._blobs, principal=_sender(capture), capture=capture)
            with working_folder(self._staging, prefix="parts-") as folder:
                finish_capture(
                    uow_factory=self._uow_factory,
                    blobs=self._blobs,
                    principal=_sender(capture),
                    capture_id=capture.id,
                    upload=_write(folder / "whole", chunks, filename=capture.filename),
                    prober=self._prober,
                )
        except UnreadableVideoError:
            pass  # the capture says so now
        except (DomainError, OSError) as error:  # a part is missing, or it is not the file that was announced
            if not isinstance(error, InvalidInputError):
                _log.exception("parts_not_finished", extra={"capture_id": str(capture.id)})
            self._given_up[capture.id] = last
            return False
        remove_parts(blobs=self._blobs, **ids)
        return True


def _write(path: Path, chunks: Iterable[bytes], *, filename: str) -> StagedUpload:
    digest, size_bytes = hashlib.sha256(), 0
    with full_disk_as_storage_error(path), path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return StagedUpload(path=path, filename=filename, size_bytes=size_bytes, sha256=digest.hexdigest())


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
