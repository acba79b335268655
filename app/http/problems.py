"""The one table from error code to HTTP status. REST renders a problem as JSON, the pages as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.db.engine import is_database_away
from app.domain.errors import DomainError, UnreadableVideoError
from app.storage.blobs import StorageFullError

STATUS_BY_CODE: Mapping[str, int] = {
    "not_found": HTTPStatus.NOT_FOUND,
    "invalid_credentials": HTTPStatus.UNAUTHORIZED,
    "not_signed_in": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "csrf_failed": HTTPStatus.FORBIDDEN,
    "confirmation_needed": HTTPStatus.FORBIDDEN,
    "second_factor_needed": HTTPStatus.FORBIDDEN,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    "invalid_input": HTTPStatus.UNPROCESSABLE_ENTITY,
    "malformed_request": HTTPStatus.BAD_REQUEST,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "upload_stalled": HTTPStatus.REQUEST_TIMEOUT,
    "upload_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unreadable_video": HTTPStatus.UNPROCESSABLE_ENTITY,
    "idempotency_key_reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "quota_exceeded": HTTPStatus.FORBIDDEN,
    "request_in_flight": HTTPStatus.CONFLICT,
    "storage_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "stale_state": HTTPStatus.CONFLICT,
    "precondition_failed": HTTPStatus.PRECONDITION_FAILED,
    "upload_gone": HTTPStatus.GONE,
    "upload_locked": HTTPStatus.LOCKED,
    "upload_overflow": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "offset_mismatch": HTTPStatus.CONFLICT,
    "checksum_mismatch": 460,  # of the tus protocol, which HTTP does not know
    "unsupported_tus_version": HTTPStatus.PRECONDITION_FAILED,
}

_TITLES: Mapping[str, str] = {
    "not_found": "Not found",
    "invalid_credentials": "Wrong credentials",
    "not_signed_in": "Not signed in",
    "forbidden": "Not allowed",
    "csrf_failed": "Not sent from our own page",
    "confirmation_needed": "Prove again who you are",
    "second_factor_needed": "A second factor is needed",
    "too_many_requests": "Too many requests",
    "invalid_input": "Something in the request needs correcting",
    "malformed_request": "The request is damaged",
    "unsupported_media_type": "Wrong type of content",
    "upload_stalled": "The upload stopped",
    "upload_too_large": "The video is too large",
    "unreadable_video": "The video cannot be used",
    "idempotency_key_reused": "Idempotency-Key used before",
    "quota_exceeded": "As much as your organisation may have",
    "request_in_flight": "Still at work",
    "storage_full": "No room for the video",
    "stale_state": "Somebody else changed it first",
    "precondition_failed": "Changed since you read it",
    "upload_gone": "Not waited for any more",
    "upload_locked": "Being sent already",
    "upload_overflow": "More than was announced",
    "offset_mismatch": "Not where the file ends",
    "checksum_mismatch": "Damaged on its way",
    "unsupported_tus_version": "Another version of tus",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as a user may see it."""

    status: int
    code: str
    title: str
    message: str
    how_to_fix: str = ""
    errors: tuple[Mapping[str, str], ...] = ()
    """Field by field, when several values are wrong."""
    headers: Mapping[str, str] = field(default_factory=dict)


MORE: Mapping[int, tuple[str, str, str]] = {
    400: (
        "malformed_request",
        "The request is not what was expected here.",
        "Check it against /api/v1/openapi.json.",
    ),
    404: ("not_found", "There is nothing at this address.", "Check the address."),
    405: (
        "method_not_allowed",
        "This address does not take that method.",
        "The Allow header lists those it takes.",
    ),
    413: ("request_too_large", "The request is larger than allowed here.", "Send less at a time."),
    415: ("unsupported_media_type", "This type of content is not taken here.", "Send application/json."),
    416: ("range_not_satisfiable", "The range lies outside the file.", "Ask for bytes within its length."),
}


