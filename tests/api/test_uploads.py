"""Uploading: what is accepted is kept and queued once; what is refused leaves nothing, and says why."""

import hashlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from app.domain.access import Permission
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import ANALYSE_RECORDING
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests, TrustingProber, fake_video
from tests.api.test_errors import check_problem
from tests.api.things import Things

URL = "/api/v1/recordings"


def upload(
    client: httpx.Client,
    content: bytes | None = None,
    *,
    fields: dict[str, str] | None = None,
    key: str | None = None,
    name: str = "jump.mp4",
) -> httpx.Response:
    # another file each time, unless it is the same request
    body = fake_video() + (key or uuid4().hex).encode() if content is None else content
    return client.post(
        URL,
        files={"file": (name, body, "video/mp4")},
        data=fields or {},
        headers={} if key is None else {"Idempotency-Key": key},
    )


def listed(club: Club) -> list[str]:
    return [item["id"] for item in club.client.get(URL).json()["items"]]


def test_upload_when_good_then_202_and_kept_and_queued(
    make_club: Callable[[], Club], parts: PartsForTests, api_queue: MemoryQueue
) -> None:
    club = make_club()
    athlete = club.client.post("/api/v1/athletes", json={"name": "Alex"}).json()
    content = fake_video(100_000)
    answer = upload(
        club.client,
        content,
        fields={
            "athlete_id": athlete["id"],
            "movement": "drop_vertical_jump",
            "view": "frontal",
            "box_height_cm": "31",
            "captured_at": "2026-03-14T23:30:00-05:00",
            "context": "pre_season",
        },
    )
    assert answer.status_code == 202
    document = answer.json()
    assert answer.headers["Location"] == f"{URL}/{document['id']}"
    assert document["state"] == "queued"
    assert document["athlete"]["id"] == athlete["id"]
    assert document["sha256"] == hashlib.sha256(content).hexdigest()
    assert document["size_bytes"] == len(content)
    assert document["box_height_cm"] == 31
    assert document["screened_on"] == "2026-03-14"
    assert document["captured_at"] == "2026-03-15T04:30:00Z"
    assert document["context"] == "pre_season"
    job = api_queue.jobs[-1]
    assert (job.name, job.args[0]) == (ANALYSE_RECORDING, document["id"])
    kept = b"".join(
        parts.blobs.iter_range(
            f"{club.organisation_id}/{document['id']}/original.mp4", start=0, end=len(content)
        )
    )
    assert kept == content
    shown = club.client.get(answer.headers["Location"])
    assert shown.status_code == 200
    assert shown.headers["Retry-After"] == "2"
    assert (shown.json()["state"], shown.json()["final"]) == ("queued", False)
    assert shown.json()["analysis"] is None


def test_upload_when_athlete_is_named_by_own_number_then_found(make_club: Callable[[], Club]) -> None:
    club, other = make_club(), make_club()
    for each in (club, other):
        each.client.post("/api/v1/athletes", json={"name": "Alex", "external_id": "S-7"})
    document = upload(club.client, fields={"athlete_external_id": "S-7"}).json()
    assert document["athlete"]["external_id"] == "S-7"
    assert upload(club.client, fields={"athlete_external_id": "S-8"}).status_code == 404
    athlete_id = document["athlete"]["id"]
    both = upload(club.client, fields={"athlete_external_id": "S-7", "athlete_id": athlete_id})
    assert both.status_code == 422
    assert upload(other.client, fields={"athlete_id": athlete_id}).status_code == 404


def test_upload_when_without_fields_then_waits_in_the_inbox(make_club: Callable[[], Club]) -> None:
    club = make_club()
    document = upload(club.client, fields={"athlete_id": "", "captured_at": ""}).json()
    assert document["athlete"] is None
    assert [item["id"] for item in club.client.get(URL, params={"inbox": "true"}).json()["items"]] == [
        document["id"]
    ]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"movement": "handstand"}, "movement"),
        ({"view": "above"}, "view"),
        ({"box_height_cm": "-3"}, "box_height_cm"),
        ({"box_height_cm": "nan"}, "box_height_cm"),
        ({"captured_at": "yesterday"}, "captured_at"),
        ({"captured_at": "2026-03-14T10:00:00"}, "captured_at"),
        ({"captured_at": "2126-03-14T10:00:00Z"}, "captured_at"),
        ({"athlete_id": "seven"}, "athlete_id"),
        ({"organisation_id": str(uuid4())}, "organisation_id"),
        ({"state": "analysed"}, "state"),
    ],
)
def test_upload_when_a_field_is_wrong_then_422_and_nothing_kept(
    make_club: Callable[[], Club], staged_files: Callable[[], list[Path]], fields: dict[str, str], wrong: str
) -> None:
    club = make_club()
    answer = upload(club.client, fields=fields)
    assert answer.status_code == 422
    check_problem(answer, code="invalid_input")
    assert [item["field"] for item in answer.json()["errors"]] == [wrong]
    assert listed(club) == []
    assert staged_files() == []


