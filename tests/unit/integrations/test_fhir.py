"""The FHIR bundle, validated by fhir.resources (R4B)."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from fhir.resources.R4B.bundle import Bundle

from app.biomech.definitions import METRICS
from app.biomech.types import MethodStamp, Metric, Movement, Sex, Side, Verdict
from app.domain.athletes import AthleteRecord
from app.integrations.fhir import NOTE, FhirCase, FhirCorrection, fhir_bundle
from tests.factories import make_score

ATHLETE = AthleteRecord(
    id=uuid4(),
    name="Ada Moss",
    family_name="Moss",
    given_name="Ada",
    external_id="A-1",
    external_ids={"vald": "77"},
    sex=Sex.FEMALE,
    date_of_birth=date(2011, 4, 5),
)
CASE = FhirCase(
    base_url="https://screen.example.org",
    analysis_id=uuid4(),
    movement=Movement.DROP_VERTICAL_JUMP,
    screened_on=date(2026, 3, 4),
    analysed_at=datetime(2026, 3, 4, 10, 30, tzinfo=UTC),
    verdict=Verdict.VALID,
    method=MethodStamp(version="1.2.0", model_sha256="ab" * 32, code_version="0.1.0"),
    metrics=(
        Metric(key="fppa", side=Side.LEFT, value=12.34567, unit="deg", event="peak", se=2.0),
        Metric(key="jump_height", side=Side.BOTH, value=None, unit="cm", event="take_off", se=None),
    ),
    risk_score=make_score(61.0),
    athlete_id=ATHLETE.id,
    athlete=ATHLETE,
    corrections=(
        FhirCorrection(
            id=UUID(int=7), kind="move_event", reason="too late", made_at=datetime(2026, 3, 5, tzinfo=UTC)
        ),
    ),
)


def valid(case: FhirCase) -> dict[str, dict[str, Any]]:
    """Return the resources by type, after the independent model took them and gave the same back."""
    document = json.loads(json.dumps(fhir_bundle(case)))
    read = Bundle.model_validate(document)
    assert json.loads(read.model_dump_json(), parse_float=float) == document
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in document["entry"]}


def test_bundle_when_made_then_valid_and_the_same_after_reading() -> None:
    found = valid(CASE)
    assert set(found) == {"Patient", "Device", "Observation", "DiagnosticReport", "Provenance"}
    assert {each["value"] for each in found["Patient"]["identifier"]} == {str(ATHLETE.id), "A-1", "77"}
    assert found["Device"]["version"][0] == {"type": {"text": "method"}, "value": "1.2.0"}


def test_bundle_when_references_are_followed_then_each_leads_to_an_entry() -> None:
    document = fhir_bundle(CASE)
    addresses = [entry["fullUrl"] for entry in document["entry"]]
    found = valid(CASE)
    report, observation = found["DiagnosticReport"], found["Observation"]
    named = [report["result"][0], report["subject"], observation["device"], found["Provenance"]["target"][0]]
    assert {each["reference"] for each in named} <= set(addresses)
    assert len(set(addresses)) == len(addresses)
    assert fhir_bundle(CASE) == document


def test_observation_when_read_then_numbers_with_ucum_units_and_no_promise() -> None:
    observation = valid(CASE)["Observation"]
    fppa, height, score = observation["component"]
    assert fppa["valueQuantity"] == {
        "value": 12.3457,
        "unit": "deg",
        "system": "http://unitsofmeasure.org",
        "code": "deg",
    }
    assert fppa["extension"][0]["valueQuantity"]["value"] == 2.0
    assert fppa["code"]["coding"][0]["code"] == "fppa.left.peak"
    assert "valueQuantity" not in height
    assert height["dataAbsentReason"]
    assert score["valueQuantity"]["value"] == 61.0
    assert observation["status"] == "amended"
    assert {"text": NOTE} in observation["note"]
    assert "does not predict injury" in NOTE


def test_observation_when_nobody_put_anything_right_then_final_without_provenance() -> None:
    found = valid(replace(CASE, corrections=()))
    assert found["Observation"]["status"] == found["DiagnosticReport"]["status"] == "final"
    assert "Provenance" not in found


def test_bundle_when_the_roster_may_not_be_read_then_the_patient_is_an_id_alone() -> None:
    assert set(valid(replace(CASE, athlete=None))["Patient"]) == {"resourceType", "id", "identifier"}


def test_bundle_when_the_recording_is_nobodys_or_nothing_was_measured_then_still_valid() -> None:
    found = valid(replace(CASE, athlete_id=None, athlete=None, metrics=(), risk_score=None))
    assert "Patient" not in found
    assert "subject" not in found["Observation"]
    assert found["Observation"]["dataAbsentReason"]


def test_components_when_of_every_metric_there_is_then_valid_with_a_code_each() -> None:
    metrics = tuple(
        Metric(key=key, side=each.sides[0], value=1.0, unit=each.unit, event=each.events[0], se=None)
        for key, each in METRICS.items()
    )
    components = valid(replace(CASE, metrics=metrics, risk_score=None))["Observation"]["component"]
    assert len({each["code"]["coding"][0]["code"] for each in components}) == len(METRICS)
    assert all(" " not in each["valueQuantity"]["code"] for each in components)


def test_observation_when_the_instant_is_known_then_effective_then_else_on_the_day() -> None:
    assert valid(CASE)["Observation"]["effectiveDateTime"] == "2026-03-04"
    known = replace(CASE, captured_at=datetime(2026, 3, 4, 9, 15, 2, 250000, tzinfo=UTC))
    assert valid(known)["Observation"]["effectiveDateTime"].startswith("2026-03-04T09:15:02")
