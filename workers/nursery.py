"""The worker's side of the nursery: a process that has everything loaded and forks a confined child for each video.

Loading numpy, OpenCV and the networks takes longer than many a video. It is done once, by a process without secrets
that never meets a video itself; each child begins as a copy of it, in a few milliseconds.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from app.services.video_reader import VideoReaderDiedError
from workers.sandbox_protocol import (
    MAX_LINE_BYTES,
    MAX_OUTPUT_BYTES,
    Answer,
    ProtocolError,
    Start,
    decode_answer,
    encode,
)

START_S = 60.0
"""Patience with a nursery that loads the engine; two seconds are usual."""
_AGAIN_AFTER_S = 1.0
_READ_BYTES = 65536
_FOLDER_PREFIX = "plumbline-video-"


class Nursery:
    """Makes children; safe to use from several threads. Started again should it be killed."""

    def __init__(self, start: Start) -> None:
        """Begin to load; returns at once."""
        remove_orphaned_folders()
        self._start = start
        self._is_closed = False
        self._asking = threading.Lock()
        self._there = threading.Condition()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # The kernel ends the nursery when the thread that started it ends: this one lives as long as we do.
        self._keeper = threading.Thread(target=self._keep, name="nursery", daemon=True)
        self._keeper.start()

    def child(self, *, nice: int = 0) -> "Child":
        """Return a fresh child; raise `VideoReaderDiedError` when none can be made."""
        try:
            with self._asking:
                return Child(self._wait_for_control(), nice=nice)
        except OSError as error:
            msg = f"no child could be started: {error}"
            raise VideoReaderDiedError(msg) from error

    def close(self) -> None:
        """End it; its children end with it."""
        with self._there:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
            self._there.notify_all()
        self._keeper.join()

    def _keep(self) -> None:
        """Keep one process running until told to stop."""
        while not self._is_closed:
            started_s = time.monotonic()
            with contextlib.suppress(OSError):  # no process to be had, or it died at once
                self._run_once()
            with self._there:
                self._control = None
                if time.monotonic() - started_s < _AGAIN_AFTER_S:
                    self._there.wait_for(lambda: self._is_closed, _AGAIN_AFTER_S)

    def _run_once(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs, self._there:
                if self._is_closed:
                    return
                self._process = _start_process(theirs)
                ours.settimeout(START_S)
                with contextlib.suppress(OSError):  # it has ended, which is waited for below
                    ours.send(encode(self._start))
                self._control = ours
                self._there.notify_all()
            self._process.wait()

    def _wait_for_control(self) -> socket.socket:
        with self._there:
            self._there.wait_for(lambda: self._is_closed or self._control is not None, START_S)
            if self._is_closed or self._control is None:
                raise VideoReaderDiedError("the pool is closed" if self._is_closed else "nothing was started")
            return self._control


def _start_process(control: socket.socket) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # our own interpreter and module
        [sys.executable, "-I", "-B", "-m", "workers.sandbox_child"],
        stdin=control.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd=tempfile.gettempdir(),
        close_fds=True,
        start_new_session=True,
    )


def remove_orphaned_folders() -> None:
    """Remove what workers left behind that were killed before they could; the worker's process id is in the name."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


class Child:
    """One process and its pipes, and a folder that only it writes to."""

    def __init__(self, nursery: socket.socket, *, nice: int) -> None:
        """Have it made; raise `OSError` when the nursery does not."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        self._status, status = os.pipe()
        self._is_gone = False
        self._said = b""
        self._n_said = 0
        self.pid = 0
        """Process id; nobody else gets it before `kill`."""
        try:
            order = json.dumps({"folder": str(self.folder), "nice": nice}).encode()
            socket.send_fds(nursery, [order], [orders, answers, status])
            self.pid = int(nursery.recv(_READ_BYTES) or b"0")
            if not self.pid:
                msg = "the nursery ended"
                raise ConnectionResetError(msg)
        except OSError:
            self.kill()
            raise
        finally:
            for theirs in (orders, answers, status):
                os.close(theirs)

    def tell(self, line: bytes) -> None:
        """Send one line; raise `VideoReaderDiedError` when nobody is there."""
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._orders, left) :]
        except OSError as error:
            raise VideoReaderDiedError(self.end()) from error

    def answer(self, *, until_s: float) -> Answer:
        """Return the next message; raise `VideoReaderDiedError` on death, on nonsense, and when time is up."""
        while b"\n" not in self._said:
            if len(self._said) > MAX_LINE_BYTES or self._n_said > MAX_OUTPUT_BYTES:
                raise VideoReaderDiedError("the reader said too much")
            self._said += self._more(until_s=until_s)
        line, _, self._said = self._said.partition(b"\n")
        try:
            return decode_answer(line)
        except ProtocolError as error:
            raise VideoReaderDiedError(str(error)) from error

    def _more(self, *, until_s: float) -> bytes:
        try:
            if not _is_readable(self._answers, max(0.0, until_s - time.monotonic())):
                raise VideoReaderDiedError("the reader took too long")
            said = os.read(self._answers, _READ_BYTES)
        except OSError as error:
            raise VideoReaderDiedError("the reader was closed") from error
        if not said:
            raise VideoReaderDiedError(self.end())
        self._n_said += len(said)
        return said

    def end(self) -> str:
        """Say how the process ended."""
        with contextlib.suppress(OSError, ValueError):
            if _is_readable(self._status, 1.0):
                code = int(os.read(self._status, _READ_BYTES))
                return (
                    f"the reader was killed by signal {-code}"
                    if code < 0
                    else f"the reader ended with {code}"
                )
        return "the reader stopped answering"

    def kill(self) -> None:
        """Kill the whole process group and remove the folder. May be called twice."""
        if self._is_gone:
            return
        self._is_gone = True
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                _is_readable(self._status, 5.0)  # until it has ended, or the nursery has
        for pipe in (self._orders, self._answers, self._status):
            os.close(pipe)
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_readable(pipe: int, wait_s: float) -> bool:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))