def test_upload_when_athlete_is_unknown_then_404_and_nothing_kept(
    make_club: Callable[[], Club], staged_files: Callable[[], list[Path]], parts: PartsForTests
) -> None:
    club = make_club()
    answer = upload(club.client, fields={"athlete_id": str(uuid4())})
    assert answer.status_code == 404
    check_problem(answer, code="not_found")
    assert listed(club) == []
    assert staged_files() == []
    assert not (parts.staging.directory.parent / str(club.organisation_id)).exists()


def test_upload_when_not_a_video_then_422_with_the_findings_code(
    make_club: Callable[[], Club], staged_files: Callable[[], list[Path]]
) -> None:
    club = make_club()
    answer = upload(club.client, b"just some text")
    assert answer.status_code == 422
    check_problem(answer, code="not_a_video")
    assert (listed(club), staged_files()) == ([], [])


def test_upload_when_too_large_then_413_and_nothing_kept(
    make_club: Callable[[], Club], staged_files: Callable[[], list[Path]], parts: PartsForTests
) -> None:
    club = make_club()
    answer = upload(club.client, fake_video(parts.settings.max_upload_bytes + 1))
    assert answer.status_code == 413
    check_problem(answer, code="upload_too_large")
    assert "2 MB" in answer.json()["message"]
    assert (listed(club), staged_files()) == ([], [])
    assert upload(club.client, fake_video(parts.settings.max_upload_bytes)).status_code == 202


def test_upload_when_the_disk_is_full_then_507(
    club: Club, parts: PartsForTests, staged_files: Callable[[], list[Path]]
) -> None:
    parts.staging._min_free_bytes = 2**62
    try:
        answer = upload(club.client)
    finally:
        parts.staging._min_free_bytes = 0
    assert answer.status_code == 507
    check_problem(answer, code="storage_full")
    assert staged_files() == []


@pytest.mark.parametrize("content_type", ["application/json", "video/mp4", "multipart/form-data"])
def test_upload_when_of_another_content_type_then_refused(club: Club, content_type: str) -> None:
    answer = club.client.post(URL, content=fake_video(), headers={"Content-Type": content_type})
    assert answer.status_code == (400 if content_type.startswith("multipart") else 415)


def test_upload_when_without_permission_then_403_before_the_body_is_read(
    club: Club, parts: PartsForTests, address: str
) -> None:
    key = make_key(parts, club.principal, scopes=frozenset({Permission.RESULTS_READ}))
    with client_with_key(address, key) as reader:
        assert reader.get(URL).status_code == 200
        assert upload(reader).status_code == 403
    assert first_answer(address, head(address, key, length=1_000_000)).startswith(b"HTTP/1.1 403")


def test_upload_when_nobody_is_signed_in_then_401_before_the_body_is_read(address: str) -> None:
    assert first_answer(address, head(address, "pl_live_x_y", length=1_000_000)).startswith(b"HTTP/1.1 401")


def test_upload_when_declared_too_large_then_413_before_the_body_is_read(club: Club, address: str) -> None:
    assert first_answer(address, head(address, club.api_key, length=10**9)).startswith(b"HTTP/1.1 413")


def test_upload_when_the_broker_is_down_then_still_202(
    make_club: Callable[[], Club], api_queue: MemoryQueue
) -> None:
    club = make_club()
    api_queue.available = False
    try:
        answer = upload(club.client)
    finally:
        api_queue.available = True
    assert answer.status_code == 202
    assert listed(club) == [answer.json()["id"]]


