"""A station's page in a real browser: a camera that sees cards, a network that goes, and a page that is closed meanwhile."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from app.domain.athletes import AthleteChange
from app.domain.screening_days import card_text
from app.services import athletes, day_stations, recordings, screening_days
from app.services.read_models import BlobKind
from app.services.screening_days import DayPlan, DayView
from app.web.qr import qr_code
from tests.chromium import require_chromium
from tests.factories import Club, make_team
from tests.web.conftest import WebParts
from tests.web.preview import CHROMIUM_ARGS, PHONE, chromium

pytestmark = pytest.mark.browser

SIZE_BYTES = 600_000
FRAMES_EACH = 8


@pytest.fixture(scope="module")
def parts(parts: WebParts) -> WebParts:
    return replace(parts, settings=parts.settings.model_copy(update={"max_upload_bytes": 4 * SIZE_BYTES}))


@pytest.fixture(scope="module")
def blind() -> Iterator[Browser]:
    """A browser with a camera that no page may use."""
    with chromium(require_chromium(), "--use-fake-device-for-media-stream") as browser:
        yield browser


@pytest.fixture
def day(parts: WebParts, club: Club) -> DayView:
    """A day of a team of two."""
    team = make_team(parts.uow_factory, club)
    with parts.uow_factory(club.principal) as uow:
        for bib, name in (("7", "Ada Berg"), ("8", "Bo Lind")):
            change = AthleteChange(name=name, bibs={team.id: bib})
            athletes.add_athlete(uow=uow, principal=club.principal, change=change)
        plan = DayPlan(team_id=team.id, held_on=datetime.now(UTC).date())
        return screening_days.plan_day(uow=uow, principal=club.principal, plan=plan)


def board(parts: WebParts, club: Club, day: DayView) -> dict[str, int]:
    """Return how many videos each athlete of the day has."""
    with parts.uow_factory(club.principal) as uow:
        shown = screening_days.get_board(uow=uow, principal=club.principal, day_id=day.id)
    return {row.name: row.counts[0].n_waiting + row.counts[0].n_done for row in shown.rows}


def athlete_ids(parts: WebParts, club: Club, day: DayView) -> dict[str, UUID]:
    with parts.uow_factory(club.principal) as uow:
        shown = screening_days.get_board(uow=uow, principal=club.principal, day_id=day.id)
    return {row.name: row.athlete_id for row in shown.rows}


def come_in(
    browser: Browser, address: str, parts: WebParts, club: Club, day: DayView, **options: Any
) -> Page:
    """Return the page of a phone that came to the day's station by a code."""
    with parts.uow_factory(club.principal) as uow:
        code = day_stations.make_pass(
            uow=uow, principal=club.principal, day_id=day.id, station_id=day.stations[0].id
        ).code
    context = browser.new_context(base_url=address, viewport={"width": PHONE, "height": 844}, **options)
    tab = context.new_page()
    tab.goto(f"/station#{code}")
    expect(tab.get_by_role("heading", name="Station 1")).to_be_visible()
    return tab


def send(tab: Page, name: str, content: bytes, folder: Path) -> None:
    path = folder / f"{uuid4()}.mp4"
    path.write_bytes(content)
    tab.get_by_text(name).first.click()
    tab.get_by_label("Video", exact=True).set_input_files(path)
    tab.get_by_role("button", name="Send the video").click()


def kept_files(parts: WebParts, club: Club) -> list[str]:
    """Return the SHA-256 of every original there is, sorted."""
    found = []
    with parts.uow_factory(club.principal) as uow:
        listed = recordings.list_recordings(uow=uow, principal=club.principal).items
        for each in listed:
            blob = recordings.open_blob(
                uow=uow,
                blobs=parts.blobs,
                principal=club.principal,
                recording_id=each.id,
                kind=BlobKind.ORIGINAL,
            )
            found.append(hashlib.sha256(b"".join(blob.iter_range())).hexdigest())
    return sorted(found)


