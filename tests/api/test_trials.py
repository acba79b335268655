"""One trial filmed from the front and from the side: joined, scored, and read through REST."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pytest

from app.biomech.types import MethodStamp, View
from app.services.analysis_record import AnalysisRecord
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload
from tests.factories import METHOD, finish_recording
from tests.factories import Club as StoredClub
from tests.screenings import record_of
from tests.synth import drop_jump
from tests.synth_sagittal import side_drop_jump


@pytest.fixture(scope="module")
def front() -> AnalysisRecord:
    return record_of(drop_jump(contact_s=0.45)[1], View.FRONTAL)


@pytest.fixture(scope="module")
def side() -> AnalysisRecord:
    return record_of(side_drop_jump(contact_s=0.45, stand_s=1.5)[1], View.SAGITTAL)


@pytest.fixture
def own(make_club: Callable[[], Club]) -> Club:
    return make_club()


def new_athlete(club: Club, **fields: object) -> str:
    answer = club.client.post("/api/v1/athletes", json={"name": "Alex", "sex": "female"} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def send(club: Club, **fields: str) -> dict:
    answer = upload(club.client, fields={"captured_at": "2026-03-14T10:00:00Z"} | fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


@pytest.fixture
def finish(own: Club, parts: PartsForTests) -> Callable[[dict, AnalysisRecord], None]:
    def run(recording: dict, record: AnalysisRecord) -> None:
        stored = StoredClub(principal=own.principal, email=own.email)
        finish_recording(parts.uow_factory, stored, UUID(recording["id"]), record=record)

    return run


def read(client: httpx.Client, address: str, **params: object) -> dict:
    answer = client.get(f"/api/v1{address}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_trial_when_front_and_side_are_sent_then_it_is_joined_and_fully_scored(
    own, finish, front, side
) -> None:
    first = send(own, athlete_id=new_athlete(own))
    second = send(own, trial_id=first["trial_id"], view="sagittal")
    assert second["trial_id"] == first["trial_id"]
    assert second["athlete"]["id"] == first["athlete"]["id"]
    waiting = read(own.client, f"/trials/{first['trial_id']}")
    assert (waiting["method"], waiting["risk_score"], waiting["less"], waiting["metrics"]) == (
        None,
        None,
        None,
        [],
    )
    finish(first, front)
    alone = read(own.client, f"/trials/{first['trial_id']}")
    assert (alone["join"], alone["less"]["total"]) == (None, None)
    assert [(sub["view"], sub["out_of"]) for sub in alone["less"]["sub_scores"]] == [("frontal", 8)]
    assert alone["risk_score"]["scope"] == "frontal"
    finish(second, side)
    trial = read(own.client, f"/trials/{first['trial_id']}")
    assert [(part["view"], part["verdict"]) for part in trial["recordings"]] == [
        ("frontal", "valid"),
        ("sagittal", "valid"),
    ]
    assert all(part["analysis_id"] for part in trial["recordings"])
    join = trial["join"]
    assert (join["joined"], join["source"], join["n_events"]) == (True, "events", 3)
    assert join["offset_s"] == pytest.approx(0.7, abs=0.01)
    assert join["residual_ms"] < 10.0
    score = trial["risk_score"]
    assert (score["scope"], score["coverage"]) == ("full", 0.95)
    less = trial["less"]
    assert (less["n_seen"], less["limb_rule"], less["mdc"]) == (17, "either", 3)
    assert less["total"] == sum(item["error"] for item in less["items"])
    assert less["expected_total"] == pytest.approx(sum(item["expected"] for item in less["items"]), abs=1e-3)
    keys = {metric["key"] for metric in trial["metrics"]}
    assert {"fppa", "knee_flexion", "trunk_flexion", "contact_time"} <= keys
    assert trial["findings"] == []


def test_trial_when_the_side_shows_another_jump_then_it_says_so_and_makes_no_total(
    own, finish, front
) -> None:
    first = send(own, athlete_id=new_athlete(own))
    second = send(own, trial_id=first["trial_id"], view="sagittal")
    finish(first, front)
    finish(second, record_of(side_drop_jump(contact_s=0.75)[1], View.SAGITTAL))
    trial = read(own.client, f"/trials/{first['trial_id']}")
    assert trial["join"]["joined"] is False
    assert trial["join"]["offset_s"] is None
    assert "views_not_same_trial" in {finding["code"] for finding in trial["findings"]}
    assert (trial["less"]["total"], trial["risk_score"]["scope"]) == (None, "frontal")


def test_trial_when_the_two_have_different_methods_then_they_are_never_mixed(
    own, finish, front, side
) -> None:
    first = send(own, athlete_id=new_athlete(own))
    second = send(own, trial_id=first["trial_id"], view="sagittal")
    newer = MethodStamp(version="9.9.9", model_sha256="a" * 64, code_version="0.1.0")
    finish(first, front)
    finish(second, replace(side, method=newer))
    trial = read(own.client, f"/trials/{first['trial_id']}")
    assert {finding["code"] for finding in trial["findings"]} == {"views_of_different_methods"}
    assert trial["method"]["version"] == METHOD.version
    assert trial["risk_score"]["scope"] == "frontal"
    assert [part["analysis_id"] is None for part in trial["recordings"]] == [False, True]
    # Analysed again, the side has a result of the version that the front has, or the other way round.
    assert own.client.post(f"/api/v1/recordings/{first['id']}/requeue").status_code == 202
    finish(first, replace(front, method=newer))
    again = read(own.client, f"/trials/{first['trial_id']}")
    assert (again["method"]["version"], again["risk_score"]["scope"]) == ("9.9.9", "full")


def test_trial_when_a_clap_is_given_then_it_is_checked_against_the_landings(own, finish, front, side) -> None:
    first = send(own, athlete_id=new_athlete(own))
    second = send(own, trial_id=first["trial_id"], view="sagittal")
    finish(first, front)
    finish(second, side)
    address = f"/trials/{first['trial_id']}"
    good = read(own.client, address, front_clap_s=0.1, side_clap_s=0.8)
    assert (good["join"]["source"], good["join"]["offset_s"]) == ("clap", 0.7)
    wrong = read(own.client, address, front_clap_s=0.1, side_clap_s=2.0)
    assert {finding["code"] for finding in wrong["findings"]} == {"views_cue_disagrees"}
    half = own.client.get(f"/api/v1{address}", params={"front_clap_s": 0.1})
    assert half.status_code == 422
    check_problem(half, code="invalid_input")


def test_upload_when_a_trial_number_is_given_then_both_views_meet_in_it(own) -> None:
    athlete = new_athlete(own)
    one = send(own, athlete_id=athlete, trial_number="2")
    other = send(own, athlete_id=athlete, trial_number="2", view="sagittal")
    assert other["trial_id"] == one["trial_id"]
    assert read(own.client, f"/trials/{one['trial_id']}")["number"] == 2
    unnumbered = send(own, athlete_id=athlete)
    assert read(own.client, f"/trials/{unnumbered['trial_id']}")["number"] == 3
    elsewhere = send(own, athlete_id=athlete, trial_number="2", context="pre_season")
    assert elsewhere["trial_id"] != one["trial_id"]


def test_upload_when_the_trial_does_not_fit_then_refused_with_the_field_that_is_wrong(own, make_club) -> None:
    athlete, other = new_athlete(own), new_athlete(own, name="Bo")
    first = send(own, athlete_id=athlete)
    cases = [
        ({"trial_id": first["trial_id"]}, "trial_id"),  # from the front again
        ({"trial_id": first["trial_id"], "view": "sagittal", "athlete_id": other}, "athlete_id"),
        ({"trial_id": first["trial_id"], "view": "sagittal", "movement": "bilateral_squat"}, "movement"),
        ({"trial_number": "1", "view": "sagittal"}, "trial_number"),  # of nobody
        ({"trial_number": "0", "athlete_id": athlete}, "trial_number"),
    ]
    for fields, wrong in cases:
        answer = upload(own.client, fields={"captured_at": "2026-03-14T10:00:00Z"} | fields)
        assert answer.status_code == 422, fields
        check_problem(answer, code="invalid_input")
        assert [item["field"] for item in answer.json()["errors"]] == [wrong]
    both = upload(own.client, fields={"trial_id": first["trial_id"], "trial_number": "1", "view": "sagittal"})
    assert both.status_code == 422
    assert upload(own.client, fields={"trial_id": str(uuid4())}).status_code == 404
    assert upload(make_club().client, fields={"trial_id": first["trial_id"]}).status_code == 404
    assert len(read(own.client, "/recordings")["items"]) == 1


def test_less_when_asked_of_a_screening_then_by_two_trials_in_three(own, finish, front, side) -> None:
    athlete = new_athlete(own)
    for number in ("1", "2", "3"):
        for view, record in (("frontal", front), ("sagittal", side)):
            finish(send(own, athlete_id=athlete, trial_number=number, view=view), record)
    screening = read(own.client, "/recordings")["items"][0]["id"]
    screening = read(own.client, f"/recordings/{screening}")["screening_id"]
    less = read(own.client, f"/screenings/{screening}/less")
    assert (less["movement"], less["less"]["n_trials"], less["n_other_versions"]) == (
        "drop_vertical_jump",
        3,
        0,
    )
    assert [trial["number"] for trial in less["trials"]] == [1, 2, 3]
    assert less["less"]["total"] == less["trials"][0]["less"]["total"]
    assert less["real_time"]["n_seen"] == 10
    none = read(own.client, f"/screenings/{screening}/less", movement="jump_landing")
    assert (none["less"], none["trials"], none["method"]) == (None, [], None)
    wrong = own.client.get(f"/api/v1/screenings/{screening}/less", params={"movement": "bilateral_squat"})
    assert wrong.status_code == 422
    unknown = own.client.get(f"/api/v1/screenings/{screening}/less", params={"limb_rule": "dominant"})
    assert [item["field"] for item in unknown.json()["errors"]] == ["limb_rule"]


def test_less_when_there_is_an_earlier_screening_then_change_with_its_error_and_no_norm_of_another_task(
    own, finish, front, side
) -> None:
    athlete = new_athlete(own, date_of_birth="2006-01-05")
    for day in ("2026-01-10", "2026-03-14"):
        first = send(own, athlete_id=athlete, captured_at=f"{day}T10:00:00Z")
        finish(first, front)
        if day == "2026-03-14":
            alone = read(own.client, f"/recordings/{first['id']}")["screening_id"]
            lacking = read(own.client, f"/screenings/{alone}/less")
            assert (lacking["change"]["verdict"], lacking["change"]["obstacles"]) == (
                "not_comparable",
                ["not_measured"],
            )
            assert (lacking["norm"]["suitable"], lacking["norm"]["reason"]) == (False, "no_total")
        finish(send(own, trial_id=first["trial_id"], view="sagittal", captured_at=f"{day}T10:00:00Z"), side)
    ids = {
        item["screened_on"]: item["id"] for item in read(own.client, f"/athletes/{athlete}/history")["items"]
    }
    earliest = read(own.client, f"/screenings/{ids['2026-01-10']}/less")
    assert earliest["change"]["obstacles"] == ["no_earlier_screening"]
    latest = read(own.client, f"/screenings/{ids['2026-03-14']}/less")
    change = latest["change"]
    assert change["previous_screening_id"] == ids["2026-01-10"]
    assert (change["verdict"], change["difference"], change["category_changed"]) == (
        "within_measurement_error",
        0.0,
        False,
    )
    assert change["mdc95"] >= 2.9
    assert (latest["norm"]["suitable"], latest["norm"]["reason"]) == (False, "other_movement")
    dominant = own.client.get(
        f"/api/v1/screenings/{ids['2026-03-14']}/less", params={"limb_rule": "dominant"}
    )
    assert dominant.status_code == 422


def test_nomogram_when_inputs_are_missing_then_named_and_else_read(own, finish, front, side) -> None:
    first = send(own, athlete_id=new_athlete(own, mass_kg=60.0))
    address = f"/trials/{first['trial_id']}/nomogram"
    finish(first, front)
    lacking = read(own.client, address)
    assert (lacking["reading"], lacking["inputs"]) == (None, None)
    assert lacking["gaps"] == ["tibia_cm", "knee_valgus_motion", "knee_flexion_displacement"]
    finish(send(own, trial_id=first["trial_id"], view="sagittal"), side)
    found = read(own.client, address, tibia_cm=38)
    assert found["gaps"] == []
    assert found["mass_from_roster"] is True
    assert found["inputs"]["flexion_rom_deg"] == pytest.approx(60.0, abs=1.0)
    reading = found["reading"]
    assert reading["quad_ham_estimated"] is True
    assert "not injury risk" in reading["label"]
    low, high = reading["interval_90"]
    assert 0.0 < low < reading["probability"] < high < 1.0
    assert own.client.get(f"/api/v1{address}", params={"tibia_cm": 380}).status_code == 422


def test_nomogram_when_the_athlete_is_male_then_never_read(own, finish, front, side) -> None:
    first = send(own, athlete_id=new_athlete(own, sex="male", mass_kg=80.0))
    finish(first, front)
    finish(send(own, trial_id=first["trial_id"], view="sagittal"), side)
    found = read(own.client, f"/trials/{first['trial_id']}/nomogram", tibia_cm=42)
    assert (found["reading"], found["gaps"]) == (None, ["not_female"])
