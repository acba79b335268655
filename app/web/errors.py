"""Errors as pages: the same table as REST, in words and in the look of every page."""

from urllib.parse import urlencode

from fastapi import Request, Response, status
from fastapi.responses import JSONResponse, RedirectResponse

from app.domain.access import Principal
from app.domain.errors import ConfirmationNeededError, NotSignedInError, SecondFactorNeededError
from app.http.parts import parts_of
from app.http.problems import problem_of
from app.services.door_links import STATION_PATH
from app.web.contexts.parts import Problem
from app.web.deps import viewer_of
from app.web.forms import form_token
from app.web.paths import came_from
from app.web.present_forms import present_error
from app.web.render import page_response


def answer_as_page(request: Request, error: Exception) -> Response:
    """Return an error as a page; whoever is not signed in is sent to the sign-in and back."""
    if isinstance(error, NotSignedInError):
        if request.url.path.startswith(f"{STATION_PATH}/"):
            return _send_to_the_door(request, error)
        return _send_to_sign_in(request)
    if isinstance(error, SecondFactorNeededError):
        return _send_to(request, "/settings/security")
    if isinstance(error, ConfirmationNeededError):
        return _send_to(request, f"/confirm?{urlencode({'next': came_from(request)})}")
    problem = problem_of(error)
    principal: Principal | None = getattr(request.state, "principal", None)
    page = present_error(
        status=problem.status,
        problem=None
        if problem.status in _OWN_WORDS
        else Problem(message=problem.message, how_to_fix=problem.how_to_fix),
        viewer=viewer_of(principal) if principal else None,
        csrf_token=form_token(request, parts_of(request).settings),
        request_id=request.state.request_id,
    )
    headers = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    return page_response(page, status=problem.status, headers=headers)


_OWN_WORDS = frozenset({404, 405, 500})
"""Where the page's own words fit a reader better than those written for a program."""


def _send_to(request: Request, target: str) -> Response:
    if request.headers.get("hx-request") == "true":
        return Response(status_code=status.HTTP_200_OK, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=status.HTTP_303_SEE_OTHER)


def _send_to_the_door(request: Request, error: NotSignedInError) -> Response:
    """Send a phone that is at no station any more to where it can come in; tell its script in words."""
    if request.headers.get("accept") == "application/json":
        told = {"code": error.code, "message": error.message, "how_to_fix": error.how_to_fix}
        return JSONResponse(told, status_code=status.HTTP_401_UNAUTHORIZED)
    return RedirectResponse(STATION_PATH, status_code=status.HTTP_303_SEE_OTHER)


def _send_to_sign_in(request: Request) -> Response:
    here = request.url.path if request.method == "GET" else "/"
    if request.method == "GET" and request.url.query:
        here = f"{here}?{request.url.query}"
    target = "/sign-in" if here == "/" else f"/sign-in?{urlencode({'next': here})}"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=status.HTTP_200_OK, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse(target, status_code=status.HTTP_303_SEE_OTHER)
