"""The quick look at an upload: a file we can analyse, or a refusal in plain words."""

from pathlib import Path
from typing import Protocol

from app.biomech.quality import FINDINGS, make_finding
from app.domain.errors import UnreadableVideoError
from app.media.facts import VideoFacts, VideoRefusedError
from app.media.probe import VideoProbe
from app.services.uploads import ProbedVideo

_HEAD_BYTES = 12
_QUICKTIME = b"qt  "


class VideoProber(Protocol):
    """Looks at a file's headers in a process of its own; a hostile file can hurt nothing but itself."""

    def __call__(self, path: Path) -> ProbedVideo:
        """Say what the file is; raise `UnreadableVideoError` (`context['reason']` names the finding) when it cannot be used."""
        ...


class SandboxedProber:
    """The real one."""

    def __init__(self, *, max_duration_s: float, probe: VideoProbe) -> None:
        """Keep the limit that was configured; the reader has limits of its own besides."""
        self._max_duration_s = max_duration_s
        self._probe = probe

    def __call__(self, path: Path) -> ProbedVideo:
        """Say what the file is."""
        try:
            facts = self._probe.read_facts(path)
            if facts.duration_s > self._max_duration_s + 0.5:
                raise VideoRefusedError("too_long", duration_s=facts.duration_s, limit_s=self._max_duration_s)
        except VideoRefusedError as refusal:
            raise _unreadable(refusal) from None
        return ProbedVideo(
            extension=_extension(path, facts),
            container=facts.container,
            codec=facts.codec,
            width_px=facts.coded_width_px,
            height_px=facts.coded_height_px,
            duration_s=facts.duration_s,
        )


def _unreadable(refusal: VideoRefusedError) -> UnreadableVideoError:
    """Return the refusal in the words of its finding."""
    code = refusal.code if refusal.code in FINDINGS else "corrupt_video"
    finding = make_finding(code, frame=None, severity=None, **refusal.facts)
    return UnreadableVideoError(finding.message, how_to_fix=finding.how_to_fix, reason=finding.code)


def _extension(path: Path, facts: VideoFacts) -> str:
    """Return the ending that fits the content; the user's own says nothing."""
    if facts.container == "matroska":
        return "webm"
    with path.open("rb") as file:
        brand = file.read(_HEAD_BYTES)[8:]
    return "mov" if brand == _QUICKTIME else "mp4"
