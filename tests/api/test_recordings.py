"""Reading a recording: its life, its result, its files."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from pydantic import ValidationError

from app.api.schemas.analysis import AnalysisDocument
from app.api.schemas.recordings import RecordingDocument
from app.services.analysis_record import AnalysisRecord, analysis_document
from tests.api.conftest import Club
from tests.api.results import OVERLAY, STILL, STILL_FRAME, analyse, make_content, make_kinematics
from tests.api.support import PartsForTests, fake_video
from tests.api.test_errors import check_problem
from tests.api.test_uploads import URL, upload

CONTENT = fake_video(10_000)


@pytest.fixture(scope="module")
def analysed(club: Club, parts: PartsForTests) -> str:
    """The address of an analysed recording of the module's club."""
    made = upload(club.client, CONTENT).json()
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(made["id"]))
    return f"{URL}/{made['id']}"


def expected_document(*, series: bool) -> dict[str, object]:
    content = make_content()
    record = AnalysisRecord(
        verdict=content.verdict,
        findings=content.findings,
        video=content.video,
        method=content.method,
        events=content.events,
        metrics=content.metrics,
        risk_score=content.risk_score,
        flagged_frames=content.flagged_frames,
    )
    return analysis_document(record, kinematics=make_kinematics() if series else None)


def test_recording_when_analysed_then_shows_the_whole_result(club: Club, analysed: str) -> None:
    answer = club.client.get(analysed)
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    document = answer.json()
    RecordingDocument.model_validate(document)
    assert (document["state"], document["progress"], document["final"]) == ("analysed", 1.0, True)
    assert document["analysis"] == expected_document(series=False)
    assert [finding["code"] for finding in document["findings"]] == ["fps_low"]
    assert document["pictures"] == "done"
    assert document["links"]["overlay"] == f"{analysed}/overlay"
    assert document["links"]["stills"] == [{"frame": STILL_FRAME, "href": f"{analysed}/stills/{STILL_FRAME}"}]


def test_recording_when_its_pictures_are_to_come_then_final_with_numbers_and_a_time_to_ask_again(
    parts: PartsForTests, club: Club
) -> None:
    made = upload(club.client).json()
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(made["id"]), with_pictures=False)
    answer = club.client.get(f"{URL}/{made['id']}")
    document = answer.json()
    assert answer.headers["Retry-After"] == "2"
    assert (document["final"], document["pictures"]) == (True, "pending")
    assert document["analysis"] == expected_document(series=False)
    assert (document["links"]["overlay"], document["links"]["stills"]) == (None, [])


def test_recording_when_asked_for_series_then_adds_the_curves(club: Club, analysed: str) -> None:
    document = club.client.get(analysed, params={"series": "true"}).json()
    assert document["analysis"] == expected_document(series=True)
    assert document["analysis"]["series"]["fppa_left_deg"] == [1.0, None, 3.0, 4.0]


@pytest.mark.parametrize("series", [False, True])
def test_analysis_when_asked_alone_then_as_documented(club: Club, analysed: str, series: bool) -> None:
    document = club.client.get(f"{analysed}/analysis", params={"series": series}).json()
    assert document == expected_document(series=series)
    AnalysisDocument.model_validate(document)
    with pytest.raises(ValidationError):
        AnalysisDocument.model_validate(document | {"diagnosis": "x"})


def test_analysis_when_there_is_none_yet_then_404(club: Club) -> None:
    waiting = upload(club.client).json()
    answer = club.client.get(f"{URL}/{waiting['id']}/analysis")
    assert answer.status_code == 404
    check_problem(answer, code="not_found")
    links = club.client.get(f"{URL}/{waiting['id']}").json()["links"]
    assert (links["analysis"], links["overlay"], links["stills"]) == (None, None, [])


@pytest.mark.parametrize("what", ["overlay", f"stills/{STILL_FRAME}", "stills/64"])
def test_file_when_there_is_none_yet_then_404(club: Club, what: str) -> None:
    waiting = upload(club.client).json()
    check_problem(club.client.get(f"{URL}/{waiting['id']}/{what}"), code="not_found")


