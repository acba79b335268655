"""tus 1.0.0: the protocol's MUSTs, and that no byte told of is ever lost or made up."""

import asyncio
import base64
import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from app.services import captures
from app.services.whole_uploads import finish_whole_files
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import announce, sha256
from tests.api.test_errors import check_problem
from tests.support.processes import wait_until

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
URL = "/api/v1/uploads"


def begin(club: Club, content: bytes, **fields: object) -> str:
    """Announce a file and return where its pieces go."""
    capture = announce(club.client, size_bytes=len(content), **fields)
    way = next(way for way in capture["uploads"] if way["kind"] == "tus")
    assert way["method"] == "PATCH"
    return str(way["url"])


def send(club: Club, url: str, content: bytes, offset: int, **headers: str) -> httpx.Response:
    return club.client.patch(url, content=content, headers={**PIECE, "Upload-Offset": str(offset), **headers})


def offset_of(club: Club, url: str) -> int:
    answer = club.client.head(url, headers=TUS)
    assert answer.status_code == 200, answer.headers
    return int(answer.headers["Upload-Offset"])


def capture_of(club: Club, url: str) -> dict[str, Any]:
    document: dict[str, Any] = club.client.get(url.replace("/uploads/", "/captures/")).json()
    return document


def partial(parts: PartsForTests, club: Club, url: str) -> Path:
    return parts.partials.directory / str(club.organisation_id) / f"{url.rpartition('/')[2]}.part"


@pytest.fixture(scope="module")
def content() -> bytes:
    return fake_video(300_000) + bytes(range(256)) * 100


# --- core ---


def test_server_when_asked_then_it_says_what_it_can_do(club: Club, parts: PartsForTests) -> None:
    url = begin(club, fake_video())
    for address in (URL, url):
        answer = club.client.options(address)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "expiration",
            "checksum",
            "termination",
        }
        assert answer.headers["Tus-Max-Size"] == str(parts.settings.max_upload_bytes)
        assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


def test_file_when_sent_in_pieces_then_whole_and_a_recording(
    make_club: Callable[[], Club], content: bytes, parts: PartsForTests
) -> None:
    club = make_club()
    url = begin(club, content)
    first = club.client.head(url, headers=TUS)
    assert (first.status_code, first.headers["Upload-Offset"]) == (200, "0")
    assert first.headers["Upload-Length"] == str(len(content))
    assert first.headers["Cache-Control"] == "no-store"
    for start, end in ((0, 100), (100, 100), (100, 200_000), (200_000, len(content))):
        answer = send(club, url, content[start:end], start)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(end)), answer.text
        assert answer.content == b""
        assert offset_of(club, url) == end
    done = capture_of(club, url)
    assert (done["state"], done["received_bytes"]) == ("received", len(content))
    original = club.client.get(f"{done['links']['recording']}/original")
    assert sha256(original.content) == sha256(content)
    assert not partial(parts, club, url).exists()
    last = club.client.head(url, headers=TUS)
    assert last.headers["Upload-Offset"] == last.headers["Upload-Length"] == str(len(content))
    assert send(club, url, b"", len(content)).status_code == 204
    assert send(club, url, b"x", len(content)).status_code == 413
    assert send(club, url, content, 0).status_code == 409


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_request_when_of_another_version_then_412_and_not_processed(
    club: Club, method: str, version: str | None
) -> None:
    url = begin(club, fake_video())
    headers = {**PIECE, "Upload-Offset": "0"} | ({} if version is None else {"Tus-Resumable": version})
    if version is None:
        del headers["Tus-Resumable"]
    answer = club.client.request(method, url, headers=headers, content=b"" if method != "PATCH" else b"x")
    assert answer.status_code == 412
    assert (answer.headers["Tus-Version"], answer.headers["Tus-Resumable"]) == ("1.0.0", "1.0.0")
    assert "Upload-Offset" not in answer.headers
    assert offset_of(club, url) == 0


def test_answers_when_given_then_each_names_the_version(club: Club) -> None:
    url = begin(club, fake_video())
    answers = [
        club.client.options(url),
        club.client.head(url, headers=TUS),
        club.client.head(f"{URL}/{uuid4()}", headers=TUS),
        send(club, url, b"x", 7),
        club.client.post(URL, headers=TUS),
        httpx.get(f"{club.client.base_url}{URL}/{uuid4()}"),
        club.client.delete(url, headers=TUS),
    ]
    assert [answer.headers.get("Tus-Resumable") for answer in answers] == ["1.0.0"] * len(answers)


def test_upload_when_unknown_then_404_without_an_offset(club: Club) -> None:
    for answer in (
        club.client.head(f"{URL}/{uuid4()}", headers=TUS),
        send(club, f"{URL}/{uuid4()}", b"x", 0),
        club.client.delete(f"{URL}/{uuid4()}", headers=TUS),
    ):
        assert answer.status_code == 404
        assert "Upload-Offset" not in answer.headers


@pytest.mark.parametrize("kind", ["application/octet-stream", "video/mp4", ""])
def test_piece_when_of_another_type_then_415(club: Club, kind: str) -> None:
    url = begin(club, fake_video())
    assert send(club, url, b"x", 0, **{"Content-Type": kind}).status_code == 415
    assert offset_of(club, url) == 0


@pytest.mark.parametrize("offset", ["-1", "1.5", "", "0x1", "\u0661", "9" * 40])
def test_piece_when_its_offset_is_no_count_then_400(club: Club, offset: str) -> None:
    url = begin(club, fake_video())
    headers = {**PIECE, "Upload-Offset": offset.encode()}
    assert club.client.patch(url, content=b"x", headers=headers).status_code == 400


