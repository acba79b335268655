"""tus 1.0.0: the protocol's MUSTs, and that no byte told of is ever lost or made up."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import sha256
from tests.api.test_errors import check_problem
from tests.api.tus import PIECE, TUS, URL, begin, capture_of, offset_of, partial, send


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
