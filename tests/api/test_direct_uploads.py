"""Parts that go past us into S3 by signed addresses, and become one file."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Engine, text

from app.services.direct_uploads import PART_BYTES
from app.services.retention import retain_organisation
from app.storage.s3 import open_s3
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import announce, put, sha256
from tests.api.test_errors import check_problem
from tests.support.small_s3 import BUCKET, SmallS3, small_s3


@pytest.fixture(scope="module")
def s3() -> Iterator[SmallS3]:
    with small_s3() as served:
        yield served


@pytest.fixture(scope="module")
def parts(parts: PartsForTests, s3: SmallS3) -> PartsForTests:
    store = open_s3(f"s3://{BUCKET}", endpoint_url=s3.url, access_key_id="id", secret_access_key="secret")
    settings = parts.settings.model_copy(update={"max_upload_bytes": 3 * PART_BYTES})
    return replace(parts, settings=settings, blobs=store)


def parts_url(capture: dict[str, object]) -> str:
    ways = capture["uploads"]
    assert isinstance(ways, list)
    return str(next(way["url"] for way in ways if way["kind"] == "parts"))


def test_file_when_its_parts_are_in_the_store_then_a_recording_and_the_parts_are_gone(
    make_club: Callable[[], Club], s3: SmallS3
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
    left = [key for key in s3.objects if str(capture["id"]) in key]
    assert left == [f"{club.organisation_id}/{capture['id']}/original.mp4"]
    assert len(s3.signed) >= 2
    assert club.client.post(complete).status_code == 409


def test_parts_when_never_completed_then_removed_at_night(
    make_club: Callable[[], Club], s3: SmallS3, parts: PartsForTests, engine: Engine
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
    assert [key for key in s3.objects if str(capture["id"]) in key] == []
    assert club.client.get(parts_url(capture)).status_code == 410


def test_parts_when_the_upload_is_anothers_then_404(make_club: Callable[[], Club], club: Club) -> None:
    capture = announce(club.client, size_bytes=5000)
    for method, url in (("GET", parts_url(capture)), ("POST", parts_url(capture).replace("parts", "complete"))):  # fmt: skip
        answer = make_club().client.request(method, url)
        assert answer.status_code == 404
        check_problem(answer, code="not_found")


def test_file_when_sent_by_put_then_it_goes_into_s3_all_the_same(club: Club, s3: SmallS3) -> None:
    done = put(club.client, announce(club.client), fake_video(7000)).json()
    assert f"{club.organisation_id}/{done['recording_id']}/original.mp4" in s3.objects
