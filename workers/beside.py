"""Work beside the slots in which videos are analysed: it waits for other people's servers, or takes long.

A task hands it over and its slot is free again at once. Nothing is lost when the process dies: the database row is
the job, its lease runs out, and the sweep sends another.
"""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

import structlog

_log = structlog.get_logger(__name__)


class Beside:
    """A few threads; the same work is never done by two of them at once."""

    def __init__(self, name: str, *, n_threads: int) -> None:
        """Start no thread yet."""
        self._pool = ThreadPoolExecutor(max_workers=n_threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._busy: dict[Hashable, bool] = {}
        """What is being done -> whether it was asked for again meanwhile."""
        self._is_closing = False

    def do(self, what: Hashable, work: Callable[[], object]) -> None:
        """Have it done; asked for while it is being done, it is done once more afterwards. Nothing once it closes."""
        with self._lock:
            if self._is_closing:
                return
            if what in self._busy:
                self._busy[what] = True
                return
            self._busy[what] = False
        self._pool.submit(self._run, what, work)

    def goes_on(self) -> bool:
        """Say whether there is time for more; long work asks now and then."""
        return not self._is_closing

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_closing = True

    def close(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        self.stop()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, what: Hashable, work: Callable[[], object]) -> None:
        while True:
            try:
                work()
            except Exception:  # noqa: BLE001 the row is the job: the sweep has it tried again
                _log.exception("work_beside_failed")
            with self._lock:
                if self._is_closing or not self._busy[what]:
                    del self._busy[what]
                    return
                self._busy[what] = False
