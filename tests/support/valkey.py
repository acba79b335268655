"""A real Valkey for tests, one that may be killed and started again."""

import shutil
import tempfile
from pathlib import Path

from app.embedded.children import Child
from app.embedded.paths import prepare_paths
from app.embedded.valkey import prepare_valkey
from tests.support import logbook
from tests.support.processes import wait_until


class ValkeyServer:
    """Its messages are kept on disk, as in the one-machine stack."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="plumbline-valkey-"))
        self._valkey = prepare_valkey(prepare_paths(self._folder))
        self._child = Child(self._valkey.recipe)
        self.url = self._valkey.url

    def start(self) -> None:
        self._child.start()
        wait_until(self._valkey.is_ready, timeout_s=10, what="Valkey answers")

    def kill(self) -> None:
        self._child.kill()

    def remove(self) -> None:
        self._child.kill()
        logbook.keep(self._folder)
        shutil.rmtree(self._folder)
