"""Server-sent events: every change until the end, resumed by id, and then silence."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

from fastapi import FastAPI

from app.api.v1.recording_events import MAX_STREAMS, N_ASKED_PER_S, POLL_S, OpenStreams
from app.domain.lifecycle import Stage
from tests.api.conftest import Club
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import URL, upload, wait_until


def read_events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def test_events_when_followed_then_from_queue_to_end(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    recording_id = UUID(upload(club.client).json()["id"])

    def work() -> None:
        time.sleep(0.3)
        analyse(parts, organisation_id=club.organisation_id, recording_id=recording_id)

    worker = threading.Thread(target=work)
    with club.client.stream("GET", f"{URL}/{recording_id}/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        worker.start()
        seen = list(read_events(answer.iter_lines()))
    worker.join()
    told = [json.loads(event["data"]) for event in seen]
    assert {event["event"] for event in seen} == {"progress"}
    assert told[0]["state"] == "queued"
    assert told[0]["queue_position"] >= 1
    assert (told[-1]["state"], told[-1]["progress"], told[-1]["final"]) == ("analysed", 1.0, True)
    assert [event["final"] for event in told[:-1]] == [False] * (len(told) - 1)

    resumed = club.client.get(f"{URL}/{recording_id}/events", headers={"Last-Event-ID": seen[-1]["id"]})
    assert (resumed.status_code, resumed.content) == (204, b"")
    behind = club.client.get(f"{URL}/{recording_id}/events", headers={"Last-Event-ID": seen[0]["id"]})
    assert [event["id"] for event in read_events(iter(behind.text.splitlines()))] == [seen[-1]["id"]]


def test_events_when_progress_is_made_then_told(make_club: Callable[[], Club], parts: PartsForTests) -> None:
    club = make_club()
    recording_id = UUID(upload(club.client).json()["id"])
    with parts.uow_factory(club.organisation_id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60, max_attempts=3)
        assert claim is not None
        uow.recordings.heartbeat(claim, lease_s=60, stage=Stage.POSE, progress=0.4)
    with club.client.stream("GET", f"{URL}/{recording_id}/events") as answer:
        first = json.loads(next(read_events(answer.iter_lines()))["data"])
    assert (first["state"], first["stage"], first["attempt"]) == ("processing", "pose", 1)
    assert first["progress"] == 0.4


def test_events_when_the_recording_is_unknown_then_404_and_no_stream(club: Club) -> None:
    answer = club.client.get(f"{URL}/01995b5e-7f3a-7c1e-8d2f-2a5c7d9e1f30/events")
    check_problem(answer, code="not_found")


def test_events_when_many_watch_then_each_waits_longer_and_all_together_ask_no_more() -> None:
    assert OpenStreams(n_open=1).pause_s == POLL_S
    assert MAX_STREAMS / OpenStreams(n_open=MAX_STREAMS).pause_s == N_ASKED_PER_S


def test_events_when_too_many_watch_then_429_and_closed_streams_make_room(
    make_club: Callable[[], Club], app: FastAPI
) -> None:
    club = make_club()
    url = f"{URL}/{upload(club.client).json()['id']}/events"
    streams: OpenStreams = app.state.open_streams
    wait_until(lambda: streams.n_open == 0)
    streams.n_open = MAX_STREAMS - 1
    with club.client.stream("GET", url) as answer:
        assert answer.status_code == 200
        wait_until(lambda: streams.n_open == MAX_STREAMS)
        check_problem(club.client.get(url), code="too_many_requests")
    wait_until(lambda: streams.n_open == MAX_STREAMS - 1)
    streams.n_open = 0
