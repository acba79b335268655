"""Screenings, histories, changes and the method through REST."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.biomech.definitions import METRICS
from app.biomech.method import COMPONENTS, METHOD_VERSION
from app.biomech.types import Movement
from app.domain.audit import Act
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.factories import Club as StoredClub
from tests.screenings import DAY, ScreeningMaker, landing_record, standing_record

LATER = DAY + timedelta(days=60)


@pytest.fixture
def own(make_club: Callable[[], Club]) -> Club:
    return make_club()


@pytest.fixture
def make(own: Club, parts: PartsForTests, tmp_path) -> ScreeningMaker:
    stored = StoredClub(principal=own.principal, email=own.email)
    return ScreeningMaker(uow_factory=parts.uow_factory, blobs=parts.blobs, club=stored, folder=tmp_path)


def read(client: httpx.Client, address: str, **params: object) -> dict:
    answer = client.get(f"/api/v1{address}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_screening_when_read_then_trials_numbers_sides_alignment_references_and_score(own, make) -> None:
    athlete = make.athlete()
    records = [landing_record(fppa=(v, v + 16.0), displacement=v) for v in (1.0, 2.0, 3.0)]
    screening_id = make.landings(athlete, *records)
    make.trial(athlete, standing_record(left=-1.0, right=-1.0), movement=Movement.STANDING)
    found = read(own.client, f"/screenings/{screening_id}")
    assert found["athlete"]["id"] == str(athlete)
    landing, standing = found["movements"]
    assert (landing["movement"], standing["movement"]) == ("drop_vertical_jump", "standing")
    assert (landing["n_trials"], landing["advice"]) == (3, "enough")
    assert [trial["counts"] for trial in landing["trials"]] == [True] * 3
    fppa = next(m for m in landing["metrics"] if (m["key"], m["side"]) == ("fppa", "both"))
    assert (fppa["mean"], fppa["low"], fppa["high"], fppa["worst_trial"]) == (10.0, 9.0, 11.0, 3)
    assert [value["value"] for value in fppa["trials"]] == [9.0, 10.0, 11.0]
    assert fppa["se"] == pytest.approx((fppa["se_shared"] ** 2 + fppa["se_trials"] ** 2) ** 0.5, abs=1e-3)
    assert (fppa["norm"]["position"], fppa["norm"]["n"]) == ("typical", 100)
    assert "Herrington & Munro" in fppa["norm"]["source"]
    assert (fppa["team_norm"]["suitable"], fppa["team_norm"]["reason"]) == (False, "no_team")
    (sides,) = landing["asymmetries"]
    assert (sides["verdict"], sides["larger"]) == ("asymmetric", "right")
    assert {one["valgus_class"] for one in landing["static"]["judgements"]} <= {"dynamic", "neither"}
    assert landing["static"]["source"]["same_screening"] is True
    assert landing["risk_score"]["scope"] == "frontal"
    assert standing["static"] is None


def test_screenings_when_listed_then_everybodys_newest_first_with_their_scores(own, make, make_club) -> None:
    ada, bea = make.athlete(), make.athlete()
    first = make.landings(ada, landing_record())
    later = make.landings(ada, landing_record(), day=LATER)
    other = make.landings(bea, landing_record())
    items, url = [], "/api/v1/screenings?limit=2"
    while url:
        answer = own.client.get(url)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        url = answer.links.get("next", {}).get("url")
    assert items[0]["id"] == str(later)
    assert {item["id"] for item in items} == {str(first), str(later), str(other)}
    whole = read(own.client, f"/screenings/{later}")
    assert items[0]["athlete"] == whole["athlete"]
    (listed,), (movement,) = items[0]["movements"], whole["movements"]
    assert listed == {name: movement[name] for name in listed}
    assert listed["risk_score"]["band"]

    def ids(**params: str) -> set[str]:
        return {item["id"] for item in read(own.client, "/screenings", **params)["items"]}

    assert ids(athlete_id=str(bea)) == {str(other)}
    assert ids(screened_from=LATER.isoformat()) == {str(later)}
    assert ids(screened_to=DAY.isoformat()) == {str(first), str(other)}
    assert ids(context="fatigued") == set()
    team = own.client.post("/api/v1/teams", json={"name": "U17"}).json()["id"]
    assert ids(team_id=team) == set()
    own.client.patch(f"/api/v1/athletes/{bea}", json={"team_ids": [team]})
    assert ids(team_id=team) == {str(other)}
    check_problem(make_club().client.get(f"/api/v1/screenings?team_id={team}"), code="not_found")
    assert read(make_club().client, "/screenings")["items"] == []


def test_history_when_read_then_versions_stand_with_a_marker_between_them(own, make) -> None:
    athlete = make.athlete()
    first = make.landings(athlete, landing_record())
    make.landings(athlete, landing_record(version="1.1.0"), day=LATER)
    page = read(own.client, f"/athletes/{athlete}/history", limit=1)
    assert [item["id"] for item in page["items"]] == [str(first)]
    (second,) = read(own.client, f"/athletes/{athlete}/history", cursor=page["next_cursor"])["items"]
    (movement,) = second["movements"]
    assert movement["breaks"] == ["method_version"]
    assert movement["previous_screening_id"] == str(first)
    assert {item["key"] for item in movement["metrics"]} == {
        "fppa",
        "knee_valgus_displacement",
        "contact_time",
    }


def test_change_when_asked_for_then_one_verdict_per_number_with_interval_and_words(own, make) -> None:
    athlete = make.athlete()
    first = make.landings(athlete, *[landing_record(fppa=(18.0, 18.0))] * 3)
    second = make.landings(athlete, *[landing_record(fppa=(7.0, 7.0))] * 3, day=LATER)
    found = read(own.client, f"/athletes/{athlete}/change", **{"from": str(first), "to": str(second)})
    assert (found["before"]["id"], found["after"]["id"]) == (str(first), str(second))
    (movement,) = found["movements"]
    fppa = next(m for m in movement["metrics"] if (m["key"], m["side"]) == ("fppa", "both"))
    assert (fppa["verdict"], fppa["difference"], fppa["mdc95"]) == ("improved", -11.0, 8.9)
    assert fppa["interval_95"] == [-19.9, -2.1]
    assert fppa["probability_improved"] > 0.99
    assert "Munro 2012" in fppa["mdc_source"]
    assert fppa["words"].startswith("Improved: -11.0 deg")
    assert movement["score"]["verdict"] == "within_measurement_error"
    assert sum(movement["counts"].values()) == len(movement["metrics"])
    assert read(own.client, f"/athletes/{athlete}/change") == found


def test_change_when_versions_differ_then_not_comparable_in_words(own, make) -> None:
    athlete = make.athlete()
    make.landings(athlete, landing_record())
    make.landings(athlete, landing_record(version="1.1.0"), day=LATER)
    (movement,) = read(own.client, f"/athletes/{athlete}/change")["movements"]
    assert movement["obstacles"] == ["method_version"]
    assert "analyse the older one again" in movement["words"]
    assert {item["verdict"] for item in movement["metrics"]} == {"not_comparable"}


def test_change_when_the_screenings_are_in_the_wrong_order_then_422(own, make) -> None:
    athlete = make.athlete()
    first = make.landings(athlete, landing_record())
    second = make.landings(athlete, landing_record(), day=LATER)
    answer = own.client.get(
        f"/api/v1/athletes/{athlete}/change", params={"from": str(second), "to": str(first)}
    )
    check_problem(answer, code="invalid_input")
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["from", "to"])
def test_change_when_a_screening_is_another_organisations_then_404(
    own, make, make_club, parts, tmp_path, name
) -> None:
    theirs = make_club()
    other = replace(make, club=StoredClub(principal=theirs.principal, email=theirs.email))
    foreign = other.landings(other.athlete(), landing_record())
    athlete = make.athlete()
    make.landings(athlete, landing_record())
    answer = own.client.get(f"/api/v1/athletes/{athlete}/change", params={name: str(foreign)})
    check_problem(answer, code="not_found")


def test_results_when_read_then_the_audit_trail_says_so(own, make) -> None:
    athlete = make.athlete()
    screening_id = make.landings(athlete, landing_record())
    read(own.client, f"/screenings/{screening_id}")
    read(own.client, f"/athletes/{athlete}/history")
    told = {(line["act"], line["object_id"]) for line in read(own.client, "/audit")["items"]}
    assert {(Act.SCREENING_READ, str(screening_id)), (Act.HISTORY_READ, str(athlete))} <= told


def test_metrics_when_read_then_the_registry_whole(own) -> None:
    items = read(own.client, "/metrics")["items"]
    assert [item["key"] for item in items] == list(METRICS)
    fppa = items[0]
    assert (fppa["unit"], fppa["mdc"], fppa["higher_is"], fppa["target"]) == ("deg", 8.9, "more valgus", 0.0)


def test_methods_when_read_then_cutoffs_with_their_source_and_versions_in_use(own, make) -> None:
    make.landings(make.athlete(), landing_record(version="0.9.0"), landing_record(version=METHOD_VERSION))
    found = read(own.client, "/methods")
    assert found["current_version"] == METHOD_VERSION
    assert {(use["method_version"], use["is_current"]) for use in found["in_use"]} == {
        ("0.9.0", False),
        (METHOD_VERSION, True),
    }
    assert [part["key"] for part in found["components"]] == list(COMPONENTS)
    assert all(part["source"] and part["mark"] in found["marks"] for part in found["components"])
    fppa = next(part for part in found["components"] if part["key"] == "fppa")
    assert fppa["cutoff_by_sex"] == {"female": 13.0, "male": 8.0}
    less = next(test for test in found["screening_tests"] if test["key"] == "less_5")
    assert [round(100 * one["predictive_value"], 1) for one in less["predictive_values"]] == [
        1.4,
        2.4,
        6.9,
        21.0,
    ]
    assert found["recommended_trials"]["single_leg_squat"] == 5


def test_methods_when_nothing_was_analysed_here_then_no_version_is_in_use(own, make_club, parts) -> None:
    assert read(make_club().client, "/methods")["in_use"] == []