def problem_of(error: Exception) -> Problem:
    """Return what a user may know about any error; nothing of an unexpected one."""
    match error:
        case UnreadableVideoError():
            reason = str(error.context.get("reason") or error.code)
            return _domain_problem(error, shown_code=reason)
        case DomainError():
            return _domain_problem(error, shown_code=error.code)
        case StorageFullError():
            return storage_full()
        case RequestValidationError():
            return _validation_problem(error.errors())
        case HTTPException():
            return _http_problem(error)
        case _:
            return UNAVAILABLE if is_database_away(error) else UNEXPECTED


def storage_full() -> Problem:
    """Return the answer when no room is left."""
    return Problem(
        status=HTTPStatus.INSUFFICIENT_STORAGE,
        code="storage_full",
        title=_TITLES["storage_full"],
        message="There is no room left for another video; nothing of yours was kept.",
        how_to_fix="Try again later, or ask whoever runs this service to free some space.",
    )


UNEXPECTED = Problem(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    code="unexpected_error",
    title="Something went wrong on our side",
    message="Something went wrong on our side.",
    how_to_fix="Try again. If it happens again, report it with the request_id.",
)

UNAVAILABLE = Problem(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="unavailable",
    title="Away for a moment",
    message="The service cannot reach its database just now.",
    how_to_fix="Send the same request again in a moment, with the same Idempotency-Key if it had one.",
    headers={"Retry-After": "5"},
)


def _domain_problem(error: DomainError, *, shown_code: str) -> Problem:
    status = STATUS_BY_CODE[error.code]
    headers: dict[str, str] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="plumbline"'
    if status == HTTPStatus.TOO_MANY_REQUESTS or "retry_after_s" in error.context:
        headers["Retry-After"] = str(error.context.get("retry_after_s", 60))
    wrong = error.context.get("field")
    return Problem(
        status=status,
        code=shown_code,
        title=_TITLES[error.code],
        message=error.message,
        how_to_fix=error.how_to_fix,
        errors=({"field": str(wrong), "message": error.message},) if wrong else (),
        headers=headers,
    )


def _http_problem(error: HTTPException) -> Problem:
    code, message, how_to_fix = MORE.get(
        error.status_code, ("http_error", "The request cannot be answered.", "Check the request.")
    )
    return Problem(
        status=error.status_code,
        code=code,
        title=HTTPStatus(error.status_code).phrase,
        message=message,
        how_to_fix=how_to_fix,
        headers=dict(error.headers or {}),
    )


_PLACES = {"body", "query", "path", "header"}


def _validation_problem(errors: Sequence[Any]) -> Problem:
    """Return the framework's findings as plain sentences; an address with a bad id is simply not found."""
    if any(error["loc"][:1] == ("path",) for error in errors):
        return _http_problem(HTTPException(HTTPStatus.NOT_FOUND))
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem(
            status=HTTPStatus.BAD_REQUEST,
            code="malformed_request",
            title=_TITLES["malformed_request"],
            message="The body of the request is not valid JSON.",
            how_to_fix="Check the quotes, commas and braces of the body.",
        )
    fields = tuple(_plain_error(error) for error in errors)
    names = ", ".join(dict.fromkeys(item["field"] for item in fields))
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="invalid_input",
        title=_TITLES["invalid_input"],
        message=f"Please check: {names}.",
        how_to_fix="Correct the fields listed in errors and send it again.",
        errors=fields,
    )


def _plain_error(error: Mapping[str, Any]) -> dict[str, str]:
    location = [str(part) for part in error["loc"]]
    if len(location) > 1 and location[0] in _PLACES:
        location = location[1:]
    return {"field": ".".join(location) or "body", "message": _sentence(error)}


_SENTENCES: Mapping[str, str] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field.",
    "uuid_parsing": "This is not an id.",
    "bool_parsing": "Say true or false.",
    "timezone_aware": "Give the time with its zone, for example 2026-03-14T16:05:00+01:00.",
}


def _sentence(error: Mapping[str, Any]) -> str:
    """Return pydantic's message as a sentence; it names limits and choices, never the value that was sent."""
    text = _SENTENCES.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    return text if text.endswith((".", "!", "?")) else f"{text}."
