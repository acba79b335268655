"""A phone at a station, as its browser asks: in by a code, on with cards and videos, and nothing else."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import httpx
import pytest

from app.biomech.types import View
from app.domain.athletes import AthleteChange
from app.domain.screening_days import card_text
from app.services import athletes, day_stations, screening_days
from app.services.recordings import get_recording, list_recordings
from app.services.screening_days import DayPlan, DayView, StationPlan
from app.web.forms import sign, visitor_cookie_name
from tests.factories import Club, make_team
from tests.web.conftest import WebParts, open_browser


@pytest.fixture
def day(parts: WebParts, club: Club) -> DayView:
    """A day of a team of one who wears 7."""
    team = make_team(parts.uow_factory, club)
    with parts.uow_factory(club.principal) as uow:
        change = AthleteChange(name="Ada Berg", bibs={team.id: "7"})
        athletes.add_athlete(uow=uow, principal=club.principal, change=change)
        plan = DayPlan(team_id=team.id, held_on=datetime.now(UTC).date())
        return screening_days.plan_day(uow=uow, principal=club.principal, plan=plan)


@pytest.fixture
def code(parts: WebParts, club: Club, day: DayView) -> str:
    with parts.uow_factory(club.principal) as uow:
        return day_stations.make_pass(
            uow=uow, principal=club.principal, day_id=day.id, station_id=day.stations[0].id
        ).code


@pytest.fixture
def phone(address: str, code: str) -> Iterator[httpx.Client]:
    """A phone that came in by the code."""
    with open_browser(address) as client:
        token = form_token(client.get("/station"))
        answer = client.post("/station", data={"token": code, "csrf_token": token})
        assert answer.status_code == 303
        yield client


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf_token" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


def waiting(parts: WebParts, club: Club, day: DayView) -> tuple[int, int]:
    """Return how many videos of the athlete and of nobody there are."""
    with parts.uow_factory(club.principal) as uow:
        board = screening_days.get_board(uow=uow, principal=club.principal, day_id=day.id)
    return board.rows[0].counts[0].n_waiting, board.n_without_athlete


def test_code_when_wrong_then_refused_in_words(visitor: httpx.Client) -> None:
    token = form_token(visitor.get("/station"))
    answer = visitor.post("/station", data={"token": "22222-22222", "csrf_token": token})
    assert answer.status_code == 401
    assert "does not open a station" in answer.text


def test_phone_when_inside_then_sees_its_team_and_nothing_else(phone: httpx.Client, day: DayView) -> None:
    page = phone.get("/station").text
    for text in ("Station 1", "Ada Berg", "0 of 3", "I do not know"):
        assert text in page
    assert phone.get("/station/people").text.strip().startswith('<div id="station-list"')
    for path in (f"/screening-days/{day.id}", "/inbox", "/"):
        assert phone.get(path).headers["Location"].startswith("/sign-in")
    for path in ("/api/v1/captures", f"/api/v1/screening-days/{day.id}", "/api/v1/athletes"):
        assert phone.get(path).status_code == 401


def test_video_when_announced_by_the_script_then_sent_in_any_way_rest_takes(
    phone: httpx.Client, parts: WebParts, club: Club, day: DayView
) -> None:
    with parts.uow_factory(club.principal) as uow:
        (row,) = screening_days.get_board(uow=uow, principal=club.principal, day_id=day.id).rows
    for said in ({"card": card_text(row.athlete_id)}, {"bib": "99"}):
        content = b"a video of " + str(said).encode()
        made = phone.post("/station/captures", json=said | {"size_bytes": len(content)})
        assert made.status_code == 201, made.text
        url = made.json()["url"]
        tus = {"Tus-Resumable": "1.0.0"}
        assert phone.head(url, headers=tus).headers["Upload-Offset"] == "0"
        piece = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        sent = phone.patch(url, headers=piece, content=content[:5])
        assert sent.headers["Upload-Offset"] == "5", sent.text
        piece["Upload-Offset"] = "5"
        assert phone.patch(url, headers=piece, content=content[5:]).is_success
    assert waiting(parts, club, day) == (1, 1)
    refused = phone.post("/station/captures", json={"card": "PLUMBLINE:nobody"})
    assert refused.status_code == 422
    assert refused.json()["how_to_fix"]


def test_video_when_sent_by_the_form_alone_then_kept(
    phone: httpx.Client, parts: WebParts, club: Club, day: DayView
) -> None:
    page = phone.get("/station")
    athlete_id = re.search(r'name="athlete_id" value="([\w-]+)"', page.text)
    assert athlete_id is not None
    fields = {"csrf_token": form_token(page), "athlete_id": athlete_id[1]}
    answer = phone.post("/station/videos", data=fields, files={"file": ("jump.mp4", b"a video", "video/mp4")})
    assert answer.headers["Location"] == "/station?done=sent"
    assert "The video is sent." in phone.get("/station?done=sent").text
    assert waiting(parts, club, day) == (1, 0)
    bad = phone.post("/station/videos", data=fields, files={"file": ("x.txt", b"not a video", "text/plain")})
    assert bad.status_code == 422
    assert "not a video" in bad.text


def test_file_when_of_another_station_then_not_found(
    phone: httpx.Client, parts: WebParts, club: Club, day: DayView
) -> None:
    from app.services.captures import CaptureRequest, announce_capture

    with parts.uow_factory(club.principal) as uow:
        foreign = announce_capture(
            uow=uow, principal=club.principal, request=CaptureRequest(), max_bytes=1000
        ).capture.id
    assert phone.put(f"/api/v1/uploads/{foreign}", content=b"a video").status_code == 404
    assert phone.put("/api/v1/uploads/" + "-" * 36, content=b"a video").status_code == 401


def test_change_when_another_site_sends_it_then_refused(phone: httpx.Client) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"}
    assert phone.post("/station/captures", json={}, headers=elsewhere).status_code == 403


def test_phone_when_it_leaves_or_is_sent_away_then_nothing_opens_any_more(
    phone: httpx.Client, parts: WebParts
) -> None:
    cookies = dict(phone.cookies)
    token = sign(f"visitor:{phone.cookies[visitor_cookie_name(parts.settings)]}", parts.settings)
    assert phone.post("/station/leave", data={"csrf_token": token}).headers["Location"] == "/station"
    phone.cookies.update(cookies)
    assert "Join code" in phone.get("/station").text
    told = phone.post("/station/captures", json={}, headers={"Accept": "application/json"})
    assert (told.status_code, told.json()["code"]) == (401, "not_signed_in")
    assert phone.get("/station/people").headers["Location"] == "/station"


def test_day_when_closed_then_the_phone_shows_nobody_and_says_what_to_do(
    phone: httpx.Client, parts: WebParts, club: Club, day: DayView
) -> None:
    with parts.uow_factory(club.principal) as uow:
        screening_days.close_day(uow=uow, principal=club.principal, day_id=day.id)
    page = phone.get("/station").text
    assert "The day is closed" in page
    assert "Ada Berg" not in page
    refused = phone.post("/station/captures", json={})
    assert refused.status_code == 409
    assert "Keep the video on the phone" in refused.json()["how_to_fix"]


# --- two tabs, two phones ---

N_TABS = 4
TUS = {"Tus-Resumable": "1.0.0"}


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of these at the same moment; return what each gave."""
    barrier = Barrier(len(acts))

    def wait_and_do(act: Callable[[], Any]) -> Any:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result() for each in [pool.submit(wait_and_do, act) for act in acts]]


