"""A real worker that takes its time over every stored track, so that a test can kill it in the middle.

``python -m tests.support.reanalysis_worker SECONDS``: it never reads a video, and signs with the service's own method.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from app.container import build_container
from app.logs import configure_logs
from app.settings import load_settings
from app.storage.local import LocalBlobStore
from tests.factories import ScriptedReader
from workers.bootstrap import Runtime
from workers.celery_app import run_worker


class SlowStore(LocalBlobStore):
    """A local store from which a track comes slowly."""

    seconds = 0.0

    def get_bytes(self, key: str) -> bytes:
        """Wait, then return the content."""
        time.sleep(self.seconds if "track" in key else 0.0)
        return super().get_bytes(key)


def main(arguments: Sequence[str]) -> int:
    SlowStore.seconds = float(arguments[0])
    settings = load_settings()
    configure_logs(level=settings.log_level, process="worker")
    assert settings.blob_dir is not None
    container = replace(build_container(settings), blobs=SlowStore(settings.blob_dir))
    runtime = Runtime(
        container=container,
        reader_factory=ScriptedReader,
        drawer_factory=ScriptedReader,
        method=container.method,
        close_readers=lambda: None,
    )
    try:
        return run_worker(runtime, with_clock=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
