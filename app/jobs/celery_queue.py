"""The queue as Celery on Redis: ids only, JSON only, and never the truth about a job."""

from collections.abc import Iterable

from celery import Celery
from kombu.exceptions import KombuError

from app.jobs.queue import BULK, DEFAULT, INTERACTIVE, Job, QueueUnavailableError

HARD_LIMIT_MARGIN_S = 300.0
"""Between our own deadline and the hour at which Celery would deliver a message a second time."""
_BROKER_ERRORS = (KombuError, OSError)


class InteractiveFirst:
    """The order in which a free slot looks into the queues: whoever waits for an answer goes before bulk work.

    kombu's own strategies go round, or by the name; both would let a team's re-analysis delay an upload.
    """

    _ORDER = (INTERACTIVE, DEFAULT, BULK)

    def __init__(self, queues: Iterable[str] = ()) -> None:
        """Begin with these queues."""
        self._queues: list[str] = []
        self.update(queues)

    def update(self, queues: Iterable[str]) -> None:
        """Take note of which queues are listened to."""
        place = {name: index for index, name in enumerate(self._ORDER)}
        self._queues = sorted(queues, key=lambda name: (place.get(name, len(place)), name))

    def consume(self, n: int) -> list[str]:
        """Return the first queues to look into."""
        return self._queues[:n]

    def rotate(self, last_used: str) -> None:
        """Change nothing: the order does not depend on what was taken last."""


def make_celery(redis_url: str, *, job_timeout_s: float = 600.0) -> Celery:
    """Return a Celery app for sending or working; it knows no task yet."""
    app = Celery("plumbline", broker=_broker_url(redis_url), set_as_current=False)
    app.conf.update(
        # A message is acknowledged when its task has ended. A task whose process died is not put back:
        # that would run a poisonous one for ever. The sweeper does it, and counts attempts in the database.
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        event_serializer="json",
        task_create_missing_queues=False,
        task_default_queue=DEFAULT,
        task_queues={name: {"exchange": name, "routing_key": name} for name in (INTERACTIVE, DEFAULT, BULK)},
        # A free slot takes one message; waiting ones stay where another worker can take them.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A dead broker costs the sender milliseconds; the sweeper sends what could not be sent.
        task_publish_retry=True,
        task_publish_retry_policy={
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.02,
            "interval_max": 0.02,
        },
        broker_transport_options={
            "queue_order_strategy": f"{__name__}:{InteractiveFirst.__name__}",
            "visibility_timeout": job_timeout_s + HARD_LIMIT_MARGIN_S,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 1,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
        timezone="UTC",
        enable_utc=True,
    )
    return app


class CeleryQueue:
    """Sends jobs; fails fast, because nothing is lost when it does."""

    def __init__(self, app: Celery) -> None:
        """Use the app's connection pool."""
        self._app = app

    def send(self, job: Job) -> None:
        """Publish the job's name and ids; raise `QueueUnavailableError` when the broker cannot take it."""
        try:
            self._app.send_task(job.name, args=job.args, queue=job.queue, ignore_result=True)
        except _BROKER_ERRORS as error:
            msg = f"the broker did not take {job.name}"
            raise QueueUnavailableError(msg) from error

    def close(self) -> None:
        """Give the broker connections back."""
        self._app.close()


def _broker_url(redis_url: str) -> str:
    """Return the address as kombu spells it: a Unix socket is ``redis+socket://`` there, ``unix://`` everywhere else."""
    return (
        redis_url.replace("unix://", "redis+socket://", 1) if redis_url.startswith("unix://") else redis_url
    )
