"""Nothing that is posted to a page is obeyed unless a page made for this browser posted it."""

import re
from uuid import UUID

import httpx

from app.main import create_app
from tests.api.test_routes import api_routes
from tests.web.conftest import WebParts

READ_BY_THE_ROUTE = {"/recordings", "/roster-imports"}
"""Forms with a file, whose fields come before it: an empty one is refused for what it lacks."""


def test_form_when_it_lacks_the_token_then_refused_by_every_page(
    browser: httpx.Client, parts: WebParts
) -> None:
    paths = {
        context.path
        for context in api_routes(create_app(parts))
        if "POST" in (context.methods or ()) and not str(context.path).startswith(("/api/", "/oauth/"))
    }
    fields = {"intent": "save", "organisation_id": str(UUID(int=1))}
    answers = {
        path: browser.post(re.sub(r"{\w+}", str(UUID(int=1)), path), data=fields)
        for path in sorted(filter(None, paths))
    }
    obeyed = {path for path, answer in answers.items() if answer.status_code != 403}
    # a phone without a pass is sent to the door before anything else
    at_the_door = {path for path in obeyed if answers[path].headers.get("Location") == "/station"}
    assert obeyed - at_the_door == READ_BY_THE_ROUTE
    assert len(answers) > 60
