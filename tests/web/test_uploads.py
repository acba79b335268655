"""The upload form, with and without JavaScript."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.domain.athletes import AthleteChange
from app.domain.lifecycle import RecordingState
from app.jobs.memory_queue import MemoryQueue
from app.services import recordings
from app.services.athletes import edit_athlete
from app.web.routes import uploads
from app.web.upload_fields import read_box_height
from tests.factories import Club, make_athlete, make_team
from tests.web.conftest import MAX_UPLOAD_BYTES, SignIn, WebParts, token_of


def _send(browser: httpx.Client, parts: WebParts, *, content: bytes = b"a video", **fields: Any) -> Any:
    form = {
        "csrf_token": token_of(browser, parts),
        "movement": "drop_vertical_jump",
        "view": "frontal",
        "box_height_cm": "30,5",
    }
    headers = fields.pop("headers", {})
    files = {"file": ("IMG 1.MOV", content, "video/quicktime")}
    return browser.post("/recordings", data=form | fields, files=files, headers=headers)


def test_form_when_an_athlete_is_named_then_chosen(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    text = browser.get(f"/recordings/new?athlete={athlete.id}").text
    assert f'<option value="{athlete.id}" selected>' in text
    # No `capture`: a phone then opens its camera alone, and a slow-motion clip could not be chosen.
    assert 'accept="video/*" required' in text
    assert 'enctype="multipart/form-data"' in text


def test_form_when_opened_then_lists_who_may_be_filmed_of_all_or_of_one_team(
    browser: httpx.Client, parts: WebParts, club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team(parts.uow_factory, club, name="Listed")
    mine = make_athlete(parts.uow_factory, club, name="Aa Listed", team=team)
    other = make_athlete(parts.uow_factory, club, name="Ab Elsewhere")
    gone = make_athlete(parts.uow_factory, club, name="Ac Gone", team=team)
    with parts.uow_factory(club.principal) as uow:
        change = AthleteChange(active=False)
        edit_athlete(uow=uow, principal=club.principal, athlete_id=gone.id, change=change)
    everybody = browser.get("/recordings/new").text
    assert (str(mine.id) in everybody, str(other.id) in everybody) == (True, True)
    assert str(gone.id) not in everybody
    assert "athletes-note" not in everybody
    of_team = browser.get(f"/recordings/new?team={team.id}").text
    assert f'<option value="{team.id}" selected>Listed</option>' in of_team
    assert (str(mine.id) in of_team, str(other.id) in of_team) == (True, False)
    # Who is chosen stands in the list, however far down, and whether or not in the team.
    monkeypatch.setattr(uploads, "_PAGE", 1)
    monkeypatch.setattr(uploads, "_MAX_LISTED", 1)
    cut = browser.get(f"/recordings/new?athlete={other.id}").text
    assert f'<option value="{other.id}" selected>' in cut
    assert "athletes-note" in cut
    assert browser.get(f"/recordings/new?athlete={uuid4()}&team=nonsense").status_code == 200


def test_upload_when_complete_then_kept_queued_and_shown(
    browser: httpx.Client, parts: WebParts, club: Club, queue: MemoryQueue
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    answer = _send(browser, parts, athlete_id=str(athlete.id))
    assert answer.status_code == 303
    path = answer.headers["location"]
    with parts.uow_factory(club.id) as uow:
        view = recordings.get_recording(
            uow=uow, principal=club.principal, recording_id=UUID(path.removeprefix("/recordings/"))
        )
    assert (view.state, view.athlete, view.box_height_cm) == (RecordingState.QUEUED, athlete, 30.5)
    assert (view.filename, view.size_bytes) == ("IMG 1.MOV", 7)
    assert queue.jobs[-1].args[0] == str(view.id)
    page = browser.get(path)
    assert "Waiting in the queue" in page.text
    assert "IMG 1.MOV" in page.text


def test_upload_when_front_and_side_have_one_number_then_they_are_one_trial(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    found = []
    for view in ("frontal", "sagittal"):
        answer = _send(
            browser,
            parts,
            content=f"from {view}".encode(),
            athlete_id=str(athlete.id),
            view=view,
            trial_number="2",
        )
        assert answer.status_code == 303
        recording_id = UUID(answer.headers["location"].removeprefix("/recordings/"))
        with parts.uow_factory(club.id) as uow:
            found.append(
                recordings.get_recording(uow=uow, principal=club.principal, recording_id=recording_id)
            )
    assert found[0].trial_id == found[1].trial_id is not None
    again = _send(browser, parts, athlete_id=str(athlete.id), trial_number="2")
    assert again.status_code == 422
    assert "already" in again.text


def test_upload_when_of_nobody_yet_then_it_waits_in_the_inbox_and_has_a_page(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    assert '<option value="nobody">' in browser.get("/recordings/new").text
    answer = _send(browser, parts, athlete_id="nobody")
    assert answer.status_code == 303
    assert "Athlete not assigned" in browser.get(answer.headers["location"]).text


@pytest.mark.parametrize(
    ("content", "changes", "status", "words"),
    [
        (b"not a video", {}, 422, "The file is not a video we can recognise"),
        (b"", {}, 422, "Choose the video."),
        (b"a video", {"box_height_cm": "thirty"}, 422, "Enter the height in centimetres"),
        (b"a video", {"trial_number": "first"}, 422, "Enter the number of the trial"),
        (b"a video", {"trial_number": "0"}, 422, "Enter the number of the trial"),
        (b"a video", {"view": "from above"}, 422, "Say where the camera stood."),
        (b"a video", {"movement": "dance"}, 422, "Choose the movement that was filmed."),
        (b"x" * (MAX_UPLOAD_BYTES + 1), {}, 413, "The video is larger than"),
    ],
)
def test_upload_when_refused_then_the_form_comes_back_with_what_was_entered(
    browser: httpx.Client,
    parts: WebParts,
    club: Club,
    content: bytes,
    changes: dict[str, str],
    status: int,
    words: str,
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    answer = _send(browser, parts, content=content, athlete_id=str(athlete.id), **changes)
    assert answer.status_code == status
    assert words in answer.text
    assert f'<option value="{athlete.id}" selected>' in answer.text
    assert f'value="{changes.get("box_height_cm", "30,5")}"' in answer.text
    with parts.uow_factory(club.id) as uow:
        assert recordings.list_recordings(uow=uow, principal=club.principal).items == ()
    assert list(parts.staging.directory.iterdir()) == []


def test_upload_when_the_form_is_empty_then_every_field_is_named(
    browser: httpx.Client, parts: WebParts
) -> None:
    answer = _send(browser, parts, content=b"", athlete_id="", view="", movement="")
    for words in ("Choose the athlete.", "Choose the video.", "Say where the camera stood."):
        assert words in answer.text


@pytest.mark.parametrize("whose", ["rival", "nobody"])
def test_upload_when_the_athlete_is_not_ours_then_not_found_and_nothing_kept(
    browser: httpx.Client, parts: WebParts, rival: Club, club: Club, whose: str
) -> None:
    athlete_id = make_athlete(parts.uow_factory, rival).id if whose == "rival" else uuid4()
    answer = _send(browser, parts, athlete_id=str(athlete_id))
    assert answer.status_code == 404
    with parts.uow_factory(club.id) as uow:
        assert recordings.list_recordings(uow=uow, principal=club.principal).items == ()


def test_upload_when_one_may_only_look_then_403(onlooker: httpx.Client, parts: WebParts) -> None:
    assert onlooker.get("/recordings/new").status_code == 403
    assert _send(onlooker, parts, athlete_id=str(uuid4())).status_code == 403


def test_upload_when_not_a_form_then_the_form_says_so(browser: httpx.Client) -> None:
    answer = browser.post("/recordings", content=b"{}", headers={"Content-Type": "application/json"})
    assert answer.status_code == 415
    assert "<form" in answer.text


def test_upload_form_when_filled_by_another_club_then_athletes_stay_apart(
    browser_of: SignIn, parts: WebParts, club: Club, rival: Club
) -> None:
    make_athlete(parts.uow_factory, club, name="Private Person")
    assert "Private Person" not in browser_of(rival).get("/recordings/new").text


@pytest.mark.parametrize(
    ("text", "height"),
    [("", None), (" 31 ", 31.0), ("30,5", 30.5), ("45.0 cm", 45.0), ("5", 5.0), ("100", 100.0)],
)
def test_box_height_when_it_makes_sense_then_read(text: str, height: float | None) -> None:
    assert read_box_height(text) == height


@pytest.mark.parametrize("text", ["thirty", "-30", "0", "4.9", "101", "nan", "inf", "1e400", "30 31"])
def test_box_height_when_it_makes_none_then_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # any of them means the same to the form
        read_box_height(text)


def test_upload_when_the_file_came_before_then_its_page_says_so_and_nothing_new_is_made(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    first = _send(browser, parts, content=b"one film", athlete_id=str(athlete.id))
    again = _send(browser, parts, content=b"one film", athlete_id=str(athlete.id))
    assert again.headers["location"] == f"{first.headers['location']}?again=1"
    assert "This video was here already" in browser.get(again.headers["location"]).text
    assert "This video was here already" not in browser.get(first.headers["location"]).text
