"""A file that goes past us into the store, in parts, by addresses the store signs; made one file when all are there.

Each part is an object of its own, so that a part can be sent again; those of one capture lie in one folder, beside those
of the organisation's others, so that parts that come when nobody waits for them any more are found.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Protocol
from uuid import UUID

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Permission, Principal
from app.domain.captures import CaptureState
from app.domain.errors import InvalidInputError, StaleStateError
from app.storage.blobs import BlobNotFoundError, BlobStore, DirectUploads

PART_BYTES = 4 * 1024 * 1024
EXPIRES_S = 3600.0
UNFINISHED_S = 24 * 3600.0
"""Nobody takes so long to store a file."""
_PARTS = "parts"
_log = logging.getLogger(__name__)


class Announced(Protocol):
    """A file that was announced, as a client is shown it or as it is stored."""

    @property
    def id(self) -> UUID:
        """The capture."""
        ...

    @property
    def size_bytes(self) -> int | None:
        """As it was announced."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the file and where to put it."""

    number: int
    """From 1."""
    first_byte: int
    size_bytes: int
    url: str
    """For PUT of exactly so many bytes, which the signature covers; good for an hour."""
    has_come: bool


def takes_parts(blobs: BlobStore) -> bool:
    """Say whether the store takes files from clients directly."""
    return isinstance(blobs, DirectUploads)


def list_parts(*, blobs: BlobStore, principal: Principal, capture: Announced) -> list[Part]:
    """Return every part of the file, in order; raise `StaleStateError` where the store takes none."""
    principal.require(Permission.RECORDINGS_WRITE)
    if not isinstance(blobs, DirectUploads):
        raise StaleStateError(
            "The store of this service takes no files directly.", how_to_fix="Send it by tus or PUT."
        )
    if capture.size_bytes is None:
        raise InvalidInputError(
            "How large the file is was not announced.", how_to_fix="Announce it with its size_bytes.", field="size_bytes"
        )  # fmt: skip
    parts = []
    for number in range(1, ceil(capture.size_bytes / PART_BYTES) + 1):
        first = (number - 1) * PART_BYTES
        size = min(PART_BYTES, capture.size_bytes - first)
        key = _key(principal, capture.id, number)
        url = blobs.sign_put(key, size_bytes=size, expires_s=EXPIRES_S)
        parts.append(
            Part(
                number=number,
                first_byte=first,
                size_bytes=size,
                url=url,
                has_come=_size(blobs, key) == size,
            )
        )
    return parts


def read_file(*, blobs: BlobStore, principal: Principal, capture: Announced) -> Iterator[bytes]:
    """Yield the file, part by part; raise `InvalidInputError` before the first byte when one is missing."""
    parts = list_parts(blobs=blobs, principal=principal, capture=capture)
    missing = [str(part.number) for part in parts if not part.has_come]
    if missing:
        raise InvalidInputError(
            f"Parts are missing or of another size: {', '.join(missing[:10])}.",
            how_to_fix="Send them to the addresses that GET of the parts gives.",
            field="parts",
        )
    return _read(blobs, principal, capture.id, parts)


def lie_still(*, blobs: BlobStore, organisation_id: UUID, capture_id: UUID, for_s: float) -> datetime | None:
    """Return when the last part of a file came, if that is so long ago; None when none has come, or one just did."""
    if not isinstance(blobs, DirectUploads):
        return None
    last = blobs.last_change(_folder(organisation_id, capture_id))
    return None if last is None or datetime.now(UTC) - last < timedelta(seconds=for_s) else last


def remove_parts(*, blobs: BlobStore, organisation_id: UUID, capture_id: UUID) -> int:
    """Remove what came of a file, once it is a recording or not waited for any more; return how many parts."""
    return blobs.delete_all(_folder(organisation_id, capture_id))


def sweep_parts(*, uow_factory: UnitOfWorkFactory, blobs: BlobStore, organisation_id: UUID) -> int:
    """Remove parts of files that nobody waits for, those sent to an address that outlived its capture, too.

    Return how many there were.
    """
    if not takes_parts(blobs):
        return 0
    keys = blobs.find_keys(f"{organisation_id}/{_PARTS}")
    n_removed = 0
    for capture_id in sorted({UUID(key.split("/")[2]) for key in keys}):
        with uow_factory(organisation_id) as uow:
            record = uow.captures.find(organisation_id=organisation_id, capture_id=capture_id)
        if record is None or record.state is not CaptureState.AWAITING_UPLOAD:
            n_removed += remove_parts(blobs=blobs, organisation_id=organisation_id, capture_id=capture_id)
    return n_removed


def end_unfinished(*, blobs: BlobStore, organisation_id: UUID) -> int:
    """End what killed processes left half stored, which no list of files shows; return how many there were."""
    if not isinstance(blobs, DirectUploads):
        return 0
    try:
        return blobs.end_unfinished(str(organisation_id), older_than_s=UNFINISHED_S)
    except OSError as error:  # other things of the night do not wait for it
        _log.warning("unfinished_uploads_not_ended", extra={"reason": str(error)})
        return 0


def _read(blobs: BlobStore, principal: Principal, capture_id: UUID, parts: list[Part]) -> Iterator[bytes]:
    for part in parts:
        yield from blobs.iter_range(_key(principal, capture_id, part.number), start=0, end=part.size_bytes)


def _folder(organisation_id: UUID, capture_id: UUID) -> str:
    return f"{organisation_id}/{_PARTS}/{capture_id}"


def _key(principal: Principal, capture_id: UUID, number: int) -> str:
    return f"{_folder(principal.organisation_id, capture_id)}/{number:05d}"


def _size(blobs: BlobStore, key: str) -> int | None:
    try:
        return blobs.size(key)
    except BlobNotFoundError:
        return None
