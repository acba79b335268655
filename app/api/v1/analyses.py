"""Analyses by their own id, and the corrections that people make to them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response, status
from fastapi.responses import JSONResponse

from app.api.deps import ExpectedDep, PartsDep, PrincipalDep, Requires, UowDep
from app.api.presenters import present_analysis, present_comparison, present_correction_answer
from app.api.responses import problems
from app.api.schemas.analyses import (
    AnalysisOutput,
    ComparisonOutput,
    CorrectionAnswer,
    analysis_url,
)
from app.api.schemas.corrections import (
    CorrectionInput,
    CorrectionList,
    CorrectionOutput,
    correction_from,
)
from app.api.schemas.recordings import recording_url
from app.domain.access import Permission
from app.http.small_bodies import SmallBodyRoute
from app.services import corrections
from app.services.correction_views import CorrectionResult

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Repeat a request with its key as often as you like: it is carried out once.",
    ),
]


def known_analysis(analysis_id: UUID, uow: UowDep, principal: PrincipalDep) -> None:
    """Answer 404 before the body is looked at, so that a body tells nothing about what there is."""
    corrections.check_known(uow=uow, principal=principal, analysis_id=analysis_id)


READ = [Depends(Requires(Permission.RESULTS_READ))]
WRITE = [Depends(Requires(Permission.RECORDINGS_WRITE)), Depends(known_analysis)]

router = APIRouter(tags=["analyses"], route_class=SmallBodyRoute)


@router.get(
    "/analyses/{analysis_id}",
    operation_id="get_analysis_by_id",
    summary="One analysis, present or superseded",
    dependencies=READ,
    response_model=AnalysisOutput,
    responses=problems(404),
)
def get_analysis_by_id(analysis_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Return an analysis with how it came about. Its `ETag` changes when it is superseded."""
    detail = corrections.get_analysis(uow=uow, principal=principal, analysis_id=analysis_id)
    return JSONResponse(present_analysis(detail), headers={"ETag": f'"{detail.etag}"'})


@router.get(
    "/analyses/{analysis_id}/comparison",
    operation_id="compare_analyses",
    summary="Two analyses of a recording side by side",
    dependencies=READ,
    responses=problems(404, 422),
)
def compare_analyses(
    analysis_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    with_id: Annotated[
        UUID | None, Query(alias="with", description="The earlier one; the automatic one when left out.")
    ] = None,
) -> ComparisonOutput:
    """Put an analysis beside the automatic one, or beside any other of the same recording."""
    return present_comparison(
        corrections.compare_analyses(uow=uow, principal=principal, analysis_id=analysis_id, with_id=with_id)
    )


@router.get(
    "/analyses/{analysis_id}/corrections",
    operation_id="list_corrections",
    summary="What people put right in a recording",
    dependencies=READ,
    responses=problems(404),
)
def list_corrections(analysis_id: UUID, uow: UowDep, principal: PrincipalDep) -> CorrectionList:
    """List every correction of the analysis's recording in order, those that were undone included."""
    found = corrections.list_corrections(uow=uow, principal=principal, analysis_id=analysis_id)
    return CorrectionList(items=[CorrectionOutput.model_validate(item) for item in found])


@router.post(
    "/analyses/{analysis_id}/corrections",
    operation_id="correct_analysis",
    summary="Put an analysis right by hand",
    status_code=status.HTTP_201_CREATED,
    response_model=CorrectionAnswer,
    dependencies=WRITE,
    responses={
        status.HTTP_202_ACCEPTED: {
            "model": CorrectionAnswer,
            "description": "Recorded; the video is being read again for it. Follow the recording.",
        },
        **problems(400, 404, 409, 412, 413, 422),
    },
)
def correct_analysis(
    analysis_id: UUID,
    body: CorrectionInput,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    expected: ExpectedDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Record a correction; the recording is judged anew from its stored pose track before you get the answer."""
    result = corrections.correct(
        uow=uow,
        blobs=parts.blobs,
        principal=principal,
        method=parts.method,
        analysis_id=analysis_id,
        correction=correction_from(body),
        reason=body.reason,
        expected=expected,
        idempotency_key=idempotency_key,
    )
    return _answer(result)


@router.post(
    "/analyses/{analysis_id}/corrections/{correction_id}/undo",
    operation_id="undo_correction",
    summary="Take a correction back",
    response_model=CorrectionAnswer,
    dependencies=WRITE,
    status_code=status.HTTP_201_CREATED,
    responses={
        status.HTTP_202_ACCEPTED: {
            "model": CorrectionAnswer,
            "description": "Taken back; the video is being read again for it. Follow the recording.",
        },
        **problems(404, 409, 412, 422),
    },
)
def undo_correction(
    analysis_id: UUID,
    correction_id: UUID,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    expected: ExpectedDep,
) -> Response:
    """Take a correction back, whatever came after it. It stays on record; the others stay applied."""
    result = corrections.undo_correction(
        uow=uow,
        blobs=parts.blobs,
        principal=principal,
        method=parts.method,
        analysis_id=analysis_id,
        correction_id=correction_id,
        expected=expected,
    )
    return _answer(result)


def _answer(result: CorrectionResult) -> JSONResponse:
    headers = {"Idempotent-Replayed": "true"} if result.replayed else {}
    if result.analysis is None:
        headers["Location"] = recording_url(result.recording.id)
        code = status.HTTP_202_ACCEPTED
    else:
        headers["Location"] = analysis_url(result.analysis.analysis.id)
        headers["ETag"] = f'"{result.analysis.etag}"'
        code = status.HTTP_201_CREATED
    return JSONResponse(present_correction_answer(result), status_code=code, headers=headers)
