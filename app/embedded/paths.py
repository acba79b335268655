"""Where the stack keeps its things, and how it makes sure that it may."""

import fcntl
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from app.embedded import problems

MAX_SOCKET_PATH_BYTES = 107
"""Longest path the kernel takes for a Unix socket."""
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
FIRST_START_BYTES = 300 * 2**20
LATER_START_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPaths:
    """The folders and files of one stack."""

    data_dir: Path
    postgres: Path
    valkey: Path
    logs: Path
    run: Path
    """Sockets; somewhere shorter when the data folder's own path is too long for one."""
    lock: Path
    roll: Path
    secret: Path


def prepare_paths(data_dir: Path) -> StackPaths:
    """Create the folders, or say plainly why that cannot be done."""
    paths = StackPaths(
        data_dir=data_dir,
        postgres=data_dir / "postgres",
        valkey=data_dir / "valkey",
        logs=data_dir / "logs",
        run=_run_dir(data_dir),
        lock=data_dir / "plumbline.lock",
        roll=data_dir / "children.json",
        secret=data_dir / "secret_key",
    )
    try:
        for folder in (data_dir, paths.valkey, paths.logs, paths.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data_dir / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise problems.folder_not_writable(data_dir, _reason(error)) from None
    _check_ours(paths.run)
    return paths


def check_room(paths: StackPaths) -> None:
    """Refuse to start on a full disk, where PostgreSQL would stop half way."""
    needed = LATER_START_BYTES if (paths.postgres / "PG_VERSION").exists() else FIRST_START_BYTES
    room = os.statvfs(paths.data_dir)
    free = room.f_bavail * room.f_frsize
    if free < needed:
        raise problems.disk_full(paths.data_dir, free_bytes=free, needed_bytes=needed)


def take_lock(paths: StackPaths, *, address: str) -> TextIO:
    """Hold the data folder for this process; say who holds it when somebody else does."""
    lock = paths.lock.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "by another process"
        lock.close()
        raise problems.already_running(paths.data_dir, holder) from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()}, {address}")
    lock.flush()
    return lock


def _run_dir(data_dir: Path) -> Path:
    near = data_dir / "run"
    if len(os.fsencode(near / "pg" / _LONGEST_SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES:
        return near
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"plumbline-{os.geteuid()}-{digest}"


def _check_ours(folder: Path) -> None:
    """Refuse a folder that somebody else put where ours belongs; the temporary folder is everybody's."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise problems.folder_not_writable(folder, "it belongs to somebody else")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
