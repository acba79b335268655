import time
from pathlib import Path

import pytest

from app.jobs.celery_queue import CeleryQueue, make_celery
from app.jobs.queue import INTERACTIVE, Job, QueueUnavailableError

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
