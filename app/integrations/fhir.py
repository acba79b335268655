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


def fhir_bundle(case: FhirCase) -> Resource:
    """Return the bundle, ready for JSON."""
    resources = [
        *([] if case.athlete_id is None else [_patient(case, case.athlete_id)]),
        _device(case),
        _observation(case),
        _report(case),
        *(_provenance(case, correction) for correction in case.corrections),
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(each) for each in resources]}


def _entry(resource: Resource) -> Resource:
    address = f"{resource['resourceType']}/{resource['id']}"
    return {
        "fullUrl": f"urn:uuid:{resource['id']}",
        "resource": resource,
        "request": {"method": "PUT", "url": address},
    }


def _patient(case: FhirCase, athlete_id: UUID) -> Resource:
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


def _device(case: FhirCase) -> Resource:
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


def _observation(case: FhirCase) -> Resource:
    observation: Resource = {
        "resourceType": "Observation",
        "id": str(case.analysis_id),
        "category": [{"coding": [{"system": f"{_HL7}/observation-category", "code": "exam"}]}],
        **_shared(case),
        "device": _reference("Device", _device_id(case)),
        "note": [{"text": NOTE}, {"text": _VERDICTS[case.verdict]}],
        "component": [
            *(_component(case, metric) for metric in case.metrics if metric.repetition is None),
            *([] if case.risk_score is None else [_score(case, case.risk_score)]),
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
        "result": [_reference("Observation", str(case.analysis_id))],
        "conclusion": f"{_VERDICTS[case.verdict]} {NOTE}",
    }


def _shared(case: FhirCase) -> Resource:
    """Return what observation and report say alike; what a person put right is `amended`."""
    movement = case.movement.value.replace("_", " ")
    shared: Resource = {
        "status": "amended" if case.corrections else "final",
        "code": _code(
            case,
            f"movement_screen.{case.movement.value}",
            f"Movement screen for dynamic knee valgus: {movement}",
        ),
        "effectiveDateTime": case.screened_on.isoformat(),
        "issued": _instant(case.analysed_at),
    }
    if case.athlete_id is not None:
        shared["subject"] = _reference("Patient", str(case.athlete_id))
    return shared


def _component(case: FhirCase, metric: Metric) -> Resource:
    definition = METRICS.get(metric.key)
    name = metric.key if definition is None else definition.name
    component: Resource = {
        "code": _code(
            case,
            f"{metric.key}.{metric.side.value}.{metric.event}",
            f"{name}, {metric.side.value}, {metric.event.replace('_', ' ')}",
        )
    }
    if metric.value is None or not isfinite(metric.value):
        return component | {"dataAbsentReason": _absent()}
    component["valueQuantity"] = _quantity(metric.value, metric.unit)
    if metric.se is not None and isfinite(metric.se):
        component["extension"] = [
            {
                "url": f"{case.base_url}/fhir/StructureDefinition/standard-error",
                "valueQuantity": _quantity(metric.se, metric.unit),
            }
        ]
    return component


def _score(case: FhirCase, score: RiskScore) -> Resource:
    low, high = score.interval_90
    return {
        "code": _code(
            case,
            "movement_screen_score",
            "Movement screen score, 0 as in good landings, 100 furthest from them",
        ),
        "valueQuantity": _quantity(score.value, "points"),
        "interpretation": [{"text": f"{score.band}; 90 % interval {low:.0f} to {high:.0f}"}],
    }


def _provenance(case: FhirCase, correction: FhirCorrection) -> Resource:
    provenance: Resource = {
        "resourceType": "Provenance",
        "id": str(uuid5(case.analysis_id, str(correction.id))),
        "target": [_reference("Observation", str(case.analysis_id))],
        "recorded": _instant(correction.made_at),
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


def _code(case: FhirCase, code: str, text: str) -> Resource:
    system = f"{case.base_url}/fhir/CodeSystem/metrics"
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _quantity(value: float, unit: str) -> Resource:
    return {
        "value": round(value, _DIGITS) + 0.0,
        "unit": unit,
        "system": UCUM,
        "code": _UCUM_CODES.get(unit, unit),
    }


def _reference(kind: str, identity: str) -> Resource:
    """Return how a transaction names one of its own entries: the server puts its address there."""
    return {"reference": f"urn:uuid:{identity}", "type": kind}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _absent() -> Resource:
    return {"coding": [{"system": f"{_HL7}/data-absent-reason", "code": "unknown"}]}
