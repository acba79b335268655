"""The api process: `create_app` builds the FastAPI application from a container."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import cast

import anyio.to_thread
import structlog
from fastapi import FastAPI, Request, status
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.api.errors import render_problem
from app.api.openapi import ROUTERS
from app.api.v1.recording_events import OpenStreams
from app.domain.errors import DomainError
from app.http.idempotency import AnsweredBeforeError, repeat_answer
from app.http.identity import is_https
from app.http.middleware import AllowedMethods, RequestContextMiddleware, find_route_patterns
from app.http.parts import Parts
from app.http.problems import problem_of
from app.http.tus import TusMiddleware
from app.memory import give_back_memory
from app.services import captures
from app.services.whole_uploads import PartsFinisher, finish_whole_files
from app.storage.blobs import StorageFullError
from app.web.errors import answer_as_page
from app.web.pages import add_pages

_log = structlog.get_logger(__name__)

THREADS = 40
"""Plain `def` routes run at the same time; more only wait for the database."""
SWEEP_S = 60.0
"""How often half uploaded files nobody waits for are looked for."""


def create_app(container: Parts, *, on_close: Callable[[], None] | None = None) -> FastAPI:
    """Return the application; `on_close` is called when it shuts down."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        _log.info("api_started", version=version("plumbline"))
        sweeping = asyncio.create_task(_sweep_partial_files(container))
        yield
        sweeping.cancel()
        if on_close is not None:
            on_close()

    app = FastAPI(
        title="Plumbline",
        version=version("plumbline"),
        lifespan=lifespan,
        # the bundled viewers load scripts from elsewhere; the description itself is a route with an access rule
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            DomainError: _answer,
            StorageFullError: _answer,
            RequestValidationError: _answer,
            HTTPException: _answer,
            AnsweredBeforeError: _answer_again,
        },
    )
    app.state.parts = container
    app.state.open_streams = OpenStreams()
    app.add_middleware(TusMiddleware)
    app.add_middleware(RequestContextMiddleware, render_error=_answer, https=is_https(container.settings))
    for router in ROUTERS:
        app.include_router(router)
    add_pages(app)
    app.state.route_patterns = find_route_patterns(app)
    app.state.allowed_methods = AllowedMethods(app)
    return app


async def _sweep_partial_files(parts: Parts) -> None:
    """Finish files that are here whole, or in the store in parts, and remove those here that nobody waits for.

    What requests have freed goes back to the system in the same breath.
    """
    finisher = PartsFinisher(
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        staging=parts.staging.directory,
        prober=parts.prober,
    )
    while True:
        try:
            n_finished = await run_in_threadpool(finisher.run) + await run_in_threadpool(
                finish_whole_files,
                uow_factory=parts.uow_factory,
                blobs=parts.blobs,
                partials=parts.partials,
                staging=parts.staging.directory,
                prober=parts.prober,
            )
            n_removed = await run_in_threadpool(
                captures.sweep_partial_files, uow_factory=parts.uow_factory, partials=parts.partials
            )
        except Exception:  # noqa: BLE001  # a database that is away just now must not end the sweeping
            _log.exception("partial_files_not_swept")
        else:
            if n_removed or n_finished:
                _log.info("swept_partial_files", n_removed=n_removed, n_finished=n_finished)
        give_back_memory()
        await asyncio.sleep(SWEEP_S)


async def _answer_again(_request: Request, error: Exception) -> Response:
    """Answer a repeated request as it was answered the first time."""
    return repeat_answer(cast("AnsweredBeforeError", error).answer)


async def _answer(request: Request, error: Exception) -> Response:
    """Answer an error as REST does below ``/api``, and with a page elsewhere."""
    allowed = request.app.state.allowed_methods.of(request.scope["path"])
    if (
        isinstance(error, HTTPException | RequestValidationError)
        and allowed
        and request.method not in allowed
    ):
        error = HTTPException(
            status.HTTP_405_METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(allowed))}
        )
    if not request.url.path.startswith(("/api/", "/oauth/", "/healthz", "/readyz")):
        return answer_as_page(request, error)
    return render_problem(problem_of(error), request_id=request.state.request_id, instance=request.url.path)
