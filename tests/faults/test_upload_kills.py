"""kill -9 of the api in the middle of an upload, again and again: the file that ends up here is the one that was sent."""

import contextlib
import hashlib
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.http.partial_uploads import BUFFER_BYTES, SAFE_EVERY_BYTES
from tests.support.api_forks import ApiForks
from tests.support.processes import wait_until
from tests.support.service import SAMPLE, Service

pytestmark = pytest.mark.faults

N_KILLS = 10
SIZE_MB = int(os.environ.get("PLUMBLINE_TEST_UPLOAD_MB", "40"))
SEED = 20260314
CHUNK_BYTES = 64 * 1024
AGAIN_BYTES = SAFE_EVERY_BYTES + BUFFER_BYTES + 4 * 1024 * 1024
"""What one kill may cost: what was not yet safe, and what was on its way."""
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def forks(service: Service) -> Iterator[ApiForks]:
    with ApiForks(service) as made:
        yield made


def large_video(path: Path) -> bytes:
    """Write a real clip, made as large as wanted by a box that players skip; return its SHA-256."""
    clip = SAMPLE.read_bytes()
    filling = SIZE_MB * 1024 * 1024 - len(clip) - 8
    noise = random.Random(SEED)  # noqa: S311  # the same bytes each time
    content = clip + (filling + 8).to_bytes(4, "big") + b"free" + noise.randbytes(filling)
    path.write_bytes(content)
    return hashlib.sha256(content).digest()


def offset_of(client: httpx.Client, url: str) -> int:
    return int(client.head(url, headers=TUS).raise_for_status().headers["Upload-Offset"])


def test_upload_when_the_api_is_killed_ten_times_in_it_then_the_same_file_and_one_recording(
    service: Service, forks: ApiForks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.mp4"
    digest = large_video(path)
    size = path.stat().st_size
    cuts = sorted(random.Random(SEED).sample(range(1, size), N_KILLS))  # noqa: S311  # the same places each time
    forks.start()
    with service.client() as client:
        made = client.post("/captures", json={"size_bytes": size, "sha256": digest.hex()}).raise_for_status()
    url = f"/uploads/{made.json()['id']}"
    told, sent = 0, 0

    def piece(offset: int, *, until: int | None) -> Iterator[bytes]:
        nonlocal sent
        with path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK_BYTES):
                sent += len(chunk)
                yield chunk
                if until is not None and file.tell() >= until:
                    forks.kill()  # the next chunk meets nobody

    for cut in [*cuts, None]:
        with service.client() as client:
            offset = offset_of(client, url)
            assert offset >= told, "something told of was lost"
            assert offset <= size
            told = offset
            headers = {
                **TUS,
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
                "Content-Length": str(size - offset),
            }
            if cut is None:
                answer = client.patch(url, content=piece(offset, until=None), headers=headers)
                assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(size)), answer.text
                break
            with pytest.raises(httpx.TransportError):
                client.patch(url, content=piece(offset, until=max(cut, offset + 1)), headers=headers)
        forks.start()
    with service.client() as client:
        recording_id = client.get(f"/captures/{made.json()['id']}").json()["recording_id"]
        original = hashlib.sha256()
        with client.stream("GET", f"/recordings/{recording_id}/original") as answer:
            for chunk in answer.iter_bytes():
                original.update(chunk)
    again = sent - size
    with capsys.disabled():
        sys.stdout.write(
            f"\n{N_KILLS} kills in {SIZE_MB} MB (seed {SEED}): {again / 1024 / 1024:.1f} MB sent again\n"
        )
    assert original.digest() == digest
    assert service.n_recordings() == 1
    assert again <= N_KILLS * AGAIN_BYTES


