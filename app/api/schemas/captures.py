"""Announced recordings as REST takes and shows them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Output, OutputPage
from app.api.schemas.recordings import ProgressEvent, RecordingInput
from app.biomech.types import Movement, View
from app.domain.captures import CaptureState
from app.domain.screenings import ScreeningContext
from app.services.captures import CaptureRequest


class CaptureInput(RecordingInput):
    """What is told of a recording before its file comes; all of it may be left out."""

    filename: Annotated[str, Field(max_length=255)] = Field(
        default="video", description="The file's own name; for display only."
    )
    size_bytes: int | None = Field(
        default=None, gt=0, description="Size of the file. What comes has to have it; refused now if it is too much."
    )  # fmt: skip
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = Field(
        default=None,
        description="SHA-256 of the file. What comes has to have it, and a file that is known already need not be sent.",
    )
    client_ref: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="What you call it; comes back, and finds it again."
    )

    def request(self, *, athlete_id: UUID | None, upload_metadata: str | None = None) -> CaptureRequest:
        """Return what the service is asked for; the athlete may have been named by another id."""
        return CaptureRequest(
            athlete_id=athlete_id,
            movement=self.movement,
            view=self.view,
            box_height_cm=self.box_height_cm,
            screened_on=self.screened_on,
            context=self.context,
            trial_id=self.trial_id,
            trial_number=self.trial_number,
            filename=self.filename,
            size_bytes=self.size_bytes,
            sha256=None if self.sha256 is None else self.sha256.lower(),
            client_ref=self.client_ref,
            upload_metadata=upload_metadata,
            captured_at=self.captured_at,
        )


class UploadKind(StrEnum):
    """Ways to send the file."""

    TUS = "tus"
    """In pieces, by tus 1.0.0; goes on wherever it broke off. Only when `size_bytes` was announced."""
    PUT = "put"
    """One request whose body is the file."""
    PARTS = "parts"
    """Past us into the store, by addresses it signs: GET them below, PUT each part, then POST to `complete`."""
    MULTIPART = "multipart"
    """One POST of a form with the file in the field `file`."""


class UploadWay(Output):
    """One way to send the file."""

    kind: UploadKind
    method: str
    url: str


class PartOutput(Output):
    """A piece of the file and where to put it."""

    number: int
    first_byte: int
    size_bytes: int
    url: str = Field(
        description="For one PUT of exactly these bytes, without our credentials; good for an hour."
    )
    has_come: bool


class PartList(Output):
    """Every part of the file, in order."""

    items: list[PartOutput]


class CaptureProblem(Output):
    """Why a file was refused."""

    code: str
    message: str
    how_to_fix: str


class CaptureLinks(Output):
    """Where to go on from here."""

    self: str
    recording: str | None


class CaptureOutput(Output):
    """An announced recording: how far its file is, and what became of it."""

    id: UUID = Field(description="The recording that comes of it has the same id, unless it is a duplicate.")
    state: CaptureState
    athlete_id: UUID | None = Field(description="Null: the recording will wait in the inbox.")
    movement: Movement
    view: View
    box_height_cm: float | None
    screened_on: date
    captured_at: datetime | None = Field(description="When it was filmed, as you said.")
    context: ScreeningContext
    trial_id: UUID | None
    trial_number: int | None
    filename: str
    size_bytes: int | None
    sha256: str | None
    client_ref: str | None
    received_bytes: int = Field(description="So many bytes are safe; sending goes on from there.")
    uploads: list[UploadWay] = Field(description="Ways to send the file; empty when none is waited for.")
    recording_id: UUID | None
    duplicate: bool = Field(
        description="The same file had come before: `recording_id` is what it became then."
    )
    problem: CaptureProblem | None = Field(description="Why the file was refused.")
    recording: ProgressEvent | None = Field(description="How far the recording is; in lists always null.")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime = Field(description="Not waited for any longer; each byte that comes puts it off.")
    links: CaptureLinks


class CapturePage(OutputPage):
    """Captures, newest first."""

    items: list[CaptureOutput]


def capture_url(capture_id: UUID) -> str:
    """Return a capture's address."""
    return f"/api/v1/captures/{capture_id}"


def upload_url(capture_id: UUID) -> str:
    """Return where its file is sent, whichever way."""
    return f"/api/v1/uploads/{capture_id}"