def film_cards(browser: Browser, texts: list[str], path: Path) -> None:
    """Save what a camera sees that is shown these cards one after the other, each drawn as on the sheet of cards."""
    tab = browser.new_page(viewport={"width": 640, "height": 480})
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F8:1 Ip A1:1 C420jpeg\n")
        for text in texts:
            drawn = str(qr_code(text, label="card")).replace("<svg ", '<svg width="260" height="260" ', 1)
            tab.set_content(f'<body style="background:#ccc"><div style="padding:80px 150px">{drawn}</div>')
            with av.open(BytesIO(tab.screenshot())) as picture:
                gray = next(picture.decode(video=0)).to_ndarray(format="gray")
            frame = gray.tobytes() + np.full(640 * 480 // 2, 128, np.uint8).tobytes()
            file.write((b"FRAME\n" + frame) * FRAMES_EACH)
    tab.close()


def test_card_when_shown_to_the_camera_then_its_athlete_is_chosen_and_others_are_told(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, tmp_path: Path
) -> None:
    ada = athlete_ids(parts, club, day)["Ada Berg"]
    seen = tmp_path / "cards.y4m"
    film_cards(blind, ["https://example.org/", card_text(uuid4()), card_text(ada)], seen)
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={seen}",
    )
    browser = blind.browser_type.launch(executable_path=require_chromium(), args=[*CHROMIUM_ARGS, *flags])
    tab = come_in(browser, address, parts, club, day)
    notes: list[str] = []
    tab.expose_function("noteSaid", lambda text: notes.append(text))  # the driver marks it
    tab.evaluate(
        "new MutationObserver(() => noteSaid(document.getElementById('station-scan-note').textContent))"
        ".observe(document.getElementById('station-scan-note'), {childList: true})"
    )
    tab.get_by_role("button", name="Scan a card").click()
    expect(tab.locator("#station-name")).to_have_text("Ada Berg", timeout=20_000)
    expect(tab.get_by_role("button", name="Scan a card")).to_be_visible()
    expect(tab.locator("#station-camera")).to_be_hidden()
    expect(tab.get_by_label("Video", exact=True)).to_be_focused()
    assert any("no athlete's card" in note for note in notes)
    assert any("nobody in this team" in note for note in notes)
    path = tmp_path / "jump.mp4"
    path.write_bytes(b"a video of Ada")
    tab.get_by_label("Video", exact=True).set_input_files(path)
    tab.get_by_role("button", name="Send the video").click()
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 1 sent", timeout=20_000)
    browser.close()
    assert board(parts, club, day) == {"Ada Berg": 1, "Bo Lind": 0}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "may not use the camera"),
        ("NotReadableError", "Another app uses the camera"),
        ("NotFoundError", "There is no camera"),
    ],
    ids=["not allowed", "in use", "none"],
)
def test_camera_when_it_cannot_be_used_then_told_why_and_found_by_bib(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, error: str | None, words: str
) -> None:
    tab = come_in(blind, address, parts, club, day)
    if error is not None:
        tab.evaluate(
            "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name) } }",
            error,
        )
    tab.get_by_role("button", name="Scan a card").click()
    expect(tab.locator("#station-scan-note")).to_contain_text(words)
    expect(tab.get_by_label("Find by bib or name")).to_be_focused()
    tab.keyboard.type("8")
    tab.keyboard.press("Enter")
    expect(tab.locator("#station-name")).to_have_text("Bo Lind")
    tab.context.close()


def test_videos_when_there_is_no_network_then_kept_over_a_reload_and_each_sent_once(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, tmp_path: Path
) -> None:
    tab = come_in(blind, address, parts, club, day)
    tab.evaluate(
        "async () => { while (!navigator.serviceWorker.controller || !(await caches.match('/station')))"
        " await new Promise((resolve) => setTimeout(resolve, 50)) }"
    )
    tab.context.set_offline(True)
    contents = [bytes([number]) * SIZE_BYTES for number in (1, 2, 3)]
    for name, content in zip(("Ada Berg", "Bo Lind", "Bo Lind"), contents, strict=True):
        send(tab, name, content, tmp_path)
    counts = tab.locator("#station-counts")
    expect(counts).to_have_text("3 waiting, 0 sent")
    expect(tab.locator("#station-safety")).to_contain_text("even when this page is closed")
    expect(tab.locator(".queue-line").first).to_contain_text("waiting for the network")
    context = tab.context
    tab.close()
    tab = context.new_page()
    tab.goto("/station")
    expect(tab.get_by_role("heading", name="Station 1")).to_be_visible()
    expect(tab.locator("#station-counts")).to_have_text("3 waiting, 0 sent")
    assert board(parts, club, day) == {"Ada Berg": 0, "Bo Lind": 0}
    context.set_offline(False)
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 3 sent", timeout=30_000)
    tab.reload()
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 3 sent")
    context.close()
    assert board(parts, club, day) == {"Ada Berg": 1, "Bo Lind": 2}
    assert kept_files(parts, club) == sorted(hashlib.sha256(each).hexdigest() for each in contents)


