"""Captures to what REST shows of them."""

from app.api.presenters import present_progress
from app.api.schemas.captures import (
    CaptureLinks,
    CaptureOutput,
    CaptureProblem,
    UploadKind,
    UploadWay,
    capture_url,
    upload_url,
)
from app.api.schemas.recordings import recording_url
from app.domain.captures import CaptureState
from app.services.captures import CaptureView

_MADE_HERE = {"uploads", "problem", "recording", "links"}


def present_capture(capture: CaptureView, *, direct: bool = False) -> CaptureOutput:
    """Return a capture, the ways to send its file (`direct`: also past us), and how far the recording is."""
    recording_id = capture.recording_id
    return CaptureOutput(
        **{name: getattr(capture, name) for name in CaptureOutput.model_fields if name not in _MADE_HERE},
        uploads=ways_of(capture, direct=direct),
        problem=None if capture.problem is None else CaptureProblem(**capture.problem),
        recording=None if capture.recording is None else present_progress(capture.recording),
        links=CaptureLinks(
            self=capture_url(capture.id),
            recording=None if recording_id is None else recording_url(recording_id),
        ),
    )


def ways_of(capture: CaptureView, *, direct: bool = False) -> list[UploadWay]:
    """Return the ways to send the file, the best first."""
    if capture.state is not CaptureState.AWAITING_UPLOAD:
        return []
    url = upload_url(capture.id)
    in_pieces = [UploadWay(kind=UploadKind.TUS, method="PATCH", url=url)]
    if direct:
        in_pieces.append(UploadWay(kind=UploadKind.PARTS, method="GET", url=f"{url}/parts"))
    return [
        *(in_pieces if capture.size_bytes else ()),
        UploadWay(kind=UploadKind.PUT, method="PUT", url=url),
        UploadWay(kind=UploadKind.MULTIPART, method="POST", url=url),
    ]