def test_piece_when_it_does_not_begin_where_the_file_ends_then_409_and_nothing_changes(
    club: Club, content: bytes
) -> None:
    url = begin(club, content)
    send(club, url, content[:1000], 0)
    for offset in (0, 999, 1001):
        answer = send(club, url, content[offset : offset + 10], offset)
        assert answer.status_code == 409
        check_problem(answer, code="offset_mismatch")
    assert offset_of(club, url) == 1000


def test_piece_when_it_goes_beyond_the_end_then_413_and_nothing_beyond_is_kept(
    club: Club, content: bytes
) -> None:
    url = begin(club, content)
    declared = send(club, url, content + b"x", 0)
    assert declared.status_code == 413
    check_problem(declared, code="upload_overflow")
    assert offset_of(club, url) == 0

    def chunks() -> Iterator[bytes]:
        yield content
        yield b"more than there is"

    flowing = club.client.patch(url, content=chunks(), headers={**PIECE, "Upload-Offset": "0"})
    assert flowing.status_code == 413
    assert offset_of(club, url) <= len(content)


def test_method_when_the_client_cannot_send_it_then_named_in_a_header(club: Club, content: bytes) -> None:
    url = begin(club, content)
    as_patch = {**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert club.client.post(url, content=content[:50], headers=as_patch).status_code == 204
    as_head = club.client.post(url, headers={**TUS, "X-HTTP-Method-Override": "HEAD"})
    assert (as_head.status_code, as_head.headers["Upload-Offset"]) == (200, "50")


# --- creation ---


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def test_upload_when_created_by_tus_then_a_capture_with_its_fields(
    make_club: Callable[[], Club], content: bytes
) -> None:
    club = make_club()
    athlete = club.client.post("/api/v1/athletes", json={"name": "Alex", "external_id": "S-7"}).json()
    told = metadata(
        filename="Sprünge.mp4", filetype="video/mp4", athlete_external_id="S-7", box_height_cm="31"
    )
    answer = club.client.post(
        URL, headers={**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": told}
    )
    assert answer.status_code == 201, answer.text
    url = answer.headers["Location"]
    assert parsedate_to_datetime(answer.headers["Upload-Expires"]).tzinfo is not None
    capture = capture_of(club, url)
    assert (capture["filename"], capture["box_height_cm"]) == ("Sprünge.mp4", 31)
    assert capture["athlete_id"] == athlete["id"]
    assert club.client.head(url, headers=TUS).headers["Upload-Metadata"] == told
    assert send(club, url, content, 0).status_code == 204
    assert capture_of(club, url)["state"] == "received"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "-5"}, 400),
        ({"Upload-Length": "0"}, 422),
        ({"Upload-Length": str(2**31)}, 413),
        ({"Upload-Length": "10", "Upload-Metadata": "filename %%%"}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": "view !,view !"}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": metadata(view="above")}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": metadata(organisation_id="x")}, 422),
    ],
)
def test_creation_when_something_is_wrong_then_refused(
    club: Club, headers: dict[str, str], status: int
) -> None:
    assert club.client.post(URL, headers={**TUS, **headers}).status_code == status
    assert club.client.post(URL, headers=headers).status_code == 412


# --- checksum ---


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_piece_when_it_has_a_checksum_then_kept_only_if_it_is_right(
    club: Club, content: bytes, algorithm: str
) -> None:
    url = begin(club, content)

    def checked(piece: bytes, offset: int) -> httpx.Response:
        digest = base64.b64encode(hashlib.new(algorithm, content[offset : offset + 1000]).digest()).decode()
        return send(club, url, piece, offset, **{"Upload-Checksum": f"{algorithm} {digest}"})

    assert checked(content[:1000], 0).status_code == 204
    wrong = checked(b"x" * 1000, 1000)
    assert wrong.status_code == 460
    check_problem(wrong, code="checksum_mismatch")
    assert offset_of(club, url) == 1000
    assert checked(content[1000:2000], 1000).headers["Upload-Offset"] == "2000"


@pytest.mark.parametrize("checksum", ["crc32 AAAA", "sha1 %%", "sha1"])
def test_piece_when_its_checksum_cannot_be_checked_then_refused(
    club: Club, content: bytes, checksum: str
) -> None:
    url = begin(club, content)
    answer = send(club, url, content[:10], 0, **{"Upload-Checksum": checksum})
    assert answer.status_code in {400, 460}
    assert offset_of(club, url) == 0


def test_file_when_not_the_one_announced_then_460_and_it_begins_anew(
    make_club: Callable[[], Club], content: bytes
) -> None:
    club = make_club()
    url = begin(club, content, sha256=sha256(content))
    assert send(club, url, content[:-1] + b"x", 0).status_code == 460
    assert offset_of(club, url) == 0
    assert send(club, url, content, 0).status_code == 204
    assert capture_of(club, url)["state"] == "received"


def test_file_when_no_video_then_422_and_gone(
    club: Club, parts: PartsForTests, staged_files: Callable[[], list[Path]]
) -> None:
    url = begin(club, b"just some text")
    refused = send(club, url, b"just some text", 0)
    assert refused.status_code == 422
    check_problem(refused, code="not_a_video")
    assert club.client.head(url, headers=TUS).status_code == 410
    assert not partial(parts, club, url).exists()
    assert staged_files() == []


# --- expiration and termination ---


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
