"""The confined process that meets one video: ``python -I -B -m workers.sandbox_child``.

It starts with an empty environment, loads the pose engine, gives up what reading a file does not need, says that
it is ready, and waits. It reads one video, may draw it, and ends; it is never used twice. Its orders come on
standard input, its answers go to standard output; when the worker goes away, it goes too.
"""

import ctypes
import os
import queue
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_PROGRESS_EVERY_S = 0.2


def main() -> None:
    """Get ready, take orders, end."""
    answers = _private_stdout()
    _tie_to_parent()
    os.environ["MPLCONFIGDIR"] = str(Path.cwd())
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    from workers.sandbox_protocol import CloseOrder, Failed, ReadOrder, Ready, Start, decode_order, encode

    try:
        from workers.sandbox_job import Job, load_engine
    except (
        ImportError,
        OSError,
    ) as error:  # an engine or a system library it needs is missing; no video is open yet
        answers.write(encode(Failed(reason=f"it cannot be loaded ({error})"[:200])))
        os._exit(1)
    try:
        start = Start.model_validate_json(orders.get())
        job = Job(load_engine(start), n_threads=start.n_threads, say=_Mouth(answers))
        _confine(start.limits)
        answers.write(encode(Ready()))
        while not isinstance(order := decode_order(orders.get()), CloseOrder):
            answer = job.read(order) if isinstance(order, ReadOrder) else job.draw(order)
            answers.write(encode(answer))
    except BaseException as error:  # noqa: BLE001  # whatever it was, the worker must hear of it and this process must end
        answers.write(encode(Failed(reason=type(error).__name__)))
        os._exit(1)
    os._exit(0)


class _Mouth:
    """Says how far the work is, not more often than anybody can read."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._last_s = 0.0

    def __call__(self, stage: str, share: float) -> None:
        from workers.sandbox_protocol import ProgressSaid, encode

        now_s = time.monotonic()
        if now_s - self._last_s >= _PROGRESS_EVERY_S:
            self._last_s = now_s
            self._answers.write(encode(ProgressSaid(stage=stage, share=min(1.0, max(0.0, share)))))


def _private_stdout() -> IO[bytes]:
    """Keep standard output to ourselves: libraries that print must not break into the protocol."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def _tie_to_parent() -> None:
    """Die with the worker, gain no privileges, leave no core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _listen(orders: "queue.SimpleQueue[bytes]") -> None:
    """Pass orders on; when the worker's end closes, the worker is gone and so are we."""
    for line in sys.stdin.buffer:
        orders.put(line)
    os._exit(0)


def _confine(limits: Any) -> None:
    """Set the limits, before any file from outside is opened."""
    for limit, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main()