@pytest.mark.parametrize(
    ("what", "content", "media_type", "disposition"),
    [
        ("original", CONTENT, "video/mp4", "attachment"),
        ("overlay", OVERLAY, "video/mp4", "inline"),
        (f"stills/{STILL_FRAME}", STILL, "image/jpeg", "inline"),
    ],
)
def test_file_when_asked_whole_then_sent_with_safe_headers(
    club: Club, analysed: str, what: str, content: bytes, media_type: str, disposition: str
) -> None:
    answer = club.client.get(f"{analysed}/{what}")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Disposition"].startswith(f"{disposition}; filename*=UTF-8''")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-1", 0, 2), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=5-5", 5, 6)],
)
def test_file_when_a_part_is_asked_then_206(
    club: Club, analysed: str, asked: str, start: int, end: int | None
) -> None:
    answer = club.client.get(f"{analysed}/overlay", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == OVERLAY[start:end]
    first = start % len(OVERLAY)
    last = first + len(answer.content) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(OVERLAY)}"


def test_file_when_the_part_is_behind_the_end_then_416(club: Club, analysed: str) -> None:
    answer = club.client.get(f"{analysed}/overlay", headers={"Range": f"bytes={len(OVERLAY)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(OVERLAY)}"
    check_problem(answer, code="range_not_satisfiable")


def test_file_when_unchanged_then_304_and_if_range_holds(club: Club, analysed: str) -> None:
    etag = club.client.get(f"{analysed}/overlay").headers["ETag"]
    assert club.client.get(f"{analysed}/overlay", headers={"If-None-Match": etag}).status_code == 304
    same = {"Range": "bytes=0-1", "If-Range": etag}
    other = {"Range": "bytes=0-1", "If-Range": '"other"'}
    assert club.client.get(f"{analysed}/overlay", headers=same).status_code == 206
    assert club.client.get(f"{analysed}/overlay", headers=other).status_code == 200


def test_recordings_when_listed_by_pages_then_each_once_newest_first(make_club: Callable[[], Club]) -> None:
    club = make_club()
    ids = [upload(club.client).json()["id"] for _ in range(5)]
    seen: list[str] = []
    url: str | None = f"{URL}?limit=2&state=queued"
    while url is not None:
        answer = club.client.get(url)
        seen += [item["id"] for item in answer.json()["items"]]
        link = answer.links.get("next")
        assert (link is None) == (answer.json()["next_cursor"] is None)
        url = None if link is None else link["url"]
    assert seen == ids[::-1]


@pytest.mark.parametrize("cursor", ["nonsense", "!", "AAAA", "x" * 501])
def test_recordings_when_the_cursor_is_not_ours_then_422(club: Club, cursor: str) -> None:
    answer = club.client.get(URL, params={"cursor": cursor})
    assert answer.status_code == 422


def test_recording_when_requeued_then_analysed_again(
    club: Club, make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    own = make_club()
    made = upload(own.client).json()
    busy = own.client.post(f"{URL}/{made['id']}/requeue")
    assert busy.status_code == 409
    check_problem(busy, code="stale_state")
    analyse(parts, organisation_id=own.organisation_id, recording_id=UUID(made["id"]))
    again = own.client.post(f"{URL}/{made['id']}/requeue")
    assert again.status_code == 202
    assert again.json()["state"] == "queued"


def test_still_when_the_frame_is_no_number_then_404(club: Club, analysed: str) -> None:
    for frame in ("-1", "x", "1e3", "99999999999"):
        assert club.client.get(f"{analysed}/stills/{frame}").status_code == 404


def test_files_when_the_page_shows_them_then_the_login_cookie_is_enough(
    browser: httpx.Client, analysed: str
) -> None:
    assert browser.get(f"{analysed}/overlay").status_code == 200
    assert browser.get(analysed).status_code == 200
