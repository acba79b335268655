"""The nursery and its children: ``python -I -B -m workers.sandbox_child``, the side that knows no secret.

The nursery starts with an empty environment and has one thread. It loads the pose engine, meets no file from
outside, and forks a child for each video. A child gives up what reading a file does not need, says that it is ready,
takes orders on its standard input, and ends; it is never used twice. When the worker goes away, all of them go too.
"""

import contextlib
import ctypes
import gc
import json
import os
import queue
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.pose.estimator import PoseEstimator
    from workers.sandbox_protocol import Limits

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_PROGRESS_EVERY_S = 0.2
_ORDER_BYTES = 4096
_N_PIPES = 3


def main() -> None:
    """Load the engine, then make children as asked, until the worker goes."""
    _tie_to_parent()
    os.environ["MPLCONFIGDIR"] = str(Path.cwd())
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    control = socket.socket(fileno=0)
    from workers.sandbox_protocol import Start

    start = Start.model_validate_json(control.recv(_ORDER_BYTES))
    engine = _load(start)
    gc.collect()
    gc.freeze()  # what is loaded stays where it is, in pages that all children share
    _Nursery(control, engine=engine, n_threads=start.n_threads, limits=start.limits).serve()


def _load(start: Any) -> "Callable[[], PoseEstimator]":
    """Return what gives a child the engine; what went wrong is told by the first child that is asked."""
    try:
        from workers.sandbox_job import prepare_engine

        engine = prepare_engine(start)
        if len(list(Path("/proc/self/task").iterdir())) != 1:
            msg = "a thread would be missing from every child"
            raise RuntimeError(msg)
    except Exception as error:  # noqa: BLE001  # an engine or a system library it needs may be missing; no video is open yet
        reason = f"it cannot be loaded ({type(error).__name__}: {error})"[:200]

        def fail() -> "PoseEstimator":
            raise _NotLoadedError(reason)

        return fail
    return engine


class _NotLoadedError(Exception):
    """There is no engine."""


class _Nursery:
    """Forks a child per request, and says how each ended; a child's process id is free again when the worker let go of it."""

    def __init__(
        self,
        control: socket.socket,
        *,
        engine: "Callable[[], PoseEstimator]",
        n_threads: int,
        limits: "Limits",
    ) -> None:
        self._control, self._engine, self._n_threads, self._limits = control, engine, n_threads, limits
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._ended_of: dict[int, tuple[int, int]] = {}
        """Readable when a child has ended -> its process id and where the worker is told."""
        self._children: dict[int, int] = {}
        """Where the worker was told that a child ended -> its process id, not yet free for others."""

    def serve(self) -> None:
        """Work until the worker's end is closed."""
        while True:
            for ready, _ in self._poll.poll():
                if ready == self._control.fileno():
                    self._make_child()
                elif ready in self._ended_of:
                    self._tell_end(ready)
                else:
                    self._bury(ready)

    def _make_child(self) -> None:
        order, pipes, _, _ = socket.recv_fds(self._control, _ORDER_BYTES, _N_PIPES)
        if not order or len(pipes) != _N_PIPES:
            os._exit(0)  # the worker is gone; the kernel ends the children with their parent
        orders, answers, status = pipes
        nursery = os.getpid()
        settled, begun = os.pipe()
        child = os.fork()
        if child == 0:
            self._be_child(json.loads(order), orders=orders, answers=answers, begun=begun, nursery=nursery)
        for theirs in (orders, answers, begun):
            os.close(theirs)
        os.read(settled, 1)  # it has a process group of its own by now, or has ended: it can be killed
        os.close(settled)
        ended = os.pidfd_open(child)
        self._ended_of[ended] = child, status
        self._poll.register(ended, select.POLLIN)
        self._control.send(str(child).encode())

    def _be_child(
        self, order: dict[str, Any], *, orders: int, answers: int, begun: int, nursery: int
    ) -> None:
        """Become the child: never returns."""
        try:
            os.setsid()
            _tie_to_parent()
            if os.getppid() != nursery:
                os._exit(1)
            os.chdir(order["folder"])
            _step_back(order["nice"])
            os.write(begun, b"1")
            self._control.detach()
            mouth = _take_pipes(orders=orders, answers=answers)
        except BaseException:  # noqa: BLE001  # not even able to say so: the worker sees that it ended
            os._exit(1)
        _work(mouth, engine=self._engine, n_threads=self._n_threads, limits=self._limits)

    def _tell_end(self, ended: int) -> None:
        """Tell the worker how a child ended; it stays unburied, so that nobody else gets its process id meanwhile."""
        child, status = self._ended_of.pop(ended)
        self._poll.unregister(ended)
        os.close(ended)
        found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        code = 0 if found is None else found.si_status * (1 if found.si_code == os.CLD_EXITED else -1)
        with contextlib.suppress(OSError):  # the worker has let go of it already
            os.write(status, f"{code}\n".encode())
        self._children[status] = child
        self._poll.register(status, 0)  # tells when the other end is closed

    def _bury(self, status: int) -> None:
        os.waitpid(self._children.pop(status), 0)
        self._poll.unregister(status)
        os.close(status)


def _work(
    answers: IO[bytes], *, engine: "Callable[[], PoseEstimator]", n_threads: int, limits: "Limits"
) -> None:
    """Take orders until told to go; the child's whole life."""
    from workers.sandbox_protocol import CloseOrder, Failed, ReadOrder, Ready, decode_order, encode

    try:
        from workers.sandbox_job import Job

        orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(orders,), daemon=True).start()
        job = Job(engine(), n_threads=n_threads, say=_Mouth(answers))
        _confine(limits)
        answers.write(encode(Ready()))
        while not isinstance(order := decode_order(orders.get()), CloseOrder):
            answer = job.read(order) if isinstance(order, ReadOrder) else job.draw(order)
            answers.write(encode(answer))
    except BaseException as error:  # noqa: BLE001  # whatever it was, the worker must hear of it and this process must end
        reason = str(error) if isinstance(error, _NotLoadedError) else type(error).__name__
        answers.write(encode(Failed(reason=reason)))
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


def _take_pipes(*, orders: int, answers: int) -> IO[bytes]:
    """Listen on standard input, keep the answers to ourselves, and close everything else.

    Standard output leads nowhere: libraries that print must not break into the protocol.
    """
    mouth = os.dup(answers)
    os.dup2(orders, 0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    for open_file in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208  # numbers, not paths
        if open_file > 2 and open_file != mouth:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(open_file)
    return os.fdopen(mouth, "wb", buffering=0)


def _step_back(nice: int) -> None:
    """Let others go first. Each child is a session, and where sessions share the cores evenly, it counts for the session."""
    if nice:
        os.nice(nice)
        with contextlib.suppress(OSError):  # a kernel without it
            Path("/proc/self/autogroup").write_text(str(nice))


def _tie_to_parent() -> None:
    """Die with the parent, gain no privileges, leave no core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _listen(orders: "queue.SimpleQueue[bytes]") -> None:
    """Pass orders on; when the worker's end closes, the worker is gone and so are we."""
    for line in sys.stdin.buffer:
        orders.put(line)
    os._exit(0)


def _confine(limits: "Limits") -> None:
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
