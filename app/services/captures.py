"""Captures: a recording is announced, its file comes, and it is one.

Functions that take a `UnitOfWork` take an entered one, made for the principal; the end of an upload takes the
factory, because looking at the file must not hold a transaction open.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypedDict
from uuid import UUID

from app.biomech.types import Movement, View
from app.db.models import Capture
from app.db.repositories.captures import CaptureRecord, NewCapture
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.captures import CaptureState
from app.domain.errors import (
    InvalidInputError,
    NotFoundError,
    StaleStateError,
    UnreadableVideoError,
    UploadGoneError,
    UploadTooLargeError,
)
from app.domain.quotas import Quotas
from app.domain.screenings import ScreeningContext
from app.services.checks import check_range, check_text
from app.services.cursors import (
    check_limit,
    decode_cursor,
    encode_cursor,
    id_part,
    instant_part,
    split_page,
)
from app.services.quotas import check_quotas
from app.services.read_models import Page, RecordingView
from app.services.recording_fields import check_day, check_trial_number, check_whom, shown_filename
from app.services.recording_intake import receive_recording
from app.services.recordings import recording_view
from app.services.trial_places import check_place, find_owner
from app.services.uploads import StagedUpload
from app.services.video_prober import VideoProber
from app.storage.blobs import BlobStore
from app.storage.partials import PartialFiles

EXPIRES_S = 24 * 3600.0
"""A file of which nothing came for so long is not waited for any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """What is told of a recording before its file comes."""

    athlete_id: UUID | None = None
    """None: it waits in the inbox."""
    movement: Movement = Movement.DROP_VERTICAL_JUMP
    view: View = View.FRONTAL
    box_height_cm: float | None = None
    screened_on: date | None = None
    context: ScreeningContext = ScreeningContext.BASELINE
    trial_id: UUID | None = None
    trial_number: int | None = None
    filename: str = "video"
    size_bytes: int | None = None
    sha256: str | None = None
    client_ref: str | None = None
    upload_metadata: str | None = None
    """As a tus client sent it, to be told back."""
    captured_at: datetime | None = None

    @property
    def day(self) -> date:
        """When it was filmed; today unless told."""
        return self.screened_on or datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureView:
    """An announced recording and how far its file is."""

    id: UUID
    state: CaptureState
    athlete_id: UUID | None
    movement: Movement
    view: View
    box_height_cm: float | None
    screened_on: date
    context: ScreeningContext
    trial_id: UUID | None
    trial_number: int | None
    filename: str
    size_bytes: int | None
    sha256: str | None
    client_ref: str | None
    upload_metadata: str | None
    received_bytes: int
    """So many bytes lie safe; sending goes on from there."""
    recording_id: UUID | None
    duplicate: bool
    """The same file had come before, and `recording_id` is what it became then."""
    problem: dict[str, str] | None
    """Why the file was refused: code, message, how_to_fix."""
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    """When it is not waited for any more; each byte that comes puts it off."""
    captured_at: datetime | None = None
    recording: RecordingView | None = None
    """Only of a single capture."""


class _Place(TypedDict):
    """Where a recording belongs, as services are asked for it."""

    athlete_id: UUID | None
    movement: Movement
    view: View
    screened_on: date
    context: ScreeningContext
    trial_id: UUID | None
    trial_number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedCapture:
    """The answer to an announcement."""

    capture: CaptureView
    existing: bool
    """Nothing new was made: the file of this athlete and movement is known already."""


