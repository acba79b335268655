"""The quick look at files, in processes of their own: ``python -I -B -m app.media.probe_child``.

One process loads what reads files, and never opens one: that takes forty times as long as a look. For each file it forks a
child, which sets its limits, says that it begins, looks at the file, writes down what it found as JSON, and ends. When
the asker's end of standard input is closed, all of them are gone.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path

MEMORY_BYTES = 2 * 2**30
CPU_S = 20
OUTPUT_BYTES = 64 * 1024
FILES = 64
ORDER_BYTES = 8 * 1024
BEGUN = b"begun\n"
"""Said before the file is opened: whatever goes wrong from here on is the file's doing."""
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine() -> None:
    """Give up what a look at a file does not need; there is no way back."""
    # with the limit on file sizes, a bytecode file would be cut off and break everybody's next import
    sys.dont_write_bytecode = True
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def look(path: Path) -> dict[str, object]:
    """Return what the file is, or why it is refused, or that it could not be looked at."""
    from app.media.facts import VideoRefusedError
    from app.media.headers import read_facts

    try:
        return {"facts": asdict(read_facts(path))}
    except VideoRefusedError as refusal:
        return {"refused": refusal.code, "details": refusal.facts}
    except Exception as error:  # noqa: BLE001  # it is not there, or memory ran out: the asker must hear of it
        return {"failed": type(error).__name__}


def main() -> None:
    """Load, then have files looked at until the asker goes."""
    import app.media.headers  # noqa: F401  # loaded once, for all children

    gc.collect()
    gc.freeze()  # what is loaded stays where it is, in pages that all children share
    _Nursery(socket.socket(fileno=0)).serve()


class _Nursery:
    """Forks a child per file, and kills those that take too long; it has one thread, and meets no file."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._children: dict[int, tuple[int, float]] = {}
        """Readable when a child has ended -> its process id, and when it is killed."""

    def serve(self) -> None:
        """Work until the asker's end is closed."""
        while True:
            for ready, _ in self._poll.poll(self._patience_ms()):
                if ready == self._control.fileno():
                    self._make_child()
                else:
                    self._bury(ready)
            now_s = time.monotonic()
            for pid, ends_s in self._children.values():
                if now_s >= ends_s:
                    os.kill(pid, signal.SIGKILL)  # not buried yet, so that the number is still its own

    def _patience_ms(self) -> float | None:
        ends = [ends_s for _, ends_s in self._children.values()]
        return max(1.0, 1000 * (min(ends) - time.monotonic())) if ends else None

    def _make_child(self) -> None:
        order, answers, _, _ = socket.recv_fds(self._control, ORDER_BYTES, 1)
        if not order or len(answers) != 1:
            os._exit(0)  # the asker is gone; the kernel ends the children with their parent
        asked = json.loads(order)
        pid = os.fork()
        if pid == 0:
            _be_child(Path(asked["path"]), answers=answers[0])
        os.close(answers[0])
        ended = os.pidfd_open(pid)
        self._children[ended] = pid, time.monotonic() + asked["timeout_s"]
        self._poll.register(ended, select.POLLIN)

    def _bury(self, ended: int) -> None:
        pid, _ = self._children.pop(ended)
        self._poll.unregister(ended)
        os.close(ended)
        os.waitpid(pid, 0)


def _be_child(path: Path, *, answers: int) -> None:
    """Look at one file: never returns."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        mouth = os.dup2(answers, 3)
        os.closerange(4, FILES * 16)
        confine()
        os.write(mouth, BEGUN)
        os.write(mouth, json.dumps(look(path)).encode())
        os._exit(0)
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
