"""What one worker process works with: the container, the readers of videos, and the method."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from app.biomech.types import MethodStamp
from app.container import Container, build_container
from app.services.process_recording import ReaderFactory
from app.services.video_reader import VideoReader, VideoReaderDiedError
from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One per worker process. Videos are read by children that `reader_factory` hands out, never in here."""

    container: Container
    reader_factory: ReaderFactory
    method: MethodStamp
    close_readers: Callable[[], None]
    """End every child that reads a video; their recordings are tried again."""

    def close(self) -> None:
        """End the readers and give every connection back."""
        self.close_readers()
        self.container.close()


def build_runtime(settings: Settings) -> Runtime:
    """Make the container and start the children that will read videos."""

    def no_reader() -> VideoReader:
        raise VideoReaderDiedError

    return Runtime(
        container=build_container(settings),
        reader_factory=no_reader,
        method=MethodStamp(version="none", model_sha256="", code_version=version("plumbline")),
        close_readers=lambda: None,
    )
