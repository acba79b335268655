"""What the edge hands over once a file has arrived whole and was looked at."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedUpload:
    """A file that was streamed to the staging area, complete, with its hash."""

    path: Path
    """Moved away when the recording is received."""
    filename: str
    """As the user named it; kept for display, never used as a path."""
    size_bytes: int
    sha256: str
    """64 hexadecimal digits, counted over the bytes that were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedVideo:
    """What the quick look found: a file we can read."""

    extension: str
    """``mp4``, ``mov`` or ``webm``; decides the blob's name and media type, not the user's file name."""
    container: str
    codec: str
    width_px: int
    height_px: int
    duration_s: float
