"""Limits are told before somebody runs into them, and hold before a file is read."""

from collections.abc import Callable
from typing import Any

import httpx

from app.domain.access import Role
from app.domain.quotas import Quotas
from app.services.quotas import set_quotas
from tests.api.conftest import Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_captures import announce, put
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

URL = "/api/v1/limits"


def quotas_of(club: Club) -> dict[str, Any]:
    document: dict[str, Any] = club.client.get(URL).json()["quotas"]
    return document


def allow(parts: PartsForTests, club: Club, **quotas: int) -> None:
    with parts.uow_factory(club.organisation_id) as uow:
        set_quotas(uow=uow, organisation_id=club.organisation_id, quotas=Quotas(**quotas))


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403, answer.text
    check_problem(answer, code="quota_exceeded")


def test_limits_when_nothing_was_set_then_those_of_the_service_and_what_is_used(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    told = club.client.get(URL).json()
    assert told["video"]["max_bytes"] == parts.settings.max_upload_bytes
    assert told["rates"] == {"requests_per_minute": 1200, "uploads_per_minute": 120}
    assert told["quotas"]["stored_bytes"] == {"limit": None, "used": 0, "remaining": None}
    upload(club.client, fake_video(5000))
    announce(club.client)
    make_club_upload = upload(make_club().client, fake_video(9000))
    assert make_club_upload.status_code == 202
    quotas = quotas_of(club)
    assert quotas["stored_bytes"]["used"] == 5000
    assert quotas["recordings_a_month"]["used"] == 1
    assert quotas["open_uploads"] == {"limit": 500, "used": 1, "remaining": 499}


def test_quota_of_bytes_when_used_up_then_refused_whichever_way(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    allow(parts, club, stored_bytes=10_000)
    capture = announce(club.client, size_bytes=8000)
    assert put(club.client, capture, fake_video(8000)).is_success
    assert quotas_of(club)["stored_bytes"] == {"limit": 10_000, "used": 8000, "remaining": 2000}
    refused(club.client.post("/api/v1/captures", json={"size_bytes": 2001}))
    refused(upload(club.client, fake_video(4000)))
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "2001"}
    refused(club.client.post("/api/v1/uploads", headers=tus))
    assert club.client.post("/api/v1/captures", json={"size_bytes": 2000}).status_code == 201


def test_quotas_of_counts_when_used_up_then_refused(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    allow(parts, club, open_uploads=1)
    waiting = announce(club.client)
    refused(club.client.post("/api/v1/captures", json={}))
    assert upload(club.client).status_code == 202
    assert put(club.client, waiting, fake_video(6000)).is_success
    announce(club.client)
    allow(parts, club, recordings_a_month=2)
    refused(club.client.post("/api/v1/captures", json={}))
    refused(upload(club.client))
    allow(parts, club, recordings_a_month=3)
    assert upload(club.client).status_code == 202


def test_usage_when_a_limited_member_is_asked_about_then_the_whole_organisations(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    """Who sees a part of an organisation fills all of it."""
    from dataclasses import replace
    from uuid import uuid4

    club = make_club()
    upload(club.client, fake_video(5000))
    limited = replace(club.principal, role=Role.TRAINER, limited_to=uuid4())
    with parts.uow_factory(limited) as uow:
        assert uow.quotas.usage().stored_bytes == 5000


def test_answers_when_given_then_tell_how_many_requests_are_left(club: Club) -> None:
    first, second = club.client.get(URL), club.client.get("/api/v1/teams")
    assert first.headers["RateLimit-Limit"] == "1200"
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in (first, second)]
    assert left[0] - left[1] == 1
    assert 0 <= int(second.headers["RateLimit-Reset"]) <= 120
