"""The quick look at an uploaded file: header and packets, read by a child process with limits of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any

from app.media.facts import VideoFacts, VideoRefusedError
from app.media.probe_child import OUTPUT_BYTES

TIMEOUT_S = 30.0
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
    """The child could not be run at all; this says nothing about the file."""


class VideoProbe:
    """Runs one child per file, not more at once than there are cores."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        """Keep the patience."""
        self._timeout_s = timeout_s
        self._slots = BoundedSemaphore(_AT_ONCE)

    def read_facts(self, path: Path) -> VideoFacts:
        """Return what the file is; raise `VideoRefusedError` when it cannot be read as a video.

        A child that crashes, runs out of its limits or takes too long was killed by the file: that is a damaged video.
        """
        with self._slots, tempfile.TemporaryFile() as output:
            code = self._run(path, output)
            output.seek(0)
            answer = output.read(OUTPUT_BYTES)
        if code < 0:
            raise VideoRefusedError("corrupt_video")
        if code != 0:
            msg = f"the probe ended with {code}"
            raise ProbeError(msg)
        return parse_answer(answer)

    def _run(self, path: Path, output: IO[bytes]) -> int:
        """Run the child; return its exit code, negative when it was killed."""
        child = subprocess.Popen(  # noqa: S603  # our own interpreter and module; the path is one we made up
            [sys.executable, "-I", "-B", "-m", "app.media.probe_child", str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env={"OPENBLAS_NUM_THREADS": "1"},
            cwd="/",
            start_new_session=True,
        )
        try:
            return child.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            return -abs(child.wait()) or -1


def parse_answer(answer: bytes) -> VideoFacts:
    """Return what the child wrote, checked: it met a file from outside, so its word is not taken blindly."""
    try:
        told = json.loads(answer)
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
