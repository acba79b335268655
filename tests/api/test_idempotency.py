"""A POST sent again with its Idempotency-Key has one effect and one answer, whatever happened to the first answer."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import Engine, text

from app.api.deps import get_uow
from app.http.idempotency import EXEMPT
from app.http.small_bodies import SmallBodyRoute
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.support import PartsForTests, fake_video
from tests.api.test_errors import check_problem
from tests.api.test_routes import api_routes
from tests.api.test_uploads import upload

AT_ONCE = 200


def post(club: Club, path: str, key: str, **body: object) -> httpx.Response:
    return club.client.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key})


def kept_rows(engine: Engine, club: Club) -> list[Any]:
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        return list(connection.execute(text("SELECT * FROM idempotency_key")))


def calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from calls(below)


def test_posts_when_walked_then_every_one_takes_a_key_or_says_why_not(app: FastAPI) -> None:
    without = {
        context.path
        for context in api_routes(app)
        if (context.path or "").startswith("/api/v1/")
        and "POST" in (context.methods or ())
        and not (
            isinstance(context.original_route, APIRoute)
            and isinstance(context.original_route, SmallBodyRoute)
            and get_uow in calls(context.dependant)
        )
    }
    assert without == set(EXEMPT)


def test_request_when_sent_again_then_the_same_answer_and_no_second_effect(
    make_club: Callable[[], Club],
) -> None:
    club, key = make_club(), uuid4().hex
    first = post(club, "/athletes", key, name="Alex")
    again = post(club, "/athletes", key, name="Alex")
    assert (first.status_code, first.headers.get("Idempotent-Replayed")) == (201, None)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert len(club.client.get("/api/v1/athletes").json()["items"]) == 1


def test_key_when_used_for_another_request_then_422(make_club: Callable[[], Club], address: str, parts: PartsForTests) -> None:  # fmt: skip
    club, key = make_club(), uuid4().hex
    post(club, "/teams", key, name="U17")
    with client_with_key(address, make_key(parts, club.principal)) as colleague:
        others = [
            post(club, "/teams", key, name="U19"),
            post(club, "/athletes", key, name="U17"),
            colleague.post("/api/v1/teams", json={"name": "U17"}, headers={"Idempotency-Key": key}),
            upload(club.client, key=key),
        ]
    for answer in others:
        assert answer.status_code == 422, answer.text
        check_problem(answer, code="idempotency_key_reused")
    assert post(make_club(), "/teams", key, name="U17").status_code == 201


@pytest.mark.parametrize("key", ["a b", "x" * 201, "schlüssel".encode()])
def test_key_when_it_is_none_then_422(club: Club, key: Any) -> None:
    answer = club.client.post("/api/v1/teams", json={"name": "X"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    check_problem(answer, code="invalid_input")


def test_request_when_it_was_refused_then_its_key_is_free(club: Club, engine: Engine) -> None:
    key = uuid4().hex
    before = len(kept_rows(engine, club))
    assert post(club, "/captures", key, athlete_id=str(uuid4())).status_code == 404
    assert post(club, "/captures", key, movement="handstand").status_code == 422
    assert len(kept_rows(engine, club)) == before
    assert post(club, "/captures", key).status_code == 201


def test_request_when_the_first_is_still_at_work_then_409_and_when_to_come_back(
    club: Club, parts: PartsForTests
) -> None:
    key = uuid4().hex
    with parts.uow_factory(club.principal) as uow:
        assert uow.idempotency.hold(organisation_id=club.organisation_id, key=key)
        answer = post(club, "/captures", key)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    check_problem(answer, code="request_in_flight")
    assert post(club, "/captures", key).status_code == 201


def test_requests_when_two_hundred_come_at_once_then_one_capture_and_one_answer(
    make_club: Callable[[], Club],
) -> None:
    club, key = make_club(), uuid4().hex

    def send(_number: int) -> httpx.Response:
        while (answer := post(club, "/captures", key, client_ref="once")).status_code == 409:
            pass
        return answer

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(send, range(AT_ONCE)))
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len(club.client.get("/api/v1/captures").json()["items"]) == 1


def test_uploads_when_two_hundred_come_at_once_then_one_recording(make_club: Callable[[], Club]) -> None:
    club, content = make_club(), fake_video(2000)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _n: upload(club.client, content, key="once"), range(AT_ONCE)))
    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) <= {202, 429}
    assert counts[202] >= 100
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert len(club.client.get("/api/v1/recordings").json()["items"]) == 1


def test_answer_when_it_holds_a_secret_or_a_name_then_sealed_and_forgotten_with_an_erasure(
    make_club: Callable[[], Club], engine: Engine, parts: PartsForTests
) -> None:
    club, key = make_club(), uuid4().hex
    athlete = club.client.post("/api/v1/athletes", json={"name": "Canary Person"}).json()
    path = f"/athletes/{athlete['id']}/guardian-links"
    first = post(club, path, key)
    assert first.status_code == 201, first.text
    link = first.json()["url"]
    rows = kept_rows(engine, club)
    assert [row.status for row in rows] == [201]
    for told in (link.rpartition("#")[2], "Canary"):
        assert told.encode() not in rows[0].body
        assert told not in str(rows[0].headers)
    assert post(club, path, key).json()["url"] == link
    with parts.uow_factory(club.organisation_id) as uow:
        uow.idempotency.forget_bodies(organisation_id=club.organisation_id)
    after = post(club, path, key)
    assert (after.status_code, after.content, after.headers["Idempotent-Replayed"]) == (201, b"", "true")
