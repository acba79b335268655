"""A real server on a real socket, with real parts; the queue is in memory, the quick look may be a stand-in."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from app.biomech.types import MethodStamp
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.errors import UnreadableVideoError
from app.http.rate_limits import RateLimiter
from app.services.erasure import Places
from app.services.uploads import ProbedVideo
from app.services.video_prober import VideoProber
from app.settings import Settings
from app.storage.blobs import BlobStore
from app.storage.partials import PartialFiles
from app.storage.staging import StagingArea
from tests.factories import METHOD

SAMPLE = Path(__file__).parents[2] / "samples" / "dvj_f_neutral_60.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsForTests:
    """What routes need; the shape of `app.http.parts.Parts`."""

    settings: Settings
    uow_factory: UnitOfWorkFactory
    blobs: BlobStore
    staging: StagingArea
    prober: VideoProber
    rate_limiter: RateLimiter
    method: MethodStamp = METHOD

    @property
    def partials(self) -> PartialFiles:
        return PartialFiles(self.staging.directory.with_name(".uploads"), min_free_bytes=0, wait_s=1.0)

    @property
    def places(self) -> Places:
        return Places(blobs=self.blobs, partials=self.partials, staging=self.staging)


class TrustingProber:
    """Takes what starts like a video for one; counts how often it was asked."""

    def __init__(self) -> None:
        self.n_asked = 0

    def __call__(self, path: Path) -> ProbedVideo:
        self.n_asked += 1
        with path.open("rb") as file:
            if file.read(8)[4:] != b"ftyp":
                raise UnreadableVideoError("Not a video.", how_to_fix="Send a video.", reason="not_a_video")
        return ProbedVideo(
            extension="mp4", container="mp4", codec="h264", width_px=720, height_px=1280, duration_s=3.0
        )


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve in a thread until left; yield the address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, server_header=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server took too long to start"
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"


def fake_video(size: int = 4096) -> bytes:
    """Return bytes that start like an MP4, for tests that are not about video."""
    return b"\x00\x00\x00\x18ftypmp42" + bytes(size - 12)
