"""Celery takes unknown names in silence, so what is sent and what is known must be compared."""

import inspect

from celery import Celery

from app.container import Container
from app.jobs import names
from app.jobs.queue import BULK, DEFAULT, INTERACTIVE
from tests.support.slow_worker import METHOD, SlowReader
from workers.bootstrap import Runtime
from workers.celery_app import create_celery_app
from workers.schedule import make_clock


def _celery(container: Container) -> Celery:
    runtime = Runtime(
        container=container,
        reader_factory=lambda: SlowReader(seconds=0, reads=container.settings.data_dir / "reads"),
        drawer_factory=lambda: SlowReader(seconds=0, reads=container.settings.data_dir / "reads"),
        method=METHOD,
        close_readers=lambda: None,
    )
    return create_celery_app(runtime)


def test_registry_when_compared_with_the_names_then_the_same_both_ways(container: Container) -> None:
    known = {name for name in _celery(container).tasks if not name.startswith("celery.")}
    named = {value for key, value in inspect.getmembers(names) if key.isupper()}
    assert known == named


def test_schedule_when_read_then_every_entry_is_a_known_task_on_a_known_queue(container: Container) -> None:
    app = _celery(container)
    entries = app.conf.beat_schedule.values()
    assert {entry["task"] for entry in entries} <= set(app.tasks)
    assert {entry["options"]["queue"] for entry in entries} <= set(app.amqp.queues)
    nightly = [entry for entry in entries if entry["task"] == names.RETAIN]
    assert len(nightly) == 1
    assert all(entry["options"]["expires"] == entry["schedule"] for entry in entries if entry not in nightly)
    assert set(app.amqp.queues) == {INTERACTIVE, BULK, DEFAULT}


def test_clock_when_made_then_it_holds_the_schedule_and_keeps_nothing_on_disk(container: Container) -> None:
    scheduler = make_clock(_celery(container)).scheduler
    assert {entry.task for entry in scheduler.schedule.values()} == {
        names.SWEEP_RECORDINGS,
        names.SWEEP_WEBHOOKS,
        names.SWEEP_EXPORTS,
        names.REMOVE_ABANDONED_UPLOADS,
        names.RESUME_ERASURES,
        names.RETAIN,
    }
    assert type(scheduler).__name__ == "Scheduler"
