"""Blobs in S3 or a store that speaks like it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import obstore
from obstore.store import MemoryStore, S3Store

from app.storage.blobs import CHUNK_BYTES, BlobNotFoundError, check_key
from app.storage.disk import full_disk_as_storage_error
from app.storage.s3_signing import S3Signer

_ASK_FOR_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unfinished:
    """An upload in parts that was begun."""

    key: str
    upload_id: str
    begun_at: datetime


class S3BlobStore:
    """Objects in a bucket; a put is atomic and durable when it returns."""

    def __init__(self, store: S3Store | MemoryStore) -> None:
        """Use an opened store; the one in memory is for tests."""
        self._store = store

    def put_file(self, key: str, path: Path) -> None:
        """Upload the file, in parts when it is large; the local one is left where it is."""
        obstore.put(self._store, check_key(key), path)

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store a small blob."""
        obstore.put(self._store, check_key(key), content)

    def get_bytes(self, key: str) -> bytes:
        """Return the whole blob."""
        try:
            return bytes(obstore.get(self._store, check_key(key)).bytes())
        except FileNotFoundError:
            raise BlobNotFoundError(key) from None

    def size(self, key: str) -> int:
        """Return the length in bytes."""
        try:
            return int(obstore.head(self._store, check_key(key))["size"])
        except FileNotFoundError:
            raise BlobNotFoundError(key) from None

    def iter_range(self, key: str, *, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes start to end; a missing blob is an error at once, not at the first read."""
        size = self.size(key)
        end = min(end, size)
        if start >= end:
            return iter(())
        is_whole = (start, end) == (0, size)
        result = obstore.get(self._store, key, options={} if is_whole else {"range": (start, end)})
        return (bytes(chunk) for chunk in result.stream(min_chunk_size=CHUNK_BYTES))

    def local_copy(self, key: str, directory: Path) -> Path:
        """Download the blob into the directory."""
        path = directory / check_key(key).rpartition("/")[2]
        size = self.size(key)
        with full_disk_as_storage_error(path), path.open("wb") as file:
            for chunk in self.iter_range(key, start=0, end=size):
                file.write(chunk)
        return path

    def delete(self, key: str) -> None:
        """Remove the object."""
        try:
            obstore.delete(self._store, check_key(key))
        except FileNotFoundError:  # S3 itself does not mind; the store in memory does
            return

    def delete_all(self, prefix: str) -> int:
        """Remove every object below the prefix."""
        keys = self.find_keys(prefix)
        for key in keys:
            self.delete(key)
        return len(keys)

    def find_keys(self, prefix: str) -> list[str]:
        """Return the keys of every object below the prefix."""
        folder = f"{check_key(prefix)}/"
        return sorted(entry["path"] for chunk in obstore.list(self._store, folder) for entry in chunk)


class SigningS3BlobStore(S3BlobStore):
    """One whose key we have, so that we can sign addresses for clients."""

    def __init__(self, store: S3Store, *, signer: S3Signer, prefix: str) -> None:
        """Use an opened store; `prefix` is the folder of the bucket that it is opened at, or empty."""
        super().__init__(store)
        self._signer = signer
        self._prefix = prefix

    def sign_put(self, key: str, *, size_bytes: int, expires_s: float) -> str:
        """Return an address to which whoever has it may PUT this blob, of exactly this size, for so long."""
        return self._signer.sign_put(self._whole(key), size_bytes=size_bytes, expires_s=expires_s)

    def last_change(self, prefix: str) -> datetime | None:
        """Return when the latest blob of this folder came; None when there is none."""
        folder = f"{check_key(prefix)}/"
        times = [entry["last_modified"] for chunk in obstore.list(self._store, folder) for entry in chunk]
        return max(times, default=None)

    def end_unfinished(self, prefix: str, *, older_than_s: float) -> int:
        """End uploads in parts below the prefix that nobody finished; return how many.

        A process that is killed while it stores a large video leaves one: no list of blobs shows it, and it takes room for
        ever. Raises `OSError` when the store does not answer, or does not know such a list.
        """
        oldest = datetime.now(UTC) - timedelta(seconds=older_than_s)
        left = [each for each in self._unfinished(f"{self._whole(prefix)}/") if each.begun_at <= oldest]
        for each in left:
            self._ask("DELETE", each.key, {"uploadId": each.upload_id})
        return len(left)

    def _unfinished(self, prefix: str) -> Iterator[_Unfinished]:
        markers: dict[str, str] = {}
        while True:
            page = self._ask("GET", "", {"uploads": "", "prefix": prefix, **markers})
            for upload in _tags(page, "Upload"):
                key, upload_id, begun = (_tags(upload, name)[0] for name in ("Key", "UploadId", "Initiated"))
                yield _Unfinished(key=key, upload_id=upload_id, begun_at=datetime.fromisoformat(begun))
            if _tags(page, "IsTruncated") != ["true"]:
                return
            key, upload_id = (_tags(page, f"Next{name}Marker")[0] for name in ("Key", "UploadId"))
            markers = {"key-marker": key, "upload-id-marker": upload_id}

    def _ask(self, method: str, key: str, query: dict[str, str]) -> str:
        url = self._signer.sign(method, key, query=query, expires_s=_ASK_FOR_S)
        try:
            answer = httpx.request(method, url, timeout=_ASK_FOR_S)
            if not (answer.is_success or answer.status_code == httpx.codes.NOT_FOUND):
                msg = f"the store answered {answer.status_code}"
                raise OSError(msg)
        except httpx.HTTPError as error:
            msg = f"the store does not answer: {type(error).__name__}"
            raise OSError(msg) from None  # the address in the error is signed
        return answer.text

    def _whole(self, key: str) -> str:
        return "/".join(filter(None, (self._prefix, check_key(key))))


def _tags(text: str, name: str) -> list[str]:
    """Return what stands in each tag of this name; what the store sends is flat enough for that."""
    return [unescape(each) for each in re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)]


def open_s3(
    url: str,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
) -> S3BlobStore:
    """Open ``s3://bucket/prefix``; without a key the machine's own AWS identity is used, which signs nothing for clients."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    region = region or ("us-east-1" if endpoint_url else None)
    given = {
        "endpoint": endpoint_url,
        "region": region,
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
    }
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config={key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]  # a TypedDict in parts
        client_options={
            "allow_http": (endpoint_url or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(minutes=5),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    )
    if access_key_id is None or secret_access_key is None or region is None:
        return S3BlobStore(store)
    signer = S3Signer(
        endpoint_url=endpoint_url or f"https://s3.{region}.amazonaws.com",
        bucket=bucket,
        region=region,
        key_id=access_key_id,
        secret=secret_access_key,
    )
    return SigningS3BlobStore(store, signer=signer, prefix=prefix)
