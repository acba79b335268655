"""One analysis over time, for programs that compute with it: its curves, and the landmarks behind them."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import JSONResponse

from app.api.deps import PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.analysis_arrays import AnalysisLandmarksOutput, AnalysisSeriesOutput
from app.biomech.types import FloatArray
from app.domain.access import Permission
from app.integrations.array_files import (
    LANDMARK_NAMES,
    LANDMARKS_SCHEMA,
    NPZ,
    PARQUET,
    SERIES_SCHEMA,
    SIGNS,
    Column,
    landmarks_to_npz,
    series_to_parquet,
)
from app.services.kept_arrays import AnalysisLandmarks, AnalysisSeries, get_landmarks, get_series

READ = [Depends(Requires(Permission.RESULTS_READ))]

router = APIRouter(tags=["analyses"])


class SeriesFormat(StrEnum):
    """How curves can be sent."""

    JSON = "json"
    PARQUET = "parquet"


class LandmarksFormat(StrEnum):
    """How landmarks can be sent."""

    JSON = "json"
    NPZ = "npz"


AcceptHeader = Annotated[str | None, Header(max_length=1000, include_in_schema=False)]


def _either(media_type: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "In the form asked for.", "content": content}, **problems(404, 422)}


@router.get(
    "/analyses/{analysis_id}/series",
    operation_id="get_analysis_series",
    summary="The curves of an analysis",
    dependencies=READ,
    response_model=AnalysisSeriesOutput,
    responses=_either(PARQUET),
)
def get_analysis_series(
    analysis_id: UUID,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    file_format: Annotated[
        SeriesFormat | None, Query(alias="format", description="Without it, `Accept` decides; else JSON.")
    ] = None,
    accept: AcceptHeader = None,
) -> Response:
    """Return angles and ratios frame by frame, as JSON or as Parquet with a column for each.

    Where a number is withheld, the curve it is read from is withheld, too.
    """
    found = get_series(uow=uow, blobs=parts.blobs, principal=principal, analysis_id=analysis_id)
    if file_format is SeriesFormat.PARQUET or (file_format is None and PARQUET in (accept or "")):
        columns = [
            Column(name=one.name, unit=one.unit, is_withheld=one.is_withheld, values=one.values)
            for one in found.curves
        ]
        content = series_to_parquet(
            found.kinematics.time_s,
            columns,
            facts={
                "analysis_id": str(found.analysis_id),
                "recording_id": str(found.recording_id),
                "method_version": found.method_version,
            },
        )
        return _file(content, media_type=PARQUET, name=f"plumbline-{analysis_id}-series.parquet")
    return JSONResponse(_series(found))


@router.get(
    "/analyses/{analysis_id}/landmarks",
    operation_id="get_analysis_landmarks",
    summary="The landmarks an analysis was computed from",
    dependencies=READ,
    response_model=AnalysisLandmarksOutput,
    responses=_either(NPZ),
)
def get_analysis_landmarks(
    analysis_id: UUID,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    file_format: Annotated[
        LandmarksFormat | None, Query(alias="format", description="Without it, `Accept` decides; else JSON.")
    ] = None,
    accept: AcceptHeader = None,
) -> Response:
    """Return where each of 33 landmarks was in the picture, as they were put right by hand; as JSON or numpy's npz.

    They are places in one camera's picture and not yet smoothed; angles computed from them are what `series` holds.
    """
    found = get_landmarks(uow=uow, blobs=parts.blobs, principal=principal, analysis_id=analysis_id)
    if file_format is LandmarksFormat.NPZ or (file_format is None and NPZ in (accept or "")):
        facts = {"analysis_id": str(found.analysis_id), "recording_id": str(found.recording_id)}
        content = landmarks_to_npz(found.track, facts=facts)
        return _file(content, media_type=NPZ, name=f"plumbline-{analysis_id}-landmarks.npz")
    return JSONResponse(_landmarks(found))


def _file(content: bytes, *, media_type: str, name: str) -> Response:
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _series(found: AnalysisSeries) -> dict[str, object]:
    return {
        "schema": SERIES_SCHEMA,
        "analysis_id": str(found.analysis_id),
        "recording_id": str(found.recording_id),
        "method_version": found.method_version,
        "rate_hz": round(found.kinematics.rate_hz, 4),
        "signs": SIGNS,
        "time_s": _rounded(found.kinematics.time_s, digits=6),
        "curves": [
            {
                "name": one.name,
                "metric": one.metric,
                "side": one.side.value,
                "unit": one.unit,
                "withheld": one.is_withheld,
                "values": _rounded(one.values, digits=3),
            }
            for one in found.curves
        ],
    }


def _landmarks(found: AnalysisLandmarks) -> dict[str, object]:
    track = found.track
    width, height = track.image_size_px
    return {
        "schema": LANDMARKS_SCHEMA,
        "analysis_id": str(found.analysis_id),
        "recording_id": str(found.recording_id),
        "image_width_px": width,
        "image_height_px": height,
        "source": {
            "estimator": track.source.estimator,
            "model": track.source.model,
            "model_sha256": track.source.model_sha256,
        },
        "names": list(LANDMARK_NAMES),
        "time_s": _rounded(track.time_s, digits=6),
        "xy_px": [[_place(xy_px) for xy_px in frame] for frame in track.xy_px],
        "confidence": [_rounded(frame, digits=3) for frame in track.confidence],
    }


def _place(xy_px: FloatArray) -> list[float | None] | None:
    return _rounded(xy_px, digits=2) if np.isfinite(xy_px).all() else None


def _rounded(values: FloatArray, *, digits: int) -> list[float | None]:
    return [float(value) + 0.0 if np.isfinite(value) else None for value in np.round(values, digits)]
