"""The pages of a screening day: planned by a form, opened for phones, printed, followed, and the inbox worked off."""

import re
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from app.domain.athletes import AthleteChange
from app.services import athletes, day_stations, inbox, screening_days
from app.services.captures import finish_capture
from app.services.day_stations import ClipRequest
from app.services.screening_days import DayPlan, DayView
from tests.factories import PROBED, Club, make_team, stage_upload
from tests.web.conftest import WebParts, token_of

PLAN = {
    "held_on": datetime.now(UTC).date().isoformat(),
    "movement": "drop_vertical_jump",
    "context": "pre_season",
    "box_height_cm": "31 cm",
    "n_trials": "1",
    "n_front": "2",
    "n_side": "0",
}


@pytest.fixture
def day(parts: WebParts, club: Club) -> DayView:
    """A day of a team of two who wear 7 and 8."""
    team = make_team(parts.uow_factory, club)
    with parts.uow_factory(club.principal) as uow:
        for bib in ("7", "8"):
            change = AthleteChange(name=f"Athlete {bib}", bibs={team.id: bib})
            athletes.add_athlete(uow=uow, principal=club.principal, change=change)
        plan = DayPlan(team_id=team.id, held_on=datetime.now(UTC).date(), n_trials=1)
        return screening_days.plan_day(uow=uow, principal=club.principal, plan=plan)


def send(parts: WebParts, club: Club, day: DayView, folder, **said) -> str:
    principal = club.principal
    with parts.uow_factory(principal) as uow:
        announced = day_stations.announce_clip(
            uow=uow,
            principal=principal,
            day_id=day.id,
            request=ClipRequest(station_id=day.stations[0].id, **said),
            max_bytes=10_000,
        )
    finished = finish_capture(
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        principal=principal,
        capture_id=announced.capture.id,
        upload=stage_upload(folder, uuid4().bytes),
        prober=lambda _path: PROBED,
    )
    return str(finished.recording_id)


def post(browser: httpx.Client, parts: WebParts, path: str, **fields: object) -> httpx.Response:
    return browser.post(path, data={**fields, "csrf_token": token_of(browser, parts)})


def test_day_when_planned_by_the_form_then_its_page_is_shown(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    answer = post(browser, parts, "/screening-days", team_id=str(team.id), **PLAN)
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).text
    for text in ("U17", "Station 2", "box 31 cm", "Add a phone", "Print cards"):
        assert text in page
    assert "U17" in browser.get("/screening-days").text


@pytest.mark.parametrize("wrong", [{"team_id": "x"}, {"n_trials": ""}, {"n_front": "0"}, {"held_on": "soon"}])
def test_day_when_the_form_is_wrong_then_shown_again_as_it_was_filled_in(
    browser: httpx.Client, parts: WebParts, club: Club, wrong: dict[str, str]
) -> None:
    team = make_team(parts.uow_factory, club)
    answer = post(
        browser, parts, "/screening-days", **{"team_id": str(team.id), "name": "Kept", **PLAN, **wrong}
    )
    assert answer.status_code == 422
    assert 'value="Kept"' in answer.text
    assert 'id="problem"' in answer.text


def test_station_when_opened_then_its_code_is_shown_once_and_the_phone_can_be_sent_away(
    browser: httpx.Client, parts: WebParts, day: DayView
) -> None:
    path = f"/screening-days/{day.id}"
    page = post(browser, parts, f"{path}/stations/{day.stations[0].id}/open").text
    code = re.search(r'class="big-code">([\w-]{11})<', page)
    assert code is not None
    shown = browser.get(path).text
    assert code[1] not in shown
    assert "Waiting for a phone" in shown
    end = re.search(rf'action="({path}/passes/[\w-]+/end)"', shown)
    assert end is not None
    assert post(browser, parts, end[1]).status_code == 303
    assert "Waiting for a phone" not in browser.get(path).text


def test_day_when_closed_and_opened_again_then_said_so(
    browser: httpx.Client, parts: WebParts, day: DayView
) -> None:
    path = f"/screening-days/{day.id}"
    post(browser, parts, f"{path}/close")
    assert "Open the day again" in browser.get(path).text
    post(browser, parts, f"{path}/reopen")
    assert "Close the day" in browser.get(path).text


def test_cards_when_printed_then_one_for_each_with_or_without_names(
    browser: httpx.Client, day: DayView
) -> None:
    page = browser.get(f"/screening-days/{day.id}/cards").text
    assert page.count('<li class="id-card">') == page.count("<svg role=") == 2
    assert "id-card-name" in page
    assert "id-card-name" not in browser.get(f"/screening-days/{day.id}/cards?names=no").text


def test_board_when_looked_at_by_a_viewer_then_nothing_can_be_changed(
    onlooker: httpx.Client, day: DayView
) -> None:
    page = onlooker.get(f"/screening-days/{day.id}").text
    assert "Athlete 7" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert onlooker.get("/inbox").status_code == 403
    assert onlooker.get(f"/screening-days/{day.id}/live").text.strip().startswith('<div id="day-board">')


def test_inbox_when_likely_guesses_are_accepted_then_given_out_and_undone(
    browser: httpx.Client, parts: WebParts, club: Club, day: DayView, tmp_path
) -> None:
    send(parts, club, day, tmp_path, bib="7")
    waiting = send(parts, club, day, tmp_path)
    path = f"/inbox?day={day.id}"
    page = browser.get(path).text
    chosen = re.search(rf'name="to-{waiting}" value="([\w-]+)" checked', page)
    assert chosen is not None
    assert "the only one who still lacks trials" in page
    done = post(browser, parts, path, **{f"to-{waiting}": chosen[1], f"other-{waiting}": ""})
    assert "1 recording assigned." in done.text
    assert "Nothing is waiting" in done.text
    change = re.search(r'name="change_id" value="([\w-]+)"', done.text)
    assert change is not None
    undone = post(browser, parts, f"/inbox/undo?day={day.id}", change_id=change[1])
    assert "1 recording back where it was." in undone.text
    assert f"to-{waiting}" in undone.text


def test_inbox_when_a_name_or_bib_is_typed_then_it_wins_and_an_unknown_one_is_told(
    browser: httpx.Client, parts: WebParts, club: Club, day: DayView, tmp_path
) -> None:
    first, second = send(parts, club, day, tmp_path), send(parts, club, day, tmp_path)
    fields = {f"to-{first}": "", f"other-{first}": "8", f"to-{second}": "", f"other-{second}": "Nobody Such"}
    page = post(browser, parts, f"/inbox?day={day.id}", **fields).text
    assert "1 recording assigned." in page
    assert "“Nobody Such”" in page
    with parts.uow_factory(club.principal) as uow:
        (left,) = inbox.list_day_inbox(uow=uow, principal=club.principal, day_id=day.id)
    assert str(left.recording_id) == second
    assert second in browser.get("/inbox").text
