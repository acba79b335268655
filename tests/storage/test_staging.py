import asyncio
import hashlib
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.errors import UploadTooLargeError
from app.storage.blobs import StorageFullError
from app.storage.local import LocalBlobStore
from app.storage.staging import StagedFile, StagingArea, stage, working_folder

MB = 1024 * 1024


@pytest.fixture
def area(tmp_path: Path) -> StagingArea:
    return StagingArea(tmp_path / "blobs" / ".staging", min_free_bytes=0)


async def _chunks(*, n_chunks: int, chunk: bytes) -> AsyncIterator[bytes]:
    for _ in range(n_chunks):
        yield chunk


def _receive(
    area: StagingArea, *, n_chunks: int, chunk: bytes, limit_bytes: int, keep_as: Path | None = None
) -> StagedFile:
    async def receive() -> StagedFile:
        async with stage(area, _chunks(n_chunks=n_chunks, chunk=chunk), limit_bytes=limit_bytes) as staged:
            assert staged.path.stat().st_size == staged.size_bytes
            if keep_as is not None:
                LocalBlobStore(keep_as).put_file("a/b", staged.path)
            return staged

    return asyncio.run(receive())


def test_upload_when_it_arrived_then_counted_hashed_and_movable_into_the_store(
    area: StagingArea, tmp_path: Path
) -> None:
    chunk = os.urandom(70_000)
    staged = _receive(area, n_chunks=50, chunk=chunk, limit_bytes=50 * 70_000, keep_as=tmp_path / "blobs")
    assert staged.size_bytes == 50 * 70_000
    assert staged.sha256 == hashlib.sha256(chunk * 50).hexdigest()
    assert staged.head == chunk[:64]
    assert LocalBlobStore(tmp_path / "blobs").get_bytes("a/b") == chunk * 50
    assert list(area.directory.iterdir()) == []


def test_upload_when_empty_then_size_zero(area: StagingArea) -> None:
    staged = _receive(area, n_chunks=0, chunk=b"", limit_bytes=10)
    assert (staged.size_bytes, staged.head) == (0, b"")


def test_upload_when_one_byte_beyond_the_limit_then_refused_and_nothing_left(area: StagingArea) -> None:
    with pytest.raises(UploadTooLargeError) as refusal:
        _receive(area, n_chunks=3, chunk=b"x" * MB, limit_bytes=3 * MB - 1)
    assert refusal.value.how_to_fix
    assert list(area.directory.iterdir()) == []


def test_upload_when_larger_than_memory_should_hold_then_only_a_buffer_is_kept(area: StagingArea) -> None:
    tracemalloc.start()
    try:
        _receive(area, n_chunks=64 * 16, chunk=b"x" * 65_536, limit_bytes=100 * MB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MB  # 64 MB went through


def test_upload_when_the_client_goes_away_then_nothing_left(area: StagingArea) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 2 * MB
        raise ConnectionResetError

    async def receive() -> None:
        async with stage(area, half(), limit_bytes=10 * MB):
            pass

    with pytest.raises(ConnectionResetError):
        asyncio.run(receive())
    assert list(area.directory.iterdir()) == []


def test_upload_when_the_disk_has_no_room_to_spare_then_refused_before_the_first_byte(tmp_path: Path) -> None:
    area = StagingArea(tmp_path, min_free_bytes=2**62)
    with pytest.raises(StorageFullError):
        area.open(limit_bytes=10)
    assert list(tmp_path.iterdir()) == []


def test_abandoned_uploads_when_old_then_removed_and_fresh_ones_kept(area: StagingArea) -> None:
    old, fresh = area.directory / "old", area.directory / "fresh"
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    (area.directory / "pictures").mkdir()
    (area.directory / "pictures" / "still.jpg").write_bytes(b"x")
    for path in (old, area.directory / "pictures"):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    assert area.remove_abandoned(older_than_s=3600) == 2
    assert list(area.directory.iterdir()) == [fresh]


def test_abandoned_uploads_when_somebody_is_at_work_on_them_then_kept_until_that_ends(
    area: StagingArea,
) -> None:
    async def stay() -> None:
        async with area.open(limit_bytes=10) as writer:
            await writer.write(b"x")
            await writer.finish()
            assert area.remove_abandoned(older_than_s=0) == 0

    asyncio.run(stay())
    with working_folder(area.directory, prefix="attempt-") as folder:
        (folder / "video").write_bytes(b"x")
        assert area.remove_abandoned(older_than_s=0) == 0
        assert (folder / "video").exists()
    assert list(area.directory.iterdir()) == []


def test_working_folder_when_its_process_is_killed_then_abandoned(area: StagingArea) -> None:
    work = "import os, sys; from pathlib import Path; from app.storage.staging import working_folder\n"
    work += "with working_folder(Path(sys.argv[1]), prefix='attempt-'): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", work, str(area.directory)], check=False)
    assert len(list(area.directory.iterdir())) == 1
    assert area.remove_abandoned(older_than_s=0) == 1
