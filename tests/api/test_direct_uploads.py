"""Parts that go past us into S3 by signed addresses, and become one file."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine, text

from app.services import direct_uploads
from app.services.direct_uploads import PART_BYTES
from app.services.retention import retain_organisation
from app.services.whole_uploads import QUIET_S, PartsFinisher
from app.storage.s3 import SigningS3BlobStore
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import announce, put, sha256
from tests.api.test_errors import check_problem
from tests.support.s3_server import SECRET, S3Server, s3_server


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("store") / "s3") as served:
        yield served


@pytest.fixture(scope="module")
def parts(parts: PartsForTests, s3: S3Server) -> PartsForTests:
    settings = parts.settings.model_copy(update={"max_upload_bytes": 3 * PART_BYTES})
    return replace(parts, settings=settings, blobs=s3.open())


def parts_url(capture: dict[str, object]) -> str:
    ways = capture["uploads"]
    assert isinstance(ways, list)
    return str(next(way["url"] for way in ways if way["kind"] == "parts"))


def test_file_when_its_parts_are_in_the_store_then_a_recording_and_the_parts_are_gone(
    make_club: Callable[[], Club], s3: S3Server
) -> None:
    club, content = make_club(), fake_video(PART_BYTES) + b"the second part" * 1000
    capture = announce(club.client, size_bytes=len(content), sha256=sha256(content))
    url = parts_url(capture)
    parts = club.client.get(url).json()["items"]
    assert [(part["number"], part["has_come"]) for part in parts] == [(1, False), (2, False)]
    complete = url.replace("/parts", "/complete")

    def send(part: dict[str, int | str]) -> None:
        first = int(part["first_byte"])
        assert httpx.put(
            str(part["url"]), content=content[first : first + int(part["size_bytes"])]
        ).is_success

    send(parts[1])
    missing = club.client.post(complete)
    assert missing.status_code == 422
    assert "1" in missing.json()["message"]
    send(parts[0])
    assert all(part["has_come"] for part in club.client.get(url).json()["items"])
    done = club.client.post(complete)
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["recording_id"]) == ("received", capture["id"])
    original = club.client.get(f"{done.json()['links']['recording']}/original")
    assert sha256(original.content) == sha256(content)
    left = [key for key in s3.list_keys() if str(capture["id"]) in key]
    assert left == [f"{club.organisation_id}/{capture['id']}/original.mp4"]
    assert club.client.post(complete).status_code == 409


def test_part_when_its_address_is_tampered_with_then_the_store_refuses_it(
    make_club: Callable[[], Club], s3: S3Server
) -> None:
    club, content = make_club(), fake_video(5000)
    capture = announce(club.client, size_bytes=len(content))
    url = str(club.client.get(parts_url(capture)).json()["items"][0]["url"])
    key = next(part for part in url.split("?")[0].split("/") if part == str(capture["id"]))
    forged = {
        "longer": (url, content + b"x"),
        "shorter": (url, content[:-1]),
        "elsewhere": (url.replace(key, str(uuid4())), content),
        "later": (url.replace("X-Amz-Expires=3600", "X-Amz-Expires=99999"), content),
        "signature": (url[:-4] + ("0000" if url[-4:] != "0000" else "1111"), content),
    }
    answers = {name: httpx.put(address, content=body).status_code for name, (address, body) in forged.items()}
    assert answers == dict.fromkeys(forged, 403)
    assert [key for key in s3.list_keys() if str(club.organisation_id) in key] == []
    assert httpx.put(url, content=content).is_success


def test_part_when_its_address_ran_out_or_was_signed_by_somebody_else_then_refused(s3: S3Server) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for secret, at, status in ((SECRET, hour_ago, 400), ("another secret", datetime.now(UTC), 403)):
        store = s3.open(secret=secret)
        assert isinstance(store, SigningS3BlobStore)
        url = store._signer.sign_put("a/part", size_bytes=3, expires_s=600, now=at)
        assert httpx.put(url, content=b"abc").status_code == status
    assert "a/part" not in s3.list_keys()


def test_parts_when_called_off_and_sent_all_the_same_then_removed_at_night(
    make_club: Callable[[], Club], s3: S3Server, parts: PartsForTests
) -> None:
    club, content = make_club(), fake_video(5000)
    capture = announce(club.client, size_bytes=len(content))
    url = str(club.client.get(parts_url(capture)).json()["items"][0]["url"])
    assert club.client.delete(f"/api/v1/captures/{capture['id']}").status_code == 204
    assert httpx.put(url, content=content).is_success
    assert any(str(capture["id"]) in key for key in s3.list_keys())
    retain_organisation(
        uow_factory=parts.uow_factory, blobs=parts.blobs, organisation_id=club.organisation_id
    )
    assert not any(str(capture["id"]) in key for key in s3.list_keys())


def test_parts_when_never_completed_then_removed_at_night(
    make_club: Callable[[], Club], s3: S3Server, parts: PartsForTests, engine: Engine
) -> None:
    club, content = make_club(), fake_video(5000)
    capture = announce(club.client, size_bytes=len(content))
    part = club.client.get(parts_url(capture)).json()["items"][0]
    httpx.put(part["url"], content=content)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        connection.execute(text("UPDATE capture SET expires_at = now()"))
    retain_organisation(
        uow_factory=parts.uow_factory, blobs=parts.blobs, organisation_id=club.organisation_id
    )
    assert [key for key in s3.list_keys() if str(capture["id"]) in key] == []
    assert club.client.get(parts_url(capture)).status_code == 410


def test_parts_when_the_upload_is_anothers_then_404(make_club: Callable[[], Club], club: Club) -> None:
    capture = announce(club.client, size_bytes=5000)
    for method, url in (("GET", parts_url(capture)), ("POST", parts_url(capture).replace("parts", "complete"))):  # fmt: skip
        answer = make_club().client.request(method, url)
        assert answer.status_code == 404
        check_problem(answer, code="not_found")


def test_file_when_sent_by_put_then_it_goes_into_s3_all_the_same(club: Club, s3: S3Server) -> None:
    done = put(club.client, announce(club.client), fake_video(7000)).json()
    assert f"{club.organisation_id}/{done['recording_id']}/original.mp4" in s3.list_keys()


# --- parts that are all there, and nobody says so ---


def lie_there(club: Club, content: bytes, *, n_parts: int = 2, **announced: object) -> dict[str, Any]:
    """Leave parts as a client leaves them that never comes back, or an api that dies at its last request."""
    capture = announce(club.client, size_bytes=len(content), **announced)
    for part in club.client.get(parts_url(capture)).json()["items"][:n_parts]:
        first = int(part["first_byte"])
        piece = content[first : first + int(part["size_bytes"])]
        assert httpx.put(str(part["url"]), content=piece).is_success
    return capture


def finisher_of(parts: PartsForTests, *, quiet_s: float = 0.0) -> PartsFinisher:
    return PartsFinisher(
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        staging=parts.staging.directory,
        prober=parts.prober,
        quiet_s=quiet_s,
    )


def test_parts_when_all_have_come_and_nobody_says_so_then_each_file_becomes_its_recording_once(
    make_club: Callable[[], Club], s3: S3Server, parts: PartsForTests, engine: Engine
) -> None:
    club, content = make_club(), fake_video(PART_BYTES) + b"the second part" * 1000
    whole = lie_there(club, content + b"1", sha256=sha256(content + b"1"))
    half = lie_there(club, content + b"2", n_parts=1)
    no_video = lie_there(club, b"just some text")
    damaged = lie_there(club, content + b"3", sha256=sha256(content + b"4"))
    ran_out = lie_there(club, content + b"5")
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        connection.execute(
            text("UPDATE capture SET expires_at = now() WHERE id = :id"), {"id": ran_out["id"]}
        )
    assert finisher_of(parts, quiet_s=QUIET_S).run() == 0, "its client may be about to say so"
    finisher = finisher_of(parts)

    def states() -> list[str]:
        every = (whole, half, no_video, damaged, ran_out)
        return [club.client.get(f"/api/v1/captures/{each['id']}").json()["state"] for each in every]

    assert finisher.run() >= 3, "and what other tests left whole"
    waits = "awaiting_upload"
    assert states() == ["received", waits, "refused", waits, "received"]
    original = club.client.get(f"/api/v1/recordings/{whole['id']}/original")
    assert sha256(original.content) == sha256(content + b"1")
    told = club.client.get("/api/v1/audit", params={"act": "recording.received"}).json()["items"]
    assert [entry["actor_kind"] for entry in told if entry["object_id"] == whole["id"]] == ["api_key"]
    left = [key for key in s3.list_keys() if "/parts/" in key and str(club.organisation_id) in key]
    assert {key.split("/")[2] for key in left} == {half["id"], damaged["id"]}
    assert finisher.run() == 0
    assert list(parts.staging.directory.iterdir()) == []
    with parts.uow_factory(club.organisation_id) as uow:
        waiting = uow.captures.list_waiting(organisation_id=club.organisation_id)
    assert {str(each.id) for each in waiting} == {half["id"], damaged["id"]}


def test_parts_when_two_processes_find_them_whole_then_one_recording(
    make_club: Callable[[], Club], s3: S3Server, parts: PartsForTests
) -> None:
    club, content = make_club(), fake_video(6000)
    lie_there(club, content)
    with ThreadPoolExecutor(2) as pool:
        counts = [each.result() for each in [pool.submit(finisher_of(parts).run) for _ in range(2)]]
    assert sum(counts) >= 1
    assert len(club.client.get("/api/v1/recordings").json()["items"]) == 1


def begin_storing(store: SigningS3BlobStore, key: str) -> str:
    """Begin to store a large file as the service does, and die before the end."""
    begun = httpx.post(store._signer.sign("POST", key, query={"uploads": ""}, expires_s=60))
    upload_id = re.search("<UploadId>(.*)</UploadId>", begun.text)
    assert upload_id is not None, begun.text
    query = {"partNumber": "1", "uploadId": upload_id[1]}
    assert httpx.put(store._signer.sign("PUT", key, query=query, expires_s=60), content=b"x" * 100).is_success
    return upload_id[1]


def test_upload_that_a_killed_process_left_unfinished_when_a_day_old_then_ended_and_no_other(
    club: Club, s3: S3Server, parts: PartsForTests
) -> None:
    store = parts.blobs
    assert isinstance(store, SigningS3BlobStore)
    mine, others = str(club.organisation_id), str(uuid4())
    for folder in (mine, others):
        for name in ("a & b", "c"):
            begin_storing(store, f"{folder}/{name}/original.mp4")

    def unfinished() -> list[str]:
        return sorted(each.key for each in store._unfinished(""))

    assert len(unfinished()) == 4
    retain_organisation(
        uow_factory=parts.uow_factory, blobs=parts.blobs, organisation_id=club.organisation_id
    )
    assert len(unfinished()) == 4, "one that is being stored just now is nobody's left-over"
    assert store.end_unfinished(mine, older_than_s=0) == 2
    assert unfinished() == sorted(f"{others}/{name}/original.mp4" for name in ("a & b", "c"))
    assert store.end_unfinished(mine, older_than_s=0) == 0


def test_store_when_it_does_not_answer_then_the_night_goes_on(
    club: Club, s3: S3Server, parts: PartsForTests
) -> None:
    refused = s3.open(secret="another secret")
    assert isinstance(refused, SigningS3BlobStore)
    with pytest.raises(OSError, match="403"):
        refused.end_unfinished("a", older_than_s=0)
    assert direct_uploads.end_unfinished(blobs=refused, organisation_id=club.organisation_id) == 0
