"""Version 1 of the REST interface. Changes only add; what breaks becomes version 2."""

from fastapi import APIRouter

from app.api.v1 import (
    analyses,
    analysis_feed,
    api_keys,
    athletes,
    audit,
    captures,
    fhir,
    members,
    method,
    metric_exports,
    motion_files,
    openapi,
    privacy,
    reanalyses,
    recording_events,
    recording_files,
    recording_uploads,
    recordings,
    roster,
    roster_changes,
    roster_imports,
    screenings,
    trials,
    uploads,
)

router = APIRouter(prefix="/api/v1")
for part in (
    openapi,
    recording_uploads,
    recordings,
    recording_files,
    recording_events,
    captures,
    uploads,
    analyses,
    analysis_feed,
    metric_exports,
    motion_files,
    fhir,
    reanalyses,
    roster,
    athletes,
    roster_changes,
    screenings,
    trials,
    method,
    roster_imports,
    members,
    api_keys,
    privacy,
    audit,
):
    router.include_router(part.router)
