"""The upload page in a real browser whose network comes and goes: what has arrived stays, and the file ends up whole."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from app.http.identity import login_cookie_name
from app.services import accounts, recordings
from app.services.read_models import BlobKind
from tests.chromium import require_chromium
from tests.factories import PASSWORD, QUICK_PASSWORDS, Club, make_athlete
from tests.web.conftest import WebParts
from tests.web.preview import PHONE, chromium

pytestmark = pytest.mark.browser

SLOW_BYTES_PER_S = 1_600_000
CRAWL_BYTES_PER_S = 20_000
"""What is left of the file takes longer than any test waits: a pause comes in the middle of it, however busy the machine."""
SIZE_BYTES = 10_240_000
"""The browser hands two megabytes to the line at once, however slow that is: several times as much has to be left."""


@pytest.fixture(scope="module")
def parts(parts: WebParts) -> WebParts:
    return replace(parts, settings=parts.settings.model_copy(update={"max_upload_bytes": 4 * SIZE_BYTES}))


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    with chromium(require_chromium()) as browser:
        yield browser


@pytest.fixture
def tab(started: Browser, address: str, parts: WebParts, club: Club) -> Iterator[Page]:
    with parts.uow_factory(None) as uow:
        signed_in = accounts.sign_in(uow=uow, email=club.email, password=PASSWORD, passwords=QUICK_PASSWORDS)
    context = started.new_context(base_url=address, viewport={"width": PHONE, "height": 844})
    context.add_cookies(
        [{"name": login_cookie_name(parts.settings), "value": signed_in.token, "url": address}]
    )
    yield context.new_page()
    context.close()


def network(session: CDPSession, *, offline: bool = False, bytes_per_s: int = -1) -> None:
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_s,
        },
    )


def choose(tab: Page, path: Path, athlete_id: str) -> None:
    tab.goto("/recordings/new")
    tab.get_by_label("Athlete", exact=True).select_option(athlete_id)
    tab.get_by_label("Box height in cm").fill("30,5")
    tab.get_by_label("Video", exact=True).set_input_files(path)


def kept(parts: WebParts, club: Club, url: str) -> str:
    """Return the SHA-256 of the original of the recording whose page this is."""
    recording_id = UUID(url.rpartition("/")[2])
    with parts.uow_factory(club.principal) as uow:
        blob = recordings.open_blob(
            uow=uow,
            blobs=parts.blobs,
            principal=club.principal,
            recording_id=recording_id,
            kind=BlobKind.ORIGINAL,
        )
    return hashlib.sha256(b"".join(blob.iter_range())).hexdigest()


def test_upload_when_the_network_is_cut_paused_and_back_then_it_goes_on_and_is_whole(
    tab: Page, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    content = bytes(range(256)) * (SIZE_BYTES // 256)
    path = tmp_path / "jump.mp4"
    path.write_bytes(content)
    athlete = make_athlete(parts.uow_factory, club)
    choose(tab, path, str(athlete.id))
    session = tab.context.new_cdp_session(tab)
    session.send("Network.enable")
    network(session, bytes_per_s=SLOW_BYTES_PER_S)
    offsets: list[int] = []
    tab.on(
        "request",
        lambda request: (
            offsets.append(int(request.headers["upload-offset"])) if request.method == "PATCH" else None
        ),
    )
    tab.get_by_role("button", name="Upload and analyse").click()
    detail = tab.locator("#upload-detail")
    expect(detail).to_have_text(re.compile(r"^[3-9]\d %"), timeout=20_000)
    network(session, offline=True)
    expect(tab.locator("#upload-head")).to_have_text("Waiting for the network", timeout=20_000)
    # "Uploading" is said once the line is asked; a pause before the next piece is sent would leave that piece out.
    with tab.expect_request(lambda request: request.method == "PATCH", timeout=20_000):
        network(session, bytes_per_s=CRAWL_BYTES_PER_S)
    expect(tab.locator("#upload-head")).to_have_text("Uploading", timeout=20_000)
    tab.get_by_role("button", name="Pause").click()
    expect(tab.locator("#upload-head")).to_have_text("Paused")
    network(session)
    tab.get_by_role("button", name="Continue").click()
    tab.wait_for_url(re.compile(r"/recordings/[0-9a-f-]{36}$"), timeout=30_000)
    assert offsets[0] == 0
    assert len(offsets) >= 3
    assert offsets[-1] > 0, "it began anew"
    assert kept(parts, club, tab.url) == hashlib.sha256(content).hexdigest()
    with parts.uow_factory(club.principal) as uow:
        view = recordings.get_recording(
            uow=uow, principal=club.principal, recording_id=UUID(tab.url.rpartition("/")[2])
        )
    assert (view.athlete, view.box_height_cm, view.filename) == (athlete, 30.5, "jump.mp4")


def test_upload_when_the_page_is_closed_in_it_then_the_same_file_goes_on_where_it_was(
    tab: Page, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    content = bytes(range(255, -1, -1)) * (SIZE_BYTES // 256)
    path = tmp_path / "again.mp4"
    path.write_bytes(content)
    athlete = make_athlete(parts.uow_factory, club)
    choose(tab, path, str(athlete.id))
    session = tab.context.new_cdp_session(tab)
    session.send("Network.enable")
    network(session, bytes_per_s=SLOW_BYTES_PER_S)
    tab.get_by_role("button", name="Upload and analyse").click()
    expect(tab.locator("#upload-detail")).to_have_text(re.compile(r"^[4-9]\d %"), timeout=20_000)
    tab.on("dialog", lambda dialog: dialog.accept())
    choose(tab, path, str(athlete.id))
    network(session)
    with tab.expect_request(lambda request: request.method == "PATCH") as found:
        tab.get_by_role("button", name="Upload and analyse").click()
    assert int(found.value.headers["upload-offset"]) > 0
    tab.wait_for_url(re.compile(r"/recordings/[0-9a-f-]{36}$"), timeout=30_000)
    assert kept(parts, club, tab.url) == hashlib.sha256(content).hexdigest()


def test_upload_when_the_file_is_no_video_then_said_in_plain_words(
    tab: Page, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(b"not a video at all")
    choose(tab, path, "nobody")
    tab.get_by_role("button", name="Upload and analyse").click()
    expect(tab.locator("#upload-problem-text")).to_have_text("The file is not a video we can recognise.")
    expect(tab.get_by_role("button", name="Upload and analyse")).to_be_enabled()
