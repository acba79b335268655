"""What only a disk can do: be another disk, be full, keep half-written files."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.storage.blobs import StorageFullError
from app.storage.local import LocalBlobStore

KEY = "org/rec/original.mp4"


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A folder on another file system than tmp_path; shared memory is one on every Linux."""
    folder = Path("/dev/shm") / f"plumbline-test-{os.getpid()}"  # noqa: S108  # removed below
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("no second file system that can be written")
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_put_file_when_the_file_lies_on_another_disk_then_copied_and_nothing_left(
    tmp_path: Path, other_disk: Path
) -> None:
    if other_disk.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("shared memory and the temporary folder are one file system here")
    source = other_disk / "clip"
    source.write_bytes(b"clip")
    store = LocalBlobStore(tmp_path / "blobs")
    store.put_file(KEY, source)
    assert store.get_bytes(KEY) == b"clip"
    assert not source.exists()
    assert list((tmp_path / "blobs" / ".staging").iterdir()) == []


def test_delete_when_it_was_the_last_blob_then_no_empty_folder_is_left(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path / "blobs")
    store.put_bytes(KEY, b"clip")
    store.put_bytes("org/other/original.mp4", b"clip")
    store.delete(KEY)
    assert sorted(path.name for path in (tmp_path / "blobs" / "org").iterdir()) == ["other"]


_FILL = """
import sys
from pathlib import Path
from app.storage.blobs import StorageFullError
from app.storage.local import LocalBlobStore
from app.storage.disk import full_disk_as_storage_error
import errno
partial = Path(sys.argv[1]) / "partial"
try:
    with full_disk_as_storage_error(partial), partial.open("wb", buffering=0) as file:
        file.write(b"x" * 100)
        Path("/dev/full").open("wb", buffering=0).write(b"x")
except StorageFullError:
    print("full", partial.exists())
"""


def test_write_when_the_disk_is_full_then_storage_full_and_the_partial_file_is_removed(
    tmp_path: Path,
) -> None:
    # /dev/full answers every write with "no space left on device", as a full disk does.
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FILL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["full", "False"]


def test_put_bytes_when_the_folder_cannot_grow_then_error_and_no_partial_file(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path / "blobs")
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.put_bytes(KEY, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (_soft, hard))
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    assert issubclass(StorageFullError, OSError)
