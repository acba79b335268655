"""The clock: which task is sent how often. More than one clock does no harm, a sweep finds its work done."""

import threading

from celery import Celery
from celery.beat import Service
from celery.schedules import crontab

from app.jobs import names
from app.jobs.queue import DEFAULT

MINUTE_S = 60.0
HOUR_S = 3600.0
RETAIN_AT = crontab(hour="2", minute="30")
"""Each night, UTC."""


def set_schedule(app: Celery, *, sweep_interval_s: float) -> None:
    """Write down what is sent how often; a message nobody took before the next one is due is dropped."""
    app.conf.beat_schedule = {
        names.RETAIN: {
            "task": names.RETAIN,
            "schedule": RETAIN_AT,
            "options": {"queue": DEFAULT, "expires": HOUR_S, "ignore_result": True},
        },
    } | {
        name: {
            "task": name,
            "schedule": every_s,
            "options": {"queue": DEFAULT, "expires": every_s, "ignore_result": True},
        }
        for name, every_s in (
            (names.SWEEP_RECORDINGS, sweep_interval_s),
            (names.SWEEP_WEBHOOKS, sweep_interval_s),
            (names.SWEEP_EXPORTS, sweep_interval_s),
            (names.REMOVE_ABANDONED_UPLOADS, HOUR_S),
            (names.RESUME_ERASURES, MINUTE_S),
        )
    }


def make_clock(app: Celery) -> Service:
    """Return the clock; it remembers nothing between runs, everything it sends may be sent once too often."""
    return Service(app, max_interval=1, scheduler_cls="celery.beat:Scheduler", remote_control=False)


def start_clock_thread(app: Celery) -> Service:
    """Run the clock beside a worker; a thread, so that it can never outlive the worker."""
    clock = make_clock(app)
    threading.Thread(target=clock.start, name="clock", daemon=True).start()
    return clock
