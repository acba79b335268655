"""The OpenAPI 3.1 document, committed as docs/openapi.json: ``python -m app.api.openapi docs/openapi.json``."""

import json
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from app.api import health, oauth
from app.api.links import add_links
from app.api.responses import problems
from app.api.schemas.athletes import BatchAthleteInput
from app.api.schemas.problem import ProblemDocument
from app.api.schemas.recordings import ProgressEvent
from app.api.v1 import router as v1_router
from app.http.access import anybody
from app.http.etags import HEADER as IF_MATCH
from app.http.idempotency import EXEMPT, HEADER, REPLAYED

DESCRIPTION = """\
Plumbline screens athletes' landings from phone video. It is a movement screen: it measures and compares, \
and says how sure it is.

Send `Authorization: Bearer <API key>`. Every error is `application/problem+json` with a stable `code`, a \
`message`, what to do about it (`how_to_fix`) and a `request_id`. Ids of other organisations are simply not found. \
Valgus (knee inward) is positive on both sides; left and right are the athlete's.
"""
TAGS = [
    {"name": "recordings", "description": "Videos: upload, follow, read the result."},
    {"name": "analyses", "description": "What was found, version by version, and what people put right."},
    {
        "name": "screening days",
        "description": "A whole team at stations, and the inbox of what matches nobody yet.",
    },
    {"name": "roster", "description": "Teams and athletes."},
    {"name": "people", "description": "Who may do what, and who did what."},
    {
        "name": "identity provider",
        "description": "Signing in with the accounts people have at their organisation.",
    },
    {"name": "privacy", "description": "Consent, what is kept how long, erasure."},
    {"name": "webhooks", "description": "Which other systems are told of what happens."},
    {"name": "oauth", "description": "Short-lived tokens for programs that expect OAuth2."},
    {"name": "health", "description": "For whoever watches the service."},
]
router = APIRouter(prefix="/api/v1", include_in_schema=False)
ROUTERS: tuple[APIRouter, ...] = (health.router, oauth.router, router, v1_router)
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


@cache
def build_document() -> dict[str, Any]:
    """Return the document of the REST routes; pages are not part of it."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    document = get_openapi(
        title="Plumbline",
        version=version("plumbline"),
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
    )
    _leave_out_framework_errors(document)
    _tell_of_idempotency(document)
    _tell_of_versions(document)
    _leave_out_bodies_of_head(document)
    add_links(document)
    schemas = document["components"]["schemas"]
    for model in (
        ProblemDocument,
        BatchAthleteInput,
        ProgressEvent,
    ):  # shapes that no route names to the framework
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


@router.get("/openapi.json")
def read_openapi(_access: Annotated[None, Depends(anybody)]) -> JSONResponse:
    """Return the OpenAPI 3.1 document."""
    return JSONResponse(build_document())


def _leave_out_framework_errors(document: dict[str, Any]) -> None:
    """Remove the framework's own shape of a validation error, which is never sent."""
    for name in _FRAMEWORKS_OWN:
        document["components"]["schemas"].pop(name, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            content = operation["responses"].get("422", {}).get("content", {})
            if "application/json" in content:
                del operation["responses"]["422"]


def _leave_out_bodies_of_head(document: dict[str, Any]) -> None:
    """Describe no body in what a HEAD is answered: a generated client would read one, and there is none."""
    for methods in document["paths"].values():
        for answer in methods.get("head", {}).get("responses", {}).values():
            answer.pop("content", None)


def _tell_of_idempotency(document: dict[str, Any]) -> None:
    """Describe the key that every POST takes, and what becomes of a repeated one."""
    for path, methods in document["paths"].items():
        if not path.startswith("/api/v1/") or path in EXEMPT or "post" not in methods:
            continue
        operation = methods["post"]
        others = [each for each in operation.get("parameters", ()) if each["name"].lower() != HEADER.lower()]
        operation["parameters"] = [*others, _IDEMPOTENCY_KEY]
        for status, answer in problems(409, 422).items():
            operation["responses"].setdefault(str(status), answer)
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer.setdefault("headers", {})[REPLAYED] = {
                    "description": "`true` when the request had been answered before, and this is that answer.",
                    "schema": {"type": "string"},
                }


def _tell_of_versions(document: dict[str, Any]) -> None:
    """Describe what an edit that asks for a version is answered, and where versions are named."""
    for path, methods in document["paths"].items():
        edits = {method for method, operation in methods.items() if _takes(operation, IF_MATCH)}
        for method in edits:
            methods[method]["responses"].setdefault("412", problems(412)[412])
        named = {"get", "put", "patch"} if edits - {"post"} or path in _EDITED_BELOW else set()
        for method in named & methods.keys():
            for status, answer in methods[method]["responses"].items():
                if status.startswith("2"):
                    answer.setdefault("headers", {})["ETag"] = _ETAG


def _takes(operation: dict[str, Any], header: str) -> bool:
    return any(
        (each["in"], each["name"].lower()) == ("header", header.lower())
        for each in operation.get("parameters", ())
    )


_EDITED_BELOW = ("/api/v1/analyses/{analysis_id}",)
"""Addresses where a version is read that is asked for further down alone."""
_ETAG = {
    "description": "The version of what can be changed about it; send it as `If-Match` with a change.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any unique text of 1 to 200 visible ASCII characters: sent again within a day with the same request,"
    " it has no second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
}


def main() -> None:
    """Write the document to the file named on the command line."""
    text = json.dumps(build_document(), indent=2, ensure_ascii=False)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