def announce_capture(
    *,
    uow: UnitOfWork,
    principal: Principal,
    request: CaptureRequest,
    max_bytes: int,
    quotas: Quotas | None = None,
    expires_s: float = EXPIRES_S,
) -> AnnouncedCapture:
    """Write down what is to come, and return where it stands.

    The same file for the same athlete and movement is taken once: the capture or recording there is, is returned.
    Raises `NotFoundError` (no such athlete or trial), `InvalidInputError`, `UploadTooLargeError` and
    `QuotaExceededError`.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    request = _checked(request, principal=principal, max_bytes=max_bytes)
    if request.trial_id is not None and request.athlete_id is None:
        owner_id = find_owner(uow=uow, principal=principal, trial_id=request.trial_id)
        request = replace(request, athlete_id=owner_id)
    organisation_id = principal.organisation_id
    if request.sha256 is not None:
        uow.captures.hold_file(organisation_id=organisation_id, sha256=request.sha256)
        same = uow.captures.find_same(
            organisation_id=organisation_id,
            sha256=request.sha256,
            athlete_id=request.athlete_id,
            movement=request.movement,
        )
        if same is not None:
            return AnnouncedCapture(capture=_whole_view(uow, principal, same), existing=True)
    check_place(uow=uow, principal=principal, **_place(request))
    check_quotas(
        uow=uow,
        principal=principal,
        defaults=quotas or Quotas(),
        size_bytes=request.size_bytes or 0,
        opens=True,
    )
    capture_id = new_id()
    fields = {name: getattr(request, name) for name in CaptureRequest.__slots__}
    new = NewCapture(id=capture_id, organisation_id=organisation_id, **fields | {"screened_on": request.day})
    uow.captures.add(new, actor=principal, expires_s=expires_s)
    uow.audit.record(actor=principal, act=Act.CAPTURE_ANNOUNCED, object_id=capture_id)
    earlier_id = None if request.sha256 is None else _recording_of(uow, principal, request, request.sha256)
    if earlier_id is not None:
        uow.captures.end(capture_id, outcome=CaptureState.RECEIVED, recording_id=earlier_id)
    view = get_capture(uow=uow, principal=principal, capture_id=capture_id)
    return AnnouncedCapture(capture=view, existing=earlier_id is not None)


def get_capture(*, uow: UnitOfWork, principal: Principal, capture_id: UUID) -> CaptureView:
    """Return a capture and the recording it became, or raise `NotFoundError`."""
    principal.require(Permission.RECORDINGS_WRITE)
    return _whole_view(uow, principal, _find(uow, principal, capture_id))


def list_captures(
    *,
    uow: UnitOfWork,
    principal: Principal,
    client_ref: str | None = None,
    state: CaptureState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[CaptureView]:
    """List captures, newest first."""
    principal.require(Permission.RECORDINGS_WRITE)
    before = None if cursor is None else decode_cursor(cursor, instant_part, id_part)
    rows = uow.captures.list_newest(
        organisation_id=principal.organisation_id,
        client_ref=client_ref,
        state=state,
        before=None if before is None else (before[0], before[1]),
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    last = page[-1].capture if more else None
    return Page(
        items=tuple(_view(record) for record in page),
        next_cursor=None if last is None else encode_cursor(last.created_at, last.id),
    )


def cancel_capture(*, uow: UnitOfWork, principal: Principal, capture_id: UUID) -> None:
    """Call off a capture whose file has not come; raise `StaleStateError` when it has, `NotFoundError`.

    One that has ended without a recording stays as it is.
    """
    principal.require(Permission.RECORDINGS_WRITE)
    record = _find(uow, principal, capture_id, hold=True)
    if record.state is CaptureState.RECEIVED:
        raise _has_come()
    if record.capture.outcome is None:
        uow.captures.end(capture_id, outcome=CaptureState.CANCELLED)
        uow.audit.record(actor=principal, act=Act.CAPTURE_CANCELLED, object_id=capture_id)


def expect_file(*, uow: UnitOfWork, principal: Principal, capture_id: UUID) -> CaptureView:
    """Return a capture whose file may come now; raise `NotFoundError`, `StaleStateError` (it has), `UploadGoneError`."""
    principal.require(Permission.RECORDINGS_WRITE)
    view = _view(_find(uow, principal, capture_id))
    if view.state is CaptureState.RECEIVED:
        raise _has_come()
    if view.state is not CaptureState.AWAITING_UPLOAD:
        raise _is_gone()
    return view


def see_upload(*, uow: UnitOfWork, principal: Principal, capture_id: UUID) -> CaptureView:
    """Return a capture whose file comes in pieces or has come; raise `NotFoundError` and `UploadGoneError`."""
    principal.require(Permission.RECORDINGS_WRITE)
    view = _view(_find(uow, principal, capture_id))
    if view.state not in {CaptureState.AWAITING_UPLOAD, CaptureState.RECEIVED}:
        raise _is_gone()
    return view


def note_progress(
    *,
    uow_factory: UnitOfWorkFactory,
    organisation_id: UUID,
    capture_id: UUID,
    received_bytes: int,
    expires_s: float = EXPIRES_S,
) -> datetime:
    """Note that so much of the file is safe, wait for the rest anew, and return until when.

    The service's own work, no act of anybody. Raises `UploadGoneError` when the capture has ended meanwhile.
    """
    with uow_factory(organisation_id) as uow:
        expires_at = uow.captures.note_progress(
            capture_id, received_bytes=received_bytes, expires_s=expires_s
        )
    if expires_at is None:
        raise _is_gone()
    return expires_at


def sweep_partial_files(*, uow_factory: UnitOfWorkFactory, partials: PartialFiles) -> int:
    """Remove what came of files that are not waited for any more, or are recordings by now; return how many.

    One that a request holds just now is left for the next time.
    """
    n_removed = 0
    for organisation_id, capture_id in partials.list_all():
        with uow_factory(organisation_id) as uow:
            record = uow.captures.find(organisation_id=organisation_id, capture_id=capture_id, hold=True)
            if record is not None and record.state is CaptureState.AWAITING_UPLOAD:
                continue
            if partials.remove(organisation_id, capture_id):
                n_removed += 1
                if record is not None:
                    uow.captures.end(capture_id, outcome=CaptureState.EXPIRED)
    return n_removed


def finish_capture(
    *,
    uow_factory: UnitOfWorkFactory,
    blobs: BlobStore,
    principal: Principal,
    capture_id: UUID,
    upload: StagedUpload,
    prober: VideoProber,
) -> CaptureView:
    """Make the recording of a file that is here whole, and return the capture with it.

    Asked again, after an answer was lost, it returns what was made. A file that had come before becomes no second
    recording. Raises `NotFoundError`, `UploadGoneError` (it ended meanwhile), `InvalidInputError` (not the file that
    was announced) and `UnreadableVideoError`, which ends the capture.
    """
    with uow_factory(principal) as uow:
        capture = _find(uow, principal, capture_id).capture
        _check_announced(capture, upload)
    try:
        probed = prober(upload.path)
    except UnreadableVideoError as error:
        _refuse(uow_factory, principal, capture_id, error)
        raise
    with uow_factory(principal) as uow:
        uow.captures.hold_file(organisation_id=principal.organisation_id, sha256=upload.sha256)
        record = _find(uow, principal, capture_id, hold=True)
        if record.state is CaptureState.RECEIVED:
            return _whole_view(uow, principal, record)
        if (
            record.capture.outcome is not None
        ):  # one that ran out just now is taken all the same: the file is here
            raise _is_gone()
        request = _request_of(record.capture)
        if request.athlete_id is not None:  # two that come at once for one trial are seen one after the other
            uow.hold(f"place:{request.athlete_id}:{request.day}:{request.context.value}")
        recording_id = _recording_of(uow, principal, request, upload.sha256)
        if recording_id is None:
            recording_id = receive_recording(
                uow=uow,
                blobs=blobs,
                principal=principal,
                upload=replace(upload, filename=record.capture.filename),
                probed=probed,
                recording_id=capture_id,
                box_height_cm=request.box_height_cm,
                captured_at=request.captured_at,
                **_place_of(uow, principal, request),
            ).recording.id
        else:
            uow.audit.record(
                actor=principal, act=Act.RECORDING_RECEIVED, object_id=recording_id, sha256=upload.sha256
            )
        uow.captures.end(
            capture_id,
            outcome=CaptureState.RECEIVED,
            recording_id=recording_id,
            received_bytes=upload.size_bytes,
        )
        return get_capture(uow=uow, principal=principal, capture_id=capture_id)


def _checked(request: CaptureRequest, *, principal: Principal, max_bytes: int) -> CaptureRequest:
    """Return the request with its texts cleaned, or refuse what could not become a recording."""
    check_whom(principal, athlete_id=request.athlete_id, trial_id=request.trial_id)
    if request.size_bytes is not None and request.size_bytes > max_bytes:
        raise UploadTooLargeError(
            f"The video is larger than {max_bytes / 1024 / 1024:.0f} MB.",
            how_to_fix="Trim it to the jump itself, a few seconds before and after, and announce it again.",
            limit_bytes=max_bytes,
        )
    check_day(request.screened_on)
    check_trial_number(request.trial_number)
    check_range(request.box_height_cm, field="box_height_cm", low=1.0, high=150.0)
    reference = request.client_ref
    return replace(
        request,
        filename=shown_filename(request.filename),
        client_ref=None if reference is None else check_text(reference, field="client_ref"),
    )


def _check_announced(capture: Capture, upload: StagedUpload) -> None:
    for name, announced, came in (
        ("size_bytes", capture.size_bytes, upload.size_bytes),
        ("sha256", capture.sha256, upload.sha256),
    ):
        if announced is not None and announced != came:
            raise InvalidInputError(
                "This is not the file that was announced, or it was damaged on its way.",
                how_to_fix="Send the file again from its beginning, or announce this one.",
                field=name,
            )


def _place(request: CaptureRequest) -> _Place:
    return {
        "athlete_id": request.athlete_id,
        "movement": request.movement,
        "view": request.view,
        "screened_on": request.day,
        "context": request.context,
        "trial_id": request.trial_id,
        "trial_number": request.trial_number,
    }


def _place_of(uow: UnitOfWork, principal: Principal, request: CaptureRequest) -> _Place:
    """Return where the recording belongs; a trial that has no room any more is no reason to lose a video."""
    place = _place(request)
    try:
        check_place(uow=uow, principal=principal, **place)
    except (InvalidInputError, NotFoundError):
        place |= {"trial_id": None, "trial_number": None}
    return place


def _refuse(
    uow_factory: UnitOfWorkFactory, principal: Principal, capture_id: UUID, error: UnreadableVideoError
) -> None:
    problem = {
        "code": str(error.context.get("reason") or error.code),
        "message": error.message,
        "how_to_fix": error.how_to_fix,
    }
    with uow_factory(principal) as uow:
        if _find(uow, principal, capture_id, hold=True).capture.outcome is None:
            uow.captures.end(capture_id, outcome=CaptureState.REFUSED, problem=problem)
            uow.audit.record(
                actor=principal, act=Act.CAPTURE_REFUSED, object_id=capture_id, code=problem["code"]
            )


def _recording_of(uow: UnitOfWork, principal: Principal, request: CaptureRequest, sha256: str) -> UUID | None:
    return uow.captures.find_recording(
        organisation_id=principal.organisation_id,
        sha256=sha256,
        athlete_id=request.athlete_id,
        movement=request.movement,
    )


def _request_of(capture: Capture) -> CaptureRequest:
    return CaptureRequest(**{name: getattr(capture, name) for name in CaptureRequest.__slots__})


def _find(uow: UnitOfWork, principal: Principal, capture_id: UUID, *, hold: bool = False) -> CaptureRecord:
    record = uow.captures.find(organisation_id=principal.organisation_id, capture_id=capture_id, hold=hold)
    if record is None:
        raise NotFoundError("There is no such capture.", how_to_fix="Announce the recording first.")
    return record


def _has_come() -> StaleStateError:
    return StaleStateError(
        "The file has come already.", how_to_fix="Follow the recording that the capture names."
    )


def _is_gone() -> UploadGoneError:
    return UploadGoneError(
        "This upload has ended, and nothing of it is kept.",
        how_to_fix="Announce the recording again and send the file to the address you get.",
    )


def _view(record: CaptureRecord) -> CaptureView:
    capture = record.capture
    names = set(CaptureView.__slots__) - {"state", "duplicate", "recording"}
    return CaptureView(
        **{name: getattr(capture, name) for name in names},
        state=record.state,
        duplicate=capture.recording_id not in {None, capture.id},
    )


def _whole_view(uow: UnitOfWork, principal: Principal, record: CaptureRecord) -> CaptureView:
    view = _view(record)
    if view.recording_id is None:
        return view
    recording = recording_view(uow=uow, principal=principal, recording_id=view.recording_id)
    return replace(view, recording=recording)
