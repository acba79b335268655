"""An S3 store that is not ours: rclone, which serves a folder and checks the signature of every request."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.storage.s3 import S3BlobStore, open_s3
from tests.support.processes import free_port, wait_until

BUCKET = "videos"
KEY_ID, SECRET = "plumbline", "a secret of the store"  # of a store on loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """Where it listens, and the folder it serves."""

    url: str
    folder: Path

    def open(self, *, secret: str = SECRET) -> S3BlobStore:
        """Return the bucket as the service opens it."""
        return open_s3(
            f"s3://{BUCKET}", endpoint_url=self.url, access_key_id=KEY_ID, secret_access_key=secret
        )

    def list_keys(self) -> list[str]:
        """Return what lies in the bucket."""
        bucket = self.folder / BUCKET
        return sorted(path.relative_to(bucket).as_posix() for path in bucket.rglob("*") if path.is_file())


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Serve an empty bucket until left."""
    (folder / BUCKET).mkdir(parents=True)
    port = free_port()
    rclone = Path(sys.executable).parent / "rclone"
    command = [
        *(rclone, "serve", "s3", folder, "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY_ID},{SECRET}"),
        *("--config", folder.with_suffix(".conf"), "--no-update-modtime", "--vfs-cache-mode", "off"),
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(port), timeout_s=30, what="the S3 store")
        yield S3Server(url=f"http://127.0.0.1:{port}", folder=folder)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
