"""What the worker and its confined child say to each other: one JSON object per line, checked on both sides.

The child has met a file from outside, so nothing it says is taken on trust: sizes are capped, values are checked,
names of files are plain names, arrays are read without pickle.
"""

import json
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.biomech.quality import FINDINGS
from app.biomech.types import (
    Event,
    EventName,
    EventSource,
    FlaggedFrame,
    Side,
    VideoInfo,
)
from app.domain.lifecycle import Stage
from app.pose.bundle import PoseEngine

MAX_LINE_BYTES = 256 * 1024
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""Everything a child says in its life."""
TRACK_FILE, KINEMATICS_FILE, OVERLAY_FILE = "track.npz", "kinematics.npz", "overlay.mp4"
READ_SHARE = 0.95
"""Reading's part of the work until the result; judging takes a moment, and the pictures come after it."""


class ProtocolError(Exception):
    """The other side said something that is not in the protocol."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Limits(_Message):
    """What a child gives up before it opens a file; there is no way back."""

    memory_bytes: int = 4 * 2**30
    """Address space: the engine alone maps 1.3 GiB; pictures of 4K video take the rest."""
    cpu_s: int = 1200
    file_bytes: int = 256 * 1024 * 1024
    """Largest file it may write: track, pictures, overlay."""
    open_files: int = 64


class Start(_Message):
    """First line to the child."""

    engine: PoseEngine
    model: str | None
    n_threads: Annotated[int, Field(ge=1)]
    limits: Limits


class PointSaid(_Message):
    """A place in a frame."""

    frame: int
    x_px: float
    y_px: float


class ReadOrder(_Message):
    """Read this file."""

    op: Literal["read"] = "read"
    path: str
    movement: str
    athlete_at: PointSaid | None = None
    """Where the person to follow is; None: whoever performs the movement."""


class DrawOrder(_Message):
    """Draw what was judged; the events and frames are the worker's own, so they are not checked again."""

    op: Literal["draw"] = "draw"
    path: str | None
    """The video, its track in `TRACK_FILE`; None means what this child has read."""
    events: list[dict[str, Any]]
    flagged_frames: list[dict[str, Any]]
    with_kinematics: bool
    overlay: bool
    blur_faces: bool = False


class CloseOrder(_Message):
    """Go."""

    op: Literal["close"] = "close"


class Ready(_Message):
    """Imports done, model loaded, limits set."""

    kind: Literal["ready"] = "ready"


class ProgressSaid(_Message):
    """How far the child is."""

    kind: Literal["progress"] = "progress"
    stage: str
    share: Annotated[float, Field(ge=0, le=1)]


class FindingSaid(_Message):
    """A finding by its code; the words are ours."""

    code: str
    facts: dict[str, float | int | str] = {}


class VideoSaid(_Message):
    """A `VideoInfo`."""

    width_px: int
    height_px: int
    duration_s: float
    n_frames: int
    nominal_fps_hz: float
    rotation_deg: int
    codec: Annotated[str, Field(max_length=20, pattern=r"^[a-z0-9_]+$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    clap_s: float | None = None
    flash_s: float | None = None
    brightness: Annotated[float, Field(ge=0, le=1)] | None = None
    contrast: Annotated[float, Field(ge=0, le=1)] | None = None
    key_bits_per_pixel: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    def info(self) -> VideoInfo:
        """Return it as the value it stands for."""
        return VideoInfo(**self.model_dump())


class ReadDone(_Message):
    """What reading found; the track is in `TRACK_FILE`."""

    kind: Literal["read_done"] = "read_done"
    video: VideoSaid | None
    has_track: bool
    findings: Annotated[list[FindingSaid], Field(max_length=20)]
    n_network_runs: int
    network_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class DrawDone(_Message):
    """What was drawn; stills are in files named `still_file` says."""

    kind: Literal["draw_done"] = "draw_done"
    stills: Annotated[list[int], Field(max_length=100)]
    has_overlay: bool


class Failed(_Message):
    """The child could not go on."""

    kind: Literal["failed"] = "failed"
    reason: Annotated[str, Field(max_length=200)]


Answer = Ready | ProgressSaid | ReadDone | DrawDone | Failed
Order = ReadOrder | DrawOrder | CloseOrder


class _AnswerLine(BaseModel):
    model_config = ConfigDict(strict=True)
    answer: Annotated[Answer, Field(discriminator="kind")]


class _OrderLine(BaseModel):
    model_config = ConfigDict(strict=True)
    order: Annotated[Order, Field(discriminator="op")]


def encode(message: _Message) -> bytes:
    """Return the message as one line."""
    return message.model_dump_json().encode() + b"\n"


def decode_answer(line: bytes) -> Answer:
    """Return the child's message; raise `ProtocolError` when it is none."""
    try:
        answer = _AnswerLine.model_validate({"answer": json.loads(line)}, strict=True).answer
    except (ValidationError, ValueError, RecursionError) as error:
        msg = "the child's line is not a message"
        raise ProtocolError(msg) from error
    if isinstance(answer, ReadDone) and any(finding.code not in FINDINGS for finding in answer.findings):
        msg = "the child named an unknown finding"
        raise ProtocolError(msg)
    if isinstance(answer, ProgressSaid) and answer.stage not in set(Stage):
        msg = "the child named an unknown stage"
        raise ProtocolError(msg)
    return answer


def decode_order(line: bytes) -> Order:
    """Return the worker's message."""
    return _OrderLine.model_validate({"order": json.loads(line)}, strict=True).order


def still_file(frame: int) -> str:
    """Return the name of the still of a frame."""
    return f"still-{frame}.jpg"


def event_fields(event: Event) -> dict[str, Any]:
    """Return an event as plain values."""
    return asdict(event)


def event_from(fields: dict[str, Any]) -> Event:
    """Return the event those values stand for."""
    named = {
        "name": EventName(fields["name"]),
        "side": Side(fields["side"]),
        "source": EventSource(fields["source"]),
    }
    return Event(**{**fields, **named})


def flagged_fields(flagged: FlaggedFrame) -> dict[str, Any]:
    """Return a flagged frame as plain values."""
    return asdict(flagged)


def flagged_from(fields: dict[str, Any]) -> FlaggedFrame:
    """Return the flagged frame those values stand for."""
    return FlaggedFrame(**{**fields, "side": Side(fields["side"])})
