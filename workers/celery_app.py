"""The worker: a Celery app with every task registered, run in threads.

Threads, because the work itself happens in children that are made fresh for each video: a worker process has
nothing to fork, so neither a lock held by another thread nor a pose engine can be copied into a child
(docs/decisions/0004-worker-pool.md).
"""

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from celery import Celery, signals
from celery.beat import Service

from workers.analysis import PICTURE_THREADS, register_analysis
from workers.beside import Beside
from workers.bootstrap import Runtime
from workers.exports import EXPORT_THREADS, register_exports
from workers.maintenance import register_maintenance
from workers.schedule import set_schedule, start_clock_thread
from workers.webhooks import WEBHOOK_THREADS, register_webhooks

SHUTDOWN_GRACE_S = 5.0
"""How long an analysis may go on after the worker was asked to stop; then it is put back."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidelines:
    """Where work goes on beside the slots of the analyses."""

    webhooks: Beside = field(default_factory=lambda: Beside("webhooks", n_threads=WEBHOOK_THREADS))
    exports: Beside = field(default_factory=lambda: Beside("exports", n_threads=EXPORT_THREADS))
    pictures: Beside = field(default_factory=lambda: Beside("pictures", n_threads=PICTURE_THREADS))

    def close(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        for each in (self.webhooks, self.exports, self.pictures):
            each.stop()
        for each in (self.webhooks, self.exports, self.pictures):
            each.close()


def create_celery_app(runtime: Runtime, *, sidelines: Sidelines | None = None) -> Celery:
    """Return the container's Celery app with every task and the schedule."""
    app = runtime.container.celery
    beside = sidelines or Sidelines()
    register_analysis(app, runtime, beside.pictures)
    register_maintenance(app, runtime.container)
    register_webhooks(app, runtime.container, beside.webhooks)
    register_exports(app, runtime.container, beside.exports)
    set_schedule(app, sweep_interval_s=runtime.container.settings.sweep_interval_s)
    app.finalize()
    return app


def run_worker(runtime: Runtime, *, with_clock: bool = False, ready_file: Path | None = None) -> int:
    """Work until asked to stop; return the exit code. Call it in the main thread, where signals arrive."""
    sidelines = Sidelines()
    app = create_celery_app(runtime, sidelines=sidelines)
    worker = app.Worker(
        pool="threads",
        concurrency=runtime.container.settings.worker_concurrency,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )

    clocks: list[Service] = []

    def be_ready(**_: object) -> None:  # sent again after every reconnection to the broker
        if with_clock and not clocks:
            clocks.append(start_clock_thread(app))
        if ready_file is not None:
            ready_file.touch()
        _log.info("worker_ready")

    def hand_back(**_: object) -> None:
        timer = threading.Timer(SHUTDOWN_GRACE_S, runtime.close_readers)
        timer.daemon = True
        timer.start()

    signals.worker_ready.connect(be_ready, weak=False)
    signals.worker_shutting_down.connect(hand_back, weak=False)
    worker.start()
    sidelines.close()
    return int(worker.exitcode or 0)


def leave_logging_alone(**_: object) -> None:
    """Keep Celery from setting up logs of its own, and from noting every message and every tick of the clock."""
    for name in ("celery.beat", "celery.worker.strategy", "celery.worker.request", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


signals.setup_logging.connect(leave_logging_alone, weak=False)
