"""Every error has a status, a stable code, a message and advice, in one shape, and tells nothing it should not."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.exc import OperationalError

from app.api.errors import STATUS_BY_CODE, problem_of
from app.api.schemas.problem import ProblemDocument
from app.db.engine import make_engine
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.errors import DomainError, InvalidInputError, TooManyRequestsError, UnreadableVideoError
from app.http.access import anybody
from app.http.problems import Problem
from app.jobs.memory_queue import MemoryQueue
from app.main import create_app
from app.storage.blobs import StorageFullError
from tests.api.conftest import Club
from tests.api.support import PartsForTests, serving


def subclasses(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    """Walk all errors with a code of their own; those that inherit one are told like their parent."""
    for found in kind.__subclasses__():
        if "code" in vars(found):
            yield found
        yield from subclasses(found)


@pytest.mark.parametrize("kind", sorted(subclasses(DomainError), key=lambda kind: kind.__name__))
def test_domain_error_when_raised_then_has_status_and_title(kind: type[DomainError]) -> None:
    problem = problem_of(kind("What is wrong.", how_to_fix="What to do."))
    assert 400 <= problem.status < 600
    assert problem.code == kind.code
    assert (problem.message, problem.how_to_fix) == ("What is wrong.", "What to do.")
    assert problem.title


def test_status_table_when_compared_with_errors_then_nothing_left_over() -> None:
    assert set(STATUS_BY_CODE) == {kind.code for kind in subclasses(DomainError)}


def test_unreadable_video_when_told_then_code_is_the_findings() -> None:
    problem = problem_of(UnreadableVideoError("Cut off.", how_to_fix="Send again.", reason="corrupt_video"))
    assert (problem.status, problem.code) == (422, "corrupt_video")


def test_unexpected_error_when_told_then_nothing_of_it_shows() -> None:
    problem = problem_of(RuntimeError("password=hunter2"))
    assert problem.status == 500
    assert "hunter2" not in repr(problem)


def test_full_disk_when_told_then_507() -> None:
    assert problem_of(StorageFullError("no room")).status == 507


def test_too_many_when_told_then_says_when_to_come_back() -> None:
    problem = problem_of(TooManyRequestsError("Too often.", retry_after_s=17))
    assert problem.headers["Retry-After"] == "17"


def test_wrong_field_when_named_then_listed() -> None:
    problem: Problem = problem_of(InvalidInputError("Taken.", field="name"))
    assert problem.errors == ({"field": "name", "message": "Taken."},)


@pytest.fixture(scope="module")
def breaking_app(parts: PartsForTests) -> FastAPI:
    """The application with a route that breaks, to see what a crash tells."""
    app = create_app(parts)
    router = APIRouter(dependencies=[Depends(anybody)])

    @router.get("/api/v1/break")
    def break_down() -> None:
        raise RuntimeError("secret detail of the inside")

    app.include_router(router)
    return app


def test_crash_when_it_happens_then_plain_500_without_detail(breaking_app: FastAPI) -> None:
    with serving(breaking_app) as address:
        answer = httpx.get(f"{address}/api/v1/break")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    check_problem(answer, code="unexpected_error")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_database_when_away_then_503_that_says_when_to_come_back(club: Club, parts: PartsForTests) -> None:
    nowhere = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    away = replace(parts, uow_factory=UnitOfWorkFactory(engine=nowhere, queue=MemoryQueue()))
    with serving(create_app(away)) as address:
        answer = httpx.get(f"{address}/api/v1/teams", headers={"Authorization": f"Bearer {club.api_key}"})
    assert answer.status_code == 503
    check_problem(answer, code="unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "127.0.0.1" not in answer.text


def test_error_of_a_statement_when_told_then_not_called_away() -> None:
    assert problem_of(OperationalError("SELECT", None, Exception("canceled"))).status == 500


def check_problem(answer: httpx.Response, *, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = ProblemDocument.model_validate(answer.json(), extra="forbid")
    assert document.code == code
    assert document.status == answer.status_code
    assert document.message == document.detail != ""
    assert document.how_to_fix
    assert document.request_id == answer.headers["X-Request-ID"]
    assert document.instance == answer.request.url.path


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v1/teams/", 404, "not_found"),
        ("DELETE", "/api/v1/teams", 405, "method_not_allowed"),
        ("GET", "/api/v1/teams/not-an-id", 404, "not_found"),
        ("GET", "/api/v1/teams?limit=0", 422, "invalid_input"),
        ("GET", "/api/v1/teams?limit=201", 422, "invalid_input"),
        ("GET", "/api/v1/recordings?state=sleeping", 422, "invalid_input"),
    ],
)
def test_request_when_wrong_then_problem(club: Club, method: str, path: str, status: int, code: str) -> None:
    answer = club.client.request(method, path)
    assert answer.status_code == status
    check_problem(answer, code=code)


def test_method_when_not_allowed_then_allow_header(club: Club) -> None:
    assert "POST" in club.client.delete("/api/v1/teams").headers["Allow"]


def test_body_when_fields_are_wrong_then_plain_list(club: Club) -> None:
    answer = club.client.post("/api/v1/athletes", json={"stature_cm": 20, "nickname": "Al"})
    assert answer.status_code == 422
    check_problem(answer, code="invalid_input")
    listed = {item["field"]: item["message"] for item in answer.json()["errors"]}
    assert set(listed) == {"stature_cm", "nickname"}
    assert listed["nickname"] == "There is no such field."


def test_body_when_a_field_is_missing_then_it_is_named(club: Club) -> None:
    answer = club.client.post("/api/v1/teams", json={})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "name", "message": "This is required."}]


def test_body_when_an_athlete_has_no_name_of_any_kind_then_refused(club: Club) -> None:
    answer = club.client.post("/api/v1/athletes", json={"stature_cm": 170})
    check_problem(answer, code="invalid_input")


@pytest.mark.parametrize("field", ["organisation_id", "id", "role", "state"])
def test_body_when_it_claims_what_is_ours_then_refused(club: Club, field: str) -> None:
    answer = club.client.post("/api/v1/teams", json={"name": "U17", field: "x"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "message": "There is no such field."}]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/teams", "GET, POST"),
        ("PATCH", "/api/v1/athletes/tombstones", "GET"),
        ("OPTIONS", f"/api/v1/members/{UUID(int=0)}", "DELETE, GET, PUT"),
    ],
)
def test_method_when_not_taken_then_405_names_all_that_are(
    club: Club, method: str, path: str, allowed: str
) -> None:
    answer = club.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    check_problem(answer, code="method_not_allowed")


def test_body_when_not_json_then_400(club: Club) -> None:
    answer = club.client.post(
        "/api/v1/teams", content=b'{"name": ', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    check_problem(answer, code="malformed_request")


def test_body_when_huge_then_413(club: Club) -> None:
    answer = club.client.post("/api/v1/teams", json={"name": "x" * 100_000})
    assert answer.status_code == 413
    check_problem(answer, code="request_too_large")


def test_error_when_shown_then_never_repeats_what_was_sent(club: Club) -> None:
    answer = club.client.post("/api/v1/athletes", json={"name": "x", "sex": "canary-value"})
    assert answer.status_code == 422
    assert "canary-value" not in answer.text
