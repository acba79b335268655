"""An api process that may be killed often: each new one is forked off a process that has imported everything already."""

import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import Self

from tests.support.processes import environment, wait_until
from tests.support.service import Service


class ApiForks:
    """Starts one real api process after the other, all on the service's port."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._log = (service.folder / "api.log").open("ab")
        self._parent = subprocess.Popen(
            (sys.executable, "-m", "tests.support.api_forks"), env=environment(**service._settings),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self._pid: int | None = None

    def start(self) -> None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(b"\n")
        self._parent.stdin.flush()
        self._pid = int(self._parent.stdout.readline())
        wait_until(self._service.answers, timeout_s=90, what="the api")

    def kill(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._pid = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._parent.communicate()
        self._log.close()


def _serve_forks() -> None:
    """Fork an api for each line that is sent, and print its id."""
    import uvicorn  # noqa: F401  # imported once, before the first fork

    import app.main  # noqa: F401  # imported once, before the first fork
    from app.cli.processes import serve_api

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for _line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            serve_api()
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve_forks()
