"""The OpenAPI 3.1 document, which is committed as docs/openapi.json."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from app.api.schemas.problem import ProblemDocument

DESCRIPTION = """\
Plumbline screens athletes' landings from phone video. It is a movement screen: it measures and compares, \
and says how sure it is.

Send `Authorization: Bearer <API key>`. Every error is `application/problem+json` with a stable `code`, a \
`message`, what to do about it (`how_to_fix`) and a `request_id`. Ids of other organisations are simply not found. \
Valgus (knee inward) is positive on both sides; left and right are the athlete's.
"""
TAGS = [
    {"name": "recordings", "description": "Videos: upload, follow, read the result."},
    {"name": "roster", "description": "Teams and athletes."},
    {"name": "health", "description": "For whoever watches the service."},
]


def describe(app: FastAPI) -> None:
    """Give the application its description; pages are not part of it."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = build_document(app.routes, version=app.version)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to replace it


def build_document(routes: list[BaseRoute], *, version: str) -> dict[str, Any]:
    """Return the document of the REST routes."""
    document = get_openapi(
        title="Plumbline", version=version, description=DESCRIPTION, routes=routes, tags=TAGS
    )
    schemas = document["components"]["schemas"]
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas[ProblemDocument.__name__] = problem
    # the framework's own shape of a validation error, which we never send
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
