"""Every page as a phone and a desktop show it: nothing cut off, nothing refused by the browser, usable by all."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.web.render import render_html
from tests.chromium import require_chromium
from tests.web.looks import CUT_OFF, SMALL_TARGETS, find_violations
from tests.web.preview import DESKTOP, PHONE, chromium, pages, preview_app, serve

pytestmark = pytest.mark.browser

NAMES = sorted(pages())
WITH_ERRORS = {"sign-in-wrong", "upload-refused", "settings-privacy-asked", "settings-privacy-refused"}
WITHOUT_RESULT = {"dashboard-empty", "recording-drawing", "recording-failed", "recording-processing"}


def _fullest() -> set[str]:
    """The longest page of each template."""
    found: dict[str, tuple[int, str]] = {}
    for name, page in pages().items():
        size = len(render_html(page)), name
        found[page.template] = max(size, found.get(page.template, size))
    return {name for _, name in found.values()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(require_chromium()) as started:
        yield started


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve(preview_app()) as found:
        yield found


@pytest.fixture
def complaints() -> list[str]:
    return []


def _open(browser: Browser, address: str, name: str, complaints: list[str], **options: Any) -> Page:
    context = browser.new_context(**options)
    tab = context.new_page()
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(f"{address}/page/{name}", wait_until="load")
    return tab


@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_pages_when_shown_then_nothing_is_cut_off_or_refused(
    browser: Browser, address: str, complaints: list[str], width: int
) -> None:
    tab = _open(browser, address, NAMES[0], complaints, viewport={"width": width, "height": 844})
    cut_off: dict[str, object] = {}
    for name in NAMES:
        tab.goto(f"{address}/page/{name}", wait_until="load")
        wide = tab.evaluate("document.documentElement.scrollWidth > innerWidth")
        if wide or (parts := tab.evaluate(CUT_OFF)):
            cut_off[name] = wide or parts
    tab.context.close()
    assert (cut_off, complaints) == ({}, [])


def test_pages_when_shown_on_a_phone_then_targets_are_large_enough(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, NAMES[0], complaints, viewport={"width": PHONE, "height": 844})
    small = {}
    for name in NAMES:
        tab.goto(f"{address}/page/{name}", wait_until="load")
        if found := tab.evaluate(SMALL_TARGETS):
            small[name] = found
    tab.context.close()
    assert small == {}


def test_pages_when_checked_by_axe_then_nothing_serious(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, NAMES[0], complaints)
    found = {}
    for name in sorted(_fullest() | WITH_ERRORS | WITHOUT_RESULT):
        tab.goto(f"{address}/page/{name}", wait_until="domcontentloaded")
        found |= {f"{name}: {rule}": nodes for rule, nodes in find_violations(tab, "light", "dark").items()}
    tab.context.close()
    assert found == {}


def test_player_when_used_by_keyboard_then_frames_events_and_cursor_follow(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "recording", complaints)
    clock = tab.locator("#clock")
    expect(tab.locator("#video")).not_to_have_js_property("videoWidth", 0)
    tab.keyboard.press("3")
    expect(clock).to_have_text("1.533 s")
    expect(tab.locator(".moment[aria-current=true] .moment-label")).to_have_text("Lowest point")
    expect(tab.locator(".only-wide .cursor")).to_have_attribute("visibility", "visible")
    at_lowest = float(tab.locator(".only-wide .cursor").get_attribute("x1") or 0)
    tab.keyboard.press("ArrowRight")
    expect(clock).to_have_text("1.550 s")
    tab.keyboard.press("ArrowRight")
    expect(clock).to_have_text("1.567 s")
    tab.keyboard.press("ArrowLeft")
    expect(clock).to_have_text("1.550 s")
    assert float(tab.locator(".only-wide .cursor").get_attribute("x1") or 0) > at_lowest
    expect(tab.locator("#curve-now")).to_contain_text("At 1.550 s: left")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.getElementById('video').playbackRate") == 0.5
    tab.locator("#speed").select_option("0.1")
    assert tab.evaluate("document.getElementById('video').playbackRate") == pytest.approx(0.1)
    tab.locator("#player-title").click()
    tab.keyboard.press("Space")
    expect(tab.locator("#controls")).to_have_class("controls is-playing")
    tab.context.close()
    assert complaints == []


def test_curves_when_clicked_then_the_video_goes_there(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "recording", complaints)
    expect(tab.locator("#video")).not_to_have_js_property("videoWidth", 0)
    chart = tab.locator(".only-wide svg")
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(tab.locator("#clock")).not_to_have_text("0.000 s")
    tab.context.close()


def test_still_when_opened_then_large_and_closed_by_escape(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "recording", complaints)
    tab.locator(".still").first.click()
    dialog = tab.locator("#large")
    expect(dialog).to_be_visible()
    expect(tab.locator("#large-caption")).to_contain_text("First contact, left")
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    tab.context.close()


def test_pictures_when_they_arrive_then_they_are_shown_without_reloading_where_one_is_looking(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "recording-drawing", complaints)
    expect(tab.locator("#pictures [role=status]")).to_contain_text("The pictures are being drawn")
    tab.evaluate("window.isTheSamePage = true")
    source = tab.locator("#video source")
    assert str(source.get_attribute("src")).endswith("/original")
    tab.keyboard.press("3")
    expect(tab.locator("#clock")).to_have_text("1.533 s")
    expect(tab.locator(".still")).to_have_count(3, timeout=6000)
    assert str(source.get_attribute("src")).endswith("/overlay")
    expect(tab.locator("#player-title")).to_have_text("Video with the measured skeleton")
    expect(tab.locator("#clock")).to_have_text("1.533 s")
    expect(tab.locator("#player-original")).to_be_visible()
    tab.locator(".still").first.click()
    expect(tab.locator("#large")).to_be_visible()
    assert tab.evaluate("window.isTheSamePage")
    tab.context.close()
    assert complaints == []


def test_waiting_page_when_watched_then_it_asks_again_and_keeps_focus(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "dashboard", complaints)
    link = tab.locator("a.name").first
    link.focus()
    with tab.expect_response("**/roster?*", timeout=6000):
        pass
    expect(link).to_be_focused()
    with tab.expect_response("**/roster?*", timeout=6000):
        pass
    tab.context.close()
    assert complaints == []


def test_upload_form_when_typing_then_found_chosen_and_given_back(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "upload", complaints)
    people = [
        {"id": f"0000000{n}-0000-7000-8000-000000000000", "name": f"Zoe {n}", "external_id": None}
        for n in (1, 2)
    ]
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        found = (
            people
            if "search=zo&" in route.request.url or route.request.url.endswith("search=zo")
            else people[1:]
        )
        route.fulfill(json={"items": found, "next_cursor": None})

    tab.route("**/api/v1/athletes?*", answer)
    select, search = tab.locator("#athlete_id"), tab.locator("#athlete-search")
    before = select.locator("option").all_inner_texts()
    search.fill("zo")
    expect(tab.locator("#athlete-found")).to_have_text("2 found: choose below.")
    assert [text for text in select.locator("option").all_inner_texts() if "Zoe" in text] == [
        "Zoe 1",
        "Zoe 2",
    ]
    search.fill("zoe 2")
    expect(tab.locator("#athlete-found")).to_have_text("Zoe 2 is chosen.")
    expect(select).to_have_value(people[1]["id"] or "")
    search.fill("")
    expect(tab.locator("#athlete-found")).to_have_text("")
    texts = select.locator("option").all_inner_texts()
    assert set(before) <= {*texts, "Choose the athlete"}
    expect(select).to_have_value(people[1]["id"] or "")
    assert all("active=true" in url for url in asked)
    assert complaints == []


def test_recording_when_there_is_no_javascript_then_everything_is_there(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    tab = _open(browser, address, "recording", complaints, java_script_enabled=False)
    expect(tab.locator("#controls")).to_be_hidden()
    assert tab.locator("video[controls]").count() == 1
    expect(tab.get_by_role("heading", name="Measurements")).to_be_visible()
    assert tab.locator("a.still").first.get_attribute("href") is not None
    tab.goto(f"{address}/page/upload")
    assert tab.locator("form[enctype='multipart/form-data'][method=post]").count() == 1
    tab.context.close()
