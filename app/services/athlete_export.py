"""Everything about one athlete as a zip: JSON to be read by programs, a table of every measure, videos and pictures.

It is made while it is sent: nothing of it is kept on our side.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.recordings import RecordingRecord
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import athlete_to_json
from app.domain.audit import Act
from app.integrations.roster_files import guard_cell
from app.services.analysis_record import analysis_document
from app.services.athletes import get_athlete
from app.services.presenters import analysis_view
from app.services.retention import recording_folder
from app.storage.blobs import BlobNotFoundError, BlobStore

_PAGE: Final = 200
_MEASURES: Final = (
    "recording_id", "screened_on", "context", "movement", "view", "run", "metric", "side", "event", "repetition",
    "value", "unit", "standard_error", "method_version",
)  # fmt: skip
_FACTS: Final = (
    "screened_on", "context", "movement", "view", "box_height_cm", "state", "filename", "size_bytes", "sha256",
    "captured_at", "created_at", "original_deleted_at", "pictures_deleted_at",
)  # fmt: skip
README: Final = """\
athlete.json       what the roster holds, teams, guardians, consent decisions
recordings.json    every recording with every analysis of it, and what people put right in it
measures.csv       every measure, one line each; valgus (knee inward) is positive on both sides
recordings/        videos as uploaded, overlay videos and stills, as far as they are still kept; in "other", pose tracks and
                   curves as numbers (npz)

This is a movement screen, not a diagnosis.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """A file of the store and its name in the zip."""

    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteArchive:
    """A zip ready to be sent."""

    filename: str
    chunks: Iterator[bytes]


def export_athlete(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, athlete_id: UUID
) -> AthleteArchive:
    """Return everything about one athlete; raise `NotFoundError`."""
    principal.require(Permission.PRIVACY_MANAGE)
    organisation_id = principal.organisation_id
    detail = get_athlete(uow=uow, principal=principal, athlete_id=athlete_id)
    uow.show_withheld()  # it is theirs, whoever else may not see it
    decisions = uow.privacy.decisions(organisation_id=organisation_id, athlete_ids=(athlete_id,))
    found = [
        (record, uow.analyses.list_newest(
            organisation_id=organisation_id, recording_id=record.recording.id, before=None, limit=_PAGE
        ))
        for record in _recordings(uow, organisation_id, athlete_id)
    ]  # fmt: skip
    person = athlete_to_json(detail.record) | {
        "created_at": detail.created_at,
        "updated_at": detail.updated_at,
        "teams": [asdict(team) for team in detail.teams],
        "consent": [asdict(each) for each in decisions.get(athlete_id, ())],
    }
    documents = {
        "README.txt": README,
        "athlete.json": _json(person),
        "recordings.json": _json([_recording(uow, record, analyses) for record, analyses in found]),
        "measures.csv": _measures(found),
    }
    films = [film for record, analyses in found for film in _files(record, analyses, blobs=blobs)]
    uow.audit.record(actor=principal, act=Act.ATHLETE_EXPORTED, object_id=athlete_id, n_recordings=len(found))
    return AthleteArchive(filename=f"athlete-{athlete_id}.zip", chunks=_zip(documents, films, blobs=blobs))


def _recordings(uow: UnitOfWork, organisation_id: UUID, athlete_id: UUID) -> list[RecordingRecord]:
    found: list[RecordingRecord] = []
    before: tuple[datetime, UUID] | None = None
    while True:
        page = uow.recordings.list_newest(
            organisation_id=organisation_id,
            athlete_id=athlete_id,
            team_id=None,
            state=None,
            inbox=False,
            before=before,
            limit=_PAGE,
        )
        found += page
        if len(page) < _PAGE:
            return found
        before = (page[-1].recording.created_at, page[-1].recording.id)


def _recording(uow: UnitOfWork, record: RecordingRecord, analyses: list[StoredAnalysis]) -> dict[str, Any]:
    recording = record.recording
    corrections = uow.corrections.of_recording(
        organisation_id=recording.organisation_id, recording_id=recording.id
    )
    return {
        "id": recording.id,
        "corrections": [
            {
                "kind": each.kind,
                "before": each.before,
                "after": each.after,
                "reason": each.reason,
                "created_at": each.created_at,
                "undone_at": each.undone_at,
            }
            for each in corrections
        ],
        **{name: getattr(recording, name) for name in _FACTS},
        "analyses": [
            {"id": each.id, "run": each.run, "created_at": each.created_at}
            | analysis_document(analysis_view(each).record)
            for each in analyses
        ],
    }


def _measures(found: list[tuple[RecordingRecord, list[StoredAnalysis]]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_MEASURES)
    for record, analyses in found:
        recording = record.recording
        for stored in analyses:
            content = stored.content
            writer.writerows(
                [recording.id, recording.screened_on, recording.context, recording.movement, recording.view,
                 stored.run, guard_cell(metric.key), metric.side, guard_cell(metric.event), metric.repetition,
                 metric.value, metric.unit, metric.se, content.method.version]
                for metric in content.metrics
            )  # fmt: skip
    return buffer.getvalue()


def _folder(record: RecordingRecord) -> str:
    return f"recordings/{record.recording.screened_on}-{record.recording.id}"


def _files(record: RecordingRecord, analyses: list[StoredAnalysis], *, blobs: BlobStore) -> Iterator[_Film]:
    """Yield every file of a recording: videos and pictures by their names, whatever else there is by where it lies."""
    films = list(_films(record, analyses))
    yield from films
    named = {film.key for film in films}
    prefix = recording_folder(record.recording.organisation_id, record.recording.id)
    for key in blobs.find_keys(prefix):
        if key not in named:
            yield _Film(key=key, name=f"{_folder(record)}/other/{key.removeprefix(f'{prefix}/')}")


def _films(record: RecordingRecord, analyses: list[StoredAnalysis]) -> Iterator[_Film]:
    recording = record.recording
    folder = _folder(record)
    if recording.original_deleted_at is None:
        extension = recording.blob_key.rpartition(".")[2]
        yield _Film(key=recording.blob_key, name=f"{folder}/original.{extension}")
    for stored in analyses:
        pictures = stored.pictures
        if pictures is None:
            continue
        if pictures.overlay_key is not None:
            yield _Film(key=pictures.overlay_key, name=f"{folder}/run-{stored.run}/overlay.mp4")
        for frame, key in sorted(pictures.still_keys.items()):
            yield _Film(key=key, name=f"{folder}/run-{stored.run}/still-{frame}.jpg")


class _Outlet(io.RawIOBase):
    """Takes what the zip writer writes, until it is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._waiting += content
        return len(content)

    def take(self) -> bytes:
        taken, self._waiting = bytes(self._waiting), bytearray()
        return taken


def _zip(documents: dict[str, str], films: list[_Film], *, blobs: BlobStore) -> Iterator[bytes]:
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, text in documents.items():
            archive.writestr(name, text)
            yield outlet.take()
        for film in films:
            try:
                size = blobs.size(film.key)
            except BlobNotFoundError:  # removed since; the other files are there all the same
                continue
            entry = zipfile.ZipInfo(film.name)
            entry.compress_type = zipfile.ZIP_STORED  # video does not get smaller
            with archive.open(entry, "w", force_zip64=True) as target:
                for chunk in blobs.iter_range(film.key, start=0, end=size):
                    target.write(chunk)
                    yield outlet.take()
    yield outlet.take()


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)
