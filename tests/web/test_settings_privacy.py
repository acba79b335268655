"""The settings page about privacy on real rows: shown, saved, overtaken, refused, and telling first what it removes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.domain.consent import ConsentRule
from app.domain.privacy import PrivacyRules
from app.services.privacy import change_rules, get_rules
from app.services.removals import find_due, try_rules
from app.services.retention import retain_organisation
from tests.factories import Club, finish_recording, make_athlete, make_recording
from tests.web.conftest import WebParts, token_of

HERE = "/settings/privacy"
TEXT = "We film how you land from a box.\nNobody but your physio sees it."

Send = Callable[..., httpx.Response]


def fields_in(answer: httpx.Response) -> dict[str, str]:
    """What a browser would send back of the form that a page shows, unchanged."""
    form = answer.text.partition('id="privacy"')[2].partition("</form>")[0]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attributes.get("type") not in ("checkbox", "radio") or " checked" in tag:
            found[attributes["name"]] = attributes["value"]
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", form, re.DOTALL)
    assert text is not None
    return found | {"consent_text": text[1].replace("\n", "\r\n")}


@pytest.fixture
def send(browser: httpx.Client) -> Send:
    """Sends the form of a page, or of the page as it is now, with some fields changed."""

    def post(page: httpx.Response | None = None, **changes: object) -> httpx.Response:
        form = fields_in(page or browser.get(HERE)) | {key: str(value) for key, value in changes.items()}
        return browser.post(HERE, data={name: value for name, value in form.items() if value != "None"})

    return post


@pytest.fixture
def rules(parts: WebParts, club: Club) -> Callable[[], PrivacyRules]:
    def read() -> PrivacyRules:
        with parts.uow_factory(club.principal) as uow:
            return get_rules(uow=uow, principal=club.principal)

    return read


def screen(parts: WebParts, club: Club, folder: Path, *, n: int = 1) -> list[UUID]:
    """Take videos of as many athletes to their result, with pictures; return the recordings."""
    made_ids = []
    for number in range(n):
        athlete = make_athlete(parts.uow_factory, club)
        content = b"a video %d" % number
        made = make_recording(
            parts.uow_factory, parts.blobs, club, folder=folder, athlete=athlete, content=content
        )
        finish_recording(parts.uow_factory, club, made.recording.id)
        made_ids.append(made.recording.id)
    return made_ids


def test_rules_when_saved_then_kept_and_shown_and_only_what_was_changed_is(
    send: Send, browser: httpx.Client, rules: Callable[[], PrivacyRules]
) -> None:
    page = browser.get(HERE)
    assert fields_in(page) | {"rule": "minors", "age": "16", "waiting_days": "30", "keep_original_days": "30",
                              "keep_pictures_days": "180", "keep_measures_days": "2555"} == fields_in(page)  # fmt: skip
    done = send(
        page, keep_original_days="", keep_pictures_days=400, age=14, blur_faces="true", consent_text=TEXT
    )
    assert (done.status_code, done.headers["location"]) == (303, f"{HERE}?done=saved")
    saved = rules()
    assert (saved.keep_original_days, saved.keep_pictures_days, saved.consent.age, saved.blur_faces) == (
        None,
        400,
        14,
        True,
    )
    assert (saved.consent_text, saved.consent_text_version) == (TEXT, "own-1")
    again = browser.get(done.headers["location"])
    assert "Saved." in again.text
    # the same text comes back with a browser's line ends: no other version
    assert send(again, blur_faces=None, waiting_days=31).status_code == 303
    assert (rules().consent_text_version, rules().blur_faces, rules().keep_original_days) == ("own-1", False, None)  # fmt: skip


def test_rules_when_somebody_was_faster_then_nothing_is_saved_and_theirs_are_shown(
    send: Send, browser: httpx.Client, rules: Callable[[], PrivacyRules]
) -> None:
    page = browser.get(HERE)
    assert send(page, age=15).status_code == 303
    late = send(page, age=13, consent_text=TEXT)
    assert late.status_code == 412
    assert "Somebody was faster" in late.text
    assert fields_in(late)["age"] == "15"
    assert "You had entered:</strong> 13" in late.text
    assert TEXT in late.text
    assert rules().consent.age == 15
    assert send(late, age=13).status_code == 303


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("age", "22"),
        ("waiting_days", ""),
        ("keep_original_days", "-1"),
        ("keep_pictures_days", "36501"),
        ("keep_measures_days", "<b>²"),
        ("rule", "somebody"),
        ("consent_text", "too short"),
    ],
)
def test_rules_when_one_makes_no_sense_then_said_beside_it_and_what_was_typed_stays(
    send: Send, rules: Callable[[], PrivacyRules], name: str, typed: str
) -> None:
    refused = send(
        **{name: typed, "drop_original_after_blur": "true", **({} if name == "age" else {"age": 12})}
    )
    assert refused.status_code == 422
    assert f'id="{name}-error"' in refused.text
    assert len(re.findall(r'class="field-error"', refused.text)) == 1
    kept = fields_in(refused)
    assert (kept["drop_original_after_blur"], kept["age"]) == ("true", "22" if name == "age" else "12")
    assert kept.get(name) == (None if name == "rule" else typed.replace("<b>", "&lt;b&gt;"))
    assert rules() == PrivacyRules()


def test_rules_when_they_remove_more_then_told_and_saved_only_with_another_yes(
    send: Send, browser: httpx.Client, parts: WebParts, club: Club, rules: Callable[[], PrivacyRules], tmp_path: Path
) -> None:  # fmt: skip
    screen(parts, club, tmp_path, n=2)
    assert "Nothing would be removed." in browser.get(HERE).text
    tried = send(intent="try", keep_original_days=0)
    assert "2 recordings would lose the video as uploaded." in tried.text
    asked = send(keep_original_days=0, keep_pictures_days=0)
    assert asked.status_code == 200
    assert "Nothing is saved yet" in asked.text
    assert "2 recordings would lose overlay video and stills." in asked.text
    assert rules() == PrivacyRules()
    other = send(asked, keep_measures_days=0)
    assert "2 recordings would be erased whole" in other.text  # the yes was to something else
    assert send(asked).status_code == 303
    assert (rules().keep_original_days, rules().keep_pictures_days) == (0, 0)
    assert "2 recordings would lose the video as uploaded." in browser.get(HERE).text
    assert send(keep_original_days=500).status_code == 303  # less than before: no question


@pytest.mark.parametrize(
    "changes",
    [
        {"keep_original_days": 0},
        {"keep_pictures_days": 0},
        {"keep_measures_days": 0},
        {"numbers_only": True},
        {"blur_faces": True},
        {"blur_faces": True, "keep_original_days": 0},
        {"rule": ConsentRule.EVERYBODY},
        {"rule": ConsentRule.EVERYBODY, "waiting_days": 0},
        {"age": 3},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_removals_when_told_then_the_run_removes_just_that(
    parts: WebParts, club: Club, tmp_path: Path, changes: dict[str, Any]
) -> None:
    (recording_id,) = screen(parts, club, tmp_path)
    with parts.uow_factory(club.principal) as uow:
        told = try_rules(uow=uow, principal=club.principal, changes=changes)
    with parts.uow_factory(club.principal) as uow:
        assert get_rules(uow=uow, principal=club.principal) == PrivacyRules()  # it was but tried
        assert find_due(uow=uow, principal=club.principal).is_empty
        change_rules(uow=uow, principal=club.principal, changes=changes)
    report = retain_organisation(uow_factory=parts.uow_factory, blobs=parts.blobs, organisation_id=club.id)
    with parts.uow_factory(club.id) as uow:
        uow.show_withheld()
        record = uow.recordings.find(organisation_id=club.id, recording_id=recording_id)
        shown = uow.retention.due_pictures(organisation_id=club.id, older_than_days=0, limit=None)
        pending = uow.retention.due_originals(organisation_id=club.id, older_than_days=0, limit=None)
    assert record is not None
    assert len(told.whole) == report.n_recordings + report.n_unconsented
    assert bool(told.originals | told.whole) == (record.recording.original_deleted_at is not None)
    assert bool(told.pictures | told.whole | told.redrawn) == (not shown)
    assert bool(told.redrawn) == (
        record.recording.original_deleted_at is None and not pending
    )  # being drawn from
    with parts.uow_factory(club.principal) as uow:
        assert find_due(uow=uow, principal=club.principal).is_empty


def test_page_when_not_the_owner_or_the_form_is_forged_then_403(
    onlooker: httpx.Client, browser: httpx.Client, parts: WebParts, rules: Callable[[], PrivacyRules]
) -> None:
    assert HERE in browser.get("/settings/security").text
    assert HERE not in onlooker.get("/settings/security").text
    assert onlooker.get(HERE).status_code == 403
    form = fields_in(browser.get(HERE)) | {"age": "12"}
    forged = browser.post(HERE, data=form | {"csrf_token": "x"})
    elsewhere = browser.post(HERE, data=form, headers={"Sec-Fetch-Site": "cross-site"})
    other = onlooker.post(HERE, data=form | {"csrf_token": token_of(onlooker, parts)})
    assert [answer.status_code for answer in (forged, elsewhere, other)] == [403, 403, 403]
    assert rules() == PrivacyRules()
