"""`POST /oauth/token`: OAuth2 client credentials, in the words of RFC 6749."""

import base64
import binascii
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api.deps import PartsDep
from app.api.responses import problems
from app.domain.errors import InvalidCredentialsError, InvalidInputError
from app.http.access import anybody
from app.http.identity import client_address
from app.http.rate_limits import BAD_KEY_BY_ADDRESS
from app.http.small_bodies import SmallBodyRoute
from app.services import oauth

router = APIRouter(tags=["oauth"], route_class=SmallBodyRoute)

NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
MAX_SECRET_CHARS = 512


class TokenOutput(BaseModel):
    """An access token; send it as `Authorization: Bearer …`."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # the type's name
    expires_in: int = Field(description="Seconds.")
    scope: str = Field(description="What it may do, separated by spaces.")


class TokenProblem(BaseModel):
    """What is wrong, as RFC 6749 has it."""

    error: str
    error_description: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": TokenProblem,
        "description": "`invalid_request`, `unsupported_grant_type` or `invalid_scope`.",
    },
    401: {"model": TokenProblem, "description": "`invalid_client`."},
}


@router.post(
    "/oauth/token",
    operation_id="issue_token",
    summary="Get an access token",
    dependencies=[Depends(anybody)],
    response_model=TokenOutput,
    responses={
        **{status: shown for status, shown in problems(413, 422).items() if status != 403},
        **_PROBLEMS,
    },
)
def issue_token(
    request: Request,
    parts: PartsDep,
    grant_type: Annotated[str, Form(max_length=100)] = "",
    scope: Annotated[str, Form(max_length=1000)] = "",
    client_id: Annotated[str, Form(max_length=MAX_SECRET_CHARS)] = "",
    client_secret: Annotated[str, Form(max_length=MAX_SECRET_CHARS)] = "",
) -> JSONResponse:
    """Exchange an API key for a token that lasts half an hour.

    The client id is the key's visible beginning (`pl_live_…`, 24 characters), the secret what follows the next `_`.
    Send both by HTTP Basic or in the form. Revoking the key ends its tokens at once.
    """
    address = client_address(request)
    parts.rate_limiter.check(BAD_KEY_BY_ADDRESS, address)
    header = request.headers.get("authorization")
    if grant_type != "client_credentials":
        known = "unsupported_grant_type" if grant_type else "invalid_request"
        return _refuse(400, known, "grant_type must be client_credentials.")
    if header is not None:
        if client_id or client_secret:
            return _refuse(400, "invalid_request", "Send the client by one way only.")
        client_id, client_secret = _read_basic(header)
    try:
        with parts.uow_factory(None) as uow:
            made = oauth.issue_token(
                uow=uow, client_id=client_id, client_secret=client_secret, scope=scope or None
            )
    except InvalidCredentialsError:
        parts.rate_limiter.hit(BAD_KEY_BY_ADDRESS, address)
        refused = _refuse(401, "invalid_client", "The client is unknown, revoked or past its end.")
        refused.headers["WWW-Authenticate"] = 'Basic realm="plumbline"'
        return refused
    except InvalidInputError as error:
        return _refuse(400, "invalid_scope", error.message)
    shown = TokenOutput(
        access_token=made.token, expires_in=made.expires_in_s, scope=" ".join(sorted(made.scopes))
    )
    return JSONResponse(shown.model_dump(), headers=NEVER_KEPT)


def _read_basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _refuse(status: int, error: str, description: str) -> JSONResponse:
    shown = TokenProblem(error=error, error_description=description)
    return JSONResponse(shown.model_dump(), status_code=status, headers=NEVER_KEPT)
