"""What a trainer does: sign in, upload, watch it run, read the result. Server, worker, broker, database and Chromium are real."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.db.engine import make_engine
from app.db.provision import DatabaseUrls
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Role
from app.jobs.memory_queue import MemoryQueue
from app.services import accounts
from tests.factories import PASSWORD, QUICK_PASSWORDS
from tests.support.service import SAMPLE, Service
from tests.web.preview import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.pose]

EMAIL = "trainer@example.org"
ATHLETE = "Ada Berg"
RESULT_WITHIN_MS = 90_000


@pytest.fixture
def running(service: Service, fresh_database: DatabaseUrls) -> Service:
    """The service with a trainer, a team and an athlete."""
    engine = make_engine(fresh_database.app_url, pool_size=1)
    with UnitOfWorkFactory(engine=engine, queue=MemoryQueue())(None) as uow:
        accounts.create_user(
            uow=uow,
            organisation_id=service.club_id,
            email=EMAIL,
            display_name="Kim Trainer",
            password=PASSWORD,
            role=Role.TRAINER,
            passwords=QUICK_PASSWORDS,
        )
    engine.dispose()
    service.start_api()
    with service.client() as client:
        team = client.post("/teams", json={"name": "U17 girls"}).raise_for_status().json()
        athlete = {"name": ATHLETE, "team_ids": [team["id"]], "sex": "female", "stature_cm": 168}
        client.post("/athletes", json=athlete).raise_for_status()
    return service


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def tab(browser: Browser, running: Service, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{running.port}", viewport={"width": PHONE, "height": 844}
    )
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def test_trainer_when_a_jump_is_uploaded_then_progress_and_an_honest_result(
    tab: Page, running: Service, complaints: list[str], tmp_path: Path
) -> None:
    _sign_in(tab)
    expect(tab.get_by_role("heading", name="U17 girls")).to_be_visible()
    expect(tab.get_by_text("No video yet")).to_be_visible()
    tab.get_by_role("link", name=f"Upload a video of {ATHLETE}").click()
    expect(tab.get_by_label("Athlete", exact=True)).to_have_value(re.compile(r"[0-9a-f-]{36}"))
    tab.get_by_label("Box height in cm").fill("31")
    tab.get_by_label("Video", exact=True).set_input_files(SAMPLE)
    tab.get_by_role("button", name="Upload and analyse").click()

    expect(tab.get_by_role("heading", name="Waiting in the queue")).to_be_visible()
    assert tab.locator("video").count() == 1
    running.start_worker()
    expect(tab.get_by_role("heading", name="Knee angles over time")).to_be_visible(timeout=RESULT_WITHIN_MS)
    expect(tab.get_by_role("heading", name="Frontal screen score")).to_be_visible()
    expect(tab.get_by_text("60 % of the full score").first).to_be_visible()
    assert tab.locator("body").inner_text().count("not a diagnosis") >= 2

    expect(tab.locator("#video")).not_to_have_js_property("videoWidth", 0)
    tab.get_by_role("button", name=re.compile("Lowest point")).click()
    expect(tab.locator(".moment[aria-current=true] .moment-label")).to_have_text("Lowest point")
    first = tab.locator(".still img").first
    first.scroll_into_view_if_needed()
    expect(first).not_to_have_js_property("naturalWidth", 0)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")

    tab.screenshot(path=tmp_path / "recording.png", full_page=True)
    tab.get_by_role("link", name="U17 girls").click()
    expect(tab.get_by_role("link", name=ATHLETE, exact=True)).to_be_visible()
    expect(tab.locator(".score-value")).to_have_text(re.compile(r"^\d+$"))
    tab.screenshot(path=tmp_path / "team.png")
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    assert complaints == []


def test_trainer_when_the_file_is_no_video_then_told_so_and_entries_are_kept(
    tab: Page, complaints: list[str], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear coach, this is not a video.")
    _sign_in(tab)
    tab.get_by_role("link", name=f"Upload a video of {ATHLETE}").click()
    tab.get_by_label("Box height in cm").fill("30")
    tab.get_by_label("Video", exact=True).set_input_files(letter)
    tab.get_by_role("button", name="Upload and analyse").click()
    alert = tab.locator("#upload-problem")
    expect(alert).to_contain_text("not a video")
    expect(alert).to_contain_text("Choose the video itself")
    expect(tab.get_by_label("Box height in cm")).to_have_value("30")
    assert [text for text in complaints if "422" not in text] == []


def test_trainer_when_the_password_is_wrong_then_a_clear_message(tab: Page) -> None:
    _sign_in(tab, password="not the right words")
    expect(tab.get_by_role("alert")).to_contain_text("do not match")
    expect(tab.get_by_label("E-mail address")).to_have_value(EMAIL)


def _sign_in(tab: Page, *, password: str = PASSWORD) -> None:
    tab.goto("/")
    tab.get_by_label("E-mail address").fill(EMAIL)
    tab.get_by_label("Password").fill(password)
    tab.get_by_role("button", name="Sign in").click()
