"""What the edge needs from whoever takes the quick look at a file that was just uploaded."""

from pathlib import Path
from typing import Protocol

from app.services.uploads import ProbedVideo


class VideoProber(Protocol):
    """Looks at a file's headers in a process of its own; a hostile file can hurt nothing but itself."""

    def __call__(self, path: Path) -> ProbedVideo:
        """Say what the file is; raise `UnreadableVideoError` (`context['reason']` names the finding) when it cannot be used."""
        ...
