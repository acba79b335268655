"""Is the process alive, and can it do its work? For whoever watches or balances the service."""

from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from app.api.deps import PartsDep
from app.http.access import anybody
from app.http.parts import Parts
from app.storage.staging import check_room

_log = structlog.get_logger(__name__)
router = APIRouter(tags=["health"])

State = Literal["ok", "failed"]


class Health(BaseModel):
    """The process answers."""

    status: State = "ok"


class Readiness(BaseModel):
    """Each part the service needs."""

    status: State
    database: State
    storage: State


@router.get("/healthz", operation_id="healthz", summary="Is the process alive?")
def healthz(_access: Annotated[None, Depends(anybody)]) -> Health:
    """Answer without touching anything else."""
    return Health()


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Can the service take work?",
    responses={503: {"model": Readiness, "description": "A part it needs is away."}},
)
def readyz(parts: PartsDep, response: Response, _access: Annotated[None, Depends(anybody)]) -> Readiness:
    """Look at the database and at the room for uploads. The broker is not needed to accept a video."""
    database, storage = _database(parts), _storage(parts)
    ready: State = "ok" if database == storage == "ok" else "failed"
    response.status_code = 200 if ready == "ok" else 503
    return Readiness(status=ready, database=database, storage=storage)


def _database(parts: Parts) -> State:
    try:
        with parts.uow_factory(None) as uow:
            uow.ping()
    except Exception:  # noqa: BLE001 whatever is wrong with the database, the answer is the same
        _log.warning("database_not_ready", exc_info=True)
        return "failed"
    return "ok"


def _storage(parts: Parts) -> State:
    try:
        check_room(parts.staging.directory, min_free_bytes=parts.settings.min_free_bytes)
    except OSError:
        _log.warning("storage_not_ready", exc_info=True)
        return "failed"
    return "ok"
