"""Uploads by tus that are cut, forgotten, called off or found whole by nobody: what came is kept or swept."""

import asyncio
import socket
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, text

from app.services import captures
from app.services.whole_uploads import finish_whole_files
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import announce, sha256
from tests.api.test_errors import check_problem
from tests.api.tus import PIECE, TUS, URL, begin, capture_of, offset_of, partial, send
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def content() -> bytes:
    return fake_video(300_000) + bytes(range(256)) * 100


# --- core ---


def let_expire(engine: Engine, club: Club, url: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        connection.execute(
            text("UPDATE capture SET expires_at = now() WHERE id = :id"), {"id": url.rpartition("/")[2]}
        )


def test_upload_when_nothing_came_for_too_long_then_410_and_its_file_is_swept(
    club: Club, content: bytes, engine: Engine, parts: PartsForTests
) -> None:
    kept, dropped = begin(club, content), begin(club, content)
    for url in (kept, dropped):
        answer = send(club, url, content[:10], 0)
        expires = parsedate_to_datetime(answer.headers["Upload-Expires"])
        assert answer.headers["Upload-Expires"].endswith(" GMT")
        assert 23.9 < (expires.timestamp() - time.time()) / 3600 < 24.1
    let_expire(engine, club, dropped)
    for answer in (
        club.client.head(dropped, headers=TUS),
        send(club, dropped, content[10:], 10),
        club.client.delete(dropped, headers=TUS),
    ):
        assert answer.status_code == 410
        assert "Upload-Offset" not in answer.headers
    assert captures.sweep_partial_files(uow_factory=parts.uow_factory, partials=parts.partials) >= 1
    assert (partial(parts, club, kept).exists(), partial(parts, club, dropped).exists()) == (True, False)
    assert capture_of(club, dropped)["state"] == "expired"
    assert offset_of(club, kept) == 10


def test_upload_when_called_off_then_gone(club: Club, content: bytes, parts: PartsForTests) -> None:
    url = begin(club, content)
    send(club, url, content[:10], 0)
    assert club.client.delete(url, headers=TUS).status_code == 204
    assert not partial(parts, club, url).exists()
    assert capture_of(club, url)["state"] == "cancelled"
    for answer in (club.client.head(url, headers=TUS), send(club, url, content, 0)):
        assert answer.status_code == 410
    whole = begin(club, content)
    send(club, whole, content, 0)
    assert club.client.delete(whole, headers=TUS).status_code == 409


# --- who may, what is safe, one at a time ---


def open_piece(url: str, club: Club, *, length: int, offset: int = 0) -> socket.socket:
    """Begin a PATCH on a bare socket, its body still to come."""
    base = urlsplit(str(club.client.base_url))
    line = socket.create_connection((base.hostname or "", base.port or 0), timeout=10)
    head = [
        f"PATCH {url} HTTP/1.1",
        f"Host: {base.netloc}",
        f"Authorization: Bearer {club.api_key}",
        *(f"{name}: {value}" for name, value in PIECE.items()),
        f"Upload-Offset: {offset}",
        f"Content-Length: {length}",
    ]
    line.sendall("\r\n".join([*head, "", ""]).encode())
    return line


def test_piece_when_the_upload_is_anothers_then_404_before_its_body_is_read(
    make_club: Callable[[], Club], club: Club, parts: PartsForTests
) -> None:
    url = begin(club, fake_video(1_000_000))
    with open_piece(url, make_club(), length=1_000_000) as line:
        assert line.recv(100).startswith(b"HTTP/1.1 404")
    assert not partial(parts, club, url).exists()


def test_line_when_it_breaks_then_what_came_is_kept(club: Club, content: bytes, parts: PartsForTests) -> None:
    url = begin(club, content)
    with open_piece(url, club, length=len(content)) as line:
        line.sendall(content[:70_000])
        wait_until(
            lambda: capture_of(club, url)["received_bytes"] == 70_000,
            timeout_s=10,
            what="the bytes made safe while more are waited for",
        )
    came = offset_of(club, url)
    assert came == 70_000
    assert send(club, url, content[came:], came).status_code == 204
    assert capture_of(club, url)["state"] == "received"


def test_sender_when_it_has_lost_us_and_asks_anew_then_the_old_request_lets_go(
    club: Club, content: bytes, parts: PartsForTests
) -> None:
    """A phone that changed its network cannot close the old connection; it must not wait for that to time out."""
    url = begin(club, content)
    with open_piece(url, club, length=len(content)) as line:
        line.sendall(content[:5000])
        wait_until(partial(parts, club, url).exists, timeout_s=10, what="the first bytes")
        started_s = time.monotonic()
        assert offset_of(club, url) == 5000
        assert time.monotonic() - started_s < 1.5
        assert line.recv(100).startswith(b"HTTP/1.1 423")
    assert send(club, url, content[5000:], 5000).status_code == 204


def test_upload_when_another_request_is_at_work_then_423(
    club: Club, content: bytes, parts: PartsForTests
) -> None:
    url = begin(club, content)
    capture_id = UUID(url.rpartition("/")[2])

    async def busy() -> httpx.Response:
        async with parts.partials.hold(club.organisation_id, capture_id):
            return await asyncio.to_thread(send, club, url, content, 0)

    answer = asyncio.run(busy())
    assert (answer.status_code, answer.headers["Retry-After"]) == (423, "1")
    check_problem(answer, code="upload_locked")
    assert send(club, url, content, 0).status_code == 204


def test_bytes_when_written_and_never_told_of_then_not_counted(
    club: Club, content: bytes, parts: PartsForTests
) -> None:
    """A power cut may leave a longer file than was made safe, with anything in its tail."""
    url = begin(club, content)
    send(club, url, content[:1000], 0)
    with partial(parts, club, url).open("ab") as file:
        file.write(bytes(5000))
    assert offset_of(club, url) == 1000
    assert send(club, url, content[1000:], 1000).status_code == 204
    done = capture_of(club, url)
    assert sha256(club.client.get(f"{done['links']['recording']}/original").content) == sha256(content)


def test_bytes_when_told_of_and_not_on_the_disk_any_more_then_asked_for_again(
    club: Club, content: bytes, parts: PartsForTests
) -> None:
    url = begin(club, content)
    send(club, url, content[:5000], 0)
    partial(parts, club, url).write_bytes(content[:800])
    assert offset_of(club, url) == 800
    assert send(club, url, content[800:], 800).status_code == 204


def test_file_when_whole_and_the_service_died_before_its_row_then_the_next_question_ends_it(
    make_club: Callable[[], Club], content: bytes, parts: PartsForTests
) -> None:
    club = make_club()
    url = begin(club, content)
    send(club, url, content[:10], 0)
    partial(parts, club, url).write_bytes(content)
    captures.note_progress(
        uow_factory=parts.uow_factory,
        organisation_id=club.organisation_id,
        capture_id=UUID(url.rpartition("/")[2]),
        received_bytes=len(content),
    )
    assert offset_of(club, url) == len(content)
    assert capture_of(club, url)["state"] == "received"
    assert len(club.client.get("/api/v1/recordings").json()["items"]) == 1


def test_piece_when_the_size_was_not_announced_then_422_and_no_such_way_is_offered(club: Club) -> None:
    capture = announce(club.client)
    assert "tus" not in {way["kind"] for way in capture["uploads"]}
    assert send(club, f"{URL}/{capture['id']}", b"x", 0).status_code == 422


# --- files that are whole, and nobody comes back for ---


def lie_whole(parts: PartsForTests, engine: Engine, club: Club, url: str, content: bytes) -> None:
    """Leave a file as a process leaves it that dies between its last byte and its recording."""
    path = partial(parts, club, url)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        connection.execute(
            text("UPDATE capture SET received_bytes = :n WHERE id = :id"),
            {"n": len(content), "id": url.rpartition("/")[2]},
        )


def finish_whole(parts: PartsForTests) -> int:
    return finish_whole_files(
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        partials=parts.partials,
        staging=parts.staging.directory,
        prober=parts.prober,
    )


def test_whole_files_when_nobody_comes_back_then_each_becomes_its_recording_once(
    club: Club, content: bytes, engine: Engine, parts: PartsForTests
) -> None:
    whole, half, ran_out, no_video, damaged = (
        begin(club, content + b"1", client_ref="whole"),
        begin(club, content + b"2"),
        begin(club, content + b"3"),
        begin(club, b"just some text"),
        begin(club, content + b"4", sha256=sha256(content + b"4")),
    )
    lie_whole(parts, engine, club, whole, content + b"1")
    send(club, half, content[:10], 0)
    lie_whole(parts, engine, club, ran_out, content + b"3")
    let_expire(engine, club, ran_out)
    lie_whole(parts, engine, club, no_video, b"just some text")
    lie_whole(parts, engine, club, damaged, content + b"5")
    assert finish_whole(parts) == 3
    states = [capture_of(club, url)["state"] for url in (whole, half, ran_out, no_video, damaged)]
    assert states == ["received", "awaiting_upload", "received", "refused", "awaiting_upload"]
    recording_id = capture_of(club, whole)["recording_id"]
    kept = club.client.get(f"/api/v1/recordings/{recording_id}/original").content
    assert kept == content + b"1"
    told = club.client.get("/api/v1/audit", params={"act": "recording.received"}).json()["items"]
    assert [entry["actor_kind"] for entry in told if entry["object_id"] == recording_id] == ["api_key"]
    assert not partial(parts, club, whole).exists()
    assert finish_whole(parts) == 0
