"""What one worker process works with: the container, the readers of videos, and the method."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.biomech.signals import load_scipy
from app.biomech.types import MethodStamp
from app.container import Container, build_container, method_stamp
from app.services.work_policy import ReaderFactory
from app.settings import Settings
from workers.sandbox import SandboxPool, SandboxSettings

DRAWING_NICE = 5
"""Beside a reading, drawing gets a quarter of a core; alone, all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One per worker process. Videos are read by children that `reader_factory` hands out, never in here."""

    container: Container
    reader_factory: ReaderFactory
    drawer_factory: ReaderFactory
    """The same for pictures, which nobody's result may wait for."""
    method: MethodStamp
    close_readers: Callable[[], None]
    """End every child that reads a video; their recordings are tried again."""

    def close(self) -> None:
        """End the readers and give every connection back."""
        self.close_readers()
        self.container.close()


def build_runtime(settings: Settings) -> Runtime:
    """Make the container and start the children that will read videos."""
    container = build_container(settings)
    pool = SandboxPool(
        SandboxSettings(
            engine=settings.pose_engine,
            model=settings.pose_model,
            n_threads=settings.pose_threads,
            timeout_s=settings.job_timeout_s,
        )
    )
    load_scipy()  # while the children start: the first recording is judged as quickly as all others
    return Runtime(
        container=container,
        reader_factory=pool.reader,
        drawer_factory=partial(pool.reader, nice=DRAWING_NICE),
        method=method_stamp(settings.pose_model),
        close_readers=pool.close,
    )
