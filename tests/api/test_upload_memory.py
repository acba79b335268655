"""A large upload passes through; it is never whole in memory and is written once."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from app.main import create_app
from app.settings import Settings
from app.storage.local import LocalBlobStore
from app.storage.staging import StagingArea
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video, serving
from tests.api.test_uploads import URL

SIZE = 200 * 1024 * 1024
CHUNK = 256 * 1024
ALLOWED_GROWTH = 40 * 1024 * 1024
"""Buffers of server and client together, and what the allocator keeps; a fifth of the file."""


class PeakMemory:
    """Watches this process, in which server and client both live."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self.peak = 0

    def __enter__(self) -> "PeakMemory":
        self.before = self.peak = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.peak = max(self.peak, self._process.memory_info().rss)


def form() -> Iterator[bytes]:
    yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="long.mp4"\r\n\r\n'
    yield fake_video(CHUNK)
    chunk = os.urandom(CHUNK)
    for _ in range(SIZE // CHUNK - 1):
        yield chunk
    yield b"\r\n--edge--\r\n"


@pytest.fixture
def roomy(parts: PartsForTests, tmp_path: Path) -> PartsForTests:
    return replace(
        parts,
        settings=Settings(data_dir=tmp_path, max_upload_bytes=SIZE),
        blobs=LocalBlobStore(tmp_path / "blobs"),
        staging=StagingArea(tmp_path / "blobs" / ".staging", min_free_bytes=0),
    )


def test_upload_when_200_mb_then_memory_stays_flat(roomy: PartsForTests, club: Club) -> None:
    headers = {
        "Authorization": f"Bearer {club.api_key}",
        "Content-Type": "multipart/form-data; boundary=edge",
    }
    with serving(create_app(roomy)) as address, httpx.Client(timeout=60) as client:
        client.get(f"{address}/healthz")
        with PeakMemory() as memory:
            answer = client.post(f"{address}{URL}", content=form(), headers=headers)
    assert answer.status_code == 202
    assert answer.json()["size_bytes"] == SIZE
    assert memory.peak - memory.before < ALLOWED_GROWTH
    assert list(roomy.staging.directory.iterdir()) == []
