"""The quick look at an uploaded file: header and packets, read by a child process with limits of its own."""

import json
import os
import select
import socket
import subprocess
import sys
import time
import weakref
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from app.media.facts import VideoFacts, VideoRefusedError
from app.media.probe_child import BEGUN, OUTPUT_BYTES

TIMEOUT_S = 30.0
START_S = 15.0
"""Patience with the process that forks; a fifth of a second is usual."""
_AT_ONCE = max(2, os.cpu_count() or 1)
_TYPES: dict[str, type] = {
    "container": str,
    "codec": str,
    "coded_width_px": int,
    "coded_height_px": int,
    "duration_s": float,
    "n_packets": int,
    "nominal_fps_hz": float,
}


class ProbeError(Exception):
    """The file could not be looked at; this says nothing about it."""


class VideoProbe:
    """Has files looked at, each by a child of its own, not more at once than there are cores; safe to use from several threads.

    The children are forks of one process, which is started with the first file, or before.
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        """Keep the patience; nothing is started yet."""
        self._timeout_s = timeout_s
        self._slots = BoundedSemaphore(_AT_ONCE)
        self._lock = Lock()
        self._nursery: _Nursery | None = None

    def start(self) -> None:
        """Begin to load what children need; returns at once."""
        self._running()

    def close(self) -> None:
        """End everything."""
        with self._lock:
            nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()

    def read_facts(self, path: Path) -> VideoFacts:
        """Return what the file is; raise `VideoRefusedError` when it cannot be read as a video.

        A child that crashes, runs out of its limits or takes too long was killed by the file: that is a damaged video.
        """
        with self._slots:
            said = self._ask(path) or self._ask(path)  # none when the process that forks was killed
        if not said.startswith(BEGUN):
            raise ProbeError("the probe did not begin")
        return parse_answer(said.removeprefix(BEGUN))

    def _ask(self, path: Path) -> bytes:
        """Return what a child said; nothing when there was no child, or it ended with the process that forks."""
        order = json.dumps({"path": str(path.absolute()), "timeout_s": self._timeout_s}).encode()
        nursery = self._running()
        ours, theirs = os.pipe()
        try:
            try:
                nursery.send(order, answers=theirs)
            finally:
                os.close(theirs)
            said = _read(ours, until_s=time.monotonic() + START_S + self._timeout_s)
        except OSError:
            said = b""
        finally:
            os.close(ours)
        if len(said) > len(BEGUN) or (said and nursery.is_running):
            return said
        self._give_up(nursery)
        return b""

    def _running(self) -> "_Nursery":
        with self._lock:
            if self._nursery is None:
                self._nursery = _Nursery()
            return self._nursery

    def _give_up(self, nursery: "_Nursery") -> None:
        nursery.close()
        with self._lock:
            if self._nursery is nursery:
                self._nursery = None


class _Nursery:
    """The process that forks; ended at the latest when nobody knows it any more."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # our own interpreter and module
                [sys.executable, "-I", "-B", "-m", "app.media.probe_child"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"OPENBLAS_NUM_THREADS": "1"},
                cwd="/",
                start_new_session=True,
            )
        self.close = weakref.finalize(self, _end, self._process, self._control)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, order: bytes, *, answers: int) -> None:
        """Have a child made; raise `OSError` when there is nobody to make it."""
        socket.send_fds(self._control, [order], [answers])


def _end(process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
    control.close()  # which it takes as the order to go
    process.kill()
    process.wait()


def _read(pipe: int, *, until_s: float) -> bytes:
    """Return what is said until the other end is closed, or there was too much of it, or the time is up."""
    said = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while len(said) < OUTPUT_BYTES and poll.poll(max(0.0, 1000 * (until_s - time.monotonic()))):
        more = os.read(pipe, OUTPUT_BYTES)
        if not more:
            break
        said += more
    return said


def parse_answer(answer: bytes) -> VideoFacts:
    """Return what the child wrote, checked: it met a file from outside, so its word is not taken blindly."""
    try:
        told = json.loads(answer)
        if "failed" in told:
            msg = f"the probe failed: {str(told['failed'])[:100]}"
            raise ProbeError(msg)
        if "refused" in told:
            raise VideoRefusedError(str(told["refused"]), **_details(told["details"]))
        facts = told["facts"]
        return VideoFacts(**{name: _value(facts, name) for name in _TYPES})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise VideoRefusedError("corrupt_video") from None


def _details(details: dict[str, Any]) -> dict[str, float | str]:
    return {name: value for name, value in details.items() if isinstance(value, int | float | str)}


def _value(facts: dict[str, Any], name: str) -> Any:
    """Return one value of the type it must have, numbers finite."""
    kind, value = _TYPES[name], facts[name]
    if kind is float and isinstance(value, int):
        value = float(value)
    if not isinstance(value, kind) or value != value or value in (float("inf"), float("-inf")):
        msg = f"{name} is not what it should be"
        raise ValueError(msg)
    return value
