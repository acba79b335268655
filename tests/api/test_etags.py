"""Edits ask for a version: every route that edits takes `If-Match`, and refuses what somebody else has changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.openapi import build_document
from app.domain.versions import tag_of
from app.http.etags import expected_of
from app.http.identity import login_cookie_name
from app.services import accounts
from tests.api.conftest import PASSWORD, Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_matrix import body_of
from tests.api.things import BESIDES, BODIES, OTHER_THINGS, Things
from tests.support.identity_provider import identity_provider

WITHOUT = {
    "PUT /api/v1/uploads/{capture_id}": "bytes of a file that was announced: its checksum says which",
    "PATCH /api/v1/uploads/{capture_id}": "tus: Upload-Offset is the condition",
    "DELETE /api/v1/uploads/{capture_id}": "tus: ends what nobody edits",
    "DELETE /api/v1/captures/{capture_id}": "called off, never edited: 409 once it has a file",
    "DELETE /api/v1/exports/{export_id}": "removed, never edited",
    "DELETE /api/v1/recordings/{recording_id}": "deleted for good, whatever became of it meanwhile",
    "DELETE /api/v1/invitations/{invitation_id}": "ended, never edited: another invitation is another thing",
    "DELETE /api/v1/screening-days/{day_id}/passes/{pass_id}": "ended, never edited",
}
"""Changes that no version guards, and why."""
LOOKED_AT = {
    "/members/{user_id}/second-factor": "/members/{user_id}",
    "/api-keys/{api_key_id}/rotate": "/api-keys/{api_key_id}",
    "/analyses/{analysis_id}/corrections": "/analyses/{analysis_id}",
    "/analyses/{analysis_id}/corrections/{correction_id}/undo": "/analyses/{analysis_id}",
    "/roster-imports/{import_id}/confirm": "/roster-imports/{import_id}",
    "/teams/{team_id}/athletes/{athlete_id}": "/athletes/{athlete_id}",
    "/screening-days/{day_id}/stations": "/screening-days/{day_id}",
    "/screening-days/{day_id}/stations/{station_id}": "/screening-days/{day_id}",
}
"""Where the version is read, if not at the address of the change."""
SENT: dict[str, dict[str, object]] = {
    "add_athlete_to_team": {"bib": "17"},
    "change_member": {"role": "trainer"},
    "change_sign_in_rules": {"roles": ["viewer"], "grace_days": 3},
    "change_privacy_rules": {"keep_original_days": 31},
    "answer_roster_import": {"match_by": "name_and_birth"},
    "correct_analysis": {"kind": "swap_sides"},
    "edit_station": {"name": "By the window"},
}
REFUSED_FOR_ANOTHER_REASON = {"reset_second_factor", "undo_correction"}
"""Taken as far as the version goes: there is no second factor to take off, and the video is being read again."""


def edits() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every operation that takes `If-Match`."""
    for path, methods in build_document()["paths"].items():
        for method, operation in methods.items():
            if any(each["name"] == "If-Match" for each in operation.get("parameters", ())):
                yield method.upper(), path, operation


EDITS = {operation["operationId"]: (method, path) for method, path, operation in edits()}


def test_routes_when_they_change_something_then_they_take_if_match_or_say_why_not(app: FastAPI) -> None:
    changing = {
        f"{method.upper()} {path}"
        for path, methods in build_document()["paths"].items()
        for method in methods
        if method in {"put", "patch", "delete"}
    }
    guarded = {f"{method} {path}" for method, path in EDITS.values()}
    assert changing - guarded == WITHOUT.keys()
    assert len(guarded) >= 17


def test_description_when_an_edit_takes_if_match_then_it_tells_of_412_and_etag() -> None:
    paths = build_document()["paths"]
    for _, path, operation in edits():
        assert "412" in operation["responses"], operation["operationId"]
        looked_at = "/api/v1" + LOOKED_AT.get(path.removeprefix("/api/v1"), path.removeprefix("/api/v1"))
        assert "ETag" in paths[looked_at]["get"]["responses"]["200"]["headers"], operation["operationId"]


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    """May ask an identity provider on loopback."""
    return replace(parts, settings=parts.settings.model_copy(update={"provider_private_targets": True}))


