import time
from pathlib import Path

import pytest
from kombu import Consumer, Message

from app.jobs.celery_queue import CeleryQueue, make_celery
from app.jobs.queue import BULK, DEFAULT, INTERACTIVE, Job, QueueUnavailableError
from tests.support.valkey import ValkeyServer

JOB = Job(name="plumbline.nothing", args=("0198f2aa",), queue=INTERACTIVE)


@pytest.mark.parametrize("address", ["redis://127.0.0.1:9/0", "unix://{folder}/nobody.sock"])
def test_send_when_the_broker_is_dead_then_told_within_50_ms(address: str, tmp_path: Path) -> None:
    queue = CeleryQueue(make_celery(address.format(folder=tmp_path)))
    times_s = [_time_of_refusal(queue) for _ in range(6)]
    queue.close()
    assert min(times_s[1:]) < 0.05  # the quickest, because the machine may be busy with other tests


def _time_of_refusal(queue: CeleryQueue) -> float:
    started_s = time.perf_counter()
    with pytest.raises(QueueUnavailableError):
        queue.send(JOB)
    return time.perf_counter() - started_s


def test_celery_settings_when_read_then_ids_and_json_only_and_no_poison_loop() -> None:
    app = make_celery("redis://127.0.0.1:9/0", job_timeout_s=600)
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_acks_late
    assert not app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.broker_transport_options["visibility_timeout"] > 600


def test_queues_when_all_have_something_then_whoever_waits_for_an_answer_goes_first(
    valkey_server: ValkeyServer,
) -> None:
    """Thirty messages of a team's re-analysis were there before the upload; kombu's own order would go round."""
    app = make_celery(valkey_server.url)
    queue = CeleryQueue(app)
    for name, n_sent in ((BULK, 30), (DEFAULT, 2), (INTERACTIVE, 3)):
        for _ in range(n_sent):
            queue.send(Job(name="plumbline.nothing", queue=name))
    taken: list[str] = []

    def take(_body: object, message: Message) -> None:
        taken.append(message.delivery_info["routing_key"])
        message.ack()

    with app.connection_for_read() as connection, connection.channel() as channel:
        channel.basic_qos(0, 1, False)
        names = (BULK, INTERACTIVE, DEFAULT)
        consumer = Consumer(channel, [app.amqp.queues[name](channel) for name in names], accept=["json"])
        consumer.register_callback(take)
        with consumer:
            while len(taken) < 10:
                connection.drain_events(timeout=5)
    queue.close()
    assert taken == [*[INTERACTIVE] * 3, *[DEFAULT] * 2, *[BULK] * 5]