@pytest.fixture
def tabs(phone: httpx.Client, address: str) -> Iterator[list[httpx.Client]]:
    """Tabs of the phone's browser: one stay, and each sends what the phone keeps."""
    opened = [open_browser(address) for _ in range(N_TABS)]
    for tab in opened:
        tab.cookies.update(phone.cookies)
    yield opened
    for tab in opened:
        tab.close()


def patch(client: httpx.Client, url: str, content: bytes, offset: int = 0) -> httpx.Response:
    piece = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return client.patch(url, headers=piece, content=content[offset:])


def test_video_when_every_tab_of_the_phone_sends_it_at_once_then_one_recording_and_nothing_refused_for_good(
    tabs: list[httpx.Client], parts: WebParts, club: Club, day: DayView
) -> None:
    content = b"a video that every tab holds" * 20
    told = {"bib": "7", "size_bytes": len(content), "client_ref": "phone-1/1"}
    announced = at_once(*(lambda tab=tab: tab.post("/station/captures", json=told) for tab in tabs))
    (url,) = {each.json()["url"] for each in announced}
    assert {each.status_code for each in announced} == {201}
    sent = at_once(*(lambda tab=tab: patch(tab, url, content) for tab in tabs))
    codes = sorted(each.status_code for each in sent)
    # what the script takes for a reason to try again, and never for a refusal
    assert codes[0] == 204
    assert set(codes[1:]) <= {204, 409, 423}, codes
    again = [tab.post("/station/captures", json=told).json() for tab in tabs]
    assert [each["url"] for each in again] == [None] * N_TABS, "it has come, whichever tab asks"
    assert waiting(parts, club, day) == (1, 0)


def test_videos_when_two_phones_of_a_two_view_day_send_for_one_athlete_at_once_then_each_is_a_trial(
    address: str, parts: WebParts, club: Club, day: DayView
) -> None:
    with parts.uow_factory(club.principal) as uow:
        plan = DayPlan(
            team_id=day.team_id,
            held_on=day.held_on,
            stations=(StationPlan(view=View.FRONTAL), StationPlan(view=View.SAGITTAL)),
        )
        both = screening_days.plan_day(uow=uow, principal=club.principal, plan=plan)
        station_id = both.stations[0].id
        codes = [
            day_stations.make_pass(
                uow=uow, principal=club.principal, day_id=both.id, station_id=station_id
            ).code
            for _ in "ab"
        ]
    phones = [open_browser(address) for _ in codes]
    for client, code in zip(phones, codes, strict=True):
        entry = {"token": code, "csrf_token": form_token(client.get("/station"))}
        assert client.post("/station", data=entry).status_code == 303

    def announce(number: int) -> str:
        told = {"bib": "7", "client_ref": f"phone-{number}/1", "size_bytes": 9}
        return str(phones[number].post("/station/captures", json=told).json()["url"])

    urls = at_once(lambda: announce(0), lambda: announce(1))
    sent = at_once(*(lambda n=n: patch(phones[n], urls[n], b"a video %d" % n) for n in range(2)))
    assert [each.status_code for each in sent] == [204, 204], [each.text for each in sent]
    with parts.uow_factory(club.principal) as uow:
        whose = {"uow": uow, "principal": club.principal}
        found = [
            get_recording(**whose, recording_id=each.id).trial_id for each in list_recordings(**whose).items
        ]
        board = screening_days.get_board(uow=uow, principal=club.principal, day_id=both.id)
    assert len(set(found)) == len(found) == 2
    assert board.rows[0].counts[0].n_waiting == 2
    for client in phones:
        client.close()