def test_upload_when_the_api_is_killed_at_the_last_byte_and_nobody_comes_back_then_it_is_finished_all_the_same(
    service: Service, forks: ApiForks
) -> None:
    content = SAMPLE.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    forks.start()
    with service.client() as client:
        announced = client.post("/captures", json={"size_bytes": len(content), "sha256": digest})
    capture_id = announced.raise_for_status().json()["id"]

    def send() -> None:
        headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        with service.client() as client, contextlib.suppress(httpx.TransportError):
            client.patch(f"/uploads/{capture_id}", content=content, headers=headers)

    def capture() -> dict[str, Any]:
        with service.client() as client:
            found: dict[str, Any] = client.get(f"/captures/{capture_id}").raise_for_status().json()
        return found

    # the last step waits for whoever decides about this file: every byte is safe then, and there is no recording
    with service.holding_file(digest), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        wait_until(
            lambda: capture()["received_bytes"] == len(content), timeout_s=30, what="the last byte to be safe"
        )
        assert capture()["recording_id"] is None
        forks.kill()
        sending.result(30)
    forks.start()
    wait_until(lambda: capture()["state"] == "received", timeout_s=30, what="the recording")
    assert service.n_recordings() == 1


def enter_station(service: Service, day: dict[str, Any]) -> httpx.Client:
    """Come to the first station of a day as a phone's browser does."""
    with service.client() as client:
        passes = f"/screening-days/{day['id']}/stations/{day['stations'][0]['id']}/passes"
        code = client.post(passes).raise_for_status().json()["code"]
    origin = f"http://127.0.0.1:{service.port}"
    phone = httpx.Client(
        base_url=origin, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"}, timeout=60
    )
    token = re.search(r'name="csrf_token" value="(\w+)"', phone.get("/station").text)
    assert token is not None
    assert phone.post("/station", data={"token": code, "csrf_token": token[1]}).status_code == 303
    return phone


def test_video_of_a_station_when_the_api_is_killed_in_it_and_two_tabs_go_on_then_one_trial_with_every_byte(
    service: Service, forks: ApiForks
) -> None:
    content = SAMPLE.read_bytes()
    forks.start()
    with service.client() as client:
        team = client.post("/teams", json={"name": "U17"}).raise_for_status().json()
        place = {"team_id": team["id"], "bib": "7"}
        client.post("/athletes", json={"name": "Ada Berg", "teams": [place]}).raise_for_status()
        today = datetime.now(UTC).date().isoformat()
        plan = {"team_id": team["id"], "held_on": today, "n_trials": 1}
        day = client.post("/screening-days", json=plan).raise_for_status().json()
    phone = enter_station(service, day)
    told = {"bib": "7", "client_ref": "phone-1/1", "size_bytes": len(content)}
    url = phone.post("/station/captures", json=told).raise_for_status().json()["url"]
    piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}

    def half() -> Iterator[bytes]:
        yield content[: len(content) // 2]
        wait_until(lambda: received(service, url) > 0, timeout_s=30, what="a byte that is safe")
        forks.kill()
        yield content[len(content) // 2 :]

    headers = {**piece, "Content-Length": str(len(content))}
    with pytest.raises(httpx.TransportError):
        phone.patch(url, content=half(), headers=headers)
    forks.start()

    def go_on() -> None:
        """What a tab does when the network is back: tell again, ask how far it is, send the rest."""
        tab = httpx.Client(base_url=phone.base_url, cookies=phone.cookies, headers=phone.headers, timeout=60)
        with tab:
            where = tab.post("/station/captures", json=told).raise_for_status().json()["url"]
            if where is None:
                return
            assert where == url
            offset = int(tab.head(url, headers=TUS).headers["Upload-Offset"])
            sent = tab.patch(url, content=content[offset:], headers={**piece, "Upload-Offset": str(offset)})
            if sent.status_code in {409, 423}:  # the other tab is at it
                time.sleep(0.2)
                go_on()
            else:
                assert sent.is_success, sent.text

    with ThreadPoolExecutor(2) as pool:
        for tab in [pool.submit(go_on) for _ in range(2)]:
            tab.result(60)
    phone.close()
    assert service.n_recordings() == 1
    with service.client() as client:
        (recording,) = client.get("/recordings").json()["items"]
        original = client.get(f"/recordings/{recording['id']}/original").content
        (row,) = client.get(f"/screening-days/{day['id']}/board").json()["rows"]
    assert original == content
    assert [(each["n_waiting"], each["n_lacking"], each["n_over"]) for each in row["counts"]] == [(1, 0, 0)]


def received(service: Service, url: str) -> int:
    with service.client() as client:
        capture_id = url.rpartition("/")[2]
        return int(client.get(f"/captures/{capture_id}").raise_for_status().json()["received_bytes"])
