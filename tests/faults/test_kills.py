"""kill -9 of each part in the middle of its work: nothing accepted is lost, nothing is analysed twice."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.support.processes import gone, wait_until
from tests.support.service import SAMPLE, Service
from tests.support.valkey import ValkeyServer

pytestmark = pytest.mark.faults


def _is_processing(document: dict[str, Any]) -> bool:
    return bool(document["state"] == "processing")


def test_worker_when_killed_in_the_middle_then_the_recording_ends_once(service: Service) -> None:
    service.start_api()
    worker = service.start_slow_worker(seconds=2)
    recording_id = service.upload().json()["id"]
    # Not only claimed: the kill must come while the video is being read.
    wait_until(lambda: service.n_reads() == 1, timeout_s=60, what="the recording being read")
    assert _is_processing(service.recording(recording_id))
    worker.kill()
    service.start_slow_worker(seconds=0.5)
    service.wait_until_final(recording_id)
    assert service.recording(recording_id)["attempt"] == 2
    assert service.n_analyses(recording_id) == 1
    assert service.n_reads() == 2


def test_worker_when_killed_while_it_draws_then_the_result_stays_and_the_pictures_follow(
    service: Service,
) -> None:
    service.start_api()
    worker = service.start_slow_worker(seconds=0.2, drawing_s=30)
    recording_id = service.upload().json()["id"]
    service.wait_until_final(recording_id)
    before = service.recording(recording_id)
    assert before["pictures"] == "pending"
    worker.kill()
    worker.wait()
    service.start_slow_worker(seconds=0.2, drawing_s=0.1)
    service.wait_for(recording_id, lambda found: found["pictures"] == "done", timeout_s=60)
    after = service.recording(recording_id)
    assert after["links"]["overlay"]
    assert (after["state"], after["attempt"], after["analysis"]) == (before["state"], 1, before["analysis"])
    assert service.n_analyses(recording_id) == 1
    assert service.n_reads() == 1


def test_worker_when_killed_twice_under_load_then_every_recording_ends_once(service: Service) -> None:
    service.start_api()
    worker = service.start_slow_worker(seconds=0.4)
    accepted = [service.upload().json()["id"] for _ in range(8)]
    for n_read in (2, 4):
        wait_until(
            lambda n_read=n_read: service.n_reads() >= n_read, timeout_s=90, what="a recording being read"
        )
        worker.kill()
        worker.wait()
        worker = service.start_slow_worker(seconds=0.4)
    for recording_id in accepted:
        service.wait_until_final(recording_id, timeout_s=90)
    missing = [recording_id for recording_id in accepted if service.n_analyses(recording_id) == 0]
    double = [recording_id for recording_id in accepted if service.n_analyses(recording_id) > 1]
    assert (len(accepted), missing, double) == (8, [], [])


def test_upload_when_the_broker_is_dead_then_accepted_at_once_and_analysed_after_it_is_back(
    service: Service, valkey_server: ValkeyServer
) -> None:
    service.start_api()
    service.start_slow_worker(seconds=0.3)
    service.wait_until_final(service.upload().json()["id"])
    valkey_server.kill()
    service.upload()  # the first one notices that the connection is gone
    started_s = time.monotonic()
    answer = service.upload()
    elapsed_s = time.monotonic() - started_s
    assert answer.status_code == 202
    assert elapsed_s < 10  # most of it is the look at the file; the broker itself costs milliseconds
    recording_id = answer.json()["id"]
    assert service.recording(recording_id)["state"] == "queued"
    valkey_server.start()
    service.wait_until_final(recording_id)
    assert service.n_analyses(recording_id) == 1


def test_analysis_when_the_broker_is_killed_meanwhile_then_it_ends_once(
    service: Service, valkey_server: ValkeyServer
) -> None:
    service.start_api()
    service.start_slow_worker(seconds=3)
    recording_id = service.upload().json()["id"]
    service.wait_for(recording_id, _is_processing, timeout_s=60)
    valkey_server.kill()
    time.sleep(0.5)
    valkey_server.start()
    service.wait_until_final(recording_id)
    later_id = service.upload().json()["id"]
    service.wait_until_final(later_id, timeout_s=60)
    assert service.n_analyses(recording_id) == 1
    assert service.n_analyses(later_id) == 1
    assert service.n_reads() == 2


def test_analysis_when_the_api_is_killed_meanwhile_then_it_ends_once(service: Service) -> None:
    api = service.start_api()
    service.start_slow_worker(seconds=1.5)
    recording_id = service.upload().json()["id"]
    service.wait_for(recording_id, _is_processing, timeout_s=60)
    api.kill()
    api.wait()
    service.start_api()
    service.wait_until_final(recording_id)
    assert service.n_analyses(recording_id) == 1
    assert service.n_reads() == 1


def test_upload_when_the_api_is_killed_in_it_then_nothing_is_kept_and_the_second_try_is_the_only_one(
    service: Service,
) -> None:
    api = service.start_api()
    service.start_slow_worker(seconds=0.3)
    half_sent, killed = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def body() -> Iterator[bytes]:
        content = SAMPLE.read_bytes()
        yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="jump.mp4"\r\n\r\n'
        yield content[: len(content) // 2]
        half_sent.set()
        killed.wait(30)
        yield content[len(content) // 2 :]

    def upload() -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=edge", "Idempotency-Key": "try"}
        try:
            with service.client() as client:
                client.post("/recordings", content=body(), headers=headers)
        except httpx.TransportError as error:
            failures.append(error)

    thread = threading.Thread(target=upload, daemon=True)
    thread.start()
    assert half_sent.wait(30)
    wait_until(lambda: _n_staged(service) == 1, timeout_s=30, what="the upload being received")
    api.kill()
    api.wait()
    killed.set()
    thread.join(10)
    assert len(failures) == 1
    service.start_api()
    assert service.n_recordings() == 0
    first = service.upload(key="try")
    again = service.upload(key="try")
    assert first.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    service.wait_until_final(first.json()["id"])
    assert service.n_recordings() == 1
    assert service.n_analyses(first.json()["id"]) == 1


def _n_staged(service: Service) -> int:
    return len(list((service.folder / "blobs" / ".staging").iterdir()))


@pytest.mark.pose
def test_worker_when_killed_while_it_follows_a_real_athlete_then_no_reader_stays_and_the_result_is_whole(
    service: Service,
) -> None:
    service.start_api()
    worker = service.start_worker()
    recording_id = service.upload().json()["id"]
    service.wait_for(recording_id, lambda found: found["stage"] == "pose", timeout_s=90)
    readers = psutil.Process(worker.pid).children(recursive=True)
    assert readers
    worker.kill()
    worker.wait()
    wait_until(lambda: gone(readers), timeout_s=30, what="readers of a killed worker")
    service.start_worker()
    service.wait_until_final(recording_id, timeout_s=150)
    document = service.recording(recording_id)
    assert (document["state"], document["attempt"]) == ("analysed", 2)
    assert document["analysis"]["verdict"] == "valid"
    service.wait_for(recording_id, lambda found: found["links"]["overlay"] is not None, timeout_s=60)
    assert service.n_analyses(recording_id) == 1


def test_worker_when_asked_to_stop_near_the_end_then_it_finishes_first(service: Service) -> None:
    service.start_api()
    worker = service.start_slow_worker(seconds=1.5)
    recording_id = service.upload().json()["id"]
    service.wait_for(recording_id, _is_processing, timeout_s=60)
    worker.terminate()
    assert worker.wait(timeout=15) == 0
    assert service.recording(recording_id)["state"] == "rejected"  # nobody in the picture; it was let finish
    assert service.n_analyses(recording_id) == 1
