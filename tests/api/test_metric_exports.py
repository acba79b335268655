"""Measurements as files: whole, harmless to spreadsheets, streamed, and only one's own."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from app.domain.access import Permission
from app.services import metric_export
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests, fake_video
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

CSV, NDJSON = "/api/v1/exports/metrics.csv", "/api/v1/exports/metrics.ndjson"


@pytest.fixture(scope="module")
def exported(make_club: Callable[[], Club], parts: PartsForTests) -> Club:
    """A club with five analyses, two metrics each: two of somebody whose names are formulas, three of nobody."""
    club = make_club()
    athlete = club.client.post(
        "/api/v1/athletes", json={"name": "=HYPERLINK(1)", "external_id": "@SUM(A1)"}
    ).json()
    for number in range(5):
        fields = {"athlete_id": athlete["id"]} if number < 2 else {}
        made = upload(club.client, fake_video(6000 + number), fields=fields).json()
        analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(made["id"]))
    return club


def _rows(club: Club, **params: Any) -> list[dict[str, str]]:
    answer = club.client.get(CSV, params=params)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_csv_when_exported_then_one_number_per_line_with_its_unit(exported: Club) -> None:
    answer = exported.client.get(CSV)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = _rows(exported)
    assert len(rows) == 10
    assert [(row["metric"], row["side"], row["value"], row["unit"], row["se"]) for row in rows[:2]] == [
        ("fppa", "left", "12.3457", "deg", "2.0"),
        ("jump_height", "both", "", "m", ""),
    ]
    assert len({row["analysis_id"] for row in rows}) == 5


def test_csv_when_a_name_is_a_formula_then_no_spreadsheet_takes_it_for_one(exported: Club) -> None:
    row = _rows(exported)[0]
    assert (row["athlete_name"], row["athlete_external_id"]) == ("'=HYPERLINK(1)", "'@SUM(A1)")


def test_ndjson_when_exported_then_the_same_numbers_as_they_are(exported: Club) -> None:
    lines = [json.loads(line) for line in exported.client.get(NDJSON).text.splitlines()]
    assert len(lines) == 10
    assert (lines[0]["athlete_name"], lines[0]["value"], lines[1]["value"]) == (
        "=HYPERLINK(1)",
        12.3457,
        None,
    )
    assert [line["analysis_id"] for line in lines] == [row["analysis_id"] for row in _rows(exported)]
    summary = exported.client.get(f"/api/v1/recordings/{lines[0]['recording_id']}/analysis").json()
    score = summary["risk_score"]
    assert [lines[0]["score_low"], lines[0]["score_high"]] == score["interval_90"]
    assert (lines[0]["score"], lines[0]["band"]) == (score["value"], score["band"])
    assert (float(_rows(exported)[0]["score"]), _rows(exported)[0]["band"]) == (score["value"], score["band"])


def test_export_when_filtered_then_only_those(exported: Club) -> None:
    athlete_id = _rows(exported)[0]["athlete_id"]
    assert {row["athlete_id"] for row in _rows(exported, athlete_id=athlete_id)} == {athlete_id}
    assert {row["metric"] for row in _rows(exported, metric=["fppa"])} == {"fppa"}
    assert len(_rows(exported, metric=["fppa", "jump_height"])) == 10
    assert _rows(exported, screened_to="2001-01-01") == []
    assert _rows(exported, verdict="invalid") == []
    assert len(_rows(exported, method_version="1")) == 10


def test_export_when_it_takes_several_batches_then_each_row_once(
    exported: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _rows(exported)
    monkeypatch.setattr(metric_export, "ANALYSES_AT_A_TIME", 2)
    assert _rows(exported) == whole


def test_export_when_an_analysis_was_replaced_then_only_the_latest_unless_asked(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    made = upload(club.client, fake_video(7000)).json()
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(made["id"]))
    club.client.post(f"/api/v1/recordings/{made['id']}/requeue")
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(made["id"]))
    assert {row["run"] for row in _rows(club)} == {"2"}
    assert [row["run"] for row in _rows(club, all_runs=True)] == ["1", "1", "2", "2"]


def test_export_when_the_key_may_not_read_the_roster_then_without_names(
    exported: Club, parts: PartsForTests, address: str
) -> None:
    key = make_key(parts, exported.principal, scopes=frozenset({Permission.RESULTS_READ}))
    with client_with_key(address, key) as client:
        lines = [json.loads(line) for line in client.get(NDJSON).text.splitlines()]
    assert {line["athlete_name"] for line in lines} == {None}
    assert len(lines) == 10


def test_export_when_of_another_organisation_then_nothing_of_it(
    club: Club, exported: Club, parts: PartsForTests
) -> None:
    assert _rows(club) == []
    athlete_id = _rows(exported)[0]["athlete_id"]
    check_problem(club.client.get(CSV, params={"athlete_id": athlete_id}), code="not_found")


def test_export_when_the_days_are_the_wrong_way_round_then_told_so(club: Club) -> None:
    answer = club.client.get(CSV, params={"screened_from": "2026-02-01", "screened_to": "2026-01-01"})
    check_problem(answer, code="invalid_input")


def test_export_when_made_then_the_audit_trail_knows(exported: Club, parts: PartsForTests) -> None:
    _rows(exported)
    with parts.uow_factory(exported.organisation_id) as uow:
        acts = uow.audit.list_newest(
            organisation_id=exported.organisation_id,
            before=None,
            act="analyses.metrics_exported",
            object_id=None,
            limit=1,
        )
    assert acts[0].object_id == exported.organisation_id
