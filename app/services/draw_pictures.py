"""Stills and overlay of one analysis: work of their own, begun when the numbers are already there.

Usually the reader that has just read the video goes on to draw it. Should that be interrupted, the row still says
that pictures are due, and a fresh reader draws them from the stored track, without looking for the athlete again.
Whatever happens here, the analysis is not touched.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from app.biomech.types import FlaggedFrame
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.pictures import PicturesClaim
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.errors import StaleStateError
from app.domain.lifecycle import Stage
from app.jobs.names import DRAW_PICTURES
from app.jobs.queue import BULK, Job
from app.services.analyse_video import picture_order
from app.services.consent_rules import hides_faces
from app.services.heartbeat import Heartbeat, LeaseLostError
from app.services.presenters import analysis_view
from app.services.video_reader import PictureOrder, Pictures, Progress, VideoReaderDiedError
from app.services.work_policy import (
    INTERNAL_ERROR,
    READER_DIED,
    ReaderFactory,
    WorkPolicy,
    remove_blobs,
)
from app.storage.blobs import BlobNotFoundError, BlobStore
from app.storage.staging import working_folder
from app.storage.tracks import kinematics_from_bytes, track_from_bytes

VIDEO_GONE = "video_gone"
_OVERLAY_NAME = "overlay.mp4"
_log = logging.getLogger(__name__)


class DrawResult(StrEnum):
    """How one attempt at drawing ended; for logs and metrics."""

    NOT_CLAIMED = "not_claimed"
    """Drawn, given up, held by somebody else, not due yet, or unknown."""
    DRAWN = "drawn"
    RETRY = "retry"
    GAVE_UP = "gave_up"
    LOST = "lost"
    """The lease ran out meanwhile and another attempt took over; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Claimed pictures and what is needed to draw and keep them."""

    claim: PicturesClaim
    recording_id: UUID
    frames: tuple[int, ...]
    """The flagged ones; a still of any other is not kept."""
    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    policy: WorkPolicy
    blur_faces: bool = False
    """Whether heads are hidden."""


def draw_pictures(
    *,
    analysis_id: UUID,
    organisation_id: UUID,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    reader_factory: ReaderFactory,
    staging_dir: Path,
    policy: WorkPolicy | None = None,
    overlay: bool = True,
) -> DrawResult:
    """Claim pictures nobody is drawing, and draw them with a fresh reader from the stored track."""
    rules = policy or WorkPolicy()
    with uow_factory(organisation_id) as uow:
        claim = uow.pictures.claim(
            organisation_id=organisation_id, analysis_id=analysis_id, lease_s=rules.lease_s
        )
        stored = uow.analyses.find(organisation_id=organisation_id, analysis_id=analysis_id)
        record = (
            None
            if stored is None
            else uow.recordings.find(organisation_id=organisation_id, recording_id=stored.recording_id)
        )
        blur_faces = record is not None and hides_faces(
            uow, organisation_id=organisation_id, athlete_id=record.recording.athlete_id
        )
    if claim is None or stored is None or record is None:
        return DrawResult.NOT_CLAIMED
    drawing = Drawing(
        claim=claim,
        recording_id=stored.recording_id,
        frames=flagged_frames(stored.content.flagged_frames),
        uow_factory=uow_factory,
        blobs=blobs,
        policy=rules,
        blur_faces=blur_faces,
    )
    with working_folder(staging_dir, prefix="pictures-") as folder:

        def draw(on_progress: Progress) -> Pictures:
            video = blobs.local_copy(record.recording.blob_key, folder)
            order = _stored_order(stored, blobs=blobs, video=video, blur_faces=blur_faces)
            with reader_factory() as reader:
                return reader.draw(order, directory=folder, overlay=overlay, on_progress=on_progress)

        return try_drawing(drawing, draw)


def try_drawing(drawing: Drawing, draw: Callable[[Progress], Pictures]) -> DrawResult:
    """Draw and keep the pictures if the claim still holds. Never raises: what went wrong is written down and logged."""
    claim, blobs = drawing.claim, drawing.blobs
    stored: list[str] = []
    try:
        with Heartbeat(renew=partial(_renew, drawing), every_s=drawing.policy.heartbeat_s) as beat:
            pictures = draw(beat.report)
            overlay_key, still_keys = _store(drawing, pictures=pictures, stored=stored)
            beat.check()
        with drawing.uow_factory(claim.organisation_id) as uow:
            uow.pictures.finish(
                claim, overlay_key=overlay_key, still_keys=still_keys, blurred=drawing.blur_faces
            )
    except (LeaseLostError, StaleStateError):
        remove_blobs(blobs, stored)
        return DrawResult.LOST
    except VideoReaderDiedError:
        remove_blobs(blobs, stored)
        return _fail(drawing, detail=READER_DIED)
    except BlobNotFoundError:
        return _fail(drawing, detail=VIDEO_GONE, is_final=True)
    except Exception:  # noqa: BLE001 the numbers are recorded; a picture must not make their job look failed
        _log.exception("could not draw the pictures of analysis %s", claim.analysis_id)
        remove_blobs(blobs, stored)
        return _fail(drawing, detail=INTERNAL_ERROR)
    _remove_leftovers(drawing)
    return DrawResult.DRAWN


def flagged_frames(flagged: Iterable[FlaggedFrame]) -> tuple[int, ...]:
    """Return the frames worth a still, each once, in order."""
    return tuple(sorted({item.frame for item in flagged}))


def pictures_job(*, analysis_id: UUID, organisation_id: UUID) -> Job:
    """Return the hint to the workers that pictures are due; nobody's result waits for it."""
    return Job(name=DRAW_PICTURES, args=(str(analysis_id), str(organisation_id)), queue=BULK)


