"""One screening as a FHIR R4 transaction bundle: a DiagnosticReport over the Observations of its movements and trials.

Each movement is an Observation with the numbers over its valid trials, `referenceRange` where a published reference
fits the athlete, derived from the Observations of the trials, which are those of `app.integrations.fhir`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID, uuid5

from app.biomech.norms import NormResult
from app.biomech.screening import MetricOverTrials, MovementJudgement, Place
from app.biomech.types import Metric
from app.integrations.fhir import (
    NOTE,
    FhirCase,
    Resource,
    code_of,
    component_of,
    device_of,
    entry_of,
    instant_of,
    observation_of,
    patient_of,
    provenance_of,
    quantity_of,
    reference_to,
    score_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirMovement:
    """One movement of the screening."""

    judgement: MovementJudgement
    norms: Mapping[Place, NormResult]
    """By number; only where a published reference fits."""
    cases: tuple[FhirCase, ...]
    """The analyses of its recordings, those that do not count included."""
    counting: frozenset[UUID]
    """Ids of the analyses the numbers are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirScreening:
    """One screening and whose it is."""

    id: UUID
    base_url: str
    screened_on: date
    created_at: datetime
    movements: tuple[FhirMovement, ...]
    """At least one analysis among them."""


def fhir_screening_bundle(screening: FhirScreening) -> Resource:
    """Return the bundle, ready for JSON; every entry is a PUT under our id."""
    cases = [case for movement in screening.movements for case in movement.cases]
    first = cases[0]
    resources = [
        *([] if first.athlete_id is None else [patient_of(first, first.athlete_id)]),
        *(device_of(case) for case in cases),
        *(observation_of(case) for case in cases),
        *(provenance_of(case, correction) for case in cases for correction in case.corrections),
        *(_movement(screening, movement) for movement in screening.movements if movement.cases),
        _report(screening, first),
    ]
    by_address = {
        (each["resourceType"], each["id"]): each for each in resources
    }  # one device for many analyses
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry_of(each) for each in by_address.values()],
    }


def _movement_id(screening: FhirScreening, movement: FhirMovement) -> str:
    return str(uuid5(screening.id, movement.judgement.movement.value))


def _movement(screening: FhirScreening, movement: FhirMovement) -> Resource:
    case, judgement = movement.cases[0], movement.judgement
    score = judgement.risk_score
    components = [
        *(_number(case, metric, movement) for metric in judgement.metrics),
        *([] if score is None else [score_of(case, score)]),
    ]
    counting = [one for one in movement.cases if one.analysis_id in movement.counting]
    observation = observation_of(replace(case, metrics=(), risk_score=None)) | {
        "id": _movement_id(screening, movement),
        "status": _status(movement.cases),
        "issued": instant_of(max(one.analysed_at for one in movement.cases)),
        "note": [{"text": NOTE}, {"text": f"Numbers over {judgement.n_trials} valid trials."}],
    }
    if components:
        observation.pop("dataAbsentReason", None)
        observation["component"] = components
    if counting:
        observation["derivedFrom"] = [reference_to("Observation", str(one.analysis_id)) for one in counting]
    return observation


def _number(case: FhirCase, metric: MetricOverTrials, movement: FhirMovement) -> Resource:
    value = movement.judgement.value_of(metric)
    component = component_of(
        case,
        Metric(
            key=metric.key,
            side=metric.side,
            value=value.value,
            unit=metric.unit,
            event=metric.event,
            se=value.se,
        ),
    )
    found = movement.norms.get(metric.place)
    if found is not None and "valueQuantity" in component:
        low, high = found.band
        component["referenceRange"] = [
            {
                "low": quantity_of(low, metric.unit),
                "high": quantity_of(high, metric.unit),
                "text": f"{found.norm.source}; n = {found.norm.n}, {found.norm.level}. {found.norm.caveat}",
            }
        ]
    return component


def _report(screening: FhirScreening, case: FhirCase) -> Resource:
    cases = [one for movement in screening.movements for one in movement.cases]
    report: Resource = {
        "resourceType": "DiagnosticReport",
        "id": str(screening.id),
        "status": _status(cases),
        "code": code_of(case, "movement_screen", "Movement screen for dynamic knee valgus"),
        "effectiveDateTime": screening.screened_on.isoformat(),
        "issued": instant_of(max(one.analysed_at for one in cases)),
        "result": [
            *(
                reference_to("Observation", _movement_id(screening, movement))
                for movement in screening.movements
                if movement.cases
            ),
            *(reference_to("Observation", str(one.analysis_id)) for one in cases),
        ],
        "conclusion": " ".join((*_conclusions(screening), NOTE)),
    }
    if case.athlete_id is not None:
        report["subject"] = reference_to("Patient", str(case.athlete_id))
    return report


def _conclusions(screening: FhirScreening) -> Iterable[str]:
    for movement in screening.movements:
        score, name = movement.judgement.risk_score, movement.judgement.movement.value.replace("_", " ")
        if score is not None:
            low, high = score.interval_90
            yield f"{name}: {score.band}, score {score.value:.0f} (90 % interval {low:.0f} to {high:.0f})."


def _status(cases: Iterable[FhirCase]) -> str:
    return "amended" if any(case.corrections for case in cases) else "final"
