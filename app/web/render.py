"""Templates to HTML responses."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web.contexts.parts import Page

TEMPLATES: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"
STATIC_URL: Final = "/static"


@cache
def static_url(path: str) -> str:
    """Return the address of a static file with its content in it, so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"{STATIC_URL}/{path}?v={digest}"


@cache
def environment() -> Environment:
    """Build the template environment once: undefined names fail, everything is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static_url"] = static_url
    return made


def page_variables(page: Page) -> dict[str, object]:
    """Return the fields of a page context as template variables."""
    return {field.name: getattr(page, field.name) for field in fields(page)}


def render_html(page: Page, *, template: str | None = None) -> str:
    """Render a page, or with `template` one fragment of it."""
    return environment().get_template(template or page.template).render(page_variables(page))


def page_response(
    page: Page, *, status: int = 200, template: str | None = None, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """Return a page as a response; the headers that protect it are added to every response alike."""
    return HTMLResponse(render_html(page, template=template), status_code=status, headers=dict(headers or {}))