def test_upload_when_the_client_is_gone_midway_then_nothing_is_left(
    make_club: Callable[[], Club], address: str, staged_files: Callable[[], list[Path]]
) -> None:
    club = make_club()
    with connected(address) as line:
        line.sendall(head(address, club.api_key, length=1_500_000))
        line.sendall(b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n')
        line.sendall(fake_video(1_200_000))
        wait_until(lambda: len(staged_files()) == 1)
    wait_until(lambda: staged_files() == [])
    assert listed(club) == []


def test_upload_when_the_same_key_comes_again_then_the_same_recording(
    make_club: Callable[[], Club], api_queue: MemoryQueue, staged_files: Callable[[], list[Path]]
) -> None:
    club = make_club()
    first, again = upload(club.client, key="k-1"), upload(club.client, key="k-1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert listed(club) == [first.json()["id"]]
    assert sum(job.args[0] == first.json()["id"] for job in api_queue.jobs) == 1
    assert staged_files() == []


def test_upload_when_the_key_comes_after_the_analysis_then_the_same_bytes(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    first = upload(club.client, key="k-1")
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(first.json()["id"]))
    assert club.client.get(first.headers["Location"]).json()["state"] == "analysed"
    again = upload(club.client, key="k-1")
    assert again.status_code == 202
    assert again.content == first.content


@pytest.mark.parametrize("change", ["content", "field"])
def test_upload_when_the_key_was_used_for_another_request_then_422(
    make_club: Callable[[], Club], change: str
) -> None:
    club = make_club()
    upload(club.client, key="k-1")
    if change == "content":
        answer = upload(club.client, fake_video(5000), key="k-1")
    else:
        answer = upload(club.client, fields={"box_height_cm": "40"}, key="k-1")
    assert answer.status_code == 422
    check_problem(answer, code="idempotency_key_reused")
    assert len(listed(club)) == 1


def test_upload_when_keys_are_of_two_organisations_then_both_kept(make_club: Callable[[], Club]) -> None:
    one, two = make_club(), make_club()
    first, second = upload(one.client, key="same"), upload(two.client, key="same")
    assert first.json()["id"] != second.json()["id"]
    assert "Idempotent-Replayed" not in second.headers


def test_upload_when_many_come_at_once_with_one_key_then_one_recording(
    make_club: Callable[[], Club], staged_files: Callable[[], list[Path]]
) -> None:
    club = make_club()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: upload(club.client, key="k-many"), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(listed(club)) == 1
    assert staged_files() == []


@pytest.mark.parametrize("key", ["x" * 201, "a b"])
def test_upload_when_the_key_is_not_a_key_then_422(club: Club, key: str) -> None:
    assert upload(club.client, key=key).status_code == 422


def test_upload_when_refused_then_the_quick_look_comes_after_the_fields(
    club: Club, parts: PartsForTests
) -> None:
    assert isinstance(parts.prober, TrustingProber)
    before = parts.prober.n_asked
    upload(club.client, fields={"movement": "handstand"})
    assert parts.prober.n_asked == before


def head(address: str, key: str, *, length: int) -> bytes:
    return (
        f"POST {URL} HTTP/1.1\r\nHost: {urlsplit(address).netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)


def first_answer(address: str, request: bytes) -> bytes:
    with connected(address) as line:
        line.sendall(request)
        return line.recv(4096)


def wait_until(happened: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def things(club: Club, parts: PartsForTests) -> Things:
    return Things(club=club, parts=parts)


def test_upload_when_the_file_came_before_for_this_athlete_then_200_with_that_recording(
    club: Club, things: Things, api_queue: MemoryQueue
) -> None:
    whose = {"athlete_id": things.id_of("athlete_id")}
    film = fake_video() + b"a film of its own"
    first = upload(club.client, film, fields=whose, key="film-1")
    assert first.status_code == 202
    n_jobs = len(api_queue.jobs)
    again = upload(club.client, film, fields=whose, name="other name.mp4")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert again.headers["Location"] == first.headers["Location"]
    assert (again.headers["Deduplicated"], "Idempotent-Replayed" in again.headers) == ("true", False)
    with_a_key = upload(club.client, film, fields=whose, key="film-2")
    assert (with_a_key.status_code, with_a_key.json()["id"]) == (200, first.json()["id"])
    assert len(api_queue.jobs) == n_jobs
    replayed = upload(club.client, film, fields=whose, key="film-1")
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (202, "true")
    for other in (
        whose | {"movement": "single_leg_squat"},
        {"athlete_id": things.id_of("leaver_id")},
        {},
    ):
        assert upload(club.client, film, fields=other).status_code == 202, other
    assert listed(club).count(first.json()["id"]) == 1


def test_uploads_when_eight_send_one_file_of_one_athlete_then_one_recording_is_made(
    club: Club, things: Things
) -> None:
    film = fake_video() + b"sent by eight"
    whose = {"athlete_id": things.id_of("athlete_id")}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: upload(club.client, film, fields=whose), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
