"""The page of a recording, on real rows."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.lifecycle import PicturesState, RecordingState, Stage
from app.services import recordings
from app.services.read_models import ReceivedRecording
from tests.factories import REJECTED, Club, finish_recording, make_athlete, make_recording, make_team
from tests.web.conftest import SignIn, WebParts, token_of

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def uploaded(parts: WebParts, club: Club, tmp_path: Path) -> ReceivedRecording:
    team = make_team(parts.uow_factory, club, name="U17 girls")
    athlete = make_athlete(parts.uow_factory, club, team=team)
    return make_recording(
        parts.uow_factory, parts.blobs, club, folder=tmp_path, athlete=athlete, content=CONTENT
    )


def _path(uploaded: ReceivedRecording, part: str = "") -> str:
    return f"/recordings/{uploaded.recording.id}{part}"


def _fail(parts: WebParts, club: Club, recording_id: UUID) -> None:
    with parts.uow_factory(club.id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=1)
        assert claim is not None
        uow.recordings.give_up(claim, detail="reader_died")


def test_recording_when_queued_then_progress_and_the_video(
    browser: httpx.Client, uploaded: ReceivedRecording
) -> None:
    text = browser.get(_path(uploaded)).text
    assert "Waiting in the queue" in text
    assert "Next in line" in text
    assert f'src="{_path(uploaded, "/original")}"' in text
    assert f'hx-get="{_path(uploaded, "/progress")}"' in text
    assert '<meta http-equiv="refresh"' in text
    assert "U17 girls" in text


def test_progress_when_processing_then_stage_and_percentage(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    with parts.uow_factory(club.id) as uow:
        claim = uow.recordings.claim(uploaded.recording.id, lease_s=60.0, max_attempts=3)
        assert claim is not None
    with parts.uow_factory(club.id) as uow:
        uow.recordings.heartbeat(claim, lease_s=60.0, stage=Stage.POSE, progress=0.4)
    answer = browser.get(_path(uploaded, "/progress"), headers={"HX-Request": "true"})
    assert answer.text.strip().startswith('<section class="card live" id="live"')
    assert "Following the athlete" in answer.text
    assert 'value="40"' in answer.text


def test_progress_when_opened_as_a_page_then_sent_to_the_page(
    browser: httpx.Client, uploaded: ReceivedRecording
) -> None:
    answer = browser.get(_path(uploaded, "/progress"))
    assert (answer.status_code, answer.headers["location"]) == (303, _path(uploaded))


def test_progress_when_finished_then_the_whole_page_is_asked_for(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    finish_recording(parts.uow_factory, club, uploaded.recording.id)
    answer = browser.get(_path(uploaded, "/progress"), headers={"HX-Request": "true"})
    assert answer.headers["hx-refresh"] == "true"


def test_recording_when_analysed_then_score_error_and_provenance(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    finish_recording(parts.uow_factory, club, uploaded.recording.id)
    text = browser.get(_path(uploaded)).text
    for words in (
        "Frontal screen score",
        ">44<",
        "Borderline: within expected range / some deviations",
        "34 to 54",
        "60 % of the full score",
        "[P]",
        "our own choice",
        "4.7°",
        "± 5.2°",
        "a movement screen from one video, not a diagnosis",
        uploaded.recording.sha256,
        "Method version",
    ):
        assert words in text
    assert "http-equiv" not in text
    assert f'href="{_path(uploaded, "/stills/20")}"' in text


def test_recording_when_its_pictures_are_to_come_then_the_numbers_are_shown_and_the_pictures_asked_for(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    recording_id = uploaded.recording.id
    analysis_id = finish_recording(parts.uow_factory, club, recording_id, pictures=None)
    with parts.uow_factory(club.id) as uow:
        claim = uow.pictures.begin(
            organisation_id=club.id, analysis_id=analysis_id, lease_s=60.0, max_attempts=3
        )
    text = browser.get(_path(uploaded)).text
    assert ">44<" in text
    assert f'hx-get="{_path(uploaded, "/pictures")}"' in text
    assert '<meta http-equiv="refresh"' in text
    assert f'src="{_path(uploaded, "/original")}"' in text
    ask = {"HX-Request": "true"}
    assert "The pictures are being drawn" in browser.get(_path(uploaded, "/pictures"), headers=ask).text
    with parts.uow_factory(club.id) as uow:
        uow.pictures.finish(claim, overlay_key="a/overlay.mp4", still_keys={20: "a/still-20.jpg"})
    drawn = browser.get(_path(uploaded, "/pictures"), headers=ask).text
    assert f'data-overlay="{_path(uploaded, "/overlay")}"' in drawn
    assert f'href="{_path(uploaded, "/stills/20")}"' in drawn
    assert "hx-get" not in drawn
    answer = browser.get(_path(uploaded, "/pictures"))
    assert (answer.status_code, answer.headers["location"]) == (303, _path(uploaded))


def test_recording_when_its_pictures_failed_then_it_says_that_the_numbers_are_complete(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    finish_recording(parts.uow_factory, club, uploaded.recording.id, pictures=PicturesState.FAILED)
    text = browser.get(_path(uploaded)).text
    assert "The pictures could not be drawn." in text
    assert ">44<" in text
    assert "http-equiv" not in text


def test_recording_when_rejected_then_why_and_what_to_do_and_the_video(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    finish_recording(parts.uow_factory, club, uploaded.recording.id, record=REJECTED)
    text = browser.get(_path(uploaded)).text
    assert "No person was found in the video." in text
    assert "Film in good light" in text
    assert "Upload again" in text
    assert "<video" in text


def test_recording_when_failed_then_it_can_be_tried_again(
    browser: httpx.Client, parts: WebParts, club: Club, uploaded: ReceivedRecording
) -> None:
    _fail(parts, club, uploaded.recording.id)
    text = browser.get(_path(uploaded)).text
    assert "This video was not analysed" in text
    assert "<video" in text
    answer = browser.post(_path(uploaded, "/retry"), data={"csrf_token": token_of(browser, parts)})
    assert (answer.status_code, answer.headers["location"]) == (303, _path(uploaded))
    with parts.uow_factory(club.id) as uow:
        view = recordings.get_recording(uow=uow, principal=club.principal, recording_id=uploaded.recording.id)
    assert view.state is RecordingState.QUEUED


def test_retry_when_still_running_then_a_page_says_so(
    browser: httpx.Client, parts: WebParts, uploaded: ReceivedRecording
) -> None:
    answer = browser.post(_path(uploaded, "/retry"), data={"csrf_token": token_of(browser, parts)})
    assert answer.status_code == 409
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    ("asked", "status", "sent", "named"),
    [
        (None, 200, CONTENT, None),
        ("bytes=0-9", 206, CONTENT[:10], "bytes 0-9/1024"),
        ("bytes=1000-", 206, CONTENT[1000:], "bytes 1000-1023/1024"),
        ("bytes=-24", 206, CONTENT[-24:], "bytes 1000-1023/1024"),
        ("bytes=5000-", 416, None, "bytes */1024"),
    ],
)
def test_video_when_a_range_is_asked_for_then_that_part(
    browser: httpx.Client,
    uploaded: ReceivedRecording,
    asked: str | None,
    status: int,
    sent: bytes | None,
    named: str | None,
) -> None:
    answer = browser.get(_path(uploaded, "/original"), headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    assert answer.headers.get("content-range") == named
    if sent is not None:
        assert answer.content == sent
        assert answer.headers["content-disposition"].startswith("inline")
        assert answer.headers["cache-control"] == "no-store"


PARTS = ["", "/progress", "/pictures", "/original", "/overlay", "/stills/20"]


@pytest.mark.parametrize("part", PARTS)
def test_recording_when_of_another_organisation_then_not_found(
    browser_of: SignIn,
    parts: WebParts,
    club: Club,
    rival: Club,
    uploaded: ReceivedRecording,
    part: str,
) -> None:
    finish_recording(parts.uow_factory, club, uploaded.recording.id)
    answer = browser_of(rival).get(_path(uploaded, part), headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert "Ada Berg" not in answer.text


def test_retry_when_of_another_organisation_then_not_found(
    browser_of: SignIn,
    parts: WebParts,
    club: Club,
    rival: Club,
    uploaded: ReceivedRecording,
) -> None:
    _fail(parts, club, uploaded.recording.id)
    other = browser_of(rival)
    answer = other.post(_path(uploaded, "/retry"), data={"csrf_token": token_of(other, parts)})
    assert answer.status_code == 404


@pytest.mark.parametrize("part", PARTS)
def test_recording_when_nobody_is_signed_in_then_sign_in(
    visitor: httpx.Client, uploaded: ReceivedRecording, part: str
) -> None:
    assert visitor.get(_path(uploaded, part)).headers["location"].startswith("/sign-in")


def test_retry_when_one_may_only_look_then_403(
    onlooker: httpx.Client, parts: WebParts, uploaded: ReceivedRecording
) -> None:
    data: dict[str, Any] = {"csrf_token": token_of(onlooker, parts)}
    assert onlooker.post(_path(uploaded, "/retry"), data=data).status_code == 403


def test_static_file_when_asked_with_its_version_then_kept_for_ever(visitor: httpx.Client) -> None:
    kept = visitor.get("/static/css/base.css?v=1")
    assert "immutable" in kept.headers["cache-control"]
    assert visitor.get("/static/css/base.css").headers["cache-control"] == "no-cache"
    assert visitor.get("/static/../render.py").status_code == 404


def test_delete_when_asked_for_then_the_page_says_so_and_offers_it_no_more(
    browser: httpx.Client, parts: WebParts, uploaded: ReceivedRecording
) -> None:
    assert _path(uploaded, "/delete") in browser.get(_path(uploaded)).text
    refused = browser.post(_path(uploaded, "/delete"), data={"csrf_token": "guessed"})
    assert refused.status_code == 403
    answer = browser.post(_path(uploaded, "/delete"), data={"csrf_token": token_of(browser, parts)})
    assert (answer.status_code, answer.headers["location"]) == (303, _path(uploaded))
    page = browser.get(_path(uploaded)).text
    assert "This video was deleted" in page
    assert _path(uploaded, "/delete") not in page
    assert browser.get(_path(uploaded, "/original")).status_code == 404


def test_delete_when_one_may_only_look_then_403_and_not_offered(
    onlooker: httpx.Client, parts: WebParts, uploaded: ReceivedRecording
) -> None:
    assert _path(uploaded, "/delete") not in onlooker.get(_path(uploaded)).text
    data = {"csrf_token": token_of(onlooker, parts)}
    assert onlooker.post(_path(uploaded, "/delete"), data=data).status_code == 403
    assert onlooker.get(_path(uploaded, "/original")).status_code == 200
