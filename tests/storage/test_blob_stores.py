"""Every store keeps the same promises."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from app.storage.blobs import BlobNotFoundError, BlobStore, InvalidBlobKeyError
from app.storage.local import LocalBlobStore
from app.storage.s3 import S3BlobStore
from tests.support.s3_server import S3Server, s3_server

KEY = "0198f2aa/0198f2ab/original.mp4"
CONTENT = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("store") / "s3") as served:
        yield served


@pytest.fixture(params=["local", "s3", "s3 in memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Server) -> BlobStore:
    makers: dict[str, Callable[[], BlobStore]] = {
        "local": lambda: LocalBlobStore(tmp_path / "blobs"),
        "s3": s3.open,
        "s3 in memory": lambda: S3BlobStore(MemoryStore()),
    }
    return makers[request.param]()


def test_put_file_when_done_then_the_same_bytes_come_back(store: BlobStore, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    clip.write_bytes(CONTENT)
    store.put_file(KEY, clip)
    assert store.size(KEY) == len(CONTENT)
    assert store.get_bytes(KEY) == CONTENT


def test_put_file_when_the_key_exists_then_replaced_whole(store: BlobStore, tmp_path: Path) -> None:
    store.put_bytes(KEY, CONTENT)
    clip = tmp_path / "clip"
    clip.write_bytes(b"short")
    store.put_file(KEY, clip)
    assert store.get_bytes(KEY) == b"short"


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (0, len(CONTENT)), (1000, 700_000), (len(CONTENT) - 1, len(CONTENT) + 50)]
)
@pytest.mark.parametrize("store", ["local", "s3 in memory"], indirect=True)
def test_iter_range_when_streamed_then_exactly_these_bytes(store: BlobStore, start: int, end: int) -> None:
    # rclone answers a range with 200, for which the client refuses it
    store.put_bytes(KEY, CONTENT)
    assert b"".join(store.iter_range(KEY, start=start, end=end)) == CONTENT[start:end]


def test_iter_range_when_empty_then_yields_nothing(store: BlobStore) -> None:
    store.put_bytes(KEY, CONTENT)
    assert b"".join(store.iter_range(KEY, start=10, end=10)) == b""


def test_local_copy_when_asked_then_the_path_holds_the_blob(store: BlobStore, tmp_path: Path) -> None:
    store.put_bytes(KEY, CONTENT)
    assert store.local_copy(KEY, tmp_path).read_bytes() == CONTENT


def test_delete_when_repeated_then_no_error_and_the_blob_is_gone(store: BlobStore) -> None:
    store.put_bytes(KEY, CONTENT)
    store.delete(KEY)
    store.delete(KEY)
    with pytest.raises(BlobNotFoundError):
        store.get_bytes(KEY)


def test_missing_blob_when_asked_for_in_any_way_then_not_found(store: BlobStore, tmp_path: Path) -> None:
    for ask in (
        lambda: store.get_bytes(KEY),
        lambda: store.size(KEY),
        lambda: store.iter_range(KEY, start=0, end=1),
        lambda: store.local_copy(KEY, tmp_path),
    ):
        with pytest.raises(BlobNotFoundError):
            ask()
    assert list(tmp_path.glob("original.mp4")) == []


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "a/../../secret",
        "/etc/passwd",
        "",
        "a//b",
        "a/.hidden",
        ".staging/x",
        "a/b\0c",
        "a/b c",
        "ü",
        "a/" * 300 + "a",
    ],
)
def test_key_when_it_could_lead_out_of_the_store_then_refused(
    store: BlobStore, key: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    for attempt in (
        lambda: store.get_bytes(key),
        lambda: store.put_bytes(key, b"x"),
        lambda: store.delete(key),
    ):
        with pytest.raises(InvalidBlobKeyError):
            attempt()
    assert (tmp_path / "secret").read_bytes() == b"secret"
