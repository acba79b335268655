"""The one-machine stack's own PostgreSQL and Valkey for the load bench, kept under `.cache` from run to run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.embedded.children import Child, stop_together
from app.embedded.paths import prepare_paths
from app.embedded.postgres import prepare_postgres
from app.embedded.valkey import prepare_valkey

_SEEDING = (
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=8GB",
    "shared_buffers=512MB",
    "maintenance_work_mem=512MB",
)
"""For filling alone; what is measured runs as `plumbline up` runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadServers:
    """Where the two are."""

    admin_url: str
    redis_url: str
    folder: Path


@contextmanager
def load_servers(folder: Path, *, seeding: bool = False) -> Iterator[LoadServers]:
    """Run both until the block ends."""
    paths = prepare_paths(folder)
    postgres, valkey = prepare_postgres(paths), prepare_valkey(paths)
    recipe = postgres.recipe
    if seeding:
        more = tuple(part for setting in _SEEDING for part in ("-c", setting))
        recipe = replace(recipe, argv=(*recipe.argv, *more))
    children = [Child(recipe), Child(valkey.recipe)]
    try:
        for child, is_ready in zip(children, (postgres.is_ready, valkey.is_ready), strict=True):
            child.start()
            _wait(is_ready, timeout_s=120, what=child.recipe.name)
        yield LoadServers(admin_url=postgres.admin_url, redis_url=valkey.url, folder=folder)
    finally:
        stop_together([child for child in children if child.running])


def _wait(is_ready: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    ends_at = time.monotonic() + timeout_s
    while not is_ready():
        if time.monotonic() > ends_at:
            raise SystemExit(f"{what} did not answer within {timeout_s:.0f} s")
        time.sleep(0.1)
