"""Blobs in S3 or a store that speaks like it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.store import MemoryStore, S3Store

from app.storage.blobs import CHUNK_BYTES, BlobNotFoundError, check_key
from app.storage.disk import full_disk_as_storage_error
from app.storage.s3_signing import S3Signer


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
        whole = "/".join(filter(None, (self._prefix, check_key(key))))
        return self._signer.sign_put(whole, size_bytes=size_bytes, expires_s=expires_s)


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
