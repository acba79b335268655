"""The description of this interface, for client generators and readers."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.http.access import anybody

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def read_openapi(_access: Annotated[None, Depends(anybody)]) -> JSONResponse:
    """Return the OpenAPI 3.1 document."""
    # the document is made of all routes, this one included
    from app.api.openapi import build_document

    return JSONResponse(build_document())
