"""All pages as one router, and their static files."""

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from app.web.render import STATIC, STATIC_URL
from app.web.routes import (
    athletes,
    consent,
    doors,
    exports,
    inbox,
    organisations,
    own,
    passkeys,
    provider_sign_in,
    recordings,
    roster_imports,
    screening_days,
    second_step,
    settings_keys,
    settings_members,
    settings_privacy,
    settings_second_factor,
    settings_security,
    settings_sign_in,
    settings_webhooks,
    sign_in,
    stations,
    teams,
    uploads,
)

_YEAR_S = 365 * 24 * 3600


class VersionedFiles(StaticFiles):
    """Static files whose address carries their content, so that a browser may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Send a file; one asked for without its version is checked again each time."""
        response = await super().get_response(path, scope)
        is_versioned = scope.get("query_string", b"").startswith(b"v=")
        response.headers["Cache-Control"] = (
            f"public, max-age={_YEAR_S}, immutable" if is_versioned else "no-cache"
        )
        return response


def add_pages(app: FastAPI) -> None:
    """Hang the pages and their static files on the application."""
    router = APIRouter(include_in_schema=False)
    for part in (
        sign_in.router,
        second_step.router,
        provider_sign_in.router,
        passkeys.visitors,
        passkeys.members,
        doors.router,
        organisations.router,
        own.router,
        teams.start,
        teams.router,
        athletes.router,
        uploads.router,
        recordings.router,
        consent.router,
        roster_imports.router,
        exports.router,
        roster_imports.links,
        screening_days.router,
        inbox.router,
        stations.doors,
        stations.router,
        settings_security.router,
        settings_second_factor.router,
        settings_sign_in.router,
        settings_privacy.router,
        settings_members.router,
        settings_keys.router,
        settings_webhooks.router,
    ):
        router.include_router(part)
    app.include_router(router)
    app.mount(STATIC_URL, VersionedFiles(directory=STATIC), name="static")
