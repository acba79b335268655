"""Keeping an attempt's lease alive, and its progress visible, while the work goes on."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from app.domain.lifecycle import Stage

Renew = Callable[[Stage, float], bool]
"""Renews the lease and shows the progress; False when the attempt is no longer ours."""

_log = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """Another attempt has taken over; whatever this one finds must not be written."""


class Heartbeat:
    """A thread that renews the lease in short transactions of its own, whatever the work is busy with."""

    def __init__(self, *, renew: Renew, every_s: float) -> None:
        """Prepare; `__enter__` starts it."""
        self._renew = renew
        self._every_s = every_s
        self._progress = (Stage.DECODE, 0.0)
        self._ended = Event()
        self._lost = Event()
        self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)

    def report(self, stage: Stage, progress: float) -> None:
        """Take note of how far the work is; raise `LeaseLostError` when it is for nothing."""
        self._progress = (stage, min(1.0, max(0.0, progress)))
        self.check()

    def check(self) -> None:
        """Raise `LeaseLostError` when the attempt is no longer ours."""
        if self._lost.is_set():
            raise LeaseLostError

    def __enter__(self) -> Self:
        """Start beating."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop beating."""
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                if not self._renew(*self._progress):
                    self._lost.set()
                    return
            except Exception:  # noqa: BLE001 the database may be back before the lease runs out
                _log.warning("could not renew a lease", exc_info=True)
