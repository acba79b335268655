"""One analysis as a FHIR R4 transaction bundle: Patient, Device, Observation, DiagnosticReport, Provenance.

Every entry is a PUT under our own id, so that a bundle that is sent twice makes nothing twice. No LOINC code for these
measurements exists, so codes are ours (`FhirCase.base_url` + ``/fhir/CodeSystem/metrics``): key, side and event joined
by dots. Units are UCUM.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from app.biomech.definitions import METRICS
from app.biomech.types import MethodStamp, Metric, Movement, RiskScore, Sex, Verdict
from app.domain.athletes import AthleteRecord

Resource = dict[str, Any]

NOTE = "A movement screen, not a diagnosis. It does not predict injury."
UCUM = "http://unitsofmeasure.org"
_HL7 = "http://terminology.hl7.org/CodeSystem"
_UCUM_CODES: Mapping[str, str] = {
    "points": "{points}",
    "px": "{pixel}",
    "cm/px": "cm/{pixel}",
    "1/min": "/min",
}
"""Where the UCUM code is not the unit as we write it."""
_GENDERS = {Sex.FEMALE: "female", Sex.MALE: "male", Sex.UNSPECIFIED: "unknown"}
_VERDICTS = {
    Verdict.VALID: "The recording can be used.",
    Verdict.ATTENTION: "The recording can be used with care.",
    Verdict.INVALID: "The recording cannot be used: film it again.",
}
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirCorrection:
    """Something that a person put right, and that the analysis holds."""

    id: UUID
    kind: str
    reason: str | None
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirCase:
    """One analysis and whose it is."""

    base_url: str
    """Of this service, without a slash at the end."""
    analysis_id: UUID
    movement: Movement
    screened_on: date
    analysed_at: datetime
    verdict: Verdict
    method: MethodStamp
    metrics: tuple[Metric, ...]
    risk_score: RiskScore | None
    athlete_id: UUID | None
    """None while the recording is nobody's."""
    athlete: AthleteRecord | None
    """None also for those who may not read the roster: then the patient is an id alone."""
    corrections: tuple[FhirCorrection, ...] = ()
    captured_at: datetime | None = None


def fhir_bundle(case: FhirCase) -> Resource:
    """Return the bundle, ready for JSON."""
    resources = [
        *([] if case.athlete_id is None else [patient_of(case, case.athlete_id)]),
        device_of(case),
        observation_of(case),
        _report(case),
        *(provenance_of(case, correction) for correction in case.corrections),
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry_of(each) for each in resources]}


def entry_of(resource: Resource) -> Resource:
    """Return the entry that puts a resource under our id."""
    address = f"{resource['resourceType']}/{resource['id']}"
    return {
        "fullUrl": f"urn:uuid:{resource['id']}",
        "resource": resource,
        "request": {"method": "PUT", "url": address},
    }


def patient_of(case: FhirCase, athlete_id: UUID) -> Resource:
    """Return who it is about."""
    patient: Resource = {
        "resourceType": "Patient",
        "id": str(athlete_id),
        "identifier": [{"system": f"{case.base_url}/fhir/athletes", "value": str(athlete_id)}],
    }
    person = case.athlete
    if person is None:
        return patient
    systems = {"own": person.external_id, "sync": person.sync_id, **person.external_ids}
    patient["identifier"] += [
        {"system": f"{case.base_url}/fhir/athletes/{system}", "value": value}
        for system, value in sorted(systems.items())
        if value
    ]
    name: Resource = {"text": person.name}
    if person.family_name:
        name["family"] = person.family_name
    if person.given_name:
        name["given"] = [person.given_name]
    patient |= {"name": [name], "gender": _GENDERS[person.sex]}
    if person.date_of_birth is not None:
        patient["birthDate"] = person.date_of_birth.isoformat()
    return patient


def device_of(case: FhirCase) -> Resource:
    """Return what measured: the software, with its versions."""
    versions = {
        "method": case.method.version,
        "code": case.method.code_version,
        "pose model sha256": case.method.model_sha256,
    }
    return {
        "resourceType": "Device",
        "id": _device_id(case),
        "status": "active",
        "deviceName": [{"name": "Plumbline", "type": "user-friendly-name"}],
        "type": {"text": "Software that measures movement in video"},
        "version": [{"type": {"text": kind}, "value": version} for kind, version in versions.items()],
        "note": [{"text": NOTE}],
    }


def _device_id(case: FhirCase) -> str:
    stamp = case.method
    return str(uuid5(NAMESPACE_URL, f"plumbline:{stamp.version}:{stamp.code_version}:{stamp.model_sha256}"))