def test_answer_when_lost_then_the_video_is_announced_once_all_the_same(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, tmp_path: Path
) -> None:
    tab = come_in(blind, address, parts, club, day, service_workers="block")
    answers: list[int] = []

    def lose_the_first(route: Route) -> None:
        answers.append(route.fetch().status)
        if len(answers) == 1:
            route.abort()
        else:
            route.continue_()

    tab.route("**/station/captures", lose_the_first)
    send(tab, "Ada Berg", b"a video that is told twice", tmp_path)
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 1 sent", timeout=20_000)
    tab.context.close()
    assert answers == [201, 201]
    assert board(parts, club, day) == {"Ada Berg": 1, "Bo Lind": 0}


def test_video_when_the_phone_is_full_then_told_before_it_is_lost(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, tmp_path: Path
) -> None:
    tab = come_in(blind, address, parts, club, day)
    tab.context.set_offline(True)
    tab.evaluate(f"navigator.storage.estimate = async () => ({{quota: {4 * SIZE_BYTES}, usage: 0}})")
    send(tab, "Ada Berg", bytes(SIZE_BYTES), tmp_path)
    expect(tab.locator("#station-safety")).to_have_text(re.compile(r"nearly full: there is room for \d more"))
    tab.evaluate("navigator.storage.estimate = async () => ({quota: 10, usage: 10})")
    send(tab, "Bo Lind", bytes(SIZE_BYTES), tmp_path)
    expect(tab.locator("#station-safety")).to_contain_text("leave this page open")
    tab.context.set_offline(False)
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 2 sent", timeout=20_000)
    tab.context.close()
    assert board(parts, club, day) == {"Ada Berg": 1, "Bo Lind": 1}


def test_video_when_refused_then_kept_with_the_reason_until_a_person_decides(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, tmp_path: Path
) -> None:
    tab = come_in(blind, address, parts, club, day)
    send(tab, "Ada Berg", b"not a video", tmp_path)
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 0 sent, 1 to look at", timeout=20_000)
    tab.reload()
    expect(tab.locator(".queue-line")).to_contain_text("not a video")
    tab.once("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Remove").click()
    expect(tab.locator("#station-counts")).to_be_hidden()
    tab.context.close()


def test_phone_when_it_leaves_with_videos_then_asked_told_at_the_door_and_sent_when_it_is_back(
    blind: Browser, address: str, parts: WebParts, club: Club, day: DayView, tmp_path: Path
) -> None:
    tab = come_in(blind, address, parts, club, day)
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    tab.on("dialog", agree)
    tab.context.set_offline(True)
    send(tab, "Ada Berg", b"a video that waits", tmp_path)
    expect(tab.locator("#station-counts")).to_have_text("1 waiting, 0 sent")
    with parts.uow_factory(club.principal) as uow:
        principal = club.principal
        for each in day_stations.list_passes(uow=uow, principal=principal, day_id=day.id):
            day_stations.revoke_pass(uow=uow, principal=principal, day_id=day.id, pass_id=each.id)
        code = day_stations.make_pass(
            uow=uow, principal=principal, day_id=day.id, station_id=day.stations[0].id
        ).code
    tab.context.set_offline(False)
    expect(tab.locator(".queue-line")).to_contain_text("at no station any more", timeout=20_000)
    tab.get_by_role("button", name="Leave this station").click()
    expect(tab.locator("#station-left")).to_contain_text("One video on this phone is not sent yet")
    assert "not sent yet" in asked[0]
    assert tab.evaluate("caches.match('/station').then(page => page === undefined)")
    tab.get_by_label("Join code").fill(code)
    tab.get_by_role("button", name="Join").click()
    expect(tab.locator("#station-counts")).to_have_text("0 waiting, 1 sent", timeout=20_000)
    tab.context.close()
    assert board(parts, club, day) == {"Ada Berg": 1, "Bo Lind": 0}