@pytest.fixture(scope="module")
def things(club: Club, parts: PartsForTests) -> Iterator[Things]:
    found = Things(club=club, parts=parts)
    with identity_provider() as provider:
        found.adopt("issuer", provider.issuer)
        yield found


@pytest.fixture(scope="module")
def owner(club: Club, parts: PartsForTests, address: str) -> Iterator[httpx.Client]:
    """A browser of the owner: keys may not manage people."""
    with parts.uow_factory(None) as uow:
        login = accounts.sign_in(uow=uow, email=club.email, password=PASSWORD)
    cookies = {login_cookie_name(parts.settings): login.token}
    with httpx.Client(base_url=address, cookies=cookies, headers={"Origin": address}, timeout=30) as client:
        yield client


@pytest.mark.parametrize("operation", sorted(EDITS))
def test_edit_when_of_another_version_then_412_and_when_of_the_present_one_then_done(
    owner: httpx.Client, things: Things, operation: str
) -> None:
    method, path = EDITS[operation]
    document = build_document()
    described = document["paths"][path][method.lower()]
    chosen = OTHER_THINGS.get(operation, {})
    names = {each["name"] for each in described["parameters"] if each["in"] == "path"}
    ids = {name: things.id_of(chosen.get(name, name)) for name in sorted(names, reverse=True)}
    besides = BESIDES.get(operation, set())
    for name in besides:
        things.id_of(name)
    below = path.removeprefix("/api/v1")
    looked_at = f"/api/v1{LOOKED_AT.get(below, below)}".format(**ids)
    make = BODIES.get(operation)
    body = SENT.get(operation) or (make(things) if make else body_of(described, document))

    def send(tag: str) -> httpx.Response:
        return owner.request(method, path.format(**ids), json=body, headers={"If-Match": tag})

    before = owner.get(looked_at)
    tag = before.headers["ETag"]
    assert tag.startswith('"')
    for wrong in ('"another"', 'W/"another", "one more"', "no tag"):
        check_problem(send(wrong), code="precondition_failed")
    unchanged = owner.get(looked_at)
    assert (unchanged.headers["ETag"], unchanged.json()) == (tag, before.json())
    done = send(f'"another", {tag}')
    things.forget({*names, *chosen.values(), *besides})
    if operation in REFUSED_FOR_ANOTHER_REASON:
        assert done.status_code == 409
        return
    assert done.is_success, done.text
    after = owner.get(looked_at)
    if "ETag" in done.headers and method != "POST":
        assert done.headers["ETag"] == after.headers["ETag"]
    if after.is_success and operation != "erase_athlete":
        assert after.headers["ETag"] != tag, after.text
        assert send(tag).status_code in {409, 412}


def test_edits_when_eight_start_from_one_version_then_one_is_made(club: Club) -> None:
    tag = club.client.get("/api/v1/privacy").headers["ETag"]

    def change(days: int) -> int:
        return club.client.patch(
            "/api/v1/privacy", json={"keep_original_days": days}, headers={"If-Match": tag}
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(change, range(40, 48)))
    assert answers == [200] + [412] * 7


def test_upsert_when_nobody_has_the_id_and_a_version_is_asked_for_then_412_and_nobody_is_made(
    club: Club,
) -> None:
    address = "/api/v1/athletes/by-external-id/vald/nobody-yet"
    answer = club.client.put(address, json={"name": "New"}, headers={"If-Match": '"v1"'})
    check_problem(answer, code="precondition_failed")
    assert club.client.get(address).status_code == 404


def test_tags_when_read_then_lists_weak_ones_and_any_are_understood() -> None:
    assert expected_of(None).tags is None
    assert expected_of(" * ").tags is None
    assert expected_of('"a", W/"b" ,"c,d"').tags == {"a", "b", "c,d"}
    assert expected_of("v1").tags == frozenset()
    assert tag_of(frozenset({"b", "a"}), None) == tag_of(frozenset({"a", "b"}), None)
    assert tag_of(frozenset({"a"})) != tag_of(frozenset({"b"})) != tag_of(None)
