"""Exports over REST: asked for, followed, fetched whole or in part, by nobody else."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from pyarrow import parquet

from app.domain.access import Permission
from app.services.run_export import ExportResult, run_export
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests, fake_video
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

EXPORTS = "/api/v1/exports"


@pytest.fixture(scope="module")
def filmed(make_club: Callable[[], Club], parts: PartsForTests) -> Club:
    """A club with two analyses of somebody whose name is a formula."""
    club = make_club()
    athlete = club.client.post("/api/v1/athletes", json={"name": "=HYPERLINK(1)"}).json()
    for number in range(2):
        made = upload(club.client, fake_video(8000 + number), fields={"athlete_id": athlete["id"]}).json()
        analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(made["id"]))
    return club


def run(parts: PartsForTests, club: Club, export: dict[str, Any]) -> ExportResult:
    return run_export(
        export_id=UUID(export["id"]),
        organisation_id=club.organisation_id,
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        staging_dir=parts.staging.directory,
    )


def make(parts: PartsForTests, club: Club, **body: Any) -> dict[str, Any]:
    asked = club.client.post(EXPORTS, json=body)
    assert asked.status_code == 202, asked.text
    assert asked.headers["retry-after"] == "3"
    assert run(parts, club, asked.json()) is ExportResult.READY
    made: dict[str, Any] = club.client.get(asked.headers["location"]).json()
    return made


def test_export_when_asked_followed_and_fetched_then_a_whole_file(filmed: Club, parts: PartsForTests) -> None:
    made = make(parts, filmed, format="csv-wide", metrics=["fppa"], screened_from="2020-01-01")
    assert (made["state"], made["progress"], made["n_rows"]) == ("ready", 1.0, 2)
    assert made["filter"]["metrics"] == ["fppa"]
    assert made["file_url"] == f"{EXPORTS}/{made['id']}/file"
    answer = filmed.client.get(made["file_url"])
    assert re.search(r"plumbline-csv-wide-\d{4}-\d\d-\d\d.csv", answer.headers["content-disposition"])
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.content) == made["size_bytes"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["athlete_name"] for row in rows] == ["'=HYPERLINK(1)"] * 2
    part = filmed.client.get(made["file_url"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, answer.content[:10])


def test_export_when_parquet_then_an_independent_reader_finds_the_streams_numbers(
    filmed: Club, parts: PartsForTests
) -> None:
    made = make(parts, filmed, format="parquet")
    table = parquet.read_table(pa.BufferReader(filmed.client.get(made["file_url"]).content))
    streamed = csv.DictReader(io.StringIO(filmed.client.get(f"{EXPORTS}/metrics.csv").text, newline=""))
    assert [None if each["value"] == "" else float(each["value"]) for each in streamed] == table.column(
        "value"
    ).to_pylist()


def test_export_when_not_ready_or_removed_then_409_with_what_to_do(
    filmed: Club, parts: PartsForTests
) -> None:
    asked = filmed.client.post(EXPORTS, json={"format": "ndjson"}).json()
    path = f"{EXPORTS}/{asked['id']}"
    assert asked["file_url"] is None
    too_early = filmed.client.get(f"{path}/file")
    check_problem(too_early, code="stale_state")
    assert "not ready" in too_early.json()["message"]
    assert filmed.client.delete(path).status_code == 204
    assert filmed.client.delete(path).status_code == 204
    assert run(parts, filmed, asked) is ExportResult.NOT_CLAIMED
    assert filmed.client.get(path).json()["state"] == "removed"
    check_problem(filmed.client.get(f"{path}/file"), code="stale_state")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": "pdf"},
        {"format": "xlsx", "athlete_ids": []},
        {"format": "xlsx", "movements": ["flying"]},
        {"format": "xlsx", "screened_from": "2026-02-01", "screened_to": "2026-01-01"},
        {"format": "xlsx", "limited_to": None},
    ],
)
def test_export_when_it_makes_no_sense_then_422(filmed: Club, body: dict[str, Any]) -> None:
    check_problem(filmed.client.post(EXPORTS, json=body), code="invalid_input")


def test_export_when_too_many_are_open_then_429_with_when_to_come_back(make_club: Callable[[], Club]) -> None:
    club = make_club()
    for _ in range(5):
        assert club.client.post(EXPORTS, json={"format": "ndjson"}).status_code == 202
    answer = club.client.post(EXPORTS, json={"format": "ndjson"})
    check_problem(answer, code="too_many_requests")
    assert answer.headers["retry-after"] == "30"


def test_export_when_of_others_then_not_found(filmed: Club, club: Club, parts: PartsForTests) -> None:
    made = make(parts, filmed, format="csv-long")
    check_problem(club.client.get(made["file_url"]), code="not_found")
    stranger = filmed.client.get(f"{EXPORTS}/metrics.csv").text.splitlines()[1].split(",")[0]
    check_problem(
        club.client.post(EXPORTS, json={"format": "ndjson", "athlete_ids": [stranger]}), code="not_found"
    )


def test_export_when_the_key_may_not_read_results_then_403(
    filmed: Club, parts: PartsForTests, address: str
) -> None:
    key = make_key(parts, filmed.principal, scopes=frozenset({Permission.ROSTER_READ}))
    with client_with_key(address, key) as client:
        check_problem(client.post(EXPORTS, json={"format": "ndjson"}), code="forbidden")


def test_exports_when_listed_then_newest_first_page_by_page(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    made = [make(parts, club, format="ndjson")["id"] for _ in range(3)]
    first = club.client.get(EXPORTS, params={"limit": 2}).json()
    rest = club.client.get(EXPORTS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]