def observation_of(case: FhirCase) -> Resource:
    """Return the numbers of one analysis."""
    observation: Resource = {
        "resourceType": "Observation",
        "id": str(case.analysis_id),
        "category": [{"coding": [{"system": f"{_HL7}/observation-category", "code": "exam"}]}],
        **_shared(case),
        "device": reference_to("Device", _device_id(case)),
        "note": [{"text": NOTE}, {"text": _VERDICTS[case.verdict]}],
        "component": [
            *(component_of(case, metric) for metric in case.metrics if metric.repetition is None),
            *([] if case.risk_score is None else [score_of(case, case.risk_score)]),
        ],
    }
    if not observation["component"]:
        del observation["component"]
        observation["dataAbsentReason"] = _absent()
    return observation


def _report(case: FhirCase) -> Resource:
    return {
        "resourceType": "DiagnosticReport",
        "id": str(uuid5(case.analysis_id, "report")),
        **_shared(case),
        "result": [reference_to("Observation", str(case.analysis_id))],
        "conclusion": f"{_VERDICTS[case.verdict]} {NOTE}",
    }


def _shared(case: FhirCase) -> Resource:
    """Return what observation and report say alike; what a person put right is `amended`."""
    movement = case.movement.value.replace("_", " ")
    shared: Resource = {
        "status": "amended" if case.corrections else "final",
        "code": code_of(
            case,
            f"movement_screen.{case.movement.value}",
            f"Movement screen for dynamic knee valgus: {movement}",
        ),
        "effectiveDateTime": case.screened_on.isoformat()
        if case.captured_at is None
        else instant_of(case.captured_at),
        "issued": instant_of(case.analysed_at),
    }
    if case.athlete_id is not None:
        shared["subject"] = reference_to("Patient", str(case.athlete_id))
    return shared


def component_of(case: FhirCase, metric: Metric) -> Resource:
    """Return one number, with its standard error."""
    definition = METRICS.get(metric.key)
    name = metric.key if definition is None else definition.name
    component: Resource = {
        "code": code_of(
            case,
            f"{metric.key}.{metric.side.value}.{metric.event}",
            f"{name}, {metric.side.value}, {metric.event.replace('_', ' ')}",
        )
    }
    if metric.value is None or not isfinite(metric.value):
        return component | {"dataAbsentReason": _absent()}
    component["valueQuantity"] = quantity_of(metric.value, metric.unit)
    if metric.se is not None and isfinite(metric.se):
        component["extension"] = [
            {
                "url": f"{case.base_url}/fhir/StructureDefinition/standard-error",
                "valueQuantity": quantity_of(metric.se, metric.unit),
            }
        ]
    return component


def score_of(case: FhirCase, score: RiskScore) -> Resource:
    """Return the score, with its band."""
    low, high = score.interval_90
    return {
        "code": code_of(
            case,
            "movement_screen_score",
            "Movement screen score, 0 as in good landings, 100 furthest from them",
        ),
        "valueQuantity": quantity_of(score.value, "points"),
        "interpretation": [{"text": f"{score.band}; 90 % interval {low:.0f} to {high:.0f}"}],
    }


def provenance_of(case: FhirCase, correction: FhirCorrection) -> Resource:
    """Return that a person put something right."""
    provenance: Resource = {
        "resourceType": "Provenance",
        "id": str(uuid5(case.analysis_id, str(correction.id))),
        "target": [reference_to("Observation", str(case.analysis_id))],
        "recorded": instant_of(correction.made_at),
        "activity": {"text": f"Put right by hand: {correction.kind.replace('_', ' ')}"},
        "agent": [
            {
                "type": {"coding": [{"system": f"{_HL7}/provenance-participant-type", "code": "verifier"}]},
                "who": {"display": "A member of the organisation"},
            }
        ],
    }
    if correction.reason:
        provenance["reason"] = [{"text": correction.reason}]
    return provenance


def code_of(case: FhirCase, code: str, text: str) -> Resource:
    """Return one of our own codes."""
    system = f"{case.base_url}/fhir/CodeSystem/metrics"
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def quantity_of(value: float, unit: str) -> Resource:
    """Return a number with its UCUM unit."""
    return {
        "value": round(value, _DIGITS) + 0.0,
        "unit": unit,
        "system": UCUM,
        "code": _UCUM_CODES.get(unit, unit),
    }


def reference_to(kind: str, identity: str) -> Resource:
    """Return how a transaction names one of its own entries: the server puts its address there."""
    return {"reference": f"urn:uuid:{identity}", "type": kind}


def instant_of(at: datetime) -> str:
    """Return an instant in UTC."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _absent() -> Resource:
    return {"coding": [{"system": f"{_HL7}/data-absent-reason", "code": "unknown"}]}
