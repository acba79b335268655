"""One analysis, or one screening, as FHIR R4."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.domain.access import Permission
from app.integrations.fhir import fhir_bundle
from app.integrations.fhir_screening import fhir_screening_bundle
from app.services.fhir_bundles import get_fhir_case, get_fhir_screening

FHIR = "application/fhir+json"
_CONTENT: dict[str, Any] = {
    FHIR: {"schema": {"type": "object", "description": "A Bundle of type `transaction`, FHIR R4 (4.0.1)."}}
}

router = APIRouter(tags=["exports"])


@router.get(
    "/analyses/{analysis_id}/fhir",
    operation_id="get_analysis_as_fhir",
    summary="One analysis as a FHIR R4 bundle",
    dependencies=[Depends(Requires(Permission.RESULTS_READ))],
    response_class=JSONResponse,
    responses={200: {"description": "The bundle.", "content": _CONTENT}, **problems(404)},
)
def get_analysis_as_fhir(
    analysis_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> JSONResponse:
    """Return Patient, Device, Observation, DiagnosticReport and a Provenance for each correction, to be posted whole.

    Keys that may not read the roster get the patient's id alone.
    """
    case = get_fhir_case(
        uow=uow, principal=principal, analysis_id=analysis_id, base_url=parts.settings.base_url
    )
    return JSONResponse(fhir_bundle(case), media_type=FHIR, headers={"Cache-Control": "no-store"})


@router.get(
    "/screenings/{screening_id}/fhir",
    operation_id="get_screening_as_fhir",
    summary="One screening as a FHIR R4 bundle",
    dependencies=[Depends(Requires(Permission.RESULTS_READ))],
    response_class=JSONResponse,
    responses={200: {"description": "The bundle.", "content": _CONTENT}, **problems(404)},
)
def get_screening_as_fhir(
    screening_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> JSONResponse:
    """Return a DiagnosticReport over Observations of each movement and of the analyses it is derived from.

    A movement's has the numbers over its valid trials, with published reference ranges where one fits the athlete.
    Patient, Device and Provenance are as for one analysis.
    """
    screening = get_fhir_screening(
        uow=uow, principal=principal, screening_id=screening_id, base_url=parts.settings.base_url
    )
    return JSONResponse(
        fhir_screening_bundle(screening), media_type=FHIR, headers={"Cache-Control": "no-store"}
    )