def sweep_pictures(
    *, uow_factory: UnitOfWorkFactory, policy: WorkPolicy | None = None, limit: int = 500
) -> int:
    """Send a job for pictures nobody is drawing; return how many. Any number of sweepers may run at once."""
    rules = policy or WorkPolicy()
    with uow_factory(None) as uow:
        due = uow.pictures.find_due(resend_after_s=rules.resend_after_s, limit=limit)
    n_sent = 0
    for item in due:
        ids = {"analysis_id": item.analysis_id, "organisation_id": item.organisation_id}
        with uow_factory(item.organisation_id) as uow:
            if uow.pictures.note_sent(**ids, resend_after_s=rules.resend_after_s):
                uow.defer(pictures_job(**ids))
                n_sent += 1
    return n_sent


def _stored_order(stored: StoredAnalysis, *, blobs: BlobStore, video: Path, blur_faces: bool) -> PictureOrder:
    record = analysis_view(stored).record
    files = stored.files
    if files.track_key is None:
        raise BlobNotFoundError("an analysis without a track has nothing to draw")
    kinematics = (
        kinematics_from_bytes(blobs.get_bytes(files.kinematics_key))
        if files.kinematics_key is not None and record.shows_knee_angle
        else None
    )
    track = track_from_bytes(blobs.get_bytes(files.track_key))
    return picture_order(record, track=track, kinematics=kinematics, video=video, blur_faces=blur_faces)


def _renew(drawing: Drawing, stage: Stage, progress: float) -> bool:  # noqa: ARG001  # the row shows no progress
    with drawing.uow_factory(drawing.claim.organisation_id) as uow:
        return uow.pictures.heartbeat(drawing.claim, lease_s=drawing.policy.lease_s)


def _folder(drawing: Drawing, *, attempt: int) -> str:
    """Return a folder of this attempt alone, so that a belated one never writes over or removes another's files."""
    claim = drawing.claim
    return f"{claim.organisation_id}/{drawing.recording_id}/{claim.analysis_id}/pictures-{attempt}"


def _store(drawing: Drawing, *, pictures: Pictures, stored: list[str]) -> tuple[str | None, dict[int, str]]:
    """Make every file durable before the row that names it; `stored` learns each key."""

    def keep(name: str, path: Path) -> str:
        key = f"{_folder(drawing, attempt=drawing.claim.attempt)}/{name}"
        stored.append(key)
        drawing.blobs.put_file(key, path)
        return key

    still_keys = {
        frame: keep(_still_name(frame), pictures.stills[frame])
        for frame in drawing.frames
        if frame in pictures.stills
    }
    overlay_key = None if pictures.overlay is None else keep(_OVERLAY_NAME, pictures.overlay)
    return overlay_key, still_keys


def _remove_leftovers(drawing: Drawing) -> None:
    """Remove what earlier attempts that were killed may have stored without a row to name it."""
    names = (_OVERLAY_NAME, *map(_still_name, drawing.frames))
    for attempt in range(1, drawing.claim.attempt):
        folder = _folder(drawing, attempt=attempt)
        remove_blobs(drawing.blobs, [f"{folder}/{name}" for name in names])


def _still_name(frame: int) -> str:
    return f"still-{frame}.jpg"


def _fail(drawing: Drawing, *, detail: str, is_final: bool = False) -> DrawResult:
    """End the attempt without pictures, unless somebody else has taken over already."""
    claim, policy = drawing.claim, drawing.policy
    try:
        with drawing.uow_factory(claim.organisation_id) as uow:
            if is_final or claim.attempt >= claim.max_attempts:
                uow.pictures.give_up(claim, detail=detail)
                return DrawResult.GAVE_UP
            uow.pictures.retry(claim, delay_s=policy.retry_delay_s(claim.attempt), detail=detail)
            return DrawResult.RETRY
    except StaleStateError:
        return DrawResult.LOST
